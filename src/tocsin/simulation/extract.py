"""Reads a town out of a map extract (`.osm.pbf`): streets, addresses, places of interest, borders.

Only what the simulated town and its areas need is kept, in frozen records. Data of OpenStreetMap
are under the ODbL: whoever shows them names "OpenStreetMap contributors".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import osmium
import osmium.filter
import osmium.geom
import osmium.io
import shapely
from shapely import MultiPolygon, Polygon

from tocsin.geography.shapes import in_common, shapes
from tocsin.geography.tiers import Names, Outline
from tocsin.kernel.shared import Place
from tocsin.simulation.map_words import ADMIN_LEVELS, INTERESTS, KEYS, LANGUAGES, STREETS

# A county, not a country: reading needs about ten times the file's size in memory.
MAX_FILE_BYTES = 300_000_000
# Of each kind. More would make a town nobody simulates, or is a file made to exhaust us.
MAX_RECORDS = 500_000
MAX_NAME_CHARS = 200


class ExtractError(ValueError):
    """The file is no map extract we can use. The text says why; safe to show."""


@dataclass(frozen=True, slots=True)
class Street:
    """One piece of a street with a name: its kind, names and centre line."""

    id: int
    kind: str
    name: Names
    line: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """A house: its street, number and place (the door, or the middle of the building)."""

    street: str
    number: str
    place: Place


@dataclass(frozen=True, slots=True)
class Interest:
    """A place of interest: `kind` is school, pharmacy, shop:bakery, street_lamp, park, …"""

    kind: str
    name: Names
    place: Place


@dataclass(frozen=True, slots=True)
class Settlement:
    """A named part of the town on the map; `kind` is suburb, quarter, village, square, …"""

    kind: str
    name: Names
    place: Place


@dataclass(frozen=True, slots=True)
class Border:
    """An administrative area whose whole outline is in the extract, clipped to its bounds."""

    level: int
    name: Names
    polygon: Outline


@dataclass(frozen=True, slots=True)
class Extract:
    """What a map extract says about a town. Every list is in the order of the map's ids."""

    west: float
    south: float
    east: float
    north: float
    streets: tuple[Street, ...]
    addresses: tuple[Address, ...]
    interests: tuple[Interest, ...]
    settlements: tuple[Settlement, ...]
    borders: tuple[Border, ...]

    def of_kind(self, kind: str) -> tuple[Interest, ...]:
        """All places of interest of one kind; `shop` means any shop."""
        return tuple(
            interest
            for interest in self.interests
            if interest.kind == kind or interest.kind.partition(":")[0] == kind
        )


@dataclass(slots=True)
class _Draft:
    """What has been read so far."""

    streets: dict[int, Street] = field(default_factory=dict[int, Street])
    addresses: dict[str, Address] = field(default_factory=dict[str, Address])
    interests: dict[str, Interest] = field(default_factory=dict[str, Interest])
    settlements: dict[str, Settlement] = field(default_factory=dict[str, Settlement])
    borders: dict[str, Border] = field(default_factory=dict[str, Border])
    points: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])


def read_extract(path: Path) -> Extract:
    """The town in an `.osm.pbf` (or any file osmium reads), the same for the same file.

    Reads from disk, keeps nothing open. A broken record of the map (a street without places, an
    open border) is left out. Raises `ExtractError` for a missing, unreadable, empty or too large
    file.
    """
    if not path.is_file():
        raise ExtractError(f"no map extract at {path.name}")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ExtractError(f"{path.name} is over {MAX_FILE_BYTES // 1_000_000} MB; cut it smaller")
    draft = _Draft()
    try:
        header = _header_bounds(path)
        reader = osmium.FileProcessor(str(path)).with_locations().with_areas()
        for thing in reader.with_filter(osmium.filter.KeyFilter(*KEYS)):
            _keep(draft, thing)
    except (RuntimeError, ValueError) as error:
        if isinstance(error, ExtractError):
            raise
        raise ExtractError(f"{path.name} is no readable map extract") from error
    bounds = header or _bounds_of(draft)
    if bounds is None:
        raise ExtractError(f"{path.name} holds nothing to build a town from")
    return _finished(draft, bounds)


def _header_bounds(path: Path) -> tuple[float, float, float, float] | None:
    reader = osmium.io.Reader(str(path))
    try:
        bounds = reader.header().box()
        if not bounds.valid() or bounds.size() <= 0:
            return None
        low, high = _place(bounds.bottom_left), _place(bounds.top_right)
        return low.lon, low.lat, high.lon, high.lat
    finally:
        reader.close()


def _bounds_of(draft: _Draft) -> tuple[float, float, float, float] | None:
    if not draft.points:
        return None
    lons, lats = zip(*draft.points, strict=True)
    west, south, east, north = min(lons), min(lats), max(lons), max(lats)
    # One street running due north has no width: give the town 100 m of ground around it.
    return (
        round(west - 0.001, 7),
        round(south - 0.001, 7),
        round(east + 0.001, 7),
        round(north + 0.001, 7),
    )


def _keep(draft: _Draft, thing: Any) -> None:
    tags: dict[str, str] = {tag.k: tag.v for tag in thing.tags}
    if thing.is_node():
        _keep_point(draft, f"n{thing.id}", tags, _place(thing.location))
    elif thing.is_way():
        if "highway" in tags and "name" in tags:
            _keep_street(draft, thing, tags)
    elif thing.is_area():
        polygon = _polygon(thing)
        if polygon is None:
            return
        if tags.get("boundary") == "administrative":
            _keep_border(draft, thing.id, tags, polygon)
        middle = polygon.representative_point()
        _keep_point(draft, f"a{thing.id}", tags, Place(round(middle.x, 7), round(middle.y, 7)))


def _keep_point(draft: _Draft, key: str, tags: Mapping[str, str], place: Place) -> None:
    draft.points.append((place.lon, place.lat))
    number, street = tags.get("addr:housenumber"), tags.get("addr:street")
    if number and street:
        _room_for(draft.addresses)
        draft.addresses[key] = Address(street[:MAX_NAME_CHARS], number[:MAX_NAME_CHARS], place)
    if "place" in tags and "name" in tags:
        _room_for(draft.settlements)
        draft.settlements[key] = Settlement(tags["place"], names_in(tags), place)
    kind = _kind(tags)
    if kind:
        _room_for(draft.interests)
        draft.interests[key] = Interest(kind, names_in(tags), place)


def _keep_street(draft: _Draft, way: Any, tags: Mapping[str, str]) -> None:
    if tags["highway"].removesuffix("_link") not in STREETS:
        return
    line = tuple(_place(node.location) for node in way.nodes if node.location.valid())
    if len(line) < 2:
        return
    _room_for(draft.streets)
    draft.points.extend((place.lon, place.lat) for place in line)
    draft.streets[way.id] = Street(way.id, tags["highway"], names_in(tags), line)


def _keep_border(draft: _Draft, key: int, tags: Mapping[str, str], polygon: Outline) -> None:
    level = tags.get("admin_level", "")
    if level.isdecimal() and int(level) in ADMIN_LEVELS and "name" in tags:
        _room_for(draft.borders)
        draft.borders[f"{key}"] = Border(int(level), names_in(tags), polygon)


def _place(location: Any) -> Place:
    """The map counts in 1e-7 degrees; the binary dust of its division is wiped off."""
    return Place(round(location.lon, 7), round(location.lat, 7))


def _room_for(records: Mapping[Any, Any]) -> None:
    if len(records) >= MAX_RECORDS:
        raise ExtractError(f"the extract holds over {MAX_RECORDS} records of a kind")


def _kind(tags: Mapping[str, str]) -> str | None:
    for key, known in INTERESTS.items():
        if tags.get(key) in known:
            return tags[key]
    if tags.get("shop", "no") != "no":
        return f"shop:{tags['shop'][:MAX_NAME_CHARS]}"
    return None


def names_in(tags: Mapping[str, str]) -> Names:
    """The names a map record carries, by language; `local` is what the signs say."""
    found: dict[str, str] = {}
    for tag, lang in LANGUAGES.items():
        if tags.get(tag):
            found[lang] = tags[tag].strip()[:MAX_NAME_CHARS]
    return tuple(sorted(found.items()))


_WKB: Any = osmium.geom.WKBFactory()


def _polygon(area: Any) -> Outline | None:
    """The area's outline, or None where the map's rings make none."""
    try:
        shape = cast("Any", shapely).from_wkb(bytes.fromhex(_WKB.create_multipolygon(area)))
    except RuntimeError:  # osmium's word for a ring it cannot close
        return None
    if not shape.is_valid or shape.is_empty or not isinstance(shape, Polygon | MultiPolygon):
        return None
    return shape.geoms[0] if isinstance(shape, MultiPolygon) and len(shape.geoms) == 1 else shape


def _finished(draft: _Draft, bounds: tuple[float, float, float, float]) -> Extract:
    """Everything in order, and only what lies in the bounds: extracts keep whole ways."""
    west, south, east, north = bounds

    def inside(place: Place) -> bool:
        return west <= place.lon <= east and south <= place.lat <= north

    frame = shapely.box(west, south, east, north)
    borders: list[Border] = []
    for key in sorted(draft.borders):
        border = draft.borders[key]
        clipped = in_common(shapes([border.polygon]), shapes([frame]))[0]
        if isinstance(clipped, Polygon | MultiPolygon) and clipped.area > 0:
            borders.append(Border(border.level, border.name, clipped))
    streets: list[Street] = []
    for key in sorted(draft.streets):
        street = draft.streets[key]
        # A way that leaves the bounds and comes back would jump: its longest stay is kept.
        runs = [tuple(run) for within, run in groupby(street.line, inside) if within]
        line = max(runs, key=len, default=())
        if len(line) >= 2:
            streets.append(Street(street.id, street.kind, street.name, line))
    return Extract(
        *bounds,
        streets=tuple(streets),
        addresses=tuple(a for _, a in sorted(draft.addresses.items()) if inside(a.place)),
        interests=tuple(i for _, i in sorted(draft.interests.items()) if inside(i.place)),
        settlements=tuple(s for _, s in sorted(draft.settlements.items()) if inside(s.place)),
        borders=tuple(borders),
    )
