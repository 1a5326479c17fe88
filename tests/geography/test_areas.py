"""The atlas answers what shapely's `covers` says, and refuses areas that are no place tree."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, box

from tests.geography.towns import area, chessboard
from tocsin.geography.areas import Area, Atlas, AtlasError, Outside
from tocsin.geography.distance import distance_m
from tocsin.geography.geojson import from_geojson, to_geojson
from tocsin.geography.lattice import NOWHERE, Lattice
from tocsin.geography.tiling import cut_by_seeds, fit
from tocsin.kernel.shared import AreaId, AreaPath


def brute_force(polygons: list[shapely.Geometry], lon: float, lat: float) -> int:
    point = shapely.Point(lon, lat)
    return next((i for i, p in enumerate(polygons) if shapely.covers(p, point)), NOWHERE)


def test_a_point_has_a_path() -> None:
    atlas = Atlas(chessboard())
    path = atlas.locate(24.9001, 60.1001)
    assert path == AreaPath(*map(AreaId, ("county", "t0", "t0v0", "t0v0-0000")))
    assert atlas.parents(path.cell) == (path.village, path.town, path.county)
    assert path.village in atlas.children(path.town)
    assert atlas.within(path.cell, path.town)
    assert not atlas.within(path.town, path.cell)
    assert len(atlas.cells(AreaId("county"))) == 16
    assert dict(atlas.names(path.cell)) == {"en": "T0V0-0000", "zh-CN": "t0v0-0000区"}
    assert atlas.area(path.cell).name_in("sv") == "T0V0-0000"


def test_shared_border_and_corner_go_to_the_smallest_id() -> None:
    areas = chessboard()
    atlas = Atlas(areas)
    corner = atlas.area(AreaId("t0v0-0000")).polygon.bounds[2:]
    path = atlas.locate(*corner)
    assert isinstance(path, AreaPath)
    assert path.cell == "t0v0-0000"
    # The whole outer border is inside, too.
    assert isinstance(atlas.locate(*atlas.bounds[:2]), AreaPath)
    assert isinstance(atlas.locate(*atlas.bounds[2:]), AreaPath)


def test_outside_names_the_nearest_cell_and_how_far() -> None:
    atlas = Atlas(chessboard())
    _, south, east, _ = atlas.bounds
    found = atlas.locate(east + 0.01, south + 0.0001)
    assert isinstance(found, Outside)
    assert found.nearest == "t1v1-0300"
    away_m = distance_m(east, south + 0.0001, east + 0.01, south + 0.0001)
    assert found.distance_m == pytest.approx(away_m, rel=1e-3)


@settings(deadline=None)
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_every_coordinate_has_an_answer(lon: float, lat: float) -> None:
    found = ATLAS.locate(lon, lat)
    assert isinstance(found, AreaPath) or found.distance_m >= 0


ATLAS = Atlas(chessboard())


@pytest.mark.parametrize(("lon", "lat"), [(math.nan, 0.0), (0.0, math.inf), (190.0, 0.0)])
def test_no_coordinate_is_refused(lon: float, lat: float) -> None:
    with pytest.raises(ValueError, match="not a coordinate"):
        ATLAS.locate(lon, lat)


COORDINATE = st.floats(0, 1).map(lambda share: round(share, 3))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(COORDINATE, COORDINATE), min_size=2, max_size=25, unique=True),
    st.lists(st.tuples(st.floats(-0.1, 1.1), st.floats(-0.1, 1.1)), max_size=40),
)
def test_lattice_is_exactly_covers(
    seeds: list[tuple[float, float]], points: list[tuple[float, float]]
) -> None:
    """On polygons that share borders, for points anywhere, on borders and on corners."""
    pieces = fit(cut_by_seeds(box(0, 0, 1, 1), seeds))
    polygons = [piece for piece in pieces if not piece.is_empty]
    lattice = Lattice(polygons)
    corners = [corner for p in polygons for corner in shapely.get_coordinates(p).tolist()]
    middles = [
        ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(corners, corners[1:], strict=False)
    ]
    for lon, lat in [*points, *map(tuple, corners[:60]), *middles[:60]]:
        assert lattice.find(lon, lat) == brute_force(list(polygons), lon, lat)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(COORDINATE, COORDINATE, st.floats(0.001, 0.5), st.floats(0.001, 0.5)),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.tuples(COORDINATE, COORDINATE), max_size=60),
)
def test_lattice_is_exact_for_overlaps_and_holes(
    boxes: list[tuple[float, float, float, float]], points: list[tuple[float, float]]
) -> None:
    polygons: list[Polygon] = []
    for x, y, wide, high in boxes:
        ring = box(x, y, x + wide, y + high)
        hole = box(x + wide / 4, y + high / 4, x + wide / 2, y + high / 2)
        punched = ring.difference(hole)
        assert isinstance(punched, Polygon)
        polygons.append(punched)
    lattice = Lattice(polygons)
    edges = [(x + wide / 4, y + high / 3) for x, y, wide, high in boxes]
    for lon, lat in points + edges:
        assert lattice.find(lon, lat) == brute_force(list(polygons), lon, lat)


def test_the_brute_force_check_finds_a_planted_bug() -> None:
    """A lattice that forgets the exact test near borders is caught by the same comparison."""
    pieces = fit(cut_by_seeds(box(0, 0, 1, 1), [(0.2, 0.3), (0.71, 0.62), (0.4, 0.8)]))
    lattice = Lattice(pieces)
    hasty = [e[0] if isinstance(e, tuple) else e for e in lattice._entries]  # pyright: ignore
    lattice._entries = hasty  # pyright: ignore
    points = [(i / 50, j / 50) for i in range(51) for j in range(51)]
    assert any(lattice.find(*p) != brute_force(list(pieces), *p) for p in points)


def test_a_hairline_gap_belongs_to_the_nearest_cell() -> None:
    areas = chessboard()
    cell = next(a for a in areas if a.id == "t0v0-0000")
    west, south, east, north = cell.polygon.bounds
    gap = 1e-8
    areas[areas.index(cell)] = replace(cell, polygon=box(west, south, east - gap, north))
    found = Atlas(areas).locate(east - gap / 4, (south + north) / 2)
    assert isinstance(found, AreaPath)
    assert found.cell in ("t0v0-0000", "t0v1-0100")


def without(areas: list[Area], tier: str) -> list[Area]:
    return [a for a in areas if a.tier != tier]


def changed(areas: list[Area], area_id: str, **fields: object) -> list[Area]:
    return [replace(a, **fields) if a.id == area_id else a for a in areas]  # pyright: ignore


BOARD = chessboard()
WEST, SOUTH, EAST, NORTH = ATLAS.bounds
BOWTIE = Polygon([(WEST, SOUTH), (EAST, NORTH), (EAST, SOUTH), (WEST, NORTH)])

BROKEN: list[tuple[str, list[Area]]] = [
    ("needs areas", []),
    ("two areas have the id", [*BOARD, BOARD[-1]]),
    ("no area on the tier 'cell'", without(BOARD, "cell")),
    ("its parent 'nobody' is not there", changed(BOARD, "t0", parent=AreaId("nobody"))),
    ("has no parent", changed(BOARD, "t0", parent=None)),
    ("has a parent", changed(BOARD, "county", parent=AreaId("t0"))),
    ("is a county, not a town", changed(BOARD, "t0v0", parent=AreaId("county"))),
    ("has no ground", changed(BOARD, "t0v0-0000", polygon=Polygon())),
    ("broken outline", changed(BOARD, "county", polygon=BOWTIE)),
    ("not in degrees", changed(BOARD, "county", polygon=box(0, 0, 500, 500))),
    ("has no name", changed(BOARD, "t0", name=())),
    ("1 to 120 printable", changed(BOARD, "t0v0-0000", id=AreaId(""))),
    ("out of its parent", changed(BOARD, "t1v1-0303", polygon=box(EAST - 1e-3, NORTH, EAST, 60.2))),
    ("are in none of its areas", [a for a in BOARD if a.id != "t0v0-0001"]),
    ("has no areas below it", [a for a in BOARD if a.parent != "t0v0"]),
    ("overlap by", [*BOARD, area("zz", "cell", "t0v0", BOARD[3].polygon)]),
]


@pytest.mark.parametrize(("why", "areas"), BROKEN, ids=[why for why, _ in BROKEN])
def test_what_is_no_place_tree_is_refused(why: str, areas: list[Area]) -> None:
    with pytest.raises(AtlasError, match=why):
        Atlas(areas)


def test_order_of_input_does_not_matter() -> None:
    there, back = Atlas(BOARD), Atlas(reversed(BOARD))
    points = [(WEST + i * 3e-4, SOUTH + j * 3e-4) for i in range(40) for j in range(40)]
    assert [there.locate(*p) for p in points] == [back.locate(*p) for p in points]


def test_geojson_there_and_back() -> None:
    document = json.loads(json.dumps(to_geojson(BOARD), ensure_ascii=False))
    assert document == to_geojson(BOARD)
    assert list(from_geojson(document)) == BOARD
    assert document["features"][0]["properties"] == {
        "id": "county",
        "tier": "county",
        "parent": None,
        "name.en": "County",
        "name.zh-CN": "county区",
    }


JUNK = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["Polygon"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "coordinates", "geometry", "properties", "id", "tier"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.lists(JUNK, min_size=1, max_size=3))
def test_junk_features_are_an_atlas_error(features: list[object]) -> None:
    with pytest.raises(AtlasError, match="feature 0"):
        from_geojson({"type": "FeatureCollection", "features": features})


@settings(deadline=None)
@given(JUNK)
def test_junk_coordinates_are_an_atlas_error(coordinates: object) -> None:
    properties = {"id": "a", "tier": "cell", "parent": None, "name.en": "A"}
    geometry = {"type": "Polygon", "coordinates": coordinates}
    feature = {"type": "Feature", "properties": properties, "geometry": geometry}
    try:
        (read,) = from_geojson({"type": "FeatureCollection", "features": [feature]})
    except AtlasError:
        return
    assert isinstance(read.polygon, Polygon)
