"""The snapshot as arrays: who may go where, how long it takes, how well that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.problem import CallNow, Problem
from tocsin.dispatching.recommendation import STANDINGS
from tocsin.dispatching.tables import Seconds
from tocsin.kernel.shared import AreaId, Tier
from tocsin.packs.aid import OTHER

Flags: TypeAlias = NDArray[np.bool_]
SOUND, STALE, UNPLACED, CUT_OFF, UNKNOWN = range(len(STANDINGS))
NO_STANDING = len(STANDINGS)
"""A known position and no way at all: not a candidate."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One place to fill: the column of its call, what is needed, whether it only assists."""

    call: int
    capability: str
    is_assisting: bool


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """Arrays over the ordered snapshot, units x calls unless said otherwise.

    `times_s` is by road, or the fallback's where `standing` says so. `is_candidate`: available,
    of a tier that may be sent unasked, with a capability that the call needs, and with a standing.
    `has` maps a capability that is asked for to the units that have it (a flag each).
    """

    problem: Problem
    times_s: Seconds
    standing: NDArray[np.int8]
    is_candidate: Flags
    has: dict[str, Flags]
    slots: tuple[Slot, ...]

    def fits(self, slot: Slot) -> Flags:
        """The units that may fill a slot, a flag each."""
        return self.is_candidate[:, slot.call] & self.has[slot.capability]


def lay_out(problem: Problem) -> Ground:
    """The arrays of a snapshot; its units and calls are put in the order of their ids first."""
    problem = problem.ordered()
    has = capability_flags(problem)
    times_s, standing = _standing(problem)
    meets = np.zeros(problem.times_s.shape, dtype=np.bool_)
    for column, call in enumerate(problem.calls):
        for need in (*call.needs, *call.assists):
            meets[:, column] |= has[need.capability]
    is_candidate = (
        problem.columns.is_available[:, None]
        & meets
        & tier_flags(problem)
        & (standing < NO_STANDING)
    )
    slots = tuple(
        slot for column, call in enumerate(problem.calls) for slot in slots_of(call, column)
    )
    return Ground(problem, times_s, standing, is_candidate, has, slots)


def slots_of(call: CallNow, column: int) -> tuple[Slot, ...]:
    """One slot for each unit that a call needs, then one for each that assists."""
    return tuple(
        Slot(column, need.capability, is_assisting)
        for needs, is_assisting in ((call.needs, False), (call.assists, True))
        for need in needs
        for _ in range(need.count)
    )


def capability_flags(problem: Problem) -> dict[str, Flags]:
    """Every capability that a call or a lower level of it asks for, with a flag for each unit."""
    able = [unit.capabilities for unit in problem.units]
    asked = dict.fromkeys(
        need.capability
        for call in problem.calls
        for needs in (call.needs, call.assists, *(lower.needs for lower in call.lower_levels))
        for need in needs
    )
    return {name: np.array([name in each for each in able], dtype=np.bool_) for name in asked}


Home: TypeAlias = tuple[str, Tier, AreaId | None]
"""Agency, tier and area of a unit: all that aid asks of it."""
NOT_OFFERED, ON_REQUEST, UNASKED = range(3)
"""What another agency or tier makes of a call for its unit."""


def tier_flags(problem: Problem) -> Flags:
    """Whether a unit may be sent to a call without asking another tier."""
    if not any(call.tiers for call in problem.calls):
        return np.ones(problem.times_s.shape, dtype=np.bool_)
    return aid_table(problem) == UNASKED


def aid_table(problem: Problem) -> NDArray[np.int8]:
    """For each unit and call whether it goes unasked, on request, or not at all. Units of one
    agency and home are one question."""
    homes: list[Home] = [(unit.agency, unit.tier, unit.home_area) for unit in problem.units]
    kinds = list(dict.fromkeys(homes))
    number = {home: row for row, home in enumerate(kinds)}
    rows = np.array([number[home] for home in homes], dtype=np.intp)
    found = np.full(problem.times_s.shape, UNASKED, dtype=np.int8)
    for column, call in enumerate(problem.calls):
        if call.tiers and kinds:
            answers = np.array([_answer(home, call) for home in kinds], dtype=np.int8)
            found[:, column] = answers[rows]
    return found


def _answer(home: Home, call: CallNow) -> int:
    """An agency that is named, by its id or its code, goes before its tier."""
    agency, tier, area = home
    is_own = area is None or not call.areas or area in call.areas
    code = agency.partition("@")[0]
    for giver in (agency, code, tier if is_own else OTHER + tier):
        if giver in call.tiers:
            return UNASKED
        if call.on_request is not None and giver in call.on_request:
            return ON_REQUEST
    return ON_REQUEST if call.on_request is None else NOT_OFFERED


def _standing(problem: Problem) -> tuple[Seconds, NDArray[np.int8]]:
    ages = problem.columns.age_s
    is_unplaced = np.isnan(ages)
    known = np.where(ages > problem.stale_after_s, STALE, SOUND)
    by_age = np.where(is_unplaced, UNPLACED, known).astype(np.int8)
    has_way = np.isfinite(problem.times_s)
    standing = np.where(has_way, by_age[:, None], NO_STANDING).astype(np.int8)
    times_s = problem.times_s
    if problem.fallback_times_s is not None:
        times_s = np.where(has_way, times_s, problem.fallback_times_s)
        standing[~has_way & np.isfinite(times_s)] = CUT_OFF
    standing[is_unplaced[:, None] & ~np.isfinite(times_s)] = UNKNOWN
    return times_s, standing
