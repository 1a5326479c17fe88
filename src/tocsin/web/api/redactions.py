"""The redaction queue: a person's word on what the public reads of a resident's words, and on each
photo before the public sees it."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from tocsin.intakes.open311.listing import photos_of, shown_codes, shown_type
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, Refused, SealedRef
from tocsin.runtime.ports import BoardRow, CaseQuery
from tocsin.runtime.redactions import (
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
from tocsin.web.api.redaction_shapes import (
    DecidedView,
    DecisionBody,
    PhotoBody,
    PhotoDecidedView,
    QueueView,
    WordsToReadView,
)
from tocsin.web.api.sight_shapes import NothingBody
from tocsin.web.gate import Access
from tocsin.web.permissions import reach, role_for
from tocsin.web.problems import Problem, refuse
from tocsin.web.regions import list_cases, regions_of
from tocsin.web.sealed import see_case

routes: APIRouter = router("redactions")

PURPOSE: Final = "redaction"
PAGE: Final = 100
"""Published cases looked at together."""
LOOKED_MAX: Final = 1_000
"""Published cases looked through for one question; `next` goes on behind them."""


class _Read(NamedTuple):
    """The words of one case, opened; `photos` by number: version, media type and bytes."""

    case: Case
    actor: Actor
    ref: SealedRef | None
    version: str | None
    said: Said
    photos: dict[int, tuple[str, str, bytes]]


@routes.get(
    "/redactions",
    operation_id="redaction.list",
    summary="Published cases whose words or photos wait for a person. Nothing of either.",
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
    services, found = access.services, list[dict[str, Any]]()
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
    return json({"waiting": found, "next": after})


async def _undecided(access: Access, rows: tuple[BoardRow, ...]) -> list[dict[str, Any]]:
    """Those in the asker's hands with words or photos that are there and have no word yet."""
    store, pack = _store(access), access.services.pack
    mine = [
        row.case
        for row in rows
        if shown_type(pack, row.case) is not None
        and not isinstance(_leading(access, row.case), Refused)
    ]
    words = {case.id: ref for case in mine if (ref := _words_of(case)) is not None}
    decided = await store.decided(words)
    photos = {(case.id, ref) for case in mine for ref in photos_of(case)}
    photos -= set(await store.last_on(photos))
    open_words = [ref for case_id, ref in words.items() if case_id not in decided]
    there = await store.versions([*open_words, *sorted(ref for _, ref in photos)])
    found: list[dict[str, Any]] = []
    for case in mine:
        has_words = case.id not in decided and words.get(case.id) in there
        number = sum((case.id, ref) in photos and ref in there for ref in photos_of(case))
        if has_words or number:
            found.append(_waiting(case, has_words, number))
    return found


def _waiting(case: Case, has_words: bool, photos: int) -> dict[str, Any]:
    assert case.areas is not None, "it is on the board"
    return {
        "case_id": case.id,
        "case_type": case.case_type,
        "areas": list(case.areas),
        "opened_at": case.opened_at,
        "words": has_words,
        "photos": photos,
    }


@routes.post(
    "/cases/{case_id}/redaction/open",
    operation_id="redaction.open",
    summary="Open the words and photos of a case to decide what the public gets of them. A permit "
    "first, then a record of each, then what was asked for.",
    **shown(WordsToReadView, *WRITES),
)
async def open_words(case_id: CaseIdArg, body: NothingBody, access: AccessArg) -> Response:
    read = await _read(access, case_id)
    pieces = [(read.case.id, photos_of(read.case)[number - 1]) for number in read.photos]
    if read.ref is not None:
        pieces.append((read.case.id, read.ref))
    words = await _store(access).last_on(pieces)
    last = words.get((read.case.id, read.ref)) if read.ref is not None else None
    return json(
        {
            "case_id": read.case.id,
            "version": read.version,
            "text": read.said.text,
            "link": read.said.media_url or None,
            "marks": [{"start": start, "end": end} for start, end in marks_of(read.said.text)],
            "decision": last.decision if last is not None else None,
            "photos": [
                {
                    "number": number,
                    "version": version,
                    "media_type": media_type,
                    "data": b64encode(data).decode("ascii"),
                    "decision": said.decision if said is not None else None,
                }
                for number, (version, media_type, data) in read.photos.items()
                for said in (words.get((read.case.id, photos_of(read.case)[number - 1])),)
            ],
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
    if read.ref is None or read.version != body.version:
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


@routes.post(
    "/cases/{case_id}/redaction/photos/{number}",
    operation_id="redaction.photo",
    summary="Say of a photo that one has looked at whether the public sees it. Until then nobody "
    "does.",
    **shown(PhotoDecidedView, *WRITES),
)
async def judge_photo(
    case_id: CaseIdArg,
    number: Annotated[int, Path(ge=1, le=100, examples=[1])],
    body: PhotoBody,
    access: AccessArg,
) -> Response:
    case, actor = await _case(access, case_id)
    if number > len(photos_of(case)):
        raise Problem("nothing_public")
    kept = await _store(access).judge_photo(
        case.id,
        photos_of(case)[number - 1],
        body.version,
        is_released=body.verdict == "release",
        by=actor,
        role=role_for(PURPOSE, actor),
    )
    if kept is None:
        raise Problem("words_changed")
    return json({"case_id": case.id, "number": number, "decision": kept.decision})


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


async def _case(access: Access, case_id: str) -> tuple[Case, Actor]:
    """A case of which the public may be shown something, and who speaks for it. Raises
    `nothing_public`."""
    row, _ = await access.case(case_id)
    actor = _leading(access, row.case)
    if isinstance(actor, Refused):
        raise refuse(actor)
    if shown_type(access.services.pack, row.case) is None:
        raise Problem("nothing_public")
    return row.case, actor


async def _read(access: Access, case_id: str) -> _Read:
    """Words and photos, opened under a permit. Raises `nothing_public`, and as `see_case`."""
    case, actor = await _case(access, case_id)
    words, photos = _words_of(case), photos_of(case)
    refs = [*((words,) if words is not None else ()), *photos]
    # The digests first: what changes meanwhile is another version, and the word is refused.
    versions = await _store(access).versions(refs)
    if not versions:
        raise Problem("nothing_public")
    opened = await see_case(access.services, case, list(versions), by=actor, purpose=PURPOSE)
    pictures = {
        number: (versions[ref], opened[ref][1], opened[ref][0])
        for number, ref in enumerate(photos, 1)
        if ref in opened
    }
    if words is None or words not in opened:
        if not pictures:
            raise Problem("nothing_public")
        return _Read(case, actor, None, None, Said(), pictures)
    return _Read(case, actor, words, versions[words], said_of(*opened[words]), pictures)


__all__ = ["routes"]
