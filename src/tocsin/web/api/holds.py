"""Legal holds of a case: nothing of it is destroyed while one holds. Two people, as everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, ActorId, Refused
from tocsin.runtime.board import parties_of
from tocsin.runtime.ports import BoardRow, CaseQuery
from tocsin.runtime.retention import (
    NEXT_WORD,
    UNCONFIRMED_HOLDS,
    HoldAnswer,
    Holds,
    HoldStanding,
    LegalHold,
    SamePerson,
)
from tocsin.web.api.common import (
    STAFF,
    STAFF_ONE,
    WRITES,
    AccessArg,
    CaseIdArg,
    json,
    router,
    shown,
    staff_names,
)
from tocsin.web.api.sight_shapes import NothingBody, Number
from tocsin.web.gate import Access
from tocsin.web.permissions import RULES, reach
from tocsin.web.problems import Problem
from tocsin.web.shapes import Days, Strict, like
from tocsin.web.views import View

routes: APIRouter = router("holds")

PAGE: Final = 50
"""Holds of one page of the index."""
LOOKED_AT_MAX: Final = 500
"""Holds looked through for one page, for somebody who reaches few of them; `next` goes on."""

HOLD_EXAMPLE: Final[dict[str, Any]] = {
    "id": 7,
    "at": "2026-11-22T01:30:00+00:00",
    "by_name": "Chen Li",
    "is_mine": False,
    "reason": "court",
    "until": "2027-11-22T01:30:00+00:00",
    "answer": None,
    "waits_until": "2026-12-06T01:30:00+00:00",
    "is_holding": True,
    "may": ["confirmed", "denied"],
}


class HoldBody(Strict):
    """Why nothing of the case may go, and for how many days."""

    model_config = like({"reason": "court", "days": 365})

    reason: Literal["court", "investigation", "audit", "claim"]
    days: Days


class HoldView(View):
    """One hold. `answer` is the last word of a second person; without one it holds until
    `waits_until`. `may`: what the reader may say of it now."""

    model_config = like(HOLD_EXAMPLE)

    id: int
    at: datetime
    by_name: str
    is_mine: bool
    reason: Literal["court", "investigation", "audit", "claim"]
    until: datetime
    answer: Literal["confirmed", "denied", "ended"] | None
    waits_until: datetime | None
    is_holding: bool
    may: tuple[Literal["confirmed", "denied", "ended"], ...]


class HoldsView(View):
    """The holds of a case, oldest first. `may_place`: the reader may place one."""

    model_config = like({"holds": [HOLD_EXAMPLE], "is_held": True, "may_place": False})

    holds: tuple[HoldView, ...]
    is_held: bool
    may_place: bool


INDEXED_EXAMPLE: Final[dict[str, Any]] = {
    **HOLD_EXAMPLE,
    "case_id": "01hx",
    "case_type": "wage-arrears",
    "areas": ["county", "t0", "t0v0", "t0v0-0000"],
    "standing": "waiting",
}


class IndexedHoldView(HoldView):
    """One hold and the case that it keeps: its kind and where it lies, none of its words."""

    model_config = like(INDEXED_EXAMPLE)

    case_id: str
    case_type: str
    areas: tuple[str, ...]
    standing: HoldStanding


class HoldIndexView(View):
    """Holds of all cases in the reader's reach. What waits comes with the oldest first, the others
    with the newest first. `next` asks on, also where this page found nothing."""

    model_config = like({"holds": [INDEXED_EXAMPLE], "next": None})

    holds: tuple[IndexedHoldView, ...]
    next: int | None


@routes.get(
    "/holds",
    operation_id="hold.index",
    summary="Legal holds of all cases in reach: those that wait for a second person, that stand, "
    "or that hold no more.",
    **shown(HoldIndexView, *STAFF),
)
async def index(
    access: AccessArg,
    standing: Annotated[HoldStanding, Query(description="Which holds.")] = "waiting",
    after: Annotated[int | None, Query(ge=1, le=2**53, description="`next` of a page.")] = None,
) -> Response:
    store, now = _store(access), access.services.clock.now()
    found: list[tuple[LegalHold, BoardRow, Actor]] = []
    left: int = LOOKED_AT_MAX
    while left > 0 and len(found) < PAGE:
        wanted = min(PAGE - len(found), left)
        page = await store.listed(standing, after, wanted)
        left -= wanted
        found += await _in_reach(access, page)
        after = page[-1].id if page else after
        if len(page) < wanted:
            after = None
            break
    names = await staff_names(access, [hold.actor for hold, _, _ in found])
    told = [
        {
            **_hold(hold, actor, names, now),
            "case_id": hold.case_id,
            "case_type": row.case.case_type,
            "areas": list(row.case.areas or ()),
            "standing": standing,
        }
        for hold, row, actor in found
    ]
    return json({"holds": told, "next": after})


async def _in_reach(
    access: Access, holds: Sequence[LegalHold]
) -> list[tuple[LegalHold, BoardRow, Actor]]:
    """Those on cases that the asker reaches, as who."""
    ids = tuple({hold.case_id: None for hold in holds})
    asked = CaseQuery(ids=ids, limit=len(ids))
    page = await access.services.store.cases(asked) if ids else None
    rows = {row.case.id: row for row in page.rows} if page is not None else {}
    found: list[tuple[LegalHold, BoardRow, Actor]] = []
    for hold in holds:
        row = rows.get(hold.case_id)
        if row is None or row.case.areas is None:
            continue
        actor = reach(access.rule, access.who, row.case.areas, parties_of(row.case))
        if not isinstance(actor, Refused):
            found.append((hold, row, actor))
    return found


@routes.get(
    "/cases/{case_id}/holds",
    operation_id="hold.list",
    summary="The legal holds of a case, and what the reader may say of each.",
    **shown(HoldsView, *STAFF_ONE),
)
async def holds(case_id: CaseIdArg, access: AccessArg) -> Response:
    row, actor = await access.case(case_id)
    return json(await _told(access, row.case, actor))


@routes.post(
    "/cases/{case_id}/holds",
    operation_id="hold.place",
    summary="Place a legal hold: it holds at once, and for good when another person confirms it.",
    **shown(HoldsView, *WRITES),
)
async def place(case_id: CaseIdArg, body: HoldBody, access: AccessArg) -> Response:
    row, actor = await access.case(case_id)
    store, now = _store(access), access.services.clock.now()
    waits = [each for each in await store.of([row.case.id]) if _waits(each, now)]
    if any(each.actor == actor.id for each in waits):
        raise Problem("hold_waits")
    until = now + timedelta(days=body.days)
    await store.ask(row.case.id, body.reason, until, by=actor)
    return json(await _told(access, row.case, actor))


@routes.post(
    "/cases/{case_id}/holds/{hold}/confirm",
    operation_id="hold.confirm",
    summary="Confirm a hold, as the second person.",
    **shown(HoldsView, *WRITES),
)
async def confirm(
    case_id: CaseIdArg, hold: Number, body: NothingBody, access: AccessArg
) -> Response:
    return await _say(access, case_id, hold, "confirmed")


@routes.post(
    "/cases/{case_id}/holds/{hold}/deny",
    operation_id="hold.deny",
    summary="Deny a hold, as the second person: it ends.",
    **shown(HoldsView, *WRITES),
)
async def deny(case_id: CaseIdArg, hold: Number, body: NothingBody, access: AccessArg) -> Response:
    return await _say(access, case_id, hold, "denied")


@routes.post(
    "/cases/{case_id}/holds/{hold}/end",
    operation_id="hold.end",
    summary="End a confirmed hold before its time; never whoever placed it.",
    **shown(HoldsView, *WRITES),
)
async def end(case_id: CaseIdArg, hold: Number, body: NothingBody, access: AccessArg) -> Response:
    return await _say(access, case_id, hold, "ended")


async def _say(access: Access, case_id: str, number: int, answer: HoldAnswer) -> Response:
    row, actor = await access.case(case_id)
    store = _store(access)
    if all(each.id != number for each in await store.of([row.case.id])):
        raise Problem("hold_unknown")
    try:
        said = await store.answer(number, answer, by=actor)
    except SamePerson:
        raise Problem("second_is_asker") from None
    if said is None:
        raise Problem("hold_over")
    return json(await _told(access, row.case, actor))


def _store(access: Access) -> Holds:
    found = access.services.holds
    if found is None:
        raise Problem("unavailable")
    return found


def _waits(hold: LegalHold, now: datetime) -> bool:
    """Whether it holds, and nobody has spoken yet."""
    return hold.answer is None and hold.holds(now)


async def _told(access: Access, case: Case, actor: Actor) -> dict[str, Any]:
    """The members of `HoldsView`."""
    found = await _store(access).of([case.id])
    names = await staff_names(access, [each.actor for each in found])
    now = access.services.clock.now()
    told = [_hold(each, actor, names, now) for each in found]
    return {
        "holds": told,
        "is_held": any(each["is_holding"] for each in told),
        "may_place": any(role in RULES["hold.place"].roles for role in actor.roles),
    }


def _hold(
    hold: LegalHold, actor: Actor, names: dict[ActorId, str], now: datetime
) -> dict[str, Any]:
    waits_until = min(hold.at + UNCONFIRMED_HOLDS, hold.until) if hold.answer is None else None
    may = hold.actor != actor.id and any(
        role in RULES["hold.confirm"].roles for role in actor.roles
    )
    return {
        "id": hold.id,
        "at": hold.at,
        "by_name": names.get(hold.actor, ""),
        "is_mine": hold.actor == actor.id,
        "reason": hold.reason,
        "until": hold.until,
        "answer": hold.answer,
        "waits_until": waits_until,
        "is_holding": hold.holds(now),
        "may": [word for word, after in NEXT_WORD.items() if may and hold.answer in after],
    }


__all__ = ["routes"]
