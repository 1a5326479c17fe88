"""Moving idle units to empty posts, so that more of the demand can be reached in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.cover import (
    SHARE_STEPS,
    busy_fractions,
    idle,
    reaches,
    share_sum,
    zone_shares,
)
from tocsin.dispatching.demand import Demand
from tocsin.dispatching.ground import Flags
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.recommendation import Reason
from tocsin.kernel.shared import UnitId

GAIN_DIGITS = 6
"""Gains are told to a millionth of the demand."""


@dataclass(frozen=True, slots=True)
class MoveLimits:
    """When a move is worth advising: its `gain_min`, as a share of all demand (0.005: a move that
    would help with fewer than one call in 200 tires a crew for nothing); no move that takes longer
    than `time_max_s`; at most `moves_max` at once, so that the fleet is never all on the road."""

    gain_min: float = 0.005
    time_max_s: float = 900.0
    moves_max: int = 3


MOVE_LIMITS = MoveLimits()


@dataclass(frozen=True, slots=True)
class Move:
    """One unit to one post. `gain`: share of all demand that is covered more once it is there;
    `covered`: share covered then, with this move and all before it."""

    unit: UnitId
    post: str
    time_s: float
    gain: float
    covered: float
    reasons: tuple[Reason, ...]


def advise_moves(problem: Problem, limits: MoveLimits = MOVE_LIMITS) -> tuple[Move, ...]:
    """The moves worth making, one after the other, each the best after those before it.

    Coverage is that of `cover` (MEXCLP), counted with the units at their posts; what is uncovered
    while they drive is bounded by `time_max_s`. Best-first is not always the best set of moves: of
    a submodular gain it has at least 1 - 1/e (Nemhauser, Wolsey, Fisher 1978). Empty without a
    demand that knows its posts. Ties: the shorter way, then the unit's id, then the post's.
    """
    problem = problem.ordered()
    demand = problem.demand
    if demand is None or demand.post_times_s is None or demand.unit_post_times_s is None:
        return ()
    free = idle(problem.units) & _placed(problem)
    now = reaches(problem.units, demand, demand.unit_times_s) & idle(problem.units)[:, None]
    found: list[Move] = []
    while len(found) < limits.moves_max:
        best = _best_move(problem, demand, free, now, limits)
        if best is None:
            break
        row, post, gain, after = best
        name, time_s = demand.posts[post], float(demand.unit_post_times_s[row, post])
        now = now.copy()
        now[row] = after
        free[row] = False
        covered = round(float(share_sum(_covered(problem, demand, now))), GAIN_DIGITS)
        reason = Reason("moved_up", (("post", name), ("gain", gain)))
        found.append(Move(problem.units[row].id, name, time_s, gain, covered, (reason,)))
    return tuple(found)


def _placed(problem: Problem) -> Flags:
    """Nobody is moved whose position is stale or unknown: it may be there already."""
    ages = [unit.position_age_s for unit in problem.units]
    return np.array([age is not None and age <= problem.stale_after_s for age in ages], np.bool_)


def _covered(problem: Problem, demand: Demand, covers: Flags) -> NDArray[np.float64]:
    """The covered share of each zone."""
    fails = np.where(covers, busy_fractions(problem.units), 1.0)
    return zone_shares(demand) * (1.0 - np.multiply.reduce(fails, axis=0))


def _best_move(
    problem: Problem, demand: Demand, free: Flags, now: Flags, limits: MoveLimits
) -> tuple[int, int, float, Flags] | None:
    """The unit (row), the post (column), the gain and what the unit covers then."""
    assert demand.post_times_s is not None
    assert demand.unit_post_times_s is not None
    shares, q = zone_shares(demand), busy_fractions(problem.units)
    fails = np.where(now, q, 1.0)
    uncovered = np.multiply.reduce(fails, axis=0)
    best: tuple[int, float, int, str, int] | None = None
    best_covers = now[:0]
    from_posts: dict[tuple[str, ...], Flags] = {}
    for row in np.flatnonzero(free).tolist():
        unit = problem.units[row]
        if unit.capabilities not in from_posts:  # units that can do the same cover the same there
            alike = (unit,) * len(demand.posts)
            from_posts[unit.capabilities] = reaches(alike, demand, demand.post_times_s)
        there = from_posts[unit.capabilities]
        others = uncovered / fails[row]
        was = 1.0 - others * fails[row]
        then = 1.0 - others * np.where(there, q[row], 1.0)
        gains = np.rint(shares * (then - was) * SHARE_STEPS).astype(np.int64).sum(axis=1)
        for post in range(len(demand.posts)):
            time_s, gain = float(demand.unit_post_times_s[row, post]), int(gains[post])
            if time_s > limits.time_max_s or gain < limits.gain_min * SHARE_STEPS or gain <= 0:
                continue
            key = (-gain, time_s, row, demand.posts[post], post)
            if best is None or key < best:
                best, best_covers = key, there[post]
    if best is None:
        return None
    return best[2], best[4], round(-best[0] / SHARE_STEPS, GAIN_DIGITS), best_covers
