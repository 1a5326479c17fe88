"""The roster: which unit is planned on duty when, and which is missing now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Query
from starlette.responses import Response

from tocsin.kernel.shared import UnitId
from tocsin.packs.words import word
from tocsin.runtime.rosters import OVER_AFTER, PERIOD_MAX, PlannedDuty, gaps, unsound
from tocsin.web.api.common import STAFF, WRITES, AccessArg, checked, json, router, shown
from tocsin.web.api.sessions import DoneView
from tocsin.web.api.unit_orders import CrewSize, UnitIdArg
from tocsin.web.api.units import reached
from tocsin.web.problems import Problem
from tocsin.web.shapes import Id, InstantText, Strict, Word, like
from tocsin.web.views import View

routes: APIRouter = router("units")

LOOK_BACK: Final = timedelta(hours=12)
"""How far before now the roster begins where nothing else is asked: the shift that is leaving."""
LOOK_AHEAD: Final = timedelta(days=2)
"""How far it goes then: the next crews."""

_DUTY: Final[dict[str, Any]] = {
    "id": "01hd",
    "unit": "01hu",
    "name": "E36",
    "agency": "fire-rescue@county",
    "starts_at": "2026-11-22T06:00:00+00:00",
    "ends_at": "2026-11-22T18:00:00+00:00",
    "crew_size": 4,
    "shift": "day",
}


class DutyBody(Strict):
    """A planned duty. Without `crew_size` the unit's own holds."""

    model_config = like(
        {
            "starts_at": "2026-11-22T06:00:00Z",
            "ends_at": "2026-11-22T18:00:00Z",
            "crew_size": 4,
            "shift": "day",
        }
    )

    starts_at: InstantText
    ends_at: InstantText
    crew_size: CrewSize | None = None
    shift: Word | None = None


class DropBody(Strict):
    """Which duty of the unit is called off."""

    model_config = like({"duty": "01hd"})

    duty: Id


class DutyView(View):
    """One planned duty."""

    model_config = like(_DUTY)

    id: str
    unit: str
    name: str
    agency: str
    starts_at: datetime
    ends_at: datetime
    crew_size: int | None
    shift: str


class GapView(View):
    """A unit that is not where the roster has it."""

    unit: str
    name: str
    agency: str
    gap: str
    since: datetime
    text: str


class RosterView(View):
    """The duties of the period, and the gaps of this moment whatever the period."""

    model_config = like({"duties": [_DUTY], "gaps": []})

    duties: tuple[DutyView, ...]
    gaps: tuple[GapView, ...]


@routes.get(
    "/roster",
    operation_id="roster.show",
    summary="Planned duties of the units in one's reach, and who is missing now.",
    **shown(RosterView, *STAFF, 409),
)
async def roster(
    access: AccessArg,
    since: Annotated[InstantText | None, Query()] = None,
    until: Annotated[InstantText | None, Query()] = None,
    agency: Annotated[Id | None, Query()] = None,
) -> Response:
    services, now = access.services, access.services.clock.now()
    first = since or now - LOOK_BACK
    last = until or first + LOOK_BACK + LOOK_AHEAD
    if not timedelta() < last - first <= PERIOD_MAX:
        raise Problem("duty_period_wrong", f"at most {PERIOD_MAX.days} days, from the past on")
    units = {each.unit.id: each.unit for each in await reached(access, agency)}
    planned = await services.store.planned_duties(first, last)
    # A unit that should have gone off duty is told for as long as a crew could be forgotten.
    lately = await services.store.planned_duties(now - PERIOD_MAX, now + OVER_AFTER)
    about = {
        key: {"unit": key, "name": unit.name, "agency": unit.agency} for key, unit in units.items()
    }
    return json(
        {
            "duties": [
                {
                    **about[duty.unit],
                    "id": duty.id,
                    "starts_at": duty.starts_at,
                    "ends_at": duty.ends_at,
                    "crew_size": duty.crew_size,
                    "shift": duty.shift,
                }
                for duty in planned
                if duty.unit in units
            ],
            "gaps": [
                {
                    **about[each.unit],
                    "gap": each.gap,
                    "since": each.since,
                    "text": word("roster_gap", each.gap, access.language),
                }
                for each in gaps(units.values(), lately, now)
            ],
        }
    )


@routes.post(
    "/units/{unit_id}/plan-duty",
    operation_id="roster.plan",
    summary="Plan a duty of a unit; refused where it overlaps another.",
    **shown(DutyView, *WRITES, ok=201),
)
async def plan(unit_id: UnitIdArg, body: DutyBody, access: AccessArg) -> Response:
    row, actor = await access.unit(unit_id)
    services, unit = access.services, row.unit
    duty = PlannedDuty(
        services.ids.new(), unit.id, body.starts_at, body.ends_at, body.crew_size, body.shift or ""
    )
    checked(unsound(duty))
    if not await services.store.plan_duty(duty, services.clock.now(), actor.id):
        raise Problem("duty_overlaps")
    about = cast(dict[str, Any], {"name": unit.name, "agency": unit.agency})
    fields = {name: getattr(duty, name) for name in ("id", "unit", "starts_at", "ends_at")}
    return json({**fields, **about, "crew_size": duty.crew_size, "shift": duty.shift}, 201)


@routes.post(
    "/units/{unit_id}/drop-duty",
    operation_id="roster.drop",
    summary="Call off a planned duty.",
    **shown(DoneView, *WRITES),
)
async def drop(unit_id: UnitIdArg, body: DropBody, access: AccessArg) -> Response:
    _, actor = await access.unit(unit_id)
    services = access.services
    now = services.clock.now()
    if not await services.store.drop_duty(body.duty, UnitId(unit_id), now, actor.id):
        raise Problem("duty_unknown")
    return json({"done": True})
