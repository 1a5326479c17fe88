"""A changed copy is what `dataclasses.replace` makes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.cases.state import Case
from tocsin.kernel.changing import changed
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
