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
        self._wall = datetime.now(UTC)
        self._steady = time.monotonic()
        self._is_stepped = False

    def now(self) -> datetime:
        """UTC, never more than `STEP_S` away from a well-kept system clock."""
        steady = time.monotonic()
        now = self._wall + timedelta(seconds=steady - self._steady)
        wall = datetime.now(UTC)
        off = (wall - now).total_seconds()
        if abs(off) > STEP_S:
            if not self._is_stepped:
                log.warning("clock_stepped", off_s=round(off, 1))
            self._is_stepped = True
            return now
        self._is_stepped = False
        # Never backwards: two commands of one case are stamped in order.
        self._wall, self._steady = max(wall, now), steady
        return self._wall


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

    def new(self) -> str:
        number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10))
        letters = bytearray(26)
        for position in range(25, -1, -1):
            letters[position] = _CODES[number & 31]
            number >>= 5
        return letters.decode()


_CODES: Final = LETTERS.encode()
