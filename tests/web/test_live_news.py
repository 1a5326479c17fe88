"""The live stream is told of what its own node writes, and need not look for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.contracts.town import Town
from tocsin.runtime.ports import Committed
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys
from tocsin.web.live import Hub, View

NEVER_S = 3_600.0
"""A pace at which a test would wait an hour for what nobody told."""


async def test_a_commit_is_told_before_its_time(fresh_database: str, tmp_path: Path) -> None:
    store = PostgresStore(fresh_database, load_master_keys(tmp_path / "vault.key"))
    await store.open()
    hub = Hub(store, NEVER_S)
    store.when_committed(hub.hurry)
    heard = hub.join(View("all", lambda areas, agencies: True))
    running = asyncio.create_task(hub.run())
    town = Town()
    try:
        async with asyncio.timeout(60):
            for number in range(3):
                assert isinstance(await store.commit(town.opening()), Committed)
                await heard.woken.wait()
                heard.woken.clear()
                assert b"event: case" in heard.queue[number]
    finally:
        running.cancel()
        await store.close()
