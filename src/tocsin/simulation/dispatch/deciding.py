"""Who decides in a run: the live node's policies, and a fast path for the closest one.

The fast path is held to the policy by a differential test: the same runs, slot by slot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from tocsin.dispatching.demand import Demand, Zone
from tocsin.dispatching.policies import POLICIES, Policy
from tocsin.dispatching.problem import CallNow, Need, Priority, Problem, UnitNow
from tocsin.kernel.shared import UnitId
from tocsin.simulation.dispatch.covermap import CoverMap, map_of
from tocsin.simulation.dispatch.crews import case_id, instant
from tocsin.simulation.dispatch.ground import STEP_S
from tocsin.simulation.dispatch.state import NEVER, State

HIGH: Priority = 1
LOW: Priority = 3


class ByPolicy:
    """Asks one of the policies of the live node, with a snapshot of all that waits and is free."""

    def __init__(
        self,
        policy: Policy,
        late_s: Mapping[str, float],
        *,
        cover_s: float | None = None,
        busy: float = 0.0,
    ) -> None:
        self.policy = policy
        self.cover_s = cover_s
        self.busy = busy
        self.late_s = late_s
        self._maps: dict[int, CoverMap] = {}

    def choose(self, state: State, now_s: float, slots: list[int]) -> list[tuple[int, int]]:
        """As `Decider.choose`. With coverage each kind is a question of its own, so that what is
        lost is always a share of the demand for that kind."""
        if self.cover_s is None:
            return self._choose(state, now_s, slots)
        by_kind: dict[int, list[int]] = {}
        for slot in slots:
            by_kind.setdefault(state.kind_of_slot[slot], []).append(slot)
        return [
            pair for members in by_kind.values() for pair in self._choose(state, now_s, members)
        ]

    def _choose(self, state: State, now_s: float, slots: list[int]) -> list[tuple[int, int]]:
        kinds = {state.kind_of_slot[slot] for slot in slots}
        free = [
            unit
            for unit, kind in enumerate(state.kind_of_unit)
            if kind in kinds and state.is_free[unit] and state.is_on_duty[unit]
        ]
        if not free:
            return []
        by_call: defaultdict[int, list[int]] = defaultdict(list)
        for slot in slots:
            by_call[state.call_of_slot[slot]].append(slot)
        numbers = sorted(by_call)
        places = [state.place_of_call[call] for call in numbers]
        times_s = np.asarray(
            [[state.known_s(unit, place, now_s) for place in places] for unit in free]
        )
        problem = Problem(
            instant(now_s),
            tuple(self._unit(state, unit, now_s) for unit in free),
            tuple(self._call(state, call, by_call[call], now_s) for call in numbers),
            times_s,
            demand=self._demand(state, free, kinds, now_s),
        )
        answer = self.policy(problem)
        found: list[tuple[int, int]] = []
        row_of = {state.fleet.units[unit].id: row for row, unit in enumerate(free)}
        for column, call in enumerate(numbers):
            rows = [row_of[sent.unit] for sent in answer.of(case_id(call)).sent]
            # Units of a kind are alike to a call: the closest takes the first slot.
            rows.sort(key=_closest_first(times_s[:, column]))
            open_slots = list(by_call[call])
            for row in rows:
                unit = free[row]
                kind = state.kind_of_unit[unit]
                slot = next(each for each in open_slots if state.kind_of_slot[each] == kind)
                open_slots.remove(slot)
                found.append((slot, unit))
        return found

    def _demand(
        self, state: State, free: list[int], kinds: set[int], now_s: float
    ) -> Demand | None:
        """What coverage is owed of the kind in question, and how soon each free unit is there."""
        if self.cover_s is None:
            return None
        (kind,) = kinds
        cover = map_of(self._maps, state, kind, self.cover_s)
        name = state.calls.pattern.kinds[kind]
        shares = cover.share_now(now_s).tolist()
        zones = tuple(
            Zone(f"z{place:06d}", share, name, self.cover_s)
            for place, share in zip(cover.places.tolist(), shares, strict=True)
        )
        times_s = [cover.times_now(state, unit, now_s) for unit in free]
        return Demand(zones, np.asarray(times_s).reshape(len(free), len(zones)))

    def _unit(self, state: State, unit: int, now_s: float) -> UnitNow:
        named = state.fleet.units[unit]
        is_home = state.home_s[unit] <= now_s
        return UnitNow(
            UnitId(named.id),
            named.kind,
            (named.kind,),
            status="available" if is_home else "returning",
            position_age_s=None if state.is_lost(unit, now_s) else 0.0,
            busy_fraction=state.busy_share(state.kind_of_unit[unit], now_s, self.busy),
        )

    def _call(self, state: State, call: int, slots: list[int], now_s: float) -> CallNow:
        counts: defaultdict[str, int] = defaultdict(int)
        for slot in slots:
            counts[state.calls.pattern.kinds[state.kind_of_slot[slot]]] += 1
        is_high = state.is_high[call]
        return CallNow(
            case_id(call),
            "call",
            tuple(Need(kind, count) for kind, count in sorted(counts.items())),
            priority=HIGH if is_high else LOW,
            is_life_threat=is_high,
            target_s=self.late_s["high" if is_high else "low"],
            waited_s=max(0.0, now_s - float(state.calls.time_s[call])),
        )


def _closest_first(times_s: npt.NDArray[np.float64]) -> Callable[[int], tuple[int, int]]:
    return lambda row: (round(float(times_s[row]) / STEP_S), row)


class Closest:
    """The closest free unit of the kind, by road in hundredths of a second, then by id.

    The same answers as the policy `closest` where a kind of unit is one capability: what waits for
    a kind waits because no unit of it is free, so that as a rule one unit at a time comes free.
    Where that does not hold (places that are cut off) it asks the policy itself.
    """

    def __init__(self, late_s: Mapping[str, float]) -> None:
        self._orders: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self._members: dict[int, list[int]] = {}
        self._policy = ByPolicy(POLICIES["closest"], late_s)

    def choose(self, state: State, now_s: float, slots: list[int]) -> list[tuple[int, int]]:
        """As `Decider.choose`."""
        first = state.call_of_slot[slots[0]]
        if any(state.call_of_slot[slot] != first for slot in slots):
            return self._among_calls(state, now_s, slots)
        by_kind: dict[int, list[int]] = {}
        for slot in slots:
            by_kind.setdefault(state.kind_of_slot[slot], []).append(slot)
        place = state.place_of_call[first]
        found: list[tuple[int, int]] = []
        for kind, members in by_kind.items():
            found += zip(
                members, self._nearest(state, now_s, place, kind, len(members)), strict=False
            )
        return found

    def _among_calls(self, state: State, now_s: float, slots: list[int]) -> list[tuple[int, int]]:
        """Several calls wait. Kinds that only one of them asks for are as if it waited alone."""
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
                place = state.place_of_call[next(iter(calls))]
                chosen = self._nearest(state, now_s, place, kind, len(members))
                found += zip(members, chosen, strict=False)
            elif len(free) == 1:
                found += self._best_slot(state, now_s, free[0], members)
            else:
                found += self._policy.choose(state, now_s, members)
        return found

    def _free(self, state: State, kind: int) -> list[int]:
        members = self._members.get(kind)
        if members is None:
            members = [unit for unit, each in enumerate(state.kind_of_unit) if each == kind]
            self._members[kind] = members
        return [unit for unit in members if state.is_free[unit] and state.is_on_duty[unit]]

    def _best_slot(
        self, state: State, now_s: float, unit: int, slots: list[int]
    ) -> list[tuple[int, int]]:
        """The slot that the one free unit takes: highest priority, then closest, then first."""
        ranked: list[tuple[bool, int, int]] = []
        for slot in slots:
            call = state.call_of_slot[slot]
            time_s = state.known_s(unit, state.place_of_call[call], now_s)
            if time_s != NEVER:
                ranked.append((not state.is_high[call], round(time_s / STEP_S), slot))
        if not ranked:
            return []
        best = min(ranked)
        alike = {state.call_of_slot[slot] for *cost, slot in ranked if tuple(cost) == best[:2]}
        # Between calls that are equally far and urgent the policy's own solver decides.
        return [(best[2], unit)] if len(alike) == 1 else self._policy.choose(state, now_s, slots)

    def _nearest(self, state: State, now_s: float, place: int, kind: int, count: int) -> list[int]:
        if state.lost is not None:
            return self._nearest_known(state, now_s, place, kind, count)
        is_free, is_on_duty, home_s = state.is_free, state.is_on_duty, state.home_s
        found: list[tuple[int, int]] = []
        for unit in state.away:
            is_ready = is_free[unit] and is_on_duty[unit] and home_s[unit] <= now_s
            time_s = state.table[state.home[unit], place]
            if is_ready and state.kind_of_unit[unit] == kind and time_s != NEVER:
                found.append((round(time_s / STEP_S), unit))
        gone: list[int] = []
        returning = state.returning[kind]
        for unit in returning:
            if not is_free[unit] or home_s[unit] <= now_s:
                gone.append(unit)
            elif is_on_duty[unit]:
                time_s = state.reach_s(unit, place, now_s)
                if time_s != NEVER:
                    found.append((round(time_s / STEP_S), unit))
        for unit in gone:
            del returning[unit]
        left = count
        for pair in self._order(state, place, kind):
            unit = pair[1]
            if is_free[unit] and is_on_duty[unit] and home_s[unit] <= now_s:
                if state.home[unit] != state.base[unit]:
                    continue
                found.append(pair)
                left -= 1
                if not left:
                    break
        found.sort()
        return [unit for _, unit in found[:count]]

    def _nearest_known(
        self, state: State, now_s: float, place: int, kind: int, count: int
    ) -> list[int]:
        """As `_nearest` where positions are lost: who is lost is behind all who are not. Chosen so,
        and then in order of time, as the policy's answer is read."""
        ranked = sorted(
            (state.is_lost(unit, now_s), round(time_s / STEP_S), unit)
            for unit in self._free(state, kind)
            if (time_s := state.known_s(unit, place, now_s)) != NEVER
        )
        return [unit for _, unit in sorted(each[1:] for each in ranked[:count])]

    def _order(self, state: State, place: int, kind: int) -> list[tuple[int, int]]:
        """The units of a kind by the time from home to a place; computed once."""
        key = (place, kind)
        order = self._orders.get(key)
        if order is None:
            order = sorted(
                (round(time_s / STEP_S), unit)
                for unit, each in enumerate(state.kind_of_unit)
                if each == kind and (time_s := state.table[state.base[unit], place]) != NEVER
            )
            self._orders[key] = order
        return order
