"""The reference store. No disk, no concurrency inside `commit`: one order after another."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from tocsin.geography.distance import short_distance_m
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId, Instant, Place, Refused, ReportId
from tocsin.runtime.backoff import longest_wait_s
from tocsin.runtime.board import Columns, columns_of
from tocsin.runtime.lanes import owed_from
from tocsin.runtime.ports import (
    BoardRow,
    CaseQuery,
    Committed,
    DueErrand,
    Entry,
    Errand,
    JournalEntry,
    Message,
    Order,
    Page,
    as_a_case_keeps_it,
)
from tocsin.runtime.synthetic_ports import NOBODYS
from tocsin.runtime.verify import Audit
from tocsin.stores.applying import apply, apply_device
from tocsin.stores.memory.chains import MemoryChains
from tocsin.stores.memory.devices import MemoryDevices
from tocsin.stores.memory.roads import MemoryRoads
from tocsin.stores.memory.rosters import MemoryRosters
from tocsin.stores.memory.units import MemoryUnits, check_unit
from tocsin.stores.memory.vault import MemoryVault
from tocsin.stores.querying import cursor_of, page_size, read_cursor, sort_instant

FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Owed:
    key: str
    case_id: CaseId
    errand: Errand
    created_at: Instant
    due_at: Instant
    attempts: int = 0
    error: str | None = None


class MemoryStore(MemoryUnits, MemoryRoads, MemoryChains, MemoryRosters, MemoryDevices):
    """`ports.Store` in memory. Sealed values go to `vault`; without one they are dropped."""

    def __init__(self, vault: MemoryVault | None = None) -> None:
        MemoryUnits.__init__(self)
        MemoryDevices.__init__(self)
        self.faults = 0
        self._vault = vault
        self._rows: dict[CaseId, tuple[BoardRow, Columns]] = {}
        self._journal: list[JournalEntry] = []
        self._by_case: dict[CaseId, list[JournalEntry]] = {}
        self._keys: dict[str, tuple[bytes, Mapping[str, Any]]] = {}
        self._receipts: dict[bytes, tuple[CaseId, ReportId]] = {}
        self._errands: dict[str, _Owed] = {}
        self._dead: dict[str, _Owed] = {}
        self._messages: dict[str, Message] = {}

    async def commit(self, order: Order) -> Committed | Refused:
        """See `ports.Order`. Whatever `plan` raises is counted in `faults` and passes through."""
        print_ = fingerprint_of(order)
        for key in () if order.key is None else (order.key, *order.earlier_keys):
            if key in self._keys:
                known, answer = self._keys[key]
                if known != print_:
                    return Refused("key_reused", "the same key came with another request")
                return Committed({}, {}, {}, answer, repeated=True)
        cases = {case_id: self._state(case_id) for case_id in sorted(set(order.cases))}
        versions = {case_id: self._version(case_id) for case_id in cases}
        try:
            if order.device is not None:
                there = self.found_device(order.device, self._ended)
                applied = apply_device(order, there, cases, versions)
                self.check_device(applied)
            else:
                found = self._units.get(order.unit) if order.unit is not None else None
                applied = apply(order, cases, versions, found)
                check_unit(applied)
        except Exception:
            self.faults += 1
            raise
        if isinstance(applied, Refused):
            return applied
        for change in applied.changes:
            row = BoardRow(change.case, change.version, order.at)
            self._rows[change.case_id] = row, columns_of(change.case)
            entry = JournalEntry(
                self.next_seq(),
                change.case_id,
                change.version,
                order.at,
                order.by,
                as_a_case_keeps_it(order.command),
                change.events,
            )
            self._journal.append(entry)
            self._by_case.setdefault(change.case_id, []).append(entry)
            for key, errand in change.errands:
                due = owed_from(order.at, change.case)
                self._errands[key] = _Owed(key, change.case_id, errand, order.at, due)
        self.keep_unit(order, applied)
        self.keep_device(order, applied, self.next_seq)
        if applied.unit is not None:
            for key, case_id, errand in applied.unit.errands:
                due = owed_from(order.at, None)
                self._errands[key] = _Owed(key, case_id, errand, order.at, due)
        if applied.changes:
            for code_hash, report in order.receipts:
                self._receipts[code_hash] = order.target, report
        is_kept = applied.changes or (order.device is not None and applied.alarms)
        if is_kept and self._vault is not None:
            self._vault.put(order.sealed)
        if order.key is not None:
            self._keys[order.key] = print_, order.answer
        return applied.committed

    def _ended(self, case_id: CaseId) -> tuple[str, str] | None:
        found = self._rows.get(case_id)
        if found is not None and found[0].case.is_open:
            return None
        return (found[0].case.status, found[0].case.disposition) if found is not None else ("", "")

    def _state(self, case_id: CaseId) -> Case:
        found = self._rows.get(case_id)
        return found[0].case if found is not None else Case(case_id)

    def _version(self, case_id: CaseId) -> int:
        found = self._rows.get(case_id)
        return found[0].version if found is not None else 0

    # -- board

    async def case(self, case_id: CaseId) -> BoardRow | None:
        found = self._rows.get(case_id)
        return found[0] if found is not None else None

    async def cases(self, query: CaseQuery) -> Page:
        """See `ports.CaseQuery`; the order of lists is in `stores.querying`."""
        is_falling = query.order != "due"
        last = FOREVER.replace(year=1) if is_falling else FOREVER
        found = [
            ((sort_instant(row, columns.due_at, query) or last, row.case.id), row)
            for row, columns in self._rows.values()
            if _matches(query, row, columns)
        ]
        found.sort(key=lambda pair: pair[0], reverse=is_falling)
        if query.after is not None:
            at, case_id = read_cursor(query.after)
            mark = (at or last, case_id)
            found = [pair for pair in found if (pair[0] < mark if is_falling else pair[0] > mark)]
        size = page_size(query)
        following = None
        if len(found) > size:
            at, case_id = found[size - 1][0]
            following = cursor_of(at if at != last else None, case_id)
        return Page(tuple(row for _, row in found[:size]), following)

    async def count(self, query: CaseQuery) -> int:
        return sum(_matches(query, row, columns) for row, columns in self._rows.values())

    async def near(
        self, place: Place, radius_m: float, since: Instant, limit: int
    ) -> Sequence[BoardRow]:
        found: list[tuple[float, CaseId, BoardRow]] = []
        for row, _ in self._rows.values():
            case = row.case
            is_recent = case.closed_at is not None and case.closed_at > since
            if case.place is None or not (case.is_open or is_recent):
                continue
            distance = short_distance_m(place.lon, place.lat, case.place.lon, case.place.lat)
            if distance <= radius_m:
                found.append((distance, case.id, row))
        found.sort(key=lambda item: item[:2])
        return [row for _, _, row in found[:limit]]

    async def receipt(self, code_hash: bytes) -> tuple[CaseId, ReportId] | None:
        return self._receipts.get(code_hash)

    # -- journal

    async def journal(self, case_id: CaseId) -> Sequence[JournalEntry]:
        return tuple(self._by_case.get(case_id, ()))

    async def tail(self, after_seq: int, limit: int) -> Sequence[JournalEntry]:
        start = bisect_right(self._journal, after_seq, key=lambda entry: entry.seq)
        return tuple(self._journal[start : start + limit])

    async def between(
        self, since: Instant, until: Instant, limit: int, after_seq: int = 0
    ) -> Sequence[JournalEntry]:
        later = (entry for entry in self._journal if entry.seq > after_seq)
        found = (entry for entry in later if since <= entry.at < until)
        return tuple(islice(found, limit))

    async def entries(self, after_seq: int = 0) -> AsyncIterator[JournalEntry]:
        for entry in await self.tail(after_seq, len(self._journal)):
            yield entry

    async def last_seq(self) -> int:
        return self._seq

    async def tail_of_all(self, after_seq: int, limit: int) -> Sequence[Entry]:
        later: list[Entry] = [
            *await self.tail(after_seq, limit),
            *self.unit_tail(after_seq, limit),
            *self.device_tail(after_seq, limit),
        ]
        return sorted(later, key=lambda each: each.seq)[:limit]

    async def audit(self) -> AsyncIterator[Audit]:
        """See `runtime.verify`."""
        for case_id in sorted(self._rows.keys() | self._by_case.keys()):
            row, columns = self._rows.get(case_id, (None, None))
            yield Audit(case_id, row, columns, tuple(self._by_case.get(case_id, ())))

    # -- timers and errands

    async def waking(self, now: Instant, limit: int) -> Sequence[CaseId]:
        due = sorted((at, case_id) for at, case_id in self._wakes() if at <= now)
        return [case_id for _, case_id in due[:limit]]

    async def oldest_wake(self) -> Instant | None:
        return min((at for at, _ in self._wakes()), default=None)

    def _wakes(self) -> list[tuple[Instant, CaseId]]:
        return [
            (columns.next_wake, case_id)
            for case_id, (_, columns) in self._rows.items()
            if columns.next_wake is not None
        ]

    async def take_errands(self, now: Instant, lease_s: float, limit: int) -> Sequence[DueErrand]:
        """Oldest first; `attempts` counts those before this one."""
        due = sorted(
            (owed for owed in self._errands.values() if owed.due_at <= now),
            key=lambda owed: (owed.due_at, owed.key),
        )[:limit]
        taken = [_due(owed) for owed in due]
        for owed in due:
            owed.due_at = now + timedelta(seconds=lease_s)
            owed.attempts += 1
        return taken

    async def recall_errands(self, now: Instant, lease_s: float) -> int:
        found = [
            owed
            for owed in self._errands.values()
            if owed.due_at > now + timedelta(seconds=longest_wait_s(owed.attempts, lease_s))
        ]
        for owed in found:
            owed.due_at = now
        return len(found)

    async def finish_errand(self, key: str, now: Instant) -> None:
        self._errands.pop(key, None)

    async def fail_errand(self, key: str, error: str, retry_at: Instant | None) -> None:
        owed = self._errands.get(key)
        if owed is None:
            return
        owed.error = error
        if retry_at is None:
            self._dead[key] = self._errands.pop(key)
        else:
            owed.due_at = retry_at

    async def dead_letters(self, limit: int) -> Sequence[tuple[DueErrand, str]]:
        dead = sorted(self._dead.values(), key=lambda owed: (owed.created_at, owed.key))
        return [(_due(owed), owed.error or "") for owed in dead[:limit]]

    async def revive_errand(self, key: str, now: Instant) -> bool:
        owed = self._dead.pop(key, None)
        if owed is None:
            return False
        self._errands[key] = replace(owed, due_at=now, attempts=0)
        return True

    # -- messages

    async def deliver(self, message: Message) -> None:
        self._messages.setdefault(message.key, message)

    async def thread(self, report: ReportId) -> Sequence[Message]:
        """Oldest first."""
        return [message for message in self._messages.values() if message.report == report]

    async def told(self, case_id: CaseId) -> Sequence[Message]:
        return [message for message in self._messages.values() if message.case_id == case_id]

    async def inbox(
        self, audiences: Sequence[str], after: str | None, limit: int
    ) -> Sequence[Message]:
        """Newest first; `after` is the key of the last message of the page before."""
        wanted = frozenset(audiences)
        newest = [
            message
            for message in reversed(self._messages.values())
            if message.report is None and message.audience in wanted
        ]
        if after is not None:
            keys = [message.key for message in newest]
            newest = newest[keys.index(after) + 1 :] if after in keys else []
        return newest[:limit]


def fingerprint_of(order: Order) -> bytes:
    """What is kept of a request's fingerprint: a hash, so nothing personal can stay in it."""
    return hashlib.sha256(order.fingerprint.encode()).digest()


def _due(owed: _Owed) -> DueErrand:
    return DueErrand(owed.key, owed.case_id, owed.errand, owed.attempts, owed.created_at)


def _matches(query: CaseQuery, row: BoardRow, columns: Columns) -> bool:
    case = row.case
    if query.area is not None and not _lies_in(query, columns):
        return False
    is_wide = query.area is None and not query.ids and not query.agencies
    if is_wide and columns.county == NOBODYS:
        return False
    if query.agencies and not set(query.agencies) & set(columns.agencies):
        return False
    opened = case.opened_at
    return (
        (not query.statuses or case.status in query.statuses)
        and (not query.open_only or columns.is_open)
        and (not query.case_types or case.case_type in query.case_types)
        and (not query.priorities or case.priority in query.priorities)
        and (not query.ids or case.id in query.ids)
        and (query.opened_from is None or (opened is not None and opened >= query.opened_from))
        and (query.opened_to is None or (opened is not None and opened < query.opened_to))
        and (query.updated_from is None or row.updated_at >= query.updated_from)
        and (query.updated_to is None or row.updated_at < query.updated_to)
        and (
            query.due_before is None
            or (columns.due_at is not None and columns.due_at < query.due_before)
        )
        and (not query.published_only or case.published)
    )


def _lies_in(query: CaseQuery, columns: Columns) -> bool:
    if query.tier is None:
        return query.area in (columns.county, columns.town, columns.village, columns.cell)
    return getattr(columns, query.tier) == query.area
