"""Expected coverage: the share of demand that an idle unit could reach in time.

Daskin, A maximum expected covering location model (MEXCLP), Transportation Science 17 (1983): a
zone that k units cover, each busy a fraction q of the time and independently, is covered with
1 - q**k. Here each unit has its own q, so that is 1 - prod(q); with q = 0 it is the plain covering
of Church and ReVelle (1974). Only products and sums of whole numbers are used, so the bits are the
same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.demand import Demand
from tocsin.dispatching.ground import Flags
from tocsin.dispatching.problem import UnitNow

SHARE_STEPS = 1e12
"""Shares are summed as whole numbers of this, so that the order of summing changes nothing."""

Q_MIN = 1e-9
"""Stands for a unit that is never busy, so that the product over the others is one division."""


NO_ZONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Shares of all demand, 0 to 1.

    `expected`: of the whole. For each unit: `lost`, what goes if it goes; `worst_zone`, the zone
    (column) that suffers most, the first of equals, `NO_ZONE` where none does; `is_only`, that no
    other idle unit covers that zone in time.
    """

    expected: float
    lost: NDArray[np.float64]
    worst_zone: NDArray[np.int64]
    is_only: Flags


def zone_shares(demand: Demand) -> NDArray[np.float64]:
    """The weights of the zones as shares of their sum; all 0 where the sum is."""
    weights = np.array([zone.weight for zone in demand.zones], dtype=np.float64)
    total = float(sum(zone.weight for zone in demand.zones))
    return weights / total if total > 0 else weights


def reaches(units: tuple[UnitNow, ...], demand: Demand, times_s: NDArray[np.float64]) -> Flags:
    """Which units (rows) of a table of seconds reach which zones in time and can serve them."""
    targets_s = np.array([zone.target_s for zone in demand.zones], dtype=np.float64)
    wanted = [zone.capability for zone in demand.zones]
    able = [unit.capabilities for unit in units]
    serves = np.zeros(times_s.shape, dtype=np.bool_)
    for name in dict.fromkeys(wanted):
        rows = np.flatnonzero([name in each for each in able])
        columns = np.flatnonzero([name == each for each in wanted])
        block = np.ix_(rows, columns)
        serves[block] = times_s[block] <= targets_s[columns]
    return serves


def idle(units: tuple[UnitNow, ...]) -> Flags:
    """The units that could be sent now, a flag each."""
    return np.array([unit.is_available for unit in units], dtype=np.bool_)


def busy_fractions(units: tuple[UnitNow, ...]) -> NDArray[np.float64]:
    """The busy fraction of each unit, as a column, at least Q_MIN."""
    q = np.array([unit.busy_fraction for unit in units], dtype=np.float64)
    return np.maximum(q, Q_MIN)[:, None]


def share_sum(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over the zones (last axis)."""
    return np.rint(shares * SHARE_STEPS).astype(np.int64).sum(axis=-1) / SHARE_STEPS


def cover_of(units: tuple[UnitNow, ...], demand: Demand) -> Cover:
    """The coverage by the units that are idle now, and what each of them adds to it.

    Few of all pairs of unit and zone cover, so only those are looked at, in the order of the rows:
    products in that order are the same bits as over the whole table.
    """
    covers = reaches(units, demand, demand.unit_times_s)
    covers[~idle(units)] = False
    rows, columns = np.nonzero(covers)
    shares, q = zone_shares(demand), busy_fractions(units)[:, 0]
    mine = q[rows]
    uncovered = np.ones(len(demand.zones))
    np.multiply.at(uncovered, columns, mine)
    lost = shares[columns] * (uncovered[columns] / mine) * (1.0 - mine)
    worst, is_only = _worst_zones(rows, columns, lost, covers.shape)
    return Cover(
        float(share_sum(shares * (1.0 - uncovered))),
        # Whole numbers below 2**53: doubles hold their sums exactly.
        np.bincount(rows, np.rint(lost * SHARE_STEPS), len(units)) / SHARE_STEPS,
        worst,
        is_only,
    )


def _worst_zones(
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    lost: NDArray[np.float64],
    shape: tuple[int, ...],
) -> tuple[NDArray[np.int64], Flags]:
    """For each unit its first zone of greatest loss, and whether it alone covers that."""
    worst = np.full(shape[0], NO_ZONE, dtype=np.int64)
    is_only = np.zeros(shape[0], dtype=np.bool_)
    if len(rows):
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        greatest = np.maximum.reduceat(lost, starts)
        at = np.flatnonzero(lost == np.repeat(greatest, np.diff(starts, append=len(rows))))
        found, first = np.unique(rows[at], return_index=True)
        worst[found] = columns[at[first]]
        is_only[found] = np.bincount(columns, minlength=shape[1])[worst[found]] == 1
    return worst, is_only
