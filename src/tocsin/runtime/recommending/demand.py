"""What coverage is owed: the town's areas as zones, weighed by the cases of the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tocsin.dispatching.demand import Demand, Zone
from tocsin.dispatching.problem import Need
from tocsin.dispatching.tables import Seconds
from tocsin.geography.areas import Area, Atlas
from tocsin.kernel.shared import TIERS, AreaId, Place, Tier
from tocsin.packs.model import Pack
from tocsin.packs.rings import Ring
from tocsin.runtime.recommending.calls import ring_for
from tocsin.runtime.recommending.fleet import Duty
from tocsin.runtime.recommending.travel import Travel, Way

ZONES_MAX: Final = 160
"""Zones of one decision, capabilities counted apart: with 500 units a table of them takes some
tenths of a second by road, and less is not known of where the next case will be."""
PAST_DAYS: Final = 90
"""How far back cases weigh a zone: a season."""
PAST_MIN: Final = 50
"""With fewer cases than this the past says nothing, and every zone weighs the same."""
TARGET_S: Final = 480.0
"""By when a zone is covered where no ring in force says it: eight minutes, the second of the fire
service's bounds (NFPA 1710). Said in the answer."""

Counts = Mapping[tuple[AreaId, str], int]


@dataclass(frozen=True, slots=True)
class Owed:
    """One capability for which coverage is owed, with its bound; `ring` is None for `TARGET_S`."""

    capability: str
    target_s: float
    ring: Ring | None


def owed_for(capabilities: Sequence[str], pack: Pack) -> tuple[Owed, ...]:
    """The bounds of these capabilities, each once, in their order."""
    found: list[Owed] = []
    for name in dict.fromkeys(capabilities):
        ring = ring_for((Need(name),), pack, "county")
        found.append(Owed(name, float(ring.bound_s) if ring is not None else TARGET_S, ring))
    return tuple(found)


def tier_for(atlas: Atlas, capabilities: int) -> Tier:
    """The finest tier whose areas are not too many."""
    room = ZONES_MAX // max(1, capabilities)
    finest: Tier = "county"
    for tier in TIERS:
        if len(atlas.tier(tier)) <= room:
            finest = tier
    return finest


def middle_of(area: Area) -> Place:
    """A point well inside the area."""
    point = area.polygon.representative_point()
    return Place(float(point.x), float(point.y))


def weights_of(
    areas: Sequence[Area], capability: str, pack: Pack, counts: Counts
) -> tuple[tuple[float, ...], bool]:
    """The weight of each area for one capability, and whether the past gave it."""
    types = [
        each.code
        for each in pack.case_types.values()
        if each.run_cards and any(name == capability for name, _ in each.run_cards[0].needs)
    ]
    found = tuple(float(sum(counts.get((area.id, code), 0) for code in types)) for area in areas)
    if sum(found) < PAST_MIN:
        return (1.0,) * len(areas), False
    return found, True


def demand_of(
    fleet: Sequence[Duty],
    areas: Sequence[Area],
    owed: Sequence[Owed],
    pack: Pack,
    counts: Counts,
    travel: Travel,
) -> tuple[Demand, bool]:
    """Zones and who of the units that are free reaches them in time, and whether the past weighs
    them. What comes too late or can not serve is infinite: only "in time" is ever asked."""
    zones: list[Zone] = []
    is_from_past = False
    for each in owed:
        weights, from_past = weights_of(areas, each.capability, pack, counts)
        is_from_past = is_from_past or from_past
        zones += [
            Zone(area.id, weight, each.capability, each.target_s)
            for area, weight in zip(areas, weights, strict=True)
        ]
    to_areas = times_to(fleet, [middle_of(area) for area in areas], travel)
    parts = [
        _in_time(to_areas, each, [each.capability in duty.capabilities for duty in fleet])
        for each in owed
    ]
    table = np.concatenate(parts, axis=1) if parts else np.zeros((len(fleet), 0))
    return Demand(tuple(zones), table), is_from_past


def times_to(fleet: Sequence[Duty], places: Sequence[Place], travel: Travel) -> Seconds:
    """Seconds from where each unit is to the middle of areas, as it moves with its lights on;
    infinite for units that are not free."""
    table = np.full((len(fleet), len(places)), np.inf)
    ways: dict[Way, list[int]] = {}
    for row, duty in enumerate(fleet):
        if duty.unit.is_free and duty.place is not None:
            way: Way = "emergency" if duty.travel == "road" else duty.travel
            ways.setdefault(way, []).append(row)
    for way, rows in ways.items():
        sources = [place for row in rows if (place := fleet[row].place) is not None]
        table[rows] = travel.to_areas(way, sources, places)
    return table


def _in_time(to_areas: Seconds, owed: Owed, is_able: Sequence[bool]) -> Seconds:
    able = np.array(is_able, dtype=np.bool_)[:, None]
    return np.where(able & (to_areas <= owed.target_s), np.ceil(to_areas), np.inf)
