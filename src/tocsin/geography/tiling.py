"""Cutting ground into pieces that fit together without gaps or overlaps; all in a flat plane.

Pieces that were cut one by one differ by rounding along their borders. `fit` redraws them on one
shared net of lines, so that neighbours share every corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon

from tocsin.geography.shapes import (
    DEGREE_STEP,
    METRE_STEP,
    Shapes,
    clipped,
    in_common,
    joined,
    lengths,
    shapes,
)
from tocsin.geography.tiers import Outline

_shapely = cast("Any", shapely)

STEP_DEG = 1e-7  # corners stand on a net of 1 cm; finer is below any survey


def parts_of(geometry: shapely.Geometry) -> tuple[Polygon, ...]:
    """The polygons in a geometry; lines and points that a cut leaves behind are dropped."""
    return tuple(
        part
        for part in cast("Sequence[shapely.Geometry]", _shapely.get_parts(geometry).tolist())
        if isinstance(part, Polygon) and part.area > 0
    ) or tuple(
        deep
        for part in cast("Sequence[shapely.Geometry]", _shapely.get_parts(geometry).tolist())
        if isinstance(part, MultiPolygon)
        for deep in parts_of(part)
    )


def cut_by_seeds(ground: Outline, seeds: Sequence[tuple[float, float]]) -> list[Outline]:
    """The ground nearest to each seed, in the order of seeds; all the ground is given away.

    Works in the plane's units. Seeds must differ; a seed far outside may get nothing and then has
    an empty polygon. Takes the square of the number of seeds: meant for a few dozen.
    """
    # Half-planes, one pair of seeds at a time, rather than the library's Voronoi diagram: that of
    # GEOS 3.14.1 gave overlapping regions for one of 400 random towns.
    west, south, east, north = ground.bounds
    frame = [(west, south), (east, south), (east, north), (west, north)]
    pieces: list[Outline] = []
    for seed in seeds:
        region = frame
        for other in seeds:
            if other != seed:
                region = _nearer(region, seed, other)
        whole = Polygon(region) if len(region) > 2 else Polygon()
        pieces.append(whole)
    return [
        _outline(parts_of(piece), METRE_STEP)
        for piece in clipped(pieces, ground, METRE_STEP).tolist()
    ]


_Spot = tuple[float, float]


def _nearer(region: list[_Spot], seed: _Spot, other: _Spot) -> list[_Spot]:
    """The part of a convex region that is nearer to the seed than to the other."""
    # Positive where a spot is nearer to the seed; zero on the line half-way.
    slope_x, slope_y = seed[0] - other[0], seed[1] - other[1]
    middle_x, middle_y = (seed[0] + other[0]) / 2, (seed[1] + other[1]) / 2
    sides = [(x - middle_x) * slope_x + (y - middle_y) * slope_y for x, y in region]
    kept: list[_Spot] = []
    for index, (x, y) in enumerate(region):
        before = index - 1
        if (sides[index] >= 0) != (sides[before] >= 0):
            share = sides[before] / (sides[before] - sides[index])
            last_x, last_y = region[before]
            kept.append((last_x + share * (x - last_x), last_y + share * (y - last_y)))
        if sides[index] >= 0:
            kept.append((x, y))
    return kept


def cut_in_squares(ground: Outline, side: float) -> list[Outline]:
    """The ground in squares of `side`, row by row from the south-west, clipped to the ground.

    The squares stand centred on the ground's bounds. What is smaller than a third of a square
    joins the neighbour with which it shares most border (an islet, the nearest one), so no piece
    is a sliver unless the ground itself is one.
    """
    west, south, east, north = ground.bounds
    columns = max(1, round((east - west) / side))
    rows = max(1, round((north - south) / side))
    # Fewer, slightly larger or smaller squares rather than a row of halves at the edge.
    wide, high = (east - west) / columns, (north - south) / rows
    lefts, bottoms = np.tile(np.arange(columns), rows), np.repeat(np.arange(rows), columns)
    squares = cast(
        "Shapes",
        _shapely.box(
            west + lefts * wide,
            south + bottoms * high,
            west + (lefts + 1) * wide,
            south + (bottoms + 1) * high,
        ),
    )
    found = clipped(squares.tolist(), ground, METRE_STEP)
    pieces: list[Outline] = [part for piece in found.tolist() for part in parts_of(piece)]
    return _without_slivers(pieces, wide * high / 3)


def _without_slivers(pieces: list[Outline], least: float) -> list[Outline]:
    """Join the smallest piece to its closest neighbour until none is too small."""
    pieces = list(pieces)
    while len(pieces) > 1:
        areas = [piece.area for piece in pieces]
        smallest = min(range(len(pieces)), key=areas.__getitem__)
        if areas[smallest] >= least:
            break
        sliver = pieces.pop(smallest)
        closest = closest_of(pieces, sliver)
        pieces[closest] = joined([pieces[closest], sliver], METRE_STEP)
    return sorted(pieces, key=_order)


def closest_of(pieces: Sequence[Outline], piece: Outline) -> int:
    """Index of the one that shares most border with the piece; without any, of the nearest."""
    others = shapes(pieces)
    borders = lengths(in_common(others, shapes([piece] * len(pieces)), METRE_STEP))
    if borders.max() > 0:
        return int(np.argmax(borders))
    return int(np.argmin(_shapely.distance(others, piece)))


def _order(piece: Outline) -> tuple[float, float]:
    west, south, _, _ = piece.bounds
    return south, west


def fit(pieces: Sequence[Outline]) -> list[Outline]:
    """The same pieces in degrees, redrawn on one net of lines: no gaps, no overlaps.

    Corners move by 1 cm at most. Ground between pieces goes to the nearest one; a piece thinner
    than the net vanishes into its neighbours and comes back empty.
    """
    borders = shapes([piece.boundary for piece in pieces])
    net = _shapely.union_all(borders, grid_size=STEP_DEG)
    faces = cast("list[Polygon]", _shapely.get_parts(_shapely.polygonize([net])).tolist())
    tree = shapely.STRtree(shapes(pieces))
    owned: list[list[Polygon]] = [[] for _ in pieces]
    for face in faces:
        inside = face.representative_point()
        owners = tree.query(inside, predicate="within")
        if len(owners) == 0 and face.area > STEP_DEG * face.length:
            continue  # a real hole in the ground, such as a lake another county owns
        owner = int(owners.min()) if len(owners) else int(tree.query_nearest(inside).min())
        owned[owner].append(face)
    return [_outline(tuple(mine), DEGREE_STEP) for mine in owned]


def _outline(parts: Sequence[Polygon], step: float) -> Outline:
    if len(parts) == 1:
        return parts[0]
    return joined(parts, step) if parts else Polygon()
