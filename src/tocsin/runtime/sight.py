"""Purpose before sight: for what sealed values may be opened, and when a second person is needed.

Pure. `KINDS` and `READERS` are also rows of the database (`vault.purposes`), where every opening is
checked again; a test holds both to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal

from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Instant
from tocsin.packs.sight import SecondFor, SightTerms
from tocsin.runtime.ports import SealedKind
from tocsin.runtime.sight_ports import Need

PERMIT_LIVES: Final = timedelta(minutes=30)
"""Of an ordinary permit: about as long as one looks after one case at a stretch."""
SECOND_LIVES: Final = timedelta(minutes=60)
"""Of a permit that a second person gave, and the most that the database takes of any."""
ASK_WAITS: Final = timedelta(minutes=60)
"""A wish that nobody answered within the hour is asked anew, if it is still wanted."""
WINDOW: Final = timedelta(hours=1)
"""Within which the cases are counted that one account opens."""

Reader = Literal["person", "machine", "everybody"]

KINDS: Final[Mapping[str, frozenset[SealedKind]]] = {
    "handling": frozenset({"description", "address", "media", "note", "question", "comment"}),
    "contact_reporter": frozenset({"contact", "question", "comment"}),
    "verification": frozenset({"description", "address", "media", "note"}),
    "duplicate_check": frozenset({"description", "address"}),
    "supervision": frozenset({"description", "address", "media", "note", "question", "comment"}),
    "arbitration": frozenset({"description", "address", "media", "note"}),
    "evaluation": frozenset({"description", "media", "note", "comment"}),
    "break_glass": frozenset(
        {"description", "contact", "address", "media", "note", "question", "comment"}
    ),
    "redaction": frozenset({"description", "media", "redacted"}),
    "own_receipt": frozenset({"question"}),
    "likeness": frozenset({"description"}),
    "publication": frozenset({"description", "address", "media", "redacted"}),
}
"""What each purpose needs to see, and no more: only who must reach the reporter sees how."""

READERS: Final[Mapping[str, Reader]] = {
    **dict.fromkeys(KINDS, "person"),
    "likeness": "machine",
    "publication": "everybody",
}
"""Who sees what the purpose opens. `machine`: two texts are compared and nobody is shown either.
`everybody`: staff and reporter made it public. Of these two a field is recorded once a permit."""

ASKS_REASONS: Final = ("danger_to_life", "needed_now", "handed_over", "told_by_court")
"""Why one asks a second person; codes, since free words may name somebody."""
YES_REASONS: Final = ("needed_for_the_case", "danger_to_life")
NO_REASONS: Final = ("not_needed", "not_their_case", "ask_the_agency")


def needs_of(
    case: Case, purpose: str, second_for: SecondFor, terms: SightTerms, now: Instant
) -> tuple[Need, ...]:
    """Why a second person must agree before this purpose opens values of the case; empty where the
    actor alone is enough. Machines and the public's own see nothing that needs one."""
    if READERS[purpose] != "person" or purpose == "own_receipt":
        return ()
    found: list[Need] = ["break_glass"] if purpose == "break_glass" else []
    if second_for == "all":
        found.append("sensitive")
    if second_for == "contact" and "contact" in KINDS[purpose]:
        found.append("contact")
    after = timedelta(days=terms.closed_after_days)
    if not case.is_open and case.closed_at is not None and now - case.closed_at > after:
        found.append("closed")
    return tuple(found)


def is_urgent(case: Case) -> bool:
    """An emergency at work: in a storm nobody waits for a signature."""
    return case.profile == "emergency" and case.is_open


__all__ = [
    "ASKS_REASONS",
    "ASK_WAITS",
    "KINDS",
    "NO_REASONS",
    "PERMIT_LIVES",
    "READERS",
    "SECOND_LIVES",
    "WINDOW",
    "YES_REASONS",
    "Reader",
    "is_urgent",
    "needs_of",
]
