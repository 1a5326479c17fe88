"""Units and their positions in memory: the reference of what PostgreSQL must do."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from typing import cast

from tocsin.kernel.shared import Instant, Refused, UnitId
from tocsin.kernel.units.vocabulary import Command
from tocsin.runtime.ports import Order, Position, UnitEntry, UnitRow
from tocsin.runtime.verify import UnitAudit
from tocsin.stores.applying import Applied, assignments


class MemoryUnits:
    """The units' part of `ports.Store`."""

    def __init__(self) -> None:
        super().__init__()
        self._seq = 0
        self._units: dict[UnitId, UnitRow] = {}
        self._unit_entries: list[UnitEntry] = []
        self._positions: dict[UnitId, Position] = {}
        self._unit_keys: dict[UnitId, bytes] = {}

    def next_seq(self) -> int:
        """The number of the next entry, of cases and units alike."""
        self._seq += 1
        return self._seq

    def keep_unit(self, order: Order, applied: Applied) -> None:
        """Writes row and journal entry; off duty the position goes with them."""
        change = applied.unit
        if change is None:
            return
        self._units[change.unit_id] = UnitRow(change.unit, change.version, order.at)
        if not change.unit.is_on_duty:
            self._positions.pop(change.unit_id, None)
        self._unit_entries.append(
            UnitEntry(
                self.next_seq(),
                change.unit_id,
                change.version,
                order.at,
                order.by,
                cast(Command, order.command),
                change.events,
            )
        )

    def unit_tail(self, after_seq: int, limit: int) -> Sequence[UnitEntry]:
        """The first entries of units after a number."""
        start = bisect_right(self._unit_entries, after_seq, key=lambda entry: entry.seq)
        return self._unit_entries[start : start + limit]

    async def unit(self, unit_id: UnitId) -> UnitRow | None:
        return self._units.get(unit_id)

    async def units(self) -> Sequence[UnitRow]:
        return [self._units[each] for each in sorted(self._units)]

    async def unit_journal(self, unit_id: UnitId) -> Sequence[UnitEntry]:
        return [each for each in self._unit_entries if each.unit_id == unit_id]

    async def audit_units(self) -> AsyncIterator[UnitAudit]:
        """See `runtime.verify`."""
        known = {each.unit_id for each in self._unit_entries}
        for unit_id in sorted(self._units.keys() | known):
            row = self._units.get(unit_id)
            assigned = tuple(assignments(row.unit)) if row is not None else ()
            yield UnitAudit(unit_id, row, assigned, tuple(await self.unit_journal(unit_id)))

    # -- positions

    async def put_position(self, position: Position) -> bool:
        """See `ports.Store.put_position`."""
        row = self._units.get(position.unit)
        started_at = row.unit.duty_started_at if row is not None else None
        if started_at is None or position.at < started_at:
            return False
        kept = self._positions.get(position.unit)
        if kept is None or kept.at < position.at:
            self._positions[position.unit] = position
        return True

    async def positions(self, since: Instant) -> Sequence[Position]:
        found = (self._positions[each] for each in sorted(self._positions))
        return [each for each in found if self._is_shown(each, since)]

    def _is_shown(self, position: Position, since: Instant) -> bool:
        row = self._units.get(position.unit)
        return row is not None and row.unit.is_on_duty and position.received_at >= since

    async def forget_positions(self, before: Instant) -> int:
        old = [each for each, kept in self._positions.items() if kept.received_at < before]
        for each in old:
            del self._positions[each]
        return len(old)

    async def set_unit_key(self, unit_id: UnitId, key_hash: bytes | None) -> None:
        if key_hash is None:
            self._unit_keys.pop(unit_id, None)
        else:
            self._unit_keys[unit_id] = key_hash

    async def unit_of_key(self, key_hash: bytes) -> UnitId | None:
        return next((each for each, kept in self._unit_keys.items() if kept == key_hash), None)


def check_unit(applied: Applied | Refused) -> None:
    """The constraint: a unit is on one case, all others are stacked. Raises ValueError."""
    if isinstance(applied, Refused) or applied.unit is None:
        return
    if sum(not is_stacked for _, is_stacked in assignments(applied.unit.unit)) > 1:
        raise ValueError("a unit on two cases without a stacking")
