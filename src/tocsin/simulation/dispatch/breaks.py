"""Meals and rests: once a shift, within a window, interruptible by a call of high priority."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tocsin.simulation.dispatch.calls import DAY_S, HOUR_S
from tocsin.simulation.dispatch.counts import Counts
from tocsin.simulation.dispatch.state import NOBODY, State

BREAK_DUE: Final = 8
BREAK_OVER: Final = 9


class Rests:
    """Who rests, and until when.

    A break is due `after_h` hours into a shift. It begins when the unit next stands at its post,
    free, and before `until_h`; after that it is missed, and counted. Resting is "out of service"
    to the kernel. A call of high priority for its kind ends it; what is left of it is due again.
    """

    def __init__(
        self, state: State, counts: Counts, push: Callable[[float, int, int, int], None]
    ) -> None:
        assert state.fleet.breaks is not None
        self.state, self.counts, self.push = state, counts, push
        self.form = state.fleet.breaks
        self.resting: dict[int, float] = {}
        """Unit and the second its break is over."""
        self.owed_s: dict[int, float] = {}
        self.limit_s: dict[int, float] = {}
        self.turn = [0] * len(state.fleet.units)

    def plan(self, unit: int) -> None:
        """The first break of a unit whose kind has any; each makes the next day's."""
        named = self.state.fleet.units[unit]
        if named.kind in self.form.kinds and named.hours_h > self.form.after_h:
            first_s = (named.start_h + self.form.after_h) * HOUR_S
            self.push(first_s, BREAK_DUE, unit, -1)

    def due(self, now_s: float, unit: int) -> None:
        """A break has become due."""
        self.push(now_s + DAY_S, BREAK_DUE, unit, -1)
        if not self.state.is_on_duty[unit]:
            return
        self.owed_s[unit] = self.form.minutes * 60.0
        self.limit_s[unit] = now_s + (self.form.until_h - self.form.after_h) * HOUR_S
        if self.state.is_free[unit] and self.state.home_s[unit] <= now_s:
            self.at_post(now_s, unit)

    def at_post(self, now_s: float, unit: int) -> None:
        """The unit stands at its post, free: its break begins if one is owed."""
        owed_s = self.owed_s.get(unit)
        if owed_s is None or not self.state.is_on_duty[unit]:
            return
        del self.owed_s[unit]
        if now_s > self.limit_s[unit]:
            self.counts.missed += 1
            return
        state = self.state
        state.crews.rests(unit, now_s)
        state.is_free[unit] = state.crews.is_free(unit)
        state.is_resting[unit] = True
        self.resting[unit] = now_s + owed_s
        self.turn[unit] += 1
        self.counts.breaks += 1
        self.push(now_s + owed_s, BREAK_OVER, unit, self.turn[unit])

    def over(self, now_s: float, unit: int, number: int) -> bool:
        """Its time is up; False if it ended before."""
        if number != self.turn[unit] or self.resting.pop(unit, None) is None:
            return False
        state = self.state
        if not state.is_resting[unit]:
            return False  # its shift ended before its break
        self._ready(now_s, unit)
        return True

    def wake(self, now_s: float, high: list[int]) -> list[int]:
        """The units whose break ends because calls of high priority need their kind: of each kind
        the nearest, as many as are wanted, where it is nearer than everyone who is free."""
        state, woken = self.state, list[int]()
        for slot in high:
            kind = state.kind_of_slot[slot]
            place = state.place_of_call[state.call_of_slot[slot]]
            resting = [
                (state.table[state.home[unit], place], unit)
                for unit in self.resting
                if state.kind_of_unit[unit] == kind and state.is_resting[unit]
            ]
            if not resting:
                continue
            nearest_s = min(
                (
                    state.reach_s(unit, place, now_s)
                    for unit, each in enumerate(state.kind_of_unit)
                    if each == kind and state.is_free[unit] and state.is_on_duty[unit]
                ),
                default=float("inf"),
            )
            time_s, unit = min(resting)
            if time_s < nearest_s:
                left_s = self.resting.pop(unit) - now_s
                self.owed_s[unit] = left_s
                self.counts.interrupted += 1
                self._ready(now_s, unit)
                woken.append(unit)
        return woken

    def _ready(self, now_s: float, unit: int) -> None:
        state = self.state
        assert state.task[unit] == NOBODY
        state.crews.is_home(unit, now_s)
        state.is_resting[unit] = False
        state.is_free[unit] = state.crews.is_free(unit)
