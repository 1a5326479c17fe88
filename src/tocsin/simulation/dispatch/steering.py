"""Posts, move-ups and redispatch in a run, with the live node's rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tocsin.dispatching.cover import SHARE_STEPS
from tocsin.dispatching.policies import POLICIES
from tocsin.dispatching.problem import CallNow, Engagement, Need, Problem, UnitNow, UnitStatus
from tocsin.dispatching.redispatch import Limits, advise_redispatch
from tocsin.kernel.shared import UnitId
from tocsin.simulation.dispatch.covermap import CoverMap, map_of
from tocsin.simulation.dispatch.crews import case_id, instant
from tocsin.simulation.dispatch.deciding import HIGH, LOW
from tocsin.simulation.dispatch.outcome import Turn
from tocsin.simulation.dispatch.stages import TravelCurve
from tocsin.simulation.dispatch.state import NEVER, NOBODY, State, between
from tocsin.simulation.dispatch.tuning import Tuning

TURNOUT_S: Final = 60.0
"""What a dispatcher reckons until wheels roll (NFPA 1710: 60 s for medical calls)."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts of steering are on."""

    posts: bool = False
    moves: bool = False
    redispatch: bool = False


class Steer:
    """As `engine.Steering`. Coverage is counted with every idle unit at its post."""

    def __init__(self, parts: Parts, tuning: Tuning, late_s: dict[str, float], curve: TravelCurve):
        self.parts = parts
        self.tuning = tuning
        self.late_s = late_s
        self.confirm_s = tuning.confirm_s
        self.limits = Limits(saved_min_s=tuning.saved_min_s)
        self.curve = curve
        self._maps: dict[int, CoverMap] = {}
        self._members: dict[int, list[int]] = {}
        self._policy = POLICIES["closest"]

    def _map(self, state: State, kind: int) -> CoverMap:
        return map_of(self._maps, state, kind, self.tuning.cover_s)

    def _roams(self, state: State, kind: int) -> bool:
        return kind != NOBODY and state.calls.pattern.kinds[kind] in self.tuning.roaming

    def _idle(self, state: State, kind: int) -> list[int]:
        members = self._members.get(kind)
        if members is None:
            members = [unit for unit, each in enumerate(state.kind_of_unit) if each == kind]
            self._members[kind] = members
        return [unit for unit in members if state.is_free[unit] and state.is_on_duty[unit]]

    # -- posts -------------------------------------------------------------------------

    def post_for(self, state: State, now_s: float, unit: int) -> int:
        """The post with the largest marginal coverage, its way weighed; the base of a unit whose
        kind has one. The same answer as `dispatching/posting`."""
        kind = state.kind_of_unit[unit]
        if not self.parts.posts or not self._roams(state, kind):
            return state.base[unit]
        cover = self._map(state, kind)
        others = [each for each in self._idle(state, kind) if each != unit]
        gains = cover.gains(
            cover.rows_at_posts(state, others),
            state.busy_share(kind, now_s, self.tuning.busy),
            now_s,
        )
        drives_s = np.asarray(cover.table[state.left_place[unit]])[list(cover.posts)]
        scores = np.round(gains - drives_s / self.tuning.drive_s, 9)
        best = np.lexsort((np.arange(len(scores)), drives_s, -scores))[0]
        return cover.posts[int(best)]

    def moves(self, state: State, now_s: float, kind: int) -> list[tuple[int, int]]:
        """The moves of idle units worth making, best first, each after those before it; who was
        moved from its base goes back as soon as coverage loses nothing by it."""
        if not self.parts.moves:
            return []
        units = self._idle(state, kind)
        if not units:
            return []
        roams = self._roams(state, kind)
        cover = self._map(state, kind)
        rows = cover.rows_at_posts(state, units)
        q = state.busy_share(kind, now_s, self.tuning.busy)
        found: list[tuple[int, int]] = []
        for _ in range(self.tuning.moves_max):
            gains = np.rint(cover.move_gains(rows, q, now_s) * SHARE_STEPS) / SHARE_STEPS
            move = self._best(state, now_s, units, gains, cover, roams, dict(found))
            if move is None:
                break
            at, post = move
            found.append((units[at], post))
            rows[at] = cover.row(post)
        return found

    def _best(
        self,
        state: State,
        now_s: float,
        units: list[int],
        gains: np.ndarray,
        cover: CoverMap,
        roams: bool,
        moved: dict[int, int],
    ) -> tuple[int, int] | None:
        best: tuple[float, float, int, int] | None = None
        for at, column in np.argwhere(gains >= self.tuning.gain_min).tolist():
            unit, post = units[at], cover.posts[column]
            if unit in moved or post == state.home[unit] or state.is_lost(unit, now_s):
                continue
            time_s = state.from_s(state.where(unit, now_s), post)
            if time_s > self.tuning.move_max_s:
                continue
            key = (-float(gains[at, column]), time_s, at, post)
            if best is None or key < best:
                best = key
        if best is None and not roams:
            for at, unit in enumerate(units):
                base = state.base[unit]
                is_away = state.home[unit] != base and unit not in moved
                if is_away and gains[at, cover.posts.index(base)] >= 0.0:
                    return at, base
        return None if best is None else (best[2], best[3])

    # -- redispatch --------------------------------------------------------------------

    def turns(self, state: State, now_s: float, slots: list[int]) -> list[Turn]:
        """The live node's advice for a call of high priority, kind by kind."""
        call = state.call_of_slot[slots[0]]
        if not self.parts.redispatch or not state.is_high[call]:
            return []
        found: list[Turn] = []
        by_kind: dict[int, list[int]] = {}
        for slot in slots:
            by_kind.setdefault(state.kind_of_slot[slot], []).append(slot)
        for kind, members in by_kind.items():
            found += self._turns(state, now_s, call, kind, members)
        return found

    def _turns(
        self, state: State, now_s: float, call: int, kind: int, slots: list[int]
    ) -> list[Turn]:
        self._idle(state, kind)
        place = state.place_of_call[call]
        sent = {unit: state.task[unit] for unit in self._members[kind] if state.task[unit] in slots}
        engaged = [
            unit
            for unit in self._members[kind]
            if state.task[unit] != NOBODY
            and not state.is_there[unit]
            and not state.is_lost(unit, now_s)
            and not state.is_high[state.call_of_slot[state.task[unit]]]
        ]
        if not engaged:
            return []
        times_s: dict[int, float] = {}
        for unit in sent:
            times_s[unit] = state.from_s(state.origin[unit], place)
        slowest_s = max(times_s.values()) if len(sent) == len(slots) else NEVER
        rows: list[UnitNow] = []
        for unit in engaged:
            at, left_s = self._underway(state, unit, now_s)
            times_s[unit] = state.from_s(at, place)
            rows.append(self._engaged(state, unit, kind, left_s))
        if min(times_s[unit] for unit in engaged) >= slowest_s:
            return []  # nobody who could be turned is nearer: the live code would say the same
        name = state.calls.pattern.kinds[kind]
        units = [*sent, *engaged]
        rows = [UnitNow(self._id(state, unit), name, (name,)) for unit in sent] + rows
        asked = CallNow(
            case_id(call), "call", (Need(name, len(slots)),), priority=HIGH, is_life_threat=True,
            target_s=self.late_s["high"],
            waited_s=max(0.0, now_s - float(state.calls.time_s[call])),
        )  # fmt: skip
        problem = Problem(
            instant(now_s), tuple(rows), (asked,), np.asarray([[times_s[unit]] for unit in units])
        )
        number = {self._id(state, unit): unit for unit in units}
        free = [slot for slot in slots if slot not in sent.values()]
        found: list[Turn] = []
        for advice in advise_redispatch(problem, self._policy(problem), self.limits):
            if advice.instead_of is not None:
                instead = number[advice.instead_of]
                found.append(Turn(number[advice.unit], sent[instead], instead))
            elif free:
                found.append(Turn(number[advice.unit], free.pop(0), NOBODY))
        return found

    def _underway(
        self, state: State, unit: int, now_s: float
    ) -> tuple[tuple[tuple[int, float], ...], float]:
        """Where a unit on its way is by now, and in how many seconds it should be there: what is
        known from its position and the usual speed, not what will turn out."""
        place = state.place_of_call[state.call_of_slot[state.task[unit]]]
        origin = state.origin[unit]
        road_s = state.from_s(origin, place)
        usual_s = float(self.curve.medians_s(np.asarray([road_s]))[0])
        if state.roll_s[unit] > now_s:  # nobody knows yet how long its crew will take
            still_s = max(0.0, state.sent_s[unit] + TURNOUT_S - now_s)
            return origin, still_s + usual_s
        share = min(1.0, (now_s - state.roll_s[unit]) / max(1.0, usual_s))
        return between(origin, place, share), (1.0 - share) * usual_s

    def _engaged(self, state: State, unit: int, kind: int, left_s: float) -> UnitNow:
        call = state.call_of_slot[state.task[unit]]
        name = state.calls.pattern.kinds[kind]
        status: UnitStatus = state.crews.units[unit].status  # type: ignore[assignment]
        return UnitNow(
            self._id(state, unit), name, (name,), status=status, is_available=False,
            engagement=Engagement(
                case_id(call), HIGH if state.is_high[call] else LOW, left_s,
                redispatches=state.losses.get(call, 0),
            ),
        )  # fmt: skip

    @staticmethod
    def _id(state: State, unit: int) -> UnitId:
        return UnitId(state.fleet.units[unit].id)
