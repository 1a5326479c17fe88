"""Bugs on purpose for storms: each takes one part of a process and breaks one promise."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from msgspec import structs

from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.alarms.vocabulary import RaiseAlarm
from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import DeadlineMissed, Event, WakeUp
from tocsin.kernel.shared import Actor, CaseId, Instant, Refused
from tocsin.runtime.board import columns_of
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import Committed, Decision, DueErrand, Order, Unavailable
from tocsin.runtime.runner import Rest, Runner
from tocsin.simulation.storms.disk import Disk, Line
from tocsin.simulation.storms.process import RUNNER_S, Process, StormParts


class _Eager(Line):
    """Answers for a new report before it is on disk; the write follows a moment later."""

    async def commit(self, order: Order) -> Committed | Refused:
        if order.opens and order.device is None:
            self.process.spawn(self._later(order))
            return Committed({}, {}, {}, order.answer)
        return await super().commit(order)

    async def _later(self, order: Order) -> None:
        await asyncio.sleep(0.2)
        await self.disk.commit(order)


class AnswersEarly(StormParts):
    def line(self, disk: Disk, process: Process) -> Line:
        return _Eager(disk, process)


class _Keyless(Line):
    async def commit(self, order: Order) -> Committed | Refused:
        return await super().commit(structs.replace(order, key=None, earlier_keys=()))


class KnowsNoRepeats(StormParts):
    def line(self, disk: Disk, process: Process) -> Line:
        return _Keyless(disk, process)


class _Hasty(Runner):
    """Crosses an errand off, and then does it."""

    async def _run(self, due: DueErrand, now: Instant) -> None:
        await self.engine.store.finish_errand(due.key, now)
        await self.engine.chaos.pause("runner.taken")
        try:
            await self._do(due, now)
        except Unavailable:
            pass


class LosesErrands(StormParts):
    def runner(self, engine: Engine, process: Process, rest: Rest) -> Runner:
        return _Hasty(engine, RUNNER_S, addresses=self.addresses, rest=rest)


class _Nameless(Runner):
    """Gives every try of an errand a name of its own."""

    async def _do(self, due: DueErrand, now: Instant) -> None:
        await super()._do(replace(due, key=f"{due.key}#{self.engine.ids.new()}"), now)


class RunsErrandsWithoutKey(StormParts):
    def runner(self, engine: Engine, process: Process, rest: Rest) -> Runner:
        return _Nameless(engine, RUNNER_S, addresses=self.addresses, rest=rest)


class _Amnesiac(Line):
    """After a restart it knows only of clocks that come due once it has warmed up."""

    async def waking(self, now: Instant, limit: int) -> Sequence[CaseId]:
        await self._reach()
        due = await self.disk.waking(now, limit)
        rows = [await self.disk.case(case_id) for case_id in due]
        since = self.process.started_at + timedelta(seconds=120)
        return [
            row.case.id
            for row in rows
            if row is not None and (columns_of(row.case).next_wake or since) >= since
        ]


class SkipsTimers(StormParts):
    def line(self, disk: Disk, process: Process) -> Line:
        return _Amnesiac(disk, process)


class _Doubling(Line):
    """On one of the two processes a clock that was missed is missed twice."""

    async def commit(self, order: Order) -> Committed | Refused:
        if not isinstance(order.command, WakeUp) or self.process.name != "p1":
            return await super().commit(order)
        plan = order.plan

        def planned(cases: Mapping[CaseId, Case]) -> Decision:
            decision = plan(cases)
            if isinstance(decision, Refused):
                return decision
            return {each: _doubled(events) for each, events in decision.items()}

        return await super().commit(structs.replace(order, plan=planned))


def _doubled(events: Sequence[Event]) -> tuple[Event, ...]:
    found: list[Event] = []
    for event in events:
        found.append(event)
        if isinstance(event, DeadlineMissed):
            found.append(replace(event, next_at=None))
    return tuple(found)


class EscalatesTwice(StormParts):
    def line(self, disk: Disk, process: Process) -> Line:
        return _Doubling(disk, process)


class ReadsStaleAsFresh(StormParts):
    """A follower that takes the end of the journal for the end of what it has read."""

    async def follow(self, store: Any, stories: Any, chaos: Any) -> int:
        newest = await store.last_seq()
        told = await super().follow(store, stories, chaos)
        if stories.seq < newest:
            await stories.save((), newest, stories.seq)
        return told


class _Torn(Line):
    """Writes an alarm, and the case that it opens a moment later."""

    async def commit(self, order: Order) -> Committed | Refused:
        outcome = await super().commit(order)
        if isinstance(order.command, RaiseAlarm) and isinstance(outcome, Committed):
            for case_id in outcome.events:
                if self.disk.version(case_id) == 1:
                    await self._tear(case_id)
        return outcome

    async def _tear(self, case_id: CaseId) -> None:
        put_back = self.disk.take_away(case_id)
        await asyncio.sleep(3.0)
        put_back()


class TearsAlarmFromCase(StormParts):
    def line(self, disk: Disk, process: Process) -> Line:
        return _Torn(disk, process)


class _Deaf(Runner):
    """Where a case is merged or taken out again, its alarms stay where they are."""

    async def _lead_home(self, alarm: Alarm, by: Actor) -> None:
        return


class LeavesAlarmsBehind(StormParts):
    def runner(self, engine: Engine, process: Process, rest: Rest) -> Runner:
        return _Deaf(engine, RUNNER_S, addresses=self.addresses, rest=rest)


PLANTED: tuple[tuple[str, type[StormParts]], ...] = (
    ("answers_after_commit", AnswersEarly),
    ("repeats_are_one", KnowsNoRepeats),
    ("errands_take_effect_once", LosesErrands),
    ("errands_take_effect_once", RunsErrandsWithoutKey),
    ("speaks_within_a_second", SkipsTimers),
    ("misses_escalated_once", EscalatesTwice),
    ("stories_tell_the_journal", ReadsStaleAsFresh),
    ("alarms_are_kept_once", TearsAlarmFromCase),
    ("alarms_hear_of_their_case", LeavesAlarmsBehind),
)
"""The checker that must find it, and the bug."""
