"""Three ways to one number: the hierarchy, scipy's Dijkstra, and walking the roads themselves."""

from __future__ import annotations

from math import inf

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.geography.roads.grounds import drawn_graphs, places, plain_time_s
from tocsin.geography.roads.cch import CchTimes
from tocsin.geography.roads.changes import RoadChange, RoadChanges
from tocsin.geography.roads.dijkstra import DijkstraTimes
from tocsin.geography.roads.graph import RoadGraph
from tocsin.geography.roads.snapping import Snaps
from tocsin.geography.roads.speeds import METRICS

ROUNDING_S = 0.02
"""Each edge, turn and end is rounded to a millisecond; no way of these graphs has forty."""


def assert_same(one: np.ndarray, other: np.ndarray, within_s: float) -> None:
    assert np.array_equal(np.isfinite(one), np.isfinite(other)), (one, other)
    held = np.isfinite(one)
    assert np.abs(one[held] - other[held]).max(initial=0.0) <= within_s, (one, other)


def walked(
    graph: RoadGraph, sources: Snaps, targets: Snaps, metric: object, changes: RoadChanges
) -> np.ndarray:
    factor = changes.factors(graph, metric)  # type: ignore[arg-type]
    spots = [
        [(int(r), float(o)) for r, o in zip(places.road, places.offset, strict=True)]
        for places in (sources, targets)
    ]
    return np.array([[plain_time_s(graph, metric, s, t, factor) for t in spots[1]]  # type: ignore[arg-type]
                     for s in spots[0]])  # fmt: skip


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_all_three_agree(data: st.DataObject) -> None:
    graph = data.draw(drawn_graphs())
    sources, targets = data.draw(places(graph)), data.draw(places(graph))
    metric = data.draw(st.sampled_from(METRICS))
    edges = st.integers(0, graph.edge_count - 1)
    changes = RoadChanges(
        tuple(
            RoadChange(factor, (edge,))
            for edge, factor in data.draw(
                st.lists(st.tuples(edges, st.sampled_from([0.5, 3.0, inf])), max_size=3)
            )
        )
    )
    by_cch = CchTimes(graph).with_changes(changes).table(sources, targets, metric)
    by_dijkstra = DijkstraTimes(graph).with_changes(changes).table(sources, targets, metric)
    assert_same(by_cch, by_dijkstra, 0.0)
    assert_same(by_cch, walked(graph, sources, targets, metric, changes), ROUNDING_S)
