"""Purpose before sight: the second person, break-glass, and who opened what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from tocsin.kernel.cases.vocabulary import BreakGlass
from tocsin.kernel.shared import Actor, CaseId, Refused
from tocsin.runtime.board import parties_of
from tocsin.runtime.onlooking import as_node, seeing_also
from tocsin.runtime.ports import BoardRow
from tocsin.runtime.seeing import holders_of
from tocsin.runtime.sight import SECOND_LIVES
from tocsin.runtime.sight_ports import Answer, Ask, Opened, SecondPerson
from tocsin.web.api.common import (
    STAFF,
    WRITES,
    AccessArg,
    CaseIdArg,
    checked,
    json,
    router,
    shown,
)
from tocsin.web.api.insight import ValuesView, values_of
from tocsin.web.api.sight_shapes import (
    AskBody,
    AsksView,
    AskView,
    BrokensView,
    GlassBody,
    NoBody,
    NothingBody,
    Number,
    RecordsView,
    YesBody,
)
from tocsin.web.gate import Access, hidden
from tocsin.web.permissions import may_open_for, reach, second_role
from tocsin.web.problems import Problem
from tocsin.web.sealed import read_permitted, refs_of, wish_of

routes: APIRouter = router("sight")

ASKS_SHOWN: Final = 200
"""Wishes that wait or live at once: more and nobody decides about each."""
RECORDS_MAX: Final = 500
"""Access records of one page."""


@routes.post(
    "/cases/{case_id}/sight",
    operation_id="case.ask_sight",
    summary="Ask a second person to agree that one opens sealed values of a case.",
    **shown(AskView, *WRITES),
)
async def ask_sight(case_id: CaseIdArg, body: AskBody, access: AccessArg) -> Response:
    row, actor = await access.case(case_id)
    if not may_open_for(body.purpose, actor):
        raise Problem("purpose_not_yours")
    services = access.services
    holders = await holders_of(row.case, services.store)
    wish = wish_of(row.case, holders, by=actor, purpose=body.purpose, services=services)
    found = await services.vault.permit(
        [wish], by=actor, purpose=body.purpose, cases_an_hour=services.pack.sight.cases_an_hour
    )
    if not isinstance(found, SecondPerson):
        raise Problem("not_needed_here")
    wish = replace(wish, needs=found.needs)
    asked = await services.vault.ask(wish, by=actor, purpose=body.purpose, reason=body.reason)
    return json(await _told(access, asked, row))


@routes.post(
    "/sight/break-glass",
    operation_id="sight.break_glass",
    summary="Ask to see what is sealed in a case that one does not work on. Never in silence.",
    **shown(AskView, *WRITES),
)
async def break_glass(body: GlassBody, access: AccessArg) -> Response:
    services = access.services
    with as_node():  # it is asked for because it is out of reach; its words stay sealed
        row = await services.store.case(CaseId(body.case_id))
    if row is None or row.case.areas is None:
        raise Problem("case_unknown")
    actor = _anywhere(access)
    holders = await holders_of(row.case, services.store)
    wish = wish_of(row.case, holders, by=actor, purpose="break_glass", services=services)
    asked = await services.vault.ask(wish, by=actor, purpose="break_glass", reason=body.reason)
    return json(await _told(access, asked, row))


def _anywhere(access: Access) -> Actor:
    """The asker with all the roles that they hold, wherever that is."""
    held = access.who.grants
    roles = tuple(dict.fromkeys(each.role for each in held if each.role in access.rule.roles))
    agency = next((each.agency for each in held if each.agency is not None), None)
    return Actor(access.who.id, access.who.kind, roles, agency)


@routes.get(
    "/sight/asks",
    operation_id="sight.asks",
    summary="Wishes for a second person: one's own, and those in one's reach.",
    **shown(AsksView, *STAFF),
)
async def asks(access: AccessArg) -> Response:
    found: list[dict[str, Any]] = []
    with seeing_also(account=access.who.id):
        known = await access.services.vault.asks(ASKS_SHOWN)
    for ask in known:
        is_told = ask.actor == access.who.id or _is_auditor(access)
        with seeing_also(cases=[ask.case_id] if is_told else ()):
            row = await access.services.store.case(ask.case_id)
        if row is not None and _is_shown(access, ask, row):
            found.append(await _told(access, ask, row))
    return json({"asks": found})


def _is_shown(access: Access, ask: Ask, row: BoardRow) -> bool:
    """One's own; those that one may decide or has to watch over; all of them to auditors."""
    if ask.actor == access.who.id:
        return True
    if _is_auditor(access):
        return True
    actor = _reaching(access, row)
    return actor is not None and any(role in ("supervisor", "dispatcher") for role in actor.roles)


def _is_auditor(access: Access) -> bool:
    return any(each.role == "audit_administrator" for each in access.who.grants)


def _reaching(access: Access, row: BoardRow) -> Actor | None:
    assert row.case.areas is not None, "it is on the board"
    found = reach(access.rule, access.who, row.case.areas, parties_of(row.case))
    return None if isinstance(found, Refused) else found


@routes.post(
    "/sight/asks/{ask}/approve",
    operation_id="sight.approve",
    summary="Agree, as the second person. The permit is committed with it, before any sight.",
    **shown(AskView, *WRITES),
)
async def approve(ask: Number, body: YesBody, access: AccessArg) -> Response:
    return await _decide(access, ask, "approved", body.reason)


@routes.post(
    "/sight/asks/{ask}/deny",
    operation_id="sight.deny",
    summary="Refuse, as the second person, with a reason.",
    **shown(AskView, *WRITES),
)
async def deny(ask: Number, body: NoBody, access: AccessArg) -> Response:
    return await _decide(access, ask, "denied", body.reason)


async def _decide(access: Access, number: int, answer: Answer, reason: str) -> Response:
    services = access.services
    asked = await services.vault.one_ask(number)
    if asked is None:
        raise await hidden(services.vault.one_ask(number), "ask_unknown")
    row, actor = await access.case(asked.case_id)
    role = second_role(asked.needs, actor)
    if role is None:
        raise Problem("not_the_second")
    if asked.actor == actor.id:
        raise Problem("second_is_asker")
    waits = asked.answer is None and asked.expires_at > services.clock.now()
    if answer == "approved" and asked.purpose == "break_glass" and waits:
        # First the line in the journal, whose errands tell supervisors and auditors; then the
        # permit. If the node dies in between, it was told and nothing was opened.
        until = services.clock.now() + SECOND_LIVES
        line = BreakGlass(asked.actor, asked.reason, until)
        checked(await services.engine.handle(row.case.id, line, by=actor, key=f"glass:{number}"))
    said = checked(
        await services.vault.decide(number, by=actor, role=role, answer=answer, reason=reason)
    )
    return json(await _told(access, said, row))


@routes.post(
    "/sight/permits/{permit}/open",
    operation_id="sight.open",
    summary="Open what is sealed in a case under one's live break-glass permit.",
    **shown(ValuesView, *WRITES),
)
async def open_permitted(permit: Number, body: NothingBody, access: AccessArg) -> Response:
    services, actor = access.services, _anywhere(access)
    found = await services.vault.live_permit(permit, by=actor)
    # An ordinary permit opens at its case, for whoever still reaches that.
    if found is None or found.purpose != "break_glass":
        raise Problem("permit_over")
    with seeing_also(cases=[found.case_id]):
        kinds = refs_of(await services.store.journal(found.case_id))
    opened = await read_permitted(services, list(kinds), permit, by=actor)
    return json({"values": values_of(list(kinds), kinds, opened)})


@routes.post(
    "/sight/permits/{permit}/end",
    operation_id="sight.end",
    summary="End a permit before its time: one's own, or one in one's supervision.",
    **shown(AsksView, *WRITES),
)
async def end(permit: Number, body: NothingBody, access: AccessArg) -> Response:
    services = access.services
    actor = _anywhere(access)
    live = await services.vault.live_permit(permit, by=actor)
    if live is None:
        known = [each for each in await services.vault.asks(ASKS_SHOWN) if each.permit == permit]
        row = await services.store.case(known[0].case_id) if known else None
        watched = _reaching(access, row) if row is not None else None
        if watched is None or "supervisor" not in watched.roles:
            raise Problem("permit_over")
    await services.vault.give_back(permit, by=actor)
    return await asks(access)


@routes.get(
    "/sight/broken",
    operation_id="sight.broken",
    summary="Break-glass that is on now, for the banner of everybody.",
    **shown(BrokensView, *STAFF),
)
async def broken(access: AccessArg) -> Response:
    now = access.services.clock.now()
    with as_node():  # everybody hears of it, wherever it is: no more than what is told below
        known = await access.services.vault.asks(ASKS_SHOWN)
    found = [
        {"case_id": ask.case_id, "until": ask.permit_until, "role": ask.role, "reason": ask.reason}
        for ask in known
        if "break_glass" in ask.needs and ask.permit_until is not None and ask.permit_until > now
    ]
    return json({"broken": found})


@routes.get(
    "/sight/records",
    operation_id="sight.records",
    summary="Who opened which kind of field of which case, and why: for auditors.",
    **shown(RecordsView, *STAFF),
)
async def records(
    access: AccessArg,
    after: Annotated[int | None, Query(ge=1, le=2**53, description="`next` of a page.")] = None,
    limit: Annotated[int, Query(ge=1, le=RECORDS_MAX)] = 100,
) -> Response:
    found = await access.services.vault.opened(after, limit)
    people = [each.actor for each in found] + [each.second for each in found if each.second]
    names = await _names(access, people)
    return json(
        {
            "records": [_record(each, names) for each in found],
            "next": found[-1].id if len(found) == limit else None,
        }
    )


def _record(each: Opened, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": each.id,
        "at": each.at,
        "permit": each.permit,
        "by": each.actor,
        "by_name": names.get(each.actor, ""),
        "by_kind": each.kind,
        "role": each.role,
        "agency": each.agency,
        "purpose": each.purpose,
        "case_id": each.case_id,
        "field": each.field,
        "second_name": names.get(each.second, "") if each.second else None,
    }


async def _names(access: Access, ids: Iterable[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in dict.fromkeys(ids):
        account = await access.web.accounts.store.account(each)
        if account is not None:
            found[each] = account.name
    return found


async def _told(access: Access, ask: Ask, row: BoardRow) -> dict[str, Any]:
    """The members of `AskView`."""
    names = await _names(access, [ask.actor, *([ask.second] if ask.second else [])])
    waits = ask.answer is None and ask.expires_at > access.services.clock.now()
    actor = _reaching(access, row) if ask.actor != access.who.id else None
    may = waits and actor is not None and second_role(ask.needs, actor) is not None
    return {
        "id": ask.id,
        "at": ask.at,
        "by": ask.actor,
        "by_name": names.get(ask.actor, ""),
        "is_mine": ask.actor == access.who.id,
        "role": ask.role,
        "agency": ask.agency,
        "purpose": ask.purpose,
        "case_id": ask.case_id,
        "case_type": row.case.case_type,
        "needs": ask.needs,
        "reason": ask.reason,
        "expires_at": ask.expires_at,
        "answer": ask.answer,
        "answer_reason": ask.answer_reason,
        "second_name": names.get(ask.second, "") if ask.second else None,
        "permit": ask.permit,
        "permit_until": ask.permit_until,
        "may_decide": may,
    }
