"""The sealed values of a case: which there are, and how staff come to see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from tocsin.kernel.cases.likeness import LONG_S, Traits, words_of
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, CaseId, SealedRef
from tocsin.runtime.ports import JournalEntry, SealedKind
from tocsin.runtime.seeing import holders_of, see
from tocsin.runtime.services import Services
from tocsin.runtime.sight import KINDS, is_urgent, needs_of
from tocsin.runtime.sight_ports import NotPermitted, SecondPerson, Wish
from tocsin.web.permissions import PURPOSES, role_for
from tocsin.web.problems import Problem
from tocsin.web.read_words import ReadWords

OPENS: Final = {purpose: KINDS[purpose] for purpose in PURPOSES}
"""What each purpose of `permissions.PURPOSES` needs to see, and no more."""

AT_ONCE: Final = 500
"""Values opened in one go; a case with a hundred notes and photos has fewer."""
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


def wish_of(
    case: Case,
    holders: tuple[CaseId, ...],
    *,
    by: Actor,
    purpose: str,
    services: Services,
) -> Wish:
    """What a member of staff wishes to see of a case, and why it may need a second person."""
    case_type = services.pack.case_types.get(case.case_type)
    second_for = case_type.terms.second_person if case_type is not None else "none"
    needs = needs_of(case, purpose, second_for, services.pack.sight, services.clock.now())
    role = role_for(purpose, by)
    return Wish(case.id, holders, role, by.agency, needs, is_urgent(case))


async def see_case(
    services: Services, case: Case, refs: Sequence[SealedRef], *, by: Actor, purpose: str
) -> Mapping[SealedRef, tuple[bytes, str]]:
    """Values of a case that the actor reaches, for a purpose that is theirs. Raises
    `second_person_needed` (the hint says why) and `permit_over`."""
    holders = await holders_of(case, services.store)
    wish = wish_of(case, holders, by=by, purpose=purpose, services=services)
    permits = await services.vault.permit(
        [wish], by=by, purpose=purpose, cases_an_hour=services.pack.sight.cases_an_hour
    )
    if isinstance(permits, SecondPerson):
        raise Problem("second_person_needed", " ".join(permits.needs))
    return await read_permitted(services, refs, permits[0].id, by=by)


async def read_permitted(
    services: Services, refs: Sequence[SealedRef], permit: int, *, by: Actor
) -> Mapping[SealedRef, tuple[bytes, str]]:
    """Values under a permit that the actor holds. Raises `permit_over`."""
    found: dict[SealedRef, tuple[bytes, str]] = {}
    try:
        for start in range(0, len(refs), AT_ONCE):
            found |= await services.vault.read(refs[start : start + AT_ONCE], [permit], by=by)
    except NotPermitted:
        raise Problem("permit_over") from None
    return found


async def words_by_case(
    services: Services, cases: Sequence[Case], by: Actor, read: ReadWords
) -> dict[CaseId, frozenset[str]]:
    """The words of the first report of each case, to be compared by the machine: the purpose
    `likeness`, recorded with who asked, who is shown how alike they are and none of the words.

    What the same reader had compared a moment ago is not opened again."""
    refs: dict[SealedRef, Case] = {}
    for case in cases:
        ref = case.reports[0].description if case.reports else None
        if ref is not None:
            refs[ref] = case
    words = read.known(by.id, refs)
    closed = {ref: case for ref, case in refs.items() if ref not in words}
    if closed:
        holders = {case.id: await holders_of(case, services.store) for case in closed.values()}
        wanted = {case.id: (ref,) for ref, case in closed.items()}
        opened = await see(wanted, holders, by=by, purpose="likeness", vault=services.vault)
        fresh = {ref: words_of(text_of(*value)) for ref, value in opened.items()}
        read.keep(by.id, fresh)
        words |= fresh
    return {refs[ref].id: found for ref, found in words.items()}


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


__all__ = [
    "LONG_S",
    "OPENS",
    "read_permitted",
    "refs_of",
    "see_case",
    "text_of",
    "traits_of",
    "wish_of",
    "words_by_case",
]
