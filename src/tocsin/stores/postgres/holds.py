"""`runtime.retention.Holds` on PostgreSQL: three tables that are only ever added to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import asyncpg

from tocsin.kernel.shared import Actor, ActorId, CaseId, Instant
from tocsin.runtime.ports import Clock
from tocsin.runtime.retention import (
    NEXT_WORD,
    UNCONFIRMED_HOLDS,
    HoldAnswer,
    HoldReason,
    HoldStanding,
    LegalHold,
    SamePerson,
)
from tocsin.stores.postgres.connections import Connection, Readers, Row

_HOLD: Final = """
SELECT h.id, h.at, h.actor, h.case_id, h.reason, h.until,
       (SELECT w.answer FROM vault.hold_words w WHERE w.hold = h.id ORDER BY w.id DESC LIMIT 1)
  FROM vault.holds h"""
_ASK: Final = """
INSERT INTO vault.holds (at, actor, case_id, reason, until) VALUES ($1, $2, $3, $4, $5)
RETURNING id"""
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtextextended('vault.holds ' || $1, 0))"
"""A lock of the row would need the right to change it, which the node has not."""
_ANSWER: Final = """
INSERT INTO vault.hold_words (at, hold, asker, actor, answer)
SELECT $1, h.id, h.actor, $3, $4 FROM vault.holds h WHERE h.id = $2
    ON CONFLICT (hold, answer) DO NOTHING RETURNING id"""

_HOLDS_NOW: Final = "s.until > $1 AND (s.answer = 'confirmed' OR s.answer IS NULL AND s.at > $2)"
_LISTED: Final = f"SELECT s.* FROM ({_HOLD}) s(id, at, actor, case_id, reason, until, answer)"
_LISTS: Final[dict[HoldStanding, str]] = {
    "waiting": f"{_LISTED} WHERE s.answer IS NULL AND {_HOLDS_NOW} "
    "AND ($3::bigint IS NULL OR s.id > $3) ORDER BY s.id LIMIT $4",
    "standing": f"{_LISTED} WHERE s.answer = 'confirmed' AND {_HOLDS_NOW} "
    "AND ($3::bigint IS NULL OR s.id < $3) ORDER BY s.id DESC LIMIT $4",
    "released": f"{_LISTED} WHERE ({_HOLDS_NOW}) IS NOT TRUE "
    "AND ($3::bigint IS NULL OR s.id < $3) ORDER BY s.id DESC LIMIT $4",
}
"""As `LegalHold.standing` says, which is asked of every row once more."""


class PostgresHolds:
    """See `runtime.retention.Holds`."""

    def __init__(self, readers: Readers, clock: Clock) -> None:
        self._readers = readers.own
        self._shown = readers
        self._clock = clock

    async def ask(
        self, case_id: CaseId, reason: HoldReason, until: Instant, *, by: Actor
    ) -> LegalHold:
        now = self._clock.now()
        number = await self._readers.fetchval(_ASK, now, by.id, case_id, reason, until)
        return LegalHold(number, now, by.id, case_id, reason, until)

    async def answer(self, hold: int, answer: HoldAnswer, *, by: Actor) -> LegalHold | None:
        async with self._readers.acquire() as connection, connection.transaction():
            await connection.execute(_ONE_AT_A_TIME, str(hold))
            row = await connection.fetchrow(f"{_HOLD} WHERE h.id = $1", hold)
            if row is None or row[6] not in NEXT_WORD[answer]:
                return None
            try:
                now = self._clock.now()
                if await connection.fetchval(_ANSWER, now, hold, by.id, answer) is None:
                    return None
            except asyncpg.CheckViolationError:
                raise SamePerson from None
            return _hold(await connection.fetchrow(f"{_HOLD} WHERE h.id = $1", hold))

    async def of(self, cases: Sequence[CaseId] | None = None) -> Sequence[LegalHold]:
        where = "" if cases is None else " WHERE h.case_id = ANY($1::text[])"
        values = [] if cases is None else [list(cases)]
        rows = await self._shown.fetch(f"{_HOLD}{where} ORDER BY 1", *values)
        return [_hold(row) for row in rows]

    async def listed(
        self, standing: HoldStanding, after: int | None, limit: int
    ) -> Sequence[LegalHold]:
        now = self._clock.now()
        asked = (now, now - UNCONFIRMED_HOLDS, after, limit)
        rows = await self._shown.fetch(_LISTS[standing], *asked)
        return [each for each in map(_hold, rows) if each.standing(now) == standing]


async def is_held(connection: Connection, cases: Sequence[CaseId], now: Instant) -> bool:
    """Whether a hold protects one of these cases."""
    sql = f"{_HOLD} WHERE h.case_id = ANY($1::text[]) AND h.until > $2"
    rows = await connection.fetch(sql, list(cases), now)
    return any(_hold(row).holds(now) for row in rows)


def _hold(row: Row | None) -> LegalHold:
    assert row is not None, "it was there in this transaction"
    return LegalHold(row[0], row[1], ActorId(row[2]), CaseId(row[3]), row[4], row[5], row[6])


__all__ = ["PostgresHolds", "is_held"]
