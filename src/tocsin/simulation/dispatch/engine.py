"""The event loop: calls come in, a decider chooses units, units go, work and come home.

Time is a heap of events; all chance was drawn before (`draws`); nothing is looked up outside. The
same inputs give the same outcome to the last bit. Statuses of units change only through the kernel
(`crews`).

A unit that was cancelled on its way turns round half-way. Wheels that roll already need no turnout
when the unit is turned to another call.
"""

from __future__ import annotations

from heapq import heappop
from math import exp
from typing import Final

import numpy as np
import numpy.typing as npt

from tocsin.simulation.dispatch.breaks import BREAK_DUE
from tocsin.simulation.dispatch.calls import DAY_S, Calls
from tocsin.simulation.dispatch.casebook import Casebook
from tocsin.simulation.dispatch.draws import Draws, questions
from tocsin.simulation.dispatch.fleet import SimFleet
from tocsin.simulation.dispatch.ground import SimGround
from tocsin.simulation.dispatch.outcome import Decider, Outcome, Steering, Turn
from tocsin.simulation.dispatch.stages import CURVE_END_S
from tocsin.simulation.dispatch.state import NEVER, NOBODY, Lost, between
from tocsin.simulation.dispatch.work import ARRIVE, CONFIRM, FREE, HOME, ROLL, Work

ARRIVAL_GUARD_S: Final = 60.0
"""A crew that is really so near its case is not turned, whatever was advised from its position."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def run(
    calls: Calls,
    fleet: SimFleet,
    ground: SimGround,
    draws: Draws,
    decider: Decider,
    steering: Steering | None = None,
    lost: Lost | None = None,
    *,
    with_cases: bool = False,
) -> Outcome:
    """Play all calls and let every unit finish; `with_cases` plays each call's case as well, which
    changes nothing about who is sent. Raises RefusedByKernel for what is not allowed."""
    book = None
    if with_cases:
        book = Casebook(fleet, np.diff(calls.first_slot).tolist())
    return _Run(calls, fleet, ground, draws, decider, steering, lost, book).play()


class _Run(Work):
    """One run."""

    def play(self) -> Outcome:
        self._shifts()
        instants, starts, stops = questions(self.calls, self.asked_s)
        heap, trip, handlers = self.heap, self.trip, self.handlers
        at, count, now_s, hopeless_s = 0, len(instants), 0.0, DAY_S
        while at < count or heap:
            if at == count:
                # Nobody waits, or everyone had a day to come on duty and none can reach who does.
                hopeless_s = now_s + DAY_S if self.busy else hopeless_s
                if not self.busy and (not self.waiting or now_s > hopeless_s):
                    break
            if heap and (at == count or heap[0][0] <= instants[at]):
                now_s, _, what, unit, number = heappop(heap)
                if what > HOME:
                    self._rare(now_s, what, unit, number)
                elif number < 0 or number == trip[unit]:
                    handlers[what](now_s, unit)
                continue
            hopeless_s = instants[at] + DAY_S
            now_s = instants[at]
            slots = list(range(starts[at], stops[at]))
            at += 1
            self._decide(now_s, slots)
        self._count()
        return Outcome(
            self.asked_s,
            np.asarray(self.first_s),
            np.asarray(self.unit, dtype=np.int64),
            np.asarray(self.sent_s),
            np.asarray(self.road_s),
            np.asarray(self.arrived_s),
            np.asarray(self.state.busy_s),
            self.counts,
        )

    def _count(self) -> None:
        counts, book = self.counts, self.book
        if book is not None:
            book.finish()
            counts.errands, counts.escalated = book.errands, book.escalated
            counts.late_clocks, counts.verified = book.missed, book.verified
        counts.commands, counts.alerts = self.crews.commands, self.crews.alerts

    # -- decisions ---------------------------------------------------------------------

    def _decide(self, now_s: float, slots: list[int]) -> None:
        waiting, state = self.waiting, self.state
        if self.book is not None:
            for slot in slots:
                call = state.call_of_slot[slot]
                self.book.asks(call, float(self.calls.time_s[call]), now_s)
        waiting += slots
        if self.rests is not None and self.rests.resting and slots:
            high = [slot for slot in slots if state.is_high[state.call_of_slot[slot]]]
            for unit in self.rests.wake(now_s, high):
                state.is_free[unit] = True
        self.counts.decisions += 1
        sent: list[int] = []
        for slot, unit in self.decider.choose(state, now_s, waiting):
            waiting.remove(slot)
            self._send(now_s, slot, unit)
            sent.append(unit)
        if self.steering is None:
            return
        if slots:
            for turn in self.steering.turns(state, now_s, slots):
                self.turns[self.sequence + 1] = turn
                self._push(now_s + self.steering.confirm_s, CONFIRM, turn.unit, self.sequence + 1)
        for unit in sent:
            self._steer(now_s, unit)

    def _send(self, now_s: float, slot: int, unit: int, turnout_s: float | None = None) -> None:
        state = self.state
        call = state.call_of_slot[slot]
        road_s = state.reach_s(unit, state.place_of_call[call], now_s)
        self.crews.send(unit, call, now_s)
        state.origin[unit] = state.where(unit, now_s)
        state.is_free[unit] = self.crews.is_free(unit)
        state.task[unit] = slot
        state.sent_s[unit] = now_s
        self.trip[unit] += 1
        number = self.trip[unit]
        self.busy += 1
        self.unit[slot], self.sent_s[slot], self.road_s[slot] = unit, now_s, road_s
        if turnout_s is None:
            turnout_s = self.turnout_s[slot]
        state.roll_s[unit] = now_s + turnout_s
        if not self.is_arriving[slot]:
            self.due_s[unit] = NEVER
            free_s = now_s + self.cancelled_s[slot]
            if turnout_s < self.cancelled_s[slot]:
                self._push(now_s + turnout_s, ROLL, unit, number)
            self._push(free_s, FREE, unit, number)
            return
        rounded = int(road_s) if road_s < CURVE_END_S else CURVE_END_S
        noise = exp(self.sigma[rounded] * self.noise[slot])
        travel_s = self.curve_s[rounded] * self.factor[slot] * noise
        arrived_s = now_s + turnout_s + travel_s
        self.arrived_s[slot] = self.due_s[unit] = arrived_s
        self._push(now_s + turnout_s, ROLL, unit, number)
        self._push(arrived_s, ARRIVE, unit, number)

    # -- moves and turns ---------------------------------------------------------------

    def _steer(self, now_s: float, unit: int) -> None:
        """The picture of a kind has changed: who should wait elsewhere?"""
        kind = self.state.kind_of_unit[unit]
        if self.steering is None or kind == NOBODY:
            return
        state = self.state
        for mover, post in self.steering.moves(state, now_s, kind):
            assert state.is_free[mover] and state.is_on_duty[mover], "only an idle unit is moved"
            if state.home_s[mover] <= now_s:
                self.crews.moves(mover, now_s)
            mix = state.where(mover, now_s)
            road_s = state.from_s(mix, post)
            state.mix[mover], state.left_place[mover] = mix, mix[0][0]
            self._post(mover, post)
            self.trip[mover] += 1
            self.counts.moves += 1
            self._goes(now_s, now_s + road_s, mover)

    def _rare(self, now_s: float, what: int, unit: int, number: int) -> None:
        if what == CONFIRM:
            turn = self.turns.pop(number)
            if self._still_holds(now_s, turn):
                self._turn(now_s, turn)
            return
        assert self.rests is not None
        if what == BREAK_DUE:
            self.rests.due(now_s, unit)
        elif self.rests.over(now_s, unit, number):
            self._look(now_s, unit)

    def _still_holds(self, now_s: float, turn: Turn) -> bool:
        """Whether nothing happened meanwhile that makes the turn pointless or late."""
        state = self.state
        task, slot = state.task[turn.unit], turn.slot
        if task == NOBODY or state.is_there[turn.unit]:
            return False
        call = state.call_of_slot[task]
        if state.is_high[call] or state.losses.get(call, 0):
            return False
        if turn.instead == NOBODY:
            if slot not in self.waiting:
                return False
        elif state.task[turn.instead] != slot or state.is_there[turn.instead]:
            return False
        if self.due_s[turn.unit] - now_s <= ARRIVAL_GUARD_S:
            self.counts.declined += 1
            return False
        return True

    def _turn(self, now_s: float, turn: Turn) -> None:
        """Off the low call, on to the high one; the low call waits again, and whoever is not needed
        any more comes free for it."""
        state = self.state
        left = state.task[turn.unit]
        call = state.call_of_slot[left]
        state.losses[call] = state.losses.get(call, 0) + 1
        self.counts.turned.append((turn.unit, left, now_s, self.due_s[turn.unit]))
        turnout_s = self._halt(now_s, turn.unit)
        if turn.instead == NOBODY:
            self.waiting.remove(turn.slot)
        else:
            self._halt(now_s, turn.instead)
        self._send(now_s, turn.slot, turn.unit, turnout_s)
        self.waiting.append(left)
        if turn.instead != NOBODY:
            state.left_s[turn.instead], state.home_s[turn.instead] = now_s, NEVER
            mix = state.where(turn.instead, now_s)
            back_s = state.from_s(mix, state.home[turn.instead])
            self._goes(now_s, now_s + back_s, turn.instead)
        self._decide(now_s, [])
        if turn.instead != NOBODY and state.is_free[turn.instead]:
            self._after(now_s, turn.instead)

    def _halt(self, now_s: float, unit: int) -> float:
        """Recalls a unit on its way and leaves it where it is; the turnout it still needs."""
        state = self.state
        slot = state.task[unit]
        call = state.call_of_slot[slot]
        self.crews.recall(unit, call, now_s)
        roll_s, due_s = state.roll_s[unit], self.due_s[unit]
        if due_s == NEVER:
            due_s = roll_s + max(1.0, self.road_s[slot])
        share = min(1.0, max(0.0, (now_s - roll_s) / max(1.0, due_s - roll_s)))
        state.mix[unit] = between(state.origin[unit], state.place_of_call[call], share)
        state.left_place[unit] = state.mix[unit][0][0]  # type: ignore[index]
        state.left_s[unit], state.home_s[unit] = now_s, NEVER
        self.unit[slot] = NOBODY
        self.sent_s[slot] = self.road_s[slot] = self.arrived_s[slot] = NEVER
        self._unload(now_s, unit)
        return max(0.0, roll_s - now_s)
