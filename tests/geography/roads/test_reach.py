"""Reach areas hold what is reached in time and grow with it; rings say who wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from tests.geography.roads.towns_with_roads import shared, write_roads
from tocsin.geography.roads.cch import CchTimes
from tocsin.geography.roads.dijkstra import DijkstraTimes
from tocsin.geography.roads.graph import RoadGraph
from tocsin.geography.roads.reading_osm import read_osm
from tocsin.geography.roads.rings import KNOWN_RINGS, Ring, rings_of
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


def test_known_rings_say_where_they_are_written() -> None:
    assert len({ring.id for ring in KNOWN_RINGS}) == len(KNOWN_RINGS)
    police = [r.limit_s for r in KNOWN_RINGS if r.id.startswith("police")]
    assert police == [60.0, 180.0, 300.0]
    assert [r.id for r in rings_of("engine")][:2] == [
        "nfpa-first-engine",
        "jianbiao-152-first-engine",
    ]


@pytest.mark.parametrize(
    "wrong", [{"limit_s": 0.0}, {"target": 0.0}, {"target": 101.0}, {"edition": ""}, {"source": ""}]
)
def test_a_ring_without_its_evidence_is_refused(wrong: dict[str, Any]) -> None:
    about = {"id": "x", "limit_s": 60.0, "tier": "town", "unit_class": "engine", "target": 90.0}
    with pytest.raises(ValueError, match="ring x"):
        Ring(**{**about, "edition": "2020", "source": "here", **wrong})
