"""Bad days for a store: unavailable, answers lost on the way back, a process that dies.

Everything is drawn from one generator, so that a failing seed fails again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from random import Random

from tocsin.kernel.shared import ActorId, CaseId, Instant, Place, Refused, ReportId, UnitId
from tocsin.runtime.ports import (
    BoardRow,
    CaseQuery,
    Committed,
    DueErrand,
    Entry,
    JournalEntry,
    Message,
    Order,
    Page,
    Position,
    Store,
    Unavailable,
    UnitEntry,
    UnitRow,
)
from tocsin.runtime.rosters import PlannedDuty
from tocsin.simulation.device_faults import FaultyDevices


class Crashed(BaseException):
    """The process died here. No `except Exception` of the code under test may survive it."""


@dataclass(frozen=True, slots=True)
class FaultShares:
    """How often what goes wrong, 0 to 1 of the calls."""

    refuse_before: float = 0.03
    """The store cannot be reached: nothing was done."""
    lose_answer: float = 0.03
    """It is on disk, but nobody hears of it."""
    crash: float = 0.03
    """The runner dies between doing an errand and crossing it off, or just before doing it."""
    press_twice: float = 0.05
    """A button pressed twice, a report sent twice."""
    wake_late: float = 0.1
    """The runner stands still for a while."""
    wake_late_max_s: float = 5_400.0


NO_FAULTS = FaultShares(0, 0, 0, 0, 0)


@dataclass(slots=True)
class Faults:
    """What goes wrong from now on; `stop` ends it."""

    rng: Random
    shares: FaultShares = FaultShares()
    counts: Counter[str] = field(default_factory=Counter[str])

    def stop(self) -> None:
        self.shares = NO_FAULTS

    def happens(self, name: str) -> bool:
        """Draw whether the fault of that name happens now."""
        happened = self.rng.random() < getattr(self.shares, name)
        if happened:
            self.counts[name] += 1
        return happened


class FaultyStore(FaultyDevices):
    """A `ports.Store` in front of another one. Reads by the checkers go around it."""

    def __init__(self, inner: Store, faults: Faults) -> None:
        super().__init__(inner, self._reach)
        self.inner = inner
        self.faults = faults
        self.touched: dict[CaseId, None] = {}
        """Cases changed since someone last looked, in order."""

    async def commit(self, order: Order) -> Committed | Refused:
        self._reach()
        outcome = await self.inner.commit(order)
        if isinstance(outcome, Committed):
            self.touched.update(dict.fromkeys(outcome.events))
        if self.faults.happens("lose_answer"):
            raise Unavailable("the connection was lost before the answer")
        return outcome

    def _reach(self) -> None:
        if self.faults.happens("refuse_before"):
            raise Unavailable("the store cannot be reached")

    # -- board and journal

    async def case(self, case_id: CaseId) -> BoardRow | None:
        self._reach()
        return await self.inner.case(case_id)

    async def cases(self, query: CaseQuery) -> Page:
        self._reach()
        return await self.inner.cases(query)

    async def count(self, query: CaseQuery) -> int:
        self._reach()
        return await self.inner.count(query)

    async def near(
        self, place: Place, radius_m: float, since: Instant, limit: int
    ) -> Sequence[BoardRow]:
        self._reach()
        return await self.inner.near(place, radius_m, since, limit)

    async def receipt(self, code_hash: bytes) -> tuple[CaseId, ReportId] | None:
        self._reach()
        return await self.inner.receipt(code_hash)

    async def journal(self, case_id: CaseId) -> Sequence[JournalEntry]:
        self._reach()
        return await self.inner.journal(case_id)

    async def between(
        self, since: Instant, until: Instant, limit: int, after_seq: int = 0
    ) -> Sequence[JournalEntry]:
        self._reach()
        return await self.inner.between(since, until, limit, after_seq)

    async def tail(self, after_seq: int, limit: int) -> Sequence[JournalEntry]:
        self._reach()
        return await self.inner.tail(after_seq, limit)

    def entries(self, after_seq: int = 0) -> AsyncIterator[JournalEntry]:
        self._reach()
        return self.inner.entries(after_seq)

    async def last_seq(self) -> int:
        self._reach()
        return await self.inner.last_seq()

    # -- units

    async def unit(self, unit_id: UnitId) -> UnitRow | None:
        self._reach()
        return await self.inner.unit(unit_id)

    async def units(self) -> Sequence[UnitRow]:
        self._reach()
        return await self.inner.units()

    async def unit_journal(self, unit_id: UnitId) -> Sequence[UnitEntry]:
        self._reach()
        return await self.inner.unit_journal(unit_id)

    async def tail_of_all(self, after_seq: int, limit: int) -> Sequence[Entry]:
        self._reach()
        return await self.inner.tail_of_all(after_seq, limit)

    async def put_position(self, position: Position) -> bool:
        self._reach()
        return await self.inner.put_position(position)

    async def positions(self, since: Instant) -> Sequence[Position]:
        self._reach()
        return await self.inner.positions(since)

    async def forget_positions(self, before: Instant) -> int:
        self._reach()
        return await self.inner.forget_positions(before)

    async def planned_duties(self, since: Instant, until: Instant) -> Sequence[PlannedDuty]:
        self._reach()
        return await self.inner.planned_duties(since, until)

    async def plan_duty(self, duty: PlannedDuty, at: Instant, by: ActorId) -> bool:
        self._reach()
        return await self.inner.plan_duty(duty, at, by)

    async def drop_duty(self, duty_id: str, unit: UnitId, at: Instant, by: ActorId) -> bool:
        self._reach()
        return await self.inner.drop_duty(duty_id, unit, at, by)

    async def set_unit_key(self, unit_id: UnitId, key_hash: bytes | None) -> None:
        self._reach()
        await self.inner.set_unit_key(unit_id, key_hash)

    async def unit_of_key(self, key_hash: bytes) -> UnitId | None:
        self._reach()
        return await self.inner.unit_of_key(key_hash)

    # -- timers and errands

    async def waking(self, now: Instant, limit: int) -> Sequence[CaseId]:
        self._reach()
        return await self.inner.waking(now, limit)

    async def oldest_wake(self) -> Instant | None:
        self._reach()
        return await self.inner.oldest_wake()

    async def take_errands(self, now: Instant, lease_s: float, limit: int) -> Sequence[DueErrand]:
        self._reach()
        return await self.inner.take_errands(now, lease_s, limit)

    async def recall_errands(self, now: Instant, lease_s: float) -> int:
        self._reach()
        return await self.inner.recall_errands(now, lease_s)

    async def finish_errand(self, key: str, now: Instant) -> None:
        if self.faults.happens("crash"):
            raise Crashed
        await self.inner.finish_errand(key, now)

    async def fail_errand(self, key: str, error: str, retry_at: Instant | None) -> None:
        await self.inner.fail_errand(key, error, retry_at)

    async def dead_letters(self, limit: int) -> Sequence[tuple[DueErrand, str]]:
        return await self.inner.dead_letters(limit)

    async def revive_errand(self, key: str, now: Instant) -> bool:
        return await self.inner.revive_errand(key, now)

    # -- messages

    async def deliver(self, message: Message) -> None:
        if self.faults.happens("crash"):
            raise Crashed
        await self.inner.deliver(message)

    async def thread(self, report: ReportId) -> Sequence[Message]:
        self._reach()
        return await self.inner.thread(report)

    async def told(self, case_id: CaseId) -> Sequence[Message]:
        self._reach()
        return await self.inner.told(case_id)

    async def inbox(
        self, audiences: Sequence[str], after: str | None, limit: int
    ) -> Sequence[Message]:
        self._reach()
        return await self.inner.inbox(audiences, after, limit)
