"""The policy `coverage` on a fast path: the same prices from arrays, one kind at a time.

Held to the policy by a differential test, as the fast path of the closest unit is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from tocsin.dispatching.policies.coverage import COST_MAX, OVER_CAP, STEP, Weights, coverage
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.recommendation import Recommendation
from tocsin.simulation.dispatch.covermap import CoverMap, map_of
from tocsin.simulation.dispatch.deciding import ByPolicy
from tocsin.simulation.dispatch.state import NEVER, State
from tocsin.simulation.dispatch.tuning import Tuning


def slow_coverage(tuning: Tuning, late_s: Mapping[str, float]) -> ByPolicy:
    """The live policy itself with a town's weights."""
    weights = Weights(tuning.gamma, tuning.tau_s, tuning.cap_s)

    def policy(problem: Problem) -> Recommendation:
        return coverage(problem, weights, ranked_max=1)

    return ByPolicy(policy, late_s, cover_s=tuning.cover_s, busy=tuning.busy)


BEHIND: Final = 1e8
"""More steps than any cost has: whose position is lost is behind all others."""


class Priced:
    """The units of least cost for one call; where several calls want one kind of which more than
    one unit is free, the policy's own solver decides."""

    def __init__(self, tuning: Tuning, late_s: Mapping[str, float]) -> None:
        self.tuning = tuning
        self.late_s = late_s
        self._slow = slow_coverage(tuning, late_s)
        self._maps: dict[int, CoverMap] = {}
        self._members: dict[int, list[int]] = {}

    def choose(self, state: State, now_s: float, slots: list[int]) -> list[tuple[int, int]]:
        """As `Decider.choose`."""
        by_kind: dict[int, list[int]] = {}
        for slot in slots:
            by_kind.setdefault(state.kind_of_slot[slot], []).append(slot)
        found: list[tuple[int, int]] = []
        for kind, members in by_kind.items():
            free = self._free(state, kind)
            if not free:
                continue
            calls = {state.call_of_slot[slot] for slot in members}
            if len(calls) == 1:
                chosen = self._cheapest(state, now_s, free, kind, members)
                found += zip(members, chosen, strict=False)
            elif len(free) == 1:
                found += self._best_slot(state, now_s, free[0], members)
            else:
                found += self._slow.choose(state, now_s, members)
        return found

    def _free(self, state: State, kind: int) -> list[int]:
        members = self._members.get(kind)
        if members is None:
            members = [unit for unit, each in enumerate(state.kind_of_unit) if each == kind]
            self._members[kind] = members
        return [unit for unit in members if state.is_free[unit] and state.is_on_duty[unit]]

    def _left_s(self, state: State, call: int, now_s: float) -> float:
        target_s = self.late_s["high" if state.is_high[call] else "low"]
        return max(0.0, target_s - max(0.0, now_s - float(state.calls.time_s[call])))

    def _cheapest(
        self, state: State, now_s: float, free: list[int], kind: int, slots: list[int]
    ) -> list[int]:
        call = state.call_of_slot[slots[0]]
        place = state.place_of_call[call]
        times_s = np.asarray([state.known_s(unit, place, now_s) for unit in free])
        can = np.flatnonzero(times_s != NEVER)
        if not len(can):
            return []
        if len(can) < len(free):
            free, times_s = [free[at] for at in can.tolist()], times_s[can]
        if len(free) <= len(slots):
            return self._in_order(free, times_s, list(range(len(free))))
        steps = self._steps(state, now_s, free, kind, call, times_s)
        order = np.lexsort((np.arange(len(free)), steps))[: len(slots)].tolist()
        return self._in_order(free, times_s, order)

    @staticmethod
    def _in_order(free: list[int], times_s: np.ndarray, rows: list[int]) -> list[int]:
        """Units of a kind are alike to a call: the closest takes the first slot."""
        rows.sort(key=lambda row: (round(float(times_s[row]) / 0.01), row))
        return [free[row] for row in rows]

    def _steps(
        self, state: State, now_s: float, free: list[int], kind: int, call: int, times_s: np.ndarray
    ) -> np.ndarray:
        tuning = self.tuning
        lost = None
        if state.lost is not None:
            lost = np.asarray([state.is_lost(unit, now_s) for unit in free])
        cover = map_of(self._maps, state, kind, tuning.cover_s)
        rows = cover.rows_now(state, free, now_s)
        lost_cover = cover.lost(rows, state.busy_share(kind, now_s, tuning.busy), now_s)
        late = (times_s > self._left_s(state, call, now_s)).astype(np.float64)
        in_time = times_s / tuning.tau_s
        cost = np.minimum(late + tuning.gamma * lost_cover + in_time, COST_MAX)
        if state.is_high[call]:
            sound = times_s if lost is None or lost.all() else times_s[~lost]
            is_over = times_s > sound.min() + tuning.cap_s
            cost = np.where(is_over, OVER_CAP + np.minimum(in_time, COST_MAX), cost)
        steps = np.rint(cost / STEP)
        return steps if lost is None else steps + lost * BEHIND

    def _best_slot(
        self, state: State, now_s: float, unit: int, slots: list[int]
    ) -> list[tuple[int, int]]:
        """The slot that the one free unit takes: high priority first, then the least cost; what is
        lost is the same for all."""
        ranked: list[tuple[bool, float, int]] = []
        for slot in slots:
            call = state.call_of_slot[slot]
            time_s = state.known_s(unit, state.place_of_call[call], now_s)
            if time_s != NEVER:
                cost = float(time_s > self._left_s(state, call, now_s)) + time_s / self.tuning.tau_s
                ranked.append((not state.is_high[call], cost, slot))
        if not ranked:
            return []
        best = min(ranked)
        alike = {
            state.call_of_slot[slot]
            for is_low, cost, slot in ranked
            if is_low == best[0] and abs(cost - best[1]) < 2 * STEP
        }
        if len(alike) > 1:
            return self._slow.choose(state, now_s, slots)
        return [(best[2], unit)]
