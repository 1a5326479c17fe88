"""Words on published texts in memory, beside the vault in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from tocsin.kernel.shared import Actor, CaseId, SealedRef
from tocsin.runtime.ports import Clock, SealedValue
from tocsin.runtime.redactions import Decision, Redaction
from tocsin.stores.memory.vault import MemoryVault


class MemoryRedactions:
    """See `runtime.redactions.Redactions`."""

    def __init__(self, vault: MemoryVault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock
        self.rows: list[Redaction] = []

    async def versions(self, refs: Sequence[SealedRef]) -> Mapping[SealedRef, str]:
        found = {ref: self._vault.value(ref) for ref in refs}
        return {ref: _version(value) for ref, value in found.items() if value is not None}

    async def decided(self, wanted: Mapping[CaseId, SealedRef]) -> Mapping[CaseId, Redaction]:
        now = await self.versions(tuple(wanted.values()))
        found: dict[CaseId, Redaction] = {}
        for row in self.rows:
            is_same = wanted.get(row.case_id) == row.source
            if is_same and now.get(row.source) == row.version:
                found[row.case_id] = row
        return found

    async def decide(
        self,
        case_id: CaseId,
        source: SealedRef,
        version: str,
        decision: Decision,
        text: str | None,
        *,
        by: Actor,
        role: str,
    ) -> Redaction | None:
        told = self._vault.value(source)
        if told is None or _version(told) != version:
            return None
        number, ref = len(self.rows) + 1, None
        if text is not None:
            ref = SealedRef(f"{source}.public{number}")
            words = SealedValue(ref, told.case_id, told.subject, "redacted", text.encode())
            self._vault.put([words])
        row = Redaction(number, self._clock.now(), by.id, case_id, source, version, decision, ref)
        self.rows.append(row)
        return row


def _version(value: SealedValue) -> str:
    """The reference has no ciphertext; nothing of it is ever on disk."""
    return sha256(value.value).hexdigest()


__all__ = ["MemoryRedactions"]
