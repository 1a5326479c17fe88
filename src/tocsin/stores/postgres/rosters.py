"""Planned duties in PostgreSQL: rows and their change in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tocsin.kernel.shared import ActorId, Instant, UnitId
from tocsin.runtime.rosters import PlannedDuty
from tocsin.stores.postgres.connections import Readers, Row
from tocsin.stores.postgres.directory import CHANGE

_DUTY: Final = "id, unit_id, starts_at, ends_at, crew_size, shift"
_PLANNED: Final = f"""
SELECT {_DUTY} FROM planned_duties WHERE ends_at > $1 AND starts_at < $2
 ORDER BY starts_at, unit_id, id"""
_PLAN: Final = f"""
INSERT INTO planned_duties ({_DUTY}) SELECT $1, $2, $3, $4, $5, $6
 WHERE NOT EXISTS (SELECT 1 FROM planned_duties
                    WHERE unit_id = $2 AND ends_at > $3 AND starts_at < $4)
RETURNING id"""


class Rosters:
    """Shares the pool of the readers: plans are read through the door of who looks, and made
    through the node's. Every method may raise Unavailable."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._own = readers.own

    async def planned_duties(self, since: Instant, until: Instant) -> Sequence[PlannedDuty]:
        return [_duty(row) for row in await self._readers.fetch(_PLANNED, since, until)]

    async def plan_duty(self, duty: PlannedDuty, at: Instant, by: ActorId) -> bool:
        async with self._own.acquire() as connection, connection.transaction():
            # The unit's row is what two planners of one unit wait at.
            known = await connection.fetchval(
                "SELECT id FROM units WHERE id = $1 FOR NO KEY UPDATE", duty.unit
            )
            if known is None or await connection.fetchval(_PLAN, *_values(duty)) is None:
                return False
            await connection.execute(CHANGE, at, by, "roster", duty.id, None, _content(duty))
        return True

    async def drop_duty(self, duty_id: str, unit: UnitId, at: Instant, by: ActorId) -> bool:
        async with self._own.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                f"DELETE FROM planned_duties WHERE id = $1 AND unit_id = $2 RETURNING {_DUTY}",
                duty_id,
                unit,
            )
            if row is None:
                return False
            before = _content(_duty(row))
            await connection.execute(CHANGE, at, by, "roster", duty_id, before, None)
        return True


def _values(duty: PlannedDuty) -> tuple[object, ...]:
    return duty.id, duty.unit, duty.starts_at, duty.ends_at, duty.crew_size, duty.shift


def _duty(row: Row) -> PlannedDuty:
    return PlannedDuty(row[0], UnitId(row[1]), row[2], row[3], row[4], row[5])


def _content(duty: PlannedDuty) -> bytes:
    return msgspec.json.encode(duty)
