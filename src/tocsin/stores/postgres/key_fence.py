"""Which master key a node seals under, as others see it: a lock that ends with its connection.

A writer holds a shared lock on the number of the key under which it wraps new data keys. Whoever
retires a key takes that lock for itself alone: it has it only when no writer is left that could
wrap anything under it, and no new one comes in. A node that was killed holds nothing.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import asyncpg

from tocsin.runtime.ports import Unavailable
from tocsin.stores.postgres.connections import BROKEN, Connection
from tocsin.stores.vault import Sealer

KEYS_LOCK: Final = 0x70C51
"""The first half of the locks; the second is the number of a key. Zero: who rotates."""
LOOK_EVERY_S: Final = 1.0  # between two looks at the key's file: a question to the system, no more
_TRY: Final = "SELECT pg_try_advisory_lock_shared($1, $2)"
_LEAVE: Final = "SELECT pg_advisory_unlock_shared($1, $2)"
_NEWEST: Final = "SELECT coalesce(max(id), 0) FROM vault.masters"
_STALE: Final = "the vault's key was rotated: this node needs the new vault.key"


class KeyHold:
    """The key of one writer: which number its connection holds."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._held: int | None = None
        self._look_at_s = 0.0

    async def take(self, connection: Connection) -> None:
        """On a new connection: seal under the newest key that the file has, and hold it. Raises
        Unavailable, and what the connection raises; the connection is gone then."""
        self._held = None
        try:
            await self._move(connection)
        except BaseException:
            connection.terminate()
            raise

    async def follow(self, connection: Connection) -> None:
        """Between two transactions: move to a key that came into the file since. Where that fails
        the old one is still held, so that nothing under it can be missed, and it is tried again."""
        now_s = time.monotonic()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + LOOK_EVERY_S
        self._sealer.look_again()
        if self._sealer.newest != self._held:
            try:
                await self._move(connection)
            except (Unavailable, asyncpg.PostgresError, *BROKEN):
                pass  # a connection that was lost is found by its next transaction

    async def pause(self, news: asyncio.Event) -> None:
        """Wait for news, but not for longer than until the next look."""
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await news.wait()
        except TimeoutError:
            pass

    async def _move(self, connection: Connection) -> None:
        self._sealer.look_again()
        number = self._sealer.newest
        if not await connection.fetchval(_TRY, KEYS_LOCK, number):
            raise Unavailable(_STALE)
        if await connection.fetchval(_NEWEST) > number:
            await connection.fetchval(_LEAVE, KEYS_LOCK, number)
            raise Unavailable(_STALE)
        self._sealer.use(number)
        held, self._held = self._held, number
        if held is not None:
            await connection.fetchval(_LEAVE, KEYS_LOCK, held)


__all__ = ["KEYS_LOCK", "LOOK_EVERY_S", "KeyHold"]
