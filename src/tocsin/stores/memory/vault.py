"""Sealed values in memory, behind the same door as the real vault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tocsin.kernel.shared import Actor, CaseId, Instant, SealedRef
from tocsin.runtime.ports import Clock, Reading, SealedValue


@dataclass(frozen=True, slots=True)
class Grant:
    """Someone was allowed to read sealed values, and why."""

    at: Instant
    by: Actor
    purpose: str
    refs: tuple[SealedRef, ...]


class MemoryVault:
    """Keeps values as they are: for simulation and tests, never for people's data."""

    def __init__(self, clock: Clock) -> None:
        self.grants: list[Grant] = []
        self._clock = clock
        self._values: dict[SealedRef, SealedValue] = {}

    def put(self, values: Sequence[SealedValue]) -> None:
        """Called by the store inside its transaction."""
        for value in values:
            self._values.setdefault(value.ref, value)

    async def open(
        self, refs: Sequence[SealedRef], *, by: Actor, purpose: str
    ) -> Mapping[SealedRef, tuple[bytes, str]]:
        """See `ports.Vault.open`."""
        self.grants.append(Grant(self._clock.now(), by, purpose, tuple(refs)))
        found = {ref: self._values[ref] for ref in refs if ref in self._values}
        return {ref: (value.value, value.media_type) for ref, value in found.items()}

    async def readings(self, refs: Sequence[SealedRef]) -> Sequence[Reading]:
        """See `ports.Vault.readings`."""
        asked = set(refs)
        return tuple(
            Reading(each.at, each.by.id, each.by.kind, each.purpose, each.refs)
            for each in self.grants
            if asked & set(each.refs)
        )

    async def erase(self, case_id: CaseId, subject: str, *, by: Actor, reason: str) -> int:
        """Forgets what one person left in one case. Says how many values there were."""
        gone = [
            ref
            for ref, value in self._values.items()
            if value.case_id == case_id and value.subject == subject
        ]
        for ref in gone:
            del self._values[ref]
        return len(gone)
