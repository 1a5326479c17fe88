"""Signs of life in PostgreSQL: a writer, a queue and a connection of their own.

Whatever waits while a commit is in flight goes into the next one, the newest of each device only.
An alarm never waits here, and a flood of readings never holds the lock of the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tocsin.kernel.shared import AssetId
from tocsin.runtime.device_ports import Sign
from tocsin.runtime.ports import Unavailable
from tocsin.stores.postgres.connections import (
    Connection,
    Dsn,
    Readers,
    Row,
    connect,
    is_usable_after,
    trouble_of,
)

SIGNS_MAX: Final = 5_000
"""Devices of one commit: about a tenth of a second of work for the database."""
WAITING_MAX: Final = 100_000
"""Devices that wait for a commit: a county's, once each."""

_PUT: Final = """
INSERT INTO asset_signs AS s (asset_id, heard_at, session, sequence, messages, lost, readings)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::int8[], $5::int8[],
                     $6::int8[], $7::bytea[])
ON CONFLICT (asset_id) DO UPDATE SET heard_at = excluded.heard_at, session = excluded.session,
  sequence = excluded.sequence, messages = excluded.messages, lost = excluded.lost,
  readings = excluded.readings
WHERE s.heard_at <= excluded.heard_at"""
_READ: Final = "SELECT asset_id, heard_at, session, sequence, messages, lost, readings"

_json = msgspec.json.Encoder()


class SignWriter:
    """Figures: `commits`, `kept` (signs that were committed, those that were overtaken too)."""

    def __init__(self, dsn: Dsn, readers: Readers) -> None:
        self.commits = 0
        self.kept = 0
        self._dsn = dsn
        self._readers = readers.own
        self._waiting: dict[AssetId, Sign] = {}
        self._callers: list[asyncio.Future[None]] = []
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Finishes what waits, then ends."""
        if self._task is not None:
            await self._task
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(timeout=5)

    async def put(self, signs: Sequence[Sign]) -> None:
        """Returns once they are committed. Raises Unavailable."""
        if len(self._waiting) + len(signs) > WAITING_MAX:
            raise Unavailable("too many signs of life are waiting", 1)
        for sign in signs:
            known = self._waiting.get(sign.asset)
            if known is None or known.heard_at <= sign.heard_at:
                self._waiting[sign.asset] = sign
        self.kept += len(signs)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._callers.append(done)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="sign-writer")
        await done

    async def _run(self) -> None:
        while self._callers:
            signs, self._waiting = list(self._waiting.values()), {}
            callers, self._callers = self._callers, []
            try:
                for start in range(0, len(signs), SIGNS_MAX):
                    await self._write(signs[start : start + SIGNS_MAX])
            except Exception as error:
                trouble = trouble_of(error)
                for each in callers:
                    if not each.done():
                        each.set_exception(_fresh(trouble) if trouble else error)
                continue
            for each in callers:
                if not each.done():
                    each.set_result(None)

    async def _write(self, signs: Sequence[Sign]) -> None:
        rows: list[tuple[Any, ...]] = [
            (
                each.asset,
                each.heard_at,
                each.session,
                each.sequence,
                each.messages,
                each.lost,
                _json.encode(each.readings),
            )
            for each in sorted(signs, key=lambda sign: sign.asset)
        ]
        if not rows:
            return
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect(self._dsn)
            await self._connection.execute(_PUT, *zip(*rows, strict=True))
            self.commits += 1
        except Exception as error:
            if self._connection is not None and not is_usable_after(error):
                self._connection.terminate()
                self._connection = None
            raise

    async def read(self, assets: Sequence[AssetId] | None) -> Sequence[Sign]:
        if assets is None:
            rows = await self._readers.fetch(f"{_READ} FROM asset_signs ORDER BY asset_id")
        else:
            sql = f"{_READ} FROM asset_signs WHERE asset_id = ANY($1::text[]) ORDER BY asset_id"
            rows = await self._readers.fetch(sql, list(assets))
        return [_sign(row) for row in rows]


def _fresh(trouble: Unavailable) -> Unavailable:
    """One exception for each caller: a shared one would grow a traceback with every raise."""
    return Unavailable(str(trouble), trouble.retry_after_s, trouble.state)


def _sign(row: Row) -> Sign:
    readings = msgspec.json.decode(row[6], type=dict[str, float])
    return Sign(AssetId(row[0]), row[1], row[2], row[3], row[4], row[5], readings)
