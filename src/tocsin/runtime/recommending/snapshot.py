"""The snapshot of one instant, frozen from what was looked up. Nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import numpy as np

from tocsin.dispatching.demand import Demand
from tocsin.dispatching.eta import Residuals, eta_tables
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.recommendation import Fact
from tocsin.dispatching.tables import Seconds
from tocsin.kernel.shared import Instant, Place, UnitId
from tocsin.runtime.recommending.calls import Wanted
from tocsin.runtime.recommending.fleet import Duty, units_now
from tocsin.runtime.recommending.travel import Travel, Way

BANDS: Final = (
    Residuals(120.0, 1.0, 1.9),
    Residuals(240.0, 1.0, 1.6),
    Residuals(480.0, 1.0, 1.45),
    Residuals(float("inf"), 1.0, 1.35),
)
"""The 90th percentile over the road time, by its length, where a town has not fitted its own
(`eta.fit_bands`): assumptions of ours that follow the one thing that is known, that longer ways
have relatively narrower residuals (Budge, Ingolfsson, Zerom 2010). Medians stay the road times, so
that the ranking is that of the roads."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the whole answer that a reader must know, as data."""

    code: str
    facts: tuple[tuple[str, Fact], ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What was looked up at `at`: the units on duty that may be recommended, and the waiting cases
    in order of urgency."""

    at: Instant
    fleet: tuple[Duty, ...]
    wanted: tuple[Wanted, ...]
    able: Mapping[UnitId, tuple[str, ...]] = field(default_factory=dict[UnitId, tuple[str, ...]])


def frozen(
    look: Look, travel: Travel, demand: Demand | None = None, *, with_busy: bool = False
) -> tuple[Problem, tuple[Note, ...]]:
    """The problem and what is to be said of it. `with_busy` looks up times of units on a case
    too: only turning them to another needs those."""
    waiting = [each for each in look.wanted if each.call is not None]
    places = [each.case.place or Place(0.0, 0.0) for each in waiting]
    shape = (len(look.fleet), len(waiting))
    times_s, fallback_s = np.full(shape, np.inf), np.full(shape, np.inf)
    for way, rows, columns in _groups(look.fleet, waiting, with_busy=with_busy):
        sources = [look.fleet[row].place for row in rows]
        targets = [places[column] for column in columns]
        now, fallback = travel.table(way, sources, targets)
        times_s[np.ix_(rows, columns)] = now
        fallback_s[np.ix_(rows, columns)] = fallback
    notes = _grounded(look.fleet, waiting, places, travel, times_s, fallback_s)
    medians_s, factors = eta_tables(times_s, BANDS)
    problem = Problem(
        look.at,
        units_now(look.fleet),
        tuple(each.call for each in waiting if each.call is not None),
        medians_s,
        fallback_s,
        _factors(factors, times_s, fallback_s),
        demand,
    )
    return problem, notes


def _factors(factors: Seconds, times_s: Seconds, fallback_s: Seconds) -> Seconds:
    """Where the fallback's time is told, its own band."""
    return np.where(np.isfinite(times_s), factors, eta_tables(fallback_s, BANDS)[1])


def _groups(
    fleet: Sequence[Duty], waiting: Sequence[Wanted], *, with_busy: bool
) -> list[tuple[Way, list[int], list[int]]]:
    """Rows and columns that are one question to the roads."""
    urgent = [n for n, each in enumerate(waiting) if each.case.profile == "emergency"]
    calm = [n for n, each in enumerate(waiting) if each.case.profile != "emergency"]
    every = list(range(len(waiting)))
    rows: dict[str, list[int]] = {"road": [], "foot": [], "straight": []}
    for row, duty in enumerate(fleet):
        if duty.unit.is_free or (with_busy and duty.unit.status in ("dispatched", "en_route")):
            rows[duty.travel].append(row)
    found: list[tuple[Way, list[int], list[int]]] = [
        ("emergency", rows["road"], urgent),
        ("normal", rows["road"], calm),
        ("foot", rows["foot"], every),
        ("straight", rows["straight"], every),
    ]
    return [each for each in found if each[1] and each[2]]


def _grounded(
    fleet: Sequence[Duty],
    waiting: Sequence[Wanted],
    places: Sequence[Place],
    travel: Travel,
    times_s: Seconds,
    fallback_s: Seconds,
) -> tuple[Note, ...]:
    """Takes out flights that can not be flown: beyond the way there and back, or across a no-fly
    area. For each a note, with the case."""
    notes: list[Note] = []
    for row, duty in enumerate(fleet):
        if duty.travel != "straight" or duty.place is None or not duty.unit.is_free:
            continue
        for column, (each, place) in enumerate(zip(waiting, places, strict=True)):
            about = (("unit", duty.unit.id), ("case", each.case.id))
            time_s = float(times_s[row, column])
            if duty.endurance_s is not None and 2.0 * time_s > duty.endurance_s:
                span = (("time_s", time_s), ("limit_s", float(duty.endurance_s)))
                notes.append(Note("beyond_endurance", (*about, *span)))
            elif travel.crosses(duty.place, place):
                notes.append(Note("no_fly", about))
            else:
                continue
            times_s[row, column] = fallback_s[row, column] = np.inf
    return tuple(notes)


def local_hour(at: Instant, offset: timedelta | None) -> tuple[int, int]:
    """(weekday, hour) on the wall clock of a zone that is so far from UTC."""
    there = at + (offset or timedelta(0))
    return there.weekday(), there.hour
