"""What crosses between those who want to see sealed values and the vault: wishes, permits, asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tocsin.kernel.shared import ActorId, ActorKind, AgencyId, CaseId, Instant, SealedRef

Need = Literal["broad", "sensitive", "contact", "closed", "break_glass"]
"""Why a second person is asked: many cases within the hour · the pack marks the type · the contact
of a reporter whom the pack guards · the case is long closed · the asker does not work on it."""

Answer = Literal["approved", "denied"]


@dataclass(frozen=True, slots=True)
class Wish:
    """To see values of one case. `holders` are the case and those it was split off, in whose names
    the values lie; `role` and `agency` are what the actor acts as."""

    case_id: CaseId
    holders: tuple[CaseId, ...]
    role: str = ""
    agency: AgencyId | None = None
    needs: tuple[Need, ...] = ()
    is_urgent: bool = False
    """An emergency at work: counted among the cases of the hour, and never held back by them."""


@dataclass(frozen=True, slots=True)
class Permit:
    """It is committed: the actor may open values of the case for the purpose until it expires."""

    id: int
    case_id: CaseId
    purpose: str
    actor: ActorId
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class SecondPerson:
    """No permit without a second person, and why."""

    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """One wish that waits for a second person, or what became of it."""

    id: int
    at: Instant
    actor: ActorId
    kind: ActorKind
    role: str
    agency: AgencyId | None
    purpose: str
    case_id: CaseId
    needs: tuple[Need, ...]
    reason: str
    expires_at: Instant
    answer: Answer | None = None
    answered_at: Instant | None = None
    second: ActorId | None = None
    answer_reason: str = ""
    permit: int | None = None
    permit_until: Instant | None = None
    """When the permit ends; None where there is none, or it was given back."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One field that was opened: an access record with what its permit says."""

    id: int
    at: Instant
    permit: int
    actor: ActorId
    kind: ActorKind
    role: str
    agency: AgencyId | None
    purpose: str
    case_id: CaseId
    ref: SealedRef
    field: str
    second: ActorId | None


class NotPermitted(Exception):
    """Values were asked for that the permits do not open. Nothing was read and nothing recorded."""


__all__ = [
    "Answer",
    "Ask",
    "Need",
    "NotPermitted",
    "Opened",
    "Permit",
    "SecondPerson",
    "Wish",
]
