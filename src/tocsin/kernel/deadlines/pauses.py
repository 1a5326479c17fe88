"""Pausing a promise and resuming it, so that no counted time is gained or lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from tocsin.kernel.deadlines.calendars import Calendar
from tocsin.kernel.deadlines.reckoning import (
    counted_us,
    day_table,
    days_after,
    ending_day,
    nth_day_after,
    reach,
)
from tocsin.kernel.deadlines.tables import from_us, to_us
from tocsin.kernel.deadlines.terms import Kind, Left


def remaining(calendar: Calendar, now: datetime, due_at: datetime, kind: Kind) -> Left:
    """What is left at `now` of a promise due at `due_at`: keep it while the clock is paused.

    `due_at` is what `due` or `milestone` gave; the rungs of a ladder are paused one by one, each
    with its own `Left` (see `resume_ladder`), and a part of a day keeps its distance to the end of
    that day. A promise whose instant has passed is spent: no pause brings it back.
    """
    if due_at <= now:
        return Left(kind, 0, 0, is_spent=True)
    if kind in ("urgent_hours", "work_hours"):
        return Left(kind, counted_us(calendar, now, due_at, kind), 0, is_spent=False)
    days, index = ending_day(calendar, due_at, kind)
    measure: Kind = "work_hours" if kind == "work_days" else "urgent_hours"
    to_end_us = counted_us(calendar, due_at, from_us(days.ends[index]), measure)
    count = days_after(calendar, now, days.ordinals[index], kind)
    return Left(kind, to_end_us, count, is_spent=False)


def resume(calendar: Calendar, now: datetime, left: Left) -> datetime:
    """The new deadline of a promise resumed at `now`, in UTC; never before `now`.

    Pausing and resuming while nothing is counted changes nothing, and the deadline moves by exactly
    what was counted during the pause: open or elapsed time for hours kinds; for days kinds the days
    from the day after the pause to the day of resuming, both included. One case gives more: a
    promise paused on its last day and resumed when that day is over is due at the end of the next
    counted day, since a deadline cannot lie in the past. A spent promise is due `now`.
    """
    if left.is_spent:
        return now.astimezone(UTC)
    match left.kind:
        case "urgent_hours":
            return from_us(to_us(now) + left.time_us)
        case "work_hours":
            return from_us(reach(calendar, to_us(now), left.time_us))
        case "work_days" | "calendar_days":
            return _resumed_in_days(calendar, now, left)


def resume_ladder(
    calendar: Calendar, now: datetime, lefts: Sequence[tuple[int, Left]]
) -> tuple[tuple[int, datetime], ...]:
    """The rungs (percent, left) of a paused promise resumed at `now`, ascending in both.

    The rung of 100 % is what `resume` gives. Days of different lengths, or a last day that was over
    at the resume, could make neighbours change places: then a rung below 100 % comes no later than
    the next one, and a rung above it no earlier than the one before.
    """
    rungs = sorted((percent, resume(calendar, now, left)) for percent, left in lefts)
    below = [rung for rung in rungs if rung[0] <= 100]
    above = rungs[len(below) :]
    ordered: list[tuple[int, datetime]] = []
    for percent, instant in reversed(below):
        ordered.insert(0, (percent, min(instant, ordered[0][1]) if ordered else instant))
    for percent, instant in above:
        ordered.append((percent, max(instant, ordered[-1][1]) if ordered else instant))
    return tuple(ordered)


def _resumed_in_days(calendar: Calendar, now: datetime, left: Left) -> datetime:
    if left.days:
        days, index = nth_day_after(day_table(left.kind), calendar, now, left.days)
    else:
        days, index = ending_day(calendar, from_us(to_us(now) + 1), left.kind)
        today = now.astimezone(calendar.zone).toordinal()
        if left.time_us and days.ordinals[index] > today:
            return now.astimezone(UTC)  # a part of a day that is over by now
    if left.time_us == 0:
        return from_us(days.ends[index])
    # A shorter day than the one the milestone lay in has it at its beginning, at the earliest.
    into_us = max(0, days.counted[index] - left.time_us)
    if left.kind == "work_days":
        resumed_us = reach(calendar, days.begins[index], into_us)
    else:
        resumed_us = days.begins[index] + into_us
    return from_us(max(resumed_us, to_us(now)))
