"""What areas must be before they become an atlas: a tree of four tiers that covers the ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import shapely

from tocsin.geography.distance import Plane
from tocsin.geography.shapes import (
    DEGREE_STEP,
    Sizes,
    bounds_of,
    in_common,
    left_over,
    shapes,
    sizes,
)
from tocsin.geography.tiers import Area, AtlasError, tier_above
from tocsin.kernel.shared import TIERS, AreaId, Tier

MAX_AREAS = 100_000  # a county of 6,000 km2 in cells of 250 m; an atlas of them takes 1 GB
MAX_ID_CHARS = 120  # ids stand in URLs and in every row of the store

# Borders drawn by different hands differ by a metre or two. A share of an area (or one square
# metre of a tiny one) may lie outside its parent, twice in siblings, or in no child.
TOLERATED_SHARE = 0.001
TOLERATED_M2 = 1.0


def check_areas(areas: Sequence[Area]) -> None:
    """Raise `AtlasError` naming the first area that breaks a rule; a valid tree passes.

    Rules: ids unique; every tier present; each area's parent on the tier above; valid polygons in
    degrees; children inside their parent, apart from their siblings, and covering the parent.
    """
    if not areas:
        raise AtlasError("an atlas needs areas")
    if len(areas) > MAX_AREAS:
        raise AtlasError(f"{len(areas)} areas; the limit is {MAX_AREAS}")
    by_id: dict[AreaId, Area] = {}
    for area in areas:
        _check_words(area)
        if area.id in by_id:
            raise AtlasError(f"two areas have the id {area.id!r}")
        by_id[area.id] = area
    for area in areas:
        _check_parent(area, by_id)
        _check_outline(area)
    for tier in TIERS:
        if not any(area.tier == tier for area in areas):
            raise AtlasError(f"no area on the tier {tier!r}")
    _check_fit(by_id)


def _check_words(area: Area) -> None:
    if not area.id or len(area.id) > MAX_ID_CHARS or not area.id.isprintable():
        raise AtlasError(f"an id has 1 to {MAX_ID_CHARS} printable characters: {area.id[:40]!r}")
    if area.tier not in TIERS:
        raise AtlasError(f"area {area.id!r}: unknown tier {area.tier!r}")
    if not area.name or not all(lang and name.strip() for lang, name in area.name):
        raise AtlasError(f"area {area.id!r} has no name, or an empty one")


def _check_parent(area: Area, by_id: Mapping[AreaId, Area]) -> None:
    above = tier_above(area.tier)
    if above is None:
        if area.parent is not None:
            raise AtlasError(f"county {area.id!r} has a parent")
        return
    if area.parent is None:
        raise AtlasError(f"{area.tier} {area.id!r} has no parent")
    parent = by_id.get(area.parent)
    if parent is None:
        raise AtlasError(f"{area.tier} {area.id!r}: its parent {area.parent!r} is not there")
    if parent.tier != above:
        raise AtlasError(f"{area.tier} {area.id!r}: its parent is a {parent.tier}, not a {above}")


def _check_outline(area: Area) -> None:
    if not area.polygon.is_valid:
        why = shapely.is_valid_reason(area.polygon)
        raise AtlasError(f"area {area.id!r} has a broken outline: {why}")
    if area.polygon.is_empty or area.polygon.area <= 0:
        raise AtlasError(f"area {area.id!r} has no ground")
    west, south, east, north = area.polygon.bounds
    if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
        raise AtlasError(f"area {area.id!r} is not in degrees of longitude and latitude")


def _check_fit(by_id: Mapping[AreaId, Area]) -> None:
    west, south, east, north = bounds_of([area.polygon for area in by_id.values()])
    plane = Plane((west + east) / 2, (south + north) / 2)
    m2 = plane.metres_per_lon * plane.metres_per_lat
    for tier in TIERS:
        members = [area for area in by_id.values() if area.tier == tier]
        _check_apart(members, m2)
        if tier != "county":
            _check_inside(members, by_id, m2)
    _check_covered(by_id, m2)


def _tolerance_m2(area_m2: Sizes) -> Sizes:
    return TOLERATED_M2 + TOLERATED_SHARE * area_m2


def _check_apart(members: Sequence[Area], m2: float) -> None:
    outlines = shapes([area.polygon for area in members])
    tree = shapely.STRtree(outlines)
    one, other = tree.query(outlines, predicate="intersects")
    one, other = one[one < other], other[one < other]
    size = sizes(outlines) * m2
    shared = sizes(in_common(outlines[one], outlines[other])) * m2
    tolerated = _tolerance_m2(np.minimum(size[one], size[other]))
    if (shared > tolerated).any():  # a second opinion before somebody's areas are refused
        again = sizes(in_common(outlines[one], outlines[other], DEGREE_STEP)) * m2
        shared = np.minimum(shared, again)
    wrong = np.nonzero(shared > tolerated)[0]
    if len(wrong):
        first = int(wrong[0])
        a, b = members[int(one[first])].id, members[int(other[first])].id
        raise AtlasError(f"areas {a!r} and {b!r} overlap by {float(shared[first]):.0f} m2")


def _check_inside(members: Sequence[Area], by_id: Mapping[AreaId, Area], m2: float) -> None:
    outlines = shapes([area.polygon for area in members])
    parents = shapes([by_id[_parent_of(area)].polygon for area in members])
    outside = sizes(left_over(outlines, parents)) * m2
    tolerated = _tolerance_m2(sizes(outlines) * m2)
    if (outside > tolerated).any():
        again = sizes(left_over(outlines, parents, DEGREE_STEP)) * m2
        outside = np.minimum(outside, again)
    wrong = np.nonzero(outside > tolerated)[0]
    if len(wrong):
        first = int(wrong[0])
        area = members[first]
        raise AtlasError(
            f"{area.tier} {area.id!r} reaches {float(outside[first]):.0f} m2 "
            f"out of its parent {area.parent!r}"
        )


def _check_covered(by_id: Mapping[AreaId, Area], m2: float) -> None:
    """Children are apart and inside by now, so their sizes must add up to the parent's."""
    covered: dict[AreaId, float] = {}
    for area in by_id.values():
        if area.parent is not None:
            covered[area.parent] = covered.get(area.parent, 0.0) + area.polygon.area
    lowest: Tier = TIERS[-1]
    for area in by_id.values():
        if area.tier == lowest:
            continue
        if area.id not in covered:
            raise AtlasError(f"{area.tier} {area.id!r} has no areas below it")
        size_m2 = area.polygon.area * m2
        missing_m2 = size_m2 - covered[area.id] * m2
        if missing_m2 > TOLERATED_M2 + TOLERATED_SHARE * size_m2:
            raise AtlasError(
                f"{missing_m2:.0f} m2 of {area.tier} {area.id!r} are in none of its areas"
            )


def _parent_of(area: Area) -> AreaId:
    assert area.parent is not None, "checked before"
    return area.parent
