"""What the fleet covers and reaches, and advice on moving it; a person confirms every move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Query
from shapely.geometry import mapping
from starlette.responses import Response

from tocsin.dispatching.wording import told
from tocsin.kernel.shared import UnitId
from tocsin.packs.units import Capability
from tocsin.runtime.recommending.covering import (
    RingArea,
    coverage_of,
    covered_capabilities,
    ring_areas,
)
from tocsin.runtime.recommending.demand import middle_of
from tocsin.runtime.recommending.desk import weighed_note
from tocsin.web.api.advice import sees
from tocsin.web.api.common import (
    STAFF_ONE,
    AccessArg,
    json,
    router,
    shown,
)
from tocsin.web.problems import Problem
from tocsin.web.shapes import Id, Word, like
from tocsin.web.views import View

routes: APIRouter = router("advice")

SHARE_DIGITS: Final = 4
COORDINATE_DIGITS: Final = 6
"""Of a degree: a tenth of a metre."""


class ZoneView(View):
    """One area: a point inside, its share of the demand, and how surely it is covered."""

    id: str
    name: str
    lon: float
    lat: float
    share: float
    covered: float
    covered_without: float


class CoverageView(View):
    """How much of the demand for one capability is covered in time by the units that are free."""

    model_config = like(
        {
            "at": "2026-11-22T01:32:00+00:00",
            "capability": "engine",
            "name": "Pumping and attack",
            "capabilities": ["engine", "ambulance", "patrol"],
            "target_s": 240.0,
            "is_by_road": True,
            "covered": 0.81,
            "covered_without": 0.74,
            "text": "81.0 % covered, 74.0 % without E36",
            "weighed": "Zones are weighed by 480 cases of the last 90 days",
            "zones": [
                {
                    "id": "t0v0",
                    "name": "Old Town",
                    "lon": 24.94,
                    "lat": 60.17,
                    "share": 0.2,
                    "covered": 0.9,
                    "covered_without": 0.8,
                }
            ],
        }
    )

    at: datetime
    capability: str
    name: str
    capabilities: tuple[str, ...]
    target_s: float
    is_by_road: bool
    covered: float
    covered_without: float
    text: str
    weighed: str
    zones: tuple[ZoneView, ...]


class RingsView(View):
    """A GeoJSON FeatureCollection: what a unit reaches within each bound in force."""

    model_config = like(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "id": "jianbiao-152",
                    "properties": {
                        "bound_s": 300.0,
                        "ring": "Fire crew at the edge of its district",
                        "tier": "town",
                        "class": "engine",
                        "target": 100,
                        "counts": "order",
                        "metric": "emergency",
                        "edition": "152-2017",
                        "source": "建标 152",
                        "is_by_road": True,
                        "unit": "01hu",
                        "name": "E36",
                    },
                    "geometry": {"type": "Polygon", "coordinates": []},
                }
            ],
        }
    )

    type: str
    features: tuple[dict[str, Any], ...]


@routes.get(
    "/coverage",
    operation_id="coverage.show",
    summary="How much of the town is covered in time now, and how much without one unit.",
    **shown(CoverageView, *STAFF_ONE),
)
async def coverage(
    access: AccessArg,
    without: Annotated[Id | None, Query(description="The id of a unit.")] = None,
    capability: Annotated[Word | None, Query()] = None,
) -> Response:
    services, language = access.services, access.language
    desk, pack = services.advice, services.pack
    offered = covered_capabilities(desk)
    name = ""
    chosen = capability or (offered[0] if offered else "")
    if without is not None:
        row, _ = await access.unit(without)
        name = row.unit.name
        kind = pack.unit_kinds.get(row.unit.kind)
        able = {*row.unit.capabilities, *(kind.capabilities if kind is not None else ())}
        chosen = capability or next((each for each in offered if each in able), chosen)
    about: Capability | None = pack.capabilities.get(chosen)
    if about is None:
        raise Problem("unknown_capability")
    found = await coverage_of(desk, sees(access), chosen, UnitId(without) if without else None)
    covered = round(found.covered, SHARE_DIGITS)
    rest = round(found.covered_without, SHARE_DIGITS)
    facts = {"unit": name, "share": covered, "gain": rest}
    zones: list[dict[str, Any]] = []
    for zone in found.zones:
        place = middle_of(zone.area)
        zones.append(
            {
                "id": zone.area.id,
                "name": zone.area.name_in(language),
                "lon": place.lon,
                "lat": place.lat,
                "share": round(zone.share, SHARE_DIGITS),
                "covered": round(zone.covered, SHARE_DIGITS),
                "covered_without": round(zone.covered_without, SHARE_DIGITS),
            }
        )
    weighed = weighed_note(found.weighed)
    return json(
        {
            "at": found.at,
            "capability": chosen,
            "name": pack.in_language(about.name, language),
            "capabilities": offered,
            "target_s": found.owed.target_s,
            "is_by_road": found.is_by_road,
            "covered": covered,
            "covered_without": rest,
            "text": told("coverage", "without" if without else "now", facts, language),
            "weighed": told("advice_note", weighed.code, dict(weighed.facts), language),
            "zones": zones,
        }
    )


@routes.get(
    "/rings",
    operation_id="ring.show",
    summary="What a unit reaches within its time bounds, from where it is or from its post.",
    **shown(RingsView, *STAFF_ONE),
)
async def rings(
    access: AccessArg,
    unit: Annotated[Id | None, Query(description="From where this unit is now.")] = None,
    post: Annotated[Id | None, Query(description="From the post of this unit.")] = None,
) -> Response:
    # Where both are given the post counts; without either there is no unit to speak of.
    if unit is None and post is None:
        raise Problem("unit_unknown")
    row, _ = await access.unit(post or unit or "")
    pack, language = access.services.pack, access.language
    found = await ring_areas(access.services.advice, row.unit, is_from_post=post is not None)
    about = {"unit": row.unit.id, "name": row.unit.name}
    return json(
        {
            "type": "FeatureCollection",
            "features": [
                _feature(each, about, lambda name: pack.in_language(name, language))
                for each in found
            ],
        }
    )


def _feature(
    found: RingArea, about: dict[str, str], told: Callable[[Mapping[str, str]], str]
) -> dict[str, Any]:
    ring = found.ring
    return {
        "type": "Feature",
        "id": ring.code,
        "properties": {
            "bound_s": float(ring.bound_s),
            "ring": told(ring.name),
            "tier": ring.tier,
            "class": ring.capability,
            "target": ring.share,
            "counts": ring.counts,
            "metric": found.way,
            "edition": ring.edition,
            "source": told(ring.source),
            "is_by_road": found.is_by_road,
            **about,
        },
        "geometry": _rounded(mapping(found.area)),
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, COORDINATE_DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in cast("Sequence[Any]", value)]
    return value
