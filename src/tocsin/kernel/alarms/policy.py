"""What a pack says about one kind of alarm, frozen: the facts a decision rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tocsin.kernel.shared import CancelEffect

Opens = Literal["at_once", "from_level", "never"]
"""When an alarm becomes a case: as it is raised, once it is verified enough, or never."""

LEVELS = (0, 1, 2, 3, 4)
"""How far an alarm is verified, after the levels of ANSI/TMA AVS-01: 0 nothing speaks for a
response, 1 a bare signal, 2 something else confirms it, 3 somebody is where nobody should be or
property is in danger, 4 life is."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A reading that is an alarm: `reading` above or below a value, in the unit of the reading. It
    is over once it came back by more than `dead_band`, so that a reading on the edge is one
    alarm and not a hundred."""

    reading: str
    above: float | None = None
    below: float | None = None
    dead_band: float = 0.0


@dataclass(frozen=True, slots=True)
class AlarmPolicy:
    """One kind of alarm. Delays in seconds; 0 means none.

    `momentary`: its device never says that it is over (a button). `shelve_s` is the longest time
    on a shelf by role; a role that is not in it may not shelve. `level` is what a bare signal is
    worth; `confirmed_level` what it is worth once a second device of the site says the same.
    `silent`: nothing of it is said at the place. `drill`: an exercise of the site covers it.
    `cancel_s`: how long after it was raised the code of the site takes it back (0: never);
    `cancel` and `cancel_priority` say what that does to its case; `panel_cancel` and
    `panel_cancel_s` are the same for the word of a panel whose user took it back.
    """

    kind: str
    pack_version: str
    priority: int = 3
    is_life_safety: bool = False
    momentary: bool = False
    latching: bool = False
    on_delay_s: int = 0
    off_delay_s: int = 0
    fleeting_s: int = 0
    chatter_count: int = 3
    chatter_window_s: int = 60
    realarm_s: int = 0
    opens: Opens = "never"
    opens_level: int = 2
    level: int = 1
    confirmed_level: int = 2
    case_type: str = ""
    shelve_s: tuple[tuple[str, int], ...] = ()
    limits: tuple[Limit, ...] = ()
    silent: bool = False
    drill: bool = False
    cancel: CancelEffect = "lower"
    cancel_s: int = 0
    cancel_priority: int = 2
    panel_cancel: CancelEffect = "note"
    panel_cancel_s: int = 0

    def wants_case(self, level: int) -> bool:
        """Whether an alarm verified so far is to become a case."""
        if self.opens == "from_level":
            return level >= self.opens_level
        return self.opens == "at_once"

    def shelf_s(self, roles: tuple[str, ...]) -> int:
        """The longest time anybody of these roles may shelve it; 0 for not at all."""
        return max((s for role, s in self.shelve_s if role in roles), default=0)


def crossed(limit: Limit, is_over: bool, value: float) -> bool:
    """Whether the reading counts as over its limit now, given whether it did before."""
    band = limit.dead_band if is_over else 0.0
    above = limit.above is not None and value > limit.above - band
    below = limit.below is not None and value < limit.below + band
    return above or below


__all__ = ["LEVELS", "AlarmPolicy", "Limit", "Opens", "crossed"]
