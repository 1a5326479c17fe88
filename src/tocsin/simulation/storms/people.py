"""Who is about in a storm: the town's residents and staff, devices, crews and those who send them.

They are the people of `simulation.town`; here many of them act at once, over a bad network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final, cast

from tocsin.kernel.shared import Actor, ActorId, AssetId, CaseId, Instant, Refused, UnitId
from tocsin.kernel.units import vocabulary as units
from tocsin.packs.model import Pack
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.ports import Committed, Ids, Unavailable
from tocsin.runtime.reception import IncomingReport, Received
from tocsin.simulation.arrivals import Arrivals
from tocsin.simulation.behaviour import Behaviour
from tocsin.simulation.clock import Action
from tocsin.simulation.faults import Faults
from tocsin.simulation.node import SimNode
from tocsin.simulation.plain_town import spot
from tocsin.simulation.storms.network import Network
from tocsin.simulation.storms.process import Process, World
from tocsin.simulation.town import MARK, Town

SOURCE: Final = "sia-dc09"
INTAKE: Final = Actor(ActorId("panels"), "integration")
DISPATCHER: Final = Actor(ActorId("dispatcher:1"), "staff", ("dispatcher",))
DEVICE_EVERY_S: Final = 35.0
SEND_EVERY_S: Final = 25.0
AGAIN_S: Final = 2.0


class StormAgenda:
    """As `simulation.clock.Agenda`, but nobody waits for anybody."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: dict[asyncio.Task[None], None] = {}
        self.is_closed = False

    def at(self, instant: Instant, action: Action) -> None:
        loop = asyncio.get_running_loop()
        delay_s = (instant - self._world.start).total_seconds() - loop.time()
        loop.call_later(max(0.0, delay_s), self._begin, action)

    def after(self, delay_s: float, action: Action) -> None:
        asyncio.get_running_loop().call_later(delay_s, self._begin, action)

    def _begin(self, action: Action) -> None:
        if not self.is_closed:
            self.do(cast(Coroutine[Any, Any, None], action()))

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled():
            task.result()

    async def close(self) -> None:
        """Everybody goes home, also who is still trying."""
        self.is_closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.sleep(0)


@dataclass(slots=True)
class TownClock:
    """The town's own time, which nobody sets."""

    start: Instant

    def now(self) -> Instant:
        return self.start + timedelta(seconds=asyncio.get_running_loop().time())


class FarReception:
    """A reception at the other end of the network."""

    def __init__(self, far: FarNode) -> None:
        self._far = far

    async def receive(self, incoming: IncomingReport, by: Actor) -> Received | Refused:
        return await self._far.ask(lambda process: process.reception.receive(incoming, by))

    async def attach(
        self, case_id: CaseId, incoming: IncomingReport, by: Actor
    ) -> Received | Refused:
        return await self._far.ask(lambda process: process.reception.attach(case_id, incoming, by))


class FarEngine:
    """An engine at the other end of the network."""

    def __init__(self, far: FarNode) -> None:
        self._far = far

    async def handle(self, *values: Any, **named: Any) -> Committed | Refused:
        return await self._far.ask(lambda process: process.engine.handle(*values, **named))

    async def handle_unit(self, *values: Any, **named: Any) -> Committed | Refused:
        return await self._far.ask(lambda process: process.engine.handle_unit(*values, **named))


class FarNode:
    """A node as the town sees it. Whatever it answers is looked up on disk at that very moment."""

    def __init__(self, world: World, network: Network, ids: Ids) -> None:
        self.world = world
        self.network = network
        self.reception = FarReception(self)
        self.engine = FarEngine(self)
        self.inner = self.store = world.disk
        self.pack = world.pack
        self.ids = ids

    async def ask(self, work: Callable[[Process], Awaitable[Any]]) -> Any:
        async def watched(process: Process) -> Any:
            answer = await work(process)
            self._hold_against_disk(process, answer)
            return answer

        return await self.network.call(watched)

    def _hold_against_disk(self, process: Process, answer: Any) -> None:
        disk = self.world.disk
        match answer:
            case Received(code=code):
                is_there = disk.knows(process.reception.code_hash(code))
            case AlarmReceived(alarm=alarm) if alarm:
                is_there = disk.has_alarm(alarm)
            case Committed(versions=versions):
                is_there = all(disk.version(each) >= made for each, made in versions.items())
            case _:
                is_there = True
        if not is_there:
            disk.wrong.append(("answers_after_commit", type(answer).__name__, "not on disk"))


class StormTown(Town):
    """Residents and staff, all at once. The node's own loops run by themselves."""

    def __init__(
        self, far: FarNode, arrivals: Arrivals, behaviour: Behaviour, rng: Random, faults: Faults
    ) -> None:
        clock = TownClock(far.world.start)
        super().__init__(cast(SimNode, far), cast(Any, clock), arrivals, behaviour, rng, faults)
        self.storm_agenda = StormAgenda(far.world)
        self.agenda = cast(Any, self.storm_agenda)

    def _want_tick(self, at: Instant) -> None:
        """The runners of the processes look for themselves."""


@dataclass(slots=True)
class Told:
    """One message of a device, as the device knows it."""

    incoming: IncomingAlarm
    answers: list[AlarmReceived] = field(default_factory=list[AlarmReceived])
    refused: str = ""


@dataclass(slots=True)
class Outside:
    """What devices and crews remember."""

    told: list[Told] = field(default_factory=list[Told])
    sent: int = 0
    refused: dict[str, int] = field(default_factory=dict[str, int])


class Devices:
    """Panels that repeat until they are acknowledged, as the standards ask of them."""

    def __init__(
        self, far: FarNode, agenda: StormAgenda, outside: Outside, rng: Random, names: Sequence[str]
    ) -> None:
        self._far = far
        self._agenda = agenda
        self._outside = outside
        self._rng = rng
        self._names = names
        self._kinds = ("smoke", "panic", "intrusion", "water", "fault", "medical")

    def open(self, until_s: float) -> None:
        for name in self._names:
            self._agenda.do(self._speak(name, until_s))

    async def _speak(self, name: str, until_s: float) -> None:
        loop, rng = asyncio.get_running_loop(), self._rng
        for number in range(1, 1_000):
            await asyncio.sleep(rng.expovariate(1 / DEVICE_EVERY_S))
            if loop.time() >= until_s:
                return
            kind = rng.choice(self._kinds)
            signal = rng.choice(("raised", "raised", "raised", "cleared", "heard"))
            place = spot(0.1 + 0.8 * rng.random(), 0.1 + 0.8 * rng.random())
            incoming = IncomingAlarm(
                SOURCE,
                name,
                kind if signal != "heard" else "",
                cast(Any, signal),
                session=f"{name}-1",
                sequence=number,
                key=f"{name}-{number}",
                text=f"{MARK}-{name}-{number}",
                place=place,
            )
            told = Told(incoming)
            self._outside.told.append(told)
            await self._until_heard(told)

    async def _until_heard(self, told: Told) -> None:
        while not self._agenda.is_closed:
            try:
                answer = await self._far.ask(
                    lambda process: process.desk.receive(told.incoming, INTAKE)
                )
            except Unavailable:
                await asyncio.sleep(self._rng.uniform(AGAIN_S, 2 * AGAIN_S))
                continue
            if isinstance(answer, Refused):
                told.refused = answer.reason
                return
            told.answers.append(answer)
            if self._rng.random() > 0.1:  # else the acknowledgement was not understood
                return


class Crews:
    """Dispatchers who grasp for the same units, and crews that drive."""

    def __init__(
        self,
        far: FarNode,
        agenda: StormAgenda,
        outside: Outside,
        rng: Random,
        ids: Sequence[UnitId],
    ) -> None:
        self._far = far
        self._agenda = agenda
        self._outside = outside
        self._rng = rng
        self._units = ids
        self._number = 0

    def open(self, until_s: float, desks: int = 2) -> None:
        for _ in range(desks):
            self._agenda.do(self._dispatch(until_s))

    async def _dispatch(self, until_s: float) -> None:
        loop, rng, disk = asyncio.get_running_loop(), self._rng, self._far.world.disk
        while True:
            await asyncio.sleep(rng.expovariate(1 / SEND_EVERY_S))
            if loop.time() >= until_s:
                return
            cases = disk.at_work()
            if not cases:
                continue
            unit, case = rng.choice(self._units), rng.choice(cases)
            outcome = await self._command(unit, units.SendUnit(case, "nearest"), DISPATCHER)
            if isinstance(outcome, Committed):
                self._outside.sent += 1
                self._agenda.do(self._drive(unit, case))

    async def _drive(self, unit: UnitId, case: CaseId) -> None:
        crew = Actor(ActorId(f"crew:{unit}"), "staff", ("crew",))
        for status in ("en_route", "on_scene", "clear"):
            await asyncio.sleep(self._rng.uniform(5, 60))
            await self._command(unit, units.ReportStatus(status, case), crew)

    async def _command(
        self, unit: UnitId, command: units.Command, by: Actor
    ) -> Committed | Refused | None:
        self._number += 1
        key = f"unit-{self._number}"
        while not self._agenda.is_closed:
            try:
                outcome = await self._far.engine.handle_unit(
                    unit, command, by=by, key=key, fingerprint=key
                )
            except Unavailable:
                await asyncio.sleep(self._rng.uniform(AGAIN_S, 2 * AGAIN_S))
                continue
            if isinstance(outcome, Refused):
                counts = self._outside.refused
                counts[outcome.reason] = counts.get(outcome.reason, 0) + 1
            return outcome
        return None


def agency_units(pack: Pack) -> tuple[str, str]:
    """A kind of unit and an agency that has some."""
    return next(iter(sorted(pack.unit_kinds))), "fire-rescue"


__all__ = ["Crews", "Devices", "FarNode", "Outside", "StormTown", "Told", "AssetId"]
