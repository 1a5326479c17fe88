"""Beside one case: its story in words, what one may do now, who else has it open, and what looks
like a report that is still being told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from fastapi import APIRouter
from starlette.responses import Response

from tocsin.kernel.cases.likeness import FAR_M, LONG_S, Traits, rank, words_of
from tocsin.kernel.shared import Actor, AgencyId, CaseId
from tocsin.packs.words import word
from tocsin.runtime.accounts import Account
from tocsin.web.api.common import (
    STAFF_ONE,
    WRITES,
    AccessArg,
    CaseIdArg,
    json,
    router,
    shown,
    staff_names,
)
from tocsin.web.api.insight import CANDIDATES_MAX, NEAR_MAX, is_reached, located
from tocsin.web.choosing import actions_for
from tocsin.web.gate import Access
from tocsin.web.presence import Person
from tocsin.web.sealed import refs_of, traits_of, words_by_case
from tocsin.web.shapes import PlaceBody, Strict, Text, Word, like, wgs84
from tocsin.web.storytelling import Names, story_of
from tocsin.web.views import View, encode

routes: APIRouter = router("cases")

ACCOUNTS_PAGE: Final = 500
"""Accounts read at once when looking for the people of an agency."""
NOT_YET: Final = CaseId("(being told)")
"""What a report is compared as while it has no case."""


class ActionsView(View):
    """What the asker may do now. `next` brings the case on; `why` says what stands in the way."""

    model_config = like(
        {
            "next": {"verb": "accept", "task": None},
            "actions": [
                {
                    "verb": "accept",
                    "task": None,
                    "agency": None,
                    "label": "Accept",
                    "may": True,
                    "why": None,
                    "reasons": [],
                    "needs": ["note"],
                }
            ],
        }
    )
    next: dict[str, str | None] | None
    actions: tuple[dict[str, Any], ...]


class StoryEntryView(View):
    """One thing that happened, in a sentence."""

    seq: int
    at: datetime
    by: dict[str, str]
    kind: str
    event: str
    words: str
    reason: str | None
    agency: str | None
    refs: tuple[str, ...]
    stage: str | None
    clock: dict[str, Any] | None
    delivered: Literal["shown", "inbox"] | None
    """A message: in the reporter's thread, which the receipt shows, or in a desk's inbox."""


class StoryView(View):
    """The story of a case, oldest first."""

    model_config = like(
        {
            "entries": [
                {
                    "seq": 12,
                    "at": "2026-11-22T01:31:00+00:00",
                    "by": {"id": "01hw", "kind": "staff", "name": "Li Chen"},
                    "kind": "decision",
                    "event": "case_accepted",
                    "words": "Accepted",
                    "reason": "accepted",
                    "agency": None,
                    "refs": [],
                    "stage": None,
                    "clock": None,
                    "delivered": None,
                }
            ]
        }
    )
    entries: tuple[StoryEntryView, ...]


class DoingBody(Strict):
    """What one does with the case just now."""

    model_config = like({"doing": "reading"})

    doing: Literal["reading", "writing"]


class PresenceView(View):
    """The colleagues who have the case open."""

    model_config = like({"people": [{"id": "01hw", "name": "Li Chen", "doing": "writing"}]})

    people: tuple[dict[str, str], ...]


class ColleagueView(View):
    """Somebody of the agencies at work. `may_take` says that a task may be given to them now;
    others had a part in one before."""

    id: str
    name: str
    agency: str | None
    may_take: bool


class ColleaguesView(View):
    """Who works on the tasks of a case, and who could, by name."""

    model_config = like(
        {"people": [{"id": "01hw", "name": "Li Chen", "agency": "roads@county", "may_take": True}]}
    )

    people: tuple[ColleagueView, ...]


class LikelyBody(Strict):
    """A report as far as it is told. Nothing of it is kept."""

    model_config = like(
        {
            "text": "The lamp in front of the school is dark.",
            "case_type": "street-light-out",
            "place": {"lon": 24.945, "lat": 60.17, "datum": "wgs84"},
        }
    )
    text: Text
    case_type: Word | None = None
    place: PlaceBody


class LikelyView(View):
    """Cases that may be the same matter, best first."""

    model_config = like(
        {
            "candidates": [
                {
                    "case_id": "01hy",
                    "likeness": 0.83,
                    "status": "received",
                    "case_type": "street-light-out",
                    "distance_m": 30.0,
                    "opened_at": "2026-11-22T01:30:00+00:00",
                    "reasons": [
                        {
                            "part": "distance",
                            "score": 0.9,
                            "measure": 30.0,
                            "words": "near each other",
                        }
                    ],
                }
            ]
        }
    )
    candidates: tuple[dict[str, Any], ...]


@routes.get(
    "/cases/{case_id}/actions",
    operation_id="case.actions",
    summary="What one may do with a case now, and why not the rest.",
    **shown(ActionsView, *STAFF_ONE),
)
async def actions(case_id: CaseIdArg, access: AccessArg) -> Response:
    row, actor = await access.case(case_id)
    roles = frozenset(actor.roles)
    return json(actions_for(row.case, actor, roles, access.services, access.language))


@routes.get(
    "/cases/{case_id}/story",
    operation_id="case.story",
    summary="What happened to a case, in sentences: decisions, clocks, messages, openings.",
    **shown(StoryView, *STAFF_ONE),
)
async def story(case_id: CaseIdArg, access: AccessArg) -> Response:
    row, _ = await access.case(case_id)
    services, case = access.services, row.case
    journal = await services.store.journal(case.id)
    refs = tuple(refs_of(journal))
    readings = await services.vault.readings(refs) if refs else ()
    messages = await services.store.told(case.id)
    staff = {entry.by.id for entry in journal if entry.by.kind == "staff"}
    staff |= {reading.by for reading in readings if reading.kind == "staff"}
    names = Names(await staff_names(access, staff), access.language)
    entries = story_of(case, journal, messages, readings, names, services, access.language)
    return json({"entries": entries})


@routes.post(
    "/cases/{case_id}/presence",
    operation_id="case.presence",
    summary="Say that one has a case open; hear who else has. Kept for seconds, in memory only.",
    **shown(PresenceView, *WRITES),
)
async def presence(case_id: CaseIdArg, body: DoingBody, access: AccessArg) -> Response:
    row, actor = await access.case(case_id)
    names = await staff_names(access, {actor.id})
    person = Person(actor.id, names.get(actor.id, actor.id), body.doing)
    people, is_news = access.web.presence.see(row.case.id, person)
    if is_news and access.web.hub is not None:
        told = encode({"case": row.case.id, "people": people})
        access.web.hub.tell_presence(row.case, told)
    return json({"people": people})


@routes.get(
    "/cases/{case_id}/colleagues",
    operation_id="case.colleagues",
    summary="The people of the agencies at work: who may be given a task, and who had one.",
    **shown(ColleaguesView, *STAFF_ONE),
)
async def colleagues(case_id: CaseIdArg, access: AccessArg) -> Response:
    row, _ = await access.case(case_id)
    tasks = row.case.tasks
    agencies = {each.agency for each in tasks}
    found: list[dict[str, Any]] = []
    async for account in _accounts(access):
        ours = [each for each in account.grants if each.agency in agencies]
        if account.is_active and ours:
            found.append(_colleague(account, ours[0].agency, may_take=True))
    known = {each["id"] for each in found}
    parts = {each for task in tasks for each in (task.assigned_to, task.claimed_by) if each}
    for each in sorted(parts - known):
        account = await access.web.accounts.store.account(each)
        if account is not None:
            found.append(_colleague(account, None, may_take=False))
    return json({"people": sorted(found, key=lambda each: (each["name"], each["id"]))})


async def _accounts(access: Access) -> AsyncIterator[Account]:
    after = ""
    while page := await access.web.accounts.store.accounts(after, ACCOUNTS_PAGE):
        for account in page:
            yield account
        after = page[-1].login


def _colleague(account: Account, agency: AgencyId | None, *, may_take: bool) -> dict[str, Any]:
    return {"id": account.id, "name": account.name, "agency": agency, "may_take": may_take}


@routes.post(
    "/likely",
    operation_id="case.likely",
    summary="Cases that may be what a caller is telling just now. The words are not kept.",
    **shown(LikelyView, *WRITES),
)
async def likely(body: LikelyBody, access: AccessArg) -> Response:
    services = access.services
    located(body.place, access)
    place, now = wgs84(body.place), services.clock.now()
    since = now - timedelta(seconds=LONG_S)
    around = await services.store.near(place, FAR_M, since, NEAR_MAX)
    rows = {each.case.id: each for each in around if is_reached(each, access)}
    by = Actor(access.who.id, access.who.kind)
    words = await words_by_case(
        services, [each.case for each in rows.values()], by, access.web.read_words
    )
    case_type = services.pack.case_types.get(body.case_type or "")
    mine = Traits(
        case_id=NOT_YET,
        place=place,
        at=now,
        case_type=body.case_type or "",
        group=case_type.group if case_type else "",
        words=words_of(body.text),
        is_open=True,
        is_urgent=case_type is not None and case_type.terms.profile == "emergency",
    )
    theirs = [
        traits_of(each.case, words.get(each.case.id, frozenset()), services)
        for each in rows.values()
    ]
    found: list[dict[str, Any]] = []
    for each in rank(mine, theirs, CANDIDATES_MAX):
        case = rows[each.case_id].case
        metres = [reason.measure for reason in each.reasons if reason.part == "distance"]
        found.append(
            {
                "case_id": case.id,
                "likeness": each.likeness,
                "status": case.status,
                "case_type": case.case_type,
                "distance_m": metres[0] if metres else FAR_M,
                "opened_at": case.opened_at,
                "reasons": [
                    {
                        "part": reason.part,
                        "score": reason.score,
                        "measure": reason.measure,
                        "words": word("likeness", reason.part, access.language),
                    }
                    for reason in each.reasons
                ],
            }
        )
    return json({"candidates": found})
