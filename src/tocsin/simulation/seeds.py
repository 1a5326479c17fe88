"""Points to divide ground by, spread over it or drawn to where people are; no chance involved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]

MAX_SAMPLES = 5_000  # the middles of 5,000 points and of 500,000 lie within metres
ROUNDS = 25  # Lloyd's rounds; the middles hardly move after ten
STEP_M = 0.1  # middles are rounded, so that the last bits of a sum decide nothing


def farthest_first(points: Points, count: int) -> list[int]:
    """Indices of `count` points far from each other, the most central first.

    Each next one is the farthest from all chosen (the lowest index on a tie). Points that
    coincide with a chosen one are never chosen, so fewer may come back.
    """
    middle = points.mean(axis=0)
    chosen = [int(np.argmin(_distances(points, middle)))]
    nearest = _distances(points, points[chosen[0]])
    while len(chosen) < count:
        farthest = int(np.argmax(nearest))
        if nearest[farthest] <= STEP_M:
            break
        chosen.append(farthest)
        nearest = np.minimum(nearest, _distances(points, points[farthest]))
    return chosen


def middles(points: Points, count: int) -> Sequence[tuple[float, float]]:
    """Up to `count` different middles of the points: each the mean of the points nearest to it.

    Lloyd's k-means, started from `farthest_first`; the same for the same points. Metres.
    """
    stride = max(1, len(points) // MAX_SAMPLES)
    samples = points[::stride]
    centres = samples[farthest_first(samples, count)]
    for _ in range(ROUNDS):
        squares = ((samples[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
        owner = np.argmin(squares, axis=1)
        moved = np.asarray(
            [
                samples[owner == index].mean(axis=0) if (owner == index).any() else centre
                for index, centre in enumerate(centres)
            ]
        )
        moved = np.round(moved / STEP_M) * STEP_M
        if np.array_equal(moved, centres):
            break
        centres = moved
    return sorted({(float(x), float(y)) for x, y in cast("list[list[float]]", centres.tolist())})


def _distances(points: Points, origin: Points) -> Points:
    return np.sqrt(((points - origin) ** 2).sum(axis=1))
