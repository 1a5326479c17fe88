"""What the fleet covers now, how far it reaches, and which moves would mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import shapely

from tocsin.dispatching.cover import busy_fractions, zone_shares
from tocsin.dispatching.demand import Demand
from tocsin.dispatching.moving_up import Move, advise_moves
from tocsin.dispatching.policies import POLICIES
from tocsin.dispatching.redispatch import Redispatch, advise_redispatch
from tocsin.geography.areas import Area
from tocsin.geography.distance import Plane
from tocsin.kernel.shared import Instant, Place, UnitId
from tocsin.kernel.units.state import Unit
from tocsin.packs.rings import Ring
from tocsin.runtime.onlooking import as_node
from tocsin.runtime.recommending.demand import (
    Owed,
    Weighed,
    middle_of,
    owed_for,
    tier_for,
    times_to,
)
from tocsin.runtime.recommending.desk import CALLS_MAX, POLICY, AdviceDesk, Sees
from tocsin.runtime.recommending.fleet import Duty, units_now
from tocsin.runtime.recommending.snapshot import Look, frozen
from tocsin.runtime.recommending.travel import DETOUR, SPEED_MPS, Travel, Way

POSTS_MAX: Final = 60
"""Posts that a move may lead to, the first by their units' names: a county's stations."""
CIRCLE_SEGMENTS: Final = 16


@dataclass(frozen=True, slots=True)
class ZoneCover:
    """One area: its share of the demand, and how surely it is covered (0 to 1), with and without
    the unit in question."""

    area: Area
    share: float
    covered: float
    covered_without: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is covered of one capability at `at`. `is_by_road` is False by straight line;
    `weighed` says where the shares of the zones are from."""

    at: Instant
    owed: Owed
    zones: tuple[ZoneCover, ...]
    is_by_road: bool
    weighed: Weighed

    @property
    def covered(self) -> float:
        return sum(each.share * each.covered for each in self.zones)

    @property
    def covered_without(self) -> float:
        return sum(each.share * each.covered_without for each in self.zones)


@dataclass(frozen=True, slots=True)
class RingArea:
    """The ground that one unit reaches within one bound."""

    ring: Ring
    area: Any
    way: Way
    is_by_road: bool


@dataclass(frozen=True, slots=True)
class Moves:
    """Moves of idle units to posts, and turns of units to more urgent cases. `posts` are names
    and places by the id of a post; `names` those of units."""

    at: Instant
    moves: tuple[Move, ...]
    turns: tuple[Redispatch, ...]
    gains_s: tuple[float | None, ...]
    posts: dict[str, tuple[str, Place]]
    names: dict[UnitId, str]
    look: Look


def covered_capabilities(desk: AdviceDesk) -> tuple[str, ...]:
    """What coverage is reckoned for: the capabilities of kinds that a ring in force is about;
    without any, what the first levels of the run cards need."""
    promised = {ring.capability for ring in desk.pack.rings if ring.in_force}
    able = (name for kind in desk.pack.unit_kinds.values() for name in kind.capabilities)
    found = [name for name in able if name in promised]
    if not found:
        cards = [each.run_cards[0] for each in desk.pack.case_types.values() if each.run_cards]
        found = [name for card in cards for name, _ in card.needs]
    return tuple(dict.fromkeys(found))


async def coverage_of(
    desk: AdviceDesk, sees: Sees, capability: str, without: UnitId | None
) -> Coverage:
    """How much of the demand for one capability the free units in reach cover now (MEXCLP, see
    `dispatching.cover`), and how much without one of them."""
    look = await desk.look(sees)
    closures = await desk.closures(look.at)
    past = await desk.past(1, look.at)

    def work() -> Coverage:
        travel = desk.travel(look.at, closures)
        demand, weighed = desk.demand(look, (capability,), past, travel)
        units = units_now(look.fleet)
        areas = desk.atlas.tier(tier_for(desk.atlas, 1))
        fails = np.where(np.isfinite(demand.unit_times_s), busy_fractions(units), 1.0)
        every = 1.0 - np.multiply.reduce(fails, axis=0)
        rows = [row for row, unit in enumerate(units) if unit.id != without]
        rest = 1.0 - np.multiply.reduce(fails[rows], axis=0)
        shares = zone_shares(demand)
        zones = tuple(
            ZoneCover(area, float(shares[n]), float(every[n]), float(rest[n]))
            for n, area in enumerate(areas)
        )
        (owed,) = owed_for((capability,), desk.pack)
        return Coverage(look.at, owed, zones, desk.net is not None, weighed)

    return await desk.beside(work)


async def ring_areas(desk: AdviceDesk, unit: Unit, *, is_from_post: bool) -> list[RingArea]:
    """How far a unit comes within each bound that its class must keep, from where it is now, else
    from its post. Empty without a place, or where no ring in force is about its kind."""
    seen = (await desk.positions.now()).get(unit.id)
    place = unit.post if seen is None or is_from_post else seen.position.place
    kind = desk.pack.unit_kinds.get(unit.kind)
    able = {*unit.capabilities, *(kind.capabilities if kind is not None else ())}
    held = [ring for ring in desk.pack.rings if ring.in_force and ring.capability in able]
    rings = sorted(held, key=lambda ring: (ring.bound_s, ring.code))
    way: Way = "emergency" if kind is None or kind.travel == "road" else kind.travel
    if place is None or not rings:
        return []
    at = desk.clock.now()
    closures = await desk.closures(at)

    def work() -> list[RingArea]:
        travel = desk.travel(at, closures)
        return [_ring_area(travel, place, each, way) for each in rings]

    return await desk.beside(work)


def _ring_area(travel: Travel, place: Place, ring: Ring, way: Way) -> RingArea:
    if travel.net is not None and travel.now is not None and way != "straight":
        source = travel.net.snap(way, [place])
        if not bool(source.is_off_road[0]):
            (area,) = travel.now.reach(source, (float(ring.bound_s),), way)
            return RingArea(ring, area, way, True)
    radius_m = ring.bound_s * SPEED_MPS[way] / (1.0 if way == "straight" else DETOUR)
    plane = Plane(place.lon, place.lat)
    circle = shapely.Point(0.0, 0.0).buffer(radius_m, quad_segs=CIRCLE_SEGMENTS)
    corners = [plane.to_globe(x, y) for x, y in circle.exterior.coords]
    return RingArea(ring, shapely.Polygon(corners), way, False)


async def moves_of(desk: AdviceDesk, sees: Sees) -> Moves:
    """Advice on moving up and on turning units; nothing moves before a person confirms."""
    look = await desk.look(sees)
    fleet = tuple(_where_it_goes(each) for each in look.fleet)
    look = replace(look, fleet=fleet, wanted=look.wanted[:CALLS_MAX])
    closures = await desk.closures(look.at)
    capabilities = covered_capabilities(desk)
    past = await desk.past(len(capabilities), look.at)
    posts = _posts([row.unit for row in await desk.store.units()], sees)

    def work() -> Moves:
        travel = desk.travel(look.at, closures)
        demand, _ = desk.demand(look, capabilities, past, travel)
        demand = _with_posts(desk, look.fleet, demand, capabilities, posts, travel)
        problem, _ = frozen(look, travel, desk.fitted.bands, demand)
        turns: tuple[Redispatch, ...] = ()
        if problem.calls:
            turns = advise_redispatch(problem, POLICIES[POLICY](problem))
        names = {each.unit.id: each.unit.name for each in look.fleet}
        gains = tuple(
            None if each.instead_s is None else each.instead_s - each.time_s for each in turns
        )
        return Moves(look.at, advise_moves(problem), turns, gains, posts, names, look)

    return await desk.beside(work)


def _where_it_goes(duty: Duty) -> Duty:
    """A unit that is on its way to another post counts there: what somebody has confirmed is not
    advised again."""
    move_up = duty.unit.move_up
    return duty if move_up is None else replace(duty, place=move_up.place)


async def arrival_s(desk: AdviceDesk, unit: Unit) -> float | None:
    """Seconds until a unit on its way is there, from its newest position; None where nobody
    knows."""
    seen = (await desk.positions.now()).get(unit.id)
    with as_node():  # only the seconds go out
        row = await desk.store.case(unit.case) if unit.case is not None else None
    if seen is None or seen.is_stale or row is None or row.case.place is None:
        return None
    at, place, there = desk.clock.now(), seen.position.place, row.case.place
    closures = await desk.closures(at)
    kind = desk.pack.unit_kinds.get(unit.kind)
    travel_kind = kind.travel if kind is not None else "road"
    way: Way = "emergency" if travel_kind == "road" else travel_kind

    def work() -> float:
        return float(desk.travel(at, closures).table(way, [place], [there])[1][0, 0])

    return await desk.beside(work)


async def post_name(desk: AdviceDesk, sees: Sees, place: Place) -> str | None:
    """What the post at exactly that place is called, among those in reach; None for no post."""
    found = _posts([row.unit for row in await desk.store.units()], sees)
    return next((name for name, post in found.values() if post == place), None)


def _posts(units: Sequence[Unit], sees: Sees) -> dict[str, tuple[str, Place]]:
    """Where units wait, each place once, called by the units that wait there."""
    found: dict[Place, list[str]] = {}
    for unit in sorted(units, key=lambda each: (each.name, each.id)):
        if unit.post is not None and unit.agency is not None and sees(unit.areas, (unit.agency,)):
            found.setdefault(unit.post, []).append(unit.name)
    return {
        f"p{number:03}": (", ".join(names), place)
        for number, (place, names) in enumerate(list(found.items())[:POSTS_MAX])
    }


def _with_posts(
    desk: AdviceDesk,
    fleet: Sequence[Duty],
    demand: Demand,
    capabilities: Sequence[str],
    posts: dict[str, tuple[str, Place]],
    travel: Travel,
) -> Demand:
    if not posts:
        return demand
    places = [place for _, place in posts.values()]
    areas = desk.atlas.tier(tier_for(desk.atlas, len(capabilities)))
    middles = [middle_of(area) for area in areas]
    once = travel.table("emergency", places, middles, are_areas=True)[0]
    to_zones = np.concatenate([once] * max(1, len(capabilities)), axis=1)
    return replace(
        demand,
        posts=tuple(posts),
        post_times_s=to_zones,
        unit_post_times_s=times_to(fleet, places, travel),
    )
