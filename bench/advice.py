"""Whom to send, asked over HTTP of a node with 500 units on real roads; what that adds to the bare
table of road times; and how large a recommendation is in the journal."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

import httpx

from bench.fleet import KINDS, add_units, signed_in
from bench.harness import Figure, median, percentile
from bench.node import node
from tocsin.app.ground import town_from_map
from tocsin.app.road_net import load_net
from tocsin.dispatching.policies import POLICIES
from tocsin.dispatching.problem import CallNow, Need, Problem
from tocsin.dispatching.run_cards import CardNeeds
from tocsin.dispatching.table import problem_bytes, table_bytes
from tocsin.geography.areas import Atlas
from tocsin.geography.roads.snapping import Snapper
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import AgencyId, AreaId, CaseId, Place, UnitId
from tocsin.kernel.units.state import Unit
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.runtime.recommending.bands import BANDS
from tocsin.runtime.recommending.calls import Wanted
from tocsin.runtime.recommending.demand import Past, demand_of, owed_for, tier_for
from tocsin.runtime.recommending.fleet import Duty
from tocsin.runtime.recommending.keeping import packed
from tocsin.runtime.recommending.net import RoadNet
from tocsin.runtime.recommending.snapshot import Look, frozen
from tocsin.runtime.recommending.travel import Travel

MAP: Final = Path("build/maps/helsinki.osm.pbf")
UNITS: Final = 500
SIZES: Final = (12, 100, 500)
ASKED: Final = 120
ROUNDS: Final = 30
AT: Final = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
CARD: Final = (Need("engine", 2), Need("ladder"), Need("ambulance"), Need("patrol"))
T = TypeVar("T")


def bench() -> list[Figure]:
    if not MAP.is_file():
        print("no map: run `make demo`", flush=True)
        return []
    load = f"load {os.getloadavg()[0]:.1f}"
    net = load_net(MAP, MAP.parent)
    assert net is not None, "the map has roads"
    return [*_pure(net, load), *_over_http(net, load)]


def _places(net: RoadNet, count: int) -> list[Place]:
    """Crossings of the graph, the same each time."""
    graph, draw = net.graph, Random(7)
    nodes = [draw.randrange(graph.node_count) for _ in range(count)]
    return [Place(float(graph.node_lon[each]), float(graph.node_lat[each])) for each in nodes]


# -- inside ----------------------------------------------------------------------------


def _pure(net: RoadNet, load: str) -> list[Figure]:
    figures: list[Figure] = []
    when = (1, 10)
    travel = Travel(net, net.now(when, ()), net.usual(when))
    snapper = Snapper(net.graph)
    for count in SIZES:
        look = _look(net, count)
        raw = _ms(lambda look=look: _bare(snapper, travel, look))
        for policy in POLICIES:
            demand = _demand(look, travel, MAP) if policy == "coverage" else None

            def whole(look: Look = look, policy: str = policy, demand: Any = demand) -> Problem:
                problem, _ = frozen(look, travel, BANDS, demand)
                POLICIES[policy](problem)
                return problem

            def anew(whole: Callable[[], Problem] = whole) -> Problem:
                net.forget()
                return whole()

            pure, standing = _ms(anew), _ms(whole)
            problem = whole()
            answer = POLICIES[policy](problem)
            kept = packed(table_bytes(problem, answer), problem_bytes(problem))
            packing = _ms(lambda p=problem, a=answer: packed(table_bytes(p, a), problem_bytes(p)))
            size = (len(kept.table) + len(kept.problem)) / 1024
            name = f"{policy}, {count} units"
            figures += [
                Figure(f"{name}: snapshot and answer, CPU, p50", median(pure), "ms", note=load),
                Figure(f"{name}: the same, nobody moved, CPU, p50", median(standing), "ms"),
                Figure(
                    f"{name}: over the bare table", median(pure) / median(raw), "times", 1.5, "less"
                ),
                Figure(f"{name}: packed for the journal, CPU, p50", median(packing), "ms"),
                Figure(f"{name}: size in the journal", size, "kB", 390, "less"),
            ]
        figures.append(Figure(f"{count} x 1 by road with snapping, CPU, p50", median(raw), "ms"))
    return figures


def _bare(snapper: Snapper, travel: Travel, look: Look) -> None:
    """Nothing but the road times that the decision needs, from points to a table."""
    target = look.wanted[0].case.place
    assert target is not None and travel.now is not None
    places = [each.place for each in look.fleet if each.place is not None]
    starts = snapper.snap([each.lon for each in places], [each.lat for each in places])
    travel.now.table(starts, snapper.snap([target.lon], [target.lat]), "emergency")


def _look(net: RoadNet, count: int) -> Look:
    *posts, target = _places(net, count + 1)
    pack = load_pack(builtin("county"))
    fleet = tuple(
        Duty(
            Unit(UnitId(f"u{n:03}"), "available", name=f"U{n}", agency=AgencyId("a@b"),
                 areas=(AreaId("county"),), kind=KINDS[n % 4][0], post=place),
            "road", None, pack.unit_kinds[KINDS[n % 4][0]].capabilities, place, 5.0, "county",
        )
        for n, place in enumerate(posts)
    )  # fmt: skip
    case = Case(CaseId("c"), profile="emergency", place=target)
    call = CallNow(case.id, "building-fire", CARD, 1, is_life_threat=True, target_s=240.0)
    return Look(AT, fleet, (Wanted(case, CardNeeds(1, CARD, (), (), True), (0,) * 4, call, None),))


def _demand(look: Look, travel: Travel, map_file: Path) -> Any:
    atlas = Atlas(town_from_map(map_file, map_file.parent).areas)
    pack = load_pack(builtin("county"))
    owed = owed_for([need.capability for need in CARD], pack)
    areas = atlas.tier(tier_for(atlas, len(owed)))
    return demand_of(look.fleet, areas, owed, pack, Past(), 0, travel)[0]


def _ms(work: Callable[[], T]) -> list[float]:
    """Milliseconds of processor time: what other programs do beside it does not count."""
    found: list[float] = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        work()
        found.append(1000 * (time.thread_time() - began))
    return found


# -- over HTTP -------------------------------------------------------------------------


def _over_http(net: RoadNet, load: str) -> list[Figure]:
    with node(roads=str(MAP)) as running:
        client = signed_in(running)
        *posts, target = _places(net, UNITS + 1)
        add_units(client, posts, with_positions=False)
        case = _case(client, target)
        figures: list[Figure] = []
        for policy in POLICIES:
            path = f"/api/cases/{case}/advice?policy={policy}"
            answer = client.get(path).json()
            assert answer["candidate_count"] == UNITS, answer["notes"]
            took: list[float] = []
            for _ in range(ASKED):
                began = time.perf_counter()
                client.get(path)
                took.append(1000 * (time.perf_counter() - began))
            name = f"advice over HTTP, {policy}, {UNITS} units"
            figures += [
                Figure(f"{name}, p50", median(took), "ms", note=load),
                Figure(f"{name}, p99", percentile(took, 99), "ms"),
            ]
        return [*figures, _closing(client, target)]


def _case(client: httpx.Client, place: Place) -> str:
    body = {
        "source": "phone",
        "case_type": "building-fire",
        "text": "smoke",
        "place": {"lon": place.lon, "lat": place.lat, "datum": "wgs84"},
        "dispatch_now": True,
        "language": "en",
    }
    answer = client.post("/api/reports", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["case_id"]


def _closing(client: httpx.Client, place: Place) -> Figure:
    """From the wish to the answer; the next recommendation counts it."""
    took: list[float] = []
    for _ in range(10):
        point = {"lon": place.lon, "lat": place.lat, "datum": "wgs84"}
        began = time.perf_counter()
        made = client.post("/api/roads/changes", json={"reason": "works", "points": [point]})
        took.append(time.perf_counter() - began)
        assert made.status_code == 201, made.text
    return Figure("a closure counts within, worst of 10", max(took), "s", 1.0, "less")
