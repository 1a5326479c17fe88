"""What the runtime needs of the vault and of the ring of keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tocsin.kernel.shared import Actor, ActorId, ActorKind, Instant, SealedRef


@dataclass(frozen=True, slots=True)
class Reading:
    """Someone was allowed to read sealed values, and why."""

    at: Instant
    by: ActorId
    kind: ActorKind
    purpose: str
    refs: tuple[SealedRef, ...]


class Vault(Protocol):
    """The only place that can read a sealed value."""

    async def readings(self, refs: Sequence[SealedRef]) -> Sequence[Reading]:
        """Who was allowed to read any of these values, oldest first."""
        ...

    async def open(
        self, refs: Sequence[SealedRef], *, by: Actor, purpose: str
    ) -> Mapping[SealedRef, tuple[bytes, str]]:
        """(value, media type) by ref; erased or unknown refs are left out. The grant (who, what,
        why) is committed before anything is read."""
        ...


class KeyRing(Protocol):
    """API keys of integrators: known by hash, each with scopes, revocable."""

    async def actor(self, api_key: str, scope: str) -> Actor | None:
        """Who the key acts as, when it is live and holds the scope; else None."""
        ...
