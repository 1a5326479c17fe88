"""What the tags of an OpenStreetMap way say: who may use it, which way, how fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tocsin.geography.roads.speeds import (
    CLASS_INDEX,
    DRIVING_KM_H,
    EMERGENCY_FACTOR,
    EMERGENCY_ONLY_KM_H,
    ON_FOOT,
    POSTED_SHARE,
    STEPS_KM_H,
    WALKING_KM_H,
    limit_km_h,
)

Tags = Mapping[str, str]
Trio = tuple[float, float, float]

CLOSED: Final = frozenset(
    ("no", "private", "agricultural", "forestry", "emergency", "psv", "permit")
)
"""Values that keep ordinary cars out (OSRM 5's car profile); `destination`, `delivery` and
`customers` do not, for whoever drives there has a reason to."""
GRANTED: Final = frozenset(("yes", "designated", "official", "permissive"))
DRIVE_KEYS: Final = ("motorcar", "motor_vehicle", "vehicle", "access")
"""The most specific that is there counts."""
POSTED_KEYS: Final = ("maxspeed", "zone:maxspeed", "maxspeed:type", "source:maxspeed")
OTHER_KM_H: Final = 10.0  # a path or footway that says cars may use it: walking pace, nearly
OTHER_NAMES: Final = {"busway": "service"}
PASSABLE: Final = frozenset(
    (
        "gate", "lift_gate", "swing_gate", "sliding_gate", "toll_booth", "border_control",
        "cattle_grid", "entrance", "no", "sally_port", "height_restrictor", "bump_gate",
        "hampshire_gate", "kerb",
    )
)  # fmt: skip
"""Barriers that let a car through unless their access says otherwise."""
OPENED: Final = frozenset(("gate", "lift_gate", "swing_gate", "sliding_gate", "bump_gate", "chain"))
"""Barriers that a crew can open even where ordinary cars are kept out."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a way is: its class, and km/h along and against it for each metric (0 is closed)."""

    road_class: int
    forward: Trio
    backward: Trio


def use_of(tags: Tags) -> Use | None:
    """None for what is no way for anybody: building sites, platforms, race tracks."""
    highway = tags.get("highway", "")
    name = OTHER_NAMES.get(highway, highway)
    if name not in CLASS_INDEX or tags.get("impassable") == "yes":
        return None
    forward, backward = _driving(tags, name, highway, "forward", "backward")
    foot = _walking(tags, name)
    if not (foot or any(forward) or any(backward)):
        return None
    back_on_foot = 0.0 if tags.get("oneway:foot") == "yes" else foot
    return Use(CLASS_INDEX[name], (*forward, foot), (*backward, back_on_foot))


def _driving(
    tags: Tags, name: str, highway: str, ahead: str, against: str
) -> tuple[tuple[float, float], tuple[float, float]]:
    """(emergency, normal) in km/h for both directions."""
    normal, emergency = _may_drive(tags, name, highway)
    closed = 0.0, 0.0
    if not (normal or emergency):
        return closed, closed
    speeds: list[tuple[float, float]] = []
    for side in (ahead, against):
        pace = _pace_km_h(tags, name, side)
        speeds.append((pace * EMERGENCY_FACTOR * emergency, pace * normal))
    direction = direction_of(tags)
    return (speeds[0] if direction >= 0 else closed), (speeds[1] if direction <= 0 else closed)


def _pace_km_h(tags: Tags, name: str, side: str) -> float:
    posted = [tags.get(f"maxspeed:{side}"), *(tags.get(key) for key in POSTED_KEYS)]
    limits = [limit for each in posted if (limit := limit_km_h(each))]
    if limits:
        return limits[0] * POSTED_SHARE
    default = DRIVING_KM_H.get(name)
    # Where only engines go the table states their own pace.
    pace = EMERGENCY_ONLY_KM_H.get(name, OTHER_KM_H) / EMERGENCY_FACTOR
    return pace if default is None else default


def _may_drive(tags: Tags, name: str, highway: str) -> tuple[bool, bool]:
    """(normal, emergency)."""
    if tags.get("area") == "yes":
        return False, False  # its edge is drawn, not the way across
    key = next((key for key in DRIVE_KEYS if key in tags), None)
    value = tags[key] if key is not None else ""
    is_road = name in DRIVING_KM_H and highway != "busway"
    normal = value not in CLOSED if is_road else key in DRIVE_KEYS[:3] and value in GRANTED
    normal = normal and tags.get("service") != "emergency_access"
    if tags.get("oneway") in ("reversible", "alternating"):
        normal = False
    told = tags.get("emergency", "")
    if told in GRANTED:
        return normal, True
    # "No access" without a word about cars is a site fence more often than a rule of traffic.
    fenced = told == "no" or (key == "access" and value == "no")
    wide = is_road or highway == "busway" or name in EMERGENCY_ONLY_KM_H
    return normal, (normal or (wide and not fenced))


def direction_of(tags: Tags) -> int:
    """1 along the way only, -1 against it only, 0 both; for vehicles."""
    keys = ("oneway:motorcar", "oneway:motor_vehicle", "oneway:vehicle", "oneway")
    value = next((tags[key] for key in keys if key in tags), "")
    if value in ("-1", "reverse"):
        return -1
    if value in ("yes", "true", "1"):
        return 1
    if value in ("no", "false", "0"):
        return 0
    is_implied = tags.get("junction") in ("roundabout", "circular") or (
        tags.get("highway") == "motorway"
    )
    return 1 if is_implied else 0


def _walking(tags: Tags, name: str) -> float:
    told = tags.get("foot") or tags.get("access") or ""
    if name not in ON_FOOT and tags.get("foot") not in GRANTED:
        return 0.0
    if told in ("no", "private", "use_sidepath"):
        return 0.0
    return STEPS_KM_H if name == "steps" else WALKING_KM_H


def barrier_of(tags: Tags) -> tuple[bool, bool, bool] | None:
    """For each metric whether the barrier on a node stops it; None where it stops nobody."""
    barrier = tags.get("barrier")
    if barrier is None:
        return None
    key = next((key for key in DRIVE_KEYS if key in tags), None)
    if key is not None:
        stops = tags[key] in CLOSED
    else:
        stops = barrier not in PASSABLE
    told = tags.get("emergency", "")
    crew = stops and not (told in GRANTED or (barrier in OPENED and told != "no"))
    return (crew, stops, False) if stops else None
