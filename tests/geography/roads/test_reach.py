"""Reach areas hold what is reached in time and grow with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from tests.geography.roads.towns_with_roads import shared, write_roads
from tocsin.geography.roads.cch import CchTimes
from tocsin.geography.roads.dijkstra import DijkstraTimes
from tocsin.geography.roads.graph import RoadGraph
from tocsin.geography.roads.reading_osm import read_osm
from tocsin.geography.roads.snapping import placed_on


@pytest.fixture(scope="module")
def monaco() -> RoadGraph:
    return read_osm(shared("osm/monaco.osm.pbf"))


def test_places_reached_in_time_lie_in_the_area(monaco: RoadGraph) -> None:
    driven = np.flatnonzero(monaco.is_open("emergency"))
    roads = np.unique(monaco.edge_road[driven])
    source = placed_on(monaco, [int(roads[len(roads) // 2])], [0.5])
    times = CchTimes(monaco)
    limits_s = (60.0, 180.0, 300.0)
    areas = times.reach(source, limits_s, "emergency")
    targets = placed_on(monaco, roads.tolist(), [0.3] * len(roads))
    seconds = times.table(source, targets, "emergency")[0]
    for limit_s, area in zip(limits_s, areas, strict=True):
        assert area.is_valid
        inside = shapely.contains_xy(area, targets.lon, targets.lat)
        assert inside[seconds <= limit_s].all()
        assert (seconds <= limit_s).sum() > 5
        # What is in the area but late lies beside a road that is in time (or on a bridge over it).
        assert (seconds[inside] <= limit_s).mean() > 0.5
    for smaller, larger in zip(areas, areas[1:], strict=False):
        assert smaller.difference(larger).area < 1e-9


def test_the_area_ends_where_the_time_does(tmp_path: Path) -> None:
    graph = read_osm(write_roads(tmp_path / "a.osm.pbf", {1: ([0, 9], {"maxspeed": "36"})}))
    source = placed_on(graph, [0], [0.5])
    for kind in (CchTimes, DijkstraTimes):
        (area,) = kind(graph).reach(source, (20.0,), "emergency")
        # 36 km/h are 10 m/s: 200 m to either side, and the 60 m around.
        west, _, east, _ = area.bounds
        width_m = (east - west) * graph.plane.metres_per_lon
        assert width_m == pytest.approx(2 * (200 + 60), abs=3)


def test_from_off_the_roads_nothing_is_reached(monaco: RoadGraph) -> None:
    (area,) = CchTimes(monaco).reach(placed_on(monaco, [-1], [0.0]), (300.0,), "foot")
    assert area.is_empty
    assert CchTimes(monaco).reach(placed_on(monaco, [0], [0.0]), (), "foot") == ()
