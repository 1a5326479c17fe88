"""Cutting ground: nothing lost, nothing twice, no slivers, the same every time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, box

from tests.geography.towns import area
from tocsin.geography.areas import AtlasError
from tocsin.geography.grid import cut_in_cells, plane_of
from tocsin.geography.shapes import DEGREE_STEP, METRE_STEP, flatten, joined
from tocsin.geography.tiers import Outline
from tocsin.geography.tiling import cut_by_seeds, cut_in_squares, fit
from tocsin.simulation.seeds import farthest_first, middles

# Metres: whole ones, which often stand in line, and a tenth here and there.
METRE = st.integers(0, 3_000).map(float) | st.integers(0, 30_000).map(lambda tenth: tenth / 10)
SPOT = st.tuples(METRE, METRE)


@st.composite
def grounds(draw: st.DrawFn) -> Polygon:
    """A star-shaped outline with dents, in metres."""
    count = draw(st.integers(3, 12))
    corners: list[tuple[float, float]] = []
    for index in range(count):
        radius = draw(st.floats(200, 2_000))
        angle = 2 * math.pi * index / count
        corners.append((radius * math.cos(angle), radius * math.sin(angle)))
    ground = Polygon(corners)
    assume(ground.is_valid and ground.area > 50_000)
    return ground


def check_partition(ground: Outline, pieces: list[Outline], slack: float) -> None:
    assert sum(piece.area for piece in pieces) == pytest.approx(ground.area, rel=slack)
    whole = joined(pieces, METRE_STEP)
    assert shapely.symmetric_difference(whole, ground, grid_size=METRE_STEP).area <= (
        slack * ground.area
    )
    assert all(piece.is_valid and not piece.is_empty for piece in pieces)


@settings(max_examples=40, deadline=None)
@given(grounds(), st.floats(100, 400))
def test_squares_cover_the_ground_once(ground: Polygon, side: float) -> None:
    pieces = cut_in_squares(ground, side)
    check_partition(ground, pieces, 1e-8)
    if len(pieces) > 1:
        least = min(piece.area for piece in pieces)
        assert least > side * side / 3 / 4  # squares stretch to at least half their side


@settings(max_examples=40, deadline=None)
@given(grounds(), st.lists(SPOT, min_size=1, max_size=12, unique=True))
def test_each_seed_gets_what_is_nearest(ground: Polygon, seeds: list[tuple[float, float]]) -> None:
    pieces = cut_by_seeds(ground, seeds)
    assert len(pieces) == len(seeds)
    check_partition(ground, [piece for piece in pieces if not piece.is_empty], 1e-8)
    for index, piece in enumerate(pieces):
        if not piece.is_empty:
            spot = piece.representative_point()
            away = [math.dist((spot.x, spot.y), seed) for seed in seeds]
            assert away[index] <= min(away) + 1e-6


@settings(max_examples=25, deadline=None)
@given(grounds(), st.lists(SPOT, min_size=2, max_size=8, unique=True))
def test_fitted_pieces_share_every_corner(
    ground: Polygon, seeds: list[tuple[float, float]]
) -> None:
    flat = [piece for piece in cut_by_seeds(ground, seeds) if not piece.is_empty]
    degrees = [
        shapely.transform(piece, lambda points: points / 100_000 + np.asarray([25.0, 60.0]))
        for piece in flat
    ]
    pieces = [piece for piece in fit(degrees) if not piece.is_empty]
    whole = joined(pieces, DEGREE_STEP)
    assert sum(piece.area for piece in pieces) == pytest.approx(whole.area, rel=1e-9)
    assert shapely.coverage_is_valid(np.asarray(pieces, dtype=object))


def test_coverage_check_would_find_a_loose_corner() -> None:
    """The same check on pieces that were not fitted, cut by a line that ends between corners."""
    left, right = box(0, 0, 1, 2), [box(1, 0, 2, 0.7), box(1, 0.7, 2, 2)]
    assert not shapely.coverage_is_valid(np.asarray([left, *right], dtype=object))
    fitted = fit([left, *right])
    assert shapely.coverage_is_valid(np.asarray(fitted, dtype=object))


def test_a_lake_stays_out() -> None:
    ring = box(0, 0, 1, 1).difference(box(0.4, 0.4, 0.6, 0.6))
    assert isinstance(ring, Polygon)
    (fitted,) = fit([ring])
    assert fitted.area == pytest.approx(0.96)


def test_cells_of_a_village() -> None:
    village = area("v", "village", "t", box(24.93, 60.16, 24.95, 60.17))
    cells = cut_in_cells(village)
    plane = plane_of(village.polygon)
    assert cells == cut_in_cells(village)
    assert [cell.id for cell in cells][:2] == ["v-01", "v-02"]
    assert dict(cells[2].name) == {"en": "V, grid cell 3", "zh-CN": "v区第3网格"}
    assert all(cell.parent == "v" and cell.tier == "cell" for cell in cells)
    for cell in cells:
        assert 200**2 < flatten(cell.polygon, plane).area < 310**2
    # Row by row from the south-west.
    assert cells[0].polygon.bounds[:2] == pytest.approx(village.polygon.bounds[:2], abs=1e-6)
    assert cells[-1].polygon.bounds[2:] == pytest.approx(village.polygon.bounds[2:], abs=1e-6)


def test_an_islet_joins_the_nearest_cell() -> None:
    islet = box(24.9511, 60.165, 24.9512, 60.1651)
    shore = box(24.93, 60.16, 24.95, 60.17)
    cells = cut_in_cells(area("v", "village", "t", MultiPolygon([shore, islet])))
    (with_islet,) = [cell for cell in cells if cell.polygon.intersects(islet)]
    assert isinstance(with_islet.polygon, MultiPolygon)
    assert with_islet.polygon.bounds[0] > 24.94


def test_too_small_or_too_many_cells_are_refused() -> None:
    with pytest.raises(AtlasError, match="too small"):
        cut_in_cells(area("v", "village", "t", box(0, 0, 1, 1)), 5)
    with pytest.raises(AtlasError, match="over 50000 cells"):
        cut_in_cells(area("v", "village", "t", box(0, 0, 1, 1)), 100)


@settings(deadline=None)
@given(st.lists(SPOT, min_size=1, max_size=60), st.integers(1, 8))
def test_seeds_are_different_and_repeatable(spots: list[tuple[float, float]], count: int) -> None:
    points = np.asarray(spots)
    chosen = farthest_first(points, count)
    assert len({spots[index] for index in chosen}) == len(chosen) <= count
    found = middles(points, count)
    assert 1 <= len(found) <= count
    assert found == middles(points, count)


def test_two_crowds_have_two_middles() -> None:
    crowd = [(float(x), float(y)) for x in range(10) for y in range(10)]
    points = np.asarray(crowd + [(x + 1_000, y) for x, y in crowd])
    assert middles(points, 2) == [(4.5, 4.5), (1004.5, 4.5)]
