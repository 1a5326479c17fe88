"""What survives a process, and the line over which a process reaches it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any, Final, Protocol

from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.cases.react import Send, StandDown, Tell
from tocsin.kernel.shared import AlarmId, CaseId, Instant, Refused
from tocsin.runtime.ports import AlarmEntry, Committed, DueErrand, Message, Order, Unavailable
from tocsin.simulation.storms.weather import Weather
from tocsin.stores.memory import MemoryStore, MemoryVault

WRITES: Final = frozenset({"finish_errand", "fail_errand", "deliver", "put_signs"})
"""Small writes whose answer may be lost, beside commits."""
TAILS: Final = frozenset({"tail", "tail_of_all"})
STALE_MAX: Final = 12
COMMIT_S: Final = 0.004
LINKS: Final = 12
"""Alarms that got a case lately: at every commit each of them must have it."""
ORDERS_MAX: Final = 20_000
"""Thirty times those of a busy storm: somebody asks in a circle."""


class Restless(BaseException):
    """The node never comes to rest. No `except Exception` of the code under test survives it."""


class Disk(MemoryStore):
    """The reference store, which remembers when what was committed and what it ever owed."""

    def __init__(self, vault: MemoryVault, now: Callable[[], Instant]) -> None:
        super().__init__(vault)
        self.now = now
        self.committed_at: dict[int, Instant] = {}
        self.owed: dict[str, DueErrand] = {}
        self.touched: dict[CaseId, None] = {}
        self.wrong: list[tuple[str, str, str]] = []
        """(checker, where, what) of what was seen to go wrong as it happened."""
        self._links: deque[tuple[AlarmId, CaseId]] = deque(maxlen=LINKS)
        self.changes = 0
        self.repeats = 0
        self.asked = 0
        self.on_change: list[Callable[[], None]] = []
        self._due: tuple[int, Instant | None] | None = None
        self._device_due: tuple[int, Instant | None] | None = None

    async def commit(self, order: Order) -> Committed | Refused:
        before = self._seq
        self.asked += 1
        if self.asked > ORDERS_MAX:
            raise Restless(f"{self.asked} orders and no end")
        outcome = await super().commit(order)
        if isinstance(outcome, Refused):
            return outcome
        if outcome.repeated:
            self.repeats += 1
            return outcome
        at = self.now()
        for seq in range(before + 1, self._seq + 1):
            self.committed_at[seq] = at
        for key, owed in reversed(self._errands.items()):
            if key in self.owed:
                break
            self.owed[key] = DueErrand(key, owed.case_id, owed.errand, 0, owed.created_at)
        self.touched.update(dict.fromkeys(outcome.events))
        if order.device is not None:
            self._note_links(before)
        self._hold_links()
        self.changed()
        return outcome

    def _note_links(self, before: int) -> None:
        for entry in self.device_tail(before, LINKS):
            if isinstance(entry, AlarmEntry) and (case := self._alarms[entry.alarm_id].alarm.case):
                self._links.append((entry.alarm_id, case))

    def _hold_links(self) -> None:
        """Whoever reads between two commits finds no alarm without its case."""
        for alarm, case in self._links:
            if case not in self._rows:
                self.wrong.append(("alarms_are_kept_once", alarm, "torn from its case"))

    def changed(self) -> None:
        self.changes += 1
        told, self.on_change = self.on_change, []
        for tell in told:
            tell()

    async def take_errands(self, now: Instant, lease_s: float, limit: int) -> Sequence[DueErrand]:
        self.changes += 1
        return await super().take_errands(now, lease_s, limit)

    async def finish_errand(self, key: str, now: Instant) -> None:
        due = self.owed.get(key)
        if due is not None and key in self._errands and not self.is_done(due):
            self.wrong.append(("errands_take_effect_once", key, "crossed off and not done"))
        await super().finish_errand(key, now)
        self.changes += 1

    async def fail_errand(self, key: str, error: str, retry_at: Instant | None) -> None:
        await super().fail_errand(key, error, retry_at)
        self.changed()

    def is_done(self, due: DueErrand) -> bool:
        """Whether an errand has had its effect, as far as it can be seen from outside."""
        match due.errand:
            case Tell() as tell:
                told = ("",) if tell.report else tell.to
                return all(f"{due.key}:{each}" in self._messages for each in told)
            case Send() | StandDown():
                return due.key in self._keys
            case _:
                return True

    # -- what a simulation may look at without waiting

    @property
    def messages(self) -> Mapping[str, Message]:
        return self._messages

    @property
    def newest(self) -> int:
        return self._seq

    @property
    def last_case_seq(self) -> int:
        return self._journal[-1].seq if self._journal else 0

    @property
    def dead(self) -> Sequence[str]:
        return list(self._dead)

    def take_away(self, case_id: CaseId) -> Callable[[], None]:
        """Only for bugs that are planted: a case that is not written yet. Call to write it."""
        row = self._rows.pop(case_id)
        entries = self._by_case.pop(case_id)
        self._journal = [each for each in self._journal if each.case_id != case_id]

        def put_back() -> None:
            self._rows[case_id] = row
            self._by_case[case_id] = entries
            self._journal = sorted([*self._journal, *entries], key=lambda each: each.seq)

        return put_back

    def has_alarm(self, alarm: str) -> bool:
        return alarm in self._alarms

    def at_work(self) -> Sequence[CaseId]:
        """Emergencies that units may be sent to, by id."""
        found = (row.case for row, _ in self._rows.values())
        return [
            case.id
            for case in sorted(found, key=lambda case: case.id)
            if case.profile == "emergency" and case.status in ("dispatched", "in_work")
        ]

    def alarms_now(self) -> Sequence[Alarm]:
        return [self._alarms[each].alarm for each in sorted(self._alarms)]

    def of_alarms(self) -> Sequence[CaseId]:
        """Open cases of alarms, by id, without those that were merged away."""
        found = (self._rows[each][0].case for each in self._named())
        return [case.id for case in found if case.links.merged_into is None]

    def merged_alarms(self) -> Sequence[tuple[CaseId, CaseId]]:
        """Cases of alarms that were merged, and into which, by id."""
        firsts = {each for row in self._alarms.values() if (each := row.alarm.first_case)}
        rows = [self._rows[each][0].case for each in sorted(firsts) if each in self._rows]
        return [(case.id, into) for case in rows if (into := case.links.merged_into) is not None]

    def _named(self) -> Sequence[CaseId]:
        named = {each for row in self._alarms.values() if (each := row.alarm.case)}
        return sorted(each for each in named if each in self._rows and not self._ended(each))

    def knows(self, code_hash: bytes) -> bool:
        return code_hash in self._receipts

    def version(self, case_id: CaseId) -> int:
        return self._version(case_id)

    def next_due(self) -> Instant | None:
        """When a runner has something to do: now where it has already."""
        if self._due is None or self._due[0] != self.changes:
            wakes = [at for at, _ in self._wakes()]
            owed = [each.due_at for each in self._errands.values()]
            self._due = self.changes, min([*wakes, *owed], default=None)
        return self._due[1]

    def next_device_due(self) -> Instant | None:
        if self._device_due is None or self._device_due[0] != self.changes:
            alarms = (row.alarm.next_wake for row in self._alarms.values())
            assets = (row.asset.next_wake for row in self._assets.values())
            found = [at for at in (*alarms, *assets) if at is not None]
            self._device_due = self.changes, min(found, default=None)
        return self._device_due[1]

    def owed_for(self, seconds: float) -> Sequence[str]:
        """Errands that are owed for longer than that."""
        return [
            key for key, owed in self._errands.items() if self._is_old(owed.created_at, seconds)
        ]

    def untold_for(self, seconds: float, after: int) -> Sequence[int]:
        """Entries of cases behind a number that are on disk for longer than that."""
        found = (each.seq for each in self._journal if each.seq > after)
        return [seq for seq in found if self._is_old(self.committed_at[seq], seconds)]

    def _is_old(self, at: Instant, seconds: float) -> bool:
        # Also what was written under a clock that was ahead.
        return not timedelta(0) <= self.now() - at < timedelta(seconds=seconds)


class Outer(Protocol):
    """What a line knows of the world."""

    weather: Weather
    is_store_away: bool


class Owner(Protocol):
    """The process whose line it is."""

    name: str
    started_at: Instant

    @property
    def world(self) -> Outer: ...
    def spawn(self, work: Coroutine[Any, Any, Any]) -> Any: ...


class Line:
    """One process's connection to the disk. Everything a `ports.Store` does goes over it."""

    def __init__(self, disk: Disk, process: Owner) -> None:
        self.disk = disk
        self.process = process
        self._weather = process.world.weather
        self._rng: Random = process.world.weather.rng

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self.disk, name)

        async def call(*values: Any, **named: Any) -> Any:
            await self._reach()
            found = await inner(*values, **named)
            if name in TAILS and found and self._weather.happens("stale_read"):
                return found[: -self._rng.randint(1, STALE_MAX)]
            if name in WRITES and self._weather.happens("lose_answer"):
                raise Unavailable("the connection was lost before the answer")
            return found

        setattr(self, name, call)
        return call

    async def last_seq(self) -> int:
        await self._reach()
        return await self.disk.last_seq()

    async def _reach(self) -> None:
        weather = self._weather
        if weather.climate.strike or not weather.is_over:
            if self.process.world.is_store_away or weather.happens("refuse"):
                weather.note(1.0)
                raise Unavailable("the store can not be reached")
            if weather.happens("slow_read"):
                await weather.stand_still(weather.span(0.2))

    async def commit(self, order: Order) -> Committed | Refused:
        """Before it, on disk, on the way back: a process may die at each of them."""
        weather = self._weather
        await self._reach()
        try:
            if weather.happens("slow_commit"):
                await weather.stand_still(weather.span())
            else:
                await asyncio.sleep(COMMIT_S)
        except asyncio.CancelledError:
            if weather.happens("late_commit"):  # the process died, its order was on the way
                await self.disk.commit(order)
            raise
        outcome = await self.disk.commit(order)
        await asyncio.sleep(COMMIT_S)
        if weather.happens("lose_answer"):
            weather.note(1.0)
            raise Unavailable("the connection was lost before the answer")
        return outcome
