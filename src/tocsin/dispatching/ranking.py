"""From prices to an answer: solves, ranks, and says why. Shared by every policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.ground import CUT_OFF, SOUND, STALE, Ground, lay_out
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.recommendation import (
    STANDINGS,
    Advice,
    Candidate,
    Reason,
    Recommendation,
    Sent,
)
from tocsin.dispatching.solving import Plan, solve, steps

TERM_DIGITS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """What a policy makes of a ground. `steps` (units x calls): cost in whole steps after
    rounding; `step`: what one step is worth; `terms`: what it is made of, by name."""

    steps: NDArray[np.float64]
    step: float
    terms: Mapping[str, NDArray[np.float64]]


Price = Callable[[Ground], Priced]


def recommend(
    problem: Problem,
    policy: str,
    parameters: tuple[tuple[str, float], ...],
    price: Price,
    ranked_max: int | None = None,
) -> Recommendation:
    """The recommendation of a policy that prices units for calls."""
    ground = lay_out(problem)
    priced = price(ground)
    costs = steps(ground, priced.steps)
    plan = solve(ground, costs)
    advice = tuple(
        _advice(ground, priced, costs, plan, column, ranked_max)
        for column in range(len(ground.problem.calls))
    )
    return Recommendation(ground.problem.at, policy, parameters, plan.method, advice)


def _advice(
    ground: Ground,
    priced: Priced,
    costs: NDArray[np.float64],
    plan: Plan,
    column: int,
    ranked_max: int | None,
) -> Advice:
    rows = np.flatnonzero(np.isfinite(costs[:, column]))
    order = rows[np.argsort(costs[rows, column], kind="stable")]
    filled = [
        (unit, slot)
        for unit, slot in zip(plan.units, ground.slots, strict=True)
        if slot.call == column and unit >= 0
    ]
    sent = {unit for unit, _ in filled}
    units = ground.problem.units
    return Advice(
        ground.problem.calls[column].id,
        tuple(Sent(units[unit].id, slot.capability, slot.is_assisting) for unit, slot in filled),
        tuple(
            _candidate(ground, priced, rank, int(row), column, int(row) in sent)
            for rank, row in enumerate(order[:ranked_max], 1)
        ),
        len(order),
    )


def _candidate(
    ground: Ground, priced: Priced, rank: int, row: int, column: int, is_sent: bool
) -> Candidate:
    problem = ground.problem
    unit, call = problem.units[row], problem.calls[column]
    time_s = float(ground.times_s[row, column])
    is_known = time_s < float("inf")
    factors = problem.p90_factors
    p90_s = None if factors is None or not is_known else time_s * float(factors[row, column])
    return Candidate(
        rank,
        unit.id,
        STANDINGS[int(ground.standing[row, column])],
        time_s if is_known else None,
        p90_s,
        unit.position_age_s,
        round(float(np.rint(priced.steps[row, column])) * priced.step, TERM_DIGITS)
        if is_known
        else 0.0,
        tuple(
            (name, round(float(table[row, column]), TERM_DIGITS))
            for name, table in priced.terms.items()
            if is_known
        ),
        tuple(
            need.capability
            for need in (*call.needs, *call.assists)
            if need.capability in unit.capabilities
        ),
        is_sent,
        _reasons(ground, row, column),
    )


def _reasons(ground: Ground, row: int, column: int) -> tuple[Reason, ...]:
    problem = ground.problem
    unit, call = problem.units[row], problem.calls[column]
    time_s = float(ground.times_s[row, column])
    standing = int(ground.standing[row, column])
    found: list[Reason] = []
    if standing == CUT_OFF:
        found.append(Reason("no_way", (("time_s", time_s),)))
    if time_s == float("inf"):
        found.append(Reason("time_unknown"))
    elif call.target_s is None:
        found.append(Reason("no_target", (("time_s", time_s),)))
    else:
        over_s = call.waited_s + time_s - call.target_s
        code = "in_time" if over_s <= 0 else "late"
        found.append(Reason(code, (("time_s", time_s), ("over_s", max(0.0, over_s)))))
    if unit.position_age_s is None:
        found.append(Reason("position_unknown"))
    elif standing != SOUND and (standing == STALE or unit.position_age_s > problem.stale_after_s):
        found.append(Reason("position_stale", (("age_s", unit.position_age_s),)))
    return tuple(found)
