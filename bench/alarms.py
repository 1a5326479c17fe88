"""Alarms through the desk a second, each committed before its answer; also under a flood of signs
of life, which have a lane of their own; and what supervising many devices costs."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bench.desks import DEVICES, KEEPER, SOURCE, Bench, add, register, tell, with_desk
from bench.harness import Figure, median, percentile
from tocsin.kernel.assets.state import About, Asset
from tocsin.kernel.cases.vocabulary import VoidCase
from tocsin.kernel.shared import AssetId, CaseId
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.alarm_ports import IncomingAlarm
from tocsin.runtime.ports import AlarmQuery, Committed
from tocsin.runtime.runner import Runner
from tocsin.runtime.supervision import Supervision

ALARMS = 4_000
SENDERS = 64
SIGNS = 20_000
SUPERVISED = 100_000
TURNS = 60
BEHIND = 800
GATEWAY = AssetId("gateway")


def bench() -> list[Figure]:
    """The figures, with the load of the machine and the CPU of a message beside them."""
    return with_desk(_bench) + with_desk(_gateway)


async def _bench(given: Bench) -> list[Figure]:
    desk = given.desk
    await register(desk)
    with_case, waits, dear = await _send(desk, "110", 0, ALARMS // 2)
    without, _, cheap = await _send(desk, "130", ALARMS, ALARMS)
    signs, under_load = await _loaded(desk)
    load = f"load {os.getloadavg()[0]:.1f}"
    return [
        Figure("alarms that open a case each", with_case, "alarms/s",
               note=f"64 senders, {dear:.0f} us of CPU each, {load}"),
        Figure("alarms without a case", without, "alarms/s", 1_000,
               note=f"{cheap:.0f} us of CPU each, {load}"),
        Figure("alarm wait, 64 senders, p99", percentile(waits, 99) * 1e3, "ms"),
        Figure("signs of life, committed", signs, "messages/s", 5_000),
        Figure("alarm under that flood, median", median(under_load) * 1e3, "ms"),
        Figure("alarm under that flood, p99", percentile(under_load, 99) * 1e3, "ms", 1_000,
               "less"),
        await _supervise(desk),
    ]  # fmt: skip


async def _send(
    desk: AlarmDesk, kind: str, first: int, count: int
) -> tuple[float, list[float], float]:
    """Messages a second, how long each waited for its answer, and microseconds of CPU for each."""
    waits: list[float] = []
    numbers = iter(range(first, first + count))

    async def sender() -> None:
        for number in numbers:
            began = time.perf_counter()
            device = f"d{number % DEVICES}"
            answer = await tell(
                desk, IncomingAlarm(SOURCE, device, kind, "raised", key=str(number))
            )
            waits.append(time.perf_counter() - began)
            assert not answer.repeated

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    spent, cpu = time.perf_counter() - began, time.process_time() - used
    return count / spent, waits, cpu / count * 1e6


async def _loaded(desk: AlarmDesk) -> tuple[float, list[float]]:
    """Signs of life a second from many senders, and what an alarm waits meanwhile."""
    numbers = iter(range(SIGNS))
    is_over = asyncio.Event()
    waits: list[float] = []

    async def reporter() -> None:
        for number in numbers:
            device = f"d{number % DEVICES}"
            await tell(desk, IncomingAlarm(SOURCE, device, "", "heard", sequence=number))

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
    device = f"d{number % DEVICES}"
    await tell(desk, IncomingAlarm(SOURCE, device, "120", "raised", key=str(number)))
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


async def _gateway(given: Bench) -> list[Figure]:
    """A gateway dies with BEHIND detectors behind it: from the turn of the wheel that finds them
    silent to the one case with all of them, and from the gateway's next word, and theirs, to
    nothing that is open."""
    desk = given.desk
    place, area = desk.openings.reception.desk, (desk.openings.county,)
    about = About("gateway", "gateway", area, place, wires=((SOURCE, "g"),), supervision="SP5")
    await add(desk, GATEWAY, about)
    await register(desk, BEHIND, gateway=GATEWAY, supervision="SP5")
    supervision = Supervision(desk)
    await supervision.turn()
    clock, now = desk.engine.clock, desk.engine.clock.now()
    interval_s = desk.book.assets[GATEWAY].interval_s
    assert interval_s is not None, "it is supervised"
    later = _Later(now.timestamp() + interval_s + 10)
    desk.engine.clock = later
    supervision.outage_s = 3_600.0  # the minute that passes at once is none of ours
    began, used = time.perf_counter(), time.process_time()
    await supervision.turn()
    spent, cpu = time.perf_counter() - began, time.process_time() - used
    rows = await desk.engine.store.alarms(AlarmQuery(open_only=True, limit=2 * BEHIND))
    members = [row for row in rows if row.alarm.cause == GATEWAY]
    cases = {row.alarm.case for row in rows if row.alarm.case is not None}
    assert len(rows) == BEHIND + 1 and len(members) == BEHIND and len(cases) == 1, len(rows)
    desk.engine.clock = clock
    back = time.perf_counter()
    await tell(desk, IncomingAlarm(SOURCE, "g", "", "heard"))
    await asyncio.gather(
        *(tell(desk, IncomingAlarm(SOURCE, f"d{each}", "", "heard")) for each in range(BEHIND))
    )
    ended = time.perf_counter() - back
    rows = await desk.engine.store.alarms(AlarmQuery(open_only=True, limit=2 * BEHIND))
    active = sum(row.alarm.condition == "active" for row in rows)
    assert not active, f"{active} are silent still"
    (case,) = cases
    closed, closing = await _closed(desk, case)
    load = f"load {os.getloadavg()[0]:.1f}"
    return [
        Figure(f"{BEHIND} silent behind a dead gateway, one case", spent, "s", 5, "less",
               f"{cpu / BEHIND * 1e6:.0f} us of CPU each, {load}"),
        Figure("all of them heard again", ended, "s", 5, "less",
               f"{len(rows)} alarms wait for the end of the case, {load}"),
        Figure("the case ends, all of them are closed", closed, "s", 5, "less",
               f"{closing / (BEHIND + 1) * 1e6:.0f} us of CPU each, {load}"),
    ]  # fmt: skip


async def _closed(desk: AlarmDesk, case: CaseId) -> tuple[float, float]:
    """Seconds, and seconds of CPU, from the order that ends the case to the last of its alarms."""
    began, used = time.perf_counter(), time.process_time()
    outcome = await desk.engine.handle(case, VoidCase("mistake"), by=KEEPER)
    assert isinstance(outcome, Committed), outcome
    await Runner(desk.engine).run_errands()
    spent, cpu = time.perf_counter() - began, time.process_time() - used
    left = await desk.engine.store.alarms(AlarmQuery(open_only=True, limit=2 * BEHIND))
    assert not left, f"{len(left)} are open still"
    return spent, cpu


class _Later:
    """A clock that stands where nobody has been heard for long."""

    def __init__(self, at_s: float) -> None:
        self._at = datetime.fromtimestamp(at_s, UTC)

    def now(self) -> datetime:
        return self._at
