"""How the routes of units carry out a command, and what they answer with."""

from __future__ import annotations

import hashlib
from typing import Annotated, cast

import msgspec
from fastapi import Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from tocsin.kernel.shared import Actor, ActorId, UnitId
from tocsin.kernel.units import vocabulary as words
from tocsin.kernel.units.decide import CREW_LIMIT
from tocsin.runtime.onlooking import as_node
from tocsin.runtime.ports import UnitRow
from tocsin.web.api.common import checked, expected, json
from tocsin.web.gate import Access
from tocsin.web.shapes import ID
from tocsin.web.unit_views import unit_view

UnitIdArg = Annotated[
    str, Path(pattern=ID, max_length=120, description="The id of a unit.", examples=["01hu"])
]
CrewSize = Annotated[int, Field(ge=0, le=CREW_LIMIT)]


async def answer(access: Access, row: UnitRow, status: int = 200) -> Response:
    """The unit as it is now, with its ETag."""
    seen = (await access.services.positions.now()).get(row.unit.id)
    shown_ = unit_view(row, access.services.pack, seen)
    return json(shown_, status, headers={"etag": f'"{row.version}"'})


async def handle(
    access: Access,
    unit_id: UnitId,
    command: words.Command,
    body: BaseModel,
    key: str | None,
    version: str | None,
    name: str,
) -> UnitRow:
    """Carries out one command; a repeat gives the unit as it is by now."""
    by = access.who.id
    if name in ("create", "change"):
        areas = cast(words.AddUnit | words.ChangeUnit, command).areas
        actor = access.actor(areas[-1:])
    else:
        _, actor = await access.unit(unit_id)
    given = (name, unit_id if name != "create" else "", body.model_dump_json())
    outcome = checked(
        await access.services.engine.handle_unit(
            unit_id,
            command,
            by=actor,
            key=f"unit:{by}:{key}" if key else None,
            fingerprint=hashlib.blake2b(msgspec.json.encode(given), digest_size=16).hexdigest(),
            expected_version=expected(version),
            answer={"unit_id": unit_id},
        )
    )
    access.web.metrics.commits.labels(f"unit_{name}").inc()
    row = outcome.unit
    if row is None:
        row = await access.services.store.unit(UnitId(outcome.answer["unit_id"]))
    assert row is not None, "a unit that was changed is there"
    return row


async def sign_out(access: Access, account: ActorId) -> None:
    """Ends the duty of the units that this account signed on; one that is on a case stays with
    it, but its alerts are revoked at once."""
    services = access.services
    with as_node():  # whoever signs out has no reach any more; only their own units are ended
        rows = await services.store.units()
    for row in rows:
        unit = row.unit
        if unit.signed_on_by != account or unit.agency is None:
            continue
        actor = Actor(access.who.id, access.who.kind, (), unit.agency)
        over: words.Command = words.EndDuty("signed_out")
        if unit.cases:
            over = words.RevokeAlerts("signed_out")
        checked(await services.engine.handle_unit(unit.id, over, by=actor))
