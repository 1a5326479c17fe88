"""What a decider sees of a running simulation: who is free, where everyone is, what time it is.

A unit on its way to a post counts as between the place it left and the post, in proportion to the
time; its road time to a call is the mean of the times from both ends, weighed alike. A unit that is
turned on its way starts from such a mean (`mix`).
"""

from __future__ import annotations

from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from tocsin.simulation.dispatch.calls import Calls
from tocsin.simulation.dispatch.crews import Crews
from tocsin.simulation.dispatch.fleet import SimFleet
from tocsin.simulation.dispatch.ground import SimGround

NEVER: Final = float("inf")
NOBODY: Final = -1
ENDS_MAX: Final = 4
"""A unit that is turned again and again stays the mean of so many places, the lightest left out."""

LOST_FOR_S: Final = 1_800.0
LOST_STREAM: Final = 2_000

Mix = tuple[tuple[int, float], ...]
"""Places with weights that sum to 1."""


class Lost:
    """Units whose position is lost, by half hours: drawn before the run, for any fleet alike."""

    def __init__(self, share: float, seed: int, units: int) -> None:
        self.share = share
        self._seed = seed
        self._units = units
        self._span = -1
        self._flags: list[bool] = []

    def holds(self, unit: int, now_s: float) -> bool:
        """Whether the position of the unit is lost at that instant."""
        span = int(now_s // LOST_FOR_S)
        if span != self._span:
            chance = np.random.default_rng([self._seed, LOST_STREAM, span])
            self._flags = (chance.random(self._units) < self.share).tolist()
            self._span = span
        return self._flags[unit]


class State:
    """Numbers of units are in the order of ids. A decider reads, and changes nothing."""

    def __init__(
        self,
        calls: Calls,
        fleet: SimFleet,
        ground: SimGround,
        lost: Lost | None = None,
        crews: Crews | None = None,
    ) -> None:
        kinds = {name: number for number, name in enumerate(calls.pattern.kinds)}
        self.calls = calls
        self.fleet = fleet
        self.ground = ground
        self.lost = lost
        self.crews = crews or Crews(fleet)
        self.kind_of_unit = [kinds.get(unit.kind, NOBODY) for unit in fleet.units]
        self.kind_of_slot: list[int] = whole(calls.kind)
        self.call_of_slot: list[int] = whole(
            np.repeat(np.arange(len(calls)), np.diff(calls.first_slot))
        )
        self.place_of_call: list[int] = whole(calls.place)
        self.is_high: list[bool] = [bool(each) for each in calls.is_high]
        self.base = list(ground.homes)
        self.home = list(ground.homes)
        """The post where each unit waits, or is on its way to: its base unless it was moved."""
        self.table = memoryview(cast(Any, ground.times_s))
        count = len(fleet.units)
        self.is_free = [True] * count
        """On no case, and not resting. May be sent if it is also on duty."""
        self.is_on_duty = [True] * count
        self.is_resting = [False] * count
        self.away: dict[int, None] = {}
        """Units whose post is not their base."""
        self.left_place = list(ground.homes)
        self.mix: list[Mix | None] = [None] * count
        """Where the way began, if that was between places; else it is `left_place`."""
        self.left_s = [-1.0] * count
        """When the way to the post began; before the run and at the post: it is over."""
        self.home_s = [-1.0] * count
        """When the unit is, or was, at its post."""
        self.task = [NOBODY] * count
        """The slot that each unit is on."""
        self.origin: list[Mix] = [((place, 1.0),) for place in ground.homes]
        """Where it was when it was sent."""
        self.sent_s = [0.0] * count
        self.roll_s = [NEVER] * count
        """When its wheels roll for the call it is on."""
        self.is_there = [False] * count
        """Whether it has been on scene: nobody turns it any more."""
        self.share_done = [0.0] * count
        self.losses: dict[int, int] = {}
        """How often a call has lost a unit to another."""
        self.returning: list[dict[int, None]] = [{} for _ in kinds]
        """By kind, free units that were on their way to a post when last looked at, in order of
        coming free; for deciders that look at those apart."""
        self.busy_s = [0.0] * count
        self.kind_busy_s = [0.0] * len(kinds)
        """By kind, seconds on calls that are over."""
        self.kind_duty = [0.0] * len(kinds)
        """By kind, units on duty in the mean."""
        for unit, kind in zip(fleet.units, self.kind_of_unit, strict=True):
            if kind != NOBODY:
                self.kind_duty[kind] += unit.hours_h / 24.0

    def reach_s(self, unit: int, place: int, now_s: float) -> float:
        """Seconds by road from where the free unit is to a place of a call."""
        table = self.table
        from_home_s = table[self.home[unit], place]
        if self.home_s[unit] <= now_s:
            return from_home_s
        start_s = self.left_s[unit]
        share = (now_s - start_s) / (self.home_s[unit] - start_s)
        mix = self.mix[unit]
        if mix is None:
            from_left_s = table[self.left_place[unit], place]
        else:
            from_left_s = sum(weight * table[start, place] for start, weight in mix)
        if from_left_s == NEVER or from_home_s == NEVER:
            return NEVER
        return (1.0 - share) * from_left_s + share * from_home_s

    def is_lost(self, unit: int, now_s: float) -> bool:
        """Whether nobody knows where the unit is: it is reckoned at its post, and ranked behind."""
        return self.lost is not None and self.lost.holds(unit, now_s)

    def known_s(self, unit: int, place: int, now_s: float) -> float:
        """Seconds by road from where the free unit is thought to be."""
        if self.lost is not None and self.lost.holds(unit, now_s):
            return self.table[self.home[unit], place]
        return self.reach_s(unit, place, now_s)

    def where(self, unit: int, now_s: float) -> Mix:
        """Where the free unit is, as places with weights."""
        home = self.home[unit]
        if self.home_s[unit] <= now_s:
            return ((home, 1.0),)
        start_s = self.left_s[unit]
        share = (now_s - start_s) / (self.home_s[unit] - start_s)
        return between(self.mix[unit] or ((self.left_place[unit], 1.0),), home, share)

    def from_s(self, mix: Mix, place: int) -> float:
        """Seconds by road from a mean of places."""
        table = self.table
        return sum(weight * table[start, place] for start, weight in mix)

    def busy_share(self, kind: int, now_s: float, fixed: float = 0.0) -> float:
        """The share of their duty that units of a kind spent on calls so far, 0 to 0.99; `fixed`
        where that is given."""
        if fixed > 0.0:
            return fixed
        duty_s = self.kind_duty[kind] * now_s
        return min(0.99, self.kind_busy_s[kind] / duty_s) if duty_s > 0 else 0.0


def between(mix: Mix, place: int, share: float) -> Mix:
    """The mean of places, gone so far (0 to 1) on the way to one more."""
    found: dict[int, float] = {start: weight * (1.0 - share) for start, weight in mix}
    found[place] = found.get(place, 0.0) + share
    kept = sorted(found.items(), key=lambda each: (-each[1], each[0]))[:ENDS_MAX]
    total = sum(weight for _, weight in kept)
    return tuple((start, weight / total) for start, weight in kept)


def whole(values: npt.NDArray[Any]) -> list[int]:
    """An array as a list of plain whole numbers."""
    return [int(each) for each in values]
