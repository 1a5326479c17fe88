"""Three ways to one number: the hierarchy, scipy's Dijkstra, and walking the roads themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shapely import box

from tests.geography.roads.grounds import drawn_graphs, places, plain_time_s
from tests.geography.roads.towns_with_roads import STREETS, shared, write_roads
from tocsin.geography.roads import cch, layers, times
from tocsin.geography.roads.cch import CchTimes, read_order
from tocsin.geography.roads.changes import (
    HourFactor,
    HourFactors,
    RoadChange,
    RoadChanges,
    Weighing,
    closed,
)
from tocsin.geography.roads.cutting_off import CutOff, cut_off
from tocsin.geography.roads.dijkstra import DijkstraTimes
from tocsin.geography.roads.graph import RoadGraph
from tocsin.geography.roads.layers import along_one_road, departures
from tocsin.geography.roads.reading_osm import read_osm
from tocsin.geography.roads.reading_streets import read_streets
from tocsin.geography.roads.snapping import Snaps, placed_on
from tocsin.geography.roads.speeds import METRICS, Metric

ROUNDING_S = 0.02
"""Each edge, turn and end is rounded to a millisecond; no way of these graphs has forty."""
NO_CHECKS = list(HealthCheck)


def assert_same(one: np.ndarray, other: np.ndarray, within_s: float) -> None:
    assert np.array_equal(np.isfinite(one), np.isfinite(other)), (one, other)
    held = np.isfinite(one)
    assert np.abs(one[held] - other[held]).max(initial=0.0) <= within_s, (one, other)


def walked(
    graph: RoadGraph, sources: Snaps, targets: Snaps, metric: Metric, changes: RoadChanges
) -> np.ndarray:
    """The table of the oracle."""
    factor = changes.factors(graph, metric)
    rows, columns = (
        [(int(road), float(share)) for road, share in zip(each.road, each.offset, strict=True)]
        for each in (sources, targets)
    )
    return np.array([[plain_time_s(graph, metric, s, t, factor) for t in columns] for s in rows])


def compare(data: st.DataObject) -> None:
    """Draws a graph, places and changes, and fails where the three do not agree."""
    graph = data.draw(drawn_graphs())
    sources, targets = data.draw(places(graph)), data.draw(places(graph))
    metric = data.draw(st.sampled_from(METRICS))
    edges = st.integers(0, graph.edge_count - 1)
    one_change = st.tuples(edges, st.sampled_from([0.5, 3.0, inf]))
    drawn = data.draw(st.lists(one_change, max_size=3))
    changes = RoadChanges(tuple(RoadChange(factor, (edge,)) for edge, factor in drawn))
    by_cch = CchTimes(graph).with_changes(changes).table(sources, targets, metric)
    by_dijkstra = DijkstraTimes(graph).with_changes(changes).table(sources, targets, metric)
    assert_same(by_cch, by_dijkstra, 0.0)
    assert_same(by_cch, walked(graph, sources, targets, metric, changes), ROUNDING_S)


class OnThreads:
    """Every table in three parts, each on a thread of its own."""

    parts = 3

    def map(self, work: Callable[[Any], Any], parts: Sequence[Any]) -> list[Any]:
        with ThreadPoolExecutor(self.parts) as pool:
            return list(pool.map(work, parts))


@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=NO_CHECKS)
def test_threads_change_no_number(data: st.DataObject) -> None:
    graph = data.draw(drawn_graphs())
    sources, targets = data.draw(places(graph)), data.draw(places(graph))
    alone, shared_out = CchTimes(graph), CchTimes(graph, spread=OnThreads())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cch, "SPREAD_FROM", 0)
        for metric in METRICS:
            one = alone.table(sources, targets, metric)
            assert np.array_equal(one, shared_out.table(sources, targets, metric))


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=NO_CHECKS)
def test_all_three_agree(data: st.DataObject) -> None:
    compare(data)


def no_bans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "banned", lambda _graph, before, _after: before < 0)


def no_bans_over_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    real = layers._copies

    def without(graph: RoadGraph, *rest: Any) -> Any:
        return real(replace(graph, path_bans=np.zeros((0, 3), np.int32)), *rest)

    monkeypatch.setattr(layers, "_copies", without)


def swapped_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    def swapped(layer: Any, metric: Any, edge_ms: Any, spots: Snaps) -> Any:
        return departures(layer, metric, edge_ms, replace(spots, offset=1.0 - spots.offset))

    monkeypatch.setattr(times, "departures", swapped)


def backwards_on_one_road(monkeypatch: pytest.MonkeyPatch) -> None:
    def both_ways(edge_ms: Any, sources: Snaps, targets: Snaps, out_ms: Any) -> None:
        along_one_road(edge_ms, sources, targets, out_ms)
        turned = out_ms.T.copy()
        along_one_road(edge_ms, targets, sources, turned)
        out_ms[:] = np.minimum(out_ms, turned.T)

    monkeypatch.setattr(times, "along_one_road", both_ways)


def forgotten_closures(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Weighing.edge_ms
    monkeypatch.setattr(
        Weighing, "edge_ms", lambda self, metric: real(replace(self, changes=RoadChanges()), metric)
    )


def wrong_places_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    real = cch._pinned

    def reversed_states(ends: Any) -> Any:
        states, at = real(ends)
        return states[::-1], at

    monkeypatch.setattr(cch, "_pinned", reversed_states)


def origins_on_one_road(monkeypatch: pytest.MonkeyPatch) -> None:
    none = np.zeros(0, dtype=np.int64)
    monkeypatch.setattr(cch, "on_one_road", lambda _sources, _targets: (none, none))


def origins_on_foot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cch, "DRIVEN", METRICS)


def free_u_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "turn_times", lambda _g, _m, before, _a: np.zeros(len(before), int))


@pytest.mark.parametrize(
    "plant",
    [
        no_bans,
        no_bans_over_a_way,
        swapped_offset,
        backwards_on_one_road,
        forgotten_closures,
        wrong_places_pinned,
        origins_on_one_road,
        origins_on_foot,
        free_u_turns,
    ],
)
def test_a_planted_bug_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)

    @settings(
        # A search ends at its first find. The rarest bug took 1 in 640 examples, and what is drawn
        # depends on which modules were imported before.
        max_examples=20_000,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=NO_CHECKS,
    )
    @given(st.data())
    def search(data: st.DataObject) -> None:
        compare(data)

    with pytest.raises(AssertionError):
        search()


def real_graph(name: str) -> RoadGraph:
    return (
        read_streets(shared(STREETS)) if name == "sf" else read_osm(shared(f"osm/{name}.osm.pbf"))
    )


def random_places(graph: RoadGraph, count: int, seed: int) -> Snaps:
    chance = np.random.default_rng(seed)
    roads = chance.integers(0, graph.road_count, count)
    return placed_on(graph, roads.tolist(), chance.random(count).tolist())


@pytest.mark.parametrize("name", ["monaco", "helsinki_centre", "sf"])
@pytest.mark.parametrize("metric", METRICS)
def test_the_hierarchy_equals_dijkstra_on_real_roads(name: str, metric: Metric) -> None:
    graph = real_graph(name)
    sources, targets = random_places(graph, 12, 1), random_places(graph, 60, 2)
    edges = tuple(range(0, graph.edge_count, 97))
    changes = RoadChanges((closed(edges), RoadChange(2.5, tuple(each + 1 for each in edges[:-1]))))
    one, other = CchTimes(graph), DijkstraTimes(graph)
    assert_same(one.table(sources, targets, metric), other.table(sources, targets, metric), 0.0)
    changed = one.with_changes(changes).table(sources, targets, metric)
    assert_same(changed, other.with_changes(changes).table(sources, targets, metric), 0.0)
    assert not np.array_equal(changed, one.table(sources, targets, metric))
    # The same numbers whichever side is the longer, and for each pair alone.
    turned = one.table(targets, sources, metric)
    assert_same(turned, other.table(targets, sources, metric), 0.0)
    for row, column in ((0, 0), (3, 40), (11, 59)):
        alone = one.table(targets.take([column]), sources.take([row]), metric)
        assert alone[0, 0] == turned[column, row]


def test_emergency_is_never_slower_than_normal() -> None:
    graph = real_graph("monaco")
    spots = random_places(graph, 40, 3)
    fast, slow = (CchTimes(graph).table(spots, spots, m) for m in ("emergency", "normal"))
    both = np.isfinite(slow)
    assert (fast[both] <= slow[both]).all()
    assert (np.diag(fast)[~np.isnan(np.diag(fast))] >= 0).all()


ROW = {1: ([0, 1, 2, 3, 4], {}), 2: ([1, 11, 21], {}), 3: ([3, 13, 23], {}), 4: ([11, 13], {})}


def test_a_closure_cuts_off_what_lies_behind_it_and_says_why(tmp_path: Path) -> None:
    graph = read_osm(
        write_roads(tmp_path / "a.osm.pbf", {**ROW, 5: ([3, 33], {"highway": "path"})})
    )
    base = CchTimes(graph)
    easternmost = int(np.argmax(graph.node_lon))
    westernmost = int(np.argmin(graph.node_lon))
    road = int(graph.edge_road[graph.edge_head == easternmost][0])
    path_road = int(np.flatnonzero(graph.road_ref == 5)[0])
    first_road = int(graph.edge_road[graph.edge_tail == westernmost][0])
    targets = placed_on(graph, [road, first_road, -1, path_road], [0.5, 0.2, 0.0, 0.5])
    sources = placed_on(graph, [first_road], [0.9])
    changes = RoadChanges((closed(area=box(24.9 + 0.0065, 60.0, 24.9 + 0.0079, 60.1005)),))
    now = base.with_changes(changes)
    table = now.table(sources, targets, "normal")
    assert np.isinf(table[0]).tolist() == [True, False, True, True]
    assert cut_off(now, base, sources, targets, "normal") == (
        CutOff(0, "changes"),
        CutOff(2, "off_roads"),
        CutOff(3, "not_open"),
    )
    assert cut_off(base, base, sources, targets.take([0, 1]), "normal") == ()
    nobody = sources.take([])
    assert cut_off(now, base, nobody, targets.take([1]), "normal") == (CutOff(0, "no_way"),)
    # Lifted again, everything is as it was.
    lifted = now.with_changes(RoadChanges()).table(sources, targets, "normal")
    assert np.array_equal(lifted, base.table(sources, targets, "normal"))


def test_a_closure_may_be_for_some_only(tmp_path: Path) -> None:
    graph = read_osm(write_roads(tmp_path / "a.osm.pbf", ROW))
    spots = random_places(graph, 5, 4)
    everything = tuple(range(graph.edge_count))
    now = CchTimes(graph).with_changes(RoadChanges((closed(everything, metrics=("normal",)),)))
    assert np.isinf(now.table(spots, spots, "normal")).all()
    assert np.isfinite(now.table(spots, spots, "emergency")).all()


def test_the_slowest_of_several_changes_holds_and_bad_ones_are_refused(tmp_path: Path) -> None:
    graph = read_osm(write_roads(tmp_path / "a.osm.pbf", ROW))
    changes = RoadChanges((RoadChange(3.0, (0, 1)), RoadChange(2.0, (1, 2)), RoadChange(0.5, (3,))))
    assert changes.factors(graph, "normal")[:5].tolist() == [3.0, 3.0, 2.0, 0.5, 1.0]
    with pytest.raises(ValueError, match="above 0"):
        RoadChange(0.0)
    with pytest.raises(ValueError, match="has not"):
        RoadChanges((closed((graph.edge_count,)),)).factors(graph, "foot")


def test_the_hour_of_the_week_is_data(tmp_path: Path) -> None:
    graph = read_osm(write_roads(tmp_path / "a.osm.pbf", ROW))
    spots = random_places(graph, 6, 5)
    hours = HourFactors(
        (
            HourFactor(2.0, weekdays=(0, 1, 2, 3, 4), hours=(7, 8), classes=("residential",)),
            HourFactor(0.5, hours=(3,)),
        )
    )
    for kind in (CchTimes, DijkstraTimes):
        base = kind(graph, hours=hours)
        usual = base.table(spots, spots, "normal")
        assert np.array_equal(base.at_hour(6, 8).table(spots, spots, "normal"), usual)
        rush = base.at_hour(0, 8)
        assert (rush.table(spots, spots, "normal") >= usual).all()
        assert rush.edge_ms("normal").sum() == pytest.approx(
            2 * base.edge_ms("normal").sum(), rel=1e-3
        )
        assert (base.at_hour(0, 3).table(spots, spots, "normal") <= usual).all()
        assert np.array_equal(rush.table(spots, spots, "foot"), base.table(spots, spots, "foot"))
        with pytest.raises(ValueError, match="weekday"):
            base.at_hour(7, 0).table(spots, spots, "normal")


def test_nobody_and_nowhere_make_an_empty_table(tmp_path: Path) -> None:
    graph = read_osm(write_roads(tmp_path / "a.osm.pbf", ROW))
    spots = random_places(graph, 3, 6)
    for kind in (CchTimes, DijkstraTimes):
        assert kind(graph).table(spots.take([]), spots, "foot").shape == (0, 3)
        assert kind(graph).table(spots, spots.take([]), "foot").shape == (3, 0)


def test_a_kept_order_is_used_and_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    graph = read_osm(write_roads(tmp_path / "a.osm.pbf", ROW))
    spots, folder = random_places(graph, 4, 7), tmp_path / "orders"
    wanted = CchTimes(graph).table(spots, spots, "emergency")
    assert np.array_equal(CchTimes(graph, folder=folder).table(spots, spots, "emergency"), wanted)
    (kept,) = folder.iterdir()
    good = kept.read_bytes()
    states = CchTimes(graph).layers.of("emergency").state_count
    assert read_order(kept, states) is not None and read_order(kept, states + 1) is None
    for damaged in (b"", good[:-4], good[:-1] + b"\xff", b"x" * 300):
        kept.write_bytes(damaged)
        assert read_order(kept, states) is None
        again = CchTimes(graph, folder=folder).table(spots, spots, "emergency")
        assert np.array_equal(again, wanted)
        assert kept.read_bytes() == good


def test_a_road_that_only_meets_itself(tmp_path: Path) -> None:
    """No hierarchy is made of it, and the way around it is still found."""
    loop = {1: ([0, 1, 11, 10, 0], {"oneway": "yes"})}
    graph = read_osm(write_roads(tmp_path / "loop.osm.pbf", loop))
    ahead, behind = placed_on(graph, [0, 0, -1], [0.8, 0.5, 0.0]), placed_on(graph, [0], [0.2])
    for one, other in ((ahead, behind), (behind, ahead)):
        by_cch = CchTimes(graph).table(one, other, "emergency")
        assert_same(by_cch, DijkstraTimes(graph).table(one, other, "emergency"), 0.0)
    assert np.isfinite(CchTimes(graph).table(ahead, behind, "emergency")[:2]).all()
