"""The exact plan where one unit may meet several needs of a case at once: a small MILP.

Solved level by level like the assignment: first the units missing, then the cost, each optimum
held as a constraint for all that follows. HiGHS (through scipy.optimize.milp) without a gap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from tocsin.dispatching.ground import Ground, Slot

Numbers = NDArray[np.float64]
VARIABLES_MAX = 3000
"""Units times cases beyond which nobody would wait: ten such cases with 500 units have 2,700, and
take about a second on a busy core."""
NODES_MAX = 20_000
"""Where the search gives up: the same on every machine. What was tried needed one node."""
TIME_MAX_S = 1.0
"""A last guard for each step of the search, by the wall clock. An answer that was made behind any
of these limits says `fallback`, and recomputes as one."""
HALF = 0.5

_milp = cast(Callable[..., Any], optimize.milp)  # pyright: ignore[reportUnknownMemberType]
_rows = cast(Callable[..., Any], optimize.LinearConstraint)
_bounds = cast(Callable[..., Any], optimize.Bounds)
_matrix = cast(Callable[..., Any], sparse.csr_array)


class GaveUp(Exception):
    """No proven optimum within the limits."""


@dataclass(slots=True)
class _Model:
    """Variables with their unit, level, cost and the needs they meet; grown while it is built."""

    units: list[int] = field(default_factory=list[int])
    calls: list[int] = field(default_factory=list[int])
    levels: list[int] = field(default_factory=list[int])
    costs: list[float] = field(default_factory=list[float])
    meets: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])


@dataclass(frozen=True, slots=True)
class Group:
    """The like slots of one call: a need, with the rows of the slots it fills."""

    call: int
    capability: str
    is_assisting: bool
    level: int
    slots: tuple[int, ...]


def grouped(slots: tuple[Slot, ...], levels: NDArray[np.int64]) -> tuple[Group, ...]:
    """The slots, like ones together, in their order."""
    found: dict[Slot, list[int]] = {}
    for row, slot in enumerate(slots):
        found.setdefault(slot, []).append(row)
    return tuple(
        Group(slot.call, slot.capability, slot.is_assisting, int(levels[rows[0]]), tuple(rows))
        for slot, rows in found.items()
    )


def cover_needs(ground: Ground, costs: Numbers, levels: NDArray[np.int64]) -> tuple[int, ...]:
    """The unit of each slot, or -1. A unit fills one slot of each need that it meets, where its
    call does not count it once. Raises GaveUp at a limit."""
    groups = grouped(ground.slots, levels)
    model = _built(ground, groups, costs)
    chosen = _solved(model, groups, len(ground.problem.units))
    filled = [-1] * len(ground.slots)
    free = [list(group.slots) for group in groups]
    for number in sorted(chosen, key=lambda each: (model.costs[each], model.units[each])):
        for group in model.meets[number]:
            if free[group]:
                filled[free[group].pop(0)] = model.units[number]
    return tuple(filled)


def _built(ground: Ground, groups: tuple[Group, ...], costs: Numbers) -> _Model:
    model = _Model()
    total = len(ground.slots)
    for number, call in enumerate(ground.problem.calls):
        own = [index for index, group in enumerate(groups) if group.call == number]
        needed = [index for index in own if not groups[index].is_assisting]
        if call.is_counted_once:
            bundles = [[index] for index in own]
        else:
            bundles = [needed, *([index] for index in own if groups[index].is_assisting)]
        for bundle in bundles:
            _add(model, ground, groups, bundle, costs[:, number], total)
    return model


def _add(
    model: _Model,
    ground: Ground,
    groups: tuple[Group, ...],
    bundle: list[int],
    costs: Numbers,
    total: int,
) -> None:
    """One variable for each unit that meets any need of the bundle. Of units that meet the same
    needs only the `total` cheapest matter: a plan has no more units than slots, so another one
    could always be exchanged for one of these that is free."""
    alike: dict[tuple[int, ...], int] = {}
    for row in np.argsort(costs, kind="stable"):
        if not np.isfinite(costs[row]):
            break
        meets = tuple(index for index in bundle if ground.has[groups[index].capability][row])
        if meets and alike.get(meets, 0) < total:
            alike[meets] = alike.get(meets, 0) + 1
            model.units.append(int(row))
            model.calls.append(groups[bundle[0]].call)
            model.levels.append(groups[bundle[0]].level)
            model.costs.append(float(costs[row]))
            model.meets.append(meets)


def _solved(model: _Model, groups: tuple[Group, ...], unit_count: int) -> list[int]:
    """The variables that are chosen."""
    count, missing = len(model.units), len(groups)
    if count == 0:
        return []
    if count > VARIABLES_MAX:
        raise GaveUp(f"{count} variables")
    rows, low, high = _constraints(model, groups, unit_count)
    tops = np.array([1.0] * count + [float(len(group.slots)) for group in groups])
    result = np.zeros(count + missing)
    for objective in _objectives(model, groups, count):
        answer = _milp(
            objective,
            constraints=_rows(_matrix(rows), low, high),
            integrality=np.ones(count + missing),
            bounds=_bounds(np.zeros(count + missing), tops),
            options={"node_limit": NODES_MAX, "time_limit": TIME_MAX_S, "mip_rel_gap": 0.0},
        )
        if answer.status != 0 or answer.x is None:
            raise GaveUp(str(answer.message))
        result = np.rint(np.asarray(answer.x, dtype=np.float64))
        rows = np.vstack([rows, objective])
        low = np.append(low, -np.inf)
        high = np.append(high, float(objective @ result) + HALF)
    return [number for number in range(count) if result[number] > HALF]


def _constraints(
    model: _Model, groups: tuple[Group, ...], unit_count: int
) -> tuple[Numbers, Numbers, Numbers]:
    """Each need is met or counted as missing; no unit goes twice."""
    count = len(model.units)
    rows = np.zeros((len(groups) + unit_count, count + len(groups)))
    for number, meets in enumerate(model.meets):
        rows[list(meets), number] = 1.0
        rows[len(groups) + model.units[number], number] = 1.0
    rows[np.arange(len(groups)), count + np.arange(len(groups))] = 1.0
    needed = [float(len(group.slots)) for group in groups]
    low = np.array([*needed, *[-np.inf] * unit_count])
    high = np.array([*[np.inf] * len(groups), *[1.0] * unit_count])
    return rows, low, high


def _objectives(model: _Model, groups: tuple[Group, ...], count: int) -> list[Numbers]:
    """Level by level the units missing, then the cost; last the units' numbers."""
    found: list[Numbers] = []
    for level in sorted({group.level for group in groups}):
        missing, cost = np.zeros(count + len(groups)), np.zeros(count + len(groups))
        for index, group in enumerate(groups):
            missing[count + index] = float(group.level == level)
        for number in range(count):
            cost[number] = model.costs[number] if model.levels[number] == level else 0.0
        found += [missing, cost]
    ties = np.zeros(count + len(groups))
    ties[:count] = model.units
    return [*found, ties]
