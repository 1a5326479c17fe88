"""The road graph: roads between crossings, directed edges along them; arrays that never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from hashlib import sha256
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from tocsin.geography.distance import Plane
from tocsin.geography.roads.speeds import METRICS, Metric

Floats = npt.NDArray[np.float64]
Speeds = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NO_EDGE: Final = -1
"""Stands where a road may not be used in that direction."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What was read and what was left out, so that nobody has to guess.

    `dropped_m` is the length of roads of which no part is on the largest connected network of
    any metric; `islands_m` the length that one metric or more lost for that reason.
    """

    source: str = ""
    roads: int = 0
    length_m: float = 0.0
    dropped_m: float = 0.0
    islands_m: tuple[float, ...] = (0.0, 0.0, 0.0)
    bans: int = 0
    restrictions_read: int = 0
    restrictions_ignored: int = 0
    rows_broken: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class RoadGraph:
    """Crossings (nodes), roads between them, and one directed edge for each way along a road.

    Nodes: `node_lon`, `node_lat` in degrees WGS84; `has_signals`; `barrier_at` holds for each
    metric whether driving through the node is impossible (rows in the order of `METRICS`).
    Roads: from node to node; the corners of road r are
    `shape_lon[shape_from[r]:shape_from[r + 1]]`, first and last on its nodes; `length_m`,
    `road_class` (an index into `CLASSES`), `road_name` (an index into `names`, 0 is no name),
    `road_ref` (what the source calls it: an OpenStreetMap way or a city's segment number).
    Edges: `edge_tail`, `edge_head` (nodes), `edge_road`, `is_forward`, and `speed_km_h[metric,
    edge]`, 0 where the edge is not open to that metric. A one-way road is one whose other edge is
    missing or open on foot only.
    Bans: driving from edge `ban_from[i]` straight into `ban_to[i]` is not allowed. `path_bans` are
    triples of edges (from, via, to) that may not be driven in a row, though each pair may.
    """

    node_lon: Floats
    node_lat: Floats
    has_signals: Flags
    barrier_at: Flags
    shape_from: Longs
    shape_lon: Floats
    shape_lat: Floats
    length_m: Floats
    road_class: Indices
    road_name: Indices
    road_ref: Longs
    names: tuple[str, ...]
    edge_tail: Indices
    edge_head: Indices
    edge_road: Indices
    is_forward: Flags
    speed_km_h: Speeds
    ban_from: Indices
    ban_to: Indices
    path_bans: Indices
    drives_on_left: bool = False
    report: BuildReport = field(default_factory=BuildReport)

    def __post_init__(self) -> None:
        for each in fields(self):
            value: Any = getattr(self, each.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def node_count(self) -> int:
        return len(self.node_lon)

    @property
    def edge_count(self) -> int:
        return len(self.edge_tail)

    @property
    def road_count(self) -> int:
        return len(self.length_m)

    @property
    def plane(self) -> Plane:
        """A flat map around the middle of the graph."""
        if not self.node_count:
            return Plane(0.0, 0.0)
        return Plane(
            float(self.node_lon.min() + self.node_lon.max()) / 2,
            float(self.node_lat.min() + self.node_lat.max()) / 2,
        )

    def digest(self) -> str:
        """SHA-256 over everything that a travel time depends on; the same for the same roads."""
        total = sha256()
        for each in fields(self):
            value: Any = getattr(self, each.name)
            if isinstance(value, np.ndarray):
                array = cast("npt.NDArray[Any]", value)
                total.update(f"{each.name} {array.dtype} {array.shape}".encode())
                total.update(np.ascontiguousarray(array).tobytes())
        total.update(f"left {self.drives_on_left}".encode())
        return total.hexdigest()

    def is_open(self, metric: Metric) -> Flags:
        """For each edge, whether it is open to that metric."""
        return self.speed_km_h[METRICS.index(metric)] > 0

    def edges_of_road(self) -> tuple[Indices, Indices]:
        """For each road its forward and its backward edge, `NO_EDGE` where there is none."""
        forward = np.full(self.road_count, NO_EDGE, dtype=np.int32)
        backward = np.full(self.road_count, NO_EDGE, dtype=np.int32)
        edges = np.arange(self.edge_count, dtype=np.int32)
        forward[self.edge_road[self.is_forward]] = edges[self.is_forward]
        backward[self.edge_road[~self.is_forward]] = edges[~self.is_forward]
        return forward, backward

    def edges_named(self, ref: int) -> tuple[int, ...]:
        """Every edge of the source's road `ref` (a way is often several roads)."""
        found = np.flatnonzero(self.road_ref[self.edge_road] == ref)
        return tuple(int(edge) for edge in found)

    def name_of(self, edge: int) -> str:
        """The street's name, empty where it has none."""
        return self.names[int(self.road_name[self.edge_road[edge]])]


def offsets_of(counts: Sequence[int] | Longs) -> Longs:
    """Where each run starts, and at the end the total: [2, 3] -> [0, 2, 5]."""
    return np.concatenate([[0], np.cumsum(np.asarray(counts, dtype=np.int64))]).astype(np.int64)
