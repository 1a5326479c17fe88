"""What coverage is owed: the town's areas as zones, weighed by the cases of the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final

import numpy as np

from tocsin.dispatching.demand import Demand, Zone
from tocsin.dispatching.problem import Need
from tocsin.dispatching.tables import Seconds
from tocsin.geography.areas import Area, Atlas
from tocsin.kernel.shared import TIERS, AreaId, Instant, Place, Tier
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
WEIGHT_DIGITS: Final = 6
"""Of a share: what is beyond is noise, and does not pack."""
TARGET_S: Final = 480.0
"""By when a zone is covered where no ring in force says it: eight minutes, the second of the fire
service's bounds (NFPA 1710). Said in the answer."""

HOURS_OF_WEEK: Final = 7 * 24
HOUR_BESIDE: Final = 1
"""Hours before and after that count for an hour of the week: a season has thirteen of each, and
what happens at ten to eight is no other thing than at ten past."""
HOUR_PRIOR: Final = 50.0
"""An hour's shares count as if so many cases more had been spread like the whole season's: an hour
with few cases tells what the season tells, one with many tells its own (a Dirichlet prior)."""


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


@dataclass(frozen=True, slots=True)
class Past:
    """How many cases were opened, by area and case type: in all, and by hour of the week on the
    town's wall clock (0 is Monday, midnight to one). Nothing of it is about anybody."""

    whole: Mapping[tuple[AreaId, str], int] = field(default_factory=dict[tuple[AreaId, str], int])
    by_hour: Mapping[int, Mapping[tuple[AreaId, str], int]] = field(
        default_factory=dict[int, Mapping[tuple[AreaId, str], int]]
    )


def past_of(counts: Mapping[tuple[AreaId, str, Instant], int], zone: tzinfo | None) -> Past:
    """From counts by the hour in which cases were opened (UTC)."""
    whole: Counter[tuple[AreaId, str]] = Counter()
    by_hour: dict[int, Counter[tuple[AreaId, str]]] = {}
    for (area, case_type, opened), count in counts.items():
        local = opened.astimezone(zone) if zone is not None else opened
        whole[area, case_type] += count
        hour = hour_of_week(local.weekday(), local.hour)
        by_hour.setdefault(hour, Counter())[area, case_type] += count
    return Past(whole, by_hour)


def hour_of_week(weekday: int, hour: int) -> int:
    """0 to 167, from Monday on."""
    return weekday * 24 + hour


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the zones were weighed by: `cases` of the season, `near` of them at this hour of the
    week. Too few cases: every zone weighs the same."""

    cases: int = 0
    near: int = 0

    @property
    def is_from_past(self) -> bool:
        return self.cases >= PAST_MIN


def weights_of(
    areas: Sequence[Area], capability: str, pack: Pack, past: Past, hour: int
) -> tuple[tuple[float, ...], Weighed]:
    """The weight of each area for one capability at an hour of the week, and what it is from.

    With n cases of the season in an area of N in all, and m of M in this hour and those beside it,
    the area's share is (m + K n / N) / (M + K), K = `HOUR_PRIOR`.
    """
    types = [
        each.code
        for each in pack.case_types.values()
        if each.run_cards and any(name == capability for name, _ in each.run_cards[0].needs)
    ]
    near = [
        past.by_hour.get((hour + step) % HOURS_OF_WEEK, {})
        for step in range(-HOUR_BESIDE, HOUR_BESIDE + 1)
    ]

    def of(area: Area, counts: Mapping[tuple[AreaId, str], int]) -> int:
        return sum(counts.get((area.id, code), 0) for code in types)

    season = [of(area, past.whole) for area in areas]
    at_hour = [sum(of(area, each) for each in near) for area in areas]
    weighed = Weighed(sum(season), sum(at_hour))
    if not weighed.is_from_past:
        return (1.0,) * len(areas), weighed
    total, here = weighed.cases, weighed.near
    return tuple(
        round((m + HOUR_PRIOR * n / total) / (here + HOUR_PRIOR), WEIGHT_DIGITS)
        for n, m in zip(season, at_hour, strict=True)
    ), weighed


def demand_of(
    fleet: Sequence[Duty],
    areas: Sequence[Area],
    owed: Sequence[Owed],
    pack: Pack,
    past: Past,
    hour: int,
    travel: Travel,
) -> tuple[Demand, Weighed]:
    """Zones and who of the units that are free reaches them in time, and what weighs them (of the
    capability with the most cases). What comes too late or can not serve is infinite: only "in
    time" is ever asked."""
    zones: list[Zone] = []
    most = Weighed()
    for each in owed:
        weights, weighed = weights_of(areas, each.capability, pack, past, hour)
        most = max(most, weighed, key=lambda each: each.cases)
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
    return Demand(tuple(zones), table), most


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
