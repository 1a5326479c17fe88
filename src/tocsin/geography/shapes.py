"""The few shapely functions whose types are open, closed here once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import shapely

from tocsin.geography.distance import Plane

Shapes = npt.NDArray[np.object_]
Sizes = npt.NDArray[np.float64]

_shapely = cast("Any", shapely)


def shapes(geometries: Sequence[shapely.Geometry]) -> Shapes:
    """The geometries as one array, for functions that work on all at once."""
    array: Shapes = np.empty(len(geometries), dtype=object)
    array[:] = geometries
    return array


def bounds_of(geometries: Sequence[shapely.Geometry]) -> tuple[float, float, float, float]:
    """West, south, east, north around all of them; NaN for none."""
    west, south, east, north = _shapely.total_bounds(shapes(geometries)).tolist()
    return west, south, east, north


def sizes(geometries: Shapes) -> Sizes:
    """The size of each, in the square of its own units."""
    return _shapely.area(geometries)


def lengths(geometries: Shapes) -> Sizes:
    """The length of each, in its own units."""
    return _shapely.length(geometries)


def in_common(one: Shapes, other: Shapes) -> Shapes:
    """What each pair shares."""
    return _shapely.intersection(one, other)


def left_over(one: Shapes, other: Shapes) -> Shapes:
    """What of each `one` is not in its `other`."""
    return _shapely.difference(one, other)


def nearest_point(geometry: shapely.Geometry, point: shapely.Point) -> tuple[float, float]:
    """The point of the geometry that is closest to the given one."""
    x, y = _shapely.shortest_line(geometry, point).coords[0]
    return float(x), float(y)


def flatten(geometry: shapely.Geometry, plane: Plane) -> shapely.Geometry:
    """The geometry, from degrees, in metres of the plane."""
    centre, scale = _frame(plane)

    def to_plane(points: Sizes) -> Sizes:
        return (points - centre) * scale

    return _shapely.transform(geometry, to_plane)


def unflatten(geometry: shapely.Geometry, plane: Plane) -> shapely.Geometry:
    """The geometry, from metres of the plane, in degrees."""
    centre, scale = _frame(plane)

    def to_globe(points: Sizes) -> Sizes:
        return points / scale + centre

    return _shapely.transform(geometry, to_globe)


def _frame(plane: Plane) -> tuple[Sizes, Sizes]:
    return (
        np.asarray([plane.lon, plane.lat]),
        np.asarray([plane.metres_per_lon, plane.metres_per_lat]),
    )
