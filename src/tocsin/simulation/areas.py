"""Four complete tiers of areas for any map extract, so that a town can be run from any map.

Real borders are used where the extract holds enough of them; elsewhere the ground is divided by
the nearest named place, and below that by where the streets and houses are. Nothing is left to
chance: the same extract gives the same areas.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, cast

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon

from tocsin.geography.areas import Atlas
from tocsin.geography.distance import Plane
from tocsin.geography.grid import DEFAULT_SIDE_M, cut_in_cells, plane_of
from tocsin.geography.shapes import DEGREE_STEP, METRE_STEP, Sizes, flatten, joined, unflatten
from tocsin.geography.tiers import Area, Names, Outline
from tocsin.geography.tiling import closest_of, cut_by_seeds, fit
from tocsin.kernel.shared import AreaId, AreaPath, Place, Tier
from tocsin.simulation.extract import Extract
from tocsin.simulation.naming import Namer, community_by_number, town_by_number
from tocsin.simulation.seeds import farthest_first, middles

MIN_TOWNS, MAX_TOWNS = 3, 6
MIN_VILLAGES, MAX_VILLAGES = 4, 8  # of one town
SMALL_COUNTY_M2 = 10e6  # below this four towns are enough
# A village of a small extract still gets about four cells; under 60 m a cell is a few doors.
CELLS_ACROSS_VILLAGE, MIN_CELL_M = 2.0, 60.0
# Larger cells for very large extracts: an atlas of more takes long to build and to draw.
MAX_CELLS = 20_000
# Borders make the towns when nearly every street and house lies within them.
BORDERS_ENOUGH = 0.95
EMPTY_GROUND = 8  # points each way that stand for ground without streets

_shapely = cast("Any", shapely)


@dataclass(frozen=True, slots=True)
class _Land:
    """The county flattened: metres, the points where people are, and who names what."""

    plane: Plane
    ground: Outline
    people: Sizes
    samples: Sizes
    namer: Namer


def build_areas(
    extract: Extract,
    *,
    county_name: Names,
    county_id: str | None = None,
    cell_side_m: float | None = None,
) -> list[Area]:
    """A county, its towns, villages or communities, and grid cells: what an `Atlas` wants.

    3 to 6 towns, 4 to 8 villages a town, cells of about 250 m (smaller in a small extract) or of
    `cell_side_m`. Ids are the county's id and running numbers from the north-west. Every area has
    a name in `en` and `zh-CN`. Raises `AtlasError` where `cell_side_m` is unusable.
    """
    top = AreaId(county_id or _slug(dict(county_name).get("en", "county")))
    frame = shapely.box(extract.west, extract.south, extract.east, extract.north)
    land = _land(extract, frame)
    towns = _towns_by_borders(extract, land) or _towns_by_places(land)
    towns = sorted(towns, key=lambda town: _reading_order(town.ground))
    villages: list[Area] = []
    names: dict[AreaId, Names] = {top: county_name}
    most = max(len(_inside(town.ground, land.samples)) for town in towns)
    for number, town in enumerate(towns, start=1):
        town_id = AreaId(f"{top}-{number}")
        names[town_id] = town.name or town_by_number(number)
        villages += _villages(town_id, names[town_id], town.ground, land, most)
    side_m = cell_side_m or _cell_side_m([village.polygon for village in villages], land.plane)
    cells = [cell for village in villages for cell in cut_in_cells(village, side_m)]
    names |= {village.id: village.name for village in villages}
    return _assembled(top, names, villages, cells)


@dataclass(frozen=True, slots=True)
class _Town:
    ground: Outline
    name: Names | None


def _land(extract: Extract, frame: Polygon) -> _Land:
    plane = plane_of(frame)
    ground = _flat(frame, plane)
    places = [place for street in extract.streets for place in street.line]
    places += [address.place for address in extract.addresses]
    flat = [plane.to_plane(place.lon, place.lat) for place in places]
    people = np.asarray(flat, dtype=float).reshape(-1, 2)
    return _Land(plane, ground, people, _with_empty(ground, people), Namer(extract, plane))


def _with_empty(ground: Outline, people: Sizes) -> Sizes:
    """The points, and some even ones, so that ground without streets is divided, too."""
    west, south, east, north = ground.bounds
    share = (np.arange(EMPTY_GROUND) + 0.5) / EMPTY_GROUND
    xs, ys = np.meshgrid(west + share * (east - west), south + share * (north - south))
    return np.concatenate((people, np.column_stack((xs.ravel(), ys.ravel()))))


def _towns_by_borders(extract: Extract, land: _Land) -> list[_Town]:
    """Real borders, the smallest joined to a neighbour until few enough are left; or none."""
    for level in sorted({border.level for border in extract.borders}):
        borders = [border for border in extract.borders if border.level == level]
        grounds = [_flat(border.polygon, land.plane) for border in borders]
        whole = joined(grounds, METRE_STEP)
        if len(borders) < MIN_TOWNS or _too_few(whole, land.people):
            continue
        towns = [
            _Town(ground, land.namer.claim(border.name))
            for ground, border in zip(grounds, borders, strict=True)
        ]
        while len(towns) > MAX_TOWNS:
            towns = _with_smallest_joined(towns)
        return towns
    return []


def _too_few(whole: Outline, people: Sizes) -> bool:
    # A street often is the border: a metre either way counts as within.
    reach = _outline(whole.buffer(1.0))
    return len(_inside(reach, people)) < BORDERS_ENOUGH * len(people)


def _with_smallest_joined(towns: list[_Town]) -> list[_Town]:
    smallest = min(towns, key=lambda town: town.ground.area)
    others = [town for town in towns if town is not smallest]
    closest = closest_of([town.ground for town in others], smallest.ground)
    partner = others[closest]
    # The joined town keeps the name of its larger part.
    others[closest] = _Town(joined([partner.ground, smallest.ground], METRE_STEP), partner.name)
    return others


def _towns_by_places(land: _Land) -> list[_Town]:
    """The ground nearest to each of a few well-spread named places; else to where people are."""
    wanted = 4 if land.ground.area < SMALL_COUNTY_M2 else MAX_TOWNS
    spots = land.namer.town_seeds()
    seeds: Sequence[tuple[float, float]] = ()
    if len(spots) >= MIN_TOWNS:
        seeds = [spots[i] for i in farthest_first(np.asarray(spots), wanted)]
    if len(seeds) < MIN_TOWNS:  # too few places, or several on one spot
        seeds = middles(land.samples, wanted)
    return [_Town(ground, land.namer.town_within(ground)) for ground in _cut(land.ground, seeds)]


def _villages(town_id: AreaId, town: Names, ground: Outline, land: _Land, most: int) -> list[Area]:
    samples = _inside(ground, land.samples)
    # The town with most streets and houses gets eight, an empty one four.
    spread = MAX_VILLAGES - MIN_VILLAGES
    wanted = MIN_VILLAGES + round(spread * len(samples) / max(1, most))
    seeds = middles(samples, wanted) if len(samples) else ()
    if len(seeds) < MIN_VILLAGES:
        seeds = middles(_inside(ground, _with_empty(ground, _corners(ground))), wanted)
    pieces = sorted(_cut(ground, seeds), key=_reading_order)
    return [
        Area(
            id=AreaId(f"{town_id}-{number}"),
            tier="village",
            name=land.namer.name_within(piece) or community_by_number(town, number),
            parent=town_id,
            polygon=_round(piece, land.plane),
        )
        for number, piece in enumerate(pieces, start=1)
    ]


def _assembled(
    top: AreaId, names: dict[AreaId, Names], villages: list[Area], cells: list[Area]
) -> list[Area]:
    """Everything redrawn on one net of lines: parents are exactly their children together."""
    outlines = fit([cell.polygon for cell in cells])
    kept = [
        Area(cell.id, "cell", cell.name, cell.parent, outline)
        for cell, outline in zip(cells, outlines, strict=True)
        if not outline.is_empty
    ]
    areas = list(kept)
    tiers: tuple[Tier, ...] = ("village", "town", "county")
    for tier in tiers:
        parts: dict[AreaId, list[Outline]] = {}
        for area in kept:
            assert area.parent is not None, "only the county has none"
            parts.setdefault(area.parent, []).append(area.polygon)
        kept = [
            Area(
                area_id,
                tier,
                names[area_id],
                None if tier == "county" else AreaId(area_id.rpartition("-")[0]),
                joined(outlines, DEGREE_STEP),
            )
            for area_id, outlines in parts.items()
        ]
        areas = kept + areas
    return areas


def inside_only(extract: Extract, atlas: Atlas) -> Extract:
    """The extract without what lies in none of the atlas's areas.

    A county of real borders is smaller than its extract; a town's reports come from within.
    """

    def known(place: Place) -> bool:
        return isinstance(atlas.locate(place.lon, place.lat), AreaPath)

    return replace(
        extract,
        streets=tuple(street for street in extract.streets if all(map(known, street.line))),
        addresses=tuple(address for address in extract.addresses if known(address.place)),
        interests=tuple(interest for interest in extract.interests if known(interest.place)),
        settlements=tuple(place for place in extract.settlements if known(place.place)),
    )


def _cut(ground: Outline, seeds: Sequence[tuple[float, float]]) -> list[Outline]:
    return [piece for piece in cut_by_seeds(ground, seeds) if not piece.is_empty]


def _cell_side_m(villages: Sequence[Outline], plane: Plane) -> float:
    sizes_m2 = sorted(_flat(village, plane).area for village in villages)
    across_m = sqrt(sizes_m2[len(sizes_m2) // 2])
    side_m = min(DEFAULT_SIDE_M, max(MIN_CELL_M, across_m / CELLS_ACROSS_VILLAGE))
    return max(side_m, sqrt(sum(sizes_m2) / MAX_CELLS))


def _inside(ground: Outline, samples: Sizes) -> Sizes:
    shapely.prepare(ground)
    return samples[_shapely.intersects_xy(ground, samples[:, 0], samples[:, 1])]


def _corners(ground: Outline) -> Sizes:
    return cast("Sizes", _shapely.get_coordinates(ground))


def _reading_order(ground: Outline) -> tuple[float, float]:
    """From the north-west to the south-east, as one reads a map; by whole metres."""
    middle = ground.centroid
    return -round(middle.y), round(middle.x)


def _flat(outline: Outline, plane: Plane) -> Outline:
    return _outline(flatten(outline, plane))


def _round(outline: Outline, plane: Plane) -> Outline:
    return _outline(unflatten(outline, plane))


def _outline(geometry: object) -> Outline:
    assert isinstance(geometry, Polygon | MultiPolygon), "a polygon stays one"
    return geometry


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "county"
