"""Travel times by road: what is promised, and what every way of computing them shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tocsin.geography.roads.changes import HourFactors, RoadChanges, Weighing
from tocsin.geography.roads.graph import Floats, Longs, RoadGraph
from tocsin.geography.roads.layers import (
    Ends,
    Layer,
    along_one_road,
    arrivals,
    departures,
    driving_layer,
    foot_layer,
)
from tocsin.geography.roads.reach import areas
from tocsin.geography.roads.snapping import Snaps
from tocsin.geography.roads.speeds import Metric

Table = npt.NDArray[np.float32]


class TravelTimes(Protocol):
    """Travel times on one road graph, under one set of changes, at one hour. Never changes itself.

    May be shared by threads. Two implementations give the same numbers to the millisecond.
    """

    @property
    def graph(self) -> RoadGraph: ...

    def table(self, sources: Snaps, targets: Snaps, metric: Metric) -> Table:
        """Seconds from each source (row) to each target (column); infinite where there is no way.

        Shortest by time, with turns, bans and barriers; exact at both ends, also where source and
        target lie on one road. A place off the roads has no way. The number for a pair does not
        depend on the other rows and columns.
        """
        ...

    def reach(self, source: Snaps, limits_s: Sequence[float], metric: Metric) -> tuple[Any, ...]:
        """For each limit the area that is reached in time from the first row of `source`."""
        ...

    def with_changes(self, changes: RoadChanges) -> TravelTimes:
        """The same roads with these changes in force instead of the present ones."""
        ...

    def at_hour(self, weekday: int, hour: int) -> TravelTimes:
        """The same roads at that hour of the week, local time (weekday 0 is Monday)."""
        ...


class Layers:
    """The layers of a graph, each made when it is first asked for."""

    __slots__ = ("_made", "graph")

    def __init__(self, graph: RoadGraph) -> None:
        self.graph = graph
        self._made: dict[bool, Layer] = {}

    def of(self, metric: Metric) -> Layer:
        """Both driven metrics share one."""
        is_foot = metric == "foot"
        if is_foot not in self._made:
            self._made[is_foot] = foot_layer(self.graph) if is_foot else driving_layer(self.graph)
        return self._made[is_foot]


class WeighedTimes:
    """What the implementations share: the ends of each way, and the ways along one road."""

    __slots__ = ("_edge_ms", "layers", "weighing")

    def __init__(self, layers: Layers, weighing: Weighing) -> None:
        self.layers = layers
        self.weighing = weighing
        self._edge_ms: dict[Metric, Longs] = {}

    @property
    def graph(self) -> RoadGraph:
        return self.weighing.graph

    def edge_ms(self, metric: Metric) -> Longs:
        """Milliseconds along each edge now."""
        if metric not in self._edge_ms:
            self._edge_ms[metric] = self.weighing.edge_ms(metric)
        return self._edge_ms[metric]

    def table(self, sources: Snaps, targets: Snaps, metric: Metric) -> Table:
        """See `TravelTimes.table`."""
        if not len(sources) or not len(targets):
            return np.zeros((len(sources), len(targets)), dtype=np.float32)
        out_ms = self.between(metric, sources, targets)
        along_one_road(self.edge_ms(metric), sources, targets, out_ms)
        return (out_ms / 1000.0).astype(np.float32)

    def reach(self, source: Snaps, limits_s: Sequence[float], metric: Metric) -> tuple[Any, ...]:
        """See `TravelTimes.reach`."""
        layer, edge_ms = self.layers.of(metric), self.edge_ms(metric)
        starts = departures(layer, metric, edge_ms, source.take([0]))
        weights = layer.weights(metric, edge_ms)
        return areas(self.graph, layer, weights, edge_ms, source, starts, limits_s)

    def ends(self, metric: Metric, sources: Snaps, targets: Snaps) -> tuple[Ends, Ends]:
        """What each source can reach next, and how each target is reached."""
        layer, edge_ms = self.layers.of(metric), self.edge_ms(metric)
        return departures(layer, metric, edge_ms, sources), arrivals(layer, edge_ms, targets)

    def between(self, metric: Metric, sources: Snaps, targets: Snaps) -> Floats:
        """Milliseconds by ways that pass a crossing, infinite for no way."""
        raise NotImplementedError


def first_weighing(graph: RoadGraph, hours: HourFactors | None) -> Weighing:
    """Without changes, at no particular hour."""
    return Weighing(graph, hours or HourFactors())
