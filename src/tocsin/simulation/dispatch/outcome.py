"""Who decides in a run, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tocsin.simulation.dispatch.counts import Counts
from tocsin.simulation.dispatch.state import State

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Decider(Protocol):
    """Who decides. `choose` may only name free units of the slot's kind, each once."""

    def choose(self, state: State, now_s: float, slots: list[int]) -> list[tuple[int, int]]:
        """(slot, unit) for those of the waiting slots that get one now. All of `slots` wait."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """Advice to take `unit` from the call it is on its way to and send it to `slot`; `instead` is
    the unit that was sent there and is then not needed, -1 for none."""

    unit: int
    slot: int
    instead: int


class Steering(Protocol):
    """What is done beside sending: where units wait, and who is turned on the way."""

    confirm_s: float
    """How long a person takes to confirm a turn; until then nothing moves."""

    def post_for(self, state: State, now_s: float, unit: int) -> int:
        """The place of the post that a unit goes to when it comes free."""
        ...

    def moves(self, state: State, now_s: float, kind: int) -> list[tuple[int, int]]:
        """(unit, place) of idle units of a kind that go to another post now."""
        ...

    def turns(self, state: State, now_s: float, slots: list[int]) -> list[Turn]:
        """Turns to advise for slots of one call that were just decided on."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of every call and slot. Seconds on the run's clock; inf: it never happened.

    By slot: `unit` (-1 for none), `sent_s`, `road_s`, `arrived_s` (inf for one that was cancelled);
    of a slot that lost its unit to another call what the last unit did. By call: `asked_s`
    (processing over), `first_s` (the first unit on scene). `busy_s`: by unit, seconds on calls.
    """

    asked_s: Floats
    first_s: Floats
    unit: Ints
    sent_s: Floats
    road_s: Floats
    arrived_s: Floats
    busy_s: Floats
    counts: Counts

    @property
    def decisions(self) -> int:
        """How often the decider was asked."""
        return self.counts.decisions

    def to_bytes(self) -> bytes:
        """Everything, to compare two runs by."""
        parts = (
            self.asked_s, self.first_s, self.unit, self.sent_s, self.road_s, self.arrived_s,
            self.busy_s,
        )  # fmt: skip
        return b"".join(part.tobytes() for part in parts)
