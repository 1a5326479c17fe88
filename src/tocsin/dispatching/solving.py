"""Several units and several waiting cases together: who goes where, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.assignment import assign
from tocsin.dispatching.ground import NO_STANDING, Ground, Slot
from tocsin.dispatching.problem import PRIORITIES
from tocsin.dispatching.recommendation import Method

COST_STEPS_MAX = 1e7
"""Costs are whole steps below this: 28 hours in hundredths of a second. With it, sums stay exact
in doubles up to about 500 slots (see assignment)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The unit (row) that fills each slot of the ground, or -1, and how it was found."""

    units: tuple[int, ...]
    method: Method


def steps(ground: Ground, costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Costs of a policy (whole steps, clipped) with the standing before them; inf where a unit is
    no candidate. A worse standing costs more than any cost within a better one."""
    clipped = np.minimum(np.where(np.isfinite(costs), costs, COST_STEPS_MAX), COST_STEPS_MAX)
    weighed = np.rint(clipped) + ground.standing * (COST_STEPS_MAX + 1)
    allowed = ground.is_candidate & (ground.standing < NO_STANDING)
    return np.where(allowed, weighed, np.inf)


def level_of(ground: Ground, slot: Slot) -> int:
    """Needs by priority come first, then all that assist, by priority."""
    priority = ground.problem.calls[slot.call].priority
    return priority + (len(PRIORITIES) if slot.is_assisting else 0)


def solve(ground: Ground, costs: NDArray[np.float64]) -> Plan:
    """The plan of least cost: fewest needs of priority 1 unmet, then their summed cost, then those
    of priority 2, and so on, then what assists; ties by the units' ids.

    `costs` (units x calls) are the steps of `steps`.
    """
    table = np.full((len(ground.slots), len(ground.problem.units)), np.inf)
    for row, slot in enumerate(ground.slots):
        table[row] = np.where(ground.fits(slot), costs[:, slot.call], np.inf)
    levels = np.array([level_of(ground, slot) for slot in ground.slots], dtype=np.int64)
    return Plan(tuple(int(unit) for unit in assign(table, levels)), "assignment")
