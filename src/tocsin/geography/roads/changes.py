"""What slows or closes roads for a while: live changes, and factors by hour of the week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final, cast

import numpy as np
import shapely as _untyped

from tocsin.geography.roads.graph import Floats, Longs, RoadGraph
from tocsin.geography.roads.snapping import road_lines
from tocsin.geography.roads.speeds import CLASS_INDEX, METRICS, Metric

shapely = cast("Any", _untyped)

INF_MS: Final = 2**31 - 1
"""No way: the value that routingkit-cch takes for it. Any real time is below 24 days."""
WEEKDAYS: Final = 7
HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class RoadChange:
    """Edges that take `factor` times as long; infinite where they are closed.

    Concerns the directed `edges`, and both edges of every road that touches `area` (a polygon in
    degrees): a road is a piece between two crossings and changes as a whole. `metrics` says for
    whom; a street closed to traffic may be open to engines and on foot. Raises `ValueError` for a
    factor that is not above 0.
    """

    factor: float = inf
    edges: tuple[int, ...] = ()
    area: Any = None
    metrics: tuple[Metric, ...] = METRICS

    def __post_init__(self) -> None:
        if not self.factor > 0:
            raise ValueError("a factor is above 0; infinite closes the road")


def closed(
    edges: Sequence[int] = (), area: Any = None, metrics: tuple[Metric, ...] = METRICS
) -> RoadChange:
    """A closure."""
    return RoadChange(inf, tuple(edges), area, metrics)


@dataclass(frozen=True, slots=True)
class RoadChanges:
    """All changes in force at one time. Where several concern an edge, the slowest holds."""

    changes: tuple[RoadChange, ...] = ()

    def factors(self, graph: RoadGraph, metric: Metric) -> Floats:
        """For each edge how many times as long it takes. Raises `ValueError` for no such edge."""
        out = np.ones(graph.edge_count)
        seen = np.zeros(graph.edge_count, dtype=np.bool_)
        lines: Any = None
        for change in self.changes:
            if metric not in change.metrics:
                continue
            edges = np.asarray(change.edges, dtype=np.int64)
            if len(edges) and (edges.min() < 0 or edges.max() >= graph.edge_count):
                raise ValueError("a change names an edge that the graph has not")
            if change.area is not None:
                lines = road_lines(graph) if lines is None else lines
                edges = np.concatenate([edges, _touched(graph, lines, change.area)])
            edges = np.unique(edges)
            # The first change of an edge counts as it is, so that a road may also get faster.
            out[edges] = np.where(seen[edges], np.maximum(out[edges], change.factor), change.factor)
            seen[edges] = True
        return out


def _touched(graph: RoadGraph, lines: Any, area: Any) -> Longs:
    plane = graph.plane
    steps = np.array([plane.metres_per_lon, plane.metres_per_lat])

    def flattened(at: Floats) -> Floats:
        return (at - np.array([plane.lon, plane.lat])) * steps

    flat = shapely.transform(area, flattened)
    shapely.prepare(flat)
    touched = shapely.intersects(flat, lines)
    return np.flatnonzero(touched[graph.edge_road]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class HourFactor:
    """How many times as long roads take on these weekdays (0 is Monday) and hours (0 to 23).

    `classes` limits it to classes of road; empty is all.
    """

    factor: float
    weekdays: tuple[int, ...] = tuple(range(WEEKDAYS))
    hours: tuple[int, ...] = tuple(range(HOURS))
    metrics: tuple[Metric, ...] = ("emergency", "normal")
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HourFactors:
    """Time of day as data: for each edge the first factor that fits counts, else 1."""

    rows: tuple[HourFactor, ...] = ()

    def factors(self, graph: RoadGraph, metric: Metric, weekday: int, hour: int) -> Floats:
        """For each edge. Raises `ValueError` for no weekday or hour."""
        if not (0 <= weekday < WEEKDAYS and 0 <= hour < HOURS):
            raise ValueError("weekday 0 to 6 (0 is Monday), hour 0 to 23")
        out = np.full(graph.edge_count, np.nan)
        edge_class = graph.road_class[graph.edge_road]
        for row in self.rows:
            if metric in row.metrics and weekday in row.weekdays and hour in row.hours:
                fits = np.isnan(out)
                if row.classes:
                    fits &= np.isin(edge_class, [CLASS_INDEX[name] for name in row.classes])
                out[fits] = row.factor
        return np.where(np.isnan(out), 1.0, out)


@dataclass(frozen=True, slots=True, eq=False)
class Weighing:
    """What the edges take now: the graph's speeds, the live changes and the hour."""

    graph: RoadGraph
    hours: HourFactors = HourFactors()
    changes: RoadChanges = RoadChanges()
    when: tuple[int, int] | None = None

    def edge_ms(self, metric: Metric) -> Longs:
        """Milliseconds along each edge, at least 1; `INF_MS` where it is closed.

        length / speed x hour factor x change factor, rounded to the millisecond.
        """
        graph = self.graph
        speed = graph.speed_km_h[METRICS.index(metric)].astype(np.float64)
        factor = self.changes.factors(graph, metric)
        if self.when is not None:
            factor = factor * self.hours.factors(graph, metric, *self.when)
        with np.errstate(divide="ignore"):
            milliseconds = graph.length_m[graph.edge_road] * 3600.0 / speed * factor
        bounded = np.clip(np.rint(milliseconds), 1.0, INF_MS)
        return bounded.astype(np.int64)
