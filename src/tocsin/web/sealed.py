"""The sealed values of a case: which there are, and which purpose opens which kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from tocsin.kernel.cases.likeness import LONG_S, Traits, words_of
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, CaseId, SealedRef
from tocsin.runtime.ports import JournalEntry, SealedKind
from tocsin.runtime.services import Services
from tocsin.web.read_words import ReadWords

OPENS: Final[Mapping[str, frozenset[SealedKind]]] = {
    "handling": frozenset(
        {"description", "address", "media", "note", "question", "comment"},
    ),
    "contact_reporter": frozenset({"contact", "question", "comment"}),
    "verification": frozenset({"description", "address", "media", "note"}),
    "duplicate_check": frozenset({"description", "address"}),
    "supervision": frozenset({"description", "address", "media", "note", "question", "comment"}),
    "arbitration": frozenset({"description", "address", "media", "note"}),
    "evaluation": frozenset({"description", "media", "note", "comment"}),
}
"""What each purpose of `permissions.PURPOSES` needs to see, and no more: only who must reach the
reporter sees how."""

_FIELD_KINDS: Final[Mapping[str, SealedKind]] = {
    "description": "description",
    "contact": "contact",
    "address": "address",
    "media": "media",
    "evidence": "media",
    "note": "note",
    "comment": "comment",
}
_TEXT_KINDS: Final[Mapping[str, SealedKind]] = {
    "ReporterAsked": "question",
    "QuestionAnswered": "comment",
    "NoteAdded": "note",
    "UrgeAnswered": "note",
}


def refs_of(journal: Sequence[JournalEntry]) -> dict[SealedRef, SealedKind]:
    """Every sealed value a case's journal refers to, with its kind, oldest first."""
    found: dict[SealedRef, SealedKind] = {}
    for entry in journal:
        for event in entry.events:
            for part in (event, getattr(event, "report", None)):
                found.update(_refs(part))
    return found


def _refs(part: object) -> Iterator[tuple[SealedRef, SealedKind]]:
    name = type(part).__name__
    if name in _TEXT_KINDS:
        yield cast(Any, part).text, _TEXT_KINDS[name]
    for field, kind in _FIELD_KINDS.items():
        value: Any = getattr(part, field, None)
        if isinstance(value, str):
            yield SealedRef(value), kind
        elif isinstance(value, tuple):
            for ref in cast(tuple[SealedRef, ...], value):
                yield ref, kind


class _Words(msgspec.Struct):
    text: str = ""


async def words_by_case(
    services: Services, cases: Sequence[Case], by: Actor, read: ReadWords
) -> dict[CaseId, frozenset[str]]:
    """The words of the first report of each case, opened for the purpose `duplicate_check`.

    What the same reader opened for it a moment ago is not opened and recorded again."""
    refs: dict[SealedRef, CaseId] = {}
    for case in cases:
        ref = case.reports[0].description if case.reports else None
        if ref is not None:
            refs[ref] = case.id
    words = read.known(by.id, refs)
    closed = tuple(ref for ref in refs if ref not in words)
    if closed:
        opened = await services.vault.open(closed, by=by, purpose="duplicate_check")
        fresh = {ref: words_of(text_of(*value)) for ref, value in opened.items()}
        read.keep(by.id, fresh)
        words |= fresh
    return {refs[ref]: found for ref, found in words.items()}


def text_of(value: bytes, media_type: str) -> str:
    """The words in a sealed description: its text and its free answers."""
    if not media_type.startswith("application/json"):
        return value.decode(errors="replace")
    return msgspec.json.decode(value, type=_Words).text


def traits_of(case: Case, words: frozenset[str], services: Services) -> Traits:
    """What may be compared of a case."""
    assert case.place is not None and case.opened_at is not None, "it is on the board"
    case_type = services.pack.case_types.get(case.case_type)
    return Traits(
        case_id=case.id,
        place=case.place,
        at=case.opened_at,
        case_type=case.case_type,
        group=case_type.group if case_type is not None else case.case_type,
        words=words,
        is_open=case.is_open,
        is_urgent=case.profile == "emergency",
    )


__all__ = ["LONG_S", "OPENS", "refs_of", "text_of", "traits_of", "words_by_case"]
