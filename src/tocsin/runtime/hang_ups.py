"""Connections that a way in ended itself, counted by why: for the log and for /metrics.

Whoever looks for a panel that does not get through sees here that it was the node that hung up.
Nothing says who called: an address is no part of the answer.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import structlog

log = structlog.get_logger("tocsin.hang_ups")

LOG_EVERY_S: Final = 10.0
"""A flood of them is one line in so long, never one line each."""


class HangUps:
    """What one way in hung up on since the start. `counts` only ever grow."""

    def __init__(self, intake: str) -> None:
        self.intake = intake
        self.counts: Counter[str] = Counter()
        self._told: Counter[str] = Counter()
        self._next_s = 0.0

    def note(self, reason: str) -> None:
        """One more. `reason` is one of few words, and nothing that a caller sent."""
        self.counts[reason] += 1

    def tell(self, now_s: float) -> None:
        """Logs what came since the last line, where one is due. For whoever looks after time, with
        the loop's own seconds."""
        if self.counts == self._told or now_s < self._next_s:
            return
        log.warning("intake_hangs_up", intake=self.intake, reasons=dict(self.counts - self._told))
        self._told, self._next_s = self.counts.copy(), now_s + LOG_EVERY_S
