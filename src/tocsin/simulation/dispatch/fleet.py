"""The fleet of a run: which units, where they wait, when they are on duty."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tocsin.simulation.dispatch.calls import DAY_S, HOUR_S, Pattern
from tocsin.simulation.dispatch.form import OTHER_KIND
from tocsin.simulation.dispatch.log import Log
from tocsin.simulation.dispatch.states import Fleet, Position
from tocsin.simulation.dispatch.town import HOURS, Breaks, FleetUnit
from tocsin.simulation.dispatch.travel import Times, points

DUTY_GAP_S: Final = 4 * HOUR_S
"""A unit without a call for so long was off duty: San Francisco's ambulances have one about every
two hours, and work shifts of 10 to 12 hours."""


@dataclass(frozen=True, slots=True)
class SimFleet:
    """Units by id; the index in `units` is the unit's number in a run, so ties go by id."""

    units: tuple[FleetUnit, ...]
    breaks: Breaks | None = None

    def __post_init__(self) -> None:
        assert list(self.units) == sorted(self.units, key=lambda unit: unit.id)


def fleet_of_town(units: Sequence[FleetUnit], breaks: Breaks | None = None) -> SimFleet:
    """The fleet that a scenario lists."""
    return SimFleet(tuple(sorted(units, key=lambda unit: unit.id)), breaks)


def fleet_from_log(
    log: Log,
    past: Fleet,
    pattern: Pattern,
    stations: Mapping[str, Position],
    times: Times,
    shift_kinds: frozenset[str],
    breaks: Breaks | None = None,
) -> SimFleet:
    """The fleet that a log shows.

    Units with a home wait there, always on duty. Of the other kinds the log tells how many there
    were but not where they waited: they are put where demand is (see `_posts`). Kinds in
    `shift_kinds` have as many units on duty at each hour of the day as the log had in the mean.
    """
    units = [FleetUnit(unit, past.kinds[unit], home) for unit, home in past.homes.items()]
    for kind in sorted(set(past.kinds.values()) - {OTHER_KIND}):
        names = sorted(u for u, k in past.kinds.items() if k == kind and u not in past.homes)
        if kind in shift_kinds:
            shifts = _shifts(_on_duty(log, kind))
        else:
            shifts = [(0.0, 24.0)] * len(names)
        if not shifts:
            continue
        posts = _posts(pattern, pattern.kinds.index(kind), len(shifts), stations, times)
        for number, ((start_h, hours_h), post) in enumerate(zip(shifts, posts, strict=True), 1):
            units.append(FleetUnit(f"{kind}-{number:03d}", kind, post, start_h, hours_h))
    return fleet_of_town(units, breaks)


def _on_duty(log: Log, kind: str) -> list[int]:
    """Units of a kind on duty at each hour of the day: the mean over the days, rounded."""
    stretches: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in log.rows:
        if row.kind == kind:
            end_s = row.available_s or row.dispatched_s
            stretches[row.unit].append((row.dispatched_s, max(end_s, row.dispatched_s)))
    if not stretches:
        return [0] * HOURS
    first_s = min(each[0][0] for each in stretches.values()) // DAY_S * DAY_S
    last_s = max(end for each in stretches.values() for _, end in each)
    days = max(1, round((last_s - first_s) / DAY_S))
    present = np.zeros((days + 1) * HOURS)
    for each in stretches.values():
        for start_s, end_s in _joined(sorted(each)):
            low = int((start_s - first_s) // HOUR_S)
            high = int((end_s - first_s) // HOUR_S)
            present[low : min(high + 1, len(present))] += 1
    by_day = present[: days * HOURS].reshape(days, HOURS)
    return [round(float(each)) for each in by_day.mean(axis=0)]


def _joined(stretches: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Stretches of work with gaps under `DUTY_GAP_S` are one stretch of duty."""
    found: list[tuple[float, float]] = []
    for start_s, end_s in stretches:
        if found and start_s - found[-1][1] <= DUTY_GAP_S:
            found[-1] = (found[-1][0], max(found[-1][1], end_s))
        else:
            found.append((start_s, end_s))
    return found


def _shifts(on_duty: list[int]) -> list[tuple[float, float]]:
    """Daily shifts (start hour, hours) that give these numbers: who began first ends first."""
    starts: list[tuple[int, int]] = []
    waiting: list[int] = []
    # Twice round the clock: the first time fills, the second is the day as it repeats.
    level = min(on_duty)
    always = level
    for hour in range(2 * HOURS):
        wanted = on_duty[hour % HOURS]
        while level < wanted:
            waiting.append(hour)
            level += 1
        while level > wanted:
            begun = waiting.pop(0)
            level -= 1
            if hour >= HOURS or begun >= HOURS:
                starts.append((begun, hour))
    shifts = [(0.0, 24.0)] * always
    shifts += [(float(begun % HOURS), float(min(end - begun, HOURS))) for begun, end in starts]
    return sorted(shifts)


def _posts(
    pattern: Pattern,
    kind: int,
    count: int,
    stations: Mapping[str, Position],
    times: Times,
) -> list[Position]:
    """Where units of a kind wait: one after the other at the station that takes most off the mean
    time from the nearest post to the calls that took the kind; once every station has one, round
    again. The greedy p-median (Kuehn and Hamburger 1963)."""
    names = sorted(stations)
    weights = np.zeros(len(pattern.places))
    for each in pattern.past:
        weights[each.place] += sum(slot.kind == kind for slot in each.slots)
    table = times.times_s(points([stations[name] for name in names]), pattern.places)
    table = np.where(np.isfinite(table), table, 2.0 * DAY_S).astype(np.float64)
    chosen: list[int] = []
    nearest = np.full(len(pattern.places), np.inf)
    for _ in range(min(count, len(names))):
        costs = np.minimum(table, nearest) @ weights
        costs[chosen] = np.inf
        best = int(np.argmin(costs))
        chosen.append(best)
        nearest = np.minimum(nearest, table[best])
    return [stations[names[chosen[at % len(chosen)]]] for at in range(count)]
