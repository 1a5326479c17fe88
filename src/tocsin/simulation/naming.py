"""Names for areas out of the map: a named place in it, else its longest street, else a number."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import shapely

from tocsin.geography.distance import Plane
from tocsin.geography.tiers import Names, Outline, names_of
from tocsin.simulation.extract import Extract, Street
from tocsin.simulation.map_words import SETTLEMENTS

# Kinds of places that may stand for a whole town, best first; a hamlet or a field is too small.
TOWN_KINDS = ("town", "city_district", "borough", "suburb", "village", "quarter", "neighbourhood")

_shapely = cast("Any", shapely)


class Namer:
    """Hands out each name of the map once, the most telling first."""

    def __init__(self, extract: Extract, plane: Plane) -> None:
        self._taken: set[str] = set()
        self._places: list[tuple[float, float, str, Names]] = []
        for kind in SETTLEMENTS:
            self._places += [
                (*plane.to_plane(place.place.lon, place.place.lat), kind, place.name)
                for place in extract.settlements
                if place.kind == kind
            ]
        self._spots = np.asarray([(x, y) for x, y, _, _ in self._places]).reshape(-1, 2)
        self._streets = extract.streets
        vertices: list[tuple[float, float]] = []
        owners: list[int] = []
        weights: list[float] = []
        for index, street in enumerate(extract.streets):
            line = [plane.to_plane(place.lon, place.lat) for place in street.line]
            for start, end in zip(line, line[1:], strict=False):
                vertices.append(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
                weights.append(float(np.hypot(end[0] - start[0], end[1] - start[1])))
                owners.append(index)
        self._middles = np.asarray(vertices, dtype=float).reshape(-1, 2)
        self._owners, self._weights = owners, weights

    def town_seeds(self) -> list[tuple[float, float]]:
        """Where the ground may be divided into towns, in metres of the plane; the map's order."""
        return [(x, y) for x, y, kind, _ in self._places if kind in TOWN_KINDS]

    def town_within(self, ground: Outline) -> Names | None:
        """The name of the most important place in the ground that nobody has yet."""
        shapely.prepare(ground)
        inside = [self._places[index] for index in self._indices(ground, self._spots)]
        for kind in TOWN_KINDS:
            for _, _, its_kind, name in inside:
                if its_kind == kind and _key(completed(name)) not in self._taken:
                    return self.claim(name)
        return None

    def claim(self, name: Names) -> Names:
        """The name, complete in `en` and `zh-CN`, and taken from now on."""
        full = completed(name)
        self._taken.add(_key(full))
        return full

    def name_within(self, ground: Outline) -> Names | None:
        """A name nobody has yet of a place in the ground, else of its longest street."""
        shapely.prepare(ground)
        for index in self._indices(ground, self._spots):
            name = completed(self._places[index][3])
            if _key(name) not in self._taken:
                return self.claim(name)
        lengths_m: dict[str, float] = {}
        streets: dict[str, Street] = {}
        for index in self._indices(ground, self._middles):
            street = self._streets[self._owners[index]]
            name = _key(completed(street.name))
            lengths_m[name] = lengths_m.get(name, 0.0) + self._weights[index]
            streets.setdefault(name, street)
        free = [name for name in lengths_m if name not in self._taken]
        if not free:
            return None
        longest = min(free, key=lambda name: (-round(lengths_m[name], 1), name))
        self._taken.add(longest)
        return _named_after(completed(streets[longest].name))

    def _indices(self, ground: Outline, points: Any) -> list[int]:
        inside = _shapely.intersects_xy(ground, points[:, 0], points[:, 1])
        return np.nonzero(inside)[0].tolist()


def completed(name: Names) -> Names:
    """The same names, with `en` and `zh-CN` filled from what the signs say where they miss."""
    names = dict(name)
    known = names.get("local") or names.get("en") or next(iter(names.values()))
    names.setdefault("en", known)
    names.setdefault("zh-CN", known)
    return tuple(sorted(names.items()))


def town_by_number(number: int) -> Names:
    """A town's name where the map has none."""
    return names_of(en=f"Town {number}", zh_CN=f"第{number}镇")


def community_by_number(town: Names, number: int) -> Names:
    """A community's name where the map has none; with its town's, for numbers repeat."""
    names = dict(town)
    return names_of(en=f"{names['en']}, Community {number}", zh_CN=f"{names['zh-CN']}社区{number}")


def _named_after(street: Names) -> Names:
    suffix = {"en": " community", "zh-CN": "社区"}
    return tuple((lang, name + suffix.get(lang, "")) for lang, name in street)


def _key(name: Names) -> str:
    return dict(name).get("local") or dict(name)["en"]
