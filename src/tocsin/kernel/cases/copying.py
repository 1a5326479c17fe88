"""What the folding of every event uses: the status that the machine names, spans, copies."""

from __future__ import annotations

from typing import Final

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.machine import MACHINE
from tocsin.kernel.cases.state import Status
from tocsin.kernel.changing import changed
from tocsin.kernel.shared import Instant

TO: Final[dict[type[words.Event], Status]] = {
    event: step.to for event, step in MACHINE.steps.items() if step.to is not None
}
"""The status after an event, as the machine has it."""


def seconds(start: Instant, end: Instant) -> int:
    """Whole seconds from one instant to another, never negative."""
    return max(0, int((end - start).total_seconds()))


__all__ = ["TO", "changed", "seconds"]
