"""The measures say what their formulas say, and stories are the same however they are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.town import Town
from tocsin.analytics.measures import MEASURES, percentile, read, read_all, stage_times
from tocsin.analytics.story import Story, tell
from tocsin.kernel.cases.evolve import fold
from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import Event
from tocsin.kernel.shared import AreaId, AreaPath, CaseId, Refused

AT = datetime(2026, 11, 1, 8, tzinfo=UTC)
AREAS = AreaPath(AreaId("c"), AreaId("t"), AreaId("v"), AreaId("x"))


def story(number: int, **changes: object) -> Story:
    opened_at = AT + timedelta(minutes=number)
    base = Story(CaseId(f"case-{number}"), opened_at, "light", "routine", AREAS)
    return replace(base, **changes)  # pyright: ignore[reportArgumentType]


def reading(code: str, *stories: Story) -> tuple[list[str], list[str]]:
    measure = next(each for each in MEASURES if each.code == code)
    found = read(measure, stories)
    return list(found.numerator), list(found.denominator)


def test_in_time_counts_ended_and_missed_clocks_and_leaves_running_ones_out() -> None:
    kept = story(1, kept=("accept",))
    missed = story(2, missed=("accept",))
    late_but_running = story(3, missed=("accept",), kept=())
    running = story(4)
    void = story(5, kept=("accept",), end="void")
    merged = story(6, missed=("accept",), end="merged")
    assert reading("accepted_in_time", kept, missed, late_but_running, running, void, merged) == (
        ["case-1"],
        ["case-1", "case-2", "case-3"],
    )


def test_a_clock_that_was_kept_once_and_missed_once_counts_as_missed() -> None:
    both = story(1, kept=("handle",), missed=("handle",))
    assert reading("handled_in_time", both) == ([], ["case-1"])


def test_rework_and_return_count_cases_not_occasions() -> None:
    twice = story(1, claimed_at=AT, reworks=2, dispatched_at=AT, returns=2)
    never = story(2, claimed_at=AT, dispatched_at=AT)
    not_yet = story(3)
    assert reading("rework", twice, never, not_yet) == (["case-1"], ["case-1", "case-2"])
    assert reading("return", twice, never, not_yet) == (["case-1"], ["case-1", "case-2"])


def test_one_unhappy_reporter_of_two_is_enough() -> None:
    split = story(1, votes=2, solved=1, treated_well=2)
    silent = story(2)
    assert reading("resolution", split, silent) == ([], ["case-1"])
    assert reading("satisfaction", split, silent) == (["case-1"], ["case-1"])


@given(st.lists(st.integers(0, 10_000), max_size=40), st.integers(1, 100))
def test_percentile_is_the_nearest_rank(values: list[int], percent: int) -> None:
    ordered = sorted(values)
    found = percentile(ordered, percent)
    if not ordered:
        assert found is None
        return
    below = sum(value <= found for value in ordered)
    assert found in ordered
    assert below >= percent / 100 * len(ordered)
    assert sum(value < found for value in ordered) < max(1, percent / 100 * len(ordered))


def test_stage_times_skip_what_has_not_ended() -> None:
    done = story(1, opened_at=AT, accepted_at=AT + timedelta(seconds=60))
    waiting = story(2)
    accept = next(each for each in stage_times([done, waiting]) if each.stage == "accept")
    assert (accept.cases, accept.median_s, accept.p90_s) == (1, 60.0, 60.0)


@given(st.randoms(use_true_random=False))
def test_the_order_of_stories_does_not_matter(chance: Random) -> None:
    stories = [story(n, kept=("accept",) if n % 3 else (), missed=("file",)) for n in range(12)]
    shuffled = stories[:]
    chance.shuffle(shuffled)
    assert read_all(shuffled) == read_all(stories)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.code)
def test_every_measure_is_declared_in_both_languages(measure: object) -> None:
    for words in (measure.title, measure.formula, measure.excluded):  # pyright: ignore
        assert set(dict(words)) == {"en", "zh-CN"}
        assert all(dict(words).values())


def test_telling_in_pieces_is_telling_at_once() -> None:
    """The follower tells batches; wherever the journal is cut, the story is the same."""
    town = Town()
    case_id = town.new_id()
    events: list[Event] = []
    case = Case(case_id)
    for order in (town.opening(case_id), town.accepting(case_id), town.refusing(case_id)):
        decision = order.plan({case_id: case})
        assert not isinstance(decision, Refused)
        events += decision[case_id]
        case = fold(case, decision[case_id])
    whole = tell(Story(case_id), events)
    assert whole.end == "refused" and whole.accepted_at is not None
    for cut in range(len(events) + 1):
        assert tell(tell(Story(case_id), events[:cut]), events[cut:]) == whole
