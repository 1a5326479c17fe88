"""Travel times by Dijkstra's algorithm (scipy): the fallback, and the oracle of the tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, cast

import numpy as np
from scipy.sparse import csgraph as _csgraph

from tocsin.geography.roads.changes import HourFactors, RoadChanges
from tocsin.geography.roads.graph import Floats, RoadGraph
from tocsin.geography.roads.layers import NO_STATE, Ends
from tocsin.geography.roads.searching import LIFT_MS, arc_matrix, with_entrances
from tocsin.geography.roads.snapping import Snaps
from tocsin.geography.roads.speeds import Metric
from tocsin.geography.roads.times import Layers, WeighedTimes, first_weighing

csgraph = cast("Any", _csgraph)

ROWS_AT_ONCE: Final = 64
"""Rows of one call to scipy: bounds its answer to 64 times the states of the layer."""


class DijkstraTimes(WeighedTimes):
    """`TravelTimes` without a hierarchy: one search for each row of the shorter side."""

    __slots__ = ("_arcs",)

    def __init__(self, graph: RoadGraph, *, hours: HourFactors | None = None) -> None:
        super().__init__(Layers(graph), first_weighing(graph, hours))
        self._arcs: dict[Metric, Any] = {}

    def with_changes(self, changes: RoadChanges) -> DijkstraTimes:
        """See `TravelTimes.with_changes`."""
        return self._weighed(replace(self.weighing, changes=changes))

    def at_hour(self, weekday: int, hour: int) -> DijkstraTimes:
        """See `TravelTimes.at_hour`."""
        return self._weighed(replace(self.weighing, when=(weekday, hour)))

    def _weighed(self, weighing: Any) -> DijkstraTimes:
        other = object.__new__(DijkstraTimes)
        WeighedTimes.__init__(other, self.layers, weighing)
        other._arcs = {}
        return other

    def between(self, metric: Metric, sources: Snaps, targets: Snaps) -> Floats:
        """One search for each row of the shorter side, backwards where that is the targets."""
        starts, ends = self.ends(metric, sources, targets)
        if metric not in self._arcs:
            layer = self.layers.of(metric)
            self._arcs[metric] = arc_matrix(layer, layer.weights(metric, self.edge_ms(metric)))
        arcs = self._arcs[metric]
        if len(starts.state) <= len(ends.state):
            return _searched(arcs, starts, ends)
        return _searched(arcs.T.tocsr(), ends, starts).T


def _searched(arcs: Any, rows: Ends, columns: Ends) -> Floats:
    out = np.full((len(rows.state), len(columns.state)), np.inf)
    padding = columns.state == NO_STATE
    for low in range(0, len(out), ROWS_AT_ONCE):
        part = Ends(rows.state[low : low + ROWS_AT_ONCE], rows.ms[low : low + ROWS_AT_ONCE])
        matrix = with_entrances(arcs, part)
        entrances = np.arange(int(arcs.shape[0]), int(matrix.shape[0]))
        found = csgraph.dijkstra(matrix, directed=True, indices=entrances) - LIFT_MS
        ways = found[:, columns.state] + columns.ms
        out[low : low + len(entrances)] = np.where(padding, np.inf, ways).min(axis=2)
    return out
