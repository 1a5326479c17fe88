"""Whether memory stays flat in a flood of alarms: ten minutes of them, or `TOCSIN_FLOOD_S`."""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import time
from pathlib import Path

import psutil

from bench.alarms import DEVICES, INTAKE, SENDERS, _register
from bench.harness import Figure
from tocsin.app.clock import SteadyClock, TimeIds
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.registry import Registry
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.engine import Engine
from tocsin.runtime.reception import Reception
from tocsin.simulation.plain_town import plain_atlas
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

FLOOD_S = float(os.environ.get("TOCSIN_FLOOD_S", "600"))
LOOKS = 10


def bench() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        embedded = EmbeddedPostgres(folder / "postgres")
        embedded.start()
        try:
            return asyncio.run(_bench(embedded, folder))
        finally:
            embedded.stop()


async def _bench(embedded: EmbeddedPostgres, folder: Path) -> list[Figure]:
    store = PostgresStore(embedded.dsn(), load_master_keys(folder / "vault.key"))
    await store.open()
    try:
        pack = load_pack(builtin("county"))
        engine = Engine(store, Registry(pack), SteadyClock(), TimeIds())
        desk = AlarmDesk(engine, pack, Reception(engine, pack, plain_atlas(), b"key"))
        await _register(desk, desk.openings.reception.desk)
        seen, sent = await _flood(desk)
        # The first tenth fills what is kept of every device; after it nothing may grow.
        growth = seen[-1] - seen[0]
        note = f"{sent} messages in {FLOOD_S:.0f} s, {seen[0]:.0f} MiB after the first tenth"
        return [Figure("growth over a flood of alarms", growth, "MiB", 10, "less", note)]
    finally:
        await store.close()


async def _flood(desk: AlarmDesk) -> tuple[list[float], int]:
    """Megabytes at each tenth, and how many messages were sent: raised, cleared, alive."""
    process = psutil.Process()
    ends = time.monotonic() + FLOOD_S
    seen: list[float] = []
    sent = 0

    async def sender(first: int) -> None:
        nonlocal sent
        number = first
        while time.monotonic() < ends:
            signal = ("raised", "cleared", "heard")[number // DEVICES % 3]
            kind = "" if signal == "heard" else "130"
            incoming = IncomingAlarm(
                "sia-dc09", f"d{number % DEVICES}", kind, signal, key=str(number)
            )
            answer = await desk.receive(incoming, INTAKE)
            assert isinstance(answer, AlarmReceived), answer
            number, sent = number + SENDERS, sent + 1

    async def look() -> None:
        for _ in range(LOOKS):
            await asyncio.sleep(FLOOD_S / LOOKS)
            gc.collect()
            seen.append(process.memory_info().rss / 2**20)

    await asyncio.gather(look(), *(sender(each) for each in range(SENDERS)))
    return seen, sent
