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


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Shares of all demand, 0 to 1.

    `expected`: of the whole. `lost_by_zone` (units x zones): what goes if that unit goes; `lost`
    (units): its sum; `is_only` (units x zones): no other idle unit covers that zone in time.
    """

    expected: float
    lost_by_zone: NDArray[np.float64]
    lost: NDArray[np.float64]
    is_only: Flags


def zone_shares(demand: Demand) -> NDArray[np.float64]:
    """The weights of the zones as shares of their sum; all 0 where the sum is."""
    weights = np.array([zone.weight for zone in demand.zones], dtype=np.float64)
    total = float(sum(zone.weight for zone in demand.zones))
    return weights / total if total > 0 else weights


def reaches(units: tuple[UnitNow, ...], demand: Demand, times_s: NDArray[np.float64]) -> Flags:
    """Which units (rows) of a table of seconds reach which zones in time and can serve them."""
    targets_s = np.array([zone.target_s for zone in demand.zones], dtype=np.float64)
    capabilities = dict.fromkeys(zone.capability for zone in demand.zones)
    can = {
        name: np.array([name in unit.capabilities for unit in units], dtype=np.bool_)
        for name in capabilities
    }
    serves = np.zeros(times_s.shape, dtype=np.bool_)
    for column, zone in enumerate(demand.zones):
        serves[:, column] = can[zone.capability]
    return serves & (times_s <= targets_s)


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
    """The coverage by the units that are idle now, and what each of them adds to it."""
    covers = reaches(units, demand, demand.unit_times_s) & idle(units)[:, None]
    shares, q = zone_shares(demand), busy_fractions(units)
    fails = np.where(covers, q, 1.0)
    uncovered = np.multiply.reduce(fails, axis=0)
    lost_by_zone = np.where(covers, shares * (uncovered / fails) * (1.0 - q), 0.0)
    return Cover(
        float(share_sum(shares * (1.0 - uncovered))),
        lost_by_zone,
        share_sum(lost_by_zone),
        covers & (covers.sum(axis=0) == 1),
    )
