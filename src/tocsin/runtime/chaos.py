"""Where trouble is legal: named points at which a delay, a death, a repeat or a small batch must
change nothing. A node runs calm; in simulation a rare moment comes often.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

POINTS: Final[Mapping[str, str]] = {
    "engine.stamped": "a command has its instant and its id and waits to be committed",
    "engine.committed": "it is on disk and its caller does not know yet",
    "engine.again": "an order with a key is sent once more, as after a lost answer",
    "engine.unit_read": "a unit was read, and another case may get it before the order comes",
    "reception.checked": "a report was checked and sealed, and is nowhere yet",
    "reception.kept": "a report is on disk and its receipt was not given",
    "runner.wakes": "only few of the clocks that are due are taken",
    "runner.due": "clocks were found due, and somebody else may wake them first",
    "runner.errands": "only few of the errands that are owed are taken",
    "runner.taken": "an errand is leased and not yet done",
    "runner.told": "one of several desks was told",
    "runner.alarm_batch": "only few of the alarms of a case are told at a time",
    "runner.alarms": "some alarms of a case were told, others not",
    "runner.done": "an errand was done and not crossed off",
    "runner.again": "an errand is done twice in a row",
    "runner.fails": "an errand fails for no reason and is tried later",
    "follower.batch": "only few entries of the journal are read",
    "follower.read": "entries were read, and the stories they belong to were not",
    "follower.told": "stories are made and not saved",
    "alarm_follower.batch": "only few entries are read for the stories of alarms",
    "alarm_follower.told": "stories of alarms are made and not saved",
    "desk.prepared": "a case was prepared for an alarm, and neither is on disk",
    "desk.kept": "an alarm is on disk and the book of devices does not know",
    "desk.batch": "only few of the alarms whose clocks are due are taken",
    "desk.due": "alarms were found due, and somebody else may wake them first",
    "desk.unsaved": "signs of life were collected and are not on disk",
    "desk.book": "assets were read for the book and their open alarms were not",
    "wheel.batch": "only few of the silent are told in one turn",
    "wheel.late": "devices were found silent, and may speak before it is told",
}
"""Every point, and what is true when it is passed. A test reads the sources and knows that each is
there once; a campaign says which of them no seed reached."""


class Chaos(Protocol):
    """What may go wrong at a point. The code under it draws no dice: this does."""

    async def pause(self, point: str) -> None:
        """May take any time, and may never come back (the process died here)."""
        ...

    def fewer(self, point: str, size: int) -> int:
        """A batch of `size`, or a smaller one; at least 1."""
        ...

    def strikes(self, point: str) -> bool:
        """Whether what the point names happens now."""
        ...


class Calm:
    """Nothing happens. What a node runs with: three calls that return at once."""

    __slots__ = ()

    async def pause(self, point: str) -> None:
        return

    def fewer(self, point: str, size: int) -> int:
        return size

    def strikes(self, point: str) -> bool:
        return False


CALM: Final = Calm()

__all__ = ["CALM", "POINTS", "Calm", "Chaos"]
