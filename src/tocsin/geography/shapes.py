"""The few shapely functions whose types are open, closed here once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import shapely

from tocsin.geography.distance import Plane
from tocsin.geography.tiers import Outline

Shapes = npt.NDArray[np.object_]
Sizes = npt.NDArray[np.float64]

_shapely = cast("Any", shapely)

# Overlays of GEOS 3.14.1 are not to be trusted blindly: of 3,000 unions of pieces that differ by
# rounding along their borders 22 silently lost ground; on a net of points none did, but then one
# of 400 towns was clipped wrongly. So areas are added up after each, and it is done again on
# another net where they do not agree.
AGREEMENT = 1e-7
METRE_STEP = 1e-6
"""The net for shapes in metres of a plane: a thousandth of a millimetre."""
DEGREE_STEP = 1e-9
"""The net for shapes in degrees: a tenth of a millimetre."""


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


def in_common(one: Shapes, other: Shapes, step: float | None = None) -> Shapes:
    """What each pair shares, with corners on a net of `step`, if given."""
    return _shapely.intersection(one, other, grid_size=step)


def left_over(one: Shapes, other: Shapes, step: float | None = None) -> Shapes:
    """What of each `one` is not in its `other`, with corners on a net of `step`, if given."""
    return _shapely.difference(one, other, grid_size=step)


def clipped(regions: Sequence[shapely.Geometry], ground: Outline, step: float) -> Shapes:
    """What of the ground is in each region; regions must cover the ground without overlap."""
    size, best = ground.area, None
    for net in (None, step, 100 * step, 10_000 * step):
        pieces = in_common(shapes(regions), shapes([ground] * len(regions)), net)
        miss = abs(float(sizes(pieces).sum()) - size)
        if best is None or miss < best[0]:
            best = miss, pieces
        if miss <= AGREEMENT * size:
            break
    assert best is not None, "the loop runs"
    return best[1]


def joined(pieces: Sequence[Outline], step: float) -> Outline:
    """One outline around pieces that do not overlap."""
    size, best = float(sizes(shapes(pieces)).sum()), None
    for net in (step, None, 100 * step, 10_000 * step):
        union = _shapely.union_all(shapes(pieces), grid_size=net)
        assert isinstance(union, shapely.Polygon | shapely.MultiPolygon), "pieces are polygons"
        miss = abs(union.area - size)
        if best is None or miss < best[0]:
            best = miss, union
        if miss <= AGREEMENT * size:
            break
    assert best is not None, "the loop runs"
    return best[1]


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
