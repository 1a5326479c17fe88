"""Legal holds in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tocsin.kernel.shared import Actor, CaseId, Instant
from tocsin.runtime.ports import Clock
from tocsin.runtime.retention import (
    NEXT_WORD,
    HoldAnswer,
    HoldReason,
    HoldStanding,
    LegalHold,
    SamePerson,
)


class MemoryHolds:
    """See `runtime.retention.Holds`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holds: dict[int, LegalHold] = {}

    async def ask(
        self, case_id: CaseId, reason: HoldReason, until: Instant, *, by: Actor
    ) -> LegalHold:
        number = len(self._holds) + 1
        made = LegalHold(number, self._clock.now(), by.id, case_id, reason, until)
        self._holds[number] = made
        return made

    async def answer(self, hold: int, answer: HoldAnswer, *, by: Actor) -> LegalHold | None:
        found = self._holds.get(hold)
        if found is None or found.answer not in NEXT_WORD[answer]:
            return None
        if found.actor == by.id:
            raise SamePerson
        self._holds[hold] = said = replace(found, answer=answer)
        return said

    async def of(self, cases: Sequence[CaseId] | None = None) -> Sequence[LegalHold]:
        return [each for each in self._holds.values() if cases is None or each.case_id in cases]

    async def listed(
        self, standing: HoldStanding, after: int | None, limit: int
    ) -> Sequence[LegalHold]:
        now, is_waiting = self._clock.now(), standing == "waiting"
        ordered = sorted(self._holds.values(), key=lambda each: each.id, reverse=not is_waiting)
        found = [
            each
            for each in ordered
            if each.standing(now) == standing
            and (after is None or (each.id > after if is_waiting else each.id < after))
        ]
        return found[:limit]


__all__ = ["MemoryHolds"]
