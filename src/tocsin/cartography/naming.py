"""Collects what a map names: its streets joined from their pieces, their houses and crossings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, cast

import shapely

from tocsin.geography.distance import short_distance_m
from tocsin.geography.gazetteer import Content, Crossing, Named, Street

APART_M = 400.0
"""Pieces of one name further apart than this are two streets: villages have a Main Street each."""
SAME_M = 300.0
"""Places of one name this close are one place."""
CROSSING_M = 60.0
"""Two carriageways that meet a street make one crossing."""
_shapely = cast("Any", shapely)

Node = tuple[int, float, float]
House = tuple[str, float, float]


class Naming:
    """What has been read so far; `content()` joins it."""

    def __init__(self) -> None:
        self._pieces: defaultdict[str, list[Sequence[Node]]] = defaultdict(list)
        self._other_names: dict[str, tuple[str, ...]] = {}
        self._houses: defaultdict[str, list[House]] = defaultdict(list)
        self._named: defaultdict[str, list[Named]] = defaultdict(list)

    def street(self, names: tuple[str, ...], nodes: Sequence[Node]) -> None:
        """A piece of a street; its first name is the sign's."""
        if len(nodes) >= 2 and names:
            self._pieces[names[0]].append(nodes)
            kept = self._other_names.get(names[0], ())
            self._other_names[names[0]] = tuple(dict.fromkeys((*kept, *names)))

    def house(self, street: str, number: str, lon: float, lat: float) -> None:
        """A house number at its door."""
        self._houses[street.strip()[:200]].append((number.strip()[:40], lon, lat))

    def named(self, names: tuple[str, ...], kind: str, lon: float, lat: float) -> None:
        """A named place. The same name close by is the same place: the entrances of a station."""
        kept = self._named[names[0]] if names else []
        if names and not any(
            short_distance_m(lon, lat, each.lon, each.lat) < SAME_M for each in kept
        ):
            kept.append(Named(names, kind, lon, lat))

    def content(self) -> Content:
        """Everything, each street with its houses, in the order of names."""
        streets: list[Street] = []
        by_node: defaultdict[int, list[tuple[int, float, float]]] = defaultdict(list)
        for name in sorted(self._pieces.keys() | self._houses.keys()):
            groups = _together(self._pieces.get(name, []))
            houses = _shared_out(self._houses.get(name, []), groups)
            names = self._other_names.get(name, (name,))
            for group, theirs in zip(groups or [[]], houses, strict=True):
                for node, lon, lat in (each for piece in group for each in piece):
                    by_node[node].append((len(streets), lon, lat))
                streets.append(_street(names, group, theirs))
        named = tuple(each for name in sorted(self._named) for each in self._named[name])
        return Content(tuple(streets), _crossings(by_node.values()), named)


def _together(pieces: list[Sequence[Node]]) -> list[list[Sequence[Node]]]:
    """Pieces in groups that are near each other."""
    if len(pieces) < 2:
        return [pieces] if pieces else []
    lines = [shapely.LineString([(lon, lat) for _, lon, lat in piece]) for piece in pieces]
    # A degree of longitude is shorter: the reach is a little less than APART_M from east to west.
    near = _shapely.STRtree(lines).query(lines, predicate="dwithin", distance=APART_M / 111_195)
    parent = list(range(len(pieces)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for one, other in near.T.tolist():
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    groups: dict[int, list[Sequence[Node]]] = {}
    for index, piece in enumerate(pieces):
        groups.setdefault(root(index), []).append(piece)
    return list(groups.values())


def _shared_out(
    houses: Sequence[House], groups: Sequence[Sequence[Sequence[Node]]]
) -> list[list[House]]:
    """Each house to the street of its name that is nearest."""
    if len(groups) < 2:
        return [list(houses)]
    shapes = [
        shapely.MultiLineString([[(lon, lat) for _, lon, lat in piece] for piece in group])
        for group in groups
    ]
    found: list[list[House]] = [[] for _ in groups]
    for house in houses:
        point = shapely.Point(house[1], house[2])
        nearest = min(range(len(shapes)), key=lambda index: shapes[index].distance(point))
        found[nearest].append(house)
    return found


def _street(
    names: tuple[str, ...], pieces: Sequence[Sequence[Node]], houses: Sequence[House]
) -> Street:
    once: dict[str, House] = {}
    for house in houses:
        once.setdefault(house[0], house)  # the first of several doors
    kept = tuple(once[number] for number in sorted(once))
    lines = tuple(tuple(x for _, lon, lat in piece for x in (lon, lat)) for piece in pieces)
    if pieces:
        longest = max(pieces, key=len)
        _, lon, lat = longest[len(longest) // 2]
    else:
        _, lon, lat = kept[len(kept) // 2]
    return Street(names, lon, lat, kept, lines)


def _crossings(nodes: Iterable[Sequence[tuple[int, float, float]]]) -> tuple[Crossing, ...]:
    found: defaultdict[tuple[int, int], list[Crossing]] = defaultdict(list)
    for meeting in nodes:
        streets = sorted({index for index, _, _ in meeting})
        for at, one in enumerate(streets):
            for other in streets[at + 1 :]:
                new = Crossing(one, other, meeting[0][1], meeting[0][2])
                near = (short_distance_m(new.lon, new.lat, each.lon, each.lat) < CROSSING_M
                        for each in found[one, other])  # fmt: skip
                if not any(near):
                    found[one, other].append(new)
    return tuple(crossing for key in sorted(found) for crossing in found[key])
