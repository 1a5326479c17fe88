"""Everything between a client and a node: late, lost, twice, in another order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Final, TypeVar

from tocsin.runtime.ports import Unavailable
from tocsin.simulation.storms.process import Process
from tocsin.simulation.storms.weather import Weather

GIVES_UP_S: Final = 10.0
"""How long a client waits for an answer before it sends again."""
WAY_S: Final = 0.02
LINGERS_S: Final = 4.0

T = TypeVar("T")


class Network:
    """The way from all clients to all processes. `processes` are those that may be reached."""

    def __init__(self, weather: Weather, rng: Random, processes: list[Process]) -> None:
        self.weather = weather
        self.processes = processes
        self._rng = rng

    async def call(self, work: Callable[[Process], Awaitable[T]]) -> T:
        """Has one process do `work` and brings its answer. Raises Unavailable where none came:
        then it may have been done, once or twice, or may still be."""
        weather = self.weather
        if weather.happens("drop_request"):
            await asyncio.sleep(GIVES_UP_S)
            raise Unavailable("no answer came")
        await self._way()
        if weather.happens("duplicate"):
            again = asyncio.get_running_loop().create_task(self._again(work))
            again.add_done_callback(_forgotten)
        answer = await self._at_the_node(work)
        if weather.happens("drop_answer"):
            await asyncio.sleep(GIVES_UP_S)
            raise Unavailable("no answer came")
        await self._way()
        return answer

    async def _at_the_node(self, work: Callable[[Process], Awaitable[T]]) -> T:
        alive = [each for each in self.processes if each.is_alive]
        if not alive:
            raise Unavailable("nobody listens")
        process = alive[self._rng.randrange(len(alive))]

        async def done() -> T:
            return await work(process)

        task = process.spawn(done())
        await asyncio.wait([task], timeout=GIVES_UP_S)
        if not task.done():
            task.add_done_callback(_forgotten)  # it goes on; nobody listens any more
            raise Unavailable("no answer came in time")
        if task.cancelled():
            raise Unavailable("the connection was reset")
        return task.result()

    async def _again(self, work: Callable[[Process], Awaitable[Any]]) -> None:
        await asyncio.sleep(self._rng.uniform(0.0, LINGERS_S))
        try:
            await self._at_the_node(work)
        except Unavailable:
            pass

    async def _way(self) -> None:
        lingers = self.weather.happens("linger")
        await asyncio.sleep(self._rng.uniform(0, LINGERS_S) if lingers else WAY_S)


def _forgotten(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        error = task.exception()
        if error is not None and not isinstance(error, Unavailable):
            raise error
