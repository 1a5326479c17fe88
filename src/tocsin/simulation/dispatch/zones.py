"""Where calls are expected, for the coverage that policies weigh: places, weights, times of day.

A zone is a patch of places; it stands at the one whose distances to the others, weighed, are least.
A unit that a call takes counts as its share of the call: of several that arrive any may be the
first, which is what a promise of arrival is about. Calls of low priority count a quarter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tocsin.simulation.dispatch.calls import Pattern, firsts_of, spots_of
from tocsin.simulation.dispatch.town import Town
from tocsin.simulation.dispatch.travel import Seconds

Floats = npt.NDArray[np.float64]

ZONES_MAX: Final = 120
"""Of one kind. In a city of 12 x 12 km such a patch is a kilometre wide, a minute's drive."""
GRID_DEG: Final = 0.004
"""First step of the grid, about 400 m; doubled until the patches are few enough."""
LOW_WEIGHT: Final = 0.25
PERIODS: Final = 4
"""Parts of the day, six hours each, with weights of their own."""
SHRINK: Final = 4.0
"""Calls of the whole day's pattern mixed into a part's: eight days of a log are few for each."""
NO_WAY_S: Final = 1e6
"""Stands for no way where a sum must stay a number: eleven days."""


@dataclass(frozen=True, slots=True, eq=False)
class Zones:
    """The zones of one kind: `places`, and `weights` (periods x zones), any rate."""

    places: tuple[int, ...]
    weights: Floats


def period_of(hour: float) -> int:
    """The part of the day of an hour, 0 to 24."""
    return int(hour % 24.0 * PERIODS / 24.0)


def zones_of(pattern: Pattern, town: Town, table: Seconds) -> tuple[Zones, ...]:
    """Zones by the number of the kind."""
    weights = _by_rates(pattern, town) if town.source == "rates" else _by_past(pattern)
    patches = [_patches(pattern, weights[kind].sum(axis=0)) for kind in range(len(pattern.kinds))]
    return tuple(_zones(weights[kind], patches[kind], table) for kind in range(len(pattern.kinds)))


def _share(is_high: bool, count: int) -> float:
    return (1.0 if is_high else LOW_WEIGHT) / max(1, count)


def _by_past(pattern: Pattern) -> Floats:
    """Weights by kind, period and place, of a log."""
    found = np.zeros((len(pattern.kinds), PERIODS, len(pattern.places)))
    for each in pattern.past:
        share = _share(each.is_high, sum(slot.is_arriving for slot in each.slots))
        for slot in each.slots:
            if slot.is_arriving:
                found[slot.kind, period_of(each.hour), each.place] += share
    return found


def _by_rates(pattern: Pattern, town: Town) -> Floats:
    """As `_by_past`, of a town that is described: alike at all hours but for its hour weights."""
    found = np.zeros((len(pattern.kinds), PERIODS, len(pattern.places)))
    hours = np.asarray(town.hour_weights).reshape(PERIODS, -1).sum(axis=1)
    number = {name: at for at, name in enumerate(pattern.kinds)}
    for area, first in zip(town.areas, firsts_of(town), strict=True):
        spots = np.asarray([block.weight for block in spots_of(area)])
        spots = spots / spots.sum()
        for call in town.call_kinds:
            share = area.calls_per_day * call.weight * _share(call.is_high, len(call.needs))
            for need in call.needs:
                found[number[need], :, first : first + len(spots)] += share * hours[:, None] * spots
    return found


def _patches(pattern: Pattern, weights: Floats) -> list[npt.NDArray[np.int64]]:
    """Places with a weight, by cells of a grid."""
    used = np.flatnonzero(weights > 0)
    step = GRID_DEG
    while True:
        cells: dict[tuple[int, int], list[int]] = {}
        for place in used.tolist():
            lon, lat = pattern.places[place].tolist()
            cells.setdefault((round(lon / step), round(lat / step)), []).append(place)
        if len(cells) <= ZONES_MAX:
            return [np.asarray(cells[key], dtype=np.int64) for key in sorted(cells)]
        step *= 1.25


def _zones(weights: Floats, patches: list[npt.NDArray[np.int64]], table: Seconds) -> Zones:
    places: list[int] = []
    columns: list[Floats] = []
    for members in patches:
        among = table[np.ix_(members, members)].astype(np.float64)
        total = weights[:, members].sum(axis=0)
        middle = int(np.argmin(np.where(np.isfinite(among), among, NO_WAY_S) @ total))
        places.append(int(members[middle]))
        columns.append(weights[:, members].sum(axis=1))
    if not places:
        return Zones((), np.zeros((PERIODS, 0)))
    by_part = np.stack(columns, axis=1)
    # An empirical pattern of so few calls is mixed with that of the whole day.
    whole = by_part.sum(axis=0)
    mean = whole / max(float(whole.sum()), 1e-9)
    return Zones(tuple(places), by_part + SHRINK * mean)
