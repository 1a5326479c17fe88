"""Duplicates are found by place, time, type and words; never by who reported."""

from __future__ import annotations

import inspect
import random
from dataclasses import fields, replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernel.towns import MONDAY
from tocsin.kernel.cases import likeness as module
from tocsin.kernel.cases.likeness import (
    FAR_M,
    LONG_S,
    WEIGHTS,
    WORDS_LIMIT,
    Traits,
    likeness,
    rank,
    words_of,
)
from tocsin.kernel.cases.state import Report
from tocsin.kernel.shared import CaseId, Place


def traits(name: str = "a", metres_north: float = 0, **changes: object) -> Traits:
    base = Traits(
        CaseId(name),
        Place(24.94, 60.17 + metres_north / 111_195),
        MONDAY,
        "street_light",
        "lighting",
        words_of("The street light by the church has been dark since Sunday"),
        True,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_the_same_matter_is_alike_and_says_why() -> None:
    near = traits("b", 30, at=MONDAY + timedelta(hours=3), words=words_of("church light is dark"))
    found = likeness(traits(), near)
    assert found.case_id == "b"
    assert found.likeness > 0.9
    assert [reason.part for reason in found.reasons] == ["distance", "type", "words", "time"]
    assert round(found.reasons[0].measure) == 30
    assert found.reasons[2].measure == 3


def test_far_or_long_ago_is_no_candidate() -> None:
    assert likeness(traits(), traits("b", FAR_M + 1)).likeness == 0
    late = traits("b", at=MONDAY + timedelta(seconds=LONG_S))
    assert likeness(traits(), late).likeness == 0
    urgent = traits(is_urgent=True)
    later = traits("b", is_urgent=True, at=MONDAY + timedelta(hours=3))
    assert likeness(urgent, later).likeness == 0
    assert likeness(urgent, replace(later, is_urgent=False)).likeness > 0.9


def test_type_and_family_count() -> None:
    same = likeness(traits(), traits("b")).likeness
    family = likeness(traits(), traits("b", case_type="traffic_light")).likeness
    other = likeness(traits(), traits("b", case_type="noise", group="noise")).likeness
    assert same > family > other


def test_words_of_latin_and_chinese() -> None:
    assert words_of("The LAMP, the lamp: is 42 m off!") == {"the", "lamp", "off", "42"}
    assert words_of("路灯不亮") == {"路灯", "灯不", "不亮"}
    assert words_of("灯 broken") == {"灯", "broken"}
    assert words_of("") == frozenset()
    many = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(600))
    assert len(words_of(many)) == WORDS_LIMIT
    a = traits(words=words_of("教堂旁边的路灯不亮了"))
    b = traits("b", words=words_of("路灯不亮"))
    assert next(r for r in likeness(a, b).reasons if r.part == "words").score == 1.0


def test_the_signature_cannot_receive_a_reporter() -> None:
    """Nothing of a report or a contact can come in, and no free text either."""
    names = {field.name for field in fields(Traits)}
    assert names == {
        "case_id",
        "place",
        "at",
        "case_type",
        "group",
        "words",
        "is_open",
        "is_urgent",
    }
    personal = {field.name for field in fields(Report)} - {"at"}
    assert not names & personal
    assert list(inspect.signature(likeness).parameters) == ["a", "b"]
    assert "Report" not in vars(module) and "Actor" not in vars(module)


def test_weights_add_up_to_one() -> None:
    assert abs(sum(WEIGHTS.values()) - 1) < 1e-9


TRAITS = st.builds(
    lambda n, m, h, t, w, o: traits(
        f"c{n}",
        m,
        at=MONDAY + timedelta(hours=h),
        case_type=t,
        words=frozenset(w),
        is_open=o,
    ),
    st.integers(0, 10**6),
    st.floats(0, 400),
    st.integers(0, 400),
    st.sampled_from(("street_light", "traffic_light", "noise")),
    st.lists(st.sampled_from(("lamp", "dark", "loud", "church")), max_size=4),
    st.booleans(),
)


@settings(deadline=None, max_examples=100, derandomize=True)
@given(TRAITS, st.lists(TRAITS, max_size=20, unique_by=lambda t: t.case_id), st.integers(0, 9))
def test_rank_does_not_depend_on_the_order(a: Traits, others: list[Traits], seed: int) -> None:
    shuffled = list(others)
    random.Random(seed).shuffle(shuffled)
    ranked = rank(a, others, 5)
    assert rank(a, shuffled, 5) == ranked
    assert len(ranked) <= 5
    assert all(0 < c.likeness <= 1 and c.case_id != a.case_id for c in ranked)
    open_ids = {t.case_id for t in others if t.is_open}
    assert {c.case_id for c in ranked} <= open_ids
    assert [c.likeness for c in ranked] == sorted((c.likeness for c in ranked), reverse=True)


@settings(deadline=None, max_examples=100, derandomize=True)
@given(TRAITS, TRAITS)
def test_likeness_is_mutual_and_greatest_with_itself(a: Traits, b: Traits) -> None:
    assert likeness(a, b).likeness == likeness(b, a).likeness
    itself = likeness(a, a).likeness
    assert itself >= likeness(a, b).likeness or not a.words
