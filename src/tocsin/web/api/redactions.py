"""The redaction queue: a person's word on what the public reads of a resident's words."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from tocsin.intakes.open311.listing import shown_codes, shown_type
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, Refused, SealedRef
from tocsin.runtime.ports import BoardRow, CaseQuery
from tocsin.runtime.redactions import (
    GAPS_MAX,
    Decision,
    Gap,
    Redactions,
    Said,
    gapped,
    marks_of,
    merged,
    said_of,
)
from tocsin.stores.querying import BadCursor, read_cursor
from tocsin.web.api.common import (
    STAFF,
    WRITES,
    AccessArg,
    CaseIdArg,
    json,
    router,
    shown,
)
from tocsin.web.api.lists import Cursor
from tocsin.web.api.sight_shapes import NothingBody
from tocsin.web.gate import Access
from tocsin.web.permissions import reach, role_for
from tocsin.web.problems import Problem, refuse
from tocsin.web.regions import list_cases, regions_of
from tocsin.web.sealed import see_case
from tocsin.web.shapes import Offset, Strict, like
from tocsin.web.views import View

routes: APIRouter = router("redactions")

PURPOSE: Final = "redaction"
PAGE: Final = 100
"""Published cases looked at together."""
LOOKED_MAX: Final = 1_000
"""Published cases looked through for one question; `next` goes on behind them."""


class WaitingView(View):
    """A published case whose words nobody has confirmed as they are now."""

    case_id: str
    case_type: str
    areas: tuple[str, ...]
    opened_at: datetime


class QueueView(View):
    """What waits, newest first. `next` asks on, also where this page found nothing."""

    model_config = like(
        {
            "waiting": [
                {
                    "case_id": "01hx",
                    "case_type": "pothole",
                    "areas": ["county", "t0", "t0v0", "t0v0-0000"],
                    "opened_at": "2026-11-22T01:30:00+00:00",
                }
            ],
            "next": None,
        }
    )
    waiting: tuple[WaitingView, ...]
    next: str | None


class GapBody(Strict):
    """Characters (code points) from `start` up to, not with, `end`."""

    model_config = like({"start": 19, "end": 35})

    start: Offset
    end: Offset


class GapView(View):
    """Characters (code points) from `start` up to, not with, `end`."""

    start: int
    end: int


class WordsToReadView(View):
    """The words as they were told, where the finder leaves gaps, and what the public reads now:
    `decision` is the last word on this text, null while everything found is gapped by itself."""

    model_config = like(
        {
            "case_id": "01hx",
            "version": "9f2c" * 16,
            "text": "The lamp is dark. +358 40 123 4567",
            "link": None,
            "marks": [{"start": 18, "end": 34}],
            "decision": None,
            "is_published": True,
        }
    )
    case_id: str
    version: str
    text: str
    link: str | None
    marks: tuple[GapView, ...]
    decision: Literal["accepted", "edited", "held"] | None
    is_published: bool


class DecisionBody(Strict):
    """accept: the finder's gaps · edit: these gaps, and no others · hold: nothing is published.
    `version` is that of the words that were read."""

    model_config = like(
        {"version": "9f2c" * 16, "verdict": "edit", "gaps": [{"start": 18, "end": 34}]}
    )

    version: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    verdict: Literal["accept", "edit", "hold"]
    gaps: Annotated[tuple[GapBody, ...], Field(max_length=GAPS_MAX, strict=False)] = ()


class DecidedView(View):
    """The word, and what the public reads from now on; null: nothing."""

    model_config = like({"case_id": "01hx", "decision": "edited", "text": "The lamp is dark. […]"})
    case_id: str
    decision: Literal["accepted", "edited", "held"]
    text: str | None


class _Read(NamedTuple):
    """The words of one case, opened."""

    case: Case
    actor: Actor
    ref: SealedRef
    version: str
    said: Said


@routes.get(
    "/redactions",
    operation_id="redaction.list",
    summary="Published cases whose words wait for a person. None of the words.",
    **shown(QueueView, *STAFF, 409),
)
async def waiting(
    access: AccessArg,
    after: Annotated[Cursor | None, Query(description="`next` of a page.")] = None,
) -> Response:
    if after is not None:
        try:
            read_cursor(after)
        except BadCursor:
            raise Problem("bad_cursor") from None
    services, found = access.services, list[BoardRow]()
    regions = regions_of(access.rule, access.who, services.atlas)
    codes = shown_codes(services.pack)
    for _ in range(LOOKED_MAX // PAGE if codes else 0):
        asked = CaseQuery(
            published_only=True, case_types=codes, order="opened", after=after, limit=PAGE
        )
        page = await list_cases(services.store, asked, regions, services.atlas)
        found += await _undecided(access, page.rows)
        after = page.next
        if after is None or len(found) >= PAGE:
            break
    return json({"waiting": [_waiting(row.case) for row in found], "next": after})


async def _undecided(access: Access, rows: tuple[BoardRow, ...]) -> list[BoardRow]:
    """Those in the asker's hands whose words are there and have no word yet."""
    store, pack = _store(access), access.services.pack
    wanted = {
        row.case.id: ref
        for row in rows
        if (ref := _words_of(row.case)) is not None
        and shown_type(pack, row.case) is not None
        and not isinstance(_leading(access, row.case), Refused)
    }
    decided = await store.decided(wanted)
    there = await store.versions([ref for case, ref in wanted.items() if case not in decided])
    return [row for row in rows if wanted.get(row.case.id) in there and row.case.id not in decided]


def _waiting(case: Case) -> dict[str, Any]:
    assert case.areas is not None, "it is on the board"
    return {
        "case_id": case.id,
        "case_type": case.case_type,
        "areas": list(case.areas),
        "opened_at": case.opened_at,
    }


@routes.post(
    "/cases/{case_id}/redaction/open",
    operation_id="redaction.open",
    summary="Open the words of a case to decide what the public reads of them. A permit first, "
    "then a record, then the words.",
    **shown(WordsToReadView, *WRITES),
)
async def open_words(case_id: CaseIdArg, body: NothingBody, access: AccessArg) -> Response:
    read = await _read(access, case_id)
    last = (await _store(access).decided({read.case.id: read.ref})).get(read.case.id)
    return json(
        {
            "case_id": read.case.id,
            "version": read.version,
            "text": read.said.text,
            "link": read.said.media_url or None,
            "marks": [{"start": start, "end": end} for start, end in marks_of(read.said.text)],
            "decision": last.decision if last is not None else None,
            "is_published": read.case.published,
        }
    )


@routes.post(
    "/cases/{case_id}/redaction",
    operation_id="redaction.decide",
    summary="Say what the public reads of the words of a case: with the finder's gaps, with "
    "others, or nothing.",
    **shown(DecidedView, *WRITES),
)
async def decide(case_id: CaseIdArg, body: DecisionBody, access: AccessArg) -> Response:
    read = await _read(access, case_id)
    if read.version != body.version:
        raise Problem("words_changed")
    decision, text = _outcome(read.said.text, body)
    kept = await _store(access).decide(
        read.case.id,
        read.ref,
        body.version,
        decision,
        text,
        by=read.actor,
        role=role_for(PURPOSE, read.actor),
    )
    if kept is None:
        raise Problem("words_changed")
    return json({"case_id": read.case.id, "decision": decision, "text": text})


def _outcome(text: str, body: DecisionBody) -> tuple[Decision, str | None]:
    """The word that is kept, and the text that is published. Raises `gaps_wrong`."""
    if body.verdict == "hold":
        return "held", None
    found = marks_of(text)
    if body.verdict == "accept":
        return "accepted", gapped(text, found)
    wanted: list[Gap] = [(each.start, each.end) for each in body.gaps]
    try:
        gaps = merged(wanted, len(text))
    except ValueError:
        raise Problem("gaps_wrong") from None
    return ("accepted" if gaps == merged(found, len(text)) else "edited"), gapped(text, gaps)


def _store(access: Access) -> Redactions:
    found = access.services.redactions
    if found is None:
        raise Problem("unavailable")
    return found


def _words_of(case: Case) -> SealedRef | None:
    """The text that would be published."""
    return case.reports[0].description if case.reports else None


def _leading(access: Access, case: Case) -> Actor | Refused:
    """The asker with the roles that reach the case through its lead agency, or over its area: an
    agency that has only a part in the case does not speak to the public for it."""
    assert case.areas is not None, "it is on the board"
    return reach(access.rule, access.who, case.areas, (case.lead,) if case.lead else ())


async def _read(access: Access, case_id: str) -> _Read:
    """The words, opened under a permit. Raises `nothing_public` and what `see_case` raises."""
    row, _ = await access.case(case_id)
    actor = _leading(access, row.case)
    if isinstance(actor, Refused):
        raise refuse(actor)
    ref = _words_of(row.case)
    if ref is None or shown_type(access.services.pack, row.case) is None:
        raise Problem("nothing_public")
    # The digest first: words that change meanwhile are another version, and the word is refused.
    version = (await _store(access).versions([ref])).get(ref)
    opened = await see_case(access.services, row.case, [ref], by=actor, purpose=PURPOSE)
    if version is None or ref not in opened:
        raise Problem("nothing_public")
    return _Read(row.case, actor, ref, version, said_of(*opened[ref]))


__all__ = ["routes"]
