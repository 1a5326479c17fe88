"""Reads an `.osm.pbf` once: features for the tile maker, streamed to disk, and what it names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

import osmium
import osmium.filter
import osmium.geom
import osmium.io
import shapely

from tocsin.cartography.coast import land_and_sea
from tocsin.cartography.errors import MapError
from tocsin.cartography.naming import Naming
from tocsin.cartography.tags import (
    KEYS,
    Drawn,
    ground_of,
    line_of,
    point_of,
    searched_names,
    spot_of,
)
from tocsin.geography.gazetteer import Content

MAX_FILE_BYTES = 300_000_000  # a county, not a country: reading takes ten times that in memory

Box = tuple[float, float, float, float]
_GEOJSON: Any = osmium.geom.GeoJSONFactory()
_WKB: Any = osmium.geom.WKBFactory()
_shapely = cast("Any", shapely)
UNDRAWABLE: tuple[type[Exception], ...] = (
    RuntimeError,
    osmium.InvalidLocationError,
    _shapely.errors.GEOSException,
)
"""What osmium and GEOS say of rings that make no area."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: the box of the map, and everything it names."""

    bounds: Box
    content: Content
    languages: tuple[str, ...]


def read_map(path: Path, features: Path) -> Read:
    """Writes the features of a map, one GeoJSON object a line with its layer and first zoom.

    Records that the map draws wrongly (an open ring, a way without places) are left out. Raises
    `MapError` for a missing, unreadable, too large or empty file.
    """
    if not path.is_file():
        raise MapError("missing", name=path.name)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise MapError("too_large", name=path.name, limit=str(MAX_FILE_BYTES // 1_000_000))
    try:
        box = _header_box(path) or _box_of_streets(path)
        with features.open("w", encoding="utf-8") as out:
            reader = _Reader(out, box)
            reader.read(path)
    except (RuntimeError, ValueError) as error:
        if isinstance(error, MapError):
            raise
        raise MapError("unreadable", name=path.name) from error
    if box is None or reader.count == 0:
        raise MapError("empty", name=path.name)
    return Read(box, reader.naming.content(), tuple(sorted(reader.languages)))


def _header_box(path: Path) -> Box | None:
    reader = osmium.io.Reader(str(path))
    try:
        box = reader.header().box()
        if not box.valid() or box.size() <= 0:
            return None
        low, high = box.bottom_left, box.top_right
        return low.lon, low.lat, high.lon, high.lat
    finally:
        reader.close()


def _box_of_streets(path: Path) -> Box | None:
    """Where the header says nothing: around the streets and houses, with 100 m to spare."""
    found: list[float] = []
    reader: Any = osmium.FileProcessor(str(path)).with_locations()
    for thing in reader.with_filter(osmium.filter.KeyFilter("highway", "building", "place")):
        spots = (node.location for node in thing.nodes) if thing.is_way() else ()
        if thing.is_node():
            spots = (thing.location,)
        for spot in spots:
            if spot.valid():
                found = _grown(found, spot.lon, spot.lat)
    if not found:
        return None
    west, south, east, north = found
    return west - 0.001, south - 0.001, east + 0.001, north + 0.001


def _grown(box: list[float], lon: float, lat: float) -> list[float]:
    if not box:
        return [lon, lat, lon, lat]
    return [min(box[0], lon), min(box[1], lat), max(box[2], lon), max(box[3], lat)]


class _Reader:
    """One pass over the file."""

    def __init__(self, out: TextIO, box: Box | None) -> None:
        self.out = out
        self.box = box
        self.count = 0
        self.languages: set[str] = set()
        self.naming = Naming()
        self._coast: list[list[tuple[float, float]]] = []

    def read(self, path: Path) -> None:
        things: Any = osmium.FileProcessor(str(path)).with_locations().with_areas()
        for thing in things.with_filter(osmium.filter.KeyFilter(*KEYS)):
            if thing.is_relation():
                continue
            tags: dict[str, str] = {tag.k: tag.v for tag in thing.tags}
            if thing.is_node():
                if thing.location.valid():
                    self._point(tags, thing.location.lon, thing.location.lat)
            elif thing.is_way():
                self._way(thing, tags)
            else:
                self._area(thing, tags)
        if self.box is not None:
            land, sea = land_and_sea(self._coast, self.box)
            for layer, about, shape in (("land", {"class": "land"}, land),
                                        ("water", {"class": "sea"}, sea)):  # fmt: skip
                if not shape.is_empty:
                    self._write(Drawn(layer, 0, about), _shapely.to_geojson(shape))

    def _point(self, tags: dict[str, str], lon: float, lat: float) -> None:
        self._draw(point_of(tags), f'{{"type":"Point","coordinates":[{lon:.7f},{lat:.7f}]}}')
        if not self._is_inside(lon, lat):
            return
        lon, lat = round(lon, 6), round(lat, 6)
        number = tags.get("addr:housenumber")
        street = tags.get("addr:street") or tags.get("addr:place")
        if number and street:
            self.naming.house(street, number, lon, lat)
        kind = tags.get("place") or spot_of(tags)
        if kind is not None and "name" in tags:
            self.naming.named(searched_names(tags), kind, lon, lat)

    def _way(self, way: Any, tags: dict[str, str]) -> None:
        if tags.get("natural") == "coastline":
            self._coast.append([(n.location.lon, n.location.lat) for n in _placed(way)])
            return
        drawn = list(line_of(tags))
        if not drawn:
            return
        # An extract may hold a way without all of its places: those it has are drawn.
        nodes = [(n.ref, round(n.location.lon, 7), round(n.location.lat, 7))
                 for n in _placed(way)]  # fmt: skip
        if len(nodes) < 2:
            return
        places = ",".join(f"[{lon},{lat}]" for _, lon, lat in nodes)
        self._draw(drawn, f'{{"type":"LineString","coordinates":[{places}]}}')
        if "highway" in tags and "name" in tags:
            # A way that leaves the box: what lies outside is nobody's here.
            inside = [each for each in nodes if self._is_inside(each[1], each[2])]
            self.naming.street(searched_names(tags), inside)

    def _area(self, area: Any, tags: dict[str, str]) -> None:
        drawn = list(ground_of(tags))
        spots = list(point_of(tags))
        if not drawn and not spots:
            return
        try:
            if drawn:
                self._draw(drawn, _GEOJSON.create_multipolygon(area))
            if spots:
                shape = _shapely.from_wkb(bytes.fromhex(_WKB.create_multipolygon(area)))
                middle = shape.representative_point()
                self._point(tags, middle.x, middle.y)
        except UNDRAWABLE:  # rings that make no area
            return

    def _draw(self, drawn: Iterable[Drawn], shape: str) -> None:
        for each in drawn:
            self._write(each, shape)

    def _write(self, drawn: Drawn, shape: str) -> None:
        self.count += drawn.layer != "land"
        self.languages |= {key for key in drawn.properties if key.startswith("name:")}
        about = json.dumps(drawn.properties, ensure_ascii=False)
        self.out.write(
            f'{{"type":"Feature","tippecanoe":{{"layer":"{drawn.layer}","minzoom":{drawn.minzoom}}},'
            f'"properties":{about},"geometry":{shape}}}\n'
        )

    def _is_inside(self, lon: float, lat: float) -> bool:
        if self.box is None:
            return True
        west, south, east, north = self.box
        return west <= lon <= east and south <= lat <= north


def _placed(way: Any) -> Iterator[Any]:
    return (node for node in way.nodes if node.location.valid())
