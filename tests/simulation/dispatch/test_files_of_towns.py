"""Tables with lines above the head, grids of people, directed roads: another town without code."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.geography.roads.errors import RoadsError
from tocsin.geography.roads.reading_arcs import read_arcs
from tocsin.packs.reading import PackError
from tocsin.simulation.dispatch.calls import pattern_of_town
from tocsin.simulation.dispatch.raster import blocks_of
from tocsin.simulation.dispatch.roads import times_of
from tocsin.simulation.dispatch.scenario import find_scenario, load_scenario
from tocsin.simulation.dispatch.sheet import SheetError, rows_of
from tocsin.simulation.dispatch.world import world_of_town

SHARED = Path(os.environ.get("TOCSIN_SHARED_DATA", Path(__file__).parents[4] / "shared/data"))


def test_the_head_is_the_first_line_with_all_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("misc,1\n\nindex,x,y,note\n1,10,50,a\n\n2,11\n", encoding="utf-8")
    assert list(rows_of(path, ["y", "index"])) == [(4, ("50", "1")), (6, ("", "2"))]
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as file:
        file.write(path, "a.csv")
    assert len(list(rows_of(packed, ["index"], "a.csv"))) == 2
    for wrong in (lambda: rows_of(path, ["z"]), lambda: rows_of(packed, ["index"], "b.csv")):
        with pytest.raises(SheetError):
            list(wrong())


def grid_file(path: Path, cells: np.ndarray, west: float, north: float, size: float) -> Path:
    """A GeoTIFF of one strip of doubles, as small as it can be."""
    high, wide = cells.shape
    body = cells.astype("<f8").tobytes()
    entries = [
        (256, 4, 1, wide), (257, 4, 1, high), (258, 3, 1, 64), (259, 3, 1, 1), (277, 3, 1, 1),
        (273, 4, 1, 8), (279, 4, 1, len(body)), (339, 3, 1, 3),
        (33550, 12, 3, 8 + len(body)), (33922, 12, 6, 8 + len(body) + 24),
    ]  # fmt: skip
    extra = struct.pack("<3d", size, size, 0) + struct.pack("<6d", 0, 0, 0, west, north, 0)
    start = 8 + len(body) + len(extra)
    table = struct.pack("<H", len(entries))
    table += b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    path.write_bytes(b"II*\0" + struct.pack("<I", start) + body + extra + table)
    return path


def test_people_of_a_grid_become_blocks_at_their_middle(tmp_path: Path) -> None:
    cells = np.zeros((4, 6))
    cells[0, 0], cells[3, 5], cells[3, 4] = 10.0, 30.0, 10.0
    cells[1, 1] = np.nan
    cells[2, 2] = -9999.0
    path = grid_file(tmp_path / "p.tif", cells, 10.0, 50.0, 0.001)
    fine = blocks_of(path)
    assert [round(block.weight) for block in fine] == [10, 10, 30]
    assert fine[0].place == pytest.approx((10.0005, 49.9995))
    coarse = blocks_of(path, 2)
    assert [round(block.weight) for block in coarse] == [10, 40]
    assert coarse[1].place == pytest.approx((10.0 + 0.001 * (4.75 + 0.5), 50.0 - 0.0035))


@given(data=st.binary(max_size=400))
def test_bytes_that_are_no_grid_are_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("grid") / "x.tif"
    path.write_bytes(data)
    with pytest.raises(SheetError):
        blocks_of(path)


def test_arcs_are_one_way_and_take_their_time() -> None:
    places = {"a": (10.0, 50.0), "b": (10.01, 50.0), "c": (10.02, 50.0)}
    ring = [("a", "b", 60.0, 80.0), ("b", "c", 30.0, 40.0), ("c", "a", 90.0, 120.0)]
    broken = [("a", "z", 1.0, 1.0), ("a", "a", 1.0, 1.0), ("a", "b", float("nan"), 1.0)]
    graph = read_arcs(places, [*ring, *broken], "ring")
    seconds = (
        3.6
        * graph.length_m[graph.edge_road]
        / np.where(graph.speed_km_h[0] > 0, graph.speed_km_h[0], np.inf)
    )
    assert sorted(np.round(seconds[seconds > 0], 3).tolist()) == [30.0, 60.0, 90.0]
    assert graph.report.rows_broken == 3
    with pytest.raises(RoadsError):
        read_arcs(places, broken, "none")


def test_a_scenario_names_the_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(PackError) as caught:
        load_scenario(find_scenario("manhattan"), tmp_path)
    told = " ".join(finding.text for finding in caught.value.findings)
    for name in ("stations_1.csv", "hospitals_1.csv", "manhattan_pop_densit_20m.zip"):
        assert name in told


@pytest.mark.skipif(not (SHARED / "ems_manhattan").exists(), reason="the shared data are not here")
@pytest.mark.slow
def test_manhattan_loads_from_its_own_files_and_runs() -> None:
    scenario = load_scenario(find_scenario("manhattan"), SHARED)
    assert len(scenario.town.units) == 12 and len(scenario.stations) == 8
    assert sum(area.calls_per_day for area in scenario.town.areas) == pytest.approx(451.2)
    assert len(pattern_of_town(scenario.town).places) > 500
    assert scenario.stages is not None
    times = times_of(scenario.roads_kind, scenario.roads_file, SHARED, scenario.arcs)
    world = world_of_town(scenario, times, scenario.stages)
    assert np.isfinite(world.ground.times_s).all()
