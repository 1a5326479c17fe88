"""Land and sea from coastlines: closed against the extract's box where they leave it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import shapely

BESIDE: float = 2e-6
"""Degrees, some 20 cm: how far beside a coastline is asked whether land or sea is there."""

Line = Sequence[tuple[float, float]]
_shapely = cast("Any", shapely)


def land_and_sea(lines: Sequence[Line], box: tuple[float, float, float, float]) -> tuple[Any, Any]:
    """The land and the sea of a box in degrees, as shapely geometries (either may be empty).

    The map draws coastlines with land on their left. Without one in the box all of it is land.
    Where drawn lines disagree the longer shore has its way.
    """
    frame = shapely.box(*box)
    coast = [shapely.LineString(line) for line in lines if len(line) >= 2]
    coast = [each for each in coast if each.intersects(frame)]
    if not coast:
        return frame, shapely.Polygon()
    cut = _shapely.unary_union([frame.exterior, *(each.intersection(frame) for each in coast)])
    faces = [face for face in _shapely.polygonize([cut]).geoms if face.area > 0]
    votes = _votes(coast, faces)
    land = [face for face, vote in zip(faces, votes, strict=True) if vote >= 0]
    sea = [face for face, vote in zip(faces, votes, strict=True) if vote < 0]
    return shapely.union_all(land), shapely.union_all(sea)


def _votes(coast: Sequence[Any], faces: Sequence[Any]) -> Any:
    """For each face the metres-like length of shore with it on the left, less on the right."""
    tree = _shapely.STRtree(faces)
    votes = np.zeros(len(faces))
    for line in coast:
        points = np.asarray(line.coords)
        step = np.diff(points, axis=0)
        length = np.hypot(step[:, 0], step[:, 1])
        step, length = step[length > 0], length[length > 0]
        middle = (points[:-1] + points[1:])[np.hypot(*np.diff(points, axis=0).T) > 0] / 2
        left = np.column_stack((-step[:, 1], step[:, 0])) / length[:, None] * BESIDE
        for side, sign in ((middle + left, 1.0), (middle - left, -1.0)):
            which, face = tree.query(_shapely.points(side), predicate="within")
            np.add.at(votes, face, sign * length[which])
    return votes
