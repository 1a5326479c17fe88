"""Units in PostgreSQL: what the writer writes of them, and what is read of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

from tocsin.kernel.shared import CaseId, Instant, Place, UnitId
from tocsin.kernel.units.state import Unit
from tocsin.runtime import codec
from tocsin.runtime.ports import Entry, Order, Position, UnitEntry, UnitRow
from tocsin.runtime.verify import UnitAudit
from tocsin.stores.applying import UnitChange, assignments
from tocsin.stores.postgres.auditing import entry_of
from tocsin.stores.postgres.connections import Connection, Dsn, Readers, Row, connect, translated
from tocsin.stores.postgres.devices import alarm_entry_of, asset_entry_of
from tocsin.stores.postgres.reach import unit_reach

LOCK_UNITS: Final = (
    "SELECT id, state, version, updated_at FROM units WHERE id = ANY($1::text[]) "
    "ORDER BY id FOR UPDATE"
)
_ENTRY: Final = "seq, unit_id, version, at, actor, command, events"
_SETTLED: Final = "xid < pg_snapshot_xmin(pg_current_snapshot())"
# The rows of a unit's cases are made anew before the new ones come: the unique index looks at each
# row at once, and a unit may leave one case and be sent to another within one transaction.
_LEAVE: Final = "DELETE FROM unit_cases WHERE unit_id = ANY($1::text[])"
_FORGET: Final = "DELETE FROM unit_positions WHERE unit_id = ANY($1::text[])"
_PUT: Final = """
INSERT INTO units (id, state, version, updated_at, agency, kind, status, duty_started_at, reach)
SELECT id, state, version, updated_at, agency, kind, status, duty_started_at, reach::text[]
  FROM unnest($1::text[], $2::bytea[], $3::int4[], $4::timestamptz[], $5::text[], $6::text[],
              $7::text[], $8::timestamptz[], $9::text[])
    AS t (id, state, version, updated_at, agency, kind, status, duty_started_at, reach)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, version = excluded.version,
  updated_at = excluded.updated_at, agency = excluded.agency, kind = excluded.kind,
  status = excluded.status, duty_started_at = excluded.duty_started_at, reach = excluded.reach"""
_ENTER: Final = """
INSERT INTO unit_cases (unit_id, case_id, is_stacked)
SELECT * FROM unnest($1::text[], $2::text[], $3::bool[])"""
_WRITE: Final = """
INSERT INTO unit_journal (unit_id, version, at, actor, command, events)
SELECT * FROM unnest($1::text[], $2::int4[], $3::timestamptz[], $4::bytea[], $5::bytea[],
                     $6::bytea[])"""
# One statement, so one snapshot: no entry can come in between the tables.
_TAIL_OF_ALL: Final = f"""
SELECT * FROM (
  (SELECT seq, case_id, version, at, actor, command, events, 'case' AS about FROM journal
    WHERE seq > $1 AND {_SETTLED} ORDER BY seq LIMIT $2)
  UNION ALL
  (SELECT seq, unit_id, version, at, actor, command, events, 'unit' FROM unit_journal
    WHERE seq > $1 AND {_SETTLED} ORDER BY seq LIMIT $2)
  UNION ALL
  (SELECT seq, asset_id, version, at, actor, command, events, 'asset' FROM asset_journal
    WHERE seq > $1 AND {_SETTLED} ORDER BY seq LIMIT $2)
  UNION ALL
  (SELECT seq, alarm_id, version, at, actor, command, events, 'alarm' FROM alarm_journal
    WHERE seq > $1 AND {_SETTLED} ORDER BY seq LIMIT $2)
) entries ORDER BY seq LIMIT $2"""
LAST_SEQ: Final = f"""
SELECT greatest(
  (SELECT seq FROM journal WHERE {_SETTLED} ORDER BY seq DESC LIMIT 1),
  (SELECT seq FROM unit_journal WHERE {_SETTLED} ORDER BY seq DESC LIMIT 1),
  (SELECT seq FROM asset_journal WHERE {_SETTLED} ORDER BY seq DESC LIMIT 1),
  (SELECT seq FROM alarm_journal WHERE {_SETTLED} ORDER BY seq DESC LIMIT 1))"""
# On duty since before the position, in the statement that keeps it: whatever comes late loses.
_PUT_POSITION: Final = """
WITH duty AS (
  SELECT id FROM units WHERE id = $1 AND duty_started_at <= $2 FOR SHARE
), kept AS (
  INSERT INTO unit_positions AS p
    (unit_id, at, received_at, lon, lat, accuracy_m, heading_deg, speed_mps)
  SELECT id, $2, $3, $4, $5, $6, $7, $8 FROM duty
  ON CONFLICT (unit_id) DO UPDATE SET at = excluded.at, received_at = excluded.received_at,
    lon = excluded.lon, lat = excluded.lat, accuracy_m = excluded.accuracy_m,
    heading_deg = excluded.heading_deg, speed_mps = excluded.speed_mps
  WHERE p.at < excluded.at
)
SELECT count(*) FROM duty"""
_POSITIONS: Final = """
SELECT p.unit_id, p.at, p.received_at, p.lon, p.lat, p.accuracy_m, p.heading_deg, p.speed_mps
  FROM unit_positions p JOIN units u ON u.id = p.unit_id
 WHERE u.duty_started_at IS NOT NULL AND p.received_at >= $1 ORDER BY p.unit_id"""
_FORGET_OLD: Final = """
WITH gone AS (DELETE FROM unit_positions WHERE received_at < $1 RETURNING 1)
SELECT count(*) FROM gone"""
_SET_KEY: Final = """
INSERT INTO unit_keys (unit_id, hash) VALUES ($1, $2)
ON CONFLICT (unit_id) DO UPDATE SET hash = excluded.hash"""


class UnitBatch:
    """What one transaction writes of units."""

    def __init__(self) -> None:
        self.states: dict[UnitId, tuple[Unit, int, Instant]] = {}
        self.journal: list[tuple[Any, ...]] = []
        self.signed_off: set[UnitId] = set()
        """Units that went off duty at any moment of the transaction: their position goes."""

    def add(self, order: Order, change: UnitChange) -> None:
        """One change of a unit; several of one unit are all in the journal, the last is its row."""
        at = order.at
        self.journal.append(
            (
                change.unit_id,
                change.version,
                at,
                codec.encode_actor(order.by),
                codec.encode_command(order.command),
                codec.encode_events(change.events),
            )
        )
        self.states[change.unit_id] = change.unit, change.version, at
        if not change.unit.is_on_duty:
            self.signed_off.add(change.unit_id)

    async def write(self, connection: Connection) -> None:
        """Inside the transaction of the batch."""
        if not self.states:
            return
        rows: list[tuple[Any, ...]] = []
        entered: list[tuple[Any, ...]] = []
        for unit_id, (unit, version, at) in sorted(self.states.items()):
            state = codec.encode_unit(unit)
            described = unit.agency, unit.kind, unit.status, unit.duty_started_at
            rows.append((unit_id, state, version, at, *described, unit_reach(unit)))
            entered += [(unit_id, *each) for each in assignments(unit)]
        await connection.execute(_PUT, *zip(*rows, strict=True))
        await connection.execute(_LEAVE, list(self.states))
        if entered:
            await connection.execute(_ENTER, *zip(*entered, strict=True))
        if self.signed_off:
            await connection.execute(_FORGET, sorted(self.signed_off))
        await connection.execute(_WRITE, *zip(*self.journal, strict=True))


async def audit_units(dsn: Dsn) -> AsyncIterator[UnitAudit]:
    """Every unit on the board or in the journal, from one snapshot. Raises Unavailable."""
    connection = await translated(connect(dsn, statement_timeout="0"))
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await connection.fetch("SELECT id, state, version, updated_at FROM units")
            assigned = await connection.fetch("SELECT unit_id, case_id, is_stacked FROM unit_cases")
            units = {row[0]: unit_row(row) for row in rows}
            known = await connection.fetch("SELECT DISTINCT unit_id FROM unit_journal")
            for unit_id in sorted({*units, *(row[0] for row in known)}):
                sql = f"SELECT {_ENTRY} FROM unit_journal WHERE unit_id = $1 ORDER BY version"
                entries = [unit_entry_of(row) for row in await connection.fetch(sql, unit_id)]
                cases = tuple((CaseId(row[1]), row[2]) for row in assigned if row[0] == unit_id)
                yield UnitAudit(UnitId(unit_id), units.get(unit_id), cases, tuple(entries))
    finally:
        await connection.close()


class Units:
    """What is read of units, and their positions; shares the pool of the readers. Small writes and
    what no person is shown go through the node's door."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._own = readers.own

    async def unit(self, unit_id: UnitId) -> UnitRow | None:
        if "\0" in unit_id:
            return None
        sql = "SELECT id, state, version, updated_at FROM units WHERE id = $1"
        row = await self._readers.fetchrow(sql, unit_id)
        return unit_row(row) if row is not None else None

    async def units(self) -> Sequence[UnitRow]:
        sql = "SELECT id, state, version, updated_at FROM units ORDER BY id"
        return [unit_row(row) for row in await self._readers.fetch(sql)]

    async def unit_journal(self, unit_id: UnitId) -> Sequence[UnitEntry]:
        if "\0" in unit_id:
            return []
        sql = f"SELECT {_ENTRY} FROM unit_journal WHERE unit_id = $1 ORDER BY version"
        return [unit_entry_of(row) for row in await self._readers.fetch(sql, unit_id)]

    async def tail_of_all(self, after_seq: int, limit: int) -> Sequence[Entry]:
        rows = await self._readers.fetch(_TAIL_OF_ALL, after_seq, limit)
        return [_ENTRIES[row["about"]](row) for row in rows]

    async def last_seq(self) -> int:
        return await self._own.fetchval(LAST_SEQ) or 0

    # -- positions

    async def put_position(self, position: Position) -> bool:
        place = position.place
        on_duty = await self._own.fetchval(
            _PUT_POSITION,
            position.unit,
            position.at,
            position.received_at,
            place.lon,
            place.lat,
            position.accuracy_m,
            position.heading_deg,
            position.speed_mps,
        )
        return bool(on_duty)

    async def positions(self, since: Instant) -> Sequence[Position]:
        rows = await self._readers.fetch(_POSITIONS, since)
        return [
            Position(UnitId(row[0]), row[1], row[2], Place(row[3], row[4]), row[5], row[6], row[7])
            for row in rows
        ]

    async def forget_positions(self, before: Instant) -> int:
        return await self._own.fetchval(_FORGET_OLD, before)

    async def set_unit_key(self, unit_id: UnitId, key_hash: bytes | None) -> None:
        if key_hash is None:
            await self._own.fetchval("DELETE FROM unit_keys WHERE unit_id = $1", unit_id)
        else:
            await self._own.fetchval(_SET_KEY, unit_id, key_hash)

    async def unit_of_key(self, key_hash: bytes) -> UnitId | None:
        sql = "SELECT unit_id FROM unit_keys WHERE hash = $1"
        found = await self._own.fetchval(sql, key_hash)
        return UnitId(found) if found is not None else None


def unit_row(row: Row) -> UnitRow:
    """One row: id, state, version, updated_at."""
    return UnitRow(codec.decode_unit(row[1]), row[2], row[3])


def unit_entry_of(row: Row) -> UnitEntry:
    """One row of the units' journal: seq, unit_id, version, at, actor, command, events."""
    return UnitEntry(
        row[0],
        UnitId(row[1]),
        row[2],
        row[3],
        codec.decode_actor(row[4]),
        codec.decode_command(row[5]),  # pyright: ignore[reportArgumentType]
        codec.decode_unit_events(row[6]),
    )


_ENTRIES: Final[Mapping[str, Callable[[Row], Entry]]] = {
    "case": entry_of,
    "unit": unit_entry_of,
    "asset": asset_entry_of,
    "alarm": alarm_entry_of,
}
"""How a row of the whole journal is read, by what it is about."""
