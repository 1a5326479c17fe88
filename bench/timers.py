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
from tocsin.kernel.cases.vocabulary import ClockEscalated, DeadlineMissed
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.registry import Registry
from tocsin.runtime.engine import Engine
from tocsin.runtime.runner import Runner
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

CASES = 100_000
SPOKEN = (ClockEscalated, DeadlineMissed)


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
    # Set forward until nearly every case has something to say, many of them several things.
    latest = await store.readers.fetchval(
        "SELECT percentile_disc(0.98) WITHIN GROUP (ORDER BY next_wake) FROM cases"
    )
    clock.ahead = latest - clock.now()
    due = await store.waking(clock.now(), CASES)
    assert len(due) >= CASES * 0.9, "nearly every case should have a clock that is due"
    before = await store.last_seq()
    began = time.perf_counter()
    woken = 0
    while woken < len(due):
        woken += await runner.wake_due()
    all_s = time.perf_counter() - began
    rungs = 0
    async for entry in store.entries(before):
        rungs += sum(isinstance(event, SPOKEN) for event in entry.events)
    await store.close()
    return [
        Figure("restart until 100,000 clocks are watched", watched_s, "s", 10, "less"),
        Figure("clocks that came due while the node was down", rungs, "rungs"),
        Figure("until all of them were heard", all_s, "s", 10, "less"),
        Figure("overdue rungs heard", rungs / all_s, "/s"),
    ]
