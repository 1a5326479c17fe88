"""The road network of a node: one graph in memory, and its travel times with the changes of now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from math import inf
from typing import Final

import numpy as np

from tocsin.geography.roads.cch import CchTimes
from tocsin.geography.roads.changes import RoadChange, RoadChanges
from tocsin.geography.roads.graph import Floats, RoadGraph
from tocsin.geography.roads.runs import NoRun, Runs, edges_of
from tocsin.geography.roads.snapping import Snapper, Snaps
from tocsin.geography.roads.speeds import Metric
from tocsin.kernel.shared import Place
from tocsin.runtime.road_ports import RoadClosure

VIEWS_KEPT: Final = 6
"""Weighings of the network that are held: now, without closures, and those just before."""
ROWS_KEPT: Final = 4_000
"""Units' times to the middles of areas that are held: most units stand where they stood, and a row
is a kilobyte."""
AREA_SNAP_M: Final = 2_000.0
"""How far the middle of an area may be from a road: a park or a lake lies in many of them."""


class RoadNet:
    """A graph with everything that is asked of it, made when it is first asked for. Not for
    several threads at once: whoever uses it gives it a thread of its own."""

    def __init__(self, times: CchTimes, digest: str | None = None) -> None:
        self._times = times
        self._views: OrderedDict[tuple[object, ...], CchTimes] = OrderedDict()
        self._snappers: dict[tuple[Metric, bool], Snapper] = {}
        self._runs: Runs | None = None
        self._rows: OrderedDict[tuple[object, ...], Floats] = OrderedDict()
        self._found_again: dict[str, tuple[int, ...]] = {}
        self.digest = digest or times.graph.digest()

    @property
    def graph(self) -> RoadGraph:
        return self._times.graph

    @property
    def runs(self) -> Runs:
        """Shortest stretches between places."""
        if self._runs is None:
            self._runs = Runs(self.graph)
        return self._runs

    def snap(self, metric: Metric, places: Sequence[Place], *, is_area: bool = False) -> Snaps:
        """The places on the nearest road that is open to the metric; `is_area` looks farther."""
        key = (metric, is_area)
        if key not in self._snappers:
            far = {"limit_m": AREA_SNAP_M} if is_area else {}
            self._snappers[key] = Snapper(self.graph, metric, **far)
        return self._snappers[key].snap(
            [each.lon for each in places], [each.lat for each in places]
        )

    def usual(self, when: tuple[int, int]) -> CchTimes:
        """The travel times of an hour (weekday, hour) without any change."""
        return self._view(("usual", when), lambda: self._times.at_hour(*when))

    def stamp(self, when: tuple[int, int], closures: Sequence[RoadClosure]) -> tuple[object, ...]:
        """What the travel times of an hour with these closures depend on."""
        return (when, *sorted(each.id for each in closures))

    def now(self, when: tuple[int, int], closures: Sequence[RoadClosure]) -> CchTimes:
        """The travel times of an hour with these closures in force."""
        if not closures:
            return self.usual(when)
        ordered = sorted(closures, key=lambda each: each.id)
        key = self.stamp(when, ordered)
        return self._view(key, lambda: self.usual(when).with_changes(self.changes(ordered)))

    def rows(
        self, key: tuple[object, ...], places: Sequence[Place], ask: Callable[[list[int]], Floats]
    ) -> Floats:
        """A row for each place: what is known under `key` and the place, the rest as `ask` gives it
        for some of the places by number."""
        keys = [(*key, place) for place in places]
        missing = [number for number, each in enumerate(keys) if each not in self._rows]
        if missing:
            for number, row in zip(missing, ask(missing), strict=True):
                self._rows[keys[number]] = row
        found = [self._rows[each] for each in keys]
        for each in keys:
            self._rows.move_to_end(each)
        while len(self._rows) > ROWS_KEPT:
            self._rows.popitem(last=False)
        return np.array(found)

    def changes(self, closures: Sequence[RoadClosure]) -> RoadChanges:
        """Closures as the weighing takes them."""
        return RoadChanges(
            tuple(
                RoadChange(inf if each.factor is None else each.factor, edges)
                for each in closures
                if (edges := self.edges(each))
            )
        )

    def edges(self, closure: RoadClosure) -> tuple[int, ...]:
        """Its edges in this graph; none where its places are no road here."""
        if closure.graph == self.digest:
            return closure.edges
        if closure.id not in self._found_again:
            self._found_again[closure.id] = self._again(closure)
        return self._found_again[closure.id]

    def _again(self, closure: RoadClosure) -> tuple[int, ...]:
        try:
            run = self.runs.along(self.snap("foot", closure.places))
        except NoRun:
            return ()
        return edges_of(self.graph, run, both_ways=closure.both_ways)

    def _view(self, key: tuple[object, ...], make: Callable[[], CchTimes]) -> CchTimes:
        if key not in self._views:
            self._views[key] = make()
        self._views.move_to_end(key)
        while len(self._views) > VIEWS_KEPT:
            self._views.popitem(last=False)
        return self._views[key]
