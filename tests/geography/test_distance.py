"""Distances against the sphere's own geometry, bearings against the compass."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.geography.distance import (
    BEARINGS,
    EARTH_RADIUS_M,
    Plane,
    bearing,
    bearing_deg,
    bearing_words,
    distance_m,
    short_distance_m,
)

LON, LAT = st.floats(-180, 180), st.floats(-90, 90)


def chord_distance_m(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """The oracle: the angle between two vectors, by their chord."""

    def vector(lon: float, lat: float) -> tuple[float, float, float]:
        lam, phi = math.radians(lon), math.radians(lat)
        return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)

    chord = math.dist(vector(lon_a, lat_a), vector(lon_b, lat_b))
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, chord / 2))


@settings(deadline=None)
@given(LON, LAT, LON, LAT)
def test_haversine_is_the_angle_between_vectors(a: float, b: float, c: float, d: float) -> None:
    assert distance_m(a, b, c, d) == pytest.approx(chord_distance_m(a, b, c, d), abs=2.0)


def test_known_distance() -> None:
    # Helsinki to Tallinn, cathedral to cathedral: 82 km.
    assert distance_m(24.9521, 60.1704, 24.7393, 59.4370) == pytest.approx(82_300, rel=0.01)


@settings(deadline=None)
@given(st.floats(-179, 179), st.floats(-70, 70), st.floats(-0.17, 0.17), st.floats(-0.12, 0.12))
def test_flat_is_close_enough_in_town(lon: float, lat: float, x: float, y: float) -> None:
    other_lat = max(-70.0, min(70.0, lat + y))
    exact = distance_m(lon, lat, lon + x, other_lat)
    assert short_distance_m(lon, lat, lon + x, other_lat) == pytest.approx(
        exact, rel=1e-3, abs=0.01
    )


@pytest.mark.parametrize(
    ("east", "north", "word", "chinese"),
    [
        (0, 1, "north", "北"),
        (1, 1, "north-east", "东北"),
        (1, 0, "east", "东"),
        (1, -1, "south-east", "东南"),
        (0, -1, "south", "南"),
        (-1, -1, "south-west", "西南"),
        (-1, 0, "west", "西"),
        (-1, 1, "north-west", "西北"),
    ],
)
def test_eight_words(east: int, north: int, word: str, chinese: str) -> None:
    there = (east * 0.01, north * 0.01)
    assert bearing(0, 0, *there) == word
    assert bearing_words(0, 0, *there, "zh-CN") == chinese
    assert bearing_words(0, 0, *there, "en") == word


@settings(deadline=None)
@given(LON, LAT, LON, LAT)
def test_bearing_is_always_a_word(a: float, b: float, c: float, d: float) -> None:
    assert 0 <= bearing_deg(a, b, c, d) < 360
    assert bearing(a, b, c, d) in BEARINGS


@settings(deadline=None)
@given(st.floats(-0.2, 0.2), st.floats(-0.15, 0.15))
def test_plane_there_and_back(x: float, y: float) -> None:
    plane = Plane(24.94, 60.17)
    lon, lat = plane.to_globe(*plane.to_plane(24.94 + x, 60.17 + y))
    assert (lon, lat) == pytest.approx((24.94 + x, 60.17 + y), abs=1e-10)
    east, north = plane.to_plane(24.94 + x, 60.17 + y)
    assert math.hypot(east, north) == pytest.approx(
        distance_m(24.94, 60.17, 24.94 + x, 60.17 + y), rel=5e-3, abs=0.01
    )
