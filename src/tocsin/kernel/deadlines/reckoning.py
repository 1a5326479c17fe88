"""Promises to instants and back: `due`, `elapsed`, `milestone`.

All functions are pure, take aware datetimes and answer in UTC. They raise ValueError for a naive
datetime, a year outside 1970..2299, and a promise that the calendar cannot keep within fifty years
(`checked` calendars always can, but for absurd amounts).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from tocsin.kernel.deadlines.calendars import Calendar
from tocsin.kernel.deadlines.tables import (
    FIRST_YEAR,
    LAST_YEAR,
    US_PER_S,
    Days,
    existing_days,
    from_us,
    stretches,
    to_us,
    working_days,
)
from tocsin.kernel.deadlines.terms import Allowance, Kind

# Ten years of an eight-hour week come to fifty; beyond that the walk over the years stops.
HORIZON_YEARS: Final = 50

_Table = Callable[[Calendar, int], Days]


def due(calendar: Calendar, start: datetime, allowance: Allowance) -> datetime:
    """The instant by which a promise made at `start` must be kept, in UTC.

    - `urgent_hours`: `amount` elapsed seconds later, night and holiday alike.
    - `work_hours`: the earliest instant by which `amount` seconds of open time have passed. Outside
      hours the clock waits for the next opening; a promise that ends with the day's hours is due at
      that closing, not at the next opening.
    - `work_days`: the day of receipt does not count; due at the last closing of the n-th working
      day after it. A working day is a local date with any open time.
    - `calendar_days`: the day of receipt does not count; due at the end (24:00 local) of the n-th
      date after it, whether or not it is worked. A date that the zone skips does not count.
    - Zero days: the end of the day of receipt, for `work_days` the first closing of a working day
      after `start`. Zero seconds: `start` itself.

    Seconds are elapsed seconds, so a day of daylight saving change has more or fewer of them.
    """
    instant = _utc(start)
    match allowance.kind:
        case "urgent_hours":
            return instant + timedelta(seconds=allowance.amount)
        case "work_hours":
            return from_us(reach(calendar, to_us(instant), allowance.amount * US_PER_S))
        case "work_days":
            return _end_of_day(calendar, instant, "work_days", allowance.amount)
        case "calendar_days":
            return _end_of_day(calendar, instant, "calendar_days", allowance.amount)


def elapsed(calendar: Calendar, start: datetime, end: datetime, kind: Kind) -> int:
    """What has been counted from `start` to `end`: whole seconds (hours kinds) or days.

    It is the inverse of `due`: for n >= 1, `due` is the earliest instant at which `elapsed` reaches
    n. Days count when they are over (at the last closing, or at 24:00 local), the day of `start`
    never. Zero when `end` is not after `start`.
    """
    if kind in ("urgent_hours", "work_hours"):
        return counted_us(calendar, start, end, kind) // US_PER_S
    first, last = _utc(start), _utc(end)
    if last <= first:
        return 0
    table = day_table(kind)
    local = first.astimezone(calendar.zone)
    # Days over by `end`, less those up to and including the day of receipt.
    end_us, year = to_us(last), local.year
    days = table(calendar, year)
    count = -bisect_right(days.ordinals, local.toordinal())
    # A year's last day may end in the next UTC year, never later: one year more is enough.
    for later in range(year, last.year + 2):
        days = table(calendar, later)
        count += bisect_right(days.ends, end_us)
    return max(0, count)


def milestone(calendar: Calendar, start: datetime, allowance: Allowance, percent: int) -> datetime:
    """The instant at which `percent` of a promise has passed; never earlier for a higher percent.

    0 % is `start` (of a promise in days too), 100 % is exactly `due`. A part of a day is that part
    of the day's open time (`work_days`) or length (`calendar_days`): 50 % of 3 work days is the
    middle of the second working day's hours. Of a zero-day promise it is that part of the counted
    time between `start` and `due`. Raises ValueError outside 0..1000 percent.
    """
    instant = _utc(start)
    whole, hundredths = allowance.scaled(percent)
    if allowance.is_in_hours:
        need_us = (whole * 100 + hundredths) * (US_PER_S // 100)
        if allowance.kind == "urgent_hours":
            return instant + timedelta(microseconds=need_us)
        return from_us(_reach(calendar, to_us(instant), need_us, allowance.kind))
    if allowance.amount == 0:
        kind: Kind = "work_hours" if allowance.kind == "work_days" else "urgent_hours"
        length_us = counted_us(calendar, instant, due(calendar, instant, allowance), kind)
        return from_us(_reach(calendar, to_us(instant), length_us * percent // 100, kind))
    if percent == 0:
        return instant
    if hundredths == 0:
        return due(calendar, instant, Allowance(allowance.kind, whole))
    return _within_day(calendar, instant, allowance.kind, whole + 1, hundredths)


def counted_us(calendar: Calendar, start: datetime, end: datetime, kind: Kind) -> int:
    """Counted time of an hours kind between two instants, in microseconds; 0 if not ascending."""
    first, last = _utc(start), _utc(end)
    if last <= first:
        return 0
    first_us, last_us = to_us(first), to_us(last)
    if kind == "urgent_hours":
        return last_us - first_us
    total = _counted_until(calendar, last.year, last_us)
    total -= _counted_until(calendar, first.year, first_us)
    return total + sum(stretches(calendar, year).total for year in range(first.year, last.year))


def reach(calendar: Calendar, start_us: int, need_us: int) -> int:
    """The earliest instant by which `need_us` of open time have passed since `start_us`."""
    if need_us == 0:
        return start_us
    year = from_us(start_us).year
    table = stretches(calendar, year)
    target = need_us + _counted_until(calendar, year, start_us)
    for _ in range(HORIZON_YEARS):
        if target <= table.total:
            index = bisect_left(table.counted, target)
            return table.ends[index] - (table.counted[index] - target)
        target -= table.total
        year += 1
        table = stretches(calendar, _known(year))
    raise ValueError(f"{calendar.name}: the promise does not end within {HORIZON_YEARS} years")


def _reach(calendar: Calendar, start_us: int, need_us: int, kind: Kind) -> int:
    return start_us + need_us if kind == "urgent_hours" else reach(calendar, start_us, need_us)


def _counted_until(calendar: Calendar, year: int, us: int) -> int:
    """Open time of a UTC year up to an instant of that year."""
    table = stretches(calendar, year)
    index = bisect_right(table.ends, us)
    before = table.counted[index - 1] if index else 0
    if index < len(table.starts):
        before += max(0, us - table.starts[index])
    return before


def _end_of_day(calendar: Calendar, start: datetime, kind: Kind, amount: int) -> datetime:
    if amount:
        days, index = nth_day_after(day_table(kind), calendar, start, amount)
    else:
        days, index = ending_day(calendar, from_us(to_us(start) + 1), kind)
    return from_us(days.ends[index])


def day_table(kind: Kind) -> _Table:
    """The table of the days that a days kind counts."""
    return working_days if kind == "work_days" else existing_days


def ending_day(calendar: Calendar, instant: datetime, kind: Kind) -> tuple[Days, int]:
    """The table and index of the first counted day whose end is at `instant` or later."""
    table, us = day_table(kind), to_us(instant)
    year = instant.astimezone(calendar.zone).year
    # The end of a year's last day shows the next year's date.
    for later in range(max(FIRST_YEAR, year - 1), year + HORIZON_YEARS):
        days = table(calendar, _known(later))
        index = bisect_left(days.ends, us)
        if index < len(days.ends):
            return days, index
    raise ValueError(f"{calendar.name}: no counted day within {HORIZON_YEARS} years")


def days_after(calendar: Calendar, start: datetime, ordinal: int, kind: Kind) -> int:
    """The number of counted days after the local date of `start`, up to and including a date."""
    table = day_table(kind)
    local = start.astimezone(calendar.zone)
    count = -bisect_right(table(calendar, local.year).ordinals, local.toordinal())
    for year in range(local.year, date.fromordinal(ordinal).year + 1):
        count += bisect_right(table(calendar, year).ordinals, ordinal)
    return max(0, count)


def nth_day_after(table: _Table, calendar: Calendar, start: datetime, nth: int) -> tuple[Days, int]:
    """The table and index of the n-th day (n >= 1) after the local date of `start`."""
    local = start.astimezone(calendar.zone)
    year = local.year
    days = table(calendar, year)
    index = bisect_right(days.ordinals, local.toordinal()) + nth - 1
    for _ in range(HORIZON_YEARS):
        if index < len(days.ordinals):
            return days, index
        index -= len(days.ordinals)
        year += 1
        days = table(calendar, _known(year))
    raise ValueError(f"{calendar.name}: the promise does not end within {HORIZON_YEARS} years")


def _within_day(
    calendar: Calendar, start: datetime, kind: Kind, nth: int, hundredths: int
) -> datetime:
    table = day_table(kind)
    days, index = nth_day_after(table, calendar, start, nth)
    part_us = days.counted[index] * hundredths // 100
    if kind == "work_days":
        return from_us(reach(calendar, days.begins[index], part_us))
    return from_us(days.begins[index] + part_us)


def _utc(instant: datetime) -> datetime:
    """The instant in UTC, once it is known to be aware and of a year we keep tables for."""
    if instant.tzinfo is not UTC:
        if instant.utcoffset() is None:
            raise ValueError("an instant needs a time zone")
        instant = instant.astimezone(UTC)
    _known(instant.year)
    return instant


def _known(year: int) -> int:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"year {year} is outside {FIRST_YEAR}..{LAST_YEAR}")
    return year
