"""The two loops that keep promises: clocks that wake cases, and errands that are owed.

Both read what is due from the store, so a restart loses nothing. Both may do a thing twice:
waking a case twice is harmless, and errands are idempotent by key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

import structlog

from tocsin.kernel.alarming import outcome_of
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.alarms.vocabulary import FollowAlarmCase, RecordAlarmOutcome
from tocsin.kernel.cases.react import EndAlarms, MoveAlarms, Send, StandDown, Tell
from tocsin.kernel.shared import SYSTEM, Actor, ActorId, AlarmId, CaseId, Instant, Refused
from tocsin.kernel.units.react import Alert, address_of
from tocsin.kernel.units.vocabulary import RecallUnit
from tocsin.runtime.backoff import ATTEMPTS_MAX, wait_s
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import (
    AlarmQuery,
    Committed,
    DueErrand,
    Message,
    Unavailable,
    Unreadable,
)

log = structlog.get_logger("tocsin.runner")

WAKE_BATCH: Final = 1_000
"""Cases woken at once: several group commits' worth, small enough to keep intake fluent."""
ERRAND_BATCH: Final = 50
"""What an errand of an emergency waits for at most: the batch that was taken before it."""
LEASE_S: Final = 60.0
"""How long a runner may take for an errand before another one tries it."""
LATE_S: Final = 30.0
"""A clock that is this late in speaking means that escalations have stopped: unwell."""

Addresses = Callable[[Tell], Sequence[str]]
Rest = Callable[[float], Awaitable[None]]
"""How a loop with nothing to do waits: seconds."""


def fixed(tell: Tell) -> Sequence[str]:
    """The addresses that were written with the errand."""
    return tell.to


Beat = Literal["wakes_stopped", "wakes_late", "errands_stopped"]
"""No clock was looked at · a clock is late in speaking · no errand was looked for."""


@dataclass(slots=True)
class Heartbeat:
    """When the loops last did their round. The node is unwell when one stands still."""

    woke_at: Instant | None = None
    ran_at: Instant | None = None
    late_s: float = 0.0
    dead: int = 0
    failing: dict[str, Instant] = field(default_factory=dict[str, Instant])
    """Errands that were tried and failed, by key: since when they are owed."""
    taken_since: Instant | None = None
    """Since when the oldest errand of the last round had been owed."""

    def owed_s(self, now: Instant) -> float:
        """For how long the oldest errand is owed that could not be done yet, in seconds."""
        since = [*self.failing.values()]
        if self.taken_since is not None:
            since.append(self.taken_since)
        return (now - min(since)).total_seconds() if since else 0.0

    def trouble(self, now: Instant) -> Beat | None:
        """A word for what is wrong, or None: wakes_stopped, wakes_late, errands_stopped."""
        limit = timedelta(seconds=LATE_S)
        if self.woke_at is None or now - self.woke_at > limit:
            return "wakes_stopped"
        if self.late_s > LATE_S:
            return "wakes_late"
        if self.ran_at is None or now - self.ran_at > limit:
            return "errands_stopped"
        return None


class Runner:
    """Runs until cancelled. One per node; several nodes on one store are harmless."""

    def __init__(
        self,
        engine: Engine,
        interval_s: float = 0.5,
        addresses: Addresses = fixed,
        rest: Rest = asyncio.sleep,
    ) -> None:
        self.rest = rest
        self.engine = engine
        self.addresses = addresses
        self.interval_s = interval_s
        self.heartbeat = Heartbeat()

    async def run(self) -> None:
        """Both loops, side by side: a slow errand never delays a clock."""
        await self._recall()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._every(self.wake_due))
            group.create_task(self._every(self.run_errands))

    async def _recall(self) -> None:
        """A node takes the wall's time when it starts. Was that set back meanwhile, then what was
        leased under the old one would wait as long as it was set back by."""
        while True:
            try:
                await self.engine.store.recall_errands(self.engine.clock.now(), LEASE_S)
            except Unavailable as trouble:
                log.warning("store_unavailable", detail=str(trouble))
                await self.rest(self.interval_s)
            else:
                return

    async def _every(self, turn: Callable[[], Awaitable[int]]) -> None:
        while True:
            try:
                busy = await turn()
            except Unavailable as trouble:
                # The heartbeat stands still meanwhile, so readiness shows it.
                log.warning("store_unavailable", detail=str(trouble))
                busy = 0
            if not busy:
                await self.rest(self.interval_s)

    async def wake_due(self) -> int:
        """Wake every case whose clock has come. Returns how many were woken in this round.

        One case that cannot be woken, by a bug of ours, holds up neither the others nor the
        node: it stays due, and after `LATE_S` the heartbeat says so.
        """
        now = self.engine.clock.now()
        oldest = await self.engine.store.oldest_wake()
        self.heartbeat.late_s = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
        chaos = self.engine.chaos
        due = await self.engine.store.waking(now, chaos.fewer("runner.wakes", WAKE_BATCH))
        await chaos.pause("runner.due")
        wakes = (self.engine.wake(case_id) for case_id in due)
        outcomes = await asyncio.gather(*wakes, return_exceptions=True)
        woken = 0
        for case_id, outcome in zip(due, outcomes, strict=True):
            if isinstance(outcome, Committed):
                woken += 1
            elif isinstance(outcome, Refused):
                log.error("wake_refused", case_id=case_id, reason=outcome.reason)
            elif isinstance(outcome, Unavailable) or not isinstance(outcome, Exception):
                raise outcome
            else:
                log.error("wake_failed", case_id=case_id, exc_info=outcome)
        self.heartbeat.woke_at = now
        return woken

    async def run_errands(self) -> int:
        """Do every errand that is due. Returns how many were taken in this round."""
        now = self.engine.clock.now()
        size = self.engine.chaos.fewer("runner.errands", ERRAND_BATCH)
        due = await self.engine.store.take_errands(now, LEASE_S, size)
        self.heartbeat.taken_since = min((each.created_at for each in due), default=None)
        for errand in due:
            await self._run(errand, now)
        if len(due) < size:
            self.heartbeat.taken_since = None
        self.heartbeat.ran_at = now
        return len(due)

    async def _run(self, due: DueErrand, now: Instant) -> None:
        chaos = self.engine.chaos
        await chaos.pause("runner.taken")
        if isinstance(due.errand, Unreadable):
            await self._set_aside(due, due.errand)
            return
        try:
            if chaos.strikes("runner.fails"):
                raise RuntimeError("for no reason")
            await self._do(due, now)
            if chaos.strikes("runner.again"):
                await self._do(due, now)
        except Unavailable:
            raise
        except Exception as error:
            # The rim of the errand: whatever went wrong is kept with it, retried, then shown.
            last = due.attempts + 1 >= ATTEMPTS_MAX
            retry_at = None if last else now + timedelta(seconds=wait_s(due.attempts))
            log.warning("errand_failed", key=due.key, error=type(error).__name__, dead=last)
            self.heartbeat.dead += last
            self.heartbeat.failing[due.key] = due.created_at
            if last:
                del self.heartbeat.failing[due.key]
            await self.engine.store.fail_errand(due.key, type(error).__name__, retry_at)
        else:
            self.heartbeat.failing.pop(due.key, None)
            await chaos.pause("runner.done")
            await self.engine.store.finish_errand(due.key, now)

    async def _set_aside(self, due: DueErrand, unreadable: Unreadable) -> None:
        """Among the dead letters at once: no second try of this version would read it."""
        log.error("errand_unreadable", key=due.key, kind=unreadable.kind, reason=unreadable.why)
        self.heartbeat.dead += 1
        self.heartbeat.failing.pop(due.key, None)
        await self.engine.store.fail_errand(due.key, unreadable.why, None)

    async def _do(self, due: DueErrand, now: Instant) -> None:
        match due.errand:
            case Tell() as tell:
                for audience in ("",) if tell.report else self.addresses(tell):
                    await self.engine.store.deliver(
                        Message(
                            key=f"{due.key}:{audience}",
                            case_id=due.case_id,
                            at=due.created_at,
                            audience=audience,
                            template=tell.template,
                            report=tell.report,
                        )
                    )
                    await self.engine.chaos.pause("runner.told")
            case Send() as send:
                by = Actor(ActorId(f"case:{due.case_id}"), "system", SYSTEM.roles)
                _done(await self.engine.handle(send.to, send.command, by=by, key=due.key))
            case StandDown(unit=unit, reason=reason):
                by = Actor(ActorId(f"case:{due.case_id}"), "system", SYSTEM.roles)
                recall = RecallUnit(due.case_id, reason)
                _done(await self.engine.handle_unit(unit, recall, by=by, key=due.key))
            case EndAlarms() | MoveAlarms() as about:
                await self._alarms(due, about)
            case Alert() as alert:
                await self._alert(due, alert)
            case Unreadable():
                raise RuntimeError("is set aside, never done")

    async def _alarms(self, due: DueErrand, about: EndAlarms | MoveAlarms) -> None:
        """Tells every alarm of a case, in batches; those that were told are no longer its own."""
        by = Actor(ActorId(f"case:{due.case_id}"), "system", SYSTEM.roles)
        case = about.source if isinstance(about, MoveAlarms) else due.case_id
        after: AlarmId | None = None
        limit = self.engine.chaos.fewer("runner.alarm_batch", WAKE_BATCH)
        while rows := await self.engine.store.alarms(
            AlarmQuery(case=case, after=after, newest_first=False, limit=limit)
        ):
            after = rows[-1].alarm.id
            if isinstance(about, MoveAlarms):
                await asyncio.gather(*(self._lead_home(row.alarm, by) for row in rows))
            else:
                word = RecordAlarmOutcome(case, outcome_of(about.status, about.disposition))
                told = [self.engine.handle_alarm(row.alarm, word, by=by) for row in rows]
                for outcome in await asyncio.gather(*told):
                    _done(outcome)
            await self.engine.chaos.pause("runner.alarms")

    async def _lead_home(self, alarm: Alarm, by: Actor) -> None:
        """To where its own case is by now, which need not be where the errand sends it: cases are
        merged, taken out and merged on while what is owed for it waits, and two runners are in no
        order. Looked at again after it was told: a merge meanwhile found it elsewhere."""
        told = alarm.case
        while (home := await self._home(alarm)) != told:
            _done(await self.engine.handle_alarm(alarm, FollowAlarmCase(home), by=by))
            told = home

    async def _home(self, alarm: Alarm) -> CaseId:
        own = alarm.case if alarm.first_case in alarm.handled else alarm.first_case
        at = own or alarm.case
        assert at is not None, "only alarms that have a case are led"
        while (row := await self.engine.store.case(at)) and row.case.links.merged_into is not None:
            at = row.case.links.merged_into
        return at

    async def _alert(self, due: DueErrand, alert: Alert) -> None:
        """Into the crew's inbox, unless the alert was revoked before it got there."""
        row = await self.engine.store.unit(alert.unit)
        since = row.unit.alerts_since if row is not None else None
        if since is None or due.created_at < since:
            return
        await self.engine.store.deliver(
            Message(
                key=due.key,
                case_id=alert.case,
                at=due.created_at,
                audience=address_of(alert.unit),
                template=alert.template,
            )
        )


def _done(outcome: Committed | Refused) -> None:
    """An errand that is refused is a fault of ours: it ends among the dead letters."""
    if isinstance(outcome, Refused):
        raise RuntimeError(f"refused: {outcome.reason}")
