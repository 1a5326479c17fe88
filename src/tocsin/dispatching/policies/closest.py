"""The closest suitable unit by road."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.ground import Ground
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.ranking import Priced, recommend
from tocsin.dispatching.recommendation import Recommendation

STEP_S = 0.01
"""Times that differ by less are equal, and the id decides."""


def closest(
    problem: Problem, *, ranked_max: int | None = None, is_exact: bool = True
) -> Recommendation:
    """Sends the units with the shortest road times, summed over the cases of one priority.

    Cost: median seconds. `ranked_max` cuts the lists, never the solution; `is_exact` False asks
    for the solver's fallback (to recompute an answer that was made by it).
    """
    return recommend(
        problem, "closest", (), price_closest, ranked_max=ranked_max, is_exact=is_exact
    )


def price_closest(ground: Ground) -> Priced:
    """Cost in steps of STEP_S, and the term it is made of (units x calls)."""
    times_s: NDArray[np.float64] = ground.times_s
    return Priced(times_s / STEP_S, STEP_S, {"time_s": times_s})
