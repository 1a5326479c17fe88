"""One process of a node: the real engine, reception, desk, runner and followers, until it dies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, cast

from tocsin.geography.areas import Atlas
from tocsin.kernel.shared import Instant
from tocsin.packs.model import Pack
from tocsin.runtime.alarm_desk import FLUSH_EVERY_S, AlarmDesk
from tocsin.runtime.alarm_following import follow_alarms
from tocsin.runtime.chaos import Chaos
from tocsin.runtime.engine import Engine
from tocsin.runtime.following import follow
from tocsin.runtime.ports import Clock, Store, Unavailable
from tocsin.runtime.reception import Reception
from tocsin.runtime.runner import Rest, Runner, fixed
from tocsin.runtime.supervision import Supervision
from tocsin.simulation.clock import SeededIds, VirtualClock
from tocsin.simulation.node import Parts
from tocsin.simulation.storms.disk import Disk, Line
from tocsin.simulation.storms.weather import Weather
from tocsin.stores.memory import MemoryVault
from tocsin.stores.memory.quality import MemoryQuality
from tocsin.stores.memory.stories import MemoryStories

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
RUNNER_S: Final = 0.5
FOLLOW_S: Final = 1.0
WAKE_S: Final = 0.5
TURN_S: Final = 4.0
"""The wheel turns by the second on a node; here it may, within what it takes for an outage."""


class StormParts(Parts):
    """How a node in a storm is put together. Tests plant a bug by overriding one of them."""

    def disk(self, vault: MemoryVault, now: Callable[[], Instant]) -> Disk:
        return Disk(vault, now)

    def line(self, disk: Disk, process: Process) -> Line:
        return Line(disk, process)

    def runner(self, engine: Engine, process: Process, rest: Rest) -> Runner:
        return Runner(engine, RUNNER_S, addresses=self.addresses, rest=rest)

    def desk(self, engine: Engine, pack: Pack, reception: Reception) -> AlarmDesk:
        return AlarmDesk(engine, pack, reception)

    async def follow(self, store: Store, stories: MemoryStories, chaos: Chaos) -> int:
        return await follow(store, stories, chaos)


@dataclass(slots=True)
class World:
    """Everything outside a process: disk, weather, and the time of day on the wall."""

    parts: StormParts
    pack: Pack
    atlas: Atlas
    start: Instant
    weather: Weather
    rng: Random
    vault: MemoryVault
    disk: Disk
    stories: MemoryStories
    quality: MemoryQuality
    code_key: bytes
    wall_off_s: float = 0.0
    """How far the wall clock was set forward or back; a process takes it when it starts."""
    is_store_away: bool = False
    has_devices: bool = True
    deaths: int = 0

    def now(self) -> Instant:
        """The time of day as a process that starts now has it."""
        seconds = asyncio.get_running_loop().time() + self.wall_off_s
        return self.start + timedelta(seconds=seconds)


class NodeClock:
    """As a node's clock: the wall's time when it started, and steady from then on."""

    def __init__(self, world: World) -> None:
        self._start = world.start
        self._off_s = world.wall_off_s
        self._loop = asyncio.get_running_loop()

    def now(self) -> Instant:
        return self._start + timedelta(seconds=self._loop.time() + self._off_s)


class ProcessChaos:
    """`runtime.chaos.Chaos` for one process: it can die of it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._weather = process.world.weather

    async def pause(self, point: str) -> None:
        weather = self._weather
        if weather.strikes(point):
            await weather.stand_still(weather.span())
        elif weather.dies(point):
            self._process.die()
            await asyncio.Event().wait()

    def fewer(self, point: str, size: int) -> int:
        return 1 + self._weather.rng.randrange(3) if self._weather.strikes(point) else size

    def strikes(self, point: str) -> bool:
        return self._weather.strikes(point)


class Process:
    """Alive from its making until `die`."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.is_alive = True
        self.death: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.started_at = world.now()
        self._tasks: dict[asyncio.Task[Any], None] = {}
        parts = world.parts
        self.clock: Clock = NodeClock(world)
        ids = SeededIds(cast(VirtualClock, self.clock), Random(world.rng.getrandbits(64)))
        self.line = parts.line(world.disk, self)
        store = cast(Store, self.line)
        chaos = ProcessChaos(self)
        self.engine = parts.engine(store, parts.policies(world.pack), self.clock, ids)
        self.engine.chaos = chaos
        self.reception = parts.reception(self.engine, world.pack, world.atlas, world.code_key)
        self.desk = parts.desk(self.engine, world.pack, self.reception)
        self.supervision = Supervision(self.desk)
        self.runner = parts.runner(self.engine, self, self._rest)
        self.spawn(self.runner.run())
        follow_s = self._rest_of(lambda: self._behind(world.stories))
        self.spawn(self._every(lambda: parts.follow(store, world.stories, chaos), follow_s))
        if world.has_devices:
            told = lambda: follow_alarms(store, world.quality, chaos)  # noqa: E731
            self.spawn(self._every(told, self._rest_of(self._behind_alarms)))
            self.spawn(self._every(self.desk.wake_due, self._rest_of(world.disk.next_device_due)))
            self.spawn(self._beat(TURN_S, self.supervision.turn))
            self.spawn(self._beat(8 * FLUSH_EVERY_S, self.desk.flush))

    # -- life and death

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Work of this process: it ends when the process does."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Unavailable):
            # A node would end of it, or answer 500.
            wrong = ("nothing_breaks", self.name, f"{type(error).__name__}: {error}")
            self.world.disk.wrong.append(wrong)

    @property
    def loops(self) -> Sequence[asyncio.Task[Any]]:
        return list(self._tasks)

    def die(self) -> None:
        """As after kill -9: nothing it holds in memory is left."""
        if not self.is_alive:
            return
        self.is_alive = False
        self.death.set_result(None)
        self.world.deaths += 1
        for task in list(self._tasks):
            task.cancel()

    # -- its loops

    async def _every(self, turn: Callable[[], Awaitable[int]], rest: Callable[[], Any]) -> None:
        while True:
            try:
                await turn()
            except Unavailable:
                pass
            await rest()

    async def _beat(self, pause_s: float, turn: Callable[[], Awaitable[int]]) -> None:
        while self.world.has_devices:
            try:
                await turn()
            except Unavailable:
                pass
            await asyncio.sleep(pause_s)

    def _behind(self, stories: MemoryStories) -> Instant | None:
        return LONG_AGO if stories.seq < self.world.disk.last_case_seq else None

    def _behind_alarms(self) -> Instant | None:
        return LONG_AGO if self.world.quality.seq < self.world.disk.newest else None

    def _rest_of(self, due: Callable[[], Instant | None]) -> Callable[[], Awaitable[None]]:
        return lambda: self._leap(WAKE_S, due)

    async def _rest(self, seconds: float) -> None:
        await self._leap(seconds, self.world.disk.next_due)

    async def _leap(self, seconds: float, due: Callable[[], Instant | None]) -> None:
        """One rest, or as many in a row as find nothing to do: those are left out. The next turn
        comes exactly when it would have come."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(seconds)
        watch = _Watch(self, due)
        if not watch.is_due:
            await watch.wait()
            await asyncio.sleep(-(loop.time() - began) % seconds)


class _Watch:
    """Waits until something is due on disk, now or because of what is committed meanwhile."""

    def __init__(self, process: Process, due: Callable[[], Instant | None]) -> None:
        self._clock = process.clock
        self._disk = process.world.disk
        self._due = due
        self._at: Instant | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._news: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_due(self) -> bool:
        self._at = self._due()
        return self._at is not None and self._at <= self._clock.now()

    async def wait(self) -> None:
        self._arm()
        try:
            await self._news
        finally:
            self._disarm()

    def _look(self) -> None:
        if self._news.done():
            return
        before = self._at
        if self.is_due:
            self._news.set_result(None)
            return
        if self._at != before or self._timer is None:
            self._disarm()
        self._arm()

    def _arm(self) -> None:
        self._disk.on_change.append(self._look)
        if self._at is not None and self._timer is None:
            loop = asyncio.get_running_loop()
            wait_s = (self._at - self._clock.now()).total_seconds()
            self._timer = loop.call_later(wait_s, self._ring)

    def _ring(self) -> None:
        if not self._news.done():
            self._news.set_result(None)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


__all__ = ["NodeClock", "Process", "StormParts", "World", "fixed"]
