"""The kernel of cases in the loop: each call is a case, opened, worked on, claimed done, verified.

What the live node does with a unit and its case in one decision is done here by the same function
(`coordination.decide_unit`) under the built-in pack, with its clocks: each wakes its case when it
has something to say. Errands are counted instead of delivered. Cases decide nothing about who is
sent: with and without them a run is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from heapq import heappop, heappush
from typing import Final

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.decide import decide_steps
from tocsin.kernel.cases.draft import Taken
from tocsin.kernel.cases.policy import CaseFacts, CasePolicy
from tocsin.kernel.cases.react import react
from tocsin.kernel.cases.state import LIVE_TASKS, Case, Report, next_wake
from tocsin.kernel.coordination import JointFacts, decide_unit
from tocsin.kernel.shared import (
    SYSTEM,
    Actor,
    ActorId,
    AreaId,
    AreaPath,
    CaseId,
    Instant,
    Place,
    Refused,
    ReportId,
    Stamped,
    UnitId,
)
from tocsin.kernel.units import vocabulary as orders
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.simulation.dispatch.crews import AGENCY, EPOCH, Crews, RefusedByKernel, case_id
from tocsin.simulation.dispatch.fleet import SimFleet

CASE_TYPE: Final = "medical-emergency"
"""The type that a call is: its clocks are those of every emergency of the built-in pack."""
VERIFIED_AFTER: Final = timedelta(minutes=10)
"""When somebody else has looked at what is claimed done."""

_AREAS: Final = AreaPath(AreaId("town"), AreaId("town"), AreaId("town"), AreaId("town"))
_PLACE: Final = Place(0.0, 0.0)
"""The kernel asks where a case is of nobody; times are the table's."""
_ROUTE: Final = words.Route("simulated", AGENCY)
_CHECKER: Final = Actor(ActorId("checker"))
_WAKE, _VERIFY = 0, 1


@lru_cache(1)
def policy() -> CasePolicy:
    """What the built-in pack says about the type of a call."""
    found = load_pack(builtin("county")).policy(CASE_TYPE)
    assert found is not None and found.fast_path, "the built-in pack sends it at once"
    return found


class Casebook(Crews):
    """Crews as `Crews`, each command decided with its case.

    `errands` counts what a live node would have told anybody because of cases, `escalated` and
    `missed` rungs and deadlines of clocks, `verified` the cases that ended.
    """

    def __init__(self, fleet: SimFleet, slots_of_call: Sequence[int]) -> None:
        self.errands = self.escalated = self.missed = self.verified = 0
        self._left = list(slots_of_call)
        self._cases: dict[CaseId, Case] = {}
        self._armed: dict[CaseId, Instant] = {}
        self._heap: list[tuple[Instant, int, int, CaseId]] = []
        self._facts_of: dict[CaseId, JointFacts] = {}
        self._case_facts = CaseFacts(policy())
        super().__init__(fleet)

    # -- what the run tells ------------------------------------------------------------

    def asks(self, call: int, at_s: float, now_s: float) -> None:
        """A call was received at `at_s` and asks for units now: its case is opened, once."""
        key = case_id(call)
        if key in self._facts_of:
            return
        at = EPOCH + timedelta(seconds=now_s)
        self._pass(at)
        report = Report(ReportId(key), EPOCH + timedelta(seconds=at_s), "log")
        body = words.OpenCase(report, _PLACE, _AREAS, "county", _ROUTE)
        self._facts_of[key] = JointFacts(self._facts, ((key, self._case_facts.policy),))
        self._cases[key] = Case(key)
        self._decide(key, body, at, SYSTEM)

    def done(self, call: int, now_s: float) -> None:
        """One of the units that the call takes has finished; after the last it is claimed done."""
        self._left[call] -= 1
        if self._left[call]:
            return
        key, at = case_id(call), EPOCH + timedelta(seconds=now_s)
        self._pass(at)
        for task in self._cases[key].tasks:
            if task.status in LIVE_TASKS:
                self._decide(key, words.ClaimTaskDone(task.id), at, SYSTEM)
        self._push(at + VERIFIED_AFTER, _VERIFY, key)

    def finish(self) -> None:
        """Lets every clock speak that still runs, and closes what is claimed."""
        while self._heap:
            self._pass(self._heap[0][0])

    def give(self, number: int, body: orders.Command, now_s: float) -> None:
        """Decide and fold one command with its case. Raises RefusedByKernel."""
        unit = self.units[number]
        key: CaseId | None = getattr(body, "case", None) or unit.case
        if key is None:
            super().give(number, body, now_s)
            return
        at = EPOCH + timedelta(seconds=now_s)
        self._pass(at)
        self.commands += 1
        facts = self._facts_of[key]
        stamped = Stamped(body, at, SYSTEM, f"n{self.commands}", facts)
        answer = decide_unit(unit, {key: self._cases[key]}, stamped)
        if isinstance(answer, Refused):
            raise RefusedByKernel(unit.id, answer)
        self.fold(number, answer.unit)
        taken = answer.taken.get(key)
        if taken:
            self._take(key, taken)

    # -- cases -------------------------------------------------------------------------

    def _decide(self, key: CaseId, body: words.Command, at: Instant, by: Actor) -> None:
        self.commands += 1
        stamped = Stamped(body, at, by, f"n{self.commands}", self._case_facts)
        answer = decide_steps(self._cases[key], stamped)
        if isinstance(answer, Refused):
            raise RefusedByKernel(UnitId(key), answer)
        if answer:
            self._take(key, answer)

    def _take(self, key: CaseId, taken: Sequence[Taken]) -> None:
        for before, event, after in taken:
            self.errands += len(react(before, event, after))
            kind = type(event)
            if kind is words.ClockEscalated:
                self.escalated += 1
            elif kind is words.DeadlineMissed:
                self.missed += 1
        case = taken[-1].after
        self._cases[key] = case
        if case.clocks is not taken[0].before.clocks:
            wake = next_wake(case)
            if wake is not None and wake < self._armed.get(key, _NEVER):
                self._armed[key] = wake
                self._push(wake, _WAKE, key)

    def _push(self, at: Instant, what: int, key: CaseId) -> None:
        heappush(self._heap, (at, self.commands, what, key))

    def _pass(self, now: Instant) -> None:
        """Time has come to `now`: whatever was due before happens at its own instant."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, _, what, key = heappop(heap)
            if what == _VERIFY:
                self._decide(key, words.VerifyCase("solved"), at, _CHECKER)
                self.verified += 1
                del self._cases[key]
                self._armed.pop(key, None)
            elif self._armed.get(key) == at:
                del self._armed[key]
                self._wake(key, at)

    def _wake(self, key: CaseId, at: Instant) -> None:
        case = self._cases[key]
        wake = next_wake(case)
        if wake is None:
            return
        if wake <= at:
            self._decide(key, words.WakeUp(), at, SYSTEM)
        else:  # what it was armed for has stopped meanwhile
            self._armed[key] = wake
            self._push(wake, _WAKE, key)


_NEVER: Final = EPOCH.replace(year=9000)
