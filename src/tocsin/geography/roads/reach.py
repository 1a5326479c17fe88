"""Reach areas: what can be reached within so many seconds, as polygons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import numpy as np
import shapely as _untyped
from scipy.sparse import csgraph as _csgraph
from shapely import ops as _ops

from tocsin.geography.roads.changes import INF_MS
from tocsin.geography.roads.graph import Floats, Longs, RoadGraph
from tocsin.geography.roads.layers import NO_STATE, Ends, Layer
from tocsin.geography.roads.searching import LIFT_MS, arc_matrix, with_entrances
from tocsin.geography.roads.snapping import Snaps, road_lines

shapely = cast("Any", _untyped)
ops = cast("Any", _ops)
csgraph = cast("Any", _csgraph)

BESIDE_M: Final = 60.0
"""How far beside a reached road is still counted as reached: about a plot on either side."""
HOLE_M2: Final = 40_000.0
"""A hole smaller than a large city block (200 m by 200 m) is filled: its streets are all around."""
SMOOTH_M: Final = 2.0
"""Bends of less than this are straightened first: the ground beside is thirty times as wide."""


def state_times(layer: Layer, weights: Longs, starts: Ends, limit_ms: float) -> Floats:
    """Milliseconds from the first place of `starts` to each state, infinite beyond the limit."""
    one = Ends(starts.state[:1], starts.ms[:1])
    matrix = with_entrances(arc_matrix(layer, weights), one)
    size = layer.state_count
    found = csgraph.dijkstra(matrix, directed=True, indices=[size], limit=limit_ms + LIFT_MS)
    return found[0, :size] - LIFT_MS


def reached_shares(layer: Layer, edge_ms: Longs, times_ms: Floats, limit_ms: float) -> Floats:
    """For each edge the share of it, from its beginning, that is reached in time."""
    at = np.append(times_ms, np.inf)[np.where(layer.entries == NO_STATE, -1, layer.entries)]
    begins = at.min(axis=1)
    share = np.clip((limit_ms - begins) / edge_ms, 0.0, 1.0)
    return np.where(edge_ms >= INF_MS, 0.0, share)


def areas(
    graph: RoadGraph,
    layer: Layer,
    weights: Longs,
    edge_ms: Longs,
    source: Snaps,
    starts: Ends,
    limits_s: Sequence[float],
) -> tuple[Any, ...]:
    """One outline (degrees) for each limit: all reached stretches of road with `BESIDE_M` around.

    A larger limit's area holds a smaller one's. Empty where the source is off the roads.
    """
    if not len(limits_s):
        return ()
    times = state_times(layer, weights, starts, max(limits_s) * 1000.0)
    # Before they are cut, so that a larger limit's stretch holds a smaller one's exactly.
    lines = shapely.simplify(road_lines(graph), SMOOTH_M)
    found: list[Any] = []
    for limit_s in limits_s:
        shares = reached_shares(layer, edge_ms, times, limit_s * 1000.0)
        pieces = _pieces(graph, lines, shares)
        pieces += _own_road(graph, lines, edge_ms, source, limit_s * 1000.0)
        found.append(_outline(graph, pieces))
    return tuple(found)


def _pieces(graph: RoadGraph, lines: Any, shares: Floats) -> list[Any]:
    ahead, back = np.zeros(graph.road_count), np.zeros(graph.road_count)
    ahead[graph.edge_road[graph.is_forward]] = shares[graph.is_forward]
    back[graph.edge_road[~graph.is_forward]] = shares[~graph.is_forward]
    whole = ahead + back >= 1.0
    pieces: list[Any] = list(lines[whole])
    for road in np.flatnonzero(~whole & ((ahead > 0) | (back > 0))).tolist():
        for low, high in ((0.0, ahead[road]), (1.0 - back[road], 1.0)):
            if high > low:
                pieces.append(ops.substring(lines[road], low, high, normalized=True))
    return pieces


def _own_road(
    graph: RoadGraph, lines: Any, edge_ms: Longs, source: Snaps, limit_ms: float
) -> list[Any]:
    """What is reached of the source's own road without leaving it."""
    road = int(source.road[0])
    if road < 0:
        return []
    here = float(source.offset[0])
    low = high = here
    forward, backward = int(source.forward[0]), int(source.backward[0])
    if forward >= 0 and edge_ms[forward] < INF_MS:
        high = min(1.0, here + limit_ms / float(edge_ms[forward]))
    if backward >= 0 and edge_ms[backward] < INF_MS:
        low = max(0.0, here - limit_ms / float(edge_ms[backward]))
    return [ops.substring(lines[road], low, high, normalized=True)] if high > low else []


def _outline(graph: RoadGraph, pieces: list[Any]) -> Any:
    if not pieces:
        return shapely.Polygon()
    # One by one and then joined: a hundred times faster than around all of them at once.
    ground = shapely.union_all(
        shapely.buffer(np.array(pieces, dtype=object), BESIDE_M, quad_segs=4)
    )
    parts = [ground] if ground.geom_type == "Polygon" else list(ground.geoms)
    filled = [
        shapely.Polygon(
            part.exterior, [hole for hole in part.interiors if shapely.Polygon(hole).area > HOLE_M2]
        )
        for part in parts
    ]
    plane = graph.plane
    steps = np.array([plane.metres_per_lon, plane.metres_per_lat])
    shape = shapely.unary_union(filled)

    def on_globe(at: Floats) -> Floats:
        return at / steps + np.array([plane.lon, plane.lat])

    return shapely.transform(shape, on_globe)
