"""What people call places: streets, house numbers, crossings, names; found by words or by a point.

Pure and in memory. Words match by their beginning, whatever their case and accents; Chinese by
any part. `A / B`, `A & B`, `A and B`, `A与B` ask for a crossing, two numbers for a point.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple

import shapely

from tocsin.geography.distance import short_distance_m
from tocsin.geography.word_index import PARTS, Words, fold, is_cjk, words_of

Kind = Literal["address", "crossing", "street", "name", "point"]

QUERY_CHARS_MAX: Final = 200
STREETS_TRIED_MAX: Final = 60
"""Streets whose house numbers are looked through: a beginning of one letter fits thousands."""
NEAR_M: Final[dict[Kind, float]] = {"crossing": 15.0, "address": 60.0, "street": 150.0}
"""How far a point may lie from what it is named after."""
FAR_M: Final = 400.0
"""And how far from the nearest thing of any kind, when none of those is close."""
_JOIN = re.compile(r"\s*[/&＆／]\s*|\s+(?:and|at|x|corner of)\s+|\s*[与和]\s*", re.I)
_POINT = re.compile(
    r"^\s*(-?\d{1,3}(?:\.\d+)?)\s*°?\s*[NS]?\s*[,，;\s]"
    r"\s*(-?\d{1,3}(?:\.\d+)?)\s*°?\s*[EW]?\s*$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Street:
    """A street: its names (the sign's first), a point on it, its houses and its lines.

    `houses` are (number, lon, lat); a line is lon, lat, lon, lat, … in degrees.
    """

    names: tuple[str, ...]
    lon: float
    lat: float
    houses: tuple[tuple[str, float, float], ...] = ()
    lines: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where two streets (by their index) meet."""

    one: int
    other: int
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Named:
    """A place with a name: a settlement, a park, a station, a school."""

    names: tuple[str, ...]
    kind: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Content:
    """Everything the map names; what is kept on disk."""

    streets: tuple[Street, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    named: tuple[Named, ...] = ()


class Found(NamedTuple):
    """One answer: a label for people and where it is."""

    kind: Kind
    label: str
    lon: float
    lat: float


class Gazetteer:
    """Answers for one town; built once, then never changed."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self._streets = Words(each.names for each in content.streets)
        self._names = Words(each.names for each in content.named)
        self._meet: defaultdict[int, list[Crossing]] = defaultdict(list)
        for crossing in content.crossings:
            self._meet[crossing.one].append(crossing)
            self._meet[crossing.other].append(crossing)

    # -- by words ----------------------------------------------------------------------

    def search(self, query: str, limit: int = 10) -> list[Found]:
        """The likeliest places for what was typed, each label once, best first."""
        query = query[:QUERY_CHARS_MAX]
        found: dict[tuple[str, float, float], Found] = {}
        for each in self._candidates(query, limit):
            found.setdefault((each.label, round(each.lon, 3), round(each.lat, 3)), each)
            if len(found) >= limit:
                break
        return list(found.values())

    def _candidates(self, query: str, limit: int) -> Iterator[Found]:
        point = self._typed_point(query)
        if point is not None:
            yield point
            return
        halves = _JOIN.split(query, maxsplit=1)
        if len(halves) == 2 and halves[0].strip():
            yield from self._crossings(words_of(halves[0]), words_of(halves[1]))
        words = words_of(query)
        yield from self._houses(words, limit)
        yield from self._mixed(words)
        for cut in range(1, len(words)):
            if len(halves) == 1 and not words[cut][0].isdigit():
                yield from self._crossings(words[:cut], words[cut:])

    def _typed_point(self, query: str) -> Found | None:
        """Latitude first, as maps and phones say it; the other way round where only that fits."""
        match = _POINT.match(query)
        if match is None or "." not in query:
            return None
        lat, lon = float(match[1]), float(match[2])
        west, south, east, north = self.bounds
        is_here = west - 1 <= lon <= east + 1 and south - 1 <= lat <= north + 1
        is_swapped = west - 1 <= lat <= east + 1 and south - 1 <= lon <= north + 1
        if is_swapped and not is_here:
            lat, lon = lon, lat
        if abs(lat) > 90 or abs(lon) > 180:
            return None
        return Found("point", f"{lat:.5f}, {lon:.5f}", lon, lat)

    def _mixed(self, words: Sequence[str]) -> Iterator[Found]:
        """Streets and named places, whichever fits better."""
        streets = self._streets.find(words)
        named = self._names.find(words)
        first = {self._level(self._streets, i, words): i for i in streets[:1]}
        second = {self._level(self._names, i, words): i for i in named[:1]}
        one = (self._street(index) for index in streets)
        other = (self._name(index) for index in named)
        if second and (not first or min(second) < min(first)):
            one, other = other, one
        yield from _turn_by_turn(one, other)

    def _level(self, index: Words, at: int, words: Sequence[str]) -> int:
        return index.rank(at, " ".join(words), words)[0]

    def _houses(self, words: Sequence[str], limit: int) -> Iterator[Found]:
        """`Street 12 b`, `12 Street`, `街12号`."""
        words = [word for word in words if word != "号"]
        for at in (len(words) - 1, len(words) - 2, 0):
            if not (0 <= at < len(words) and words[at][0].isdigit()):
                continue
            is_split = at == len(words) - 2 and len(words[-1]) == 1 and not is_cjk(words[-1])
            if at == len(words) - 2 and at != 0 and not is_split:
                continue
            number = words[at] + (words[-1] if is_split else "")
            rest = words[:at] + ([] if is_split else words[at + 1 :])
            for index in self._streets.find(rest)[:STREETS_TRIED_MAX]:
                yield from self._numbers(index, number, limit)

    def _numbers(self, index: int, number: str, limit: int) -> Iterator[Found]:
        street = self.content.streets[index]
        hits: list[tuple[tuple[int, int, str], Found]] = []
        for house, lon, lat in street.houses:
            plain = "".join(PARTS.findall(fold(house)))
            if plain.startswith(number):
                after = plain[len(number) :]
                level = 0 if not after else 1 if not after[0].isdigit() else 2
                found = Found("address", address_label(street.names[0], house), lon, lat)
                hits.append(((level, len(plain), plain), found))
        for _, found in sorted(hits)[:limit]:
            yield found

    def _crossings(self, one: Sequence[str], other: Sequence[str]) -> Iterator[Found]:
        if not one:
            return
        others = set(self._streets.find(other)) if other else None
        for index in self._streets.find(one)[:STREETS_TRIED_MAX]:
            for crossing in self._meet.get(index, ()):
                far = crossing.other if crossing.one == index else crossing.one
                if others is None or far in others:
                    yield self._crossing(crossing, index, far)

    # -- by a point --------------------------------------------------------------------

    def near(self, lon: float, lat: float) -> Found | None:
        """What people would call a point: a crossing it stands on, a house, a street, else the
        nearest of all within 400 m; None where the map says nothing."""
        if not self._trees:
            return None
        closest: list[tuple[float, Found]] = []
        squeeze = self._squeeze
        point = shapely.Point(lon * squeeze, lat)
        for kind, (tree, found) in self._trees.items():
            for at in tree.query_nearest(point, all_matches=False):
                there = self._there(kind, found[int(at)], lon, lat)
                metres = short_distance_m(lon, lat, there[0], there[1])
                answer = self._answer(kind, found[int(at)])
                if metres <= NEAR_M.get(kind, 0.0):
                    return answer
                closest.append((metres, answer))
        metres, answer = min(closest)
        return answer if metres <= FAR_M else None

    def _there(
        self, kind: Kind, key: tuple[int, int], lon: float, lat: float
    ) -> tuple[float, float]:
        if kind != "street":
            answer = self._answer(kind, key)
            return answer.lon, answer.lat
        line = self._line(self.content.streets[key[0]].lines[key[1]])
        spot = line.interpolate(line.project(shapely.Point(lon * self._squeeze, lat)))
        return spot.x / self._squeeze, spot.y

    def _answer(self, kind: Kind, key: tuple[int, int]) -> Found:
        index, part = key
        if kind == "address":
            street = self.content.streets[index]
            house, lon, lat = street.houses[part]
            return Found(kind, address_label(street.names[0], house), lon, lat)
        if kind == "crossing":
            crossing = self.content.crossings[index]
            return self._crossing(crossing, crossing.one, crossing.other)
        return self._street(index) if kind == "street" else self._name(index)

    @cached_property
    def _squeeze(self) -> float:
        """Degrees of longitude made as long as those of latitude, here."""
        _, south, _, north = self.bounds
        return max(0.01, short_distance_m(0, (south + north) / 2, 1, (south + north) / 2) / 111_195)

    def _line(self, flat: Sequence[float]) -> shapely.LineString:
        squeeze = self._squeeze
        return shapely.LineString(
            [(flat[i] * squeeze, flat[i + 1]) for i in range(0, len(flat), 2)]
        )

    @cached_property
    def _trees(self) -> dict[Kind, tuple[shapely.STRtree, list[tuple[int, int]]]]:
        squeeze, content = self._squeeze, self.content
        trees: dict[Kind, tuple[shapely.STRtree, list[tuple[int, int]]]] = {}

        def plant(kind: Kind, shapes: list[shapely.Geometry], keys: list[tuple[int, int]]) -> None:
            if shapes:
                trees[kind] = shapely.STRtree(shapes), keys

        def spots(points: list[tuple[int, int, float, float]], kind: Kind) -> None:
            shapes: list[shapely.Geometry] = [
                shapely.Point(lon * squeeze, lat) for _, _, lon, lat in points
            ]
            plant(kind, shapes, [(index, part) for index, part, _, _ in points])

        spots([(i, 0, each.lon, each.lat) for i, each in enumerate(content.crossings)], "crossing")
        spots(
            [
                (i, j, lon, lat)
                for i, street in enumerate(content.streets)
                for j, (_, lon, lat) in enumerate(street.houses)
            ],
            "address",
        )
        keys = [(i, j) for i, each in enumerate(content.streets) for j in range(len(each.lines))]
        plant("street", [self._line(content.streets[i].lines[j]) for i, j in keys], keys)
        spots([(i, 0, each.lon, each.lat) for i, each in enumerate(content.named)], "name")
        return trees

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of everything known; the whole globe when nothing is."""
        every = [*self.content.streets, *self.content.named]
        if not every:
            return -180.0, -90.0, 180.0, 90.0
        lons, lats = [each.lon for each in every], [each.lat for each in every]
        return min(lons), min(lats), max(lons), max(lats)

    # -- labels ------------------------------------------------------------------------

    def _street(self, index: int) -> Found:
        street = self.content.streets[index]
        return Found("street", street.names[0], street.lon, street.lat)

    def _name(self, index: int) -> Found:
        named = self.content.named[index]
        return Found("name", named.names[0], named.lon, named.lat)

    def _crossing(self, crossing: Crossing, one: int, other: int) -> Found:
        names = self.content.streets[one].names[0], self.content.streets[other].names[0]
        return Found("crossing", " / ".join(names), crossing.lon, crossing.lat)


def address_label(street: str, number: str) -> str:
    """As it stands on an envelope: `Main Street 12`, `人民路12号`."""
    if not is_cjk(street[-1:]):
        return f"{street} {number}"
    return f"{street}{number}" if number.endswith("号") else f"{street}{number}号"


def _turn_by_turn(one: Iterator[Found], other: Iterator[Found]) -> Iterator[Found]:
    """Three of the better list, then one of each in turn: neither hides the other."""
    for _, each in zip(range(3), one, strict=False):
        yield each
    while True:
        pair = [next(other, None), next(one, None)]
        if pair == [None, None]:
            return
        yield from (each for each in pair if each is not None)
