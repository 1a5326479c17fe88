"""From prices to an answer: solves, ranks, and says why. Shared by every policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.cover import Cover, cover_of
from tocsin.dispatching.ground import Flags, Ground, lay_out
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.reasons import Picture, faster_but, reasons_of
from tocsin.dispatching.recommendation import (
    STANDINGS,
    Advice,
    Candidate,
    Recommendation,
    Sent,
)
from tocsin.dispatching.repairs import shortfalls
from tocsin.dispatching.solving import Plan, solve, steps

TERM_DIGITS = 6
"""Costs and terms are told to a millionth."""


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """What a policy makes of a ground. `steps` (units x calls): cost in whole steps after
    rounding; `step`: what one step is worth; `terms`: what it is made of, by name; `cover` and
    `is_over_cap` where the policy looked at them."""

    steps: NDArray[np.float64]
    step: float
    terms: Mapping[str, NDArray[np.float64]]
    cover: Cover | None = None
    is_over_cap: Flags | None = None


Price = Callable[[Ground], Priced]


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """A ground with its prices, the costs that were compared, and the plan."""

    ground: Ground
    priced: Priced
    costs: NDArray[np.float64]
    plan: Plan


def work_out(problem: Problem, price: Price, is_exact: bool = True) -> Solved:
    """Prices and plan without a word of explanation: all that a simulation needs."""
    ground = lay_out(problem)
    priced = price(ground)
    costs = steps(ground, priced.steps)
    return Solved(ground, priced, costs, solve(ground, costs, is_exact=is_exact))


def recommend(
    problem: Problem,
    policy: str,
    parameters: tuple[tuple[str, float], ...],
    price: Price,
    *,
    ranked_max: int | None,
    is_exact: bool,
) -> Recommendation:
    """The recommendation of a policy that prices units for calls. Whoever is sent is among the
    ranked, also behind a cut at `ranked_max`."""
    solved = work_out(problem, price, is_exact)
    picture = _picture(solved)
    advice = tuple(
        _advice(solved, picture, column, ranked_max)
        for column in range(len(solved.ground.problem.calls))
    )
    at, method = solved.ground.problem.at, solved.plan.method
    return Recommendation(at, policy, parameters, method, advice)


def _picture(solved: Solved) -> Picture:
    problem = solved.ground.problem
    cover = solved.priced.cover
    if cover is None and problem.demand is not None:
        cover = cover_of(problem.units, problem.demand)
    going = {
        unit: slot.call
        for unit, slot in zip(solved.plan.units, solved.ground.slots, strict=True)
        if unit >= 0
    }
    return Picture(solved.ground, solved.costs, cover, solved.priced.is_over_cap, going)


def _advice(solved: Solved, picture: Picture, column: int, ranked_max: int | None) -> Advice:
    ground, costs = solved.ground, solved.costs[:, column]
    rows = np.flatnonzero(np.isfinite(costs))
    order = [int(row) for row in rows[np.argsort(costs[rows], kind="stable")]]
    filled = [
        (unit, slot)
        for unit, slot in zip(solved.plan.units, ground.slots, strict=True)
        if slot.call == column and unit >= 0
    ]
    sent = {unit: slot.is_assisting for unit, slot in reversed(filled)}
    units = ground.problem.units
    return Advice(
        ground.problem.calls[column].id,
        tuple(Sent(units[unit].id, slot.capability, slot.is_assisting) for unit, slot in filled),
        tuple(
            _candidate(solved, picture, rank, row, column, sent)
            for rank, row in enumerate(order, 1)
            if ranked_max is None or rank <= ranked_max or row in sent
        ),
        len(order),
        shortfalls(ground, solved.plan, column),
    )


def _candidate(
    solved: Solved,
    picture: Picture,
    rank: int,
    row: int,
    column: int,
    sent: Mapping[int, bool],
) -> Candidate:
    ground, priced = solved.ground, solved.priced
    problem = ground.problem
    unit, call = problem.units[row], problem.calls[column]
    time_s = float(ground.times_s[row, column])
    is_known = time_s < float("inf")
    factors = problem.p90_factors
    p90_s = None if factors is None or not is_known else time_s * float(factors[row, column])
    reasons = reasons_of(picture, row, column, is_assisting=sent.get(row, False))
    if rank == 1 or row in sent:
        reasons += faster_but(picture, row, column)
    whole = round(float(priced.steps[row, column])) if is_known else 0
    return Candidate(
        rank,
        unit.id,
        STANDINGS[int(ground.standing[row, column])],
        time_s if is_known else None,
        p90_s,
        unit.position_age_s,
        round(whole * priced.step, TERM_DIGITS),
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
        row in sent,
        reasons,
    )
