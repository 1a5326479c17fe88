"""Where a unit that has come free should wait: the post at which it adds most expected coverage.

The rule of Jagtenberg, Bhulai and van der Mei, An efficient heuristic for real-time ambulance
redeployment (DMEXCLP), Operations Research for Health Care 4 (2015): every other idle unit counts
at the post it is at or on its way to, and the unit goes where its marginal coverage (MEXCLP, see
`cover`) is largest. Here the way there may cost something as well, and a post may be kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.dispatching.cover import SHARE_STEPS, busy_fractions, idle, reaches, zone_shares
from tocsin.dispatching.problem import Problem
from tocsin.kernel.shared import UnitId

SCORE_DIGITS = 9
"""Scores that differ by less are equal; then the shorter way, then the post's id."""


@dataclass(frozen=True, slots=True)
class PostLimits:
    """`drive_s`: a drive of so many seconds weighs as much as all coverage (inf: nothing).

    `keep`: coverage, as a share of all demand, that another post must add beyond the unit's own.
    """

    drive_s: float = float("inf")
    keep: float = 0.0

    def __post_init__(self) -> None:
        if not (self.drive_s > 0 and self.keep >= 0):
            raise ValueError(f"limits must be drive_s > 0, keep >= 0: {self}")


POST_LIMITS = PostLimits()


@dataclass(frozen=True, slots=True)
class PostAdvice:
    """One post for the unit. `gain`: share of all demand that it adds to what is covered."""

    post: str
    time_s: float
    gain: float
    score: float


def advise_post(
    problem: Problem, unit: UnitId, limits: PostLimits = POST_LIMITS
) -> tuple[PostAdvice, ...]:
    """Every post that the unit can reach, the best first. Advice; the unit may stay.

    Other available units count at their `post` where the demand knows it, else where they are.
    Empty without a demand that knows its posts, or for a unit that is not in the snapshot.
    """
    problem = problem.ordered()
    demand = problem.demand
    rows = {each.id: row for row, each in enumerate(problem.units)}
    if demand is None or demand.post_times_s is None or demand.unit_post_times_s is None:
        return ()
    if unit not in rows:
        return ()
    row, me = rows[unit], problem.units[rows[unit]]
    number = {post: at for at, post in enumerate(demand.posts)}
    times_s = np.array(demand.unit_times_s)
    for other, each in enumerate(problem.units):
        if each.post in number:
            times_s[other] = demand.post_times_s[number[each.post]]
    covers = reaches(problem.units, demand, times_s) & idle(problem.units)[:, None]
    covers[row] = False
    fails = np.where(covers, busy_fractions(problem.units), 1.0)
    q = max(me.busy_fraction, 0.0)
    open_share = zone_shares(demand) * np.multiply.reduce(fails, axis=0) * (1.0 - q)
    there = reaches((me,) * len(demand.posts), demand, demand.post_times_s)
    gains = np.rint(np.where(there, open_share, 0.0) * SHARE_STEPS).astype(np.int64).sum(axis=1)
    found: list[PostAdvice] = []
    for post, name in enumerate(demand.posts):
        time_s = float(demand.unit_post_times_s[row, post])
        if time_s == float("inf"):
            continue
        gain = float(gains[post]) / SHARE_STEPS
        score = gain - time_s / limits.drive_s + (limits.keep if name == me.post else 0.0)
        found.append(PostAdvice(name, time_s, gain, round(score, SCORE_DIGITS)))
    return tuple(sorted(found, key=lambda each: (-each.score, each.time_s, each.post)))
