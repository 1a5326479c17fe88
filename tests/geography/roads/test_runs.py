"""Runs of road between points that somebody points at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.geography.roads.towns_with_roads import SOUTH, STEP, WEST, write_roads
from tocsin.geography.roads.graph import RoadGraph
from tocsin.geography.roads.reading_osm import read_osm
from tocsin.geography.roads.runs import NoRun, Runs, edges_of
from tocsin.geography.roads.snapping import Snapper, Snaps


def at(graph: RoadGraph, *steps: tuple[float, float]) -> Snaps:
    lon, lat = ([WEST + STEP * x for x, _ in steps], [SOUTH + STEP * y for _, y in steps])
    return Snapper(graph, "foot").snap(lon, lat)


@pytest.fixture
def ladder(tmp_path: Path) -> RoadGraph:
    """Two streets to the east, three across, one of them one-way to the north."""
    ways = {
        1: ([0, 1, 2], {"name": "South"}),
        2: ([10, 11, 12], {"name": "North"}),
        3: ([0, 10], {}),
        4: ([1, 11], {"oneway": "yes"}),
        5: ([2, 12], {}),
    }
    return read_osm(write_roads(tmp_path / "ladder.osm.pbf", ways))


def names(graph: RoadGraph, edges: tuple[int, ...]) -> set[str]:
    return {graph.name_of(edge) for edge in edges}


def test_one_point_is_its_road_and_two_are_all_between(ladder: RoadGraph) -> None:
    runs = Runs(ladder)
    (only,) = runs.along(at(ladder, (0.5, 0)))
    assert len(edges_of(ladder, (only,), both_ways=True)) == 2
    run = runs.along(at(ladder, (0.5, 0), (1.5, 0)))
    assert len(run) == 2 and names(ladder, edges_of(ladder, run, both_ways=True)) == {"South"}
    assert runs.along(at(ladder, (1.5, 0), (0.5, 0)))[0].is_forward is not run[0].is_forward


def test_one_way_is_the_way_that_was_pointed(ladder: RoadGraph) -> None:
    run = Runs(ladder).along(at(ladder, (0.2, 0), (0.8, 0)))
    east = edges_of(ladder, run, both_ways=False)
    west = edges_of(ladder, Runs(ladder).along(at(ladder, (0.8, 0), (0.2, 0))), both_ways=False)
    assert len(east) == len(west) == 1 and east != west
    assert set(edges_of(ladder, run, both_ways=True)) == {*east, *west}


def test_the_run_is_the_shortest_by_brute_force(ladder: RoadGraph) -> None:
    """Against every simple chain of roads, for pairs of crossings."""
    graph = ladder
    forward = np.flatnonzero(graph.is_forward)
    ends = {
        int(graph.edge_road[e]): (int(graph.edge_tail[e]), int(graph.edge_head[e])) for e in forward
    }

    def shortest(road: int, other: int) -> float:
        best = float("inf")
        stack = [((road,), end) for end in ends[road]]
        while stack:
            chain, node = stack.pop()
            for following in (r for r, pair in ends.items() if node in pair and r not in chain):
                found = (*chain, following)
                if following == other:
                    best = min(best, float(graph.length_m[list(found[1:-1])].sum()))
                else:
                    a, b = ends[following]
                    stack.append((found, b if node == a else a))
        return best

    middle = {r: (graph.node_lon[list(e)].mean(), graph.node_lat[list(e)].mean())
              for r, e in ends.items()}  # fmt: skip
    for road, (lon, lat) in middle.items():
        for other, (lon_2, lat_2) in middle.items():
            if road != other:
                places = Snapper(graph, "foot").snap([lon, lon_2], [lat, lat_2])
                run = Runs(graph).along(places)
                assert (run[0].road, run[-1].road) == (road, other)
                between = [each.road for each in run[1:-1]]
                assert graph.length_m[between].sum() == pytest.approx(shortest(road, other))


def test_what_is_no_road_is_refused(ladder: RoadGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoRun) as off:
        Runs(ladder).along(at(ladder, (0.5, 0), (40.0, 40.0)))
    assert off.value.is_off_road and off.value.place == 1
    monkeypatch.setattr("tocsin.geography.roads.runs.RUN_MAX_M", 50.0)
    with pytest.raises(NoRun) as far:
        Runs(ladder).along(at(ladder, (0.5, 0), (1.5, 1)))
    assert not far.value.is_off_road
