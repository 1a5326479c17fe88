"""Matchers match what they say, and an unreachable rule is called so only when it is."""

from itertools import product

import pytest

from tocsin.kernel.shared import AreaId, AreaPath
from tocsin.packs.conditions import Condition, Moment, describe, leaves, read_condition
from tocsin.packs.reading import Finding, Reader
from tocsin.packs.shadows import implies

A = AreaPath(AreaId("county"), AreaId("a"), AreaId("a1"), AreaId("a11"))
B = AreaPath(AreaId("county"), AreaId("b"), AreaId("b1"), AreaId("b11"))


def condition(**table: object) -> Condition:
    findings: list[Finding] = []
    found = read_condition(Reader(table, "", findings))
    assert findings == []
    return found


def moment(
    minute: int = 600, weekday: int = 0, workday: bool = True, areas: AreaPath = A, **answers: str
) -> Moment:
    return Moment(areas, minute, weekday, workday, {k: (v,) for k, v in answers.items()})


@pytest.mark.parametrize(
    ("table", "yes", "no"),
    [
        ({"area": "a"}, moment(), moment(areas=B)),
        ({"area": ["a11", "b"]}, moment(areas=B), moment(areas=A._replace(cell=AreaId("x")))),
        ({"tier": "town", "one_of": ["b"]}, moment(areas=B), moment()),
        ({"tier": "cell", "equals": "a11"}, moment(), moment(areas=B)),
        ({"hours": "22:00-06:00"}, moment(22 * 60), moment(6 * 60)),
        ({"hours": "22:00-06:00"}, moment(0), moment(21 * 60 + 59)),
        ({"hours": ["08:00-12:00", "14:00-18:00"]}, moment(8 * 60), moment(13 * 60)),
        ({"hours": "00:00-24:00"}, moment(1439), moment(1440)),
        ({"weekday": ["sat", "sun"]}, moment(weekday=6), moment(weekday=4)),
        ({"workday": False}, moment(workday=False), moment()),
        ({"answer": "size", "equals": "big"}, moment(size="big"), moment(size="small")),
        ({"answer": "size", "one_of": ["a", "b"]}, moment(size="b"), moment()),
        ({"answer": "n", "range": [10, 20]}, moment(n="20"), moment(n="20.5")),
        ({"answer": "n", "range": [10, 20]}, moment(n="10"), moment(n="many")),
        ({"answer": "n", "range": [10, 20]}, moment(n="1e1"), moment(n="nan")),
        ({"not": {"area": "a"}}, moment(areas=B), moment()),
        ({"any": [{"area": "b"}, {"workday": True}]}, moment(), moment(workday=False)),
        ({"all": [{"area": "a"}, {"workday": True}]}, moment(), moment(workday=False)),
        ({"area": "a", "workday": True}, moment(), moment(workday=False)),
    ],
)
def test_a_matcher_matches_what_it_says(table: dict[str, object], yes: Moment, no: Moment) -> None:
    found = condition(**table)
    assert found.failure(yes) is None
    failed = found.failure(no)
    assert failed is not None
    assert failed.wanted
    assert describe(found)


def test_a_failure_never_repeats_an_answer() -> None:
    failed = condition(answer="size", equals="big").failure(moment(size="my secret"))
    assert failed is not None
    assert "secret" not in failed.met + failed.wanted


TABLES: list[dict[str, object]] = [
    {"area": "a"},
    {"area": ["a", "b"]},
    {"tier": "town", "one_of": ["a"]},
    {"tier": "town", "one_of": ["a", "b"]},
    {"hours": "22:00-06:00"},
    {"hours": "20:00-08:00"},
    {"hours": ["00:00-12:00", "12:00-24:00"]},
    {"weekday": ["sat"]},
    {"weekday": ["sat", "sun"]},
    {"weekday": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]},
    {"workday": True},
    {"workday": False},
    {"answer": "n", "range": [1, 5]},
    {"answer": "n", "range": [0, 9]},
    {"answer": "n", "equals": "3"},
    {"area": "a", "workday": True},
    {"any": [{"area": "a"}, {"workday": True}]},
    {"any": [{"area": "a"}, {"area": "b"}]},
    {"not": {"area": "a"}},
    {"not": {"area": ["a", "b"]}},
    {"all": [{"hours": "22:00-06:00"}, {"weekday": ["sat"]}]},
    {"not": {"any": [{"area": "a"}, {"workday": True}]}},
]


def test_shadowing_is_sound_against_all_moments() -> None:
    """Where `implies` says yes, no moment may contradict it (brute force over the classes)."""
    moments = [
        moment(minute, day, workday, areas, **answers)
        for minute, day, workday, areas, answers in product(
            (0, 359, 360, 480, 720, 1199, 1200, 1320, 1439),
            (0, 5, 6),
            (True, False),
            (A, B, A._replace(town=AreaId("c"))),
            ({}, {"n": "3"}, {"n": "7"}),
        )
    ]
    conditions = [condition(**table) for table in TABLES]
    said = 0
    for narrow, wide in product(conditions, conditions):
        if not implies(narrow, wide):
            continue
        said += 1
        for seen in moments:
            assert narrow.failure(seen) is not None or wide.failure(seen) is None
    assert said > len(conditions) + 10  # more than "everything implies itself"


def test_shadowing_sees_the_plain_cases() -> None:
    assert implies(condition(hours="22:00-06:00"), condition(hours="20:00-08:00"))
    assert not implies(condition(hours="20:00-08:00"), condition(hours="22:00-06:00"))
    assert implies(condition(area="a", workday=True), condition(area=["a", "b"]))
    assert implies(None, condition(hours=["00:00-12:00", "12:00-24:00"]))
    assert not implies(None, condition(area="a"))


def test_leaves_are_found_at_any_depth() -> None:
    found = condition(any=[{"not": {"area": "a"}}, {"all": [{"workday": True}]}])
    assert len(list(leaves(found))) == 2
