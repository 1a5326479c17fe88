"""What is made and changed quickly is what `dataclasses` makes of it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.cases.state import Case
from tocsin.kernel.changing import changed, quick
from tocsin.kernel.shared import AlarmId, AssetId, CaseId

NOW = datetime(2026, 3, 2, tzinfo=UTC)
VALUES = (
    Alarm(AlarmId("a")),
    Alarm(AlarmId("b"), occurrences=4, opened_at=NOW),
    Asset(AssetId("s")),
    Case(CaseId("c")),
)


@given(st.sampled_from(VALUES), st.data())
def test_it_is_what_replace_makes(value: Alarm | Asset | Case, data: st.DataObject) -> None:
    names = st.sampled_from([each.name for each in fields(value)])
    changes = data.draw(st.dictionaries(names, st.integers(), max_size=4))
    before = repr(value)
    made = changed(value, **changes)
    assert made == replace(value, **changes) and type(made) is type(value)
    assert repr(value) == before and made is not value


@pytest.mark.parametrize("value", VALUES, ids=lambda each: type(each).__name__)
def test_a_field_that_is_none_is_refused(value: Alarm | Asset | Case) -> None:
    with pytest.raises(TypeError):
        changed(value, nothing=1)


def test_what_has_more_to_do_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Checked:
        one: int
        two: int

        def __post_init__(self) -> None: ...

    with pytest.raises(AssertionError):
        changed(Checked(1, 2), one=2)


@dataclass(frozen=True, slots=True)
class Plain:
    one: int
    two: str = "two"
    many: list[int] = field(default_factory=list[int])


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    one: int
    two: str = "two"
    many: list[int] = field(default_factory=list[int])


@given(st.integers(), st.text(), st.lists(st.integers()))
def test_a_quick_value_is_like_any_other(one: int, two: str, many: list[int]) -> None:
    for given_, named in (((one,), {}), ((one, two), {"many": many}), ((), {"one": one})):
        plain, quickly = Plain(*given_, **named), Quick(*given_, **named)
        assert repr(quickly) == repr(plain).replace("Plain", "Quick")
        assert quickly == replace(quickly) == changed(quickly)
    assert Quick(one).many is not Quick(one).many
    with pytest.raises(FrozenInstanceError):
        Quick(one).one = 2  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        Quick()  # pyright: ignore[reportCallIssue]


def test_only_plain_values_with_slots_are_quick() -> None:
    with pytest.raises(TypeError, match="no plain value"):
        quick(Case)
