"""Units: who they are, what they do, where they are sent."""

from __future__ import annotations

import hashlib
from datetime import datetime
from secrets import token_urlsafe
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from tocsin.kernel.shared import AgencyId, AreaId, Place, UnitId
from tocsin.kernel.units import vocabulary as words
from tocsin.kernel.units.decide import CAPABILITIES_LIMIT, CREW_LIMIT, NAME_LIMIT
from tocsin.kernel.units.react import address_of
from tocsin.kernel.units.state import UnitStatus
from tocsin.runtime.onlooking import seeing_also
from tocsin.runtime.ports import CaseQuery, UnitRow
from tocsin.runtime.positions import STALE_S
from tocsin.web.api.common import (
    STAFF,
    STAFF_ONE,
    WRITES,
    AccessArg,
    KeyArg,
    VersionArg,
    json,
    router,
    shown,
)
from tocsin.web.api.sessions import DoneView
from tocsin.web.api.unit_orders import UnitIdArg, answer, handle
from tocsin.web.gate import Access
from tocsin.web.permissions import covers
from tocsin.web.problems import Problem
from tocsin.web.shapes import Id, PlaceBody, Strict, Word, like, wgs84
from tocsin.web.telling import tell
from tocsin.web.unit_views import UnitsView, UnitView, unit_view
from tocsin.web.views import View

routes: APIRouter = router("units")

ALERTS_MAX: Final = 50
"""Alerts of one unit that are shown: what a crew can still act upon."""
KEY_BYTES: Final = 32
"""Random bytes of a unit's key."""

Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT, pattern=r"^[^\x00-\x1f\x7f]+$")]
CrewSize = Annotated[int, Field(ge=0, le=CREW_LIMIT)]
Capabilities = Annotated[tuple[Word, ...], Field(strict=False, max_length=CAPABILITIES_LIMIT)]

_ABOUT: Final[dict[str, Any]] = {
    "name": "E36",
    "area": "t0",
    "kind": "engine",
    "post": {"lon": 24.945, "lat": 60.17, "datum": "wgs84"},
    "capabilities": ["ladder"],
    "crew_size": 4,
    "shift": "day",
}


class UnitChangeBody(Strict):
    """What a unit is. `area` is its home; `post` the point where it waits."""

    model_config = like(_ABOUT)

    name: Name
    area: Id
    kind: Word
    post: PlaceBody | None = None
    capabilities: Capabilities = ()
    crew_size: CrewSize = 0
    shift: Word | None = None


class UnitBody(UnitChangeBody):
    """A new unit of an agency."""

    model_config = like({**_ABOUT, "agency": "fire-rescue@county"})

    agency: Id


class UnitKeyView(View):
    """The key under which the unit's positions are taken; it is shown this once."""

    model_config = like({"unit": "01hu", "text": "kP3x…"})

    unit: str
    text: str


class AlertView(View):
    """One alert, in words."""

    key: str
    case_id: str
    at: datetime
    template: str
    text: str


class AlertsView(View):
    """The alerts of the unit that hold, the newest first; none once they are revoked."""

    model_config = like(
        {
            "alerts": [
                {
                    "key": "unit:01hu:3:0",
                    "case_id": "01hx",
                    "at": "2026-11-22T01:30:30+00:00",
                    "template": "unit_sent",
                    "text": "You are sent to 01HX: Building fire.",
                }
            ]
        }
    )

    alerts: tuple[AlertView, ...]


# -- looking ---------------------------------------------------------------------------


async def reached(access: Access, agency: str | None = None) -> list[UnitRow]:
    """The units in one's reach, of one agency or all, by agency and name."""
    held = [grant for grant in access.who.grants if grant.role in access.rule.roles]
    found = [
        row
        for row in await access.services.store.units()
        if row.unit.agency is not None
        and any(covers(grant, row.unit.areas, (row.unit.agency,)) for grant in held)
        and agency in (None, row.unit.agency)
    ]
    return sorted(found, key=lambda row: (row.unit.agency or "", row.unit.name, row.unit.id))


@routes.get(
    "/units",
    operation_id="unit.list",
    summary="The units in one's reach, each with the age of its position.",
    **shown(UnitsView, *STAFF),
)
async def units(
    access: AccessArg,
    agency: Annotated[Id | None, Query()] = None,
    status: Annotated[UnitStatus | None, Query()] = None,
) -> Response:
    services = access.services
    positions = await services.positions.now()
    found = [row for row in await reached(access, agency) if status in (None, row.unit.status)]
    return json(
        {
            "units": [unit_view(row, services.pack, positions.get(row.unit.id)) for row in found],
            "stale_after_s": STALE_S,
            "now": services.clock.now(),
        }
    )


@routes.get(
    "/units/{unit_id}",
    operation_id="unit.show",
    summary="One unit.",
    **shown(UnitView, *STAFF_ONE),
)
async def show(unit_id: UnitIdArg, access: AccessArg) -> Response:
    row, _ = await access.unit(unit_id)
    return await answer(access, row)


@routes.get(
    "/units/{unit_id}/alerts",
    operation_id="unit.alerts",
    summary="The alerts of the unit that hold; none off duty, nor after they were revoked.",
    **shown(AlertsView, *STAFF_ONE),
)
async def alerts(unit_id: UnitIdArg, access: AccessArg) -> Response:
    row, _ = await access.unit(unit_id)
    services, since = access.services, row.unit.alerts_since
    if since is None:
        return json({"alerts": []})
    desk = address_of(row.unit.id)
    with seeing_also(desks=[desk]):
        messages = await services.store.inbox((desk,), None, ALERTS_MAX)
    held = [each for each in messages if each.at >= since]
    ids = tuple(dict.fromkeys(each.case_id for each in held))
    with seeing_also(cases=ids):  # an alert that holds is the crew's sight of its case
        page = await services.store.cases(CaseQuery(ids=ids, limit=len(ids))) if ids else None
    cases = {each.case.id: each.case for each in page.rows} if page else {}
    return json(
        {
            "alerts": [
                {
                    "key": each.key,
                    "case_id": each.case_id,
                    "at": each.at,
                    "template": each.template,
                    "text": tell(
                        services.pack, each.template, access.language, cases.get(each.case_id)
                    ),
                }
                for each in held
            ]
        }
    )


# -- making ----------------------------------------------------------------------------


def _described(body: UnitChangeBody, access: Access) -> dict[str, Any]:
    """The fields of a description as the kernel has them, the home area with those above it."""
    atlas = access.services.atlas
    if body.area not in atlas.areas:
        raise Problem("unknown_area")
    area = AreaId(body.area)
    post: Place | None = wgs84(body.post) if body.post is not None else None
    return {
        "name": body.name,
        "areas": (area, *atlas.parents(area)),
        "kind": body.kind,
        "post": post,
        "capabilities": body.capabilities,
        "crew_size": body.crew_size,
        "shift": body.shift or "",
    }


@routes.post(
    "/units",
    operation_id="unit.create",
    summary="A new unit, off duty.",
    **shown(UnitView, *WRITES, ok=201),
)
async def create(body: UnitBody, access: AccessArg, key: KeyArg = None) -> Response:
    code, _, area = body.agency.partition("@")
    if code not in access.services.pack.agencies or area not in access.services.atlas.areas:
        raise Problem("grant_invalid", "no such agency there")
    command = words.AddUnit(agency=AgencyId(body.agency), **_described(body, access))
    unit_id = UnitId(access.services.ids.new())
    row = await handle(access, unit_id, command, body, key, None, "create")
    return await answer(access, row, 201)


@routes.post(
    "/units/{unit_id}/change",
    operation_id="unit.change",
    summary="Describe a unit anew; never while it is on a case.",
    **shown(UnitView, *WRITES, what="The unit after it."),
)
async def change(
    unit_id: UnitIdArg,
    body: UnitChangeBody,
    access: AccessArg,
    key: KeyArg = None,
    version: VersionArg = None,
) -> Response:
    command = words.ChangeUnit(**_described(body, access))
    row = await handle(access, UnitId(unit_id), command, body, key, version, "change")
    return await answer(access, row)


@routes.post(
    "/units/{unit_id}/key",
    operation_id="unit.key",
    summary="A new key for the unit's positions; the one before opens nothing any more.",
    **shown(UnitKeyView, *WRITES, ok=201),
)
async def make_key(unit_id: UnitIdArg, access: AccessArg) -> Response:
    row = await access.services.store.unit(UnitId(unit_id))
    if row is None:
        raise Problem("unit_unknown")
    text = token_urlsafe(KEY_BYTES)
    await access.services.store.set_unit_key(row.unit.id, hashlib.sha256(text.encode()).digest())
    return json({"unit": row.unit.id, "text": text}, 201)


@routes.post(
    "/units/{unit_id}/end-key",
    operation_id="unit.end_key",
    summary="The unit's key opens nothing any more.",
    **shown(DoneView, *WRITES),
)
async def end_key(unit_id: UnitIdArg, access: AccessArg) -> Response:
    if await access.services.store.unit(UnitId(unit_id)) is None:
        raise Problem("unit_unknown")
    await access.services.store.set_unit_key(UnitId(unit_id), None)
    return json({"done": True})
