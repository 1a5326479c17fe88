"""Small towns drawn by hand and by Hypothesis, for the tests of this room."""

from __future__ import annotations

from shapely import MultiPolygon, Polygon, box

from tocsin.geography.areas import Area, names_of
from tocsin.kernel.shared import AreaId, Tier

Outline = Polygon | MultiPolygon


def area(area_id: str, tier: Tier, parent: str | None, polygon: Outline) -> Area:
    return Area(
        AreaId(area_id),
        tier,
        names_of(en=area_id.title(), zh_CN=f"{area_id}区"),
        None if parent is None else AreaId(parent),
        polygon,
    )


def chessboard(size: int = 4, west: float = 24.9, south: float = 60.1) -> list[Area]:
    """A county of two towns, each of two villages, over size x size even cells."""
    assert size % 4 == 0
    step = 0.01 / size
    half, quarter = size // 2, size // 4

    def block(x0: int, x1: int, y0: int = 0, y1: int = size) -> Polygon:
        # Corners as multiples of the step, so that neighbours' corners are the same floats.
        return box(west + x0 * step, south + y0 * step, west + x1 * step, south + y1 * step)

    areas = [area("county", "county", None, block(0, size))]
    for town in range(2):
        areas.append(area(f"t{town}", "town", "county", block(town * half, (town + 1) * half)))
        for village in range(2):
            first = town * half + village * quarter
            name = f"t{town}v{village}"
            areas.append(area(name, "village", f"t{town}", block(first, first + quarter)))
            for x in range(first, first + quarter):
                for y in range(size):
                    cell = block(x, x + 1, y, y + 1)
                    areas.append(area(f"{name}-{x:02}{y:02}", "cell", name, cell))
    return areas
