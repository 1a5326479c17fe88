"""Town time in real time: what the demo's people do, each thing when its instant has come."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from tocsin.app.demo_client import Unreachable
from tocsin.kernel.shared import Instant

AT_ONCE: Final = 24
"""People who are at it in the same moment, in real time; more would only queue at the node."""
WAIT_MAX_S: Final = 1.0

Action = Callable[[], Awaitable[None]]


class TownTime:
    """The node's time as its people know it: set once by a sign-in, then by the steady clock."""

    def __init__(self, node_time: Instant, speed: float) -> None:
        self._at = node_time
        self._steady = time.monotonic()
        self.speed = speed

    def now(self) -> Instant:
        return self._at + timedelta(seconds=(time.monotonic() - self._steady) * self.speed)


class RealAgenda:
    """Noted in town time, done in real time, never more than `AT_ONCE` at a time."""

    def __init__(self, clock: TownTime) -> None:
        self.clock = clock
        self.failures = 0
        """Actions that the node did not answer."""
        self._noted: list[tuple[Instant, int, Action]] = []
        self._count = 0
        self._busy = asyncio.Semaphore(AT_ONCE)
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: BaseException | None = None

    def at(self, instant: Instant, action: Action) -> None:
        """Note an action for an instant of town time."""
        self._count += 1
        heapq.heappush(self._noted, (instant, self._count, action))
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled. Raises what an action raised: a bug of ours must not be silent."""
        while True:
            self._woken.clear()
            now = self.clock.now()
            while self._noted and self._noted[0][0] <= now:
                _, _, action = heapq.heappop(self._noted)
                await self._busy.acquire()
                task = asyncio.create_task(self._act(action))
                self._tasks.add(task)
                task.add_done_callback(self._done)
            if self._broken is not None:
                raise self._broken
            try:
                # Not `wait_for`: before Python 3.12 it swallows a cancellation that comes together
                # with what it waits for, and the day would never end.
                async with asyncio.timeout(self._wait_s()):
                    await self._woken.wait()
            except TimeoutError:
                pass

    def _wait_s(self) -> float:
        if not self._noted:
            return WAIT_MAX_S
        wait_s = (self._noted[0][0] - self.clock.now()).total_seconds() / self.clock.speed
        return max(0.001, min(wait_s, WAIT_MAX_S))

    async def _act(self, action: Action) -> None:
        try:
            await action()
        except Unreachable:
            self.failures += 1
        finally:
            self._busy.release()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._broken = self._broken or task.exception()
            self._woken.set()

    async def rest(self) -> None:
        """Wait for what is under way."""
        while self._tasks:
            await asyncio.sleep(0.05)
