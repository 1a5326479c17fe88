"""An event loop without time: where nothing is left to do now, it is already later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Stuck(RuntimeError):
    """Everybody waits and nothing will ever come: a deadlock of the code under test, or of ours."""


class _Leaping:
    """In place of a selector: no files, and waiting costs nothing."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def select(self, timeout: float | None) -> Sequence[Any]:
        if timeout is None:
            raise Stuck("everybody waits for somebody else")
        self.now_s += max(0.0, timeout)
        return ()

    def close(self) -> None:
        pass


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs tasks in the order in which they are due; the same on every machine."""

    def __init__(self) -> None:
        super().__init__()
        self._leaping = _Leaping()
        self._selector = self._leaping

    def time(self) -> float:
        """Seconds since the loop began, all of them leapt over."""
        return self._leaping.now_s

    def _process_events(self, event_list: Sequence[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, on a loop of its own without time; whatever is left over is cancelled."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        left = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(_all_over(left))
        asyncio.set_event_loop(None)
        loop.close()


async def _all_over(tasks: Sequence[Awaitable[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
