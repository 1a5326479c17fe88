"""A small square town for simulation: four tiers of boxes, made in milliseconds, without a map."""

from __future__ import annotations

from typing import Final

import shapely

from tocsin.geography.areas import Atlas
from tocsin.geography.tiers import Area, names_of
from tocsin.kernel.shared import AreaId, Place, Tier

WEST, SOUTH, EAST, NORTH = 24.90, 60.15, 24.98, 60.19
"""About 4.4 km a side, where Helsinki lies."""
TOWNS: Final = 2
VILLAGES: Final = 2
CELLS: Final = 4


def plain_atlas() -> Atlas:
    """One county, two towns in a row, two villages in each, four cells in each of them."""
    county = AreaId("county")
    areas = [_area(county, "county", None, (WEST, SOUTH, EAST, NORTH))]
    width = (EAST - WEST) / TOWNS
    height = (NORTH - SOUTH) / VILLAGES
    for column in range(TOWNS):
        west, east = WEST + column * width, WEST + (column + 1) * width
        town = AreaId(f"town-{column + 1}")
        areas.append(_area(town, "town", county, (west, SOUTH, east, NORTH)))
        for row in range(VILLAGES):
            south, north = SOUTH + row * height, SOUTH + (row + 1) * height
            village = AreaId(f"{town}-{row + 1}")
            areas.append(_area(village, "village", town, (west, south, east, north)))
            for number in range(CELLS):
                step = width / CELLS
                box = (west + number * step, south, west + (number + 1) * step, north)
                cell = AreaId(f"{village}-{number + 1}")
                areas.append(_area(cell, "cell", village, box))
    return Atlas(areas)


def spot(across: float, up: float) -> Place:
    """A place in the town by two shares, each 0 to 1."""
    return Place(WEST + (EAST - WEST) * across, SOUTH + (NORTH - SOUTH) * up)


def _area(
    area_id: AreaId, tier: Tier, parent: AreaId | None, box: tuple[float, float, float, float]
) -> Area:
    names = names_of(en=area_id, **{"zh-CN": area_id})
    return Area(area_id, tier, names, parent, shapely.box(*box))
