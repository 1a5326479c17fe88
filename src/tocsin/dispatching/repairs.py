"""What is missing after everyone was sent, why, and the cheapest way to mend it."""

from __future__ import annotations

import numpy as np

from tocsin.dispatching.assignment import assign
from tocsin.dispatching.ground import (
    NO_STANDING,
    ON_REQUEST,
    UNASKED,
    Flags,
    Ground,
    aid_table,
    tier_flags,
)
from tocsin.dispatching.problem import CallNow, LevelNeeds, Problem, UnitNow
from tocsin.dispatching.recommendation import (
    BUSY_REASONS,
    Reason,
    Repair,
    Shortfall,
    ShortfallCode,
)
from tocsin.dispatching.solving import Plan

LOWER_LEVEL_S = 600.0
"""A lower level is offered before a wait longer than this, behind a shorter one."""
SPARE_REPAIRS = 2
"""So many more repairs than units are missing: somebody may say no."""


def shortfalls(ground: Ground, plan: Plan, column: int) -> tuple[Shortfall, ...]:
    """The needs of one call that the plan leaves unmet, in the order of its run card. What only
    assists is no shortfall."""
    missing: dict[str, int] = {}
    for unit, slot in zip(plan.units, ground.slots, strict=True):
        if slot.call == column and not slot.is_assisting and unit < 0:
            missing[slot.capability] = missing.get(slot.capability, 0) + 1
    if not missing:
        return ()
    lower = _lower_level(ground, plan, column)
    return tuple(
        Shortfall(
            capability,
            count,
            _code(ground, column, capability),
            _repairs(ground, plan, column, capability, count, lower),
        )
        for capability, count in missing.items()
    )


def _available(problem: Problem) -> Flags:
    return problem.columns.is_available


def _code(ground: Ground, column: int, capability: str) -> ShortfallCode:
    has = ground.has[capability]
    if not bool(has.any()):
        return "no_such_unit"
    ready = has & _available(ground.problem)
    if not bool(ready.any()):
        return "all_busy"
    own = ready & tier_flags(ground.problem)[:, column]
    if not bool(own.any()):
        return "other_tier_only"
    if not bool((own & (ground.standing[:, column] < NO_STANDING)).any()):
        return "no_way"
    return "too_few"


def _repairs(
    ground: Ground,
    plan: Plan,
    column: int,
    capability: str,
    count: int,
    lower: LevelNeeds | None,
) -> tuple[Repair, ...]:
    """The repairs for one need, cheapest first; `none` where nothing helps."""
    problem, call = ground.problem, ground.problem.calls[column]
    going = set(plan.units)
    found: list[tuple[float, Repair]] = []
    aid = aid_table(problem)[:, column]
    for row in np.flatnonzero(ground.has[capability]):
        unit, time_s = problem.units[row], float(ground.times_s[row, column])
        if row in going or time_s == float("inf"):
            continue
        if unit.is_available and aid[row] == ON_REQUEST:
            found.append((time_s + call.ask_s, _asked(unit, time_s, call)))
        waits = _waited(unit, time_s) if aid[row] == UNASKED else None
        if waits is not None:
            found.append(waits)
    found.sort(key=lambda each: (each[0], each[1].code, each[1].unit or ""))
    kept = found[: count + SPARE_REPAIRS]
    if lower is not None and lower.level < call.level:
        kept.append((LOWER_LEVEL_S, Repair("lower_level", None, None, lower.level)))
        kept.sort(key=lambda each: each[0])
    return tuple(repair for _, repair in kept) or (Repair("none"),)


def _asked(unit: UnitNow, time_s: float, call: CallNow) -> Repair:
    owner = unit.agency or unit.tier
    why = Reason("ask_owner", (("agency", owner), ("ask_s", call.ask_s), ("way_s", time_s)))
    return Repair("other_tier", time_s + call.ask_s, unit.id, reasons=(why,))


def _waited(unit: UnitNow, time_s: float) -> tuple[float, Repair] | None:
    """To wait for a busy unit: until it is free, and from there the way. None where nobody can say
    when that is."""
    engaged = unit.engagement
    if engaged is None or engaged.free_in_s is None:
        return None
    delay_s = engaged.free_in_s + time_s
    code = BUSY_REASONS.get(unit.status)
    why: tuple[Reason, ...] = ()
    if code is not None and engaged.status_s is not None:
        facts = (("for_s", engaged.status_s), ("more_s", engaged.free_in_s), ("way_s", time_s))
        why = (Reason(code, facts),)
    return delay_s, Repair("wait", delay_s, unit.id, wait_s=engaged.free_in_s, reasons=why)


def _lower_level(ground: Ground, plan: Plan, column: int) -> LevelNeeds | None:
    """The highest lower level that the units not sent elsewhere can meet."""
    call = ground.problem.calls[column]
    elsewhere = {
        unit
        for unit, slot in zip(plan.units, ground.slots, strict=True)
        if unit >= 0 and slot.call != column
    }
    free = ground.problem.units
    is_free = np.array([row not in elsewhere for row in range(len(free))], dtype=np.bool_)
    is_ready = (
        is_free
        & _available(ground.problem)
        & tier_flags(ground.problem)[:, column]
        & (ground.standing[:, column] < NO_STANDING)
    )
    for lower in sorted(call.lower_levels, key=lambda each: -each.level):
        rows = [
            np.where(is_ready & ground.has[need.capability], 0.0, np.inf)
            for need in lower.needs
            for _ in range(need.count)
        ]
        filled = assign(np.array(rows), np.ones(len(rows), dtype=np.int64))
        if bool((filled >= 0).all()):
            return lower
    return None
