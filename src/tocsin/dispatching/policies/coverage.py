"""The unit whose going costs least: lateness, the coverage that is lost, and time.

Cost = late + gamma * lost + time / tau. `late`: chance that the unit comes after the target;
`lost`: share of expected demand that nobody covers in time any more (see cover); gamma: about the
number of calls expected while the unit is away; tau: the seconds that weigh as much as one late
arrival. Lost coverage is counted for each unit alone: what several units lose together is more
than the sum, which matters when a large share of the fleet goes at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tocsin.dispatching.cover import cover_of
from tocsin.dispatching.eta import Z90
from tocsin.dispatching.ground import SOUND, Flags, Ground
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.ranking import Priced, recommend
from tocsin.dispatching.recommendation import Recommendation

STEP = 1e-5
"""Costs that differ by less are equal, and the id decides."""
COST_MAX = 49.0
OVER_CAP = 50.0
"""Added where a life threat would wait too much longer than for the fastest: more than any cost."""

_ndtr = cast(Callable[[Any], NDArray[np.float64]], special.ndtr)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]


@dataclass(frozen=True, slots=True)
class Weights:
    """What the policy may be tuned by. `cap_s`: how many seconds more than the fastest unit a
    life threat may wait so that coverage is kept."""

    gamma: float = 10.0
    tau_s: float = 600.0
    cap_s: float = 30.0

    def __post_init__(self) -> None:
        if not (self.gamma >= 0 and self.tau_s > 0 and self.cap_s >= 0):
            raise ValueError(f"weights must be gamma >= 0, tau_s > 0, cap_s >= 0: {self}")


PLAIN_WEIGHTS = Weights()
"""Untuned: a town tunes gamma and tau on its own logs."""


def coverage(
    problem: Problem,
    weights: Weights = PLAIN_WEIGHTS,
    *,
    ranked_max: int | None = None,
    is_exact: bool = True,
) -> Recommendation:
    """Sends the units of least cost, summed over the cases of one priority.

    Without `problem.demand` nothing is lost, and only lateness and time count. For a life threat a
    unit slower than the fastest by more than `cap_s` is behind all that are not.
    """
    parameters = (("gamma", weights.gamma), ("tau_s", weights.tau_s), ("cap_s", weights.cap_s))
    return recommend(
        problem,
        "coverage",
        parameters,
        lambda ground: price_coverage(ground, weights),
        ranked_max=ranked_max,
        is_exact=is_exact,
    )


def price_coverage(ground: Ground, weights: Weights) -> Priced:
    """Cost in steps of STEP, and its terms (units x calls)."""
    problem, times_s = ground.problem, ground.times_s
    cover = None if problem.demand is None else cover_of(problem.units, problem.demand)
    lost = np.zeros(len(problem.units)) if cover is None else cover.lost
    late = chance_late(problem, times_s)
    in_time = times_s / weights.tau_s
    cost = np.minimum(late + weights.gamma * lost[:, None] + in_time, COST_MAX)
    is_over = over_cap(ground, weights.cap_s)
    cost = np.where(is_over, OVER_CAP + np.minimum(in_time, COST_MAX), cost)
    terms = {"late": late, "lost": np.broadcast_to(lost[:, None], times_s.shape), "time_s": times_s}
    return Priced(cost / STEP, STEP, terms, cover, is_over)


def chance_late(problem: Problem, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance to come after the target. Without p90 factors 0 or 1 by the median; with them
    the travel time is log-normal with that median and 90th percentile (Budge et al. 2010 find its
    tails a little heavier). 0 without a target."""
    left_s = np.array(
        [
            float("inf") if call.target_s is None else max(0.0, call.target_s - call.waited_s)
            for call in problem.calls
        ]
    )
    plain = (times_s > left_s).astype(np.float64)
    if problem.p90_factors is None:
        return plain
    sigma = np.log(problem.p90_factors) / Z90
    is_open = (
        (sigma > 0) & np.isfinite(left_s) & (left_s > 0) & np.isfinite(times_s) & (times_s > 0)
    )
    ratio = np.where(is_open, times_s, 1.0) / np.where(is_open, left_s, 1.0)
    chance = _ndtr(np.log(ratio) / np.where(is_open, sigma, 1.0))
    return np.where(is_open, chance, plain)


def over_cap(ground: Ground, cap_s: float) -> Flags:
    """Where a life threat would wait more than `cap_s` longer than for the fastest unit, for
    every need that the unit could meet."""
    is_over = np.zeros(ground.times_s.shape, dtype=np.bool_)
    for column, call in enumerate(ground.problem.calls):
        if not call.is_life_threat:
            continue
        times_s = ground.times_s[:, column]
        is_within = np.zeros(len(times_s), dtype=np.bool_)
        for need in (*call.needs, *call.assists):
            fits = ground.is_candidate[:, column] & ground.has[need.capability]
            sound = fits & (ground.standing[:, column] == SOUND)
            known = times_s[sound if bool(sound.any()) else fits]
            is_within |= fits & (times_s <= known.min(initial=float("inf")) + cap_s)
        is_over[:, column] = ~is_within
    return is_over
