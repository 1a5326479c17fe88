"""Words on published texts in memory, beside the vault in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from tocsin.kernel.shared import Actor, CaseId, SealedRef
from tocsin.runtime.ports import Clock, SealedValue
from tocsin.runtime.redactions import Decision, Piece, Redaction
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
        found = await self.last_on(list(wanted.items()))
        return {case: word for (case, _), word in found.items()}

    async def last_on(self, pieces: Collection[Piece]) -> Mapping[Piece, Redaction]:
        now = await self.versions([ref for _, ref in pieces])
        asked, found = set(pieces), dict[Piece, Redaction]()
        for row in self.rows:
            piece = (row.case_id, row.source)
            if piece in asked and now.get(row.source) == row.version:
                found[piece] = row
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
        ref = None
        if text is not None:
            ref = SealedRef(f"{source}.public{len(self.rows) + 1}")
            words = SealedValue(ref, told.case_id, told.subject, "redacted", text.encode())
            self._vault.put([words])
        return self._add(case_id, source, version, decision, ref, by)

    async def judge_photo(
        self,
        case_id: CaseId,
        source: SealedRef,
        version: str,
        *,
        is_released: bool,
        by: Actor,
        role: str,
    ) -> Redaction | None:
        photo = self._vault.value(source)
        if photo is None or _version(photo) != version:
            return None
        if is_released:
            return self._add(case_id, source, version, "accepted", source, by)
        return self._add(case_id, source, version, "held", None, by)

    def _add(
        self,
        case_id: CaseId,
        source: SealedRef,
        version: str,
        decision: Decision,
        value: SealedRef | None,
        by: Actor,
    ) -> Redaction:
        number, now = len(self.rows) + 1, self._clock.now()
        row = Redaction(number, now, by.id, case_id, source, version, decision, value)
        self.rows.append(row)
        return row


def _version(value: SealedValue) -> str:
    """The reference has no ciphertext; nothing of it is ever on disk."""
    return sha256(value.value).hexdigest()


__all__ = ["MemoryRedactions"]
