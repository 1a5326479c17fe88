"""From prices to an answer: solves, ranks, and says why. Shared by every policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.cover import Cover, cover_of
from tocsin.dispatching.ground import Flags, Ground, Slot, lay_out
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.reasons import (
    Column,
    Picture,
    column_of,
    faster_but,
    losses,
    reasons_of,
)
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
    filled: list[list[tuple[int, Slot]]] = [[] for _ in solved.ground.problem.calls]
    for unit, slot in zip(solved.plan.units, solved.ground.slots, strict=True):
        filled[slot.call].append((unit, slot))
    advice = tuple(
        _advice(solved, picture, column, mine, ranked_max) for column, mine in enumerate(filled)
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
    return Picture(
        solved.ground, solved.costs, losses(problem, cover), solved.priced.is_over_cap, going
    )


def _advice(
    solved: Solved,
    picture: Picture,
    number: int,
    slots: list[tuple[int, Slot]],
    ranked_max: int | None,
) -> Advice:
    """The answer for one call; `slots` are its own, each with the unit that fills it or -1."""
    ground, costs = solved.ground, solved.costs[:, number]
    rows = np.flatnonzero(np.isfinite(costs))
    order = rows[np.argsort(costs[rows], kind="stable")].tolist()
    filled = [(unit, slot) for unit, slot in slots if unit >= 0]
    is_short = any(unit < 0 and not slot.is_assisting for unit, slot in slots)
    like = {slot: place for place, slot in enumerate(dict.fromkeys(slot for _, slot in filled))}
    filled.sort(key=lambda each: (like[each[1]], costs[each[0]], each[0]))
    sent = {unit: slot.is_assisting for unit, slot in reversed(filled)}
    units = ground.problem.units
    kept = [
        (rank, row)
        for rank, row in enumerate(order, 1)
        if ranked_max is None or rank <= ranked_max or row in sent
    ]
    return Advice(
        ground.problem.calls[number].id,
        tuple(Sent(units[unit].id, slot.capability, slot.is_assisting) for unit, slot in filled),
        _candidates(solved, column_of(picture, number), kept, sent),
        len(order),
        shortfalls(ground, solved.plan, number) if is_short else (),
    )


def _candidates(
    solved: Solved, column: Column, kept: list[tuple[int, int]], sent: Mapping[int, bool]
) -> tuple[Candidate, ...]:
    """The candidates (rank, row) of one call, from plain lists of their numbers."""
    ground, priced, number = solved.ground, solved.priced, column.number
    rows = [row for _, row in kept]
    times_s: list[float] = ground.times_s[rows, number].tolist()
    standings: list[int] = ground.standing[rows, number].tolist()
    whole: list[float] = np.rint(priced.steps[rows, number]).tolist()
    terms: list[list[float]] = [table[rows, number].tolist() for table in priced.terms.values()]
    factors = ground.problem.p90_factors
    p90: list[float] | None = None if factors is None else factors[rows, number].tolist()
    names = tuple(priced.terms)
    wanted = tuple(need.capability for need in (*column.call.needs, *column.call.assists))
    meets: dict[tuple[str, ...], tuple[str, ...]] = {}  # units of a kind meet the same
    found: list[Candidate] = []
    for place, (rank, row) in enumerate(kept):
        unit, time_s, standing = ground.problem.units[row], times_s[place], standings[place]
        is_known, is_sent = time_s < float("inf"), row in sent
        is_assisting = sent.get(row, False)
        able = unit.capabilities
        if able not in meets:
            meets[able] = tuple(dict.fromkeys(name for name in wanted if name in able))
        reasons = reasons_of(column, row, time_s, standing, is_assisting=is_assisting)
        if rank == 1 or is_sent:
            reasons += faster_but(column, row, time_s)
        found.append(
            Candidate(
                rank,
                unit.id,
                STANDINGS[standing],
                time_s if is_known else None,
                time_s * p90[place] if is_known and p90 is not None else None,
                unit.position_age_s,
                round(whole[place] * priced.step, TERM_DIGITS) if is_known else 0.0,
                tuple(zip(names, [round(term[place], TERM_DIGITS) for term in terms], strict=True))
                if is_known
                else (),
                meets[able],
                is_sent,
                reasons,
            )
        )
    return tuple(found)
