"""Service request updates: what has happened to a request, told and taken.

The extension that FixMyStreet and its partners speak: `GET` lists what happened between two
dates, `POST` brings what another system knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from tocsin.intakes.open311.filters import Filters
from tocsin.intakes.open311.formats import Value, moment
from tocsin.intakes.open311.listing import find, shown_codes
from tocsin.intakes.open311.words import sentence
from tocsin.kernel.cases import vocabulary as events
from tocsin.kernel.cases.evolve import evolve
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, Refused, SealedRef, TaskId
from tocsin.runtime.ports import BoardRow, CaseQuery, JournalEntry, SealedValue
from tocsin.runtime.services import Services

CASES_MAX: Final = 200
"""Cases whose journals are read for one answer; `page` goes on."""
CLAIMABLE: Final = ("dispatched", "acknowledged", "in_work")
AT_ONCE: Final = 8
"""Journals read side by side, so that one question never takes all connections."""
UPDATE_ID_MAX: Final = 100
TEXT_MAX: Final = 4_000
"""GeoReport v2: free text is limited to 4,000 characters."""
MARK: Final = ".update-"
"""What the reference of a text that came in as an update holds before its id."""

NOTABLE: Final[Mapping[type[events.Event], str]] = {
    events.CaseOpened: "opened",
    events.CaseAccepted: "accepted",
    events.CaseRefused: "refused",
    events.CaseFiled: "filed",
    events.CaseDispatched: "dispatched",
    events.CaseVoided: "void",
    events.TaskStarted: "in_work",
    events.TaskReturned: "returned",
    events.CaseClaimedDone: "claimed_done",
    events.CaseVerified: "verified",
    events.CheckFailed: "check_failed",
    events.CaseReopened: "reopened",
    events.CaseMerged: "merged",
    events.CaseUnmerged: "unmerged",
}
"""The events that people outside are told of, and in which words. Who did it is not told."""


@dataclass(frozen=True, slots=True)
class Update:
    """What another system says about a request."""

    case_id: str
    update_id: str
    text: str
    closes: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """The update is on disk, under this id."""

    update_id: str


# -- told


async def list_updates(
    services: Services, filters: Filters, language: str
) -> tuple[list[Value], bool]:
    """What happened between `filters.start` and `filters.end`, oldest first, for one page of
    requests (those touched last come first), and whether there are more of them."""
    rows, more = await _touched(services, filters)
    told: list[tuple[str, str, Value]] = []
    for start in range(0, len(rows), AT_ONCE):
        journals = await asyncio.gather(
            *(services.store.journal(row.case.id) for row in rows[start : start + AT_ONCE])
        )
        for entries in journals:
            told += _tell(entries, filters, language)
    told.sort(key=lambda each: each[:2])
    return [element for _, _, element in told], more


async def _touched(services: Services, filters: Filters) -> tuple[Sequence[BoardRow], bool]:
    size = min(filters.page_size, CASES_MAX)
    if filters.ids:
        return await find(services, replace(filters, page_size=size))
    codes = shown_codes(services.pack, filters.service_codes)
    after: str | None = None
    for number in range(1, filters.page + 1):
        if not codes:
            break
        page = await services.store.cases(
            CaseQuery(
                case_types=codes,
                updated_from=filters.start,
                order="updated",
                limit=size,
                after=after,
            )
        )
        after = page.next
        if number == filters.page:
            return page.rows, after is not None
        if after is None:
            break
    return (), False


def _tell(
    entries: Sequence[JournalEntry], filters: Filters, language: str
) -> list[tuple[str, str, Value]]:
    told: list[tuple[str, str, Value]] = []
    if not entries:
        return told
    case = Case(entries[0].case_id)
    for entry in entries:
        for event in entry.events:
            case = evolve(case, event)
        note = _note(entry, language)
        is_late = filters.end is not None and entry.at > filters.end
        is_early = filters.start is not None and entry.at < filters.start
        if note is None or is_late or is_early:
            continue
        update_id = _id_of(entry)
        element: Value = {
            "update_id": update_id,
            "service_request_id": entry.case_id,
            "status": "open" if case.is_open else "closed",
            "updated_datetime": moment(entry.at),
            "description": note,
            "media_url": None,
        }
        told.append((entry.at.isoformat(), f"{entry.seq:020}", element))
    return told


def _note(entry: JournalEntry, language: str) -> str | None:
    note = None
    for event in entry.events:
        if isinstance(event, events.CaseMerged):
            note = sentence("merged", language, into=event.into)
        elif isinstance(event, events.ClockMoved):
            if event.key == "close" and note is None:
                note = sentence("moved", language)
        elif type(event) in NOTABLE:
            note = sentence(NOTABLE[type(event)], language)
    return note


def _id_of(entry: JournalEntry) -> str:
    """The id of an update: its own if it came in through here, else made from the entry."""
    for event in entry.events:
        ref = event.note if isinstance(event, events.TaskClaimedDone) else None
        if ref is not None and MARK in ref:
            return ref.partition(MARK)[2]
    return f"{entry.case_id}-{entry.version}"


# -- taken


def read_update(fields: Mapping[str, str]) -> Update | Refused:
    """The update in a form. Refused: request_missing, text_missing, too_long, bad_text."""
    case_id = fields.get("service_request_id", "").strip()
    text = fields.get("description", "").replace("\r\n", "\n").replace("\r", "\n").strip()
    update_id = fields.get("update_id", "").strip()
    closes = fields.get("status", "").strip().lower() in ("closed", "fixed", "done", "completed")
    if not case_id:
        return Refused("request_missing", "service_request_id is required")
    if not text and not closes:
        return Refused("text_missing", "description is required")
    if len(text) > TEXT_MAX:
        return Refused("too_long", f"description has over {TEXT_MAX} characters")
    if len(update_id) > UPDATE_ID_MAX:
        return Refused("too_long", f"update_id has over {UPDATE_ID_MAX} characters")
    if "\x00" in text or "\x00" in update_id or not text.isascii() and _has_surrogates(text):
        return Refused("bad_text", "not text")
    return Update(case_id, update_id, text, closes)


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


async def take_update(services: Services, update: Update, case: Case, by: Actor) -> Taken | Refused:
    """Write an update into the case, durably. It becomes a note for staff; where it closes and
    its sender's agency has a task that can be claimed done, the task is. Sent again with the same
    update_id, it changes nothing and has the same answer."""
    case_id = case.id
    our_id = services.ids.new()
    ref = SealedRef(f"{case_id}{MARK}{our_id}")
    task = _claimable(case, by) if update.closes else None
    command: events.Command
    if task is not None:
        command = events.ClaimTaskDone(task, note=ref)
    else:
        command = events.AddNote(ref)
    outcome = await services.engine.handle(
        case_id,
        command,
        by=by,
        key=f"open311-update:{by.id}:{case_id}:{update.update_id}" if update.update_id else None,
        fingerprint=msgspec.json.encode((update.text, update.closes)).decode(),
        sealed=(SealedValue(ref, case_id, by.id, "note", update.text.encode()),),
        answer={"update_id": our_id},
    )
    if isinstance(outcome, Refused):
        return outcome
    return Taken(str(outcome.answer["update_id"]))


def _claimable(case: Case, by: Actor) -> TaskId | None:
    for task in case.tasks:
        if task.agency == by.agency and task.status in CLAIMABLE:
            return task.id
    return None
