"""Road times: making the graph, tables of all sizes, re-weighting, and Dijkstra beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np

from bench.harness import Figure, percentile
from tocsin.app.road_net import OnThreads
from tocsin.dispatching.policies.closest import closest
from tocsin.dispatching.problem import CallNow, Need, Problem, UnitNow
from tocsin.geography.roads.cch import CchTimes
from tocsin.geography.roads.changes import HourFactor, HourFactors, RoadChanges, closed
from tocsin.geography.roads.dijkstra import DijkstraTimes
from tocsin.geography.roads.graph import RoadGraph
from tocsin.geography.roads.reading_osm import read_osm
from tocsin.geography.roads.reading_streets import read_streets
from tocsin.geography.roads.snapping import Snapper, Snaps, placed_on
from tocsin.geography.roads.speeds import METRICS, Metric
from tocsin.kernel.shared import CaseId, UnitId

SHARED = Path(os.environ.get("TOCSIN_SHARED_DATA", "../shared/data"))
STREETS = SHARED / "sf_streets/sf_street_edges_wgs84.csv.gz"
TABLES = ((1, 50), (500, 1), (500, 200), (500, 500))
T = TypeVar("T")
ROUNDS = 7
DECISIONS = 300
AT = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
UNITS = tuple(UnitNow(UnitId(f"U{n:03}"), "engine", ("engine",)) for n in range(500))
CALLS = (CallNow(CaseId("c"), "fire", (Need("engine", 2),), target_s=480.0),)
SEED = 4
EVERY = 50
"""One edge in so many is closed for the re-weighting."""


def bench() -> list[Figure]:
    maps = sorted([*(SHARED / "osm").glob("*.osm.pbf"), *Path("build/maps").glob("*.osm.pbf")])
    found: list[Figure] = []
    if STREETS.is_file():
        found += _network("San Francisco", lambda: read_streets(STREETS))
    if maps:
        # The largest is the one with most roads, not the one with most bytes.
        read = {path: read_osm(path) for path in maps}
        largest = max(maps, key=lambda path: read[path].edge_count)
        found += _network(largest.name.partition(".")[0], lambda: read_osm(largest))
    if not found:
        print("no roads: run `make demo`, or set TOCSIN_SHARED_DATA", flush=True)
    return found


def _network(name: str, read: Callable[[], RoadGraph]) -> list[Figure]:
    graph, read_s = _timed(read)
    size = f"{graph.node_count:,} nodes, {graph.edge_count:,} edges"
    times = CchTimes(graph, hours=HourFactors((HourFactor(1.3, hours=(8,)),)))
    figures = [Figure(f"{name}: roads are read", read_s, "s", note=size)]
    for metric in ("emergency", "foot"):
        layer = times.layers.of(metric)
        about = f"{layer.state_count:,} states, {len(layer.arc_tail):,} arcs"
        _, order_s = _timed(lambda metric=metric: times._hierarchies.of(metric))
        figures.append(Figure(f"{name}: order, {metric}", order_s, "s", note=f"once; {about}"))
        for each in METRICS if metric == "emergency" else ():
            _, weigh_s = _timed(lambda each=each: times.prepare(each))
            figures.append(Figure(f"{name}: first weights, {each}", weigh_s * 1e3, "ms"))
    places = _places(graph, 1_000)
    figures += _tables(name, times, places)
    figures += _decided(name, times, places)
    figures += _on_threads(name, graph, times, places)
    figures += _reweighed(name, times)
    figures += _around(name, graph, times, places)
    return figures


def _tables(name: str, times: CchTimes, places: Snaps) -> list[Figure]:
    found: list[Figure] = []
    slow = DijkstraTimes(times.graph)
    for rows, columns in TABLES:
        sources, targets = places.take(range(rows)), places.take(range(1_000 - columns, 1_000))
        for metric in ("emergency", "foot"):
            waits = _repeated(lambda m=metric, s=sources, t=targets: times.table(s, t, m))
            title = f"{name}: {rows} x {columns}, {metric}"
            found.append(Figure(title, percentile(waits, 50) * 1e3, "ms", note="median"))
        # The fallback is measured on the part of it that can be waited for.
        few = sources.take(range(min(rows, 10)))
        table, wait_s = _timed(lambda f=few, t=targets: slow.table(f, t, "emergency"))
        same = np.array_equal(table, times.table(few, targets, "emergency"))
        about = f"first {len(few)} rows; {'the same numbers' if same else 'DIFFERENT NUMBERS'}"
        found.append(
            Figure(f"{name}: {len(few)} x {columns} by Dijkstra", wait_s * 1e3, "ms", note=about)
        )
    return found


def _on_threads(name: str, graph: RoadGraph, times: CchTimes, places: Snaps) -> list[Figure]:
    units, targets = places.take(range(500)), places.take(range(800, 1_000))
    shared = CchTimes(graph, spread=OnThreads())
    shared.prepare("emergency")
    waits = _repeated(lambda: shared.table(units, targets, "emergency"))
    one = times.table(units, targets, "emergency")
    same = np.array_equal(one, shared.table(units, targets, "emergency"))
    about = f"{OnThreads.parts} threads; {'the same numbers' if same else 'DIFFERENT NUMBERS'}"
    title = f"{name}: 500 x 200, emergency, on threads"
    return [Figure(title, percentile(waits, 50) * 1e3, "ms", 200, "less", note=about)]


def _decided(name: str, times: CchTimes, places: Snaps) -> list[Figure]:
    """Both in turn on the same places: 500 x 1 by itself, and table, snapshot and answer. The
    ratio is one of processor time, which a busy machine does not change."""
    units, targets = places.take(range(500)), places.take([999])

    def alone() -> np.ndarray:
        return times.table(units, targets, "emergency")

    def whole() -> None:
        _advise(alone())

    spent: dict[str, list[float]] = {"alone": [], "recommended": []}
    waits: list[float] = []
    for _ in range(DECISIONS):
        for name_of, work in (("alone", alone), ("recommended", whole)):
            began, began_cpu = time.perf_counter(), time.thread_time()
            work()
            spent[name_of].append(1e3 * (time.thread_time() - began_cpu))
        waits.append(1e3 * (time.perf_counter() - began))
    figures = [
        Figure(f"{name}: 500 x 1 {each}, CPU, p{rank}", percentile(spent[each], rank), "ms")
        for each in spent
        for rank in (50, 99)
    ]
    ratio = percentile(spent["recommended"], 50) / percentile(spent["alone"], 50)
    return [
        *figures,
        Figure(f"{name}: 500 x 1 recommended, p99", percentile(waits, 99), "ms", 20, "less"),
        Figure(f"{name}: recommended over alone, CPU", ratio, "times", 1.5, "less"),
    ]


def _advise(table: np.ndarray) -> object:
    """What a node does once it has the times: snapshot, policy, 25 ranks with their reasons."""
    return closest(Problem(AT, UNITS, CALLS, table), ranked_max=25)


def _reweighed(name: str, times: CchTimes) -> list[Figure]:
    changes = RoadChanges((closed(tuple(range(0, times.graph.edge_count, EVERY))),))

    def change() -> None:
        times.with_changes(changes).prepare("emergency")

    def hour() -> None:
        times.at_hour(0, 8).prepare("emergency")

    return [
        Figure(f"{name}: closures take effect", percentile(_repeated(change), 50) * 1e3, "ms"),
        Figure(f"{name}: another hour", percentile(_repeated(hour), 50) * 1e3, "ms"),
    ]


def _around(name: str, graph: RoadGraph, times: CchTimes, places: Snaps) -> list[Figure]:
    snapper, snapper_s = _timed(lambda: Snapper(graph))
    waits = _repeated(lambda: snapper.snap(places.lon, places.lat))
    reach = _repeated(lambda: times.reach(places, (60.0, 180.0, 300.0), "emergency"))
    return [
        Figure(f"{name}: roads are indexed", snapper_s * 1e3, "ms"),
        Figure(f"{name}: points are placed", len(places) / percentile(waits, 50), "points/s"),
        Figure(f"{name}: reach of 1, 3 and 5 minutes", percentile(reach, 50) * 1e3, "ms"),
    ]


def _places(graph: RoadGraph, count: int, metric: Metric = "normal") -> Snaps:
    chance = np.random.default_rng(SEED)
    roads = np.unique(graph.edge_road[graph.is_open(metric)])
    return placed_on(graph, chance.choice(roads, count).tolist(), chance.random(count).tolist())


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def _repeated(work: Callable[[], object]) -> list[float]:
    return [_timed(work)[1] for _ in range(ROUNDS)]
