"""Pausing a promise and resuming it, so that no counted time is gained or lost."""

from __future__ import annotations

from datetime import UTC, datetime

from tocsin.kernel.deadlines.calendars import Calendar
from tocsin.kernel.deadlines.reckoning import counted_us, due, elapsed, reach
from tocsin.kernel.deadlines.tables import from_us, to_us
from tocsin.kernel.deadlines.terms import Allowance, Kind, Left


def remaining(calendar: Calendar, now: datetime, due_at: datetime, kind: Kind) -> Left:
    """What is left at `now` of a promise due at `due_at`: keep it while the clock is paused.

    Hours kinds keep counted time, exactly. Days kinds keep the days after today that are still to
    come up to and including the last day; 0 means that today is the last day. A promise whose
    deadline has passed is spent: a pause does not bring it back.
    """
    if due_at <= now:
        return Left(kind, 0, 0, is_spent=True)
    if kind in ("urgent_hours", "work_hours"):
        return Left(kind, counted_us(calendar, now, due_at, kind), 0, is_spent=False)
    return Left(kind, 0, elapsed(calendar, now, due_at, kind), is_spent=False)


def resume(calendar: Calendar, now: datetime, left: Left) -> datetime:
    """The new deadline of a promise resumed at `now`, in UTC.

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
            return due(calendar, now, Allowance(left.kind, left.days))
