"""The words of the map (OpenStreetMap tags), and the layer, class and first zoom of each record.

Pure. A record may be drawn in several layers: a park is ground and a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

Tags = Mapping[str, str]

KEYS: Final = (
    *("highway", "railway", "building", "building:part", "natural", "water", "waterway"),
    *("landuse", "leisure", "amenity", "man_made", "place", "tourism", "shop", "emergency"),
    *("addr:housenumber", "public_transport", "aeroway", "healthcare"),
)
"""Records without one of these are skipped while reading."""
NAMES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("name", ("name",)),
    ("name:zh", ("name:zh-Hans", "name:zh", "name:zh-CN", "name:zh-Hant")),
    ("name:en", ("name:en", "int_name")),
    ("name:ar", ("name:ar",)),
    ("name:ru", ("name:ru",)),
)
SEARCHED: Final = (
    *("name", "name:zh-Hans", "name:zh", "name:en", "name:ar", "name:ru", "name:fi", "name:sv"),
    *("alt_name", "old_name", "short_name", "official_name", "int_name"),
)
NAME_CHARS_MAX: Final = 200
MAXZOOM: Final = 16
"""The console draws closer zooms from these tiles: at 16 a millimetre of screen is a metre."""
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_FOREIGN = re.compile(r"[\u0370-\u1dff\u2e80-\u9fff\uac00-\ud7ff]")
_NUMBER = re.compile(r"^\s*(-?\d{1,4}(?:[.,]\d{1,3})?)\s*(m|ft|')?\s*$")
STOREY_M: Final = 3.0
HEIGHT_MAX_M: Final = 900.0
PLAIN_M: Final = 6.0
"""A building of which nothing is known: two storeys."""


class Drawn(NamedTuple):
    """One record in one layer."""

    layer: str
    minzoom: int
    properties: dict[str, Any]


def _map(**classes: str) -> dict[str, str]:
    return {word: name for name, words in classes.items() for word in words.split()}


ROADS: Final = _map(
    motorway="motorway motorway_link",
    trunk="trunk trunk_link",
    primary="primary primary_link",
    secondary="secondary secondary_link",
    tertiary="tertiary tertiary_link",
    residential="residential unclassified living_street road",
    service="service",
    pedestrian="pedestrian",
    path="footway cycleway path steps track bridleway corridor",
)
ROAD_ZOOMS: Final = {
    "motorway": 5, "trunk": 6, "primary": 8, "secondary": 9, "tertiary": 11, "residential": 12,
    "pedestrian": 13, "service": 14, "path": 14, "rail": 9, "tram": 13, "subway": 14, "pier": 13,
}  # fmt: skip
RAILS: Final = _map(rail="rail narrow_gauge light_rail monorail funicular", tram="tram",
                    subway="subway")  # fmt: skip
GROUND: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("leisure", _map(park="park garden dog_park common", pitch="pitch track sports_centre stadium",
                     playground="playground", golf="golf_course", reserve="nature_reserve",
                     marina="marina")),
    ("natural", _map(wood="wood", scrub="scrub heath", grass="grassland", wetland="wetland",
                     beach="beach sand shingle", rock="bare_rock scree", glacier="glacier")),
    ("landuse", _map(wood="forest", grass="grass meadow village_green recreation_ground flowerbed",
                     farmland="farmland farmyard orchard vineyard greenhouse_horticulture",
                     park="allotments", residential="residential", commercial="commercial retail",
                     industrial="industrial port construction landfill brownfield quarry",
                     cemetery="cemetery", railway="railway", military="military")),
    ("amenity", _map(school="school kindergarten college university", hospital="hospital clinic",
                     parking="parking", cemetery="grave_yard", square="marketplace")),
    ("highway", _map(square="pedestrian footway")),
    ("place", _map(square="square")),
    ("man_made", _map(pier="pier breakwater groyne bridge")),
    ("aeroway", _map(aerodrome="aerodrome apron", runway="runway")),
)  # fmt: skip
GROUND_ZOOMS: Final = {
    "wood": 8, "farmland": 9, "residential": 9, "industrial": 10, "commercial": 10, "glacier": 8,
    "park": 11, "grass": 12, "reserve": 9, "aerodrome": 10, "wetland": 10, "rock": 10,
}  # fmt: skip
GROUND_ZOOM: Final = 13
PLACES: Final[Mapping[str, tuple[int, int]]] = {
    "country": (1, 2), "state": (2, 4), "city": (3, 4), "town": (4, 7), "borough": (6, 10),
    "suburb": (6, 11), "village": (5, 9), "island": (7, 11), "quarter": (8, 12),
    "neighbourhood": (9, 13), "hamlet": (8, 12), "islet": (10, 14), "locality": (10, 14),
    "square": (10, 15),
}  # fmt: skip
"""Rank (1 is drawn first) and first zoom of a settlement's name."""
SPOTS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("railway", _map(station="station halt", subway="subway_entrance", tram="tram_stop")),
    ("amenity", _map(hospital="hospital clinic doctors", pharmacy="pharmacy", police="police",
                     fire_station="fire_station", school="school kindergarten college university",
                     townhall="townhall courthouse", library="library", worship="place_of_worship",
                     post="post_office", theatre="theatre cinema arts_centre", bank="bank",
                     fuel="fuel", market="marketplace", bus="bus_station", ferry="ferry_terminal",
                     food="restaurant cafe bar pub fast_food", community="community_centre")),
    ("emergency", _map(hydrant="fire_hydrant", aed="defibrillator", meeting="assembly_point")),
    ("leisure", _map(park="park garden", playground="playground", sports="sports_centre stadium",
                     marina="marina")),
    ("tourism", _map(hotel="hotel hostel", museum="museum gallery", sight="attraction zoo")),
    ("highway", _map(bus="bus_stop")),
    ("landuse", _map(cemetery="cemetery")),
)  # fmt: skip
BIG: Final = frozenset({"station", "park", "hospital", "cemetery", "marina"})
"""Spots whose names are drawn with the places, from zoom 13 on; the others are `poi`."""


def names_of(tags: Tags) -> dict[str, str]:
    """The names to be drawn, by the tile's attribute; `name:latin` for readers of no other."""
    found: dict[str, str] = {}
    for attribute, keys in NAMES:
        value = next((tags[key].strip() for key in keys if tags.get(key, "").strip()), "")
        if value:
            found[attribute] = value[:NAME_CHARS_MAX]
    for value in (found.get("name", ""), found.get("name:en", "")):
        if _LATIN.search(value) and not _FOREIGN.search(value):
            found["name:latin"] = value
            break
    return found


def searched_names(tags: Tags) -> tuple[str, ...]:
    """Every name somebody may ask for, the one on the signs first, each once."""
    found = [tags[key].strip()[:NAME_CHARS_MAX] for key in SEARCHED if tags.get(key, "").strip()]
    return tuple(dict.fromkeys(found))


def line_of(tags: Tags) -> Iterator[Drawn]:
    """How a way is drawn as a line."""
    kind = ROADS.get(tags.get("highway", ""))
    if kind and tags.get("area") == "yes":
        return
    kind = kind or RAILS.get(tags.get("railway", ""))
    if not kind and tags.get("man_made") in ("pier", "breakwater", "groyne"):
        kind = "pier"
    if kind:
        about: dict[str, Any] = {"class": kind, "kind": tags.get("highway") or kind}
        for key in ("bridge", "tunnel"):
            if tags.get(key, "no") not in ("no", ""):
                about[key] = 1
        if tags.get("oneway") in ("yes", "1", "true", "-1"):
            about["oneway"] = -1 if tags["oneway"] == "-1" else 1
        if tags.get("ref"):
            about["ref"] = tags["ref"][:40]
        yield Drawn("road", ROAD_ZOOMS[kind], about | names_of(tags))
    kind = tags.get("waterway", "")
    if kind in ("river", "canal", "stream", "ditch", "drain"):
        minzoom = {"river": 8, "canal": 10, "stream": 12}.get(kind, 14)
        yield Drawn("water", minzoom, {"class": kind} | names_of(tags))


def ground_of(tags: Tags) -> Iterator[Drawn]:
    """How an area is drawn: water, ground, building."""
    if tags.get("building", "no") != "no" or tags.get("building:part", "no") != "no":
        yield Drawn("building", 13, heights(tags))
        return
    is_water = tags.get("natural") == "water" or tags.get("landuse") in ("reservoir", "basin")
    if is_water or tags.get("waterway") in ("riverbank", "dock"):
        yield Drawn("water", 6, {"class": "lake"} | names_of(tags))
        return
    if tags.get("leisure") == "swimming_pool":
        yield Drawn("water", 14, {"class": "pool"})
        return
    for key, classes in GROUND:
        kind = classes.get(tags.get(key, ""))
        if key == "highway" and tags.get("area") != "yes":
            kind = None  # a ring of a path, not a square
        if kind:
            zoom = GROUND_ZOOMS.get(kind, GROUND_ZOOM)
            yield Drawn("landuse", zoom, {"class": kind} | names_of(tags))
            return


def point_of(tags: Tags) -> Iterator[Drawn]:
    """How a point, or the middle of an area, is drawn: names, spots, house numbers."""
    if tags.get("addr:housenumber"):
        yield Drawn("address", MAXZOOM, {"number": tags["addr:housenumber"][:40]})
    names = names_of(tags)
    if "name" not in names:
        return
    rank = PLACES.get(tags.get("place", ""))
    if rank is not None:
        about = {"class": tags["place"], "rank": rank[0]}
        yield Drawn("name", rank[1], about | names)
        return
    if tags.get("natural") in ("water", "bay", "peak"):
        yield Drawn("name", 13, {"class": tags["natural"], "rank": 10} | names)
        return
    kind = spot_of(tags)
    if kind in BIG:
        yield Drawn("name", 13, {"class": kind, "rank": 11} | names)
    elif kind:
        yield Drawn("poi", 15, {"class": kind} | names)


def spot_of(tags: Tags) -> str | None:
    """The class of a place people name, or None."""
    for key, classes in SPOTS:
        kind = classes.get(tags.get(key, ""))
        if kind:
            return kind
    return "shop" if tags.get("shop", "no") != "no" else None


def heights(tags: Tags) -> dict[str, Any]:
    """`height` and `min_height` of a building in metres: as tagged, else by its storeys."""
    top = _metres(tags.get("height")) or _metres(tags.get("building:height"))
    levels = _metres(tags.get("building:levels"))
    if top is None and levels is not None:
        top = levels * STOREY_M + (_metres(tags.get("roof:levels")) or 0.0) * STOREY_M
    top = PLAIN_M if not top or top <= 0 else min(top, HEIGHT_MAX_M)
    low = _metres(tags.get("min_height"))
    if low is None:
        low = (_metres(tags.get("building:min_level")) or 0.0) * STOREY_M
    found: dict[str, Any] = {"height": round(top, 1)}
    if 0 < low < top:
        found["min_height"] = round(low, 1)
    return found


def _metres(text: str | None) -> float | None:
    found = _NUMBER.match(text or "")
    if found is None:
        return None
    value = float(found[1].replace(",", "."))
    return value * 0.3048 if found[2] in ("ft", "'") else value
