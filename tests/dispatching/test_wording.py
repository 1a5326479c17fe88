"""Reasons, shortfalls and repairs in words a dispatcher reads at a glance."""

import re

from hypothesis import given
from inline_snapshot import snapshot as words

from tests.dispatching.towns import INF, engine, fire, patient, problems, snapshot
from tocsin.dispatching.policies.closest import closest
from tocsin.dispatching.policies.coverage import coverage
from tocsin.dispatching.problem import LevelNeeds, Need, Problem
from tocsin.dispatching.wording import (
    candidate_words,
    clock,
    reason_words,
    repair_words,
    shortfall_words,
    span,
)


def test_times_are_short() -> None:
    assert [clock(s) for s in (0.4, 190.0, 3599.6, 3725.0)] == [
        "0:00",
        "3:10",
        "1:00:00",
        "1:02:05",
    ]
    assert [span(s, "en") for s in (14.2, 59.6, 3725.0)] == ["14 s", "1:00", "1:02:05"]
    assert span(14.2, "zh-CN") == "14 秒"


DOUBTFUL = snapshot(
    [
        engine("E1"),
        engine("E2", position_age_s=1200.0),
        engine("E3", position_age_s=None),
        engine("E4"),
    ],
    [fire("a", waited_s=100.0), fire("b", priority=3)],
    [[200.0, 80.0], [60.0, 70.0], [50.0, 500.0], [INF, INF]],
    fallback_times_s=[[0.0, 0.0]] * 3 + [[40.0, 40.0]],
)


def lines(language: str) -> str:
    said = [
        f"{advice.call}: {candidate_words(each, language)}"
        for advice in closest(DOUBTFUL).advice
        for each in advice.ranked
    ]
    return "\n".join(said) + "\n"


def test_a_list_in_english() -> None:
    assert lines("en") == words("""\
a: E1 3:20, late by 1:00; the fastest; E3 is 2:30 faster but its position is not known
a: E2 1:00, in time; goes to case b; its position is 20:00 old
a: E3 0:50, in time; its position is not known
a: E4 has no way by the open roads, 0:40 if one is opened
b: E1 1:20, in time; the fastest; goes to case a
b: E2 1:10, in time; its position is 20:00 old
b: E3 8:20, late by 4:20; its position is not known
b: E4 has no way by the open roads, 0:40 if one is opened
""")


def test_a_list_in_chinese() -> None:
    assert lines("zh-CN") == words("""\
a: E1 3:20，晚 1:00；最快；E3 快 2:30，但位置不明
a: E2 1:00，可按时到达；派往案件 b；位置为 20:00 前的数据
a: E3 0:50，可按时到达；位置不明
a: E4 现有通行道路无法到达，若开通需 0:40
b: E1 1:20，可按时到达；最快；派往案件 a
b: E2 1:10，可按时到达；位置为 20:00 前的数据
b: E3 8:20，晚 4:20；位置不明
b: E4 现有通行道路无法到达，若开通需 0:40
""")


def test_a_shortfall_says_what_mends_it() -> None:
    call = fire(needs=(Need("engine", 2),), level=2,
                lower_levels=(LevelNeeds(1, (Need("engine"),)),))  # fmt: skip
    (advice,) = closest(snapshot([engine("E1")], [call], [[60.0]])).advice
    (short,) = advice.shortfalls
    assert shortfall_words(short, "en") == (
        "1 short: all that are free go; start at level 1, which can be met"
    )
    assert shortfall_words(short, "zh-CN") == "缺 1：空闲力量已全部派出；先按 1 级处置，力量足够"


@patient
@given(problems())
def test_no_slot_stays_empty_in_any_language(problem: Problem) -> None:
    for answer in (closest(problem), coverage(problem)):
        for advice in answer.advice:
            for language in ("en", "zh-CN"):
                said = [
                    *(reason_words(r, language) for each in advice.ranked for r in each.reasons),
                    *(repair_words(r, language) for s in advice.shortfalls for r in s.repairs),
                    *(shortfall_words(each, language) for each in advice.shortfalls),
                ]
                for text in said:
                    assert text
                    assert not re.search(r"[{}–]|[a-z]_[a-z]", text), text
