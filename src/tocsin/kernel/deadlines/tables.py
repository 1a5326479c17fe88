"""Derived tables, one per calendar and year: every open stretch and every day, as UTC instants.

Instants are integers here: microseconds since 1970-01-01T00:00Z (`us`). The tables are pure
functions of the calendar, so remembering them changes speed and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Final

from tocsin.kernel.deadlines.calendars import Calendar

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
US: Final = timedelta(microseconds=1)
US_PER_S: Final = 1_000_000
US_PER_MINUTE: Final = 60 * US_PER_S
US_PER_DAY: Final = 86_400 * US_PER_S
EPOCH_ORDINAL: Final = EPOCH.toordinal()
# Outside these years a stamped instant is a broken clock, not a promise.
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2299
# Offsets are probed this often; since 1970 no zone changed its offset twice within six days (IANA
# time zone data 2026).
PROBE_US: Final = US_PER_DAY // 4
# No zone is further than 26 hours from UTC, so two days around a year hold all its local dates.
MARGIN_US: Final = 2 * US_PER_DAY
# About 60 kB a table: 16 MB for ten calendars over a quarter of a century.
MAX_TABLES: Final = 256


@dataclass(frozen=True, slots=True)
class Stretches:
    """The open stretches of one UTC year, ascending; `counted[i]` is open time up to `ends[i]`."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    counted: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Days:
    """Some days of one local year: ordinal, first and last instant, and time counted within."""

    ordinals: tuple[int, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]
    counted: tuple[int, ...]


def to_us(instant: datetime) -> int:
    """An aware datetime as microseconds since 1970."""
    return (instant - EPOCH) // US


def from_us(us: int) -> datetime:
    """The UTC datetime of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


@lru_cache(maxsize=MAX_TABLES)
def stretches(calendar: Calendar, year: int) -> Stretches:
    """Open stretches that lie in a UTC year, clipped to it."""
    first, after = _year_bounds(year)
    pieces = sorted(
        (max(start, first), min(end, after))
        for start, end, _ in _open_pieces(calendar, year)
        if end > first and start < after
    )
    counted = tuple(accumulate(end - start for start, end in pieces))
    return Stretches(
        starts=tuple(start for start, _ in pieces),
        ends=tuple(end for _, end in pieces),
        counted=counted,
        total=counted[-1] if counted else 0,
    )


@lru_cache(maxsize=MAX_TABLES)
def working_days(calendar: Calendar, year: int) -> Days:
    """The dates of a local year with any open time: first opening, last closing, open time."""
    return _gathered(_open_pieces(calendar, year), year)


@lru_cache(maxsize=MAX_TABLES)
def existing_days(calendar: Calendar, year: int) -> Days:
    """The dates of a local year that the zone's wall clock shows: first and last instant, length.

    A date that a move over the date line skips (Apia, 30 December 2011) is not there.
    """
    return _gathered(_local_days(calendar, year), year)


def _gathered(pieces: Iterator[tuple[int, int, int]], year: int) -> Days:
    ordinals: list[int] = []
    found: dict[int, tuple[int, int, int]] = {}
    for start, end, ordinal in pieces:
        if date.fromordinal(ordinal).year != year:
            continue
        if ordinal in found:
            begin, last, counted = found[ordinal]
            found[ordinal] = (min(begin, start), max(last, end), counted + end - start)
        else:
            ordinals.append(ordinal)
            found[ordinal] = (start, end, end - start)
    ordinals.sort()
    return Days(
        ordinals=tuple(ordinals),
        begins=tuple(found[ordinal][0] for ordinal in ordinals),
        ends=tuple(found[ordinal][1] for ordinal in ordinals),
        counted=tuple(found[ordinal][2] for ordinal in ordinals),
    )


def _open_pieces(calendar: Calendar, year: int) -> Iterator[tuple[int, int, int]]:
    """(start, end, date ordinal) of open time around a year, cut at dates and offset changes."""
    for start, end, offset, ordinal in _pieces(calendar, year):
        midnight = (ordinal - EPOCH_ORDINAL) * US_PER_DAY - offset
        for opens_min, closes_min in calendar.hours_on(date.fromordinal(ordinal)):
            opens = max(start, midnight + opens_min * US_PER_MINUTE)
            closes = min(end, midnight + closes_min * US_PER_MINUTE)
            if opens < closes:
                yield opens, closes, ordinal


def _local_days(calendar: Calendar, year: int) -> Iterator[tuple[int, int, int]]:
    for start, end, _, ordinal in _pieces(calendar, year):
        yield start, end, ordinal


def _pieces(calendar: Calendar, year: int) -> Iterator[tuple[int, int, int, int]]:
    """(start, end, offset, date ordinal): stretches during which date and offset stay the same."""
    for start, end, offset in _offset_spans(calendar, year):
        first = (start + offset) // US_PER_DAY
        last = (end + offset - 1) // US_PER_DAY
        for day in range(first, last + 1):
            midnight = day * US_PER_DAY - offset
            piece_start, piece_end = max(start, midnight), min(end, midnight + US_PER_DAY)
            yield piece_start, piece_end, offset, day + EPOCH_ORDINAL


def _offset_spans(calendar: Calendar, year: int) -> Iterator[tuple[int, int, int]]:
    """(start, end, offset) of constant UTC offset, over a year and the margin around it."""
    first, after = _year_bounds(year)
    first, after = first - MARGIN_US, after + MARGIN_US
    span_start, offset = first, _offset_us(calendar, first)
    for probe in range(first, after, PROBE_US):
        if _offset_us(calendar, probe) == offset:
            continue
        change = _change_between(calendar, probe - PROBE_US, probe)
        yield span_start, change, offset
        span_start, offset = change, _offset_us(calendar, change)
    yield span_start, after, offset


def _change_between(calendar: Calendar, before: int, after: int) -> int:
    """The second at which the offset seen at `before` gives way, by halving."""
    offset = _offset_us(calendar, before)
    low, high = before // US_PER_S, after // US_PER_S
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_us(calendar, middle * US_PER_S) == offset:
            low = middle
        else:
            high = middle
    return high * US_PER_S


def _offset_us(calendar: Calendar, us: int) -> int:
    offset = from_us(us).astimezone(calendar.zone).utcoffset()
    assert offset is not None, "astimezone gives an aware datetime"
    return offset // US


def _year_bounds(year: int) -> tuple[int, int]:
    return to_us(datetime(year, 1, 1, tzinfo=UTC)), to_us(datetime(year + 1, 1, 1, tzinfo=UTC))
