"""Distances, bearings and a flat plane for a town-sized piece of the globe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import asin, atan2, cos, degrees, radians, sin, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG: (2a + b) / 3 of GRS 80)."""

METRES_PER_DEGREE = EARTH_RADIUS_M * radians(1.0)

Bearing = Literal[
    "north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"
]
BEARINGS: tuple[Bearing, ...] = (
    "north",
    "north-east",
    "east",
    "south-east",
    "south",
    "south-west",
    "west",
    "north-west",
)
BEARINGS_ZH: tuple[str, ...] = ("北", "东北", "东", "东南", "南", "西南", "西", "西北")


def distance_m(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Great-circle distance in metres between two points in degrees (haversine formula).

    On a sphere: within 0.6 % of the ellipsoid's distance. Any two points, also antipodes.
    """
    phi_a, phi_b = radians(lat_a), radians(lat_b)
    half_lat = sin((phi_b - phi_a) / 2.0)
    half_lon = sin(radians(lon_b - lon_a) / 2.0)
    square = half_lat * half_lat + cos(phi_a) * cos(phi_b) * half_lon * half_lon
    return 2.0 * EARTH_RADIUS_M * asin(sqrt(min(1.0, square)))


def short_distance_m(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Distance in metres for points of one town: flat, about three times faster.

    Within 0.1 % of `distance_m` up to 20 km below 70 degrees of latitude. Not across the
    180th meridian.
    """
    x = (lon_b - lon_a) * cos(radians((lat_a + lat_b) / 2.0))
    y = lat_b - lat_a
    return METRES_PER_DEGREE * sqrt(x * x + y * y)


def line_length_m(line: Sequence[tuple[float, float]]) -> float:
    """The length of a line of points (longitude, latitude) within one town, in metres."""
    return sum(short_distance_m(*one, *other) for one, other in pairwise(line))


def point_along(line: Sequence[tuple[float, float]], share: float) -> tuple[float, float]:
    """The point at that share (0 to 1, cut off beyond) of a line's length."""
    left_m = line_length_m(line) * min(max(share, 0.0), 1.0)
    for one, other in pairwise(line):
        step_m = short_distance_m(*one, *other)
        if step_m > 0 and left_m <= step_m:
            part = left_m / step_m
            return one[0] + (other[0] - one[0]) * part, one[1] + (other[1] - one[1]) * part
        left_m -= step_m
    return line[-1]


def lengths_m(
    starts: npt.NDArray[np.int64], lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The lengths of many lines in metres: line k has the points `starts[k]` to `starts[k + 1]`.

    As `line_length_m`: flat at the latitude of each piece.
    """
    if len(lon) < 2:
        return np.zeros(max(0, len(starts) - 1))
    middle = np.radians((lat[1:] + lat[:-1]) / 2.0)
    pieces = METRES_PER_DEGREE * np.hypot(np.diff(lon) * np.cos(middle), np.diff(lat))
    along = np.concatenate([[0.0], np.cumsum(pieces)])
    return along[starts[1:] - 1] - along[starts[:-1]]


def bearing_deg(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Initial course from a to b in degrees clockwise from north, 0 <= course < 360."""
    phi_a, phi_b, step = radians(lat_a), radians(lat_b), radians(lon_b - lon_a)
    x = sin(step) * cos(phi_b)
    y = cos(phi_a) * sin(phi_b) - sin(phi_a) * cos(phi_b) * cos(step)
    return degrees(atan2(x, y)) % 360.0 % 360.0  # -1e-17 % 360.0 is 360.0, hence twice


def bearing(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> Bearing:
    """The course from a to b as one of eight words."""
    return BEARINGS[_octant(bearing_deg(lon_a, lat_a, lon_b, lat_b))]


def bearing_words(lon_a: float, lat_a: float, lon_b: float, lat_b: float, lang: str) -> str:
    """The course from a to b for people: in Chinese where `lang` starts with zh, else English."""
    words = BEARINGS_ZH if lang.startswith("zh") else BEARINGS
    return words[_octant(bearing_deg(lon_a, lat_a, lon_b, lat_b))]


def _octant(course_deg: float) -> int:
    return int((course_deg + 22.5) // 45.0) % 8


@dataclass(frozen=True, slots=True)
class Plane:
    """A flat map of metres around one point: east is x, north is y.

    Equirectangular: at 15 km from the centre lengths are true within 0.5 % up to 60 degrees of
    latitude. Good for cutting and comparing areas of a county, not for surveying.
    """

    lon: float
    lat: float

    @property
    def metres_per_lon(self) -> float:
        """Metres in one degree of longitude at the centre."""
        return METRES_PER_DEGREE * cos(radians(self.lat))

    @property
    def metres_per_lat(self) -> float:
        """Metres in one degree of latitude."""
        return METRES_PER_DEGREE

    def to_plane(self, lon: float, lat: float) -> tuple[float, float]:
        """Metres east and north of the centre."""
        return (lon - self.lon) * self.metres_per_lon, (lat - self.lat) * METRES_PER_DEGREE

    def to_globe(self, x: float, y: float) -> tuple[float, float]:
        """Longitude and latitude in degrees of a point of the plane."""
        return self.lon + x / self.metres_per_lon, self.lat + y / METRES_PER_DEGREE
