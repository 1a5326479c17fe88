"""Alarms through the desk a second, each committed before its answer; also under a flood of signs
of life, which have a lane of their own; and what supervising many devices costs."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.harness import Figure, median, percentile
from tocsin.app.clock import SteadyClock, TimeIds
from tocsin.kernel.assets.state import About, Asset
from tocsin.kernel.assets.vocabulary import AddAsset
from tocsin.kernel.shared import Actor, ActorId, AreaId, AssetId, Place
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.registry import Registry
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import Committed
from tocsin.runtime.reception import Reception
from tocsin.runtime.supervision import Supervision
from tocsin.simulation.plain_town import plain_atlas
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

INTAKE = Actor(ActorId("bench"), "integration")
KEEPER = Actor(ActorId("keeper"), "staff", ("administrator",))
DEVICES = 2_000
ALARMS = 4_000
SENDERS = 64
SIGNS = 20_000
SUPERVISED = 100_000
TURNS = 60


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
        atlas = plain_atlas()
        engine = Engine(store, Registry(pack), SteadyClock(), TimeIds())
        desk = AlarmDesk(engine, pack, Reception(engine, pack, atlas, b"key"))
        place = desk.openings.reception.desk
        await _register(desk, place)
        with_case, waits = await _send(desk, "110", 0, ALARMS // 2)
        without, _ = await _send(desk, "130", ALARMS, ALARMS)
        signs, under_load = await _loaded(desk)
        return [
            Figure("alarms that open a case each", with_case, "alarms/s", note="64 senders"),
            Figure("alarms without a case", without, "alarms/s", 1_000),
            Figure("alarm wait, 64 senders, p99", percentile(waits, 99) * 1e3, "ms"),
            Figure("signs of life, committed", signs, "messages/s", 5_000),
            Figure("alarm under that flood, median", median(under_load) * 1e3, "ms"),
            Figure("alarm under that flood, p99", percentile(under_load, 99) * 1e3, "ms", 1_000,
                   "less"),
            await _supervise(desk),
        ]  # fmt: skip
    finally:
        await store.close()


async def _register(desk: AlarmDesk, place: Place) -> None:
    county = desk.openings.county

    async def one(number: int) -> None:
        wires = (("sia-dc09", f"d{number}"),)
        about = About(f"d{number}", "smoke-detector", (AreaId(county),), place, wires=wires)
        outcome = await desk.engine.handle_asset(
            AssetId(f"a{number}"), AddAsset(about), by=KEEPER, is_urgent=False
        )
        assert isinstance(outcome, Committed), outcome
        desk.learn(outcome)

    await desk.load()
    for start in range(0, DEVICES, 500):
        await asyncio.gather(*(one(number) for number in range(start, start + 500)))


async def _send(desk: AlarmDesk, kind: str, first: int, count: int) -> tuple[float, list[float]]:
    """Messages a second, and how long each waited for its answer."""
    waits: list[float] = []
    numbers = iter(range(first, first + count))

    async def sender() -> None:
        for number in numbers:
            began = time.perf_counter()
            answer = await desk.receive(
                IncomingAlarm("sia-dc09", f"d{number % DEVICES}", kind, "raised", key=str(number)),
                INTAKE,
            )
            waits.append(time.perf_counter() - began)
            assert isinstance(answer, AlarmReceived) and not answer.repeated

    began = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    return count / (time.perf_counter() - began), waits


async def _loaded(desk: AlarmDesk) -> tuple[float, list[float]]:
    """Signs of life a second from many senders, and what an alarm waits meanwhile."""
    numbers = iter(range(SIGNS))
    is_over = asyncio.Event()
    waits: list[float] = []

    async def reporter() -> None:
        for number in numbers:
            device = f"d{number % DEVICES}"
            await desk.receive(
                IncomingAlarm("sia-dc09", device, "", "heard", sequence=number), INTAKE
            )

    async def presser() -> None:
        number = 1_000_000
        while not is_over.is_set():
            waits.append(await _one(desk, number))
            number += 1
            await asyncio.sleep(0.02)

    pressing = asyncio.create_task(presser())
    began = time.perf_counter()
    await asyncio.gather(*(reporter() for _ in range(400)))
    spent = time.perf_counter() - began
    is_over.set()
    await pressing
    return SIGNS / spent, waits


async def _one(desk: AlarmDesk, number: int) -> float:
    began = time.perf_counter()
    await desk.receive(
        IncomingAlarm("sia-dc09", f"d{number % DEVICES}", "120", "raised", key=str(number)), INTAKE
    )
    return time.perf_counter() - began


async def _supervise(desk: AlarmDesk) -> Figure:
    """A minute of turns over devices that are heard once a minute: share of one core."""
    clock: Callable[[], object] = desk.engine.clock.now
    for number in range(SUPERVISED):
        about = About(f"s{number}", "sensor", supervision="SP5")
        desk.book.learn(Asset(AssetId(f"s{number}"), "in_service", about=about))
        desk.book.track(AssetId(f"s{number}")).heard_at = clock()  # pyright: ignore[reportAttributeAccessIssue]
    supervision = Supervision(desk)
    await supervision.turn()
    began = time.process_time()
    for _ in range(TURNS):
        await supervision.turn()
    share = (time.process_time() - began) / TURNS
    return Figure(
        "supervising 100,000 devices, one turn a second", share * 100, "% of a core", 15, "less"
    )
