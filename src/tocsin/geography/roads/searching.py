"""The states and arcs of a layer as a sparse matrix, for scipy's searches."""

from __future__ import annotations

from typing import Any, Final, cast

import numpy as np
import scipy.sparse as _sparse

from tocsin.geography.roads.changes import INF_MS
from tocsin.geography.roads.graph import Longs
from tocsin.geography.roads.layers import NO_STATE, Ends, Layer

sparse = cast("Any", _sparse)

LIFT_MS: Final = 1.0
"""Added to the way into the network and taken off again: a sparse matrix knows no edge of 0."""


def arc_matrix(layer: Layer, weights: Longs) -> Any:
    """States by states, milliseconds; of several arcs between two states the shortest."""
    size = layer.state_count
    usable = np.flatnonzero((weights < INF_MS) & (layer.arc_tail != layer.arc_head))
    tail, head, ms = layer.arc_tail[usable], layer.arc_head[usable], weights[usable]
    order = np.lexsort((ms, head, tail))
    tail, head, ms = tail[order], head[order], ms[order].astype(np.float64)
    first = np.ones(len(tail), dtype=np.bool_)
    first[1:] = (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
    return sparse.csr_matrix((ms[first], (tail[first], head[first])), shape=(size, size))


def with_entrances(arcs: Any, rows: Ends) -> Any:
    """The matrix with one more state for each row, from which its states are entered."""
    size, count = arcs.shape[0], len(rows.state)
    at = np.repeat(np.arange(count), rows.state.shape[1])
    state, ms = rows.state.ravel(), rows.ms.ravel().astype(np.float64) + LIFT_MS
    order = np.lexsort((ms, state, at))
    at, state, ms = at[order], state[order], ms[order]
    keep = state != NO_STATE
    keep[1:] &= (at[1:] != at[:-1]) | (state[1:] != state[:-1])
    entrances = sparse.csr_matrix((ms[keep], (at[keep], state[keep])), shape=(count, size))
    empty = sparse.csr_matrix((size + count, count))
    return sparse.hstack([sparse.vstack([arcs, entrances]), empty]).tocsr()
