"""Any map becomes four complete tiers, always the same ones."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import shapely

from tests.geography.maps import shared_map, write_tiny_town
from tocsin.geography.areas import Area, Atlas, AtlasError, Names, names_of
from tocsin.geography.distance import Plane
from tocsin.geography.shapes import flatten
from tocsin.kernel.shared import AreaPath, Place
from tocsin.simulation.areas import build_areas, inside_only
from tocsin.simulation.extract import Address, Extract, Settlement, Street, read_extract

NAME = names_of(en="Tiny County", zh_CN="小县")


def tiny(tmp_path: Path, **options: int) -> Extract:
    return read_extract(write_tiny_town(tmp_path / "tiny.osm.pbf", **options))  # pyright: ignore


def bare(extract: Extract) -> Extract:
    """The same ground with nothing on it."""
    return replace(extract, streets=(), addresses=(), interests=(), settlements=(), borders=())


def check_town(extract: Extract, areas: list[Area]) -> Atlas:
    """What is promised for every extract, whatever the map holds."""
    atlas = Atlas(areas)
    count = Counter(area.tier for area in areas)
    assert count["county"] == 1
    assert 3 <= count["town"] <= 6
    for town in atlas.tier("town"):
        assert 4 <= len(atlas.children(town.id)) <= 8
    for area in areas:
        assert {"en", "zh-CN"} <= dict(area.name).keys()
    for tier in ("town", "village"):
        names = [area.name_in("en") for area in atlas.tier(tier)]
        assert len(names) == len(set(names))
    plane = Plane(extract.west, extract.south)
    sizes_m2 = [flatten(cell.polygon, plane).area for cell in atlas.tier("cell")]
    assert min(sizes_m2) > 900
    assert max(sizes_m2) < 130_000
    return atlas


def test_tiny_town(tmp_path: Path) -> None:
    extract = tiny(tmp_path)
    atlas = check_town(extract, build_areas(extract, county_name=NAME))
    towns = [dict(town.name) for town in atlas.tier("town")]
    assert [town["local"] for town in towns] == ["Suburb 2", "Suburb 3", "Suburb 0", "Suburb 1"]
    assert towns[0]["sv"] == "Ort 2"
    assert atlas.tier("county")[0].id == "tiny-county"
    assert atlas.tier("town")[0].id == "tiny-county-1"
    assert all(
        isinstance(atlas.locate(a.place.lon, a.place.lat), AreaPath) for a in extract.addresses
    )
    assert inside_only(extract, atlas) == extract


def test_every_point_of_the_extract_has_a_path(tmp_path: Path) -> None:
    extract = tiny(tmp_path)
    atlas = Atlas(build_areas(extract, county_name=NAME))
    chance = random.Random(5)
    west, south, east, north = atlas.bounds
    for _ in range(3_000):
        point = chance.uniform(west, east), chance.uniform(south, north)
        assert isinstance(atlas.locate(*point), AreaPath)


def test_the_atlas_agrees_with_covers_everywhere(tmp_path: Path) -> None:
    """Inside, outside, on every corner: the smallest covering cell, else the nearest one."""
    extract = tiny(tmp_path, borders=True)
    atlas = Atlas(build_areas(extract, county_name=NAME))
    cells = atlas.tier("cell")
    chance = random.Random(7)
    west, south, east, north = atlas.bounds
    points = [
        (chance.uniform(west - 0.005, east + 0.005), chance.uniform(south - 0.002, north + 0.002))
        for _ in range(400)
    ]
    for cell in cells:
        points += [(lon, lat) for lon, lat in shapely.get_coordinates(cell.polygon).tolist()]
    plane = Plane((west + east) / 2, (south + north) / 2)
    flat = [flatten(cell.polygon, plane) for cell in cells]
    outside = 0
    for lon, lat in points:
        covering = [cell.id for cell in cells if cell.polygon.covers(shapely.Point(lon, lat))]
        found = atlas.locate(lon, lat)
        if isinstance(found, AreaPath):
            assert found.cell == min(covering)
        else:
            outside += 1
            away_m = [shape.distance(shapely.Point(plane.to_plane(lon, lat))) for shape in flat]
            assert not covering
            assert found.distance_m == pytest.approx(min(away_m), rel=0.01, abs=0.01)
            nearest = cells[[cell.id for cell in cells].index(found.nearest)]
            assert away_m[cells.index(nearest)] == pytest.approx(min(away_m))
    assert 50 < outside < 350


def test_real_borders_become_towns(tmp_path: Path) -> None:
    extract = tiny(tmp_path, borders=True)
    atlas = check_town(extract, build_areas(extract, county_name=NAME))
    names = {town.name_in("zh-CN"): town for town in atlas.tier("town")}
    assert names.keys() == {"0区", "1区", "2区", "3区"}
    border = next(b for b in extract.borders if dict(b.name)["zh-CN"] == "2区")
    assert names["2区"].polygon.symmetric_difference(border.polygon).area < 1e-9


def test_a_county_of_borders_leaves_the_rest_out(tmp_path: Path) -> None:
    extract = tiny(tmp_path, borders=True)
    wide = replace(extract, west=round(extract.west - 0.02, 7))
    stray = replace(extract.addresses[0], place=replace(extract.addresses[0].place, lon=wide.west))
    wide = replace(wide, addresses=(*extract.addresses, stray))
    atlas = Atlas(build_areas(wide, county_name=NAME))
    assert stray not in inside_only(wide, atlas).addresses
    assert inside_only(wide, atlas).addresses == extract.addresses


def random_extract(chance: random.Random) -> Extract:
    """Ground of any shape with streets, houses and places on it, some on one spot or the edge."""
    west, south = round(chance.uniform(-170, 170), 7), round(chance.uniform(-75, 75), 7)
    wide, high = (round(10 ** chance.uniform(-3.3, -1.2), 7) for _ in range(2))
    east, north = round(west + wide, 7), round(south + high, 7)

    def spot() -> Place:
        lon = chance.choice([west, east, *[west + chance.random() * wide] * 8])
        return Place(round(lon, 7), round(south + chance.choice([0, chance.random()]) * high, 7))

    def name(letters: str, number: int) -> Names:
        return (("local", chance.choice([*letters, f"{letters[0]}{number}"])),)

    return Extract(
        west,
        south,
        east,
        north,
        tuple(
            Street(i, "residential", name("AB", i), tuple(spot() for _ in range(4)))
            for i in range(chance.choice([0, 1, 5, 40]))
        ),
        tuple(Address("A", str(i), spot()) for i in range(chance.choice([0, 1, 60]))),
        (),
        tuple(
            Settlement(chance.choice(["suburb", "village", "locality"]), name("XY", i), spot())
            for i in range(chance.choice([0, 1, 3, 4, 20]))
        ),
        (),
    )


@pytest.mark.parametrize("seed", range(40))
def test_random_towns_lose_no_ground(seed: int) -> None:
    chance = random.Random(seed)
    extract = random_extract(chance)
    atlas = Atlas(build_areas(extract, county_name=NAME))
    frame = shapely.box(extract.west, extract.south, extract.east, extract.north)
    (county,) = atlas.tier("county")
    assert county.polygon.symmetric_difference(frame).area <= 1e-4 * frame.area
    assert 3 <= len(atlas.tier("town")) <= 6
    assert all(4 <= len(atlas.children(town.id)) <= 8 for town in atlas.tier("town"))
    assert inside_only(extract, atlas) == extract


def test_too_few_borders_are_no_towns(tmp_path: Path) -> None:
    extract = tiny(tmp_path, borders=True)
    few = replace(extract, borders=extract.borders[:2])
    atlas = check_town(few, build_areas(few, county_name=NAME))
    assert "Suburb 0" in {town.name_in("en") for town in atlas.tier("town")}


def test_empty_ground_is_divided_and_numbered(tmp_path: Path) -> None:
    extract = bare(tiny(tmp_path))
    atlas = check_town(extract, build_areas(extract, county_name=NAME))
    assert [town.name_in("en") for town in atlas.tier("town")][:2] == ["Town 1", "Town 2"]
    assert atlas.tier("village")[0].name_in("zh-CN") == "第1镇社区1"


@pytest.mark.parametrize(("wide", "high"), [(0.002, 0.0005), (0.2, 0.001), (0.3, 0.2)])
def test_any_shape_of_ground(tmp_path: Path, wide: float, high: float) -> None:
    extract = bare(tiny(tmp_path))
    extract = replace(extract, east=extract.west + wide, north=extract.south + high)
    atlas = Atlas(build_areas(extract, county_name=NAME))
    assert 3 <= len(atlas.tier("town")) <= 6


def test_same_extract_same_areas(tmp_path: Path) -> None:
    one = build_areas(tiny(tmp_path), county_name=NAME)
    assert build_areas(tiny(tmp_path), county_name=NAME) == one


def test_the_side_of_cells_can_be_chosen(tmp_path: Path) -> None:
    extract = tiny(tmp_path)
    few = build_areas(extract, county_name=NAME, cell_side_m=400)
    many = build_areas(extract, county_name=NAME, cell_side_m=50, county_id="c")
    assert len(many) > 4 * len(few)
    assert many[0].id == "c"
    with pytest.raises(AtlasError, match="too small"):
        build_areas(extract, county_name=NAME, cell_side_m=1)


@pytest.mark.parametrize("name", ["helsinki_centre", "monaco", "liechtenstein"])
def test_real_maps(name: str) -> None:
    extract = read_extract(shared_map(name))
    title: Names = names_of(en=name, zh_CN=name)
    areas = build_areas(extract, county_name=title)
    atlas = check_town(extract, areas)
    kept = inside_only(extract, atlas)
    assert len(kept.addresses) >= 0.95 * len(extract.addresses)
    for address in kept.addresses:
        assert isinstance(atlas.locate(address.place.lon, address.place.lat), AreaPath)
