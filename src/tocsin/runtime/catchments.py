"""Where the public is shown a case: a fixed catchment of many homes, never a place.

Every case of a catchment stands at the same point, so that a hundred cases of one home say no more
than one (a random shift would average out). A catchment is a grid cell in which the town's map
knows at least `HOMES_MIN` addresses, together with the emptier cells nearest to it; a village
without such a cell is one catchment, and so is every village of a town without a map.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from weakref import WeakKeyDictionary

from tocsin.geography.areas import Atlas, Outside
from tocsin.geography.distance import short_distance_m
from tocsin.geography.gazetteer import Gazetteer
from tocsin.kernel.shared import AreaId, AreaPath, Place
from tocsin.runtime.services import Services

HOMES_MIN: Final = 8
"""Addresses of a catchment: a case in it could be anybody's of eight doors or more."""
DIGITS: Final = 4
"""Decimals of its point: ten metres, on something hundreds of metres wide."""

Catchments = Mapping[AreaId, AreaId]
"""The area at whose middle the cases of a cell are shown: a cell, or its village."""


async def gazetteer_of(services: Services) -> Gazetteer | None:
    """What the town's map names; read beside the loop the first time."""
    if services.map is None:
        return None
    if services.map.knows_places:
        return services.map.gazetteer()
    return await asyncio.to_thread(services.map.gazetteer)


async def catchments_of(services: Services) -> Catchments:
    """The catchments of the map that is there now; empty without one."""
    known = await gazetteer_of(services)
    if known is None:
        return {}
    found = _made.get(known)
    if found is None:
        found = await asyncio.to_thread(catchments, services.atlas, known)
        _made[known] = found
    return found


_made: WeakKeyDictionary[Gazetteer, Catchments] = WeakKeyDictionary()


def catchments(atlas: Atlas, known: Gazetteer) -> Catchments:
    """Every cell of the atlas with its catchment, by the addresses that a map knows."""
    homes: Counter[AreaId] = Counter()
    for street in known.content.streets:
        for _, lon, lat in street.houses:
            path = atlas.locate(lon, lat)
            if not isinstance(path, Outside):
                homes[path.cell] += 1
    found: dict[AreaId, AreaId] = {}
    for village in atlas.tier("village"):
        cells = atlas.cells(village.id)
        dense = [cell for cell in cells if homes[cell] >= HOMES_MIN]
        for cell in cells:
            found[cell] = _nearest(atlas, cell, dense) if dense else village.id
    return found


def _nearest(atlas: Atlas, cell: AreaId, dense: list[AreaId]) -> AreaId:
    if cell in dense:
        return cell
    here = middle(atlas, cell)
    return min(dense, key=lambda each: (short_distance_m(*here, *middle(atlas, each)), each))


def public_point(areas: AreaPath, atlas: Atlas, known: Catchments) -> Place:
    """Where everybody is shown what happened in these areas: hangs on them alone."""
    return Place(*middle(atlas, known.get(areas.cell, areas.village)))


@lru_cache(maxsize=8_192)
def middle(atlas: Atlas, area: AreaId) -> tuple[float, float]:
    """A point of an area that its shape alone decides."""
    inside = atlas.area(area).polygon.representative_point()
    return round(inside.x, DIGITS), round(inside.y, DIGITS)


__all__ = [
    "HOMES_MIN",
    "Catchments",
    "catchments",
    "catchments_of",
    "gazetteer_of",
    "middle",
    "public_point",
]
