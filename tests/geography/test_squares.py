"""Squares: nothing near a point is outside its neighbours."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.geography.distance import EARTH_RADIUS_M, distance_m
from tocsin.geography.squares import cell_key, keys_around, neighbours

LON, LAT = st.floats(-180, 180), st.floats(-84.5, 84.5)
SIDE = st.integers(10, 5000)


def step(lon: float, lat: float, course: float, away_m: float) -> tuple[float, float]:
    """Where one arrives by walking `away_m` along a great circle."""
    angle, phi = away_m / EARTH_RADIUS_M, math.radians(lat)
    sine = math.sin(phi) * math.cos(angle) + math.cos(phi) * math.sin(angle) * math.cos(course)
    there = math.asin(max(-1.0, min(1.0, sine)))
    turn = math.atan2(
        math.sin(course) * math.sin(angle) * math.cos(phi), math.cos(angle) - math.sin(phi) * sine
    )
    return (lon + math.degrees(turn) + 180.0) % 360.0 - 180.0, math.degrees(there)


@settings(deadline=None)
@given(LON, LAT, SIDE, st.floats(0, 2 * math.pi), st.floats(0, 1))
@example(179.99999, 60.0, 200, math.pi / 2, 0.99)
def test_whatever_is_near_is_in_a_neighbour(
    lon: float, lat: float, side: int, course: float, share: float
) -> None:
    other = step(lon, lat, course, share * side * 0.999)
    assert cell_key(*other, side) in neighbours(cell_key(lon, lat, side))


@settings(deadline=None)
@given(LON, LAT, st.integers(50, 2000), st.floats(0, 2 * math.pi), st.floats(0, 20))
def test_keys_around_hold_the_circle(
    lon: float, lat: float, side: int, course: float, sides: float
) -> None:
    radius_m = sides * side
    other = step(lon, lat, course, radius_m * 0.999)
    assert cell_key(*other, side) in keys_around(lon, lat, radius_m, side)


@settings(deadline=None)
@given(LON, LAT, SIDE)
def test_keys_fit_a_bigint_and_few_are_needed(lon: float, lat: float, side: int) -> None:
    key = cell_key(lon, lat, side)
    near = neighbours(key)
    assert 0 < key < 1 << 63
    assert key in near
    assert len(near) <= 12
    assert near == tuple(sorted(set(near)))


def test_a_square_is_about_as_large_as_asked() -> None:
    key = cell_key(24.94, 60.17, 200)
    step_deg = 1e-5
    wide = sum(cell_key(24.94 + i * step_deg, 60.17, 200) == key for i in range(-1000, 1000))
    high = sum(cell_key(24.94, 60.17 + i * step_deg, 200) == key for i in range(-1000, 1000))
    assert distance_m(24.94, 60.17, 24.94 + wide * step_deg, 60.17) == pytest.approx(200, rel=0.02)
    assert distance_m(24.94, 60.17, 24.94, 60.17 + high * step_deg) == pytest.approx(200, rel=0.02)


def test_sides_do_not_share_keys() -> None:
    assert cell_key(24.94, 60.17, 200) != cell_key(24.94, 60.17, 201)


@pytest.mark.parametrize(
    ("lon", "lat", "side"),
    [(math.nan, 0, 200), (0, 91, 200), (181, 0, 200), (0, 0, 9), (0, 0, 70_000)],
)
def test_nonsense_is_refused(lon: float, lat: float, side: int) -> None:
    with pytest.raises(ValueError, match="must be|not a coordinate"):
        cell_key(lon, lat, side)


def test_too_wide_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="radius"):
        keys_around(24.94, 60.17, 20_000, 200)
    with pytest.raises(ValueError, match="radius"):
        keys_around(24.94, 60.17, math.nan, 200)
