"""What the tags of a road say, and what becomes of a file that says it."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.geography.roads.towns_with_roads import STREETS, shared, write_roads
from tocsin.app.cli import main
from tocsin.geography.roads.cch import CchTimes
from tocsin.geography.roads.errors import RoadsError
from tocsin.geography.roads.graph import RoadGraph
from tocsin.geography.roads.keeping import kept_roads, read_graph, read_roads
from tocsin.geography.roads.reading_osm import read_osm
from tocsin.geography.roads.reading_streets import read_streets
from tocsin.geography.roads.snapping import Snaps, placed_on
from tocsin.geography.roads.speeds import METRICS, limit_km_h
from tocsin.geography.roads.tags import barrier_of, direction_of, use_of

SQUARE = {1: ([0, 1, 2, 12, 22, 21, 20, 10, 0], {}), 2: ([1, 11, 21], {}), 3: ([10, 11, 12], {})}


@pytest.mark.parametrize(
    ("posted", "km_h"),
    [
        ("50", 50), ("30 mph", 48.28), ("30mph", 48.28), ("10 knots", 18.52), ("walk", 7),
        ("none", 120), ("DE:zone:30", 30), ("DE:zone30", 30), ("FI:urban", 50), ("FI:rural", 80),
        ("XX:rural", 90), ("50;30", 30), ("signals", None), ("", None), (None, None), ("0", None),
        ("500", None), ("RO:trunk", 100), ("variable;80", 80),
    ],
)  # fmt: skip
def test_a_posted_limit_is_read(posted: str | None, km_h: float | None) -> None:
    found = limit_km_h(posted)
    assert (found is None) == (km_h is None)
    assert km_h is None or found == pytest.approx(km_h, abs=0.01)


@given(st.text(max_size=12))
def test_no_posted_limit_breaks_the_reader(posted: str) -> None:
    found = limit_km_h(posted)
    assert found is None or 3 <= found <= 150


@pytest.mark.parametrize(
    ("tags", "is_open"),
    [
        ({}, (True, True, True)),
        ({"highway": "motorway"}, (True, True, False)),
        ({"highway": "footway"}, (False, False, True)),
        ({"highway": "pedestrian"}, (True, False, True)),
        ({"highway": "track"}, (True, False, True)),
        ({"motor_vehicle": "no"}, (True, False, True)),
        ({"access": "private"}, (True, False, False)),
        ({"access": "private", "foot": "yes"}, (True, False, True)),
        ({"access": "no"}, (False, False, False)),
        ({"access": "no", "emergency": "yes"}, (True, False, False)),
        ({"access": "no", "motor_vehicle": "yes"}, (True, True, False)),
        ({"access": "destination"}, (True, True, True)),
        ({"highway": "service", "service": "emergency_access"}, (True, False, True)),
        ({"oneway": "reversible"}, (True, False, True)),
        ({"foot": "no"}, (True, True, False)),
        ({"highway": "path", "motor_vehicle": "yes"}, (True, True, True)),
        ({"highway": "pedestrian", "area": "yes"}, (False, False, True)),
        ({"highway": "construction"}, (False, False, False)),
        ({"highway": "busway"}, (True, False, True)),
        ({"highway": "steps"}, (False, False, True)),
    ],
)
def test_who_may_use_a_way(tags: dict[str, str], is_open: tuple[bool, bool, bool]) -> None:
    use = use_of({"highway": "residential", **tags})
    found = (False, False, False) if use is None else tuple(speed > 0 for speed in use.forward)
    assert found == is_open


@pytest.mark.parametrize(
    ("tags", "direction"),
    [
        ({}, 0), ({"oneway": "yes"}, 1), ({"oneway": "-1"}, -1), ({"junction": "roundabout"}, 1),
        ({"junction": "roundabout", "oneway": "no"}, 0), ({"highway": "motorway"}, 1),
        ({"highway": "motorway_link"}, 0), ({"oneway": "no", "oneway:vehicle": "yes"}, 1),
    ],
)  # fmt: skip
def test_which_way_a_way_runs(tags: dict[str, str], direction: int) -> None:
    assert direction_of(tags) == direction


def test_a_limit_of_one_direction_is_for_that_one() -> None:
    use = use_of({"highway": "primary", "maxspeed": "50", "maxspeed:backward": "30"})
    assert use is not None
    assert use.forward == pytest.approx((50, 40, 5))
    assert use.backward == pytest.approx((30, 24, 5))


@pytest.mark.parametrize(
    ("tags", "stops"),
    [
        ({"barrier": "bollard"}, (True, True, False)),
        ({"barrier": "bollard", "emergency": "yes"}, (False, True, False)),
        ({"barrier": "gate"}, None),
        ({"barrier": "gate", "access": "private"}, (False, True, False)),
        ({"barrier": "lift_gate", "motor_vehicle": "no", "emergency": "no"}, (True, True, False)),
        ({"highway": "crossing"}, None),
    ],
)
def test_whom_a_barrier_stops(tags: dict[str, str], stops: object) -> None:
    assert barrier_of(tags) == stops


def seconds(
    graph: RoadGraph, source: tuple[int, int], target: tuple[int, int], metric: str = "normal"
) -> float:
    """From the middle of one street, named by its crossings, to the middle of another."""
    table = CchTimes(graph).table(at(graph, *source), at(graph, *target), metric)  # type: ignore[arg-type]
    return float(table[0, 0])


def at(graph: RoadGraph, one: int, other: int) -> Snaps:
    """The middle of the street between two crossings, numbered as in `write_roads`."""
    x = np.rint((graph.node_lon - 24.9) / 0.002)
    y = np.rint((graph.node_lat - 60.1) / 0.002)
    number = (10 * y + x).astype(int)
    for edge in range(graph.edge_count):
        if {number[graph.edge_tail[edge]], number[graph.edge_head[edge]]} == {one, other}:
            return placed_on(graph, [int(graph.edge_road[edge])], [0.5])
    raise AssertionError(f"no street from {one} to {other}")


def test_ways_are_parted_at_crossings_only(tmp_path: Path) -> None:
    graph = read_osm(write_roads(tmp_path / "a.osm.pbf", SQUARE))
    # Crossings: 1, 10, 12, 21, 11, and 0 where the ring begins; 2, 20 and 22 are only corners.
    assert graph.node_count == 6
    assert graph.road_count == 9
    assert graph.report.dropped_m == 0
    assert set(graph.names) == {""}


def test_the_same_file_gives_the_same_graph(tmp_path: Path) -> None:
    one, other = (write_roads(tmp_path / f"{name}.osm.pbf", SQUARE) for name in "ab")
    assert read_osm(one).digest() == read_osm(other).digest()
    changed = {**SQUARE, 2: ([1, 11, 21], {"maxspeed": "20"})}
    assert read_osm(write_roads(other, changed)).digest() != read_osm(one).digest()


FROM, TO = (1, 11), (11, 12)
"""Northward to the crossing in the middle, then right."""


@pytest.mark.parametrize(
    ("kind", "to_way", "is_slower"),
    [
        ("no_right_turn", 32, True),
        ("no_left_turn", 31, False),
        ("only_straight_on", 22, True),
        ("only_right_turn", 32, False),
    ],
)
def test_a_restriction_binds_drivers_and_nobody_on_foot(
    tmp_path: Path, kind: str, to_way: int, is_slower: bool
) -> None:
    ways = {
        1: SQUARE[1], 21: ([1, 11], {}), 22: ([11, 21], {}), 31: ([10, 11], {}), 32: ([11, 12], {}),
    }  # fmt: skip
    free = read_osm(write_roads(tmp_path / "free.osm.pbf", ways))
    members = [("w", 21, "from"), ("n", 11, "via"), ("w", to_way, "to")]
    bound = read_osm(
        write_roads(tmp_path / "bound.osm.pbf", ways, {9: (members, {"restriction": kind})})
    )
    assert bound.report.restrictions_read == 1 and bound.report.bans >= 1
    assert (seconds(bound, FROM, TO) > seconds(free, FROM, TO) + 1) == is_slower
    assert seconds(bound, FROM, TO, "foot") == seconds(free, FROM, TO, "foot")


def test_a_restriction_over_a_way_holds_for_that_run_only(tmp_path: Path) -> None:
    ways = {
        1: SQUARE[1], 21: ([1, 11], {}), 22: ([11, 21], {}), 31: ([10, 11], {}), 32: ([11, 12], {}),
    }  # fmt: skip
    members = [("w", 31, "from"), ("w", 22, "via"), ("w", 1, "to")]
    path = tmp_path / "via.osm.pbf"
    graph = read_osm(write_roads(path, ways, {9: (members, {"restriction": "no_left_turn"})}))
    # Way 1 leaves node 21 both ways, so that this relation is ambiguous: left out, and counted.
    assert graph.report.restrictions_ignored == 1 and graph.report.bans == 0
    ways[1] = ([0, 1, 2, 12, 22, 21], {})
    ways[2] = ([21, 20, 10, 0], {})
    members[2] = ("w", 2, "to")
    free = read_osm(write_roads(path, ways))
    graph = read_osm(write_roads(path, ways, {9: (members, {"restriction": "no_left_turn"})}))
    assert graph.report.bans == 1 and len(graph.path_bans) == 1
    assert seconds(graph, (10, 11), (21, 10)) >= seconds(free, (10, 11), (21, 10))
    for begin in ((1, 11), (11, 12)):
        assert seconds(graph, begin, (21, 10)) == seconds(free, begin, (21, 10))


def test_restrictions_that_do_not_bind_everybody_are_left_out_and_counted(tmp_path: Path) -> None:
    members = [("w", 2, "from"), ("n", 11, "via"), ("w", 3, "to")]
    tags = [
        {"restriction": "no_right_turn", "except": "bus;motorcar"},
        {"restriction": "no_right_turn", "hour_on": "07:00"},
        {"restriction:conditional": "no_right_turn @ (Mo-Fr)"},
        {"restriction": "no_right_turn"},  # ways 2 and 3 run through: which half is meant?
    ]
    relations = {number: (members, each) for number, each in enumerate(tags, 1)}
    graph = read_osm(write_roads(tmp_path / "a.osm.pbf", SQUARE, relations))
    assert graph.report.bans == 0
    assert graph.report.restrictions_ignored == 4


def test_a_bollard_lets_people_through(tmp_path: Path) -> None:
    path = tmp_path / "a.osm.pbf"
    free = read_osm(write_roads(path, SQUARE))
    graph = read_osm(write_roads(path, SQUARE, nodes={11: {"barrier": "bollard"}}))
    for metric in METRICS:
        slower = seconds(graph, (1, 11), (11, 12), metric) > seconds(
            free, (1, 11), (11, 12), metric
        )
        assert slower == (metric != "foot")


def test_what_is_not_connected_is_dropped_and_told(tmp_path: Path) -> None:
    ways = {**SQUARE, 7: ([55, 56], {}), 8: ([12, 13], {"oneway": "yes"})}
    graph = read_osm(write_roads(tmp_path / "a.osm.pbf", ways))
    assert graph.report.dropped_m == pytest.approx(111, abs=2)
    assert graph.road_count == 10
    emergency_m, normal_m, foot_m = graph.report.islands_m
    assert emergency_m == normal_m == pytest.approx(222, abs=3)  # the island, and no way back
    assert foot_m == pytest.approx(111, abs=2)


@pytest.mark.parametrize("content", [b"", b"not a map", None])
def test_a_bad_file_is_refused_in_words(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.osm.pbf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RoadsError) as refused:
        read_osm(path)
    wanted = "missing" if content is None else "unreadable" if content else "no_roads"
    assert refused.value.reason in (wanted, "unreadable")
    assert "a.osm.pbf" in refused.value.message("zh-CN") and "a.osm.pbf" in str(refused.value)
    table = tmp_path / "a.csv.gz"
    if content is not None:
        table.write_bytes(content)
    with pytest.raises(RoadsError) as refused:
        read_streets(table)
    assert refused.value.reason in (wanted, "unreadable")


def test_a_file_without_roads_is_refused(tmp_path: Path) -> None:
    ways = {1: ([0, 1], {"highway": "construction"})}
    with pytest.raises(RoadsError, match="holds no roads"):
        read_osm(write_roads(tmp_path / "a.osm.pbf", ways))


HEAD = (
    "CNN,STREETNAME,F_NODE_CNN,T_NODE_CNN,CLASSCODE,LAYER,length_m,lon_f,lat_f,lon_t,lat_t,"
    "geometry_lonlat\n"
)
ROW = "7,OAK ST,1,2,5,STREETS,{m},-122.4,37.7,-122.401,37.7,-122.4 37.7;-122.401 37.7\n"


def test_broken_rows_of_a_table_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    broken = ["nan", "", "-3", "x"]
    text = HEAD + ROW.format(m="88.1") + "".join(ROW.format(m=m) for m in broken) + ",,\n"
    path.write_bytes(gzip.compress(text.encode()))
    graph = read_streets(path)
    assert (graph.road_count, graph.edge_count, graph.report.rows_broken) == (1, 2, 5)
    assert graph.edges_named(7) == (0, 1) and graph.name_of(0) == "OAK ST"
    assert graph.length_m[0] == pytest.approx(88.1)


def test_san_francisco_is_read_whole() -> None:
    graph = read_streets(shared(STREETS))
    assert graph.report.rows_broken == 1  # the last row of the table says nothing
    assert graph.report.roads > 15_500
    assert graph.report.length_m == pytest.approx(1_957_000, rel=0.002)
    assert graph.report.dropped_m < 3_000


@pytest.mark.parametrize("name", ["monaco", "liechtenstein", "helsinki_centre"])
def test_extracts_are_read(name: str) -> None:
    graph = read_osm(shared(f"osm/{name}.osm.pbf"))
    assert graph.digest() == read_osm(shared(f"osm/{name}.osm.pbf")).digest()
    assert graph.report.restrictions_ignored <= 4
    assert graph.report.dropped_m < 0.07 * graph.report.length_m
    emergency, normal = (graph.speed_km_h[row] for row in (0, 1))
    assert (emergency > 0).sum() >= (normal > 0).sum() > 1_500
    both = (emergency > 0) & (normal > 0)
    assert (emergency[both] >= normal[both]).all()


def test_a_kept_graph_is_the_same_and_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    path = write_roads(tmp_path / "a.osm.pbf", SQUARE, nodes={11: {"barrier": "bollard"}})
    fresh, folder = read_roads(path), tmp_path / "kept"
    first = kept_roads(path, folder)
    (kept,) = folder.iterdir()
    good = kept.read_bytes()
    again = read_graph(kept)
    assert again is not None
    assert again.digest() == first.digest() == fresh.digest()
    assert (again.names, again.report) == (fresh.names, fresh.report)
    for damaged in (b"", good[:-9], b"PK" + bytes(300), good.replace(b"speed", b"spade")):
        kept.write_bytes(damaged)
        assert read_graph(kept) is None
        assert kept_roads(path, folder).digest() == fresh.digest()
        assert kept.read_bytes() == good
    # Another content, or the other side of the road, is another graph.
    assert kept_roads(path, folder, drives_on_left=True).digest() != fresh.digest()
    write_roads(path, {**SQUARE, 2: ([1, 11, 21], {"maxspeed": "20"})})
    assert kept_roads(path, folder).digest() != fresh.digest()
    assert len([*folder.iterdir()]) == 3


def test_roads_are_built_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_roads(tmp_path / "a.osm.pbf", {**SQUARE, 7: ([55, 56], {})})
    folder = tmp_path / "kept"
    assert main(["roads", "build", str(path), "--folder", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "9 roads of 2.0 km, 6 crossings" in said and "0.1 km not connected" in said
    before = {each.name: each.stat().st_mtime_ns for each in folder.iterdir()}
    assert len(before) == 3  # the graph, and an order for driving and for walking
    assert main(["roads", "build", str(path), "--folder", str(folder)]) == 0
    assert {each.name: each.stat().st_mtime_ns for each in folder.iterdir()} == before
    assert main(["roads", "build", str(tmp_path / "none.osm.pbf"), "--folder", str(folder)]) == 2
    assert "none.osm.pbf" in capsys.readouterr().err
