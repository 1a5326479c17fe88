"""What goes wrong in a storm, drawn from one generator; and when, so that nobody is blamed for it.

Each seed has a climate of its own: some kinds of trouble are left out of it and others come often,
so that a rare meeting of two is not buried under all the rest.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import Final

from tocsin.runtime.chaos import POINTS

PAUSE_MEAN_S: Final = 0.6
PAUSE_MAX_S: Final = 12.0
LEFT_OUT: Final = 0.25
"""Share of the kinds of trouble, and of the points, that a seed leaves out."""


@dataclass(frozen=True, slots=True)
class Climate:
    """How often what goes wrong, 0 to 1 of the occasions."""

    drop_request: float = 0.05
    """Never arrives: the client waits until it gives up, and sends again."""
    drop_answer: float = 0.05
    """It was done, and nobody hears of it."""
    duplicate: float = 0.06
    """It arrives twice, the second time whenever it likes."""
    linger: float = 0.15
    """It is overtaken by what was sent later."""
    refuse: float = 0.02
    """The store can not be reached: nothing was done."""
    lose_answer: float = 0.03
    """It is on disk, but the node does not hear of it."""
    slow_commit: float = 0.05
    slow_read: float = 0.05
    stale_read: float = 0.2
    """A reader of the journal's tail does not see the newest entries yet."""
    late_commit: float = 0.5
    """What was on the way when the node died is committed all the same."""
    strike: float = 0.04
    """A delay, a repeat or a small batch at a point that a seed has not left out."""
    die: float = 0.004
    """The process dies at such a point."""


NO_TROUBLE: Final = Climate(*(0.0 for _ in fields(Climate)))


def drawn(rng: Random) -> Climate:
    """The climate of one seed."""
    usual = Climate()
    shares: dict[str, float] = {}
    for each in fields(Climate):
        share: float = getattr(usual, each.name)
        shares[each.name] = 0.0 if rng.random() < LEFT_OUT else share * rng.choice((0.5, 1, 2))
    return replace(usual, **shares)


@dataclass(slots=True)
class Weather:
    """The trouble of one storm. `now` is the node's time in seconds since the epoch."""

    rng: Random
    climate: Climate
    now: Callable[[], float]
    struck: Counter[str] = field(default_factory=Counter[str])
    """How often each kind of trouble came, and how often each point was struck."""
    passed: Counter[str] = field(default_factory=Counter[str])
    troubles: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """From when until when something stood still. A promise is not late by that."""
    _quiet: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        quiet = [point for point in POINTS if self.rng.random() < LEFT_OUT]
        self._quiet = frozenset(quiet)

    @property
    def is_over(self) -> bool:
        return self.climate is NO_TROUBLE

    def stop(self) -> None:
        """From now on nothing goes wrong."""
        self.climate = NO_TROUBLE

    def happens(self, name: str) -> bool:
        share: float = getattr(self.climate, name)
        if share == 0.0 or self.rng.random() >= share:
            return False
        self.struck[name] += 1
        return True

    def strikes(self, point: str) -> bool:
        """Whether a point is struck now."""
        self.passed[point] += 1
        strike = self.climate.strike
        if strike == 0.0 or point in self._quiet or self.rng.random() >= strike:
            return False
        self.struck[point] += 1
        return True

    def dies(self, point: str) -> bool:
        die = self.climate.die
        if die == 0.0 or point in self._quiet or self.rng.random() >= die:
            return False
        self.struck[point] += 1
        self.struck["die"] += 1
        return True

    def span(self, mean_s: float = PAUSE_MEAN_S) -> float:
        return min(PAUSE_MAX_S, self.rng.expovariate(1 / mean_s))

    async def stand_still(self, seconds: float) -> None:
        """Wait, and note that it was no fault of who waits."""
        self.note(seconds)
        await asyncio.sleep(seconds)

    def note(self, seconds: float) -> None:
        start = self.now()
        self.troubles.append((start, start + seconds))

    def late_s(self, since: float, until: float) -> float:
        """How much of the time between two instants nothing stood still, in seconds."""
        left, at = 0.0, since
        for start, end in sorted(self.troubles):
            if end <= at:
                continue
            if start >= until:
                break
            left += max(0.0, start - at)
            at = max(at, end)
        return left + max(0.0, until - at)
