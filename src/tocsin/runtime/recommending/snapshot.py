"""The snapshot of one instant, frozen from what was looked up. Nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np

from tocsin.dispatching.demand import Demand
from tocsin.dispatching.eta import Residuals, eta_tables
from tocsin.dispatching.problem import Engagement, Problem
from tocsin.dispatching.tables import Seconds
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId, Instant, Place, UnitId
from tocsin.packs.stays import Stay
from tocsin.runtime.recommending.bands import Note
from tocsin.runtime.recommending.calls import Wanted
from tocsin.runtime.recommending.engaging import MOVING, engagements
from tocsin.runtime.recommending.fleet import Duty, units_now
from tocsin.runtime.recommending.travel import Travel, Way


@dataclass(frozen=True, slots=True)
class Look:
    """What was looked up at `at`: the units on duty that may be recommended, and the waiting cases
    in order of urgency."""

    at: Instant
    fleet: tuple[Duty, ...]
    wanted: tuple[Wanted, ...]
    able: Mapping[UnitId, tuple[str, ...]] = field(default_factory=dict[UnitId, tuple[str, ...]])
    engaged: Mapping[CaseId, Case] = field(default_factory=dict[CaseId, Case])


def frozen(
    look: Look,
    travel: Travel,
    bands: tuple[Residuals, ...],
    demand: Demand | None = None,
    *,
    stays: Sequence[Stay] | None = None,
) -> tuple[Problem, tuple[Note, ...]]:
    """The problem and what is to be said of it. With `stays` it is estimated when busy units are
    free, and their times are from where that will be; without, those on their way have their times
    from where they are now, as turning them to another case needs."""
    busy = engagements(look, travel, stays)
    places_of = [_from_where(duty, look, engaged=stays is not None) for duty in look.fleet]
    waiting = [each for each in look.wanted if each.call is not None]
    places = [each.case.place or Place(0.0, 0.0) for each in waiting]
    shape = (len(look.fleet), len(waiting))
    times_s, fallback_s = np.full(shape, np.inf), np.full(shape, np.inf)
    wanted_rows = [
        duty.unit.is_free
        or (row in busy and _is_of_use(duty, busy[row], is_waited_for=stays is not None))
        for row, duty in enumerate(look.fleet)
    ]
    for way, rows, columns in _groups(look.fleet, waiting, wanted_rows):
        sources = [places_of[row] for row in rows]
        targets = [places[column] for column in columns]
        now, fallback = travel.remembered(way, sources, targets)
        times_s[np.ix_(rows, columns)] = now
        fallback_s[np.ix_(rows, columns)] = fallback
    notes = _grounded(look.fleet, waiting, places, travel, times_s, fallback_s)
    medians_s, factors = eta_tables(times_s, bands)
    problem = Problem(
        look.at,
        tuple(
            replace(unit, engagement=busy.get(row))
            for row, unit in enumerate(units_now(look.fleet))
        ),
        tuple(each.call for each in waiting if each.call is not None),
        medians_s,
        fallback_s,
        _factors(factors, times_s, fallback_s, bands),
        demand,
    )
    return problem, notes


def _factors(
    factors: Seconds, times_s: Seconds, fallback_s: Seconds, bands: tuple[Residuals, ...]
) -> Seconds:
    """Where the fallback's time is told, its own band."""
    return np.where(np.isfinite(times_s), factors, eta_tables(fallback_s, bands)[1])


def _groups(
    fleet: Sequence[Duty], waiting: Sequence[Wanted], is_asked: Sequence[bool]
) -> list[tuple[Way, list[int], list[int]]]:
    """Rows and columns that are one question to the roads."""
    urgent = [n for n, each in enumerate(waiting) if each.case.profile == "emergency"]
    calm = [n for n, each in enumerate(waiting) if each.case.profile != "emergency"]
    every = list(range(len(waiting)))
    rows: dict[str, list[int]] = {"road": [], "foot": [], "straight": []}
    for row, duty in enumerate(fleet):
        if is_asked[row]:
            rows[duty.travel].append(row)
    found: list[tuple[Way, list[int], list[int]]] = [
        ("emergency", rows["road"], urgent),
        ("normal", rows["road"], calm),
        ("foot", rows["foot"], every),
        ("straight", rows["straight"], every),
    ]
    return [each for each in found if each[1] and each[2]]


def _is_of_use(duty: Duty, busy: Engagement, *, is_waited_for: bool) -> bool:
    """Whether anybody asks for the times of a busy unit."""
    return busy.free_in_s is not None if is_waited_for else duty.unit.status in MOVING


def _from_where(duty: Duty, look: Look, *, engaged: bool) -> Place | None:
    """Where a unit starts from: who is still to work on a case, from there."""
    case = look.engaged.get(duty.unit.case) if duty.unit.case is not None else None
    if engaged and case is not None and duty.unit.status in ("dispatched", "en_route", "on_scene"):
        return case.place
    return duty.place


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
