"""Seconds from where units are to where they are wanted, each kind by its own way of moving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import numpy as np
import shapely as _untyped

from tocsin.dispatching.tables import Seconds
from tocsin.geography.distance import METRES_PER_DEGREE
from tocsin.geography.roads.speeds import WALKING_KM_H
from tocsin.geography.roads.times import TravelTimes
from tocsin.kernel.shared import Place
from tocsin.runtime.recommending.net import RoadNet

shapely = cast("Any", _untyped)

Way = Literal["emergency", "normal", "foot", "straight"]
"""How one moves: a metric of the roads, or straight through the air."""

DETOUR: Final = 1.3
"""Road length over straight length: 1.2 to 1.4 in towns (Boscoe, Henry, Zdeb, A nationwide
comparison of driving distance versus straight-line distance, Professional Geographer 64, 2012,
have 1.417 in the mean of a whole country). Said in every answer that uses it."""
SPEED_MPS: Final[dict[Way, float]] = {
    "emergency": 11.0,
    "normal": 8.0,
    "foot": WALKING_KM_H / 3.6,
    "straight": 15.0,
}
"""Where no roads are: an engine at 40 km/h and a car at 29 km/h in a town's streets; and a drone,
which flies at 54 km/h, about the cruise of a small multicopter."""
STEP_S: Final = 0.1
"""Times are told and kept in tenths of a second: what is beyond is noise, and does not pack."""


@dataclass(frozen=True, slots=True)
class Travel:
    """The ways of one instant. `now` and `usual` are with and without closures; None without
    roads. `no_fly` are polygons in degrees that no flight may cross; `stamp` is what the times
    depend on."""

    net: RoadNet | None
    now: TravelTimes | None
    usual: TravelTimes | None
    no_fly: tuple[Any, ...] = ()
    stamp: tuple[object, ...] = ()

    def to_areas(self, way: Way, sources: Sequence[Place], middles: Sequence[Place]) -> Seconds:
        """Seconds now to the middles of areas; of sources that stand where they stood, with the
        same roads, as they were found before."""

        def ask(rows: list[int]) -> Seconds:
            some = [sources[row] for row in rows]
            return self.table(way, some, middles, are_areas=True)[0]

        if self.net is None or not sources:
            return ask(list(range(len(sources))))
        # Hashed once: a key with all the places in it would be hashed anew for every row.
        whither = len(middles), hash(tuple(middles))
        return self.net.rows((*self.stamp, way, *whither), sources, ask)

    def table(
        self,
        way: Way,
        sources: Sequence[Place | None],
        targets: Sequence[Place],
        *,
        are_areas: bool = False,
    ) -> tuple[Seconds, Seconds]:
        """(seconds now, seconds of the fallback) from each source to each target. Infinite from an
        unknown source. By road the fallback is the way without closures, and where there is none
        the straight line with its detour; elsewhere both are the same."""
        shape = (len(sources), len(targets))
        now_s, fallback_s = np.full(shape, np.inf), np.full(shape, np.inf)
        rows = [row for row, each in enumerate(sources) if each is not None]
        places = [each for each in sources if each is not None]
        if rows and targets:
            now_s[rows], fallback_s[rows] = self._between(way, places, targets, are_areas=are_areas)
        return now_s, fallback_s

    def remembered(
        self, way: Way, sources: Sequence[Place | None], targets: Sequence[Place]
    ) -> tuple[Seconds, Seconds]:
        """As `table`, asking the roads only about what has moved since the last such question."""
        if way == "straight" or self.net is None or self.now is None or self.usual is None:
            return self.table(way, sources, targets)
        shape = (len(sources), len(targets))
        now_s, fallback_s = np.full(shape, np.inf), np.full(shape, np.inf)
        rows = [row for row, each in enumerate(sources) if each is not None]
        places = [each for each in sources if each is not None]

        def ask(some: Sequence[Place], others: Sequence[Place]) -> tuple[Seconds, Seconds]:
            return self._between(way, some, others)

        if rows and targets:
            found = self.net.table(way, (self.now, self.usual), places, targets, ask)
            now_s[rows], fallback_s[rows] = found
        return now_s, fallback_s

    def _between(
        self,
        way: Way,
        places: Sequence[Place],
        targets: Sequence[Place],
        *,
        are_areas: bool = False,
    ) -> tuple[Seconds, Seconds]:
        line_s = straight_s(way, places, targets)
        if way == "straight" or self.net is None or self.now is None or self.usual is None:
            return rounded(line_s), rounded(line_s)
        starts = self.net.snap(way, places)
        ends = self.net.snap(way, targets, is_area=are_areas)
        found = self.now.table(starts, ends, way).astype(np.float64)
        before = found
        if self.usual is not self.now and not bool(np.isfinite(found).all()):
            before = self.usual.table(starts, ends, way).astype(np.float64)
        return rounded(found), rounded(np.where(np.isfinite(before), before, line_s))

    def crosses(self, source: Place, target: Place) -> bool:
        """Whether the straight line from one to the other touches a no-fly area."""
        line = shapely.LineString([(source.lon, source.lat), (target.lon, target.lat)])
        return any(bool(shapely.intersects(area, line)) for area in self.no_fly)


def straight_s(way: Way, sources: Sequence[Place], targets: Sequence[Place]) -> Seconds:
    """By straight line, with the detour of roads unless it is flown. Good to 0.1 % in a town."""
    lon_a, lat_a = (
        np.array([[getattr(each, name)] for each in sources]) for name in ("lon", "lat")
    )
    lon_b, lat_b = (
        np.array([[getattr(each, name) for each in targets]]) for name in ("lon", "lat")
    )
    x = (lon_b - lon_a) * np.cos(np.radians((lat_a + lat_b) / 2.0))
    length_m = METRES_PER_DEGREE * np.hypot(x, lat_b - lat_a)
    return length_m * (1.0 if way == "straight" else DETOUR) / SPEED_MPS[way]


def rounded(seconds: Seconds) -> Seconds:
    """In whole steps; infinite stays infinite."""
    return np.rint(np.asarray(seconds, dtype=np.float64) / STEP_S) / round(1 / STEP_S)
