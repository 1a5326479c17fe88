"""From a list of roads, as a reader finds them, to a graph: edges, bans, the largest network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import numpy as np
import scipy.sparse as _sparse
from scipy.sparse import csgraph as _csgraph

from tocsin.geography.distance import lengths_m
from tocsin.geography.roads.errors import RoadsError
from tocsin.geography.roads.graph import (
    BuildReport,
    Flags,
    Floats,
    Indices,
    RoadGraph,
    offsets_of,
)
from tocsin.geography.roads.speeds import METRICS

sparse = cast("Any", _sparse)
csgraph = cast("Any", _csgraph)

LENGTH_MIN_M: Final = 0.01
"""A road of no length would be an edge of no time; mappers' doubled points are lifted to this."""

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class DraftRoad:
    """One road between two crossings as a reader found it.

    `forward` and `backward` are km/h for each metric, 0 where it is closed. `tail` and `head` are
    the source's numbers of the crossings. `length_m` overrides what the corners measure.
    """

    tail: int
    head: int
    corners: tuple[Place, ...]
    forward: tuple[float, float, float]
    backward: tuple[float, float, float]
    road_class: int
    name: str = ""
    ref: int = 0
    length_m: float | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a reader found, in an order that depends on the file alone.

    `signals` and `barriers` (node -> metrics that can not pass) name crossings. `bans` are runs of
    two or three directed edges (road index, is forward) that may not be driven one after another.
    """

    roads: Sequence[DraftRoad]
    signals: frozenset[int] = frozenset()
    barriers: dict[int, tuple[bool, bool, bool]] | None = None
    bans: Sequence[tuple[tuple[int, bool], ...]] = ()
    drives_on_left: bool = False
    report: BuildReport = BuildReport()


def graph_of(draft: Draft) -> RoadGraph:
    """The graph of a draft, cut down to what is connected.

    For each metric only the largest strongly connected set of edges stays open, turn bans and
    barriers counted; a road that is open to nobody afterwards is dropped. Nodes and roads keep
    the order of the draft. Raises `RoadsError` where there is no road at all.
    """
    if not draft.roads:
        raise RoadsError("no_roads", name=draft.report.source)
    whole = _assembled(draft)
    opened = whole.speed_km_h.copy()
    islands: list[float] = []
    for row in range(len(METRICS)):
        kept = _largest(whole, row)
        was_open = opened[row] > 0
        lost = whole.edge_road[was_open & ~kept]
        islands.append(float(whole.length_m[np.unique(lost)].sum()))
        opened[row, ~kept] = 0.0
    return _cut_down(replace(whole, speed_km_h=opened), tuple(islands))


def _assembled(draft: Draft) -> RoadGraph:
    roads = draft.roads
    numbers = sorted({node for road in roads for node in (road.tail, road.head)})
    index = {number: place for place, number in enumerate(numbers)}
    names = ("", *sorted({road.name for road in roads if road.name}))
    name_index = {name: place for place, name in enumerate(names)}
    shape_from = offsets_of([len(road.corners) for road in roads])
    lon = np.array([spot[0] for road in roads for spot in road.corners], dtype=np.float64)
    lat = np.array([spot[1] for road in roads for spot in road.corners], dtype=np.float64)
    given = np.array([np.nan if r.length_m is None else r.length_m for r in roads])
    measured = lengths_m(shape_from, lon, lat)
    length = np.maximum(np.where(np.isnan(given), measured, given), LENGTH_MIN_M)
    tails = np.array([index[road.tail] for road in roads], dtype=np.int32)
    heads = np.array([index[road.head] for road in roads], dtype=np.int32)
    node_lon, node_lat = np.zeros(len(numbers)), np.zeros(len(numbers))
    node_lon[heads], node_lat[heads] = lon[shape_from[1:] - 1], lat[shape_from[1:] - 1]
    node_lon[tails], node_lat[tails] = lon[shape_from[:-1]], lat[shape_from[:-1]]

    # Both edges of every road first, so that a ban may name any of them: 2r forward, 2r + 1 back.
    count = len(roads)
    edge_road = np.repeat(np.arange(count, dtype=np.int32), 2)
    is_forward = np.tile(np.array([True, False]), count)
    speeds = np.zeros((len(METRICS), 2 * count), dtype=np.float32)
    speeds[:, 0::2] = np.array([road.forward for road in roads], dtype=np.float32).T
    speeds[:, 1::2] = np.array([road.backward for road in roads], dtype=np.float32).T
    barriers = np.zeros((len(METRICS), len(numbers)), dtype=np.bool_)
    for number, closed in (draft.barriers or {}).items():
        if number in index:
            barriers[:, index[number]] = closed
    bans = [tuple(2 * road + (not forward) for road, forward in run) for run in draft.bans]
    pairs = np.array(sorted({run for run in bans if len(run) == 2}), np.int32).reshape(-1, 2)
    triples = np.array(sorted({run for run in bans if len(run) == 3}), np.int32).reshape(-1, 3)
    return RoadGraph(
        node_lon=node_lon,
        node_lat=node_lat,
        has_signals=np.array([number in draft.signals for number in numbers], dtype=np.bool_),
        barrier_at=barriers,
        shape_from=shape_from,
        shape_lon=lon,
        shape_lat=lat,
        length_m=length,
        road_class=np.array([road.road_class for road in roads], dtype=np.int32),
        road_name=np.array([name_index[road.name] for road in roads], dtype=np.int32),
        road_ref=np.array([road.ref for road in roads], dtype=np.int64),
        names=names,
        edge_tail=np.where(is_forward, tails[edge_road], heads[edge_road]).astype(np.int32),
        edge_head=np.where(is_forward, heads[edge_road], tails[edge_road]).astype(np.int32),
        edge_road=edge_road,
        is_forward=is_forward,
        speed_km_h=speeds,
        ban_from=pairs[:, 0].copy(),
        ban_to=pairs[:, 1].copy(),
        path_bans=triples,
        drives_on_left=draft.drives_on_left,
        report=draft.report,
    )


def turns_of(graph: RoadGraph, usable: Flags) -> tuple[Indices, Indices]:
    """Every pair (edge, next edge) of usable edges that meet, in the order of the edges.

    Bans and barriers are not looked at here.
    """
    usable_edges = np.flatnonzero(usable).astype(np.int32)
    by_tail = usable_edges[np.argsort(graph.edge_tail[usable_edges], kind="stable")]
    starts = np.searchsorted(graph.edge_tail[by_tail], np.arange(graph.node_count + 1))
    first = starts[graph.edge_head[usable_edges]]
    counts = starts[graph.edge_head[usable_edges] + 1] - first
    before = np.repeat(usable_edges, counts)
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    after = by_tail[np.repeat(first, counts) + within]
    return before, after.astype(np.int32)


def banned(graph: RoadGraph, before: Indices, after: Indices) -> Flags:
    """For each pair of edges, whether a turn ban forbids it."""
    wide = np.int64(max(1, graph.edge_count))
    keys = before.astype(np.int64) * wide + after
    return np.isin(keys, graph.ban_from.astype(np.int64) * wide + graph.ban_to)


def _largest(graph: RoadGraph, row: int) -> Flags:
    """The edges of the largest strongly connected set (by length) that are open to a metric."""
    usable = graph.speed_km_h[row] > 0
    before, after = turns_of(graph, usable)
    if METRICS[row] != "foot":
        through = graph.barrier_at[row, graph.edge_head[before]]
        passable = ~banned(graph, before, after)
        passable &= ~through | (graph.edge_road[before] == graph.edge_road[after])
        before, after = before[passable], after[passable]
    size = graph.edge_count
    matrix = sparse.coo_matrix((np.ones(len(before), np.int8), (before, after)), (size, size))
    _, label = csgraph.connected_components(matrix, directed=True, connection="strong")
    lengths: Floats = np.where(usable, graph.length_m[graph.edge_road], 0.0)
    sizes = np.bincount(label, weights=lengths)
    # argmax takes the first of equals: the set that the file names first.
    return usable & (label == int(np.argmax(sizes)))


def _cut_down(graph: RoadGraph, islands_m: tuple[float, ...]) -> RoadGraph:
    """Without the edges, roads and nodes that are open to nobody."""
    kept: Flags = np.any(graph.speed_km_h > 0, axis=0)
    if not kept.any():
        raise RoadsError("no_roads", name=graph.report.source)
    roads = np.zeros(graph.road_count, dtype=np.bool_)
    roads[graph.edge_road[kept]] = True
    nodes = np.zeros(graph.node_count, dtype=np.bool_)
    nodes[graph.edge_tail[kept]] = True
    nodes[graph.edge_head[kept]] = True
    new_road = (np.cumsum(roads) - 1).astype(np.int32)
    new_node = (np.cumsum(nodes) - 1).astype(np.int32)
    new_edge = (np.cumsum(kept) - 1).astype(np.int32)
    counts = np.diff(graph.shape_from)
    corners = np.repeat(roads, counts)
    pairs: Flags = kept[graph.ban_from] & kept[graph.ban_to]
    triples: Flags = np.all(kept[graph.path_bans], axis=1)
    total, left = float(graph.length_m.sum()), float(graph.length_m[roads].sum())
    report = replace(
        graph.report,
        roads=int(roads.sum()),
        length_m=left,
        dropped_m=total - left,
        islands_m=islands_m,
        bans=int(pairs.sum() + triples.sum()),
    )
    return RoadGraph(
        node_lon=graph.node_lon[nodes],
        node_lat=graph.node_lat[nodes],
        has_signals=graph.has_signals[nodes],
        barrier_at=graph.barrier_at[:, nodes],
        shape_from=offsets_of(counts[roads]),
        shape_lon=graph.shape_lon[corners],
        shape_lat=graph.shape_lat[corners],
        length_m=graph.length_m[roads],
        road_class=graph.road_class[roads],
        road_name=graph.road_name[roads],
        road_ref=graph.road_ref[roads],
        names=graph.names,
        edge_tail=new_node[graph.edge_tail[kept]],
        edge_head=new_node[graph.edge_head[kept]],
        edge_road=new_road[graph.edge_road[kept]],
        is_forward=graph.is_forward[kept],
        speed_km_h=graph.speed_km_h[:, kept],
        ban_from=new_edge[graph.ban_from[pairs]],
        ban_to=new_edge[graph.ban_to[pairs]],
        path_bans=new_edge[graph.path_bans[triples]],
        drives_on_left=graph.drives_on_left,
        report=report,
    )
