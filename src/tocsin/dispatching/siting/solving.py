"""The four questions as integer programs, solved by HiGHS until nothing better can exist.

Demands that the same candidates cover are one row, and no weight is compared that was rounded:
times are whole milliseconds. Of several best answers the solver's is taken; the same input gives
the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from tocsin.dispatching.siting.problem import (
    NoAnswer,
    Question,
    Served,
    Sited,
    Siting,
    unserved_of,
)

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]
Rows = NDArray[np.int64]
MS = 1000.0
SAME = 1e-9
"""Value and bound are the same below this share: sums of doubles."""
LIMIT_S = 300.0
"""The search ends then, with the best answer so far and its proven gap."""

_milp = cast(Callable[..., Any], optimize.milp)  # pyright: ignore[reportUnknownMemberType]
_within = cast(Callable[..., Any], optimize.LinearConstraint)
_bounds = cast(Callable[..., Any], optimize.Bounds)
_matrix = cast(Callable[..., Any], sparse.csr_array)


class Found(NamedTuple):
    """Open candidates (a flag each), and what the solver proved about its own objective."""

    is_open: Flags
    bound: float


def site(
    siting: Siting,
    question: Question,
    *,
    stations: int | None = None,
    target_s: float | None = None,
    limit_s: float = LIMIT_S,
) -> Sited:
    """The answer to a question. `stations` (p, kept ones included) for all but lscp, `target_s`
    for lscp and mclp.

    Raises NoAnswer: `too_many_kept` where more are kept than p, `too_few` where p can not reach
    everybody who can be reached, `not_in_time` where the search ended without an answer; and
    ValueError where the question lacks its number.
    """
    if question in ("lscp", "mclp") and target_s is None:
        raise ValueError(f"{question} needs target_s")
    if question != "lscp":
        if stations is None or not 1 <= stations <= len(siting.candidates):
            raise ValueError(f"{question} needs 1 to {len(siting.candidates)} stations")
        if len(set(siting.keep)) > stations:
            raise NoAnswer("too_many_kept")
    can, unserved = unserved_of(siting, target_s if question == "lscp" else None)
    times_s = siting.times_s[:, can]
    weights = np.array(siting.weights)[can]
    keep = np.isin(np.arange(len(siting.candidates)), siting.keep)
    if question == "lscp":
        found = fewest(times_s <= cast(float, target_s), keep, limit_s)
    elif question == "mclp":
        found = most(times_s <= cast(float, target_s), weights, keep, cast(int, stations), limit_s)
    elif question == "p-median":
        found = nearest(times_s, weights, keep, cast(int, stations), limit_s)
    else:
        found = centre(times_s, keep, cast(int, stations), limit_s)
    value, bound = _value(question, found, times_s, weights, target_s)
    gap = abs(value - bound) / max(abs(value), SAME)
    return Sited(
        question,
        tuple(siting.candidates[row] for row in np.flatnonzero(found.is_open)),
        value,
        bound,
        gap <= SAME,
        0.0 if gap <= SAME else gap,
        *_figures(siting, found.is_open, target_s),
        unserved,
    )


def _value(
    question: Question, found: Found, times_s: Numbers, weights: Numbers, target_s: float | None
) -> tuple[float, float]:
    """The value of the stations by themselves, and the bound in the same unit."""
    closest = times_s[found.is_open].min(axis=0, initial=np.inf)
    if question == "lscp":
        return float(found.is_open.sum()), float(np.ceil(found.bound - 1e-6))
    if question == "mclp":
        value = float(weights[closest <= cast(float, target_s)].sum())
        return value, max(value, found.bound)
    if question == "p-median":
        total = float(weights.sum()) or 1.0
        value = float((weights * _ms(closest)).sum()) / MS / total if len(weights) else 0.0
        return value, min(value, found.bound / MS / total)
    value = float(closest.max(initial=0.0))
    return value, min(value, found.bound)


def _ms(times_s: Numbers) -> Numbers:
    return np.rint(times_s * MS)


def _figures(
    siting: Siting, is_open: Flags, target_s: float | None
) -> tuple[float | None, float, float, tuple[Served, ...]]:
    rows = np.flatnonzero(is_open)
    weights = np.array(siting.weights)
    times_s = siting.times_s[rows] if len(rows) else np.full((1, len(weights)), np.inf)
    best, closest = times_s.argmin(axis=0), times_s.min(axis=0)
    served = tuple(
        Served(siting.demands[d], siting.candidates[int(rows[best[d]])], float(closest[d]))
        for d in np.flatnonzero(np.isfinite(closest)).tolist()
    )
    total, reached = float(weights.sum()), np.isfinite(closest)
    held = float(weights[reached].sum())
    covered = None
    if target_s is not None:
        covered = float(weights[closest <= target_s].sum()) / total if total else 1.0
    mean_s = float((weights[reached] * closest[reached]).sum()) / held if held else 0.0
    return covered, mean_s, float(closest[reached].max(initial=0.0)), served


# -- the four programs -----------------------------------------------------------------


def fewest(covers: Flags, keep: Flags, limit_s: float) -> Found:
    """The smallest set of candidates (rows) with the kept ones that covers every column."""
    rows = np.unique(covers[:, ~covers[keep].any(axis=0)], axis=1).T
    count = len(keep)
    if not len(rows):
        return Found(keep.copy(), float(keep.sum()))
    constraint = _within(_matrix(rows.astype(np.float64)), 1.0, np.inf)
    return _solved(np.ones(count), count, keep, [constraint], limit_s)


def most(covers: Flags, weights: Numbers, keep: Flags, p: int, limit_s: float) -> Found:
    """With p candidates the greatest covered weight; the bound is that weight."""
    patterns, number = np.unique(covers, axis=1, return_inverse=True)
    heavy: Numbers = np.bincount(number.ravel(), weights, patterns.shape[1]).astype(np.float64)
    count, groups = len(keep), patterns.shape[1]
    # A group counts when one of its candidates is open: z <= sum of y.
    links = _matrix(np.hstack([-patterns.T.astype(np.float64), np.eye(groups)]))
    constraints = [_within(links, -np.inf, 0.0), _exactly(p, count, groups)]
    found = _solved(np.concatenate([np.zeros(count), -heavy]), count, keep, constraints, limit_s)
    return Found(found.is_open, -found.bound)


def nearest(times_s: Numbers, weights: Numbers, keep: Flags, p: int, limit_s: float) -> Found:
    """With p candidates the least sum of weight times milliseconds, everybody reached."""
    has_way = np.isfinite(times_s)
    station, demand = np.nonzero(has_way)
    count, demands, pairs = len(keep), times_s.shape[1], len(station)
    cost: Numbers = weights[demand] * _ms(times_s[station, demand])
    one = np.ones(pairs)
    at = np.arange(pairs)
    each = _matrix((one, (demand, count + at)), shape=(demands, count + pairs))
    links = _matrix(
        (np.concatenate([one, -one]), (np.tile(at, 2), np.concatenate([count + at, station]))),
        shape=(pairs, count + pairs),
    )
    constraints = [_within(each, 1.0, 1.0), _exactly(p, count, pairs)]
    if pairs:
        constraints.append(_within(links, -np.inf, 0.0))
    return _solved(np.concatenate([np.zeros(count), cost]), count, keep, constraints, limit_s)


def centre(times_s: Numbers, keep: Flags, p: int, limit_s: float) -> Found:
    """With p candidates the least greatest time: the least time for which p cover everybody,
    found by halving over the times that there are. The bound is a time in seconds."""
    known = np.unique(times_s[np.isfinite(times_s)])
    if not len(known):
        return Found(_filled(keep, p), 0.0)
    low, high = 0, len(known) - 1
    best, proven = None, True
    while low <= high:
        middle = (low + high) // 2
        covers = times_s <= known[middle]
        found = fewest(covers, keep, limit_s) if covers.any(axis=0).all() else None
        if found is not None and found.is_open.sum() <= p:
            best, high = found.is_open, middle - 1
        else:
            # Not proven impossible, only not found in time: then the bound may not rise.
            proven &= found is None or float(np.ceil(found.bound - 1e-6)) > p
            low = middle + 1
    if best is None:
        raise NoAnswer("too_few")
    value = float(times_s[best].min(axis=0).max(initial=0.0))
    return Found(_filled(best, p), value if proven else 0.0)


def _filled(is_open: Flags, p: int) -> Flags:
    """Exactly p open: the first of the others are added, which makes nothing worse."""
    more = np.flatnonzero(~is_open)[: p - int(is_open.sum())]
    filled = is_open.copy()
    filled[more] = True
    return filled


def _exactly(p: int, count: int, others: int) -> Any:
    row = np.concatenate([np.ones(count), np.zeros(others)])[None, :]
    return _within(_matrix(row), float(p), float(p))


def _solved(
    cost: Numbers, count: int, keep: Flags, constraints: list[Any], limit_s: float
) -> Found:
    """The first `count` variables are candidates, whole; the rest follow from them."""
    low = np.zeros(len(cost))
    low[:count][keep] = 1.0
    whole = np.concatenate([np.ones(count), np.zeros(len(cost) - count)])
    result = _milp(
        cost,
        integrality=whole,
        bounds=_bounds(low, np.ones(len(cost))),
        constraints=constraints,
        options={"mip_rel_gap": 0.0, "time_limit": limit_s},
    )
    if result.x is None:
        raise NoAnswer("too_few" if result.status == 2 else "not_in_time")
    bound = result.fun if result.status == 0 else result.mip_dual_bound
    return Found(np.asarray(result.x[:count]) > 0.5, float(bound))
