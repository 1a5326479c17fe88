"""Planned duties in memory: the reference of what PostgreSQL must do."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.kernel.shared import ActorId, Instant, UnitId
from tocsin.runtime.ports import UnitRow
from tocsin.runtime.rosters import PlannedDuty


class MemoryRosters:
    """The roster's part of `ports.Store`."""

    def __init__(self) -> None:
        self._units: dict[UnitId, UnitRow] = {}
        self._duties: dict[str, PlannedDuty] = {}

    async def planned_duties(self, since: Instant, until: Instant) -> Sequence[PlannedDuty]:
        found = [
            each
            for each in self._duties.values()
            if each.ends_at > since and each.starts_at < until
        ]
        return sorted(found, key=lambda each: (each.starts_at, each.unit, each.id))

    async def plan_duty(self, duty: PlannedDuty, at: Instant, by: ActorId) -> bool:
        near = await self.planned_duties(duty.starts_at, duty.ends_at)
        if duty.unit not in self._units or any(each.unit == duty.unit for each in near):
            return False
        self._duties[duty.id] = duty
        return True

    async def drop_duty(self, duty_id: str, unit: UnitId, at: Instant, by: ActorId) -> bool:
        kept = self._duties.get(duty_id)
        if kept is None or kept.unit != unit:
            return False
        del self._duties[duty_id]
        return True
