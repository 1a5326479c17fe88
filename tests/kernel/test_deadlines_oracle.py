"""Deadlines against the minute-by-minute oracle, and laws that hold for every promise."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.kernel.deadline_cases import allowance, mix, settings
from tests.kernel.deadline_oracle import Candidate, campaign
from tocsin.kernel.deadlines import (
    KINDS,
    Allowance,
    Calendar,
    Kind,
    Left,
    due,
    elapsed,
    milestone,
    remaining,
    resume,
    resume_ladder,
)


@pytest.mark.slow
def test_a_share_of_the_campaign_finds_no_difference() -> None:
    assert list(campaign(cases=1_500, seed=7)) == []


def _due_at_a_fixed_offset(calendar: Calendar, start: datetime, promise: Allowance) -> datetime:
    """Planted: the offset of the start holds for ever."""
    offset = start.astimezone(calendar.zone).utcoffset()
    assert offset is not None
    fixed = Calendar(
        calendar.name + str(offset),
        timezone(offset),
        calendar.weekly,
        calendar.holidays,
        calendar.workdays,
        calendar.makeup_hours,
    )
    return due(fixed, start, promise)


def _due_counting_the_start_day(
    calendar: Calendar, start: datetime, promise: Allowance
) -> datetime:
    """Planted: the day of receipt is day one."""
    if promise.is_in_hours or promise.amount == 0:
        return due(calendar, start, promise)
    return due(calendar, start, Allowance(promise.kind, promise.amount - 1))


def _due_without_makeup_days(calendar: Calendar, start: datetime, promise: Allowance) -> datetime:
    """Planted: a Saturday is a Saturday."""
    plain = Calendar(calendar.name + "-", calendar.zone, calendar.weekly, calendar.holidays)
    return due(plain, start, promise)


def _elapsed_one_second_short(
    calendar: Calendar, start: datetime, end: datetime, kind: Kind
) -> int:
    """Planted: an end on the very edge is not counted."""
    return elapsed(calendar, start, end - timedelta(seconds=1), kind)


def _milestone_of_wall_time(
    calendar: Calendar, start: datetime, promise: Allowance, percent: int
) -> datetime:
    """Planted: half of the promise is half of the way to the deadline."""
    return start + (due(calendar, start, promise) - start) * percent // 100


def _resume_forgets_the_night(calendar: Calendar, now: datetime, left: Left) -> datetime:
    """Planted: what is left of work time runs on through the night."""
    kind: Kind = "urgent_hours" if left.kind == "work_hours" else left.kind
    return resume(calendar, now, Left(kind, left.time_us, left.days, left.is_spent))


@pytest.mark.parametrize(
    ("planted", "where"),
    [
        (Candidate(due=_due_at_a_fixed_offset), "finland-2026"),
        (Candidate(due=_due_counting_the_start_day), "china-2026"),
        (Candidate(due=_due_without_makeup_days), "china-2026"),
        (Candidate(elapsed=_elapsed_one_second_short), "kathmandu"),
        (Candidate(milestone=_milestone_of_wall_time), "lord-howe"),
        (Candidate(resume=_resume_forgets_the_night), "finland-2026"),
    ],
)
def test_a_planted_bug_is_found(planted: Candidate, where: str) -> None:
    found = campaign(cases=400, seed=7, candidate=planted, only=where)
    assert next(found, None) is not None


def test_milestones_never_go_back_and_reach_due_at_100_percent() -> None:
    for calendar, start, promise in mix(seed=11, n=300):
        rungs = [milestone(calendar, start, promise, percent) for percent in range(0, 151, 5)]
        assert rungs == sorted(rungs)
        assert rungs[0] == start
        assert rungs[20] == due(calendar, start, promise)


def test_a_longer_promise_and_a_later_start_are_never_due_earlier() -> None:
    draw = random.Random(3)
    for calendar, start, promise in mix(seed=12, n=600):
        first = due(calendar, start, promise)
        longer = Allowance(promise.kind, promise.amount + 1)
        assert due(calendar, start, longer) >= first
        later = start + timedelta(seconds=draw.randrange(1, 400_000))
        assert due(calendar, later, promise) >= first


def test_pausing_when_nothing_counts_changes_nothing() -> None:
    draw = random.Random(4)
    for calendar, start, promise in mix(seed=13, n=600):
        deadline = due(calendar, start, promise)
        if deadline == start:
            continue
        pause = start + (deadline - start) * draw.random()
        left = remaining(calendar, pause, deadline, promise.kind)
        assert resume(calendar, pause, left) == deadline


def test_the_rungs_of_a_paused_promise_keep_their_places() -> None:
    draw = random.Random(6)
    for calendar, start, promise in mix(seed=14, n=1_500):
        deadline = due(calendar, start, promise)
        if deadline == start:
            continue
        pause = start + (deadline - start) * draw.random()
        back = pause + timedelta(seconds=draw.randrange(20 * 86_400))
        percents = (50, 75, 100, 130, 150)
        before = [milestone(calendar, start, promise, percent) for percent in percents]
        lefts = [remaining(calendar, pause, rung, promise.kind) for rung in before]
        assert [resume(calendar, pause, left) for left in lefts] == [
            max(rung, pause) for rung in before
        ]
        ladder = resume_ladder(calendar, back, list(zip(percents, lefts, strict=True)))
        later = [instant for _, instant in ladder]
        assert later == sorted(later)
        assert later[2] == resume(calendar, back, lefts[2])
        assert min(later) >= back
        # In days of one length they move as one, unless one was at the end of the pause's day.
        if calendar.name == "china-2026" and all(
            left.days or left.time_us or left.is_spent for left in lefts
        ):
            assert later == [resume(calendar, back, left) for left in lefts]


def test_elapsed_work_time_adds_up() -> None:
    draw = random.Random(5)
    for setting in settings():
        for _ in range(40):
            start = datetime.combine(setting.first, datetime.min.time(), UTC) + timedelta(
                seconds=draw.randrange(setting.start_days * 86_400)
            )
            middle = start + timedelta(seconds=draw.randrange(30 * 86_400))
            end = middle + timedelta(seconds=draw.randrange(900 * 86_400))
            for kind in ("urgent_hours", "work_hours"):
                parts = [
                    elapsed(setting.calendar, a, b, kind)
                    for a, b in ((start, middle), (middle, end), (start, end))
                ]
                assert parts[0] + parts[1] == parts[2]
            assert elapsed(setting.calendar, end, start, "work_days") == 0


def test_the_mix_is_the_same_for_the_same_seed() -> None:
    assert mix(seed=1, n=50) == mix(seed=1, n=50)
    draw = random.Random(1)
    calendar = settings()[0].calendar
    assert {allowance(draw, calendar, kind).kind for kind in KINDS} == set(KINDS)
