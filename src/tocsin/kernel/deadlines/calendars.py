"""A body's working calendar: weekly hours, holidays, make-up working days, and a time zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Final

Hours = tuple[tuple[int, int], ...]

MINUTES_PER_DAY: Final = 1_440
# A body that is closed for longer than a year keeps no promises in work time.
MAX_CLOSED_DAYS: Final = 400
# Two centuries of daily exceptions: more is a broken file, and `checked` walks them.
MAX_EXCEPTIONS: Final = 73_000


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a body works.

    `weekly` has seven entries, Monday first; each is a sequence of (start, end) in minutes of local
    wall time, half open, ascending, `end` up to 1440. A date in `workdays` is worked at
    `makeup_hours` whatever its weekday (a make-up Saturday); a date in `holidays` is closed; any
    other date has its weekday's hours. Hours over midnight are written as two entries.

    An instant is **open** when the clock on the office wall shows open hours of the date it shows.
    That one sentence settles daylight saving: hours that a spring gap skips are not there, so an
    opening inside the gap happens at the instant after it; hours that an autumn fold repeats are
    worked twice, so an opening inside it is its first pass and the day's closing is its last.

    The constructor checks nothing, so that a broken calendar can be shown to its author; put every
    calendar that comes from outside through `checked`.
    """

    name: str
    zone: tzinfo
    weekly: tuple[Hours, ...]
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    makeup_hours: Hours = ()

    def __hash__(self) -> int:
        # Calendars are keys of the tables of `tables.py`, on every computation: hash what is
        # cheap (sets remember their hash) and telling; equality still compares every field.
        return hash((self.name, self.holidays))

    def hours_on(self, day: date) -> Hours:
        """The open hours of a date, in minutes of local wall time; empty when closed."""
        if day in self.workdays:
            return self.makeup_hours
        if day in self.holidays:
            return ()
        return self.weekly[day.weekday()]


def checked(calendar: Calendar) -> Calendar:
    """The same calendar, once it is known to be sound; raises ValueError with the reason if not.

    Sound means: hours well formed; no date both a holiday and a make-up day; make-up days have
    hours; and the body is never closed for more than 400 days on end.
    """
    if len(calendar.weekly) != 7:
        raise ValueError(f"{calendar.name}: weekly needs 7 days, has {len(calendar.weekly)}")
    for label, hours in (
        *((f"weekly[{weekday}]", hours) for weekday, hours in enumerate(calendar.weekly)),
        ("makeup_hours", calendar.makeup_hours),
    ):
        _check_hours(f"{calendar.name}: {label}", hours)
    if len(calendar.holidays) + len(calendar.workdays) > MAX_EXCEPTIONS:
        raise ValueError(f"{calendar.name}: more than {MAX_EXCEPTIONS} exceptional dates")
    both = sorted(calendar.holidays & calendar.workdays)
    if both:
        raise ValueError(f"{calendar.name}: {both[0]} is both a holiday and a make-up working day")
    if calendar.workdays and not calendar.makeup_hours:
        raise ValueError(f"{calendar.name}: make-up working days without makeup_hours")
    _check_openings(calendar)
    return calendar


def _check_hours(label: str, hours: Sequence[tuple[int, int]]) -> None:
    earliest = 0
    for start, end in hours:
        if not earliest <= start < end <= MINUTES_PER_DAY:
            raise ValueError(f"{label}: {start}-{end} is empty, out of order or outside the day")
        earliest = end


def _check_openings(calendar: Calendar) -> None:
    """Only holidays make a closed run longer than a week, so the walk is around them."""
    if not any(calendar.weekly):
        raise ValueError(f"{calendar.name}: no weekday has open hours")
    if not calendar.holidays:
        return
    first, last = min(calendar.holidays), max(calendar.holidays)
    if (last - first).days > MAX_EXCEPTIONS:
        raise ValueError(
            f"{calendar.name}: holidays from {first} to {last} span over two centuries"
        )
    closed_days = 0
    for offset in range((last - first).days + 1):  # weekdays alone rule before and after
        day = first + timedelta(days=offset)
        closed_days = 0 if calendar.hours_on(day) else closed_days + 1
        if closed_days > MAX_CLOSED_DAYS:
            raise ValueError(f"{calendar.name}: closed for over {MAX_CLOSED_DAYS} days at {day}")
