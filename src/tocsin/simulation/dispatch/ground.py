"""The ground of a run: every place there is, and the road time from each to each, once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.simulation.dispatch.calls import Pattern
from tocsin.simulation.dispatch.fleet import SimFleet
from tocsin.simulation.dispatch.states import Position
from tocsin.simulation.dispatch.travel import Points, Seconds, Times, points

STEP_S = 0.01
"""Times are compared in hundredths of a second, as the policies do; equal ones go by id."""

NO_WAY_S = 1e6
"""Stands for no way where a sum must stay a number: eleven days."""


@dataclass(frozen=True, slots=True)
class ZoneOfCalls:
    """Where calls for a kind are expected: all whose nearest home is the same, at their middle.

    `place` is one of the places of calls; `weight` counts units that the past asked for there.
    """

    kind: str
    place: int
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class SimGround:
    """Places of calls first (their numbers are those of the pattern), then homes and hospitals.

    `times_s[a, b]`: seconds by road from place a to place b. `homes`: each unit's home.
    `hospital_of`: for each place of a call the nearest hospital's place, or -1 if none is known.
    """

    places: Points
    times_s: Seconds
    homes: tuple[int, ...]
    hospital_of: tuple[int, ...]
    cut_off: int
    zones: tuple[ZoneOfCalls, ...]


def ground_of(
    pattern: Pattern, fleet: SimFleet, hospitals: tuple[Position, ...], times: Times
) -> SimGround:
    """The table of a pattern's places and a fleet's homes."""
    extra = sorted({unit.home for unit in fleet.units} | set(hospitals))
    base = len(pattern.places)
    number = {place: base + at for at, place in enumerate(extra)}
    places = np.concatenate([pattern.places, points(extra)])
    table = np.ascontiguousarray(times.times_s(places, places), dtype=np.float32)
    goals = sorted({number[place] for place in hospitals})
    if goals:
        nearest = np.argmin(table[:base][:, goals], axis=1)
        hospital_of = tuple(goals[int(at)] for at in nearest)
    else:
        hospital_of = (-1,) * base
    return SimGround(
        places,
        table,
        tuple(number[unit.home] for unit in fleet.units),
        hospital_of,
        int(np.count_nonzero(~np.isfinite(table))),
        _zones(pattern, table, sorted({number[unit.home] for unit in fleet.units})),
    )


def _zones(pattern: Pattern, table: Seconds, homes: list[int]) -> tuple[ZoneOfCalls, ...]:
    """For each kind the calls of the past by their nearest home; the place of a zone is the one
    whose distances to the others, weighed, are least."""
    weights = np.zeros((len(pattern.kinds), len(pattern.places)))
    for each in pattern.past:
        for slot in each.slots:
            weights[slot.kind, each.place] += 1.0
    if not homes or not len(pattern.places):
        return ()
    nearest = np.argmin(table[homes][:, : len(pattern.places)], axis=0)
    found: list[ZoneOfCalls] = []
    for kind, name in enumerate(pattern.kinds):
        for home in range(len(homes)):
            members = np.flatnonzero((nearest == home) & (weights[kind] > 0))
            if not len(members):
                continue
            among = table[np.ix_(members, members)].astype(np.float64)
            middle = int(
                np.argmin(np.where(np.isfinite(among), among, 1e6) @ weights[kind, members])
            )
            weight = float(weights[kind, members].sum())
            found.append(ZoneOfCalls(name, int(members[middle]), weight))
    return tuple(found)
