"""The best assignment of units to slots, level by level, exactly.

A lower level is served with what the optima of all higher ones leave open: not one optimum of
the higher level is fixed, the whole face of its optima is kept. By complementary slackness
(Kuhn 1955; Burkard, Dell'Amico, Martello, Assignment Problems, 2009, ch. 4) an assignment is
optimal just when it uses only edges without reduced cost and every column with a price, so those
edges and columns are what is handed on. Costs are whole numbers held in doubles, so all sums are
exact below 2**53 and ties are ties.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Costs = NDArray[np.float64]
Columns = NDArray[np.int64]
EXACT_BELOW = float(2**53)
_linear_sum_assignment = cast(
    Callable[[Costs], tuple[Any, Any]],
    optimize.linear_sum_assignment,  # pyright: ignore[reportUnknownMemberType]
)


class TooLarge(ValueError):
    """So many slots and so large costs that their sums would no longer be exact."""


def assign(costs: Costs, levels: NDArray[np.int64]) -> Columns:
    """The column of each row, or -1 where a row stays unfilled.

    `costs` (rows x columns): whole numbers >= 0, inf where a pair is not allowed. `levels` (rows):
    0 is served first. Minimised in this order: rows of level 0 unfilled, their summed cost, rows
    of level 1 unfilled, their cost, and so on; among all of these the smallest sum of column
    numbers. Raises TooLarge where sums would not be exact.
    """
    rows, columns = costs.shape
    result = np.full(rows, -1, dtype=np.int64)
    if rows == 0:
        return result
    order = np.argsort(levels, kind="stable")
    finite = costs[np.isfinite(costs)]
    unfilled = (float(finite.max(initial=0.0)) + 1.0) * rows
    force = max(unfilled * (rows + 1.0), float(columns + 1) * rows)
    if 2.0 * force * rows >= EXACT_BELOW:
        raise TooLarge(f"{rows} slots of cost up to {finite.max(initial=0.0):.0f}")
    upper = np.zeros((0, columns))
    is_forced = np.zeros(columns, dtype=np.bool_)
    matched = np.zeros(0, dtype=np.int64)
    for level in np.unique(levels):
        own = costs[order[levels[order] == level]].copy()
        own[:, is_forced[:columns]] = np.inf
        joint = _joint(upper, own, columns, unfilled)
        matched, prices = _solved(joint)
        upper, is_forced = _face(joint, matched, prices, force)
    if bool((np.isfinite(upper).sum(axis=1) > 1).any()):
        numbers = np.zeros(upper.shape[1])
        numbers[:columns] = np.arange(float(columns))
        matched = _matched(upper + numbers)
    result[order] = np.where(matched < columns, matched, -1)
    return result


def _joint(upper: Costs, own: Costs, columns: int, unfilled: float) -> Costs:
    """Rows of the higher levels above the rows of this one; each row has a column of its own,
    behind the units', for staying unfilled."""
    above, rows = len(upper), len(upper) + len(own)
    joint = np.full((rows, columns + rows), np.inf)
    joint[:above, : upper.shape[1]] = upper
    joint[above:, :columns] = own
    mine = np.arange(above, rows)
    joint[mine, columns + mine] = unfilled
    return joint


def _matched(costs: Costs) -> Columns:
    _, matched = _linear_sum_assignment(costs)
    return np.asarray(matched, dtype=np.int64)


def _solved(costs: Costs) -> tuple[Columns, Costs]:
    """An optimal assignment and prices of the columns (<= 0, and 0 where free) that prove it:
    shortest paths over alternating edges (Bellman-Ford, from rows whose column got cheaper)."""
    matched = _matched(costs)
    rows, columns = costs.shape
    row_of = np.full(columns, -1, dtype=np.int64)
    row_of[matched] = np.arange(rows)
    own = costs[np.arange(rows), matched]
    prices = np.zeros(columns)
    frontier: Columns = np.arange(rows, dtype=np.int64)
    while frontier.size:
        bound = own[frontier] - prices[matched[frontier]]
        best = (costs[frontier] - bound[:, None]).min(axis=0)
        is_lower = best < prices
        prices[is_lower] = best[is_lower]
        reached = row_of[is_lower]
        frontier = reached[reached >= 0]
    return matched, prices


def _face(
    costs: Costs, matched: Columns, prices: Costs, force: float
) -> tuple[Costs, NDArray[np.bool_]]:
    """All optima of a problem: 0 on its tight edges, -force on columns that every optimum uses."""
    bound = costs[np.arange(len(matched)), matched] - prices[matched]
    is_tight = costs == bound[:, None] + prices
    is_forced = prices < 0
    return np.where(is_tight, np.where(is_forced, -force, 0.0), np.inf), is_forced
