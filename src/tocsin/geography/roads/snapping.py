"""From points to places on the road: which road, how far along it, how far away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import shapely as _untyped

from tocsin.geography.roads.graph import NO_EDGE, Flags, Floats, Indices, Longs, RoadGraph
from tocsin.geography.roads.speeds import METRICS, Metric

shapely = cast("Any", _untyped)

OFF_ROAD_M: Final = 250.0
"""Farther from every road than this, a point is off the roads: a boat, a field, a wrong datum.
A long drive or a large yard is within it; a wrong place of a kilometre is not."""
SHARE_DIGITS: Final = 9
"""Digits kept of a share of a road, a micrometre of a kilometre. Two places nearer than that are
one, or a place a rounding error ahead on a closed way could not be reached from beside it."""
NO_ROAD: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Snaps:
    """Places on roads, one row a point.

    `road` is -1 for a point off the roads, and then no way leads from it or to it. `forward` and
    `backward` are the road's directed edges (-1 where there is none), `offset` is the share of the
    road from its first node, 0 to 1. `distance_m` is from the point to the road (for a point off
    the roads: infinite), `lon`, `lat` the place on the road in degrees.
    """

    road: Indices
    forward: Indices
    backward: Indices
    offset: Floats
    distance_m: Floats
    lon: Floats
    lat: Floats

    def __len__(self) -> int:
        return len(self.road)

    @property
    def is_off_road(self) -> Flags:
        """For each point, whether it is off the roads."""
        return self.road == NO_ROAD

    def joined(self, others: Snaps) -> Snaps:
        """These rows and then the others'."""
        names = ("road", "forward", "backward", "offset", "distance_m", "lon", "lat")
        return Snaps(
            *(np.concatenate([getattr(self, each), getattr(others, each)]) for each in names)
        )

    def take(self, rows: Sequence[int] | Indices | Longs) -> Snaps:
        """Some of the rows, in that order."""
        at = np.asarray(rows, dtype=np.int64)
        return Snaps(
            *(self.road[at], self.forward[at], self.backward[at], self.offset[at]),
            *(self.distance_m[at], self.lon[at], self.lat[at]),
        )


def placed_on(graph: RoadGraph, road: Sequence[int], offset: Sequence[float]) -> Snaps:
    """Snaps at given shares of given roads; -1 stands for a point off the roads."""
    roads = np.asarray(road, dtype=np.int32)
    shares = np.clip(np.asarray(offset, dtype=np.float64), 0.0, 1.0)
    lon, lat = _along(graph, roads, shares)
    away = np.where(roads == NO_ROAD, np.inf, 0.0)
    return _snaps(graph, roads, shares, away, lon, lat)


class Snapper:
    """Finds the nearest road that is open to one metric. Built once, may be shared by threads."""

    __slots__ = ("_graph", "_lines", "_plane", "_roads", "_tree", "limit_m")

    def __init__(
        self, graph: RoadGraph, metric: Metric = "emergency", limit_m: float = OFF_ROAD_M
    ) -> None:
        self._graph = graph
        self._plane = graph.plane
        self.limit_m = limit_m
        usable = graph.speed_km_h[METRICS.index(metric)] > 0
        self._roads = np.unique(graph.edge_road[usable]).astype(np.int32)
        lines = road_lines(graph)
        self._lines = lines[self._roads]
        self._tree = shapely.STRtree(self._lines)

    def snap(self, lon: Sequence[float] | Floats, lat: Sequence[float] | Floats) -> Snaps:
        """The nearest place on a road for each point (degrees WGS84).

        Of roads equally near the first of the graph. A point farther than `limit_m`, or whose
        numbers are no coordinates, is off the roads.
        """
        lons, lats = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        count = len(lons)
        road = np.full(count, NO_ROAD, dtype=np.int32)
        share, away = np.zeros(count), np.full(count, np.inf)
        there_lon, there_lat = np.full(count, np.nan), np.full(count, np.nan)
        sound = np.flatnonzero(np.isfinite(lons) & np.isfinite(lats))
        x = (lons[sound] - self._plane.lon) * self._plane.metres_per_lon
        y = (lats[sound] - self._plane.lat) * self._plane.metres_per_lat
        points = shapely.points(x, y)
        if len(sound) and len(self._lines):
            (row, line), metres = self._tree.query_nearest(
                points, max_distance=self.limit_m, return_distance=True
            )
            order = np.lexsort((line, row))
            row, first = np.unique(row[order], return_index=True)
            line, metres = line[order][first], metres[order][first]
            road[sound[row]] = self._roads[line]
            away[sound[row]] = metres
            share[sound[row]] = shapely.line_locate_point(
                self._lines[line], points[row], normalized=True
            )
            there = shapely.line_interpolate_point(
                self._lines[line], share[sound[row]], normalized=True
            )
            plane = self._plane
            there_lon[sound[row]] = plane.lon + shapely.get_x(there) / plane.metres_per_lon
            there_lat[sound[row]] = plane.lat + shapely.get_y(there) / plane.metres_per_lat
        return _snaps(self._graph, road, share, away, there_lon, there_lat)


def road_lines(graph: RoadGraph) -> Any:
    """Every road as a line in metres of the graph's plane, in the order of the roads."""
    plane = graph.plane
    x = (graph.shape_lon - plane.lon) * plane.metres_per_lon
    y = (graph.shape_lat - plane.lat) * plane.metres_per_lat
    counts = np.diff(graph.shape_from)
    owner = np.repeat(np.arange(graph.road_count), counts)
    return shapely.linestrings(np.column_stack([x, y]), indices=owner)


def _along(graph: RoadGraph, road: Indices, share: Floats) -> tuple[Floats, Floats]:
    """Where the shares of the roads lie; NaN for no road."""
    lon, lat = np.full(len(road), np.nan), np.full(len(road), np.nan)
    plane = graph.plane
    for row in np.flatnonzero(road != NO_ROAD).tolist():
        start, end = graph.shape_from[road[row]], graph.shape_from[road[row] + 1]
        x, y = graph.shape_lon[start:end], graph.shape_lat[start:end]
        steps = np.hypot(np.diff(x) * plane.metres_per_lon, np.diff(y) * plane.metres_per_lat)
        run = np.concatenate([[0.0], np.cumsum(steps)])
        lon[row] = np.interp(share[row] * run[-1], run, x)
        lat[row] = np.interp(share[row] * run[-1], run, y)
    return lon, lat


def _snaps(
    graph: RoadGraph, road: Indices, share: Floats, away: Floats, lon: Floats, lat: Floats
) -> Snaps:
    forward, backward = graph.edges_of_road()
    off = road == NO_ROAD
    return Snaps(
        road,
        np.where(off, NO_EDGE, forward[road]).astype(np.int32),
        np.where(off, NO_EDGE, backward[road]).astype(np.int32),
        np.round(share, SHARE_DIGITS),
        away,
        lon,
        lat,
    )
