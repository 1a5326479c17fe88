"""The atlas: four tiers of areas, and where in them a point lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType

import shapely

from tocsin.geography.checks import check_areas
from tocsin.geography.distance import Plane, distance_m
from tocsin.geography.lattice import NOWHERE, Lattice
from tocsin.geography.shapes import bounds_of, flatten, nearest_point
from tocsin.geography.tiers import Area, AtlasError, Names, names_of
from tocsin.kernel.shared import TIERS, AreaId, AreaPath, Tier

__all__ = ["Area", "Atlas", "AtlasError", "Names", "Outside", "names_of"]


@dataclass(frozen=True, slots=True)
class Outside:
    """The point lies in no county of this atlas. `nearest` is the closest grid cell."""

    nearest: AreaId
    distance_m: float


class Atlas:
    """All areas of a node, built once; every answer is the same for the same areas, in any order.

    Building checks the areas (`checks.check_areas`) and raises `AtlasError`. Afterwards nothing
    changes, so one atlas may be shared by threads.
    """

    __slots__ = (
        "_areas",
        "_by_tier",
        "_cell_tree",
        "_cells",
        "_children",
        "_counties",
        "_lattice",
        "_paths",
        "_plane",
    )

    def __init__(self, areas: Iterable[Area]) -> None:
        ordered = sorted(areas, key=lambda area: area.id)
        check_areas(ordered)
        self._areas = {area.id: area for area in ordered}
        self._by_tier = {
            tier: tuple(area for area in ordered if area.tier == tier) for tier in TIERS
        }
        children: dict[AreaId, list[AreaId]] = {area.id: [] for area in ordered}
        for area in ordered:
            if area.parent is not None:
                children[area.parent].append(area.id)
        self._children = {parent: tuple(ids) for parent, ids in children.items()}
        self._cells = self._by_tier["cell"]
        self._paths = tuple(
            AreaPath(*reversed((cell.id, *self.parents(cell.id)))) for cell in self._cells
        )
        self._lattice = Lattice([cell.polygon for cell in self._cells])
        self._counties = Lattice([county.polygon for county in self._by_tier["county"]])
        west, south, east, north = self.bounds
        self._plane = Plane((west + east) / 2, (south + north) / 2)
        self._cell_tree = shapely.STRtree(
            [flatten(cell.polygon, self._plane) for cell in self._cells]
        )

    def locate(self, lon: float, lat: float) -> AreaPath | Outside:
        """The path of the cell that covers the point (degrees, WGS84), border included.

        On a shared border the smallest id wins. A point inside a county but in a hairline gap
        between cells belongs to the nearest cell. Raises `ValueError` for numbers that are no
        coordinates.
        """
        index = self._lattice.find(lon, lat)
        if index != NOWHERE:
            return self._paths[index]
        return self._locate_far(lon, lat)

    def _locate_far(self, lon: float, lat: float) -> AreaPath | Outside:
        if not (isfinite(lon) and isfinite(lat) and -180 <= lon <= 180 and -90 <= lat <= 90):
            raise ValueError("not a coordinate: longitude -180 to 180, latitude -90 to 90")
        point = shapely.Point(*self._plane.to_plane(lon, lat))
        nearest = int(self._cell_tree.query_nearest(point).min())
        if self._counties.find(lon, lat) != NOWHERE:
            return self._paths[nearest]
        cell = flatten(self._cells[nearest].polygon, self._plane)
        there = self._plane.to_globe(*nearest_point(cell, point))
        return Outside(self._cells[nearest].id, distance_m(lon, lat, *there))

    @property
    def areas(self) -> Mapping[AreaId, Area]:
        """Every area by id, in the order of ids."""
        return MappingProxyType(self._areas)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        return bounds_of([area.polygon for area in self._by_tier["county"]])

    def tier(self, tier: Tier) -> tuple[Area, ...]:
        """All areas of one tier, in the order of ids."""
        return self._by_tier[tier]

    def area(self, area_id: AreaId) -> Area:
        """The area; `KeyError` where there is none."""
        return self._areas[area_id]

    def names(self, area_id: AreaId) -> Names:
        """The area's names in all its languages; `KeyError` where there is no such area."""
        return self._areas[area_id].name

    def parents(self, area_id: AreaId) -> tuple[AreaId, ...]:
        """The areas it is part of, nearest first, up to the county; `KeyError` if unknown."""
        above: list[AreaId] = []
        parent = self._areas[area_id].parent
        while parent is not None:
            above.append(parent)
            parent = self._areas[parent].parent
        return tuple(above)

    def children(self, area_id: AreaId) -> tuple[AreaId, ...]:
        """The areas directly below, in the order of ids; `KeyError` if unknown."""
        return self._children[area_id]

    def cells(self, area_id: AreaId) -> tuple[AreaId, ...]:
        """Every grid cell in the area (a cell's own id for a cell); `KeyError` if unknown."""
        below = self._children[area_id]
        if not below:
            return (area_id,)
        return tuple(cell for child in below for cell in self.cells(child))

    def within(self, area_id: AreaId, ancestor: AreaId) -> bool:
        """Whether the area is the ancestor or lies below it; `KeyError` if the area is unknown."""
        return area_id == ancestor or ancestor in self.parents(area_id)
