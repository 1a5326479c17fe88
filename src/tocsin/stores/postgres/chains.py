"""`chain_ports.ChainStore` on PostgreSQL; shares the pool of the readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tocsin.kernel.shared import Instant
from tocsin.runtime.chain_ports import Chained
from tocsin.stores.postgres.connections import Readers

_COLUMNS: Final = "source, message, known_as, kind, kept_at, is_drill, key, ends_at"
_PUT: Final = f"""
INSERT INTO alert_chains ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (source, message) DO UPDATE SET known_as = excluded.known_as, kind = excluded.kind,
  kept_at = excluded.kept_at, is_drill = excluded.is_drill, key = excluded.key,
  ends_at = excluded.ends_at"""
_END: Final = """
UPDATE alert_chains SET ends_at = NULL
 WHERE source = $1 AND known_as = $2 AND ends_at IS NOT NULL"""
_READ: Final = f"""
SELECT * FROM (SELECT {_COLUMNS} FROM alert_chains WHERE source = $1
                ORDER BY kept_at DESC, message DESC LIMIT $2) AS newest ORDER BY kept_at, message"""
_FORGET: Final = """
WITH gone AS (DELETE FROM alert_chains WHERE kept_at < $1 RETURNING 1) SELECT count(*) FROM gone"""


class ChainReads:
    """The chains' part of the store of a node."""

    def __init__(self, readers: Readers) -> None:
        self._pool = readers.own

    async def put_chained(self, found: Chained) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_END, found.source, found.device)
            await connection.execute(
                _PUT,
                found.source,
                found.name,
                found.device,
                found.kind,
                found.kept_at,
                found.is_drill,
                found.key,
                found.ends_at,
            )

    async def end_chain(self, source: str, device: str) -> None:
        async with self._pool.acquire() as connection:
            await connection.execute(_END, source, device)

    async def chained(self, source: str, limit: int) -> Sequence[Chained]:
        return [Chained(*row) for row in await self._pool.fetch(_READ, source, limit)]

    async def forget_chained(self, before: Instant) -> int:
        return await self._pool.fetchval(_FORGET, before)
