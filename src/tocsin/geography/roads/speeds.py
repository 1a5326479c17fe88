"""How fast each kind of road is, for each way of moving: one table, with its sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Metric = Literal["emergency", "normal", "foot"]
METRICS: Final[tuple[Metric, ...]] = ("emergency", "normal", "foot")
"""In this order they are the rows of `RoadGraph.speed_km_h`."""
DRIVEN: Final[tuple[Metric, ...]] = ("emergency", "normal")

CLASSES: Final = (
    "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary",
    "secondary_link", "tertiary", "tertiary_link", "unclassified", "residential", "living_street",
    "service", "road", "track", "pedestrian", "cycleway", "bridleway", "footway", "path", "steps",
)  # fmt: skip
"""OpenStreetMap's `highway` values that are roads or ways; a class of a road is its place here."""
CLASS_INDEX: Final = {name: index for index, name in enumerate(CLASSES)}

DRIVING_KM_H: Final[dict[str, float]] = {
    "motorway": 90, "motorway_link": 45, "trunk": 85, "trunk_link": 40, "primary": 65,
    "primary_link": 30, "secondary": 55, "secondary_link": 25, "tertiary": 40, "tertiary_link": 20,
    "unclassified": 25, "residential": 25, "living_street": 10, "service": 15, "road": 25,
}  # fmt: skip
"""Ordinary driving where no limit is posted: the car profile of OSRM 5 (BSD-2), whose figures
allow for lights and traffic. `road` (a class nobody knows) is taken as unclassified."""
EMERGENCY_ONLY_KM_H: Final[dict[str, float]] = {"pedestrian": 10, "track": 15, "cycleway": 10}
"""Ways closed to ordinary cars that an engine can use at walking or yard pace. An assumption of
ours, on the slow side; a town's logs correct it."""
WALKING_KM_H: Final = 5.0
"""A person on foot on the level (OSRM 5's foot profile)."""
STEPS_KM_H: Final = 2.5
"""Up or down steps, half of that. An assumption of ours."""
ON_FOOT: Final = frozenset(CLASSES) - {"motorway", "motorway_link"}

POSTED_SHARE: Final = 0.8
"""Ordinary traffic drives on average at this share of a limit (OSRM 5: `speed_reduction`)."""
EMERGENCY_FACTOR: Final = 1.25
"""Emergency over ordinary speed: at the posted limit instead of four fifths of it. Fitted to a
town's own logs by calibration; this is where it starts."""

KM_PER_MILE: Final = 1.609344
KM_PER_KNOT_H: Final = 1.852
LIMIT_MAX_KM_H: Final = 150.0
"""Above that a posted limit is a slip of a mapper and is not believed."""
LIMIT_MIN_KM_H: Final = 3.0
WALK_LIMIT_KM_H: Final = 7.0
ZONE_KM_H: Final[dict[str, float]] = {
    "urban": 50, "rural": 90, "motorway": 120, "trunk": 100, "living_street": 20, "walk": 7,
}  # fmt: skip
"""`maxspeed=FI:urban` and the like, where the country's own figure is not in `COUNTRY_KM_H`."""
COUNTRY_KM_H: Final[dict[str, float]] = {
    "FI:rural": 80, "SE:rural": 70, "DE:rural": 100, "AT:rural": 100, "CH:rural": 80,
    "FR:rural": 80, "IT:rural": 90, "RU:urban": 60, "RU:living_street": 20, "GB:nsl_single": 96.56,
    "GB:nsl_dual": 112.65, "GB:motorway": 112.65, "GB:nsl_restricted": 48.28, "CN:urban": 50,
    "CN:rural": 70, "CN:motorway": 120, "CN:trunk": 100, "FR:zone30": 30, "DE:living_street": 7,
}  # fmt: skip
"""Implicit limits of countries: OpenStreetMap's table of default speed limits."""

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph|knots)?")
_ZONE = re.compile(r"zone:?(\d+)$")


def limit_km_h(posted: str | None) -> float | None:
    """The limit that a `maxspeed` value states, in km/h; None where it states none.

    Knows plain numbers, mph, knots, `walk`, `none`, zones (`DE:zone:30`, `zone30`) and implicit
    values (`FI:urban`). Of several (`50;30`) the lowest. Never raises.
    """
    if not posted:
        return None
    found = [limit for part in posted.split(";") if (limit := _one_limit(part.strip()))]
    return min(found) if found else None


def _one_limit(posted: str) -> float | None:
    if posted == "none":
        return ZONE_KM_H["motorway"]
    if posted == "walk":
        return WALK_LIMIT_KM_H
    number = _NUMBER.fullmatch(posted)
    if number:
        times = {"mph": KM_PER_MILE, "knots": KM_PER_KNOT_H}.get(number[2], 1.0)
        limit = float(number[1]) * times
        return limit if LIMIT_MIN_KM_H <= limit <= LIMIT_MAX_KM_H else None
    zone = _ZONE.search(posted)
    if zone:
        limit = float(zone[1])
        return limit if LIMIT_MIN_KM_H <= limit <= LIMIT_MAX_KM_H else None
    return COUNTRY_KM_H.get(posted) or ZONE_KM_H.get(posted.partition(":")[2])


@dataclass(frozen=True, slots=True)
class TurnCosts:
    """What turning costs, in seconds, for one metric.

    `turn_s` is the most a sharp turn costs and `bias` makes the turn across the oncoming lane
    dearer: the formula of OSRM 5's car profile (`process_turn`), whose figures are the defaults.
    `u_turn_s` is added for going back where one came from, `signal_s` where there are lights.
    """

    turn_s: float = 7.5
    u_turn_s: float = 20.0
    signal_s: float = 2.0
    bias: float = 1.075


TURN_COSTS: Final[dict[Metric, TurnCosts]] = {
    "emergency": TurnCosts(signal_s=0.0),  # right of way at lights; a heavy truck turns no faster
    "normal": TurnCosts(),
}
