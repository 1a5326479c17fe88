"""Travel times by customisable contraction hierarchies (the library routingkit-cch).

Dibbelt, Strasser, Wagner: Customizable Contraction Hierarchies, ACM JEA 21 (2016). The order is
computed once for a graph and may be kept on disk; each set of weights is customised when it is
first asked for.
"""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import routingkit_cch as _untyped

from tocsin.geography.roads.changes import HourFactors, RoadChanges
from tocsin.geography.roads.graph import Floats, Indices, Longs, RoadGraph
from tocsin.geography.roads.layers import NO_STATE, Ends, Layer
from tocsin.geography.roads.speeds import Metric
from tocsin.geography.roads.times import Layers, WeighedTimes, first_weighing

routingkit = cast("Any", _untyped)

ORDER_FORMAT: Final = 1
"""Part of the name of a kept order: to be raised when layers are built differently."""


class Hierarchies:
    """The weightless half: one hierarchy for each layer, shared by all weighings of a graph."""

    __slots__ = ("_made", "folder", "layers")

    def __init__(self, layers: Layers, folder: Path | None) -> None:
        self.layers = layers
        self.folder = folder
        self._made: dict[int, tuple[Any, Longs]] = {}

    def of(self, metric: Metric) -> tuple[Any, Longs]:
        """The hierarchy and which arcs of the layer are in it (a loop never is)."""
        layer = self.layers.of(metric)
        if id(layer) not in self._made:
            arcs = np.flatnonzero(layer.arc_tail != layer.arc_head)
            tail, head = layer.arc_tail[arcs].tolist(), layer.arc_head[arcs].tolist()
            order = self._order(layer, tail, head)
            self._made[id(layer)] = routingkit.CCH(order, tail, head, False), arcs
        return self._made[id(layer)]

    def _order(self, layer: Layer, tail: list[int], head: list[int]) -> list[int]:
        if self.folder is None:
            return _computed_order(layer, tail, head)
        # The name says all that the order depends on, so a file is right or it is not there.
        name = sha256(f"{ORDER_FORMAT} {layer.state_count}".encode())
        for part in (layer.arc_tail, layer.arc_head, layer.state_lon, layer.state_lat):
            name.update(np.ascontiguousarray(part).tobytes())
        path = self.folder / f"order-{name.hexdigest()[:32]}.npy"
        kept = read_order(path, layer.state_count)
        if kept is not None:
            return kept
        order = _computed_order(layer, tail, head)
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        with partial.open("wb") as file:
            np.save(file, np.array(order, dtype=np.uint32))
        partial.replace(path)
        return order


def _computed_order(layer: Layer, tail: list[int], head: list[int]) -> list[int]:
    # Two parallel lists of degrees; nested dissection by inertial flow on where the states lie.
    return routingkit.compute_order_inertial(
        layer.state_count, tail, head, layer.state_lat.tolist(), layer.state_lon.tolist()
    )


def read_order(path: Path, count: int) -> list[int] | None:
    """A kept order; None where there is none or it is damaged, and then it is computed anew."""
    try:
        order = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if order.shape != (count,) or order.dtype != np.uint32:
        return None
    if not np.array_equal(np.sort(order), np.arange(count, dtype=np.uint32)):
        return None
    return order.tolist()


class CchTimes(WeighedTimes):
    """`TravelTimes` in microseconds a pair. `folder` is where the order is kept, if anywhere."""

    __slots__ = ("_hierarchies", "_metrics")

    def __init__(
        self, graph: RoadGraph, *, hours: HourFactors | None = None, folder: Path | None = None
    ) -> None:
        super().__init__(Layers(graph), first_weighing(graph, hours))
        self._hierarchies = Hierarchies(self.layers, folder)
        self._metrics: dict[Metric, Any] = {}

    def with_changes(self, changes: RoadChanges) -> CchTimes:
        """See `TravelTimes.with_changes`: the hierarchy is shared, the weights are new."""
        return self._weighed(replace(self.weighing, changes=changes))

    def at_hour(self, weekday: int, hour: int) -> CchTimes:
        """See `TravelTimes.at_hour`."""
        return self._weighed(replace(self.weighing, when=(weekday, hour)))

    def _weighed(self, weighing: Any) -> CchTimes:
        other = object.__new__(CchTimes)
        WeighedTimes.__init__(other, self.layers, weighing)
        other._hierarchies = self._hierarchies
        other._metrics = {}
        return other

    def prepare(self, metric: Metric) -> Any:
        """Customises the metric now rather than at the first question."""
        if metric not in self._metrics:
            hierarchy, arcs = self._hierarchies.of(metric)
            weights = self.layers.of(metric).weights(metric, self.edge_ms(metric))[arcs]
            self._metrics[metric] = routingkit.CCHMetric(hierarchy, weights.tolist())
        return self._metrics[metric]

    def between(self, metric: Metric, starts: Ends, ends: Ends) -> Floats:
        """One sweep for each row of the shorter side; the longer side is pinned."""
        if (starts.state == NO_STATE).all() or (ends.state == NO_STATE).all():
            return np.full((len(starts.state), len(ends.state)), np.inf)
        weighed = self.prepare(metric)
        if len(starts.state) <= len(ends.state):
            states, at = _pinned(ends)
            sweep = routingkit.CCHOneToMany(weighed, states).distances_from_multi
            return _swept(sweep, starts, ends, at)
        states, at = _pinned(starts)
        sweep = routingkit.CCHManyToOne(weighed, states).distances_to_multi
        return _swept(sweep, ends, starts, at).T


def _pinned(ends: Ends) -> tuple[list[int], Indices]:
    """The states once each, and for each place of `ends` where its state stands among them.

    Padding stands behind the last.
    """
    states = np.unique(ends.state[ends.state != NO_STATE])
    at = np.searchsorted(states, ends.state)
    at[ends.state == NO_STATE] = len(states)
    return states.tolist(), at.astype(np.int32)


def _swept(sweep: Any, rows: Ends, columns: Ends, at: Indices) -> Floats:
    out = np.full((len(rows.state), len(columns.state)), np.inf)
    states, waits = rows.state.tolist(), rows.ms.tolist()
    nowhere = np.array([np.inf])
    for row in range(len(states)):
        begin = [(s, w) for s, w in zip(states[row], waits[row], strict=True) if s != NO_STATE]
        if not begin:
            continue
        # None, for no way, becomes NaN, and NaN infinity.
        found = np.array(sweep(begin), dtype=np.float64)
        found = np.concatenate([np.where(np.isnan(found), np.inf, found), nowhere])
        out[row] = (found[at] + columns.ms).min(axis=1)
    return out
