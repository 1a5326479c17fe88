"""Units at work in a run: duty, the way, the scene, the hospital, the way home.

Statuses change only through the kernel (`crews`); the decisions in between are the engine's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from heapq import heappush

import numpy as np
import numpy.typing as npt

from tocsin.simulation.dispatch.breaks import BREAK_DUE, BREAK_OVER, Rests
from tocsin.simulation.dispatch.calls import DAY_S, HOUR_S, Calls
from tocsin.simulation.dispatch.casebook import Casebook
from tocsin.simulation.dispatch.counts import Counts
from tocsin.simulation.dispatch.draws import Draws
from tocsin.simulation.dispatch.fleet import SimFleet
from tocsin.simulation.dispatch.ground import SimGround
from tocsin.simulation.dispatch.outcome import Decider, Steering, Turn
from tocsin.simulation.dispatch.state import NEVER, NOBODY, Lost, State

FREE, ON_DUTY, OFF_DUTY, ROLL, ARRIVE, CARRY, HOME, CONFIRM = range(8)
assert BREAK_DUE > CONFIRM and BREAK_OVER > CONFIRM

Floats = npt.NDArray[np.float64]


def _floats(values: Floats) -> list[float]:
    return [float(each) for each in values]


class Work(ABC):
    """The units of one run. Lists of plain numbers: the loop is the hot path of everything here."""

    def __init__(
        self,
        calls: Calls,
        fleet: SimFleet,
        ground: SimGround,
        draws: Draws,
        decider: Decider,
        steering: Steering | None,
        lost: Lost | None,
        book: Casebook | None = None,
    ) -> None:
        self.state = State(calls, fleet, ground, lost, book)
        self.book = book
        self.crews = self.state.crews
        self.decider = decider
        self.steering = steering
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
        self.carry_factor = ground.carry_factor
        slots, count = len(calls.kind), len(calls)
        self.first_s = array("d", [NEVER]) * count
        self.unit = array("q", [NOBODY]) * slots
        self.sent_s = array("d", [NEVER]) * slots
        self.road_s = array("d", [NEVER]) * slots
        self.arrived_s = array("d", [NEVER]) * slots
        self.waiting: list[int] = []
        self.heap: list[tuple[float, int, int, int, int]] = []
        self.trip = [0] * len(fleet.units)
        self.due_s = [NEVER] * len(fleet.units)
        self.turns: dict[int, Turn] = {}
        self.sequence = 0
        self.counts = Counts()
        self.busy = 0
        self.rests = Rests(self.state, self.counts, self._push) if fleet.breaks else None
        self.handlers = {
            FREE: self._free, ROLL: self._roll, ARRIVE: self._arrive, CARRY: self._carry,
            HOME: self._home, ON_DUTY: self._duty_on, OFF_DUTY: self._duty_off,
        }  # fmt: skip

    @abstractmethod
    def _decide(self, now_s: float, slots: list[int]) -> None:
        """Slots ask for units, or a unit has come free for those that wait."""

    @abstractmethod
    def _steer(self, now_s: float, unit: int) -> None:
        """The picture of a unit's kind has changed."""

    def _push(self, at_s: float, what: int, unit: int, number: int = -1) -> None:
        self.sequence += 1
        heappush(self.heap, (at_s, self.sequence, what, unit, number))

    # -- duty --------------------------------------------------------------------------

    def _shifts(self) -> None:
        """The first change of duty of every unit that has shifts; each change makes the next."""
        for number, unit in enumerate(self.state.fleet.units):
            if self.rests is not None:
                self.rests.plan(number)
            if unit.hours_h >= 24.0:
                continue
            end_h = unit.start_h + unit.hours_h
            # On duty at midnight if yesterday's shift runs into today.
            is_on = unit.start_h == 0.0 or end_h > 24.0
            if not (is_on and unit.hours_h > 0):
                self.state.is_on_duty[number] = False
                self.crews.end_duty(number, 0.0)
            if unit.hours_h > 0:
                self._push((end_h % 24.0 if end_h > 24.0 else end_h) * HOUR_S, OFF_DUTY, number)
                self._push(unit.start_h * HOUR_S, ON_DUTY, number)

    def _duty_on(self, now_s: float, unit: int) -> None:
        self._push(now_s + DAY_S, ON_DUTY, unit)
        state = self.state
        if state.is_on_duty[unit]:
            return
        state.is_on_duty[unit] = True
        if state.task[unit] == NOBODY:
            self.crews.start_duty(unit, now_s)
            self._look(now_s, unit)

    def _duty_off(self, now_s: float, unit: int) -> None:
        self._push(now_s + DAY_S, OFF_DUTY, unit)
        state = self.state
        if not state.is_on_duty[unit]:
            return
        state.is_on_duty[unit] = False
        if state.is_resting[unit]:
            state.is_resting[unit], state.is_free[unit] = False, True
        if state.task[unit] == NOBODY:
            self.trip[unit] += 1
            self.crews.end_duty(unit, now_s)
            self._steer(now_s, unit)

    # -- a unit's work -----------------------------------------------------------------

    def _roll(self, now_s: float, unit: int) -> None:
        self.crews.rolls(unit, now_s)

    def _arrive(self, now_s: float, unit: int) -> None:
        state = self.state
        self.crews.arrives(unit, now_s)
        state.is_there[unit] = True
        slot = state.task[unit]
        call = state.call_of_slot[slot]
        if now_s < self.first_s[call]:
            self.first_s[call] = now_s
        after_s = now_s + self.scene_s[slot]
        if self.is_transporting[slot]:
            self._push(after_s, CARRY, unit, self.trip[unit])
        else:
            self._push(after_s + self.rest_s[slot], FREE, unit, self.trip[unit])

    def _carry(self, now_s: float, unit: int) -> None:
        self.crews.carries(unit, now_s)
        slot = self.state.task[unit]
        after_s = now_s + self.rest_s[slot]
        if self.carry_factor:
            place = self.state.place_of_call[self.state.call_of_slot[slot]]
            if self.hospital_of[place] != NOBODY:
                drive_s = self.state.table[place, self.hospital_of[place]]
                after_s += self.carry_factor * drive_s
        self._push(after_s, FREE, unit, self.trip[unit])

    def _free(self, now_s: float, unit: int) -> None:
        state = self.state
        slot = state.task[unit]
        place = state.place_of_call[state.call_of_slot[slot]]
        back_s = 0.0
        if not self.is_arriving[slot]:
            self.crews.recall(unit, state.call_of_slot[slot], now_s)
            back_s = -state.table[place, state.home[unit]] / 2.0
        else:
            self.crews.clears(unit, now_s)
            if self.is_transporting[slot] and self.hospital_of[place] != NOBODY:
                place = self.hospital_of[place]
        self._unload(now_s, unit)
        if self.book is not None:
            self.book.done(state.call_of_slot[slot], now_s)
        state.mix[unit] = None
        state.left_place[unit] = place
        if back_s:
            self._goes(now_s + back_s, now_s - back_s, unit)
        else:
            home = state.home[unit]
            if self.steering is not None:
                # Asked as one that stands where it came free.
                state.left_s[unit], state.home_s[unit] = now_s, NEVER
                state.home[unit] = place
                new = self.steering.post_for(state, now_s, unit)
                self.counts.reposted += new != state.base[unit]
                home = new
                self._post(unit, home)
            self._goes(now_s, now_s + state.table[place, home], unit)
        self._after(now_s, unit)

    def _after(self, now_s: float, unit: int) -> None:
        """What follows when a unit has come free: the end of its shift, a break, who waits."""
        if not self.state.is_on_duty[unit]:
            self.trip[unit] += 1
            self.crews.end_duty(unit, now_s)
        else:
            self._look(now_s, unit)
        if self.state.is_free[unit]:
            self._steer(now_s, unit)

    def _unload(self, now_s: float, unit: int) -> None:
        """Off its case."""
        state = self.state
        state.task[unit] = NOBODY
        state.is_free[unit] = self.crews.is_free(unit)
        state.is_there[unit] = False
        lasted_s = now_s - state.sent_s[unit]
        state.busy_s[unit] += lasted_s
        if state.kind_of_unit[unit] != NOBODY:
            state.kind_busy_s[state.kind_of_unit[unit]] += lasted_s
        self.busy -= 1
        self.trip[unit] += 1

    def _post(self, unit: int, post: int) -> None:
        state = self.state
        state.home[unit] = post
        if post == state.base[unit]:
            state.away.pop(unit, None)
        else:
            state.away[unit] = None

    def _goes(self, left_s: float, home_s: float, unit: int) -> None:
        state = self.state
        state.left_s[unit], state.home_s[unit] = left_s, home_s
        kind = state.kind_of_unit[unit]
        if kind != NOBODY:
            state.returning[kind][unit] = None
        self._push(home_s, HOME, unit, self.trip[unit])

    def _home(self, now_s: float, unit: int) -> None:
        self.crews.is_home(unit, now_s)
        if self.rests is not None:
            self.rests.at_post(now_s, unit)

    def _look(self, now_s: float, unit: int) -> None:
        """A unit has come free: does somebody wait for its kind?"""
        state = self.state
        if self.waiting and state.is_free[unit] and state.is_on_duty[unit]:
            kind = state.kind_of_unit[unit]
            if any(state.kind_of_slot[slot] == kind for slot in self.waiting):
                self._decide(now_s, [])
