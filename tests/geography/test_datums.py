"""Chinese datums against public test points, and the inverse against the forward series."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.geography.datums import (
    DATUMS,
    Datum,
    bd09_of_gcj02,
    from_wgs84,
    is_shifted,
    to_wgs84,
)
from tocsin.geography.distance import distance_m

# (lon, lat) in WGS84 -> GCJ-02. The first three are the test points of the public project
# `eviltransform` (Shanghai, Shenzhen, Beijing), the last that of `coordtransform`.
GCJ02_POINTS = [
    (121.5272106, 31.1774276, 121.531541859215, 31.17530398364597),
    (113.912316, 22.543847, 113.9171764808363, 22.540796131694766),
    (116.377817, 39.911954, 116.38404722455657, 39.91334545536069),
    (116.404, 39.915, 116.41024449916938, 39.91640428150164),
]


@pytest.mark.parametrize(("lon", "lat", "shifted_lon", "shifted_lat"), GCJ02_POINTS)
def test_published_points(lon: float, lat: float, shifted_lon: float, shifted_lat: float) -> None:
    there = from_wgs84(lon, lat, "gcj02")
    assert there.lon == pytest.approx(shifted_lon, abs=1e-9)
    assert there.lat == pytest.approx(shifted_lat, abs=1e-9)
    back = to_wgs84(shifted_lon, shifted_lat, "gcj02")
    assert distance_m(lon, lat, back.lon, back.lat) < 0.001


def test_published_baidu_points() -> None:
    # Test points of `coordtransform`; its own inverse is not exact, hence the half metre.
    lon, lat = bd09_of_gcj02(116.404, 39.915)
    assert (lon, lat) == pytest.approx((116.41036949371029, 39.92133699351021), abs=1e-9)
    wgs84 = to_wgs84(116.404, 39.915, "bd09")
    gcj02 = from_wgs84(wgs84.lon, wgs84.lat, "gcj02")
    assert distance_m(gcj02.lon, gcj02.lat, 116.39762729119315, 39.90865673957631) < 0.5


@settings(deadline=None)
@given(
    st.floats(73.5, 135.0),
    st.floats(18.2, 53.5),
    st.sampled_from(DATUMS),
)
def test_there_and_back_inside_china(lon: float, lat: float, datum: Datum) -> None:
    there = from_wgs84(lon, lat, datum)
    back = to_wgs84(there.lon, there.lat, datum)
    assert distance_m(lon, lat, back.lon, back.lat) < 0.5
    moved_m = distance_m(lon, lat, there.lon, there.lat)
    assert moved_m == 0 if datum == "wgs84" else 0 < moved_m < 2500


@settings(deadline=None)
@given(st.floats(-180, 180), st.floats(-90, 90), st.sampled_from(DATUMS))
def test_elsewhere_nothing_moves(lon: float, lat: float, datum: Datum) -> None:
    if is_shifted(lon, lat):
        # Anything, but a coordinate: also beside the box's edge, where no exact inverse exists.
        there = to_wgs84(lon, lat, datum)
        assert distance_m(lon, lat, there.lon, there.lat) < 5000
    else:
        assert to_wgs84(lon, lat, datum) == from_wgs84(lon, lat, datum)
        assert to_wgs84(lon, lat, datum).lon == lon


def test_one_step_would_not_do() -> None:
    """The usual one-step inverse misses by more than half a metre: hence the exact one."""
    lon, lat = 114.13, 51.37
    there = from_wgs84(lon, lat, "gcj02")
    twice = from_wgs84(there.lon, there.lat, "gcj02")
    one_step = (2 * there.lon - twice.lon, 2 * there.lat - twice.lat)
    exact = to_wgs84(there.lon, there.lat, "gcj02")
    assert distance_m(lon, lat, *one_step) > 0.5
    assert distance_m(lon, lat, exact.lon, exact.lat) < 0.001


@pytest.mark.parametrize("lon", [math.nan, math.inf, 181.0])
def test_no_coordinate_is_refused(lon: float) -> None:
    with pytest.raises(ValueError, match="not a coordinate"):
        to_wgs84(lon, 39.9, "gcj02")


def test_unknown_datum_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown datum"):
        to_wgs84(116.4, 39.9, "cgcs2000")  # pyright: ignore[reportArgumentType]
