"""The assignment is the best there is, level by level: told by trying every other one."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tocsin.dispatching.assignment import TooLarge, assign

Table = NDArray[np.float64]
INF = float("inf")


@st.composite
def instances(draw: st.DrawFn) -> tuple[Table, NDArray[np.int64]]:
    """Small ones with many ties and many pairs that are not allowed."""
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(0, 4))
    cost = st.one_of(st.integers(0, 3).map(float), st.just(INF), st.integers(0, 999).map(float))
    cells = draw(st.lists(cost, min_size=rows * columns, max_size=rows * columns))
    levels = draw(st.lists(st.integers(1, 3), min_size=rows, max_size=rows))
    return np.array(cells, dtype=np.float64).reshape(rows, columns), np.array(levels)


def worth(costs: Table, levels: NDArray[np.int64], chosen: tuple[int, ...]) -> tuple[float, ...]:
    """What is compared, most important first; the sum of column numbers last."""
    found: list[float] = []
    for level in sorted(set(levels.tolist())):
        rows = [row for row in range(len(levels)) if levels[row] == level]
        found.append(sum(chosen[row] < 0 for row in rows))
        found.append(sum(costs[row, chosen[row]] for row in rows if chosen[row] >= 0))
    return (*found, float(sum(column for column in chosen if column >= 0)))


def best_by_trying(costs: Table, levels: NDArray[np.int64]) -> tuple[float, ...]:
    rows, columns = costs.shape
    return min(
        worth(costs, levels, chosen)
        for chosen in product(range(-1, columns), repeat=rows)
        if is_allowed(costs, chosen)
    )


def is_allowed(costs: Table, chosen: tuple[int, ...]) -> bool:
    taken = [column for column in chosen if column >= 0]
    pairs = [costs[row, column] for row, column in enumerate(chosen) if column >= 0]
    return len(set(taken)) == len(taken) and all(cost < INF for cost in pairs)


def greedy(costs: Table, levels: NDArray[np.int64]) -> tuple[int, ...]:
    """The planted bug: each row takes the cheapest column that is left."""
    chosen, taken = [-1] * len(levels), set[int]()
    for row in np.argsort(levels, kind="stable"):
        free = [c for c in range(costs.shape[1]) if c not in taken and costs[row, c] < INF]
        if free:
            chosen[row] = min(free, key=lambda column: costs[row, column])
            taken.add(chosen[row])
    return tuple(chosen)


@given(instances())
def test_no_other_assignment_is_better(instance: tuple[Table, NDArray[np.int64]]) -> None:
    costs, levels = instance
    chosen = tuple(int(column) for column in assign(costs, levels))
    assert is_allowed(costs, chosen)
    assert worth(costs, levels, chosen) == best_by_trying(costs, levels)


def test_a_greedy_assignment_is_found_out() -> None:
    costs, levels = np.array([[1.0, 2.0], [1.0, 50.0]]), np.array([1, 1])
    assert worth(costs, levels, greedy(costs, levels)) != best_by_trying(costs, levels)


def test_a_higher_level_keeps_every_optimum_open() -> None:
    """Both engines are as near to the fire; only the second can do what the lower case needs."""
    costs, levels = np.array([[7.0, 7.0], [9.0, INF]]), np.array([1, 2])
    assert assign(costs, levels).tolist() == [1, 0]


def test_ties_go_to_the_first_column() -> None:
    assert assign(np.full((1, 5), 3.0), np.array([1])).tolist() == [0]
    assert assign(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)).tolist() == []


def test_sums_that_would_not_be_exact_are_refused() -> None:
    with pytest.raises(TooLarge):
        assign(np.full((2000, 2000), 1e7), np.ones(2000, dtype=np.int64))
