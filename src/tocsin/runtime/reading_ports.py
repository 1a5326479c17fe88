"""What the runtime needs of the vault and of the ring of keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, ActorId, ActorKind, AgencyId, Instant, Refused, SealedRef
from tocsin.runtime.sight_ports import Answer, Ask, Opened, Permit, SecondPerson, Wish


@dataclass(frozen=True, slots=True)
class Reading:
    """Someone was allowed to read sealed values, and why. `role` and `agency` are empty where it
    was recorded before there were permits; `permit` is then 0."""

    at: Instant
    by: ActorId
    kind: ActorKind
    purpose: str
    refs: tuple[SealedRef, ...]
    role: str = ""
    agency: AgencyId | None = None
    permit: int = 0
    fields: tuple[str, ...] = ()
    second: ActorId | None = None


class Vault(Protocol):
    """The only place that can read a sealed value, and only under a committed permit."""

    async def permit(
        self, wishes: Sequence[Wish], *, by: Actor, purpose: str, cases_an_hour: int | None = None
    ) -> tuple[Permit, ...] | SecondPerson:
        """A permit for each wish, committed when this returns: one that holds already, or a new
        one. All of them or none: SecondPerson says why one person is not enough. Above
        `cases_an_hour` the next case is broad, unless it is urgent; None counts nothing."""
        ...

    async def read(
        self, refs: Sequence[SealedRef], permits: Sequence[int], *, by: Actor
    ) -> Mapping[SealedRef, tuple[bytes, str]]:
        """(value, media type) by ref; erased or unknown refs are left out. Each permit is checked
        again in the store, and one record for each value is committed before any is read. Raises
        NotPermitted, with nothing read or recorded, where one is not opened by the permits."""
        ...

    async def readings(self, refs: Sequence[SealedRef]) -> Sequence[Reading]:
        """Who was allowed to read any of these values, oldest first."""
        ...

    async def ask(self, wish: Wish, *, by: Actor, purpose: str, reason: str) -> Ask:
        """Asks for a second person; the same wish that still waits is not asked twice."""
        ...

    async def one_ask(self, ask: int) -> Ask | None: ...
    async def asks(self, limit: int) -> Sequence[Ask]:
        """Those that wait and those whose permit is live, the oldest first."""
        ...

    async def decide(
        self, ask: int, *, by: Actor, role: str, answer: Answer, reason: str
    ) -> Ask | Refused:
        """The second person's word; an approval is committed together with the permit. Refused as
        `ask_unknown`, `ask_over`, `second_is_asker`."""
        ...

    async def live_permit(self, permit: int, *, by: Actor) -> Permit | None:
        """The actor's own permit while it holds."""
        ...

    async def give_back(self, permit: int, *, by: Actor) -> None:
        """Ends a permit before its time."""
        ...

    async def opened(self, before: int | None, limit: int) -> Sequence[Opened]:
        """Access records of persons, the newest first, those numbered below `before`."""
        ...


class KeyRing(Protocol):
    """API keys of integrators: known by hash, each with scopes, revocable."""

    async def actor(self, api_key: str, scope: str) -> Actor | None:
        """Who the key acts as, when it is live and holds the scope; else None."""
        ...

    async def actor_at(self, api_key: str, scope: str, case: Case) -> Actor | None:
        """As `actor`, at this case: only with the roles and the agency that reach it, and None
        where none does."""
        ...
