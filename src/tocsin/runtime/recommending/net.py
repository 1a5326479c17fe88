"""The road network of a node: one graph in memory, and its travel times with the changes of now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from tocsin.geography.roads.cch import CchTimes
from tocsin.geography.roads.changes import RoadChange, RoadChanges
from tocsin.geography.roads.graph import Floats, RoadGraph
from tocsin.geography.roads.runs import NoRun, Runs, edges_of
from tocsin.geography.roads.snapping import Snapper, Snaps
from tocsin.geography.roads.speeds import Metric
from tocsin.geography.roads.times import TravelTimes
from tocsin.kernel.shared import Place
from tocsin.runtime.road_ports import RoadClosure

VIEWS_KEPT: Final = 6
"""Weighings of the network that are held: now, without closures, and those just before."""
ROWS_KEPT: Final = 4_000
"""Units' times to the middles of areas that are held: most units stand where they stood, and a row
is a kilobyte."""
SNAPS_KEPT: Final = 10_000
"""Places whose road is held: posts, cases and units that stand where they stood."""
COLUMNS_KEPT: Final = 200
"""Columns of a table that are held: the waiting cases that somebody asked about just before."""
AREA_SNAP_M: Final = 2_000.0
"""How far the middle of an area may be from a road: a park or a lake lies in many of them."""


Asks = Callable[[Sequence[Place], Sequence[Place]], tuple[Floats, Floats]]
_NONE: Final[Floats] = np.zeros((0, 0))


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """A table of the ways of `views`: the row of each source, the column of each target, and two
    numbers for each pair."""

    views: tuple[TravelTimes, ...]
    rows: dict[Place, int]
    columns: dict[Place, int]
    parts: tuple[Floats, Floats]

    def renewed(self, sources: Sequence[Place], targets: Sequence[Place], ask: Asks) -> Remembered:
        """With these sources and targets, and as many of the targets before as may stay."""
        wanted = dict.fromkeys(targets)
        stay = [each for each in self.columns if each not in wanted]
        places = list(dict.fromkeys(sources))
        new_rows = [each for each in places if each not in self.rows]
        if new_rows:  # a unit has moved: what nobody asks for now would have to be asked for it
            stay = []
        stay = stay[-COLUMNS_KEPT:]
        old = [*stay, *(each for each in wanted if each in self.columns)]
        new = [each for each in wanted if each not in self.columns]
        known = [each for each in places if each in self.rows]
        parts = tuple(np.empty((len(places), len(old) + len(new))) for _ in self.parts)
        at = {place: number for number, place in enumerate(places)}
        here = np.array([at[each] for each in known], dtype=np.int64)
        if known and old:
            there = np.ix_(
                [self.rows[each] for each in known], [self.columns[each] for each in old]
            )
            for part, was in zip(parts, self.parts, strict=True):
                part[here, : len(old)] = was[there]
        if known and new:
            for part, found in zip(parts, ask(known, new), strict=True):
                part[here, len(old) :] = found
        if new_rows:
            moved = np.array([at[each] for each in new_rows], dtype=np.int64)
            for part, found in zip(parts, ask(new_rows, [*old, *new]), strict=True):
                part[moved] = found
        columns = {place: number for number, place in enumerate((*old, *new))}
        return Remembered(self.views, at, columns, (parts[0], parts[1]))


class RoadNet:
    """A graph with everything that is asked of it, made when it is first asked for. Not for
    several threads at once: whoever uses it gives it a thread of its own."""

    def __init__(self, times: CchTimes, digest: str | None = None) -> None:
        self._times = times
        self._views: OrderedDict[tuple[object, ...], CchTimes] = OrderedDict()
        self._snappers: dict[tuple[Metric, bool], Snapper] = {}
        self._runs: Runs | None = None
        self._snaps: dict[tuple[Metric, bool], dict[Place, int]] = {}
        self._snapped: dict[tuple[Metric, bool], Snaps] = {}
        self._tables: dict[str, Remembered] = {}
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
        """The places on the nearest road that is open to the metric; `is_area` looks farther. A
        place that was asked about before is found again."""
        key = (metric, is_area)
        known = self._snaps.setdefault(key, {})
        missing = list(dict.fromkeys(each for each in places if each not in known))
        if missing:
            found = self._freshly(key, missing)
            if len(known) + len(missing) > SNAPS_KEPT:  # rare: all anew, what is asked now kept
                known.clear()
                missing = list(dict.fromkeys(places))
                found = self._freshly(key, missing)
            held = self._snapped[key].joined(found) if known else found
            self._snapped[key] = held
            begin = len(known)
            known.update((place, begin + n) for n, place in enumerate(missing))
        return self._snapped[key].take([known[each] for each in places])

    def _freshly(self, key: tuple[Metric, bool], places: Sequence[Place]) -> Snaps:
        metric, is_area = key
        if key not in self._snappers:
            far = {"limit_m": AREA_SNAP_M} if is_area else {}
            self._snappers[key] = Snapper(self.graph, metric, **far)
        return self._snappers[key].snap(
            [each.lon for each in places], [each.lat for each in places]
        )

    def forget(self) -> None:
        """Forgets places and tables; the next question is answered from the roads alone."""
        self._snaps.clear()
        self._snapped.clear()
        self._tables.clear()

    def table(
        self,
        way: str,
        views: tuple[TravelTimes, ...],
        sources: Sequence[Place],
        targets: Sequence[Place],
        ask: Asks,
    ) -> tuple[Floats, Floats]:
        """What `ask` gives for these sources and targets by these views, where only what has moved
        since the table before is asked: a number of it may not depend on other rows and columns."""
        before = self._tables.get(way)
        # The very same views: one that was made anew has other changes, or may have.
        if before is None or any(a is not b for a, b in zip(before.views, views, strict=True)):
            before = Remembered(views, {}, {}, (_NONE, _NONE))
        now = before.renewed(sources, targets, ask)
        self._tables[way] = now
        rows = [now.rows[each] for each in sources]
        columns = [now.columns[each] for each in targets]
        at = np.ix_(rows, columns)
        return now.parts[0][at], now.parts[1][at]

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
