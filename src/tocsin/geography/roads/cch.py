"""Travel times by customisable contraction hierarchies (the library routingkit-cch).

Dibbelt, Strasser, Wagner: Customizable Contraction Hierarchies, ACM JEA 21 (2016). The order is
computed once for a graph and may be kept on disk; each set of weights is customised when it is
first asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, cast

import numpy as np
import routingkit_cch as _untyped

from tocsin.geography.roads.changes import HourFactors, RoadChanges
from tocsin.geography.roads.graph import Floats, Indices, Longs, RoadGraph
from tocsin.geography.roads.layers import (
    NO_STATE,
    Ends,
    Layer,
    arrivals,
    on_one_road,
    origins,
)
from tocsin.geography.roads.snapping import Snaps
from tocsin.geography.roads.speeds import DRIVEN, Metric
from tocsin.geography.roads.times import Layers, WeighedTimes, first_weighing

routingkit = cast("Any", _untyped)

SPREAD_FROM: Final = 20_000
"""Sweeps times pinned states from which threads are worth their start: about 25 ms in a dense
city (a table of 500 x 200 has 200,000)."""
T = TypeVar("T")
R = TypeVar("R")


class Spread(Protocol):
    """How work in parts is done: `map` as the built-in one, `parts` at once."""

    @property
    def parts(self) -> int: ...

    def map(self, work: Callable[[T], R], parts: Sequence[T], /) -> Iterable[R]:
        """The results in the order of the parts."""
        ...


class OneByOne:
    """No threads."""

    parts: int = 1

    def map(self, work: Callable[[T], R], parts: Sequence[T], /) -> Iterable[R]:
        """See `Spread.map`."""
        return map(work, parts)


ORDER_FORMAT: Final = 1
"""Part of the name of a kept order: to be raised when layers are built differently."""


class Hierarchies:
    """The weightless half: one hierarchy for each layer, shared by all weighings of a graph."""

    __slots__ = ("_made", "folder", "layers", "spread")

    def __init__(self, layers: Layers, folder: Path | None, spread: Spread) -> None:
        self.layers = layers
        self.folder = folder
        self.spread = spread
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
    """`TravelTimes` in microseconds a pair. `folder` is where the order is kept, if anywhere;
    `spread` may do large tables on several threads, with the same numbers."""

    __slots__ = ("_hierarchies", "_metrics")

    def __init__(
        self,
        graph: RoadGraph,
        *,
        hours: HourFactors | None = None,
        folder: Path | None = None,
        spread: Spread | None = None,
    ) -> None:
        super().__init__(Layers(graph), first_weighing(graph, hours))
        self._hierarchies = Hierarchies(self.layers, folder, spread or OneByOne())
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
        """Customises the metric now rather than at the first question. None where no road leads on
        to another: the library may not be asked about that (it ends the process)."""
        if metric not in self._metrics:
            layer = self.layers.of(metric)
            if not (layer.arc_tail != layer.arc_head).any():
                self._metrics[metric] = None
                return None
            hierarchy, arcs = self._hierarchies.of(metric)
            weights = self.layers.of(metric).weights(metric, self.edge_ms(metric))[arcs]
            self._metrics[metric] = routingkit.CCHMetric(hierarchy, weights.tolist())
        return self._metrics[metric]

    def between(self, metric: Metric, sources: Snaps, targets: Snaps) -> Floats:
        """One sweep for each row of the shorter side; the longer side is pinned."""
        weighed = self.prepare(metric)
        if weighed is None:
            return _without_arcs(*self.ends(metric, sources, targets))
        if len(sources) <= len(targets):
            starts, ends = self.ends(metric, sources, targets)
            return self._swept(weighed, "CCHOneToMany", starts, ends)
        if metric not in DRIVEN:  # on foot a state is a crossing, and no edge's own
            starts, ends = self.ends(metric, sources, targets)
            return self._swept(weighed, "CCHManyToOne", ends, starts).T
        layer, edge_ms = self.layers.of(metric), self.edge_ms(metric)
        ends, starts = arrivals(layer, edge_ms, targets), origins(layer, edge_ms, sources)
        out = self._swept(weighed, "CCHManyToOne", ends, starts).T
        rows, columns = on_one_road(sources, targets)
        if len(rows):  # these are few: told apart turn by turn
            there, here = np.unique(rows), np.unique(columns)
            near, far = self.ends(metric, sources.take(there), targets.take(here))
            ways = self._swept(weighed, "CCHManyToOne", far, near).T
            out[rows, columns] = ways[np.searchsorted(there, rows), np.searchsorted(here, columns)]
        return out

    def _swept(self, weighed: Any, kind: str, rows: Ends, columns: Ends) -> Floats:
        """Milliseconds (rows x columns) with the columns pinned; large tables in parts."""
        states, at = _pinned(columns)
        if not states:
            return np.full((len(rows.state), len(columns.state)), np.inf)

        def part(low_high: tuple[int, int]) -> Floats:
            # Made in the thread that uses it: the library's queries may not change threads.
            pinned = getattr(routingkit, kind)(weighed, states)
            sweep = (
                pinned.distances_from_multi if kind == "CCHOneToMany" else pinned.distances_to_multi
            )
            low, high = low_high
            return _sweeps(sweep, Ends(rows.state[low:high], rows.ms[low:high]), columns, at)

        count, parts = len(rows.state), self._hierarchies.spread.parts
        if parts == 1 or count * len(states) < SPREAD_FROM:
            return part((0, count))
        cuts = [count * number // parts for number in range(parts + 1)]
        return np.concatenate(list(self._hierarchies.spread.map(part, list(pairwise(cuts)))))


def _without_arcs(starts: Ends, ends: Ends) -> Floats:
    """Ways that end in the state they begin with, as on roads that only meet themselves."""
    alike = starts.state[:, None, :, None] == ends.state[None, :, None, :]
    alike &= (starts.state != NO_STATE)[:, None, :, None]
    ways = starts.ms[:, None, :, None] + ends.ms[None, :, None, :]
    return np.where(alike, ways, np.inf).min(axis=(2, 3))


def _pinned(ends: Ends) -> tuple[list[int], Indices]:
    """The states once each, and for each place of `ends` where its state stands among them.

    Padding stands behind the last.
    """
    states = np.unique(ends.state[ends.state != NO_STATE])
    at = np.searchsorted(states, ends.state)
    at[ends.state == NO_STATE] = len(states)
    return states.tolist(), at.astype(np.int32)


def _sweeps(sweep: Any, rows: Ends, columns: Ends, at: Indices) -> Floats:
    out = np.full((len(rows.state), len(columns.state)), np.inf)
    states, waits = rows.state.tolist(), rows.ms.tolist()
    ahead = columns.ms.astype(np.float64)
    found = np.full(int(at.max()) + 2, np.inf)  # padding finds infinity behind the last
    for row in range(len(states)):
        begin = [(s, w) for s, w in zip(states[row], waits[row], strict=True) if s != NO_STATE]
        if not begin:
            continue
        # None, for no way, becomes NaN; fmin takes infinity instead.
        ways = np.array(sweep(begin), dtype=np.float64)
        np.fmin(ways, np.inf, out=found[: len(ways)])
        np.min(found[at] + ahead, axis=1, out=out[row])
    return out
