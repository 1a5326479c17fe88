"""The roads between places that somebody points at: what a closure by a few points concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import scipy.sparse as _sparse
from scipy.sparse import csgraph as _csgraph

from tocsin.geography.roads.graph import NO_EDGE, Floats, Longs, RoadGraph
from tocsin.geography.roads.snapping import NO_ROAD, Snaps

sparse = cast("Any", _sparse)
csgraph = cast("Any", _csgraph)

RUN_MAX_M: Final = 20_000.0
"""Two neighbouring points farther apart by road than this are no stretch of road that anybody
closes as one; more points along it say which way is meant."""

Ints = npt.NDArray[np.int64]


class NoRun(ValueError):
    """The places are not joined by a run of roads. `place` is the row of the first that fails,
    `is_off_road` whether it is no road at all (else: the one before it does not lead there)."""

    def __init__(self, place: int, is_off_road: bool) -> None:
        self.place = place
        self.is_off_road = is_off_road
        super().__init__(f"place {place} is {'off the roads' if is_off_road else 'not joined'}")


@dataclass(frozen=True, slots=True)
class Stretch:
    """One road of a run, and whether the run goes along it from its first node to its last."""

    road: int
    is_forward: bool


class Runs:
    """Shortest runs of road between places of one graph, by length and whatever the way of
    moving: who closes a street means the street. Built once, may be shared by threads."""

    __slots__ = ("_graph", "_keys", "_matrix", "_roads")

    def __init__(self, graph: RoadGraph) -> None:
        self._graph = graph
        ends, length_m = _ends(graph), graph.length_m
        tail = np.concatenate([ends[0], ends[1]])
        head = np.concatenate([ends[1], ends[0]])
        road = np.concatenate([np.arange(graph.road_count)] * 2).astype(np.int64)
        keys = tail * max(1, graph.node_count) + head
        # Of parallel roads the shortest, then the first: a sparse matrix would add them up.
        order = np.lexsort((road, length_m[road], keys))
        self._keys, first = np.unique(keys[order], return_index=True)
        self._roads = road[order][first]
        size = graph.node_count
        cells = (length_m[self._roads], (self._keys // size, self._keys % size))
        self._matrix = sparse.csr_matrix(cells, shape=(size, size))

    def along(self, places: Snaps) -> tuple[Stretch, ...]:
        """Every road of the run through the places in their order, each once, whole roads at both
        ends; one place alone is its own road. Raises `NoRun`."""
        off = np.flatnonzero(places.road == NO_ROAD)
        if len(off):
            raise NoRun(int(off[0]), True)
        found: dict[int, Stretch] = {}
        for row in range(len(places)):
            run = self._between(places, row - 1, row) if row else self._alone(places)
            for stretch in run:
                found.setdefault(stretch.road, stretch)
        return tuple(found.values())

    def _alone(self, places: Snaps) -> list[Stretch]:
        return [Stretch(int(places.road[0]), True)] if len(places) == 1 else []

    def _between(self, places: Snaps, one: int, other: int) -> list[Stretch]:
        first, last = int(places.road[one]), int(places.road[other])
        if first == last:
            return [Stretch(first, bool(places.offset[one] <= places.offset[other]))]
        graph, (tail, head) = self._graph, _ends(self._graph)
        away_m: Floats
        starts = np.array([tail[first], head[first]])
        away_m, before = csgraph.dijkstra(
            self._matrix, directed=True, indices=starts, limit=RUN_MAX_M, return_predecessors=True
        )
        share = float(places.offset[one])
        leave_m = (graph.length_m[first] * share, graph.length_m[first] * (1.0 - share))
        share = float(places.offset[other])
        enter_m = (graph.length_m[last] * share, graph.length_m[last] * (1.0 - share))
        ways = [
            (float(leave_m[out] + away_m[out, node] + enter_m[into]), out, into)
            for out in (0, 1)
            for into, node in enumerate((int(tail[last]), int(head[last])))
        ]
        total, out, into = min(ways)
        if not total <= RUN_MAX_M:
            raise NoRun(other, False)
        nodes = _path(before[out], int(starts[out]), int((tail[last], head[last])[into]))
        middle = [self._stretch(a, b) for a, b in zip(nodes, nodes[1:], strict=False)]
        return [Stretch(first, out == 1), *middle, Stretch(last, into == 0)]

    def _stretch(self, tail: int, head: int) -> Stretch:
        at = int(np.searchsorted(self._keys, tail * self._graph.node_count + head))
        road = int(self._roads[at])
        return Stretch(road, int(_ends(self._graph)[0][road]) == tail)


def edges_of(graph: RoadGraph, run: Sequence[Stretch], *, both_ways: bool) -> tuple[int, ...]:
    """The directed edges of a run: both of each road, or only those that lead along the run."""
    forward, backward = graph.edges_of_road()
    found: list[int] = []
    for stretch in run:
        along = (forward, backward) if stretch.is_forward else (backward, forward)
        for edges in along if both_ways else along[:1]:
            if edges[stretch.road] != NO_EDGE:
                found.append(int(edges[stretch.road]))
    return tuple(sorted(set(found)))


def line_of(graph: RoadGraph, road: int) -> tuple[tuple[float, float], ...]:
    """The corners of a road in degrees, from its first node to its last."""
    start, end = graph.shape_from[road], graph.shape_from[road + 1]
    lon, lat = graph.shape_lon[start:end].tolist(), graph.shape_lat[start:end].tolist()
    return tuple(zip(lon, lat, strict=True))


def _ends(graph: RoadGraph) -> tuple[Longs, Longs]:
    """The first and the last node of each road, from whichever of its edges there is."""
    tail, head = np.zeros(graph.road_count, np.int64), np.zeros(graph.road_count, np.int64)
    ahead = graph.is_forward
    tail[graph.edge_road[ahead]] = graph.edge_tail[ahead]
    head[graph.edge_road[ahead]] = graph.edge_head[ahead]
    back = ~ahead
    tail[graph.edge_road[back]] = graph.edge_head[back]
    head[graph.edge_road[back]] = graph.edge_tail[back]
    return tail, head


def _path(before: Ints, start: int, end: int) -> list[int]:
    nodes = [end]
    while nodes[-1] != start:
        nodes.append(int(before[nodes[-1]]))
    return nodes[::-1]
