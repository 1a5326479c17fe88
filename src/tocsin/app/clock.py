"""The clocks and identifiers of a live node: the rim's side of `ports.Clock` and `ports.Ids`."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

log = structlog.get_logger("tocsin.clock")

STEP_S: Final = 2.0
"""A wall clock that differs from the steady one by more has been stepped; less is followed."""
LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"


class SteadyClock:
    """Wall time that does not jump. Small corrections of the system's clock are followed; a step
    (a wrong time server, a hand) is not: promises would fire early or never. A step is
    logged with how far the system's clock is off; a restart takes the new time.
    """

    def __init__(self) -> None:
        self._wall_s = time.time()
        self._steady_s = time.monotonic()
        self._is_stepped = False

    def now(self) -> datetime:
        """UTC, never more than `STEP_S` away from a well-kept system clock."""
        wall_s, steady_s = time.time(), time.monotonic()
        now_s = self._wall_s + (steady_s - self._steady_s)
        off_s = wall_s - now_s
        if abs(off_s) > STEP_S:
            if not self._is_stepped:
                log.warning("clock_stepped", off_s=round(off_s, 1))
            self._is_stepped = True
        else:
            self._is_stepped = False
            # Never backwards: two commands of one case are stamped in order.
            self._wall_s = now_s = max(wall_s, now_s)
            self._steady_s = steady_s
        return datetime.fromtimestamp(now_s, UTC)

    @property
    def is_stepped(self) -> bool:
        """Whether the system's clock says another time than this one goes by."""
        self.now()
        return self._is_stepped


class ScaledClock:
    """A town's time for demonstrations: starts at `start` and runs `speed` times as fast."""

    def __init__(self, start: datetime, speed: float) -> None:
        self._start = start
        self._steady = time.monotonic()
        self.speed = speed

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._steady) * self.speed)


class TimeIds:
    """Identifiers that sort by time of making: 48 bits of milliseconds, 80 random bits, in 26
    letters of Crockford's base 32. Unguessable, but never used as a secret."""

    def __init__(self) -> None:
        self._at_ms = -1
        self._head = ""

    def new(self) -> str:
        at_ms = time.time_ns() // 1_000_000
        if at_ms != self._at_ms:
            self._at_ms, self._head = at_ms, _head(at_ms)
        # 256 is a multiple of 32: the low five bits of a random byte are as random as it is.
        return self._head + os.urandom(16).translate(_LOW_BITS).decode()


def _head(at_ms: int) -> str:
    """Ten letters: 48 bits of milliseconds, the high ones first."""
    return "".join(LETTERS[at_ms >> shift & 31] for shift in range(45, -1, -5))


_LOW_BITS: Final = (LETTERS * 8).encode()
"""For each byte the letter of its low five bits."""
