"""The event loop: calls come in, a decider chooses units, units go, work and come home.

Time is a heap of events; all chance was drawn before (`draws`); nothing is looked up outside. The
same inputs give the same outcome to the last bit.

A unit on its way home counts as between the place it left and its home, in proportion to the time;
its road time to a call is the mean of the times from both ends, weighed alike. One that was
cancelled on its way turns round half-way.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from heapq import heappop, heappush
from math import exp
from typing import Any, Final, Protocol, cast

import numpy as np
import numpy.typing as npt

from tocsin.simulation.dispatch.calls import DAY_S, HOUR_S, Calls
from tocsin.simulation.dispatch.draws import Draws
from tocsin.simulation.dispatch.fleet import SimFleet
from tocsin.simulation.dispatch.ground import SimGround
from tocsin.simulation.dispatch.stages import CURVE_END_S

FREE: Final = 0
ON_DUTY: Final = 1
OFF_DUTY: Final = 2
NEVER: Final = float("inf")
NOBODY: Final = -1

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Decider(Protocol):
    """Who decides. `choose` may only name free units of the slot's kind, each once."""

    def choose(self, state: State, now_s: float, slots: list[int]) -> list[tuple[int, int]]:
        """(slot, unit) for those of the waiting slots that get one now. All of `slots` wait."""
        ...


class State:
    """What a decider sees of a running simulation. Numbers of units are in the order of ids."""

    def __init__(self, calls: Calls, fleet: SimFleet, ground: SimGround) -> None:
        kinds = {name: number for number, name in enumerate(calls.pattern.kinds)}
        self.calls = calls
        self.fleet = fleet
        self.ground = ground
        self.kind_of_unit = [kinds.get(unit.kind, NOBODY) for unit in fleet.units]
        self.kind_of_slot: list[int] = _ints(calls.kind)
        self.call_of_slot: list[int] = _ints(
            np.repeat(np.arange(len(calls)), np.diff(calls.first_slot))
        )
        self.place_of_call: list[int] = _ints(calls.place)
        self.is_high: list[bool] = [bool(each) for each in calls.is_high]
        self.home = list(ground.homes)
        self.table = memoryview(cast(Any, ground.times_s))
        count = len(fleet.units)
        self.is_free = [True] * count
        self.is_on_duty = [True] * count
        self.left_place = list(ground.homes)
        self.left_s = [-1.0] * count
        """When the way home began; before the run and at home: it is over."""
        self.home_s = [-1.0] * count
        """When the unit is, or was, at home."""
        self.returning: list[dict[int, None]] = [{} for _ in kinds]
        """By kind, free units that were on their way home when last looked at, in order of
        coming free; for deciders that look at those apart."""
        self.busy_s = [0.0] * count

    def reach_s(self, unit: int, place: int, now_s: float) -> float:
        """Seconds by road from where the free unit is to a place of a call."""
        table = self.table
        from_home_s = table[self.home[unit], place]
        if self.home_s[unit] <= now_s:
            return from_home_s
        start_s = self.left_s[unit]
        share = (now_s - start_s) / (self.home_s[unit] - start_s)
        from_left_s = table[self.left_place[unit], place]
        if from_left_s == NEVER or from_home_s == NEVER:
            return NEVER
        return (1.0 - share) * from_left_s + share * from_home_s


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of every call and slot. Seconds on the run's clock; inf: it never happened.

    By slot: `unit` (-1 for none), `sent_s`, `road_s`, `arrived_s` (inf for one that was cancelled).
    By call: `asked_s` (processing over), `first_s` (the first unit on scene).
    `busy_s`: by unit, seconds on calls.
    """

    asked_s: Floats
    first_s: Floats
    unit: Ints
    sent_s: Floats
    road_s: Floats
    arrived_s: Floats
    busy_s: Floats
    decisions: int

    def to_bytes(self) -> bytes:
        """Everything, to compare two runs by."""
        parts = (
            self.asked_s, self.first_s, self.unit, self.sent_s, self.road_s, self.arrived_s,
            self.busy_s,
        )  # fmt: skip
        return b"".join(part.tobytes() for part in parts)


def run(
    calls: Calls, fleet: SimFleet, ground: SimGround, draws: Draws, decider: Decider
) -> Outcome:
    """Play all calls and let every unit finish."""
    return _Run(calls, fleet, ground, draws, decider).play()


def _ints(values: Ints) -> list[int]:
    return [int(each) for each in values]


def _floats(values: Floats) -> list[float]:
    return [float(each) for each in values]


class _Run:
    """One run. Lists of plain numbers: the loop is the hot path of everything here."""

    def __init__(
        self,
        calls: Calls,
        fleet: SimFleet,
        ground: SimGround,
        draws: Draws,
        decider: Decider,
    ) -> None:
        self.state = State(calls, fleet, ground)
        self.decider = decider
        self.calls = calls
        self.turnout_s = _floats(draws.turnout_s)
        self.factor = _floats(draws.factor)
        self.noise = _floats(draws.noise)
        self.scene_s = _floats(draws.scene_s)
        self.rest_s = _floats(draws.rest_s)
        self.cancelled_s = _floats(draws.cancelled_s)
        self.curve_s = _floats(draws.curve_s)
        self.sigma = _floats(draws.sigma)
        self.is_arriving = [bool(each) for each in calls.is_arriving]
        self.is_transporting = [bool(each) for each in calls.is_transporting]
        self.asked_s = calls.time_s + draws.processing_s
        self.hospital_of = ground.hospital_of
        slots, count = len(calls.kind), len(calls)
        self.first_s = array("d", [NEVER]) * count
        self.unit = array("q", [NOBODY]) * slots
        self.sent_s = array("d", [NEVER]) * slots
        self.road_s = array("d", [NEVER]) * slots
        self.arrived_s = array("d", [NEVER]) * slots
        self.waiting: list[int] = []
        self.heap: list[tuple[float, int, int, int]] = []
        self.sequence = 0
        self.decisions = 0
        self.busy = 0

    def play(self) -> Outcome:
        self._shifts()
        instants, starts, stops = self._questions()
        heap, state = self.heap, self.state
        at, count, now_s, hopeless_s = 0, len(instants), 0.0, DAY_S
        while at < count or heap:
            if at == count:
                # Nobody waits, or everyone had a day to come on duty and none can reach who does.
                hopeless_s = now_s + DAY_S if self.busy else hopeless_s
                if not self.waiting or now_s > hopeless_s:
                    break
            if heap and (at == count or heap[0][0] <= instants[at]):
                now_s, _, what, unit = heappop(heap)
                self._change(now_s, what, unit)
                continue
            hopeless_s = instants[at] + DAY_S
            now_s = instants[at]
            slots = list(range(starts[at], stops[at]))
            at += 1
            self._decide(now_s, slots)
        return Outcome(
            self.asked_s,
            np.asarray(self.first_s),
            np.asarray(self.unit, dtype=np.int64),
            np.asarray(self.sent_s),
            np.asarray(self.road_s),
            np.asarray(self.arrived_s),
            np.asarray(state.busy_s),
            self.decisions,
        )

    def _questions(self) -> tuple[list[float], list[int], list[int]]:
        """Every decision that calls ask for: its instant and its slots, in order of time. Slots of
        a call that are asked for at once are one decision."""
        calls = self.calls
        if not len(calls.kind):
            return [], [], []
        owner = np.asarray(self.state.call_of_slot)
        instants = self.asked_s[owner] + calls.later_s
        is_first = np.ones(len(owner), dtype=np.bool_)
        is_first[1:] = (owner[1:] != owner[:-1]) | (calls.later_s[1:] != calls.later_s[:-1])
        starts = np.flatnonzero(is_first)
        stops = np.append(starts[1:], len(owner))
        order = np.lexsort((starts, instants[starts]))
        return (
            _floats(instants[starts][order]),
            _ints(starts[order].astype(np.int64)),
            _ints(stops[order].astype(np.int64)),
        )

    def _push(self, at_s: float, what: int, unit: int) -> None:
        self.sequence += 1
        heappush(self.heap, (at_s, self.sequence, what, unit))

    def _shifts(self) -> None:
        """The first change of duty of every unit that has shifts; each change makes the next."""
        for number, unit in enumerate(self.state.fleet.units):
            if unit.hours_h >= 24.0:
                continue
            end_h = unit.start_h + unit.hours_h
            # On duty at midnight if yesterday's shift runs into today.
            is_on = unit.start_h == 0.0 or end_h > 24.0
            self.state.is_on_duty[number] = is_on and unit.hours_h > 0
            if unit.hours_h > 0:
                self._push((end_h % 24.0 if end_h > 24.0 else end_h) * HOUR_S, OFF_DUTY, number)
                self._push(unit.start_h * HOUR_S, ON_DUTY, number)

    def _change(self, now_s: float, what: int, unit: int) -> None:
        state = self.state
        if what == FREE:
            state.is_free[unit] = True
            self.busy -= 1
            kind = state.kind_of_unit[unit]
            if kind != NOBODY:
                state.returning[kind][unit] = None
        else:
            state.is_on_duty[unit] = what == ON_DUTY
            self._push(now_s + DAY_S, what, unit)
        if self.waiting and state.is_free[unit] and state.is_on_duty[unit]:
            kind = state.kind_of_unit[unit]
            if any(state.kind_of_slot[slot] == kind for slot in self.waiting):
                self._decide(now_s, [])

    def _decide(self, now_s: float, slots: list[int]) -> None:
        self.decisions += 1
        waiting = self.waiting
        waiting += slots
        for slot, unit in self.decider.choose(self.state, now_s, waiting):
            waiting.remove(slot)
            self._send(now_s, slot, unit)

    def _send(self, now_s: float, slot: int, unit: int) -> None:
        state = self.state
        call = state.call_of_slot[slot]
        place = state.place_of_call[call]
        road_s = state.reach_s(unit, place, now_s)
        state.is_free[unit] = False
        self.busy += 1
        self.unit[slot], self.sent_s[slot], self.road_s[slot] = unit, now_s, road_s
        table, home = state.table, state.home[unit]
        if not self.is_arriving[slot]:
            free_s = now_s + self.cancelled_s[slot]
            back_s = table[place, home]
            state.left_place[unit] = place
            state.left_s[unit] = free_s - back_s / 2.0
            state.home_s[unit] = free_s + back_s / 2.0
        else:
            whole = int(road_s) if road_s < CURVE_END_S else CURVE_END_S
            noise = exp(self.sigma[whole] * self.noise[slot])
            travel_s = self.curve_s[whole] * self.factor[slot] * noise
            arrived_s = now_s + self.turnout_s[slot] + travel_s
            self.arrived_s[slot] = arrived_s
            if arrived_s < self.first_s[call]:
                self.first_s[call] = arrived_s
            free_s = arrived_s + self.scene_s[slot] + self.rest_s[slot]
            end = self.hospital_of[place] if self.is_transporting[slot] else NOBODY
            end = place if end == NOBODY else end
            state.left_place[unit] = end
            state.left_s[unit] = free_s
            state.home_s[unit] = free_s + table[end, home]
        state.busy_s[unit] += free_s - now_s
        self._push(free_s, FREE, unit)
