"""Integer keys for small squares of the globe, so that a store can find what lies near a point.

The globe is cut into rows of equal height, each row into columns as wide as the row allows. A key
packs the side, the row and the column into 59 bits: it fits a signed BIGINT, and keys of different
sides never meet in one index.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, cos, floor, isfinite, radians

from tocsin.geography.distance import METRES_PER_DEGREE

DEFAULT_SIDE_M = 200
MIN_SIDE_M = 10  # 2 million rows: 21 bits; smaller squares than a GPS error find nothing
MAX_SIDE_M = 60_000  # 16 bits
MAX_REACH_SQUARES = 50  # a wider circle is a question for an area, not for 10,000 keys

_ROW_BITS, _COLUMN_BITS = 21, 22
_ROW_MASK, _COLUMN_MASK = (1 << _ROW_BITS) - 1, (1 << _COLUMN_BITS) - 1
# Squares are this much wider than asked: a straight line over the globe crosses slightly more
# longitude than a step along the parallel does.
_SLACK = 1.001


def cell_key(lon: float, lat: float, size_m: int = DEFAULT_SIDE_M) -> int:
    """The key of the square of about `size_m` metres that holds the point (degrees).

    Squares are never narrower than `size_m` below 85 degrees of latitude. Raises `ValueError` for
    numbers that are no coordinates, or a side outside 10 m to 60 km.
    """
    if not (isfinite(lon) and isfinite(lat) and -180 <= lon <= 180 and -90 <= lat <= 90):
        raise ValueError("not a coordinate: longitude -180 to 180, latitude -90 to 90")
    rows = _rows(size_m)
    row = min(rows - 1, int((lat + 90.0) / 180.0 * rows))
    columns = _columns(size_m, row)
    column = min(columns - 1, int((lon + 180.0) / 360.0 * columns))
    return _pack(size_m, row, column)


def neighbours(key: int) -> tuple[int, ...]:
    """The square itself and every square that touches it, sorted; usually 9 to 11 keys.

    Whatever lies within the side's length of any point of the square is in one of them (below 85
    degrees of latitude; the 180th meridian is no border).
    """
    return _block(key, 1)


def keys_around(
    lon: float, lat: float, radius_m: float, size_m: int = DEFAULT_SIDE_M
) -> tuple[int, ...]:
    """Keys of squares that together hold everything within `radius_m` of the point, sorted.

    Raises `ValueError` where the circle is wider than 50 squares: choose a larger side.
    """
    if not 0 <= radius_m <= MAX_REACH_SQUARES * size_m:
        raise ValueError(f"radius must be 0 to {MAX_REACH_SQUARES * size_m} m at this side")
    return _block(cell_key(lon, lat, size_m), max(1, ceil(radius_m / size_m)))


def _block(key: int, reach: int) -> tuple[int, ...]:
    size_m, row, column = _unpack(key)
    columns, rows = _columns(size_m, row), _rows(size_m)
    found: set[int] = set()
    for other in range(max(0, row - reach), min(rows, row + reach + 1)):
        there = _columns(size_m, other)
        # The square's own span and `reach` squares of the wider kind on each side, in columns
        # of the other row; all in integers.
        wide, narrow = (reach, 0) if there > columns else (0, reach)
        first = (column - wide) * there // columns - narrow
        last = -(-(column + 1 + wide) * there // columns) - 1 + narrow
        for step in range(first, min(last, first + there - 1) + 1):
            found.add(_pack(size_m, other, step % there))
    return tuple(sorted(found))


@lru_cache(maxsize=64)
def _rows(size_m: int) -> int:
    if not MIN_SIDE_M <= size_m <= MAX_SIDE_M:
        raise ValueError(f"side must be {MIN_SIDE_M} to {MAX_SIDE_M} m")
    return floor(180.0 * METRES_PER_DEGREE / (size_m * _SLACK))


@lru_cache(maxsize=16_384)
def _columns(size_m: int, row: int) -> int:
    rows = _rows(size_m)
    height = 180.0 / rows
    farthest = min(90.0, max(abs(row * height - 90.0), abs((row + 1) * height - 90.0)))
    around_m = 360.0 * METRES_PER_DEGREE * cos(radians(farthest))
    return max(1, floor(around_m / (size_m * _SLACK)))


def _pack(size_m: int, row: int, column: int) -> int:
    return (size_m << _ROW_BITS | row) << _COLUMN_BITS | column


def _unpack(key: int) -> tuple[int, int, int]:
    size_m = key >> (_ROW_BITS + _COLUMN_BITS)
    return size_m, key >> _COLUMN_BITS & _ROW_MASK, key & _COLUMN_MASK
