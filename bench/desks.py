"""A desk for alarms over a database of its own with registered devices: what the benches of alarms
begin with."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import uvloop

from bench.harness import Figure
from tocsin.app.clock import SteadyClock, TimeIds
from tocsin.app.memory import settle_memory
from tocsin.kernel.assets.state import About, Supervision
from tocsin.kernel.assets.vocabulary import AddAsset
from tocsin.kernel.shared import Actor, ActorId, AreaId, AssetId
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.registry import Registry
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import Committed
from tocsin.runtime.reception import Reception
from tocsin.simulation.plain_town import plain_atlas
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

INTAKE: Final = Actor(ActorId("bench"), "integration")
KEEPER: Final = Actor(ActorId("keeper"), "staff", ("administrator",))
SOURCE: Final = "sia-dc09"
DEVICES: Final = 2_000
AT_ONCE: Final = 500
"""Devices that are registered at a time."""


@dataclass(frozen=True)
class Bench:
    """What a bench works with: the desk, and where its database keeps its files."""

    desk: AlarmDesk
    cluster: Path

    def postgres(self) -> float:
        """Megabytes that the processes of the database have for themselves: what they share would
        be counted once for each of them."""
        number = int((self.cluster / "postmaster.pid").read_text().split()[0])
        server = psutil.Process(number)
        kept = 0
        for each in (server, *server.children()):
            with suppress(psutil.NoSuchProcess):  # a worker that was done meanwhile
                kept += each.memory_full_info().uss
        return kept / 2**20


def with_desk(work: Callable[[Bench], Awaitable[list[Figure]]]) -> list[Figure]:
    """Runs a bench on a node's own loop, with a desk over a fresh database."""
    with tempfile.TemporaryDirectory() as name:
        embedded = EmbeddedPostgres(Path(name) / "postgres")
        embedded.start()
        try:
            return uvloop.run(_run(embedded, Path(name), work))
        finally:
            embedded.stop()


async def _run(
    embedded: EmbeddedPostgres, folder: Path, work: Callable[[Bench], Awaitable[list[Figure]]]
) -> list[Figure]:
    store = PostgresStore(embedded.dsn(), load_master_keys(folder / "vault.key"))
    await store.open()
    try:
        return await work(Bench(await desk_over(store), embedded.cluster))
    finally:
        await store.close()


async def desk_over(store: PostgresStore) -> AlarmDesk:
    """The desk of the built-in county."""
    pack = load_pack(builtin("county"))
    engine = Engine(store, Registry(pack), SteadyClock(), TimeIds())
    desk = AlarmDesk(engine, pack, Reception(engine, pack, plain_atlas(), b"key"))
    await desk.load()
    return desk


async def register(
    desk: AlarmDesk,
    count: int = DEVICES,
    *,
    wire: tuple[str, str] = (SOURCE, "d{}"),
    gateway: AssetId | None = None,
    supervision: Supervision = "none",
) -> None:
    """Smoke detectors a0, a1, ... that speak under their addresses; then memory is settled, as a
    node does when all is loaded."""
    place, county = desk.openings.reception.desk, AreaId(desk.openings.county)

    async def one(number: int) -> None:
        wires = ((wire[0], wire[1].format(number)),)
        about = About(
            f"d{number}", "smoke-detector", (county,), place, gateway=gateway, wires=wires,
            supervision=supervision,
        )  # fmt: skip
        await add(desk, AssetId(f"a{number}"), about)

    for start in range(0, count, AT_ONCE):
        await asyncio.gather(*(one(each) for each in range(start, min(count, start + AT_ONCE))))
    settle_memory()


async def add(desk: AlarmDesk, asset: AssetId, about: About) -> None:
    """One more device."""
    outcome = await desk.engine.handle_asset(asset, AddAsset(about), by=KEEPER, is_urgent=False)
    assert isinstance(outcome, Committed), outcome
    desk.learn(outcome)


async def tell(desk: AlarmDesk, incoming: IncomingAlarm) -> AlarmReceived:
    """One message, kept."""
    answer = await desk.receive(incoming, INTAKE)
    assert isinstance(answer, AlarmReceived), answer
    return answer
