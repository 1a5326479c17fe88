"""Small writes that may be done again: errands taken, finished, failed; messages delivered.

They do not wait for the disk (`synchronous_commit=off`): after a power cut the last moments of
them are missing *in order*, so an errand whose message is missing is itself still owed and runs
again. Nothing here is ever an acknowledgement to the outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tocsin.kernel.shared import CaseId, Instant, ReportId
from tocsin.runtime import codec
from tocsin.runtime.backoff import BACKOFF_FACTOR, BACKOFF_FIRST_S
from tocsin.runtime.ports import DueErrand, Message
from tocsin.stores.postgres.connections import (
    Connection,
    Dsn,
    Readers,
    Row,
    connect,
    is_usable_after,
    trouble_of,
)

ERROR_MAX = 500  # characters kept of what went wrong with an errand

_TAKE = """
UPDATE errands e SET due_at = $2, attempts = attempts + 1
  FROM (SELECT key, due_at FROM errands WHERE NOT is_dead AND due_at <= $1
         ORDER BY due_at, key LIMIT $3 FOR UPDATE SKIP LOCKED) d
 WHERE e.key = d.key
RETURNING e.key, e.case_id, e.kind, e.body, e.attempts - 1, e.created_at, d.due_at"""
_RECALL = """
UPDATE errands SET due_at = $1::timestamptz
 WHERE NOT is_dead
   AND due_at > $1::timestamptz + make_interval(
       secs => greatest($2::float8, $3::float8 * $4::float8 ^ greatest(0, attempts - 1)))
RETURNING key"""
_FAIL = """
UPDATE errands SET error = $2, is_dead = $3::timestamptz IS NULL, due_at = coalesce($3, due_at)
 WHERE key = $1"""
_REVIVE = """
UPDATE errands SET is_dead = false, due_at = $2, attempts = 0 WHERE key = $1 AND is_dead
RETURNING key"""
_DEAD = """
SELECT key, case_id, kind, body, attempts, created_at, coalesce(error, '')
  FROM errands WHERE is_dead ORDER BY created_at, key LIMIT $1"""
_DELIVER = """
INSERT INTO messages (key, case_id, at, audience, template, report)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key) DO NOTHING"""
_MESSAGE = "key, case_id, at, audience, template, report"


class Chores:
    """One connection of its own, used by one chore at a time, made again when it is lost."""

    def __init__(self, dsn: Dsn, readers: Readers) -> None:
        self._dsn = dsn
        self._readers = readers
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None

    async def close(self) -> None:
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                await connection.close(timeout=5)

    async def _fetch(self, sql: str, *values: Any) -> list[Row]:
        async with self._lock:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(self._dsn, synchronous_commit="off")
                return await self._connection.fetch(sql, *values)
            except Exception as error:
                if self._connection is not None and not is_usable_after(error):
                    self._connection.terminate()
                    self._connection = None
                trouble = trouble_of(error)
                if trouble is None:
                    raise
                raise trouble from error

    async def take(self, now: Instant, lease_s: float, limit: int) -> Sequence[DueErrand]:
        rows = await self._fetch(_TAKE, now, now + timedelta(seconds=lease_s), limit)
        rows.sort(key=lambda row: (row[6], row[0]))
        return [_due(row) for row in rows]

    async def recall(self, now: Instant, lease_s: float) -> int:
        return len(await self._fetch(_RECALL, now, lease_s, BACKOFF_FIRST_S, BACKOFF_FACTOR))

    async def finish(self, key: str) -> None:
        await self._fetch("DELETE FROM errands WHERE key = $1", key)

    async def fail(self, key: str, error: str, retry_at: Instant | None) -> None:
        await self._fetch(_FAIL, key, error.replace("\0", "")[:ERROR_MAX], retry_at)

    async def dead_letters(self, limit: int) -> Sequence[tuple[DueErrand, str]]:
        return [(_due(row), row[6]) for row in await self._readers.own.fetch(_DEAD, limit)]

    async def revive(self, key: str, now: Instant) -> bool:
        return bool(await self._fetch(_REVIVE, key, now))

    async def deliver(self, message: Message) -> None:
        await self._fetch(
            _DELIVER,
            message.key,
            message.case_id,
            message.at,
            message.audience,
            message.template,
            message.report,
        )

    async def thread(self, report: ReportId) -> Sequence[Message]:
        sql = f"SELECT {_MESSAGE} FROM messages WHERE report = $1 ORDER BY seq"
        return [_message(row) for row in await self._readers.fetch(sql, report)]

    async def told(self, case_id: CaseId) -> Sequence[Message]:
        sql = f"SELECT {_MESSAGE} FROM messages WHERE case_id = $1 ORDER BY seq"
        return [_message(row) for row in await self._readers.fetch(sql, case_id)]

    async def inbox(
        self, audiences: Sequence[str], after: str | None, limit: int
    ) -> Sequence[Message]:
        before = None
        if after is not None:
            before = await self._readers.fetchval("SELECT seq FROM messages WHERE key = $1", after)
            if before is None:
                return []
        sql = (
            f"SELECT {_MESSAGE} FROM messages WHERE audience = ANY($1::text[]) AND report IS NULL "
            "AND ($2::bigint IS NULL OR seq < $2) ORDER BY seq DESC LIMIT $3"
        )
        rows = await self._readers.fetch(sql, list(audiences), before, limit)
        return [_message(row) for row in rows]


def _due(row: Row) -> DueErrand:
    return DueErrand(row[0], CaseId(row[1]), codec.read_errand(row[2], row[3]), row[4], row[5])


def _message(row: Row) -> Message:
    report = ReportId(row[5]) if row[5] is not None else None
    return Message(row[0], CaseId(row[1]), row[2], row[3], row[4], report)
