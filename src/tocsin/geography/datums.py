"""Chinese map datums. Inside Tocsin every place is WGS84; a source declares what it sends.

GCJ-02 is the datum of maps published in China, BD-09 the one Baidu Maps adds on top of it. Neither
is officially published. The series and constants used here were recovered by others and have been
public since 2013 (the `eviltransform` project documents them with test points, and `coordtransform`
those of BD-09); the ellipsoid is Krasovsky 1940: a = 6 378 245 m, 1/f = 298.3.
"""

from __future__ import annotations

from collections.abc import Callable
from math import atan2, cos, hypot, isfinite, pi, sin, sqrt
from typing import Literal

from tocsin.kernel.shared import Place

Datum = Literal["wgs84", "gcj02", "bd09"]
DATUMS: tuple[Datum, ...] = ("wgs84", "gcj02", "bd09")
_Forward = Callable[[float, float], tuple[float, float]]

KRASOVSKY_RADIUS_M = 6_378_245.0
KRASOVSKY_ECCENTRICITY_SQUARED = 0.00669342162296594323

# The box the published algorithm calls China. It is a box, not the border: neighbours inside it
# are shifted too, exactly as the public implementations do, so that both ends agree.
CHINA_WEST, CHINA_EAST = 72.004, 137.8347
CHINA_SOUTH, CHINA_NORTH = 0.8293, 55.8271

# The series is developed around this point.
ORIGIN_LON, ORIGIN_LAT = 105.0, 35.0

BAIDU_TURN = pi * 3000.0 / 180.0
BAIDU_LON_OFFSET, BAIDU_LAT_OFFSET = 0.0065, 0.006

# 1e-9 degrees are 0.1 mm; the inverse gains about three digits a round, so ten are plenty.
INVERSE_TOLERANCE_DEG = 1e-9
INVERSE_ROUNDS = 10


def is_shifted(lon: float, lat: float) -> bool:
    """Whether the Chinese datums differ from WGS84 at this point (the algorithm's box)."""
    return CHINA_WEST <= lon <= CHINA_EAST and CHINA_SOUTH <= lat <= CHINA_NORTH


def to_wgs84(lon: float, lat: float, datum: Datum) -> Place:
    """The WGS84 place of a point given in `datum`.

    Degrees. Accurate to 1 mm against the forward series inside China; outside the box nothing is
    changed. Raises `ValueError` for numbers that are no coordinates or an unknown datum.
    """
    _check(lon, lat, datum)
    match datum:
        case "wgs84":
            return Place(lon, lat)
        case "gcj02":
            return _invert(lon, lat, _gcj02_of_wgs84)
        case "bd09":
            return _invert(lon, lat, _bd09_of_wgs84)


def from_wgs84(lon: float, lat: float, datum: Datum) -> Place:
    """The point in `datum` of a WGS84 place, for sources and maps that speak it.

    Degrees; outside China's box unchanged. Raises `ValueError` as `to_wgs84` does.
    """
    _check(lon, lat, datum)
    match datum:
        case "wgs84":
            return Place(lon, lat)
        case "gcj02":
            return Place(*_gcj02_of_wgs84(lon, lat))
        case "bd09":
            return Place(*_bd09_of_wgs84(lon, lat))


def bd09_of_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Baidu's point for a GCJ-02 point: a small turn and stretch, then a constant offset."""
    radius = hypot(lon, lat) + 0.00002 * sin(lat * BAIDU_TURN)
    angle = atan2(lat, lon) + 0.000003 * cos(lon * BAIDU_TURN)
    return radius * cos(angle) + BAIDU_LON_OFFSET, radius * sin(angle) + BAIDU_LAT_OFFSET


def _gcj02_of_wgs84(lon: float, lat: float) -> tuple[float, float]:
    if not is_shifted(lon, lat):
        return lon, lat
    east, north = _shift_terms(lon - ORIGIN_LON, lat - ORIGIN_LAT)
    latitude = lat * pi / 180.0
    # Radii of curvature of the ellipsoid turn the shift, in metres, into degrees.
    factor = 1.0 - KRASOVSKY_ECCENTRICITY_SQUARED * sin(latitude) ** 2
    meridian_m = (
        KRASOVSKY_RADIUS_M * (1.0 - KRASOVSKY_ECCENTRICITY_SQUARED) / (factor * sqrt(factor))
    )
    parallel_m = KRASOVSKY_RADIUS_M / sqrt(factor) * cos(latitude)
    return lon + east * 180.0 / (parallel_m * pi), lat + north * 180.0 / (meridian_m * pi)


def _shift_terms(x: float, y: float) -> tuple[float, float]:
    """The published series: metres east and north for degrees from the origin."""
    waves = 20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east += (waves + 20.0 * sin(x * pi) + 40.0 * sin(x * pi / 3.0)) * 2.0 / 3.0
    east += (150.0 * sin(x * pi / 12.0) + 300.0 * sin(x * pi / 30.0)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north += (waves + 20.0 * sin(y * pi) + 40.0 * sin(y * pi / 3.0)) * 2.0 / 3.0
    north += (160.0 * sin(y * pi / 12.0) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    return east, north


def _bd09_of_wgs84(lon: float, lat: float) -> tuple[float, float]:
    if not is_shifted(lon, lat):
        return lon, lat
    return bd09_of_gcj02(*_gcj02_of_wgs84(lon, lat))


def _invert(lon: float, lat: float, forward: _Forward) -> Place:
    """Fixed-point inverse: the shift changes so slowly that subtracting the miss converges."""
    guess_lon, guess_lat = lon, lat
    for _ in range(INVERSE_ROUNDS):
        seen_lon, seen_lat = forward(guess_lon, guess_lat)
        miss_lon, miss_lat = lon - seen_lon, lat - seen_lat
        guess_lon, guess_lat = guess_lon + miss_lon, guess_lat + miss_lat
        if abs(miss_lon) < INVERSE_TOLERANCE_DEG and abs(miss_lat) < INVERSE_TOLERANCE_DEG:
            break
    # Beside the box's edge a guess may step out of it and back for ever. Such a point has no
    # WGS84 place inside the box that maps to it, so it is one of those that were not shifted.
    if not is_shifted(guess_lon, guess_lat):
        return Place(lon, lat)
    return Place(guess_lon, guess_lat)


def _check(lon: float, lat: float, datum: str) -> None:
    if datum not in DATUMS:
        raise ValueError(f"unknown datum: one of {', '.join(DATUMS)}")
    if not (isfinite(lon) and isfinite(lat) and -180 <= lon <= 180 and -90 <= lat <= 90):
        raise ValueError("not a coordinate: longitude -180 to 180, latitude -90 to 90")
