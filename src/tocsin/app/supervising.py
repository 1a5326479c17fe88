"""Keeps the embedded database alive: one that died, or hangs, is started again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import asyncpg
import structlog

from tocsin.stores.postgres.binaries import EmbeddedPostgresError
from tocsin.stores.postgres.connections import BROKEN, Connection, connect
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.processes import Recovery

log = structlog.get_logger("tocsin.database")

SUPERVISE_EVERY_S: Final = 0.25
"""How soon a database that died is started again."""
SUPERVISE_RETRY_S: Final = 2.0
"""Between two tries to start one that does not come up: each takes a while itself."""


async def supervise(embedded: EmbeddedPostgres) -> None:
    """Until cancelled. On the event loop's thread, which is the main one: the server ends with
    the thread that started it."""
    watch = _Watch(embedded)
    try:
        while True:
            await asyncio.sleep(SUPERVISE_EVERY_S)
            if embedded.is_running and not await watch.hangs():
                continue
            log.error("database_hangs" if embedded.is_running else "database_died", pid=os.getpid())
            try:
                embedded.restart()
            except (EmbeddedPostgresError, OSError) as trouble:
                # A full disk, say: the node refuses meanwhile, and this is tried until there is
                # room.
                log.error("database_stays_down", detail=str(trouble))
                await asyncio.sleep(SUPERVISE_RETRY_S)
            watch.recovery.ended()
    finally:
        await watch.close()


class _Watch:
    """One connection of our own, kept: while it stands the server lives, at no cost. It breaks
    with every crash of the server, and then the server is asked until it lets us in again."""

    def __init__(self, embedded: EmbeddedPostgres) -> None:
        self._embedded = embedded
        self._kept: Connection | None = None
        self.recovery = Recovery(embedded.cluster)

    async def hangs(self) -> bool:
        """Whether the server lets nobody in and does not get on either."""
        if self._kept is not None and not self._kept.is_closed():
            return False
        try:
            self._kept = await connect(self._embedded.dsn)
        except asyncpg.TooManyConnectionsError:
            pass  # it lives, and has more to do than we like
        except (asyncpg.PostgresError, *BROKEN):
            return self.recovery.is_stuck()
        self.recovery.ended()
        return False

    async def close(self) -> None:
        if self._kept is not None:
            self._kept.terminate()


def room_of(data: Path, embedded: EmbeddedPostgres | None) -> Callable[[], int | None]:
    """How much room is left where the node's own database lives, in bytes."""

    def room() -> int | None:
        try:
            found = os.statvfs(data)
        except OSError:
            return None
        return found.f_bavail * found.f_frsize

    return room if embedded is not None else lambda: None


__all__ = ["room_of", "supervise"]
