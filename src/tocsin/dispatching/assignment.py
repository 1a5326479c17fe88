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
from typing import Any, NamedTuple, cast

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
    if rows == 0 or columns == 0:
        return result
    if rows == 1:  # most calls need one unit: the first of the cheapest
        column = int(costs[0].argmin())
        result[0] = column if costs[0, column] < float("inf") else -1
        return result
    finite = costs[np.isfinite(costs)]
    unfilled = (float(finite.max(initial=0.0)) + 1.0) * rows
    force = max(unfilled * (rows + 1.0), float(columns + 1) * rows)
    if 2.0 * force * rows >= EXACT_BELOW:
        raise TooLarge(f"{rows} slots of cost up to {finite.max(initial=0.0):.0f}")
    face = _Face(np.zeros(0, dtype=np.int64), np.zeros((0, columns)), np.zeros(0))
    is_gone = np.zeros(columns, dtype=np.bool_)
    for level in np.unique(levels):
        own = np.flatnonzero(levels == level)
        mine = costs[own]
        mine[:, is_gone | (face.units < 0).any(axis=0)] = np.inf
        joint = _joint(face, mine, unfilled)
        face = _face(np.concatenate([face.rows, own]), joint, *_solved(joint), columns, force)
        face = _settled(face, result, is_gone)
    if face.rows.size:
        matched = _matched(_joint(face, np.zeros((0, columns)), 0.0, np.arange(float(columns))))
        result[face.rows] = np.where(matched < columns, matched, -1)
    return result


class _Face(NamedTuple):
    """All optima so far: for the rows that have a choice left, 0 on each column that an optimum
    may use, -force where every optimum must, inf elsewhere; `alone`: the same for unfilled."""

    rows: Columns
    units: Costs
    alone: Costs


def _joint(face: _Face, own: Costs, unfilled: float, numbers: Costs | None = None) -> Costs:
    """Open rows of the higher levels above the rows of this one; each row has a column of its
    own, behind the units', for staying unfilled. `numbers` are added to the units' columns."""
    above, columns = face.units.shape
    rows = above + len(own)
    joint = np.full((rows, columns + rows), np.inf)
    joint[:above, :columns] = face.units if numbers is None else face.units + numbers
    joint[above:, :columns] = own
    mine: Columns = np.arange(rows, dtype=np.int64)
    joint[mine, columns + mine] = np.concatenate([face.alone, np.full(len(own), unfilled)])
    return joint


def _settled(face: _Face, result: Columns, is_gone: NDArray[np.bool_]) -> _Face:
    """The face without the rows that have one choice: written down, and their columns gone."""
    rows, units, alone = face
    while rows.size:
        choices = np.isfinite(units).sum(axis=1) + np.isfinite(alone)
        is_open = choices > 1
        if bool(is_open.all()):
            break
        settled = ~is_open
        is_unfilled = np.isfinite(alone[settled])
        taken = np.isfinite(units[settled]).argmax(axis=1)
        result[rows[settled]] = np.where(is_unfilled, -1, taken)
        is_gone[taken[~is_unfilled]] = True
        rows, units, alone = rows[is_open], units[is_open], alone[is_open]
        units[:, taken[~is_unfilled]] = np.inf
    return _Face(rows, units, alone)


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
    rows: Columns, costs: Costs, matched: Columns, prices: Costs, columns: int, force: float
) -> _Face:
    """All optima of a joint problem, from one of them and its prices."""
    mine = np.arange(len(matched))
    bound = costs[mine, matched] - prices[matched]
    is_tight = costs == bound[:, None] + prices
    face = np.where(is_tight, np.where(prices < 0, -force, 0.0), np.inf)
    return _Face(rows, face[:, :columns], face[mine, columns + mine])
