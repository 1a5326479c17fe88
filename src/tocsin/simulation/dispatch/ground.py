"""The ground of a run: every place there is, and the road time from each to each, once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tocsin.simulation.dispatch.calls import Pattern
from tocsin.simulation.dispatch.fleet import SimFleet
from tocsin.simulation.dispatch.states import Position
from tocsin.simulation.dispatch.town import Town
from tocsin.simulation.dispatch.travel import Points, Seconds, Times, points
from tocsin.simulation.dispatch.zones import Zones, zones_of

STEP_S = 0.01
"""Times are compared in hundredths of a second, as the policies do; equal ones go by id."""


@dataclass(frozen=True, slots=True, eq=False)
class SimGround:
    """Places of calls first (their numbers are those of the pattern), then homes and hospitals.

    `times_s[a, b]`: seconds by road from place a to place b. `homes`: each unit's home.
    `hospital_of`: for each place of a call the nearest hospital's place, or -1 if none is known.
    `posts`: where a unit may wait: every home and station. `zones`: by the number of a kind.
    `carry_factor`: see `Town`.
    """

    places: Points
    times_s: Seconds
    homes: tuple[int, ...]
    hospital_of: tuple[int, ...]
    cut_off: int
    posts: tuple[int, ...]
    zones: tuple[Zones, ...]
    carry_factor: float = 0.0


def ground_of(
    pattern: Pattern,
    fleet: SimFleet,
    town: Town,
    times: Times,
    stations: Iterable[Position] = (),
) -> SimGround:
    """The table of a pattern's places and a fleet's homes."""
    hospitals = town.hospitals
    posts = {unit.home for unit in fleet.units} | set(stations)
    extra = sorted(posts | set(hospitals))
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
        tuple(sorted(number[post] for post in posts)),
        zones_of(pattern, town, table),
        town.carry_factor,
    )
