"""The words of the map (OpenStreetMap tags) that a town is read by."""

from __future__ import annotations

LANGUAGES = {
    "name": "local",
    "name:en": "en",
    "name:zh": "zh-CN",
    "name:zh-Hans": "zh-CN",
    "name:sv": "sv",
    "name:fi": "fi",
}
"""Name tags that are read, and the language each stands for; later ones win."""

ADMIN_LEVELS = range(7, 11)
"""Municipalities and their parts; what each level is called differs by country."""

KEYS = (
    "highway",
    "addr:housenumber",
    "amenity",
    "shop",
    "leisure",
    "emergency",
    "place",
    "boundary",
)
"""Records without one of these are skipped while reading."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STREETS = _words(
    "motorway trunk primary secondary tertiary unclassified residential living_street pedestrian "
    "service road"
)

INTERESTS = {
    "amenity": _words(
        "school kindergarten college university hospital clinic doctors pharmacy police "
        "fire_station townhall library community_centre fuel charging_station parking toilets "
        "waste_basket waste_disposal recycling restaurant cafe bar pub nightclub fast_food bank "
        "post_office marketplace theatre cinema place_of_worship social_facility shelter "
        "bus_station drinking_water"
    ),
    "highway": _words("street_lamp traffic_signals elevator bus_stop crossing"),
    "emergency": _words("fire_hydrant defibrillator assembly_point siren"),
    "leisure": _words("park playground pitch garden sports_centre"),
}
"""Kinds of places of interest, by tag; every `shop` is kept as well, as `shop:<its kind>`."""

SETTLEMENTS = (
    "city_district",
    "borough",
    "suburb",
    "town",
    "village",
    "quarter",
    "neighbourhood",
    "hamlet",
    "locality",
)
"""Named parts of a town, best first, for naming areas. A `city` names the whole, not a part; a
block or a square is too small, and a street then says more."""
