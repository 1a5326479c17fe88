"""100,000 waiting clocks over a restart: how soon they are watched again, and how soon all have
spoken when every one of them came due while the node was down."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from bench.filled import filled
from bench.harness import Figure
from tocsin.app.clock import SteadyClock, TimeIds
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.registry import Registry
from tocsin.runtime.engine import Engine
from tocsin.runtime.runner import Runner
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

CASES = 100_000


class Later(SteadyClock):
    """A clock that can be set forward."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


def bench() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        embedded = EmbeddedPostgres(folder / "postgres")
        embedded.start()
        try:
            asyncio.run(_fill(embedded, folder))
            embedded.stop()
            began = time.perf_counter()
            embedded.start()
            return asyncio.run(_wake(embedded, folder, began))
        finally:
            embedded.stop()


async def _fill(embedded: EmbeddedPostgres, folder: Path) -> None:
    async with filled(embedded, folder) as full:
        await full.send_many(0, CASES, 1)


async def _wake(embedded: EmbeddedPostgres, folder: Path, began: float) -> list[Figure]:
    store = PostgresStore(embedded.dsn(), load_master_keys(folder / "vault.key"))
    await store.open()
    clock = Later()
    pack = load_pack(builtin("county"), calendar="finland-2026")
    runner = Runner(Engine(store, Registry(pack), clock, TimeIds()))
    await runner.wake_due()
    watched_s = time.perf_counter() - began
    oldest = await store.oldest_wake()
    assert oldest is not None
    # Past the first rung of every first clock, so that each case has something to say.
    clock.ahead = timedelta(days=8)
    due = await store.waking(clock.now(), CASES)
    assert len(due) >= CASES * 0.9, "nearly every case should have a clock that is due"
    began = time.perf_counter()
    spoken = 0
    while spoken < len(due):
        spoken += await runner.wake_due()
    all_s = time.perf_counter() - began
    await store.close()
    return [
        Figure("restart until 100,000 clocks are watched", watched_s, "s", 10, "less"),
        Figure("100,000 overdue clocks after a restart, all heard", all_s, "s", 10, "less"),
    ]
