"""Time and identifiers of a simulated node: both follow from a seed and nothing else."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import Final

from tocsin.kernel.shared import Instant

LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LETTERS: Final = 26

Action = Callable[[], Awaitable[None]]


class VirtualClock:
    """Time that stands still until someone moves it. Fulfils `ports.Clock`."""

    def __init__(self, start: Instant) -> None:
        self._now = start

    def now(self) -> Instant:
        return self._now

    def advance(self, to: Instant) -> None:
        """Moves on to `to`; never backwards."""
        self._now = max(self._now, to)


class SeededIds:
    """Identifiers as a live node makes them (milliseconds, then chance), from a seeded generator.
    Fulfils `ports.Ids`."""

    def __init__(self, clock: VirtualClock, rng: Random) -> None:
        self._clock = clock
        self._rng = rng

    def new(self) -> str:
        milliseconds = int(self._clock.now().timestamp() * 1_000)
        number = milliseconds << 80 | self._rng.getrandbits(80)
        letters: list[str] = []
        for _ in range(ID_LETTERS):
            number, rest = number >> 5, number & 31
            letters.append(LETTERS[rest])
        return "".join(reversed(letters))


class Agenda:
    """What will happen when. Equal instants happen in the order in which they were noted."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self._noted: list[tuple[Instant, int, Action]] = []
        self._count = 0

    def at(self, instant: Instant, action: Action) -> None:
        """Note an action; one in the past happens next."""
        self._count += 1
        heapq.heappush(self._noted, (max(instant, self.clock.now()), self._count, action))

    def after(self, delay_s: float, action: Action) -> None:
        self.at(self.clock.now() + timedelta(seconds=delay_s), action)

    @property
    def next_at(self) -> Instant | None:
        return self._noted[0][0] if self._noted else None

    async def run_until(self, end: Instant) -> None:
        """Do everything noted up to `end`, what is noted meanwhile included."""
        while self._noted and self._noted[0][0] <= end:
            instant, _, action = heapq.heappop(self._noted)
            self.clock.advance(instant)
            await action()
        self.clock.advance(end)
