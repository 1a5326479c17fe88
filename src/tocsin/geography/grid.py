"""Grid cells: the lowest tier, cut from the areas above it."""

from __future__ import annotations

from shapely import MultiPolygon, Polygon

from tocsin.geography.distance import Plane
from tocsin.geography.shapes import flatten, unflatten
from tocsin.geography.tiers import Area, AtlasError, Outline, names_of
from tocsin.geography.tiling import cut_in_squares
from tocsin.kernel.shared import AreaId

DEFAULT_SIDE_M = 250.0  # what one grid worker walks in a quarter of an hour
MIN_SIDE_M = 20.0
MAX_CELLS = 50_000  # of one area; a larger one wants larger squares


def cut_in_cells(parent: Area, side_m: float = DEFAULT_SIDE_M) -> list[Area]:
    """The parent, a village or community, as grid cells of about `side_m` metres.

    Cells cover the parent without overlap, row by row from the south-west; slivers at the border
    join a neighbour. Ids are the parent's id and a running number, the same for the same input.
    Raises `AtlasError` for a side under 20 m or more than 50,000 cells.
    """
    if side_m < MIN_SIDE_M:
        raise AtlasError(f"cells of {side_m} m are too small; at least {MIN_SIDE_M:.0f} m")
    plane = plane_of(parent.polygon)
    ground = _outline(flatten(parent.polygon, plane))
    west, south, east, north = ground.bounds
    if (east - west) * (north - south) / (side_m * side_m) > MAX_CELLS:
        raise AtlasError(f"area {parent.id!r} needs over {MAX_CELLS} cells of {side_m:.0f} m")
    pieces = cut_in_squares(ground, side_m)
    digits = max(2, len(str(len(pieces))))
    return [
        Area(
            id=AreaId(f"{parent.id}-{number:0{digits}d}"),
            tier="cell",
            name=names_of(
                en=f"{parent.name_in('en')}, grid cell {number}",
                zh_CN=f"{parent.name_in('zh-CN')}第{number}网格",
            ),
            parent=parent.id,
            polygon=_outline(unflatten(piece, plane)),
        )
        for number, piece in enumerate(pieces, start=1)
    ]


def plane_of(outline: Outline) -> Plane:
    """The flat plane centred on an outline's bounds."""
    west, south, east, north = outline.bounds
    return Plane((west + east) / 2, (south + north) / 2)


def _outline(geometry: object) -> Outline:
    assert isinstance(geometry, Polygon | MultiPolygon), "a polygon stays one"
    return geometry
