"""Which cases a principal may list: the areas and agencies of their grants, without overlaps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from tocsin.geography.areas import Atlas
from tocsin.kernel.shared import AgencyId, AreaId, Instant
from tocsin.runtime.board import columns_of
from tocsin.runtime.ports import BoardRow, CaseQuery, Page, Store
from tocsin.stores.querying import cursor_of
from tocsin.web.permissions import Principal, Rule

REGIONS_MAX: Final = 32
"""Grants of one account that are looked at in a list: each is a query of its own."""


class Region(NamedTuple):
    """An area with all below it; with an agency, only that agency's cases."""

    area: AreaId
    agency: AgencyId | None


def regions_of(rule: Rule, principal: Principal, atlas: Atlas) -> tuple[Region, ...]:
    """The regions of the grants whose role the rule names; none lies inside another."""
    held = {
        Region(grant.area, grant.agency)
        for grant in principal.grants
        if grant.role in rule.roles and grant.area in atlas.areas
    }
    widest = [
        each for each in held if not any(_inside(each, other, atlas) for other in held - {each})
    ]
    ordered = sorted(widest, key=lambda each: (each.area, each.agency or ""))
    return tuple(ordered[:REGIONS_MAX])


def _inside(one: Region, other: Region, atlas: Atlas) -> bool:
    return other.agency in (None, one.agency) and atlas.within(one.area, other.area)


def narrowed(query: CaseQuery, region: Region, atlas: Atlas) -> CaseQuery | None:
    """The query within a region; None when nothing of it lies there."""
    area = query.area
    if area is None or atlas.within(region.area, area):
        area = region.area
    elif not atlas.within(area, region.area):
        return None
    agencies = query.agencies
    if region.agency is not None:
        if agencies and region.agency not in agencies:
            return None
        agencies = (region.agency,)
    tier = atlas.area(area).tier
    return replace(query, area=area, tier=tier, agencies=agencies)


def _queries(query: CaseQuery, regions: Iterable[Region], atlas: Atlas) -> tuple[CaseQuery, ...]:
    found = (narrowed(query, region, atlas) for region in regions)
    return tuple(each for each in found if each is not None)


async def list_cases(
    store: Store, query: CaseQuery, regions: Iterable[Region], atlas: Atlas
) -> Page:
    """One page over all regions, in the order of the query, each case once."""
    queries = _queries(query, regions, atlas)
    if len(queries) == 1:
        return await store.cases(queries[0])
    rows: dict[str, BoardRow] = {}
    more = False
    for each in queries:
        page = await store.cases(each)
        more = more or page.next is not None
        rows.update((row.case.id, row) for row in page.rows)
    ordered = sorted(rows.values(), key=lambda row: row.case.id)
    if query.order == "due":
        # Without a clock it comes last.
        ordered.sort(key=lambda row: (_due(row) is None, _due(row) or row.updated_at))
    else:
        ordered.reverse()
        ordered.sort(key=lambda row: _newest(row, query), reverse=True)
    kept = ordered[: query.limit]
    if not kept or (len(ordered) <= query.limit and not more):
        return Page(tuple(kept), None)
    last = kept[-1]
    at = _due(last) if query.order == "due" else _newest(last, query)
    return Page(tuple(kept), cursor_of(at, last.case.id))


async def count_cases(
    store: Store, query: CaseQuery, regions: Iterable[Region], atlas: Atlas
) -> int:
    """How many cases the query has over all regions. Regions of several agencies may share a
    case; it counts for each."""
    return sum([await store.count(each) for each in _queries(query, regions, atlas)])


def _due(row: BoardRow) -> Instant | None:
    return columns_of(row.case).due_at


def _newest(row: BoardRow, query: CaseQuery) -> Instant:
    if query.order == "updated" or row.case.opened_at is None:
        return row.updated_at
    return row.case.opened_at


def sees(region: Region, areas: Iterable[AreaId], agencies: Iterable[AgencyId]) -> bool:
    """Whether a case in these areas, of these agencies, lies in the region."""
    return region.area in areas and (region.agency is None or region.agency in agencies)
