"""From points to places on the road, and what is said of points that are on none."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.geography.roads.towns_with_roads import SOUTH, STEP, STREETS, WEST, shared, write_roads
from tocsin.geography.distance import short_distance_m
from tocsin.geography.roads.graph import RoadGraph
from tocsin.geography.roads.reading_osm import read_osm
from tocsin.geography.roads.reading_streets import read_streets
from tocsin.geography.roads.snapping import OFF_ROAD_M, Snapper, placed_on


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> RoadGraph:
    ways = {
        1: ([0, 1, 2, 12, 22, 21, 20, 10, 0], {}),
        2: ([1, 11, 21], {}),
        3: ([10, 11, 12], {"oneway": "yes"}),
        4: ([2, 3], {"highway": "footway"}),
    }
    return read_osm(write_roads(tmp_path_factory.mktemp("roads") / "a.osm.pbf", ways))


def test_a_point_beside_a_road_is_placed_on_it(town: RoadGraph) -> None:
    lat = SOUTH + STEP + 0.0001
    found = Snapper(town).snap([WEST + STEP * 0.25], [lat])
    assert found.distance_m[0] == pytest.approx(11.1, abs=0.1)
    assert found.offset[0] == pytest.approx(0.25, abs=1e-6)
    assert found.lon[0] == pytest.approx(WEST + STEP * 0.25) and found.lat[0] < lat
    assert town.road_ref[found.road[0]] == 3
    forward, backward = int(found.forward[0]), int(found.backward[0])
    assert town.edge_road[forward] == town.edge_road[backward] == found.road[0]
    # Against the one-way street one may only walk.
    assert town.is_open("normal")[forward] and not town.is_open("normal")[backward]
    assert town.is_open("foot")[backward]


def test_a_driver_is_not_put_on_a_footway(town: RoadGraph) -> None:
    point = [WEST + STEP * 2.4], [SOUTH]
    assert town.road_ref[Snapper(town, "foot").snap(*point).road[0]] == 4
    assert town.road_ref[Snapper(town, "normal").snap(*point).road[0]] == 1


@pytest.mark.parametrize(
    "point", [(WEST + 1, SOUTH), (float("nan"), SOUTH), (WEST, float("inf")), (400.0, 99.0)]
)
def test_a_point_far_from_every_road_is_off_the_roads(
    town: RoadGraph, point: tuple[float, float]
) -> None:
    found = Snapper(town).snap([WEST, point[0]], [SOUTH, point[1]])
    assert found.is_off_road.tolist() == [False, True]
    assert found.road[1] == found.forward[1] == found.backward[1] == -1
    assert np.isinf(found.distance_m[1]) and np.isnan(found.lon[1])


def test_the_limit_is_the_limit(town: RoadGraph) -> None:
    metres = 1 / 111_195.0
    near, far = (SOUTH - (OFF_ROAD_M + step) * metres for step in (-1.0, 1.0))
    found = Snapper(town).snap([WEST + STEP / 2] * 2, [near, far])
    assert found.is_off_road.tolist() == [False, True]


def test_places_a_rounding_error_apart_are_one(town: RoadGraph) -> None:
    one, two = placed_on(town, [0, 0], [0.0, 5e-324]), placed_on(town, [0], [1 / 3])
    assert one.offset.tolist() == [0.0, 0.0]
    # Shares from either end compare alike, as the ways along one road need.
    assert two.offset[0] == pytest.approx(1 / 3, abs=1e-9)
    assert 1.0 - (1.0 - two.offset[0]) == pytest.approx(two.offset[0], abs=1e-15)


@given(st.floats(-0.001, 0.005), st.floats(-0.001, 0.005))
@settings(max_examples=60)
def test_no_road_is_nearer(town: RoadGraph, east: float, north: float) -> None:
    lon, lat = WEST + east, SOUTH + north
    found = Snapper(town).snap([lon], [lat])
    steps = np.linspace(0.0, 1.0, 21)
    for road in range(town.road_count):
        if not (town.is_open("emergency") & (town.edge_road == road)).any():
            continue
        spots = placed_on(town, [road] * len(steps), steps.tolist())
        away = [short_distance_m(lon, lat, x, y) for x, y in zip(spots.lon, spots.lat, strict=True)]
        assert found.distance_m[0] <= min(away) + 0.5
    there = float(found.lon[0]), float(found.lat[0])
    away_m = short_distance_m(lon, lat, *there)
    assert away_m == pytest.approx(found.distance_m[0], rel=2e-3, abs=0.1)


def test_stations_of_san_francisco_are_on_roads() -> None:
    graph = read_streets(shared(STREETS))
    with shared("sf_fire/stations.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lon, lat = ([float(row[key]) for row in rows] for key in ("lon", "lat"))
    found = Snapper(graph).snap(lon, lat)
    assert not found.is_off_road.any()
    assert np.median(found.distance_m) < 40
