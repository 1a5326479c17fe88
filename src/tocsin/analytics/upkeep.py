"""Whether devices are there, and when they need somebody: online rate, batteries, due dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Final, Literal

from tocsin.analytics.alarm_story import Span
from tocsin.kernel.shared import AssetId, Instant

READINGS_MIN: Final = 7
"""Days with a reading under which no line is drawn: a week, so that one cold night is no trend."""
SPAN_MIN: Final = timedelta(days=14)
"""And these days must span two weeks."""
JUMP: Final = 20.0
"""Percent points up from one reading to the next: a new battery; what was before is forgotten."""
AHEAD_MAX: Final = timedelta(days=3 * 365)
"""Farther ahead nobody plans; such a battery lasts."""

Flat = tuple[Instant, Instant]


# -- online ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Watched:
    """One supervised device: when it was in service, and when it was known to be silent."""

    asset: AssetId
    group: str
    service: tuple[Span, ...]
    silent: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class OnlineRate:
    """`rate` = time heard / time in service, both in seconds and only while this node listened: an
    outage of ours is neither heard nor silent. None where there was no such time."""

    group: str
    devices: int
    heard_s: float
    service_s: float

    @property
    def rate(self) -> float | None:
        return self.heard_s / self.service_s if self.service_s else None


def online_rates(
    devices: Iterable[Watched], listened: Sequence[Flat], since: Instant, until: Instant
) -> list[OnlineRate]:
    """By group. Time heard is time in service without the time from when a silence was told until
    the device was heard again. A device has its whole interval to be heard before it is silent."""
    sums: dict[str, tuple[int, float, float]] = {}
    ours = clipped(listened, since, until)
    for each in devices:
        service = common(clipped(_flat(each.service, until), since, until), ours)
        silent = common(service, clipped(_flat(each.silent, until), since, until))
        count, heard_s, service_s = sums.get(each.group, (0, 0.0, 0.0))
        whole = length_s(service)
        sums[each.group] = count + 1, heard_s + whole - length_s(silent), service_s + whole
    return [OnlineRate(group, *sums[group]) for group in sorted(sums)]


def _flat(spans: Iterable[Span], until: Instant) -> list[Flat]:
    return [(at, to or until) for at, to in spans]


def clipped(spans: Iterable[Flat], since: Instant, until: Instant) -> list[Flat]:
    """The parts within a window, joined where they touch, in order."""
    inside = sorted((max(a, since), min(b, until)) for a, b in spans if a < until and b > since)
    found: list[Flat] = []
    for start, end in inside:
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        elif end > start:
            found.append((start, end))
    return found


def common(one: Sequence[Flat], other: Sequence[Flat]) -> list[Flat]:
    """What is in both; each in order and without overlaps."""
    found: list[Flat] = []
    at = 0
    for start, end in one:
        while at < len(other) and other[at][1] <= start:
            at += 1
        here = at
        while here < len(other) and other[here][0] < end:
            found.append((max(start, other[here][0]), min(end, other[here][1])))
            here += 1
    return found


def length_s(spans: Iterable[Flat]) -> float:
    return sum((end - start).total_seconds() for start, end in spans)


# -- batteries -------------------------------------------------------------------------

BatteryState = Literal["not_enough_readings", "lasts", "falls", "low"]


@dataclass(frozen=True, slots=True)
class BatteryForecast:
    """`falls`: it will be at its limit on `empty_on`. `lasts`: not within three years. `low`: it is
    there by now. With fewer readings than a line takes, that is said and nothing else."""

    state: BatteryState
    readings: int
    percent: float | None = None
    per_day: float | None = None
    empty_on: date | None = None


def battery_forecast(readings: Mapping[date, float], limit: float) -> BatteryForecast:
    """When a battery comes down to its limit, by one reading a day in percent.

    The line is that of Theil and Sen: its slope is the median of the slopes between all pairs of
    days, its height the median of what is left, so that a third of the readings may be nonsense.
    Readings before the last jump upwards are of the battery before and do not count.
    """
    days = sorted(readings)
    start = 0
    for n in range(1, len(days)):
        if readings[days[n]] - readings[days[n - 1]] >= JUMP:
            start = n
    days = days[start:]
    if not days:
        return BatteryForecast("not_enough_readings", 0)
    last = readings[days[-1]]
    if last <= limit:
        return BatteryForecast("low", len(days), last)
    if len(days) < READINGS_MIN or days[-1] - days[0] < SPAN_MIN:
        return BatteryForecast("not_enough_readings", len(days), last)
    slope = median(
        (readings[b] - readings[a]) / (b - a).days
        for n, a in enumerate(days)
        for b in days[n + 1 :]
    )
    height = median(readings[each] - slope * (each - days[0]).days for each in days)
    if slope >= 0:
        return BatteryForecast("lasts", len(days), last, slope)
    ahead = max(0.0, (limit - height) / slope - (days[-1] - days[0]).days)
    if ahead > AHEAD_MAX.days:
        return BatteryForecast("lasts", len(days), last, slope)
    return BatteryForecast("falls", len(days), last, slope, days[-1] + timedelta(days=int(ahead)))


# -- due dates -------------------------------------------------------------------------

Due = Literal["inspection", "certificate", "battery"]


@dataclass(frozen=True, slots=True)
class DueWork:
    """Something that must be done at a device, and by when."""

    asset: AssetId
    what: Due
    on: date


def due_works(
    dates: Iterable[tuple[AssetId, Due, date | datetime | None]], today: date, ahead: timedelta
) -> list[DueWork]:
    """What is due within so many days or overdue, the earliest first, then by id and what."""
    found: list[DueWork] = []
    for asset, what, on in dates:
        day = on.date() if isinstance(on, datetime) else on
        if day is not None and day <= today + ahead:
            found.append(DueWork(asset, what, day))
    return sorted(found, key=lambda each: (each.on, each.asset, each.what))


__all__ = [
    "BatteryForecast",
    "DueWork",
    "OnlineRate",
    "Watched",
    "battery_forecast",
    "due_works",
    "online_rates",
]
