"""Looking into one case: its journal, its likely duplicates, why it is here, its sealed values."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from tocsin.geography.areas import Outside
from tocsin.kernel.cases.likeness import FAR_M, LONG_S, rank
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, AreaPath, Refused, ReportId, SealedRef
from tocsin.packs.parts import Reason
from tocsin.runtime.board import parties_of
from tocsin.runtime.codec import name_of
from tocsin.runtime.onlooking import seeing_also
from tocsin.runtime.ports import BoardRow
from tocsin.web.api.common import (
    STAFF_ONE,
    WRITES,
    AccessArg,
    CaseIdArg,
    json,
    router,
    shown,
)
from tocsin.web.gate import Access
from tocsin.web.permissions import may_open_for, reach
from tocsin.web.problems import Problem
from tocsin.web.sealed import OPENS, refs_of, see_case, traits_of, words_by_case
from tocsin.web.shapes import ID, PlaceBody, Strict, like, wgs84
from tocsin.web.telling import tell
from tocsin.web.views import View, encode

routes: APIRouter = router("cases")

CANDIDATES_MAX: Final = 10
"""Duplicates shown: a person compares a handful."""
NEAR_MAX: Final = 100
"""Cases around that are compared; a street corner has fewer in two weeks."""


class EntryView(View):
    """One journal entry: who asked for what, and what happened."""

    seq: int
    version: int
    at: datetime
    by: str
    by_kind: str
    command: str
    asked: dict[str, Any]
    events: tuple[dict[str, Any], ...]


class JournalView(View):
    """The story of a case, oldest first."""

    model_config = like(
        {
            "entries": [
                {
                    "seq": 12,
                    "version": 2,
                    "at": "2026-11-22T01:31:00+00:00",
                    "by": "01hw",
                    "by_kind": "staff",
                    "command": "accept_case",
                    "asked": {"note": None},
                    "events": [{"name": "case_accepted", "by": "01hw", "reason": "accepted"}],
                }
            ]
        }
    )
    entries: tuple[EntryView, ...]


class LikenessView(View):
    """One reason: its share from 0 to 1, and its measure (metres, seconds, words)."""

    part: str
    score: float
    measure: float


class CandidateView(View):
    """A case that may be the same matter."""

    case_id: str
    likeness: float
    status: str
    case_type: str
    reasons: tuple[LikenessView, ...]


class DuplicatesView(View):
    """The likeliest duplicates, best first."""

    model_config = like(
        {
            "candidates": [
                {
                    "case_id": "01hy",
                    "likeness": 0.83,
                    "status": "received",
                    "case_type": "street-light-out",
                    "reasons": [{"part": "distance", "score": 0.9, "measure": 30.0}],
                }
            ]
        }
    )
    candidates: tuple[CandidateView, ...]


class ReasonView(View):
    """Why a rule of the route was taken, or passed over."""

    rule: str
    is_match: bool
    what: str | None
    wanted: str | None
    found: str | None


class WhyView(View):
    """Why the case is where it is."""

    model_config = like(
        {
            "route_rule": "default",
            "lead": "lighting@county",
            "pack_version": "county-4c2f0a9b1d3e",
            "is_current_pack": True,
            "rules": [
                {
                    "rule": "default",
                    "is_match": True,
                    "what": None,
                    "wanted": None,
                    "found": None,
                }
            ],
        }
    )
    route_rule: str
    lead: str | None
    pack_version: str
    is_current_pack: bool
    rules: tuple[ReasonView, ...]


Purpose = Literal[
    "handling",
    "contact_reporter",
    "verification",
    "duplicate_check",
    "supervision",
    "arbitration",
    "evaluation",
    "redaction",
]


class PurposeBody(Strict):
    """For what the values are needed. It is kept with the reader's name, before they are read."""

    model_config = like({"purpose": "handling"})

    purpose: Purpose
    refs: Annotated[
        tuple[Annotated[str, Field(pattern=ID, max_length=200)], ...] | None,
        Field(strict=False, max_length=200, description="Only these; all when left out."),
    ] = None


class ValueView(View):
    """One opened value: words as text, a photo as base64."""

    ref: str
    kind: str
    media_type: str
    text: str | None
    data: str | None


class ValuesView(View):
    """The values this purpose opens; erased ones are left out."""

    model_config = like(
        {
            "values": [
                {
                    "ref": "01hx-r1.description",
                    "kind": "description",
                    "media_type": "text/plain",
                    "text": "The lamp in front of the school is dark.",
                    "data": None,
                }
            ]
        }
    )
    values: tuple[ValueView, ...]


class ThreadMessageView(View):
    """One message to a reporter."""

    at: datetime
    report: str
    template: str
    text: str


class ThreadView(View):
    """What the reporters of a case were told, oldest first."""

    model_config = like(
        {
            "messages": [
                {
                    "at": "2026-11-22T01:30:00+00:00",
                    "report": "01hx-r1",
                    "template": "received",
                    "text": "Thank you. We have your report.",
                }
            ]
        }
    )
    messages: tuple[ThreadMessageView, ...]


@routes.get(
    "/cases/{case_id}/journal",
    operation_id="case.journal",
    summary="What happened to a case, and who asked for it.",
    **shown(JournalView, *STAFF_ONE),
)
async def journal(case_id: CaseIdArg, access: AccessArg) -> Response:
    row, _ = await access.case(case_id)
    entries = await access.services.store.journal(row.case.id)
    return json(
        {
            "entries": [
                {
                    "seq": entry.seq,
                    "version": entry.version,
                    "at": entry.at,
                    "by": entry.by.id,
                    "by_kind": entry.by.kind,
                    "command": name_of(entry.command),
                    "asked": _plain(entry.command),
                    "events": [
                        {"event": name_of(event), **_plain(event)} for event in entry.events
                    ],
                }
                for entry in entries
            ]
        }
    )


def _plain(value: object) -> dict[str, Any]:
    return cast(dict[str, Any], msgspec.json.decode(encode(value)))


@routes.get(
    "/cases/{case_id}/duplicates",
    operation_id="case.duplicates",
    summary="Open cases that may be the same matter, with likeness and reasons.",
    **shown(DuplicatesView, *STAFF_ONE),
)
async def duplicates(case_id: CaseIdArg, access: AccessArg) -> Response:
    row, actor = await access.case(case_id)
    case, services = row.case, access.services
    assert case.place is not None and case.opened_at is not None, "it is on the board"
    since = case.opened_at - timedelta(seconds=LONG_S)
    around = await services.store.near(case.place, FAR_M, since, NEAR_MAX)
    others = [each for each in around if each.case.id != case.id and is_reached(each, access)]
    words = await words_by_case(
        services, [case, *(each.case for each in others)], actor, access.web.read_words
    )
    mine = traits_of(case, words.get(case.id, frozenset()), services)
    theirs = [
        traits_of(each.case, words.get(each.case.id, frozenset()), services) for each in others
    ]
    by_id = {each.case.id: each.case for each in others}
    return json(
        {
            "candidates": [
                {
                    "case_id": each.case_id,
                    "likeness": each.likeness,
                    "status": by_id[each.case_id].status,
                    "case_type": by_id[each.case_id].case_type,
                    "reasons": each.reasons,
                }
                for each in rank(mine, theirs, CANDIDATES_MAX)
            ]
        }
    )


def is_reached(row: BoardRow, access: Access) -> bool:
    """Whether the asker's roles reach a case."""
    if row.case.areas is None:
        return False
    found = reach(access.rule, access.who, row.case.areas, parties_of(row.case))
    return not isinstance(found, Refused)


@routes.get(
    "/cases/{case_id}/why",
    operation_id="case.why",
    summary="Why the case is here: every rule of its route, in order.",
    **shown(WhyView, *STAFF_ONE),
)
async def why(case_id: CaseIdArg, access: AccessArg) -> Response:
    row, _ = await access.case(case_id)
    case, pack = row.case, access.services.pack
    return json(
        {
            "route_rule": case.route_rule,
            "lead": case.lead,
            "pack_version": case.pack_version,
            "is_current_pack": case.pack_version == pack.version,
            "rules": [reason_view(each) for each in _rules(access, case)],
        }
    )


def _rules(access: Access, case: Case) -> tuple[Reason, ...]:
    assert case.areas is not None and case.opened_at is not None, "it is on the board"
    answers = dict(case.reports[0].answers) if case.reports else {}
    pack = access.services.pack
    choice = pack.choose_route(case.case_type, case.areas, case.opened_at, answers)
    return choice.why if choice is not None else ()


def reason_view(reason: Reason) -> dict[str, Any]:
    """The members of `ReasonView`."""
    failed = reason.failed
    return {
        "rule": reason.rule,
        "is_match": reason.is_match,
        "what": failed.kind if failed else None,
        "wanted": failed.wanted if failed else None,
        "found": failed.met if failed else None,
    }


@routes.post(
    "/cases/{case_id}/sealed",
    operation_id="case.open_sealed",
    summary="Open the sealed values of a case for a stated purpose: a permit first, then a record "
    "for each value, then the values.",
    **shown(ValuesView, *WRITES),
)
async def open_sealed(case_id: CaseIdArg, body: PurposeBody, access: AccessArg) -> Response:
    row, actor = await access.case(case_id)
    if not may_open_for(body.purpose, actor):
        raise Problem("purpose_not_yours")
    refs = refs_of(await access.services.store.journal(row.case.id))
    opens = OPENS[body.purpose]
    wanted = [
        ref
        for ref, kind in refs.items()
        if kind in opens and (body.refs is None or ref in body.refs)
    ]
    values: list[dict[str, Any]] = []
    if wanted:
        opened = await see_case(access.services, row.case, wanted, by=actor, purpose=body.purpose)
        values = values_of(wanted, refs, opened)
    return json({"values": values})


def values_of(
    wanted: Sequence[SealedRef],
    kinds: Mapping[SealedRef, str],
    opened: Mapping[SealedRef, tuple[bytes, str]],
) -> list[dict[str, Any]]:
    """The members of `ValuesView.values`."""
    return [
        {"ref": ref, "kind": kinds[ref], **_value(*opened[ref])} for ref in wanted if ref in opened
    ]


def _value(value: bytes, media_type: str) -> dict[str, str | None]:
    if media_type.startswith(("text/", "application/json")):
        return {"media_type": media_type, "text": value.decode(errors="replace"), "data": None}
    data = base64.b64encode(value).decode()
    return {"media_type": media_type, "text": None, "data": data}


@routes.get(
    "/cases/{case_id}/thread",
    operation_id="case.thread",
    summary="What the reporters of a case were told.",
    **shown(ThreadView, *STAFF_ONE),
)
async def thread(case_id: CaseIdArg, access: AccessArg) -> Response:
    row, _ = await access.case(case_id)
    return json({"messages": await _threads(access, row.case)})


async def _threads(access: Access, case: Case) -> list[dict[str, Any]]:
    services, found = access.services, list[dict[str, Any]]()
    for report in case.reports:
        with seeing_also(desks=[report.id]):  # also what it was told as part of another case
            messages = await services.store.thread(ReportId(report.id))
        for message in messages:
            words = tell(services.pack, message.template, access.language, case)
            found.append(
                {
                    "at": message.at,
                    "report": report.id,
                    "template": message.template,
                    "text": words,
                }
            )
    return sorted(found, key=lambda each: each["at"])


def located(body: PlaceBody, access: Access) -> AreaPath:
    """Where a place lies; refused as `outside` with the nearest area."""
    place = wgs84(body)
    found = access.services.atlas.locate(place.lon, place.lat)
    if isinstance(found, Outside):
        name = access.services.atlas.area(found.nearest).name_in(access.language)
        raise Problem("outside", f"{name}, {found.distance_m:.0f} m away")
    return found


async def likeness_of(access: Access, case: Case, other: Case, by: Actor) -> dict[str, Any]:
    """The computed fields of a merge: how alike the two are, and by what."""
    words = await words_by_case(access.services, [case, other], by, access.web.read_words)
    found = rank(
        traits_of(case, words.get(case.id, frozenset()), access.services),
        [traits_of(other, words.get(other.id, frozenset()), access.services)],
        1,
    )
    if not found:
        return {"likeness": 0.0, "reasons": ("by_hand",)}
    return {
        "likeness": found[0].likeness,
        "reasons": tuple(reason.part for reason in found[0].reasons),
    }
