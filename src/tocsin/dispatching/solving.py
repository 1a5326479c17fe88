"""Several units and several waiting cases together: who goes where, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.assignment import TooLarge, assign
from tocsin.dispatching.covering import GaveUp, cover_needs
from tocsin.dispatching.ground import NO_STANDING, Ground, Slot
from tocsin.dispatching.problem import PRIORITIES
from tocsin.dispatching.recommendation import Method

COST_STEPS_MAX = 1e7
"""Costs are whole steps below this: 28 hours in hundredths of a second. With it, sums stay exact
in doubles up to about 500 slots (see assignment)."""

FALLBACK_SLOTS = 250
"""Slots that the fallback solves at once: sums of that many stay exact at the largest cost."""


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


def solve(ground: Ground, costs: NDArray[np.float64], *, is_exact: bool = True) -> Plan:
    """The plan of least cost: fewest needs of priority 1 unmet, then their summed cost, then those
    of priority 2, and so on, then what assists; ties by the units' ids.

    `costs` (units x calls) are the steps of `steps`. An assignment where each unit meets one need,
    else a MILP; at its limits, or with `is_exact` False, the fallback: every unit is counted once,
    and with more slots than can be summed exactly each priority is solved for itself.
    """
    levels = np.array([level_of(ground, slot) for slot in ground.slots], dtype=np.int64)
    has_shared = _has_shared_needs(ground)
    if is_exact and has_shared:
        try:
            return Plan(cover_needs(ground, costs, levels), "milp")
        except GaveUp:
            is_exact = False  # the answer says so
    table = np.full((len(ground.slots), len(ground.problem.units)), np.inf)
    for row, slot in enumerate(ground.slots):
        table[row] = np.where(ground.fits(slot), costs[:, slot.call], np.inf)
    if is_exact:
        try:
            return Plan(_tuple(assign(table, levels)), "assignment")
        except TooLarge:
            is_exact = False  # the answer says so
    return Plan(_one_by_one(table, levels), "fallback")


def _has_shared_needs(ground: Ground) -> bool:
    """Whether any unit could meet two needs of a case that lets it."""
    for column, call in enumerate(ground.problem.calls):
        if not call.is_counted_once and len(call.needs) > 1:
            met = sum(
                (ground.is_candidate[:, column] & ground.has[need.capability]).astype(np.int64)
                for need in call.needs
            )
            if bool(np.any(np.asarray(met) > 1)):
                return True
    return False


def _one_by_one(table: NDArray[np.float64], levels: NDArray[np.int64]) -> tuple[int, ...]:
    """Each level for itself, in parts that can be summed exactly; what one has taken is gone."""
    result = np.full(len(levels), -1, dtype=np.int64)
    left = table.copy()
    for level in np.unique(levels):
        rows = np.flatnonzero(levels == level)
        for start in range(0, len(rows), FALLBACK_SLOTS):
            part = rows[start : start + FALLBACK_SLOTS]
            result[part] = assign(left[part], np.zeros(len(part), dtype=np.int64))
            left[:, result[part][result[part] >= 0]] = np.inf
    return _tuple(result)


def _tuple(units: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(unit) for unit in units)
