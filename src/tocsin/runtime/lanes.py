"""Who goes first where many wait: lives, at every queue between a report and a screen.

Said once. The store's writer has a lane for each; errands of emergencies stand in line as if they
had been owed for a while already, so that they overtake what is new and never what is old.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import WakeUp
from tocsin.kernel.shared import Instant
from tocsin.runtime.ports import Order

Lane = Literal["life", "devices", "people", "clocks", "routine"]
LANES: Final[tuple[Lane, ...]] = ("life", "devices", "people", "clocks", "routine")
"""In the order in which they are served."""
SHARES: Final[dict[Lane, int]] = {"life": 1, "devices": 2, "people": 4, "clocks": 4, "routine": 8}
"""The part of a full commit, one in so many, that a lane may add where one before it has orders:
a flood in one lane makes the others slow, and stops none."""
AHEAD_S: Final = 300.0
"""By how much the errands of an emergency are served as if they had been owed earlier: routine
waits for those of five minutes at most."""
HIGHEST: Final = 1
"""The priority of a pack that means danger to life."""


def is_life_safety(about: Case | CasePolicy) -> bool:
    """Whether lives hang on a case, by the pack: an emergency, or of the highest priority."""
    return about.profile == "emergency" or about.priority == HIGHEST


def lane_of(order: Order) -> Lane:
    """Where an order waits."""
    if order.is_life_safety:
        return "life"
    if order.is_urgent:
        return "people" if order.device is None else "devices"
    return "clocks" if isinstance(order.command, WakeUp) else "routine"


def owed_from(at: Instant, case: Case | None) -> Instant:
    """Since when an errand counts as owed, where errands are taken oldest first. What a unit owes
    (None) is an alert to a crew, or calls one off."""
    if case is None or is_life_safety(case):
        return at - timedelta(seconds=AHEAD_S)
    return at


__all__ = ["AHEAD_S", "LANES", "SHARES", "Lane", "is_life_safety", "lane_of", "owed_from"]
