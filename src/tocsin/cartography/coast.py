"""Land and sea from coastlines: closed against the extract's box where they leave it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import shapely

BESIDE: float = 2e-6
"""Degrees, some 20 cm: how far beside a coastline is asked whether land or sea is there."""
STRAY: float = 0.2
"""An end that stops short of the box by up to this share of its side is led on to it: extracts
drop the places outside, and with them the last step of a coastline."""
SURE: float = 0.5
"""Sea is where at least this share of its shore says so, net: in doubt it is land."""

Line = Sequence[tuple[float, float]]
Box = tuple[float, float, float, float]
_shapely = cast("Any", shapely)


def land_and_sea(lines: Sequence[Line], box: Box) -> tuple[Any, Any]:
    """The land and the sea of a box in degrees, as shapely geometries (either may be empty).

    The map draws coastlines with land on their left. Without one in the box all of it is land.
    """
    frame = shapely.box(*box)
    coast = [each for each in _joined(lines) if each.intersects(frame)]
    if not coast:
        return frame, shapely.Polygon()
    reach = STRAY * max(box[2] - box[0], box[3] - box[1])
    bridges = [bridge for line in coast for bridge in _bridges(line, frame, reach)]
    cut = _shapely.unary_union([frame.exterior, *bridges, *(c.intersection(frame) for c in coast)])
    faces = [face for face in _shapely.polygonize([cut]).geoms if face.area > 0]
    is_sea = _votes(coast, faces)
    sea = [face for face, wet in zip(faces, is_sea, strict=True) if wet]
    land = [face for face, wet in zip(faces, is_sea, strict=True) if not wet]
    return shapely.union_all(land), shapely.union_all(sea)


def _joined(lines: Sequence[Line]) -> list[Any]:
    """The pieces joined end to start, keeping their direction."""
    pieces = [shapely.LineString(line) for line in lines if len(line) >= 2]
    if not pieces:
        return []
    merged = _shapely.line_merge(_shapely.MultiLineString(pieces), directed=True)
    return list(merged.geoms) if merged.geom_type == "MultiLineString" else [merged]


def _bridges(line: Any, frame: Any, reach: float) -> Iterator[Any]:
    """From the ends of a line that lie inside the box, the shortest way to its edge."""
    if line.is_closed:
        return
    for end in (line.coords[0], line.coords[-1]):
        point = shapely.Point(end)
        edge = frame.exterior
        if frame.contains(point) and 0 < edge.distance(point) <= reach:
            yield shapely.LineString([end, edge.interpolate(edge.project(point)).coords[0]])


def _votes(coast: Sequence[Any], faces: Sequence[Any]) -> Any:
    """Whether each face is sea, by the length of shore with it on the right and on the left."""
    tree = _shapely.STRtree(faces)
    net, total = np.zeros(len(faces)), np.zeros(len(faces))
    for line in coast:
        points = np.asarray(line.coords)
        step = np.diff(points, axis=0)
        length = np.hypot(step[:, 0], step[:, 1])
        kept = length > 0
        step, middle, length = step[kept], (points[:-1] + points[1:])[kept] / 2, length[kept]
        right = np.column_stack((step[:, 1], -step[:, 0])) / length[:, None] * BESIDE
        for side, sign in ((middle + right, 1.0), (middle - right, -1.0)):
            which, face = tree.query(_shapely.points(side), predicate="within")
            np.add.at(net, face, sign * length[which])
            np.add.at(total, face, length[which])
    return (total > 0) & (net > SURE * total)
