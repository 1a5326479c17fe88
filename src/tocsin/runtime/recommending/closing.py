"""Closing and opening roads on a running node: what is meant, what it cuts off, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tocsin.geography.areas import Area
from tocsin.geography.roads.cutting_off import cut_off
from tocsin.geography.roads.runs import NoRun, edges_of, line_of
from tocsin.geography.roads.speeds import METRICS
from tocsin.kernel.shared import ActorId, Instant, Place, Refused
from tocsin.runtime.onlooking import as_node
from tocsin.runtime.recommending.demand import middle_of, tier_for
from tocsin.runtime.recommending.desk import AdviceDesk
from tocsin.runtime.recommending.net import RoadNet
from tocsin.runtime.road_ports import RoadClosure

CHANGES_MAX: Final = 500
"""Changes of roads at a time, those to come included: more are a flood of messages."""
POINTS_MAX: Final = 50
"""Points of one change: a street through a whole town."""
EDGES_MAX: Final = 1_000
"""Directed edges of one change, however it was given: a district's streets are an area's matter."""
FACTOR_MAX: Final = 100.0
"""A road that takes a hundred times as long is a closed one."""

REASONS: tuple[str, ...] = (
    "roads_missing",
    "place_off_roads",
    "no_road_between",
    "unknown_edge",
    "span_over",
    "too_many_changes",
    "unknown_road_change",
)
"""What a change of roads is refused with."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A change that is asked for: by places along the road, or by edges of the graph. `factor`
    None closes; `starts_at` None is now; `ends_at` None is until it is taken back."""

    reason: str
    places: tuple[Place, ...] = ()
    edges: tuple[int, ...] = ()
    factor: float | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    both_ways: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """A change with what it is in the roads of this node: the names of its streets (once each,
    unnamed ones left out), its length, its lines in degrees; none where it is no road here."""

    closure: RoadClosure
    names: tuple[str, ...]
    length_m: float
    lines: tuple[tuple[tuple[float, float], ...], ...]


async def close_road(
    desk: AdviceDesk, wish: Wish, closure_id: str, by: ActorId
) -> tuple[Shown, tuple[Area, ...]] | Refused:
    """Keeps the change; it counts in the next recommendation. With it the areas that nobody can
    reach any more because of it, from any unit on duty or any post. Nothing is kept if refused."""
    at = desk.clock.now()
    net = desk.net
    if net is None:
        return Refused("roads_missing", "")
    starts_at = wish.starts_at or at
    if wish.ends_at is not None and (wish.ends_at <= starts_at or wish.ends_at <= at):
        return Refused("span_over", "it ends before it begins, or is over already")
    known = await desk.store.closures(at)
    if len(known) >= CHANGES_MAX:
        return Refused("too_many_changes", f"at most {CHANGES_MAX}")
    edges = await desk.beside(lambda: _edges(net, wish))
    if isinstance(edges, Refused):
        return edges
    closure = RoadClosure(
        closure_id,
        at,
        by,
        wish.reason,
        wish.factor,
        starts_at,
        wish.ends_at,
        wish.places or _ends_of(net, edges),
        wish.both_ways,
        edges,
        net.digest,
    )
    sources = await _sources(desk)
    await desk.store.put_closure(closure)
    in_force = [each for each in known if each.holds(at)]

    def work() -> tuple[Shown, tuple[Area, ...]]:
        # What it will do, also where it has yet to begin: that is when somebody can still object.
        after = net.now(desk.hour(at), [*in_force, closure])
        for metric in METRICS:
            after.prepare(metric)
        return shown(net, closure), _newly_cut_off(desk, net, at, sources, in_force, closure)

    return await desk.beside(work)


async def open_road(desk: AdviceDesk, closure_id: str, by: ActorId) -> RoadClosure | Refused:
    """Takes a change back; it counts no more from the next recommendation on."""
    found = await desk.store.take_back_closure(closure_id, by, desk.clock.now())
    return found if found is not None else Refused("unknown_road_change", "")


def shown(net: RoadNet | None, closure: RoadClosure) -> Shown:
    """The change in the roads of this node; in the desk's thread only."""
    edges = net.edges(closure) if net is not None else ()
    if net is None or not edges:
        return Shown(closure, (), 0.0, ())
    roads = sorted({int(net.graph.edge_road[edge]) for edge in edges})
    names = dict.fromkeys(name for edge in edges if (name := net.graph.name_of(edge)))
    length_m = float(sum(net.graph.length_m[road] for road in roads))
    return Shown(closure, tuple(names), length_m, tuple(line_of(net.graph, road) for road in roads))


def _edges(net: RoadNet, wish: Wish) -> tuple[int, ...] | Refused:
    if wish.edges:
        if max(wish.edges) >= net.graph.edge_count or min(wish.edges) < 0:
            return Refused("unknown_edge", f"edges are 0 to {net.graph.edge_count - 1}")
        return tuple(sorted(set(wish.edges)))
    try:
        run = net.runs.along(net.snap("foot", wish.places))
    except NoRun as trouble:
        reason = "place_off_roads" if trouble.is_off_road else "no_road_between"
        return Refused(reason, f"point {trouble.place + 1}")
    edges = edges_of(net.graph, run, both_ways=wish.both_ways)
    if len(edges) > EDGES_MAX:
        return Refused("too_many_changes", f"at most {EDGES_MAX} edges at once")
    return edges


def _ends_of(net: RoadNet, edges: Sequence[int]) -> tuple[Place, ...]:
    """The middles of the roads of given edges, so that another graph finds them again."""
    found: list[Place] = []
    for road in dict.fromkeys(int(net.graph.edge_road[edge]) for edge in edges):
        line = line_of(net.graph, road)
        (lon_a, lat_a), (lon_b, lat_b) = line[(len(line) - 1) // 2], line[len(line) // 2]
        found.append(Place((lon_a + lon_b) / 2, (lat_a + lat_b) / 2))
    return tuple(found)


async def _sources(desk: AdviceDesk) -> list[Place]:
    with as_node():  # only the areas that are cut off go out
        seen = await desk.positions.now()
        rows = await desk.store.units()
    posts = [row.unit.post for row in rows if row.unit.post is not None]
    return list(dict.fromkeys((*posts, *(each.position.place for each in seen.values()))))


def _newly_cut_off(
    desk: AdviceDesk,
    net: RoadNet,
    at: Instant,
    sources: Sequence[Place],
    before: Sequence[RoadClosure],
    closure: RoadClosure,
) -> tuple[Area, ...]:
    """Areas that had a way from somewhere, and have none with this change."""
    if not sources or closure.factor is not None:
        return ()
    when = desk.hour(at)
    areas = desk.atlas.tier(tier_for(desk.atlas, 1))
    starts = net.snap("emergency", sources)
    ends = net.snap("emergency", [middle_of(area) for area in areas], is_area=True)
    usual = net.usual(when)

    def lost(closures: Sequence[RoadClosure]) -> set[int]:
        found = cut_off(net.now(when, closures), usual, starts, ends, "emergency")
        return {each.target for each in found if each.cause == "changes"}

    newly = lost([*before, closure]) - lost(before)
    return tuple(area for row, area in enumerate(areas) if row in newly)
