"""Changes of roads in PostgreSQL: a plain table, with its change rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tocsin.kernel.shared import ActorId, Instant
from tocsin.runtime.road_ports import RoadClosure
from tocsin.stores.postgres.connections import Readers

WHAT: Final = "road_changes"
_CHANGE: Final = """
INSERT INTO directory_changes (at, actor, what, id_of, before, after)
VALUES ($1, $2, $3, $4, $5, $6)"""
_PUT: Final = """
INSERT INTO road_changes (id, ends_at, content) VALUES ($1, $2, $3)
ON CONFLICT (id) DO NOTHING RETURNING id"""
_FORGET: Final = """
WITH gone AS (DELETE FROM road_changes WHERE ends_at < $1 RETURNING 1)
SELECT count(*) FROM gone"""
_TOLD: Final = """
SELECT at, actor, id_of, after IS NOT NULL FROM directory_changes WHERE what = $1 ORDER BY id"""
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(RoadClosure)


class Roads:
    """`road_ports.RoadStore`; shares the pool of the readers."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers.own

    async def put_closure(self, closure: RoadClosure) -> None:
        content = _encoder.encode(closure)
        made = closure.made_at, closure.made_by
        async with self._readers.acquire() as connection, connection.transaction():
            is_new = await connection.fetchval(_PUT, closure.id, closure.ends_at, content)
            if is_new is not None:
                await connection.execute(_CHANGE, *made, WHAT, closure.id, None, content)

    async def take_back_closure(
        self, closure_id: str, by: ActorId, at: Instant
    ) -> RoadClosure | None:
        if "\0" in closure_id:
            return None
        sql = "DELETE FROM road_changes WHERE id = $1 RETURNING content"
        async with self._readers.acquire() as connection, connection.transaction():
            content = await connection.fetchval(sql, closure_id)
            if content is None:
                return None
            await connection.execute(_CHANGE, at, by, WHAT, closure_id, content, None)
        return _decoder.decode(content)

    async def closures(self, at: Instant) -> Sequence[RoadClosure]:
        sql = "SELECT content FROM road_changes WHERE ends_at IS NULL OR ends_at > $1 ORDER BY id"
        return [_decoder.decode(row[0]) for row in await self._readers.fetch(sql, at)]

    async def forget_closures(self, before: Instant) -> int:
        return await self._readers.fetchval(_FORGET, before)

    async def road_changes(self) -> Sequence[tuple[Instant, ActorId, str, bool]]:
        """(when, who, which, whether it was made) of every change, oldest first."""
        rows = await self._readers.fetch(_TOLD, WHAT)
        return [(row[0], ActorId(row[1]), row[2], row[3]) for row in rows]
