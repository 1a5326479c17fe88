"""What crews and dispatchers press: duty, statuses, and sending a unit to a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from tocsin.kernel.shared import CaseId, UnitId
from tocsin.kernel.units import vocabulary as words
from tocsin.kernel.units.state import Unit
from tocsin.web.api.common import (
    WRITES,
    AccessArg,
    Endpoint,
    KeyArg,
    VersionArg,
    described,
    router,
    shown,
)
from tocsin.web.api.unit_orders import CrewSize, UnitIdArg, answer, handle
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.shapes import Id, InstantText, Strict, Word, like
from tocsin.web.unit_views import UnitView

routes: APIRouter = router("units")

StatusName = Annotated[str, Field(pattern=r"^[^\x00-\x20\x7f/]{1,40}$")]
"""A status or a name of the pack, in any script."""


class StartDutyBody(Strict):
    """The crew and shift of today; what is left out stays as it was."""

    model_config = like({"crew_size": 4, "shift": "day"})

    crew_size: CrewSize | None = None
    shift: Word | None = None


class EndDutyBody(Strict):
    """Why it goes off duty."""

    model_config = like({"reason": "shift_over"})

    reason: Word


class ReportStatusBody(Strict):
    """A status, or the agency's own name of one. With `case` only if the unit is on it.

    `stated_at` is when the crew pressed, for a press that had to wait for the line. The journal
    keeps it beside the node's own instant; one ahead of the node's clock is left out."""

    model_config = like({"status": "on_scene", "case": "01hx"})

    status: StatusName
    case: Id | None = None
    stated_at: InstantText | None = None


class UnitCaseBody(Strict):
    """Which case, and why."""

    model_config = like({"case": "01hx", "reason": "nearest"})

    case: Id
    reason: Word


class SendBody(UnitCaseBody):
    """Which case, and why. `advice` is the id of the recommendation that was looked at: the
    journal then keeps it, and says how the unit stood in it. A case that is a drill asks for
    `is_drill_confirmed`: that a real unit is meant to drive."""

    model_config = like(
        {"case": "01hx", "reason": "nearest", "advice": None, "is_drill_confirmed": False}
    )

    advice: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$")] = None
    is_drill_confirmed: bool = False


class StackBody(UnitCaseBody):
    """Which case, and why. A case that is a drill asks for `is_drill_confirmed`."""

    model_config = like({"case": "01hx", "reason": "nearest", "is_drill_confirmed": False})

    is_drill_confirmed: bool = False


# -- pressing --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnitVerb:
    """One command on a unit as a route: its shape is the fields of the command."""

    name: str
    command: type[words.Command]
    body: type[BaseModel]
    summary: str


VERBS: Final = (
    UnitVerb("start_duty", words.StartDuty, StartDutyBody, "A crew signs on."),
    UnitVerb("end_duty", words.EndDuty, EndDutyBody, "Sign off: alerts and position are gone."),
    UnitVerb("report_status", words.ReportStatus, ReportStatusBody, "A crew presses a button."),
    UnitVerb("send", words.SendUnit, SendBody, "Send a free unit to a case at work."),
    UnitVerb("stack", words.StackUnit, StackBody, "One more case, after the one it is on."),
    UnitVerb("recall", words.RecallUnit, UnitCaseBody, "Take it off a case."),
)
NOT_VERBS: Final[tuple[type[words.Command], ...]] = (
    words.AddUnit,  # POST /api/units
    words.ChangeUnit,  # POST /api/units/{unit_id}/change
    words.RevokeAlerts,  # signing out
    words.RedispatchUnit,  # through the desk that recommends: it looks up the arrival
    words.MoveUnit,  # likewise: it looks up the post
)


async def _by_advice(
    access: Access, unit: Unit, case: CaseId, advice_id: str | None
) -> dict[str, Any]:
    """How the unit stood in the recommendation that is named, for the journal. A unit that is on
    the case already was sent before: what is said again needs nothing any more."""
    if advice_id is None or unit.case == case:
        return {}
    services = access.services
    given = services.advice.shelf.get(advice_id, case, services.clock.now())
    if given is None:
        raise Problem("advice_unknown")
    return {
        "choice": given.choice(unit.id),
        "kept": await services.advice.beside(given.evidence),
    }


def _endpoint(verb: UnitVerb) -> Endpoint:
    async def endpoint(
        unit_id: UnitIdArg,
        body: Any,
        access: AccessArg,
        key: KeyArg = None,
        version: VersionArg = None,
    ) -> Response:
        fields = {name: getattr(body, name) for name in verb.body.model_fields}
        unit, _ = await access.unit(unit_id)
        if issubclass(verb.body, UnitCaseBody):
            # Both must lie within the scope, the case as well as the unit.
            row, _ = await access.case(fields["case"])
            fields["case"] = CaseId(row.case.id)
        if verb.body is SendBody:
            fields |= await _by_advice(access, unit.unit, fields["case"], fields.pop("advice"))
        command = cast(Callable[..., words.Command], verb.command)(**fields)
        row = await handle(access, UnitId(unit_id), command, body, key, version, verb.name)
        return await answer(access, row)

    return described(endpoint, verb.name, verb.body, "unit_id", UnitIdArg)


for _verb in VERBS:
    routes.add_api_route(
        f"/units/{{unit_id}}/{_verb.name.replace('_', '-')}",
        _endpoint(_verb),
        methods=["POST"],
        operation_id=f"unit.{_verb.name}",
        summary=_verb.summary,
        **shown(UnitView, *WRITES, what="The unit after it."),
    )
