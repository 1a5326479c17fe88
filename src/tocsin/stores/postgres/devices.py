"""Assets and alarms in PostgreSQL: what is read of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from tocsin.kernel.shared import AlarmId, AssetId, Instant
from tocsin.runtime import codec
from tocsin.runtime.device_ports import (
    AlarmEntry,
    AlarmQuery,
    AlarmRow,
    AssetEntry,
    AssetQuery,
    AssetRow,
    Wire,
)
from tocsin.runtime.verify import DeviceAudit
from tocsin.stores.postgres.connections import Connection, Dsn, Readers, Row, connect, translated

_ROW: Final = "id, state, version, updated_at"
_ASSET_ENTRY: Final = "seq, asset_id, version, at, actor, command, events"
_ALARM_ENTRY: Final = "seq, alarm_id, version, at, actor, command, events"
_WAKING: Final = """
SELECT asset_id, id, next_wake FROM alarms WHERE next_wake <= $1
 UNION ALL SELECT id, NULL, next_wake FROM assets WHERE next_wake <= $1
 ORDER BY 3, 1, 2 LIMIT $2"""
_FORGET_SEEN: Final = """
WITH gone AS (DELETE FROM alarm_seen WHERE at < $1 RETURNING 1) SELECT count(*) FROM gone"""


class Devices:
    """What is read of assets and alarms; shares the pool of the readers. The address book and what
    wakes are the node's own."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._own = readers.own

    async def asset(self, asset_id: AssetId) -> AssetRow | None:
        if "\0" in asset_id:
            return None
        row = await self._readers.fetchrow(f"SELECT {_ROW} FROM assets WHERE id = $1", asset_id)
        return asset_row(row) if row is not None else None

    async def assets(self, query: AssetQuery) -> Sequence[AssetRow]:
        where, values = _Where(), _Values()
        if query.kinds:
            where.add(f"kind = ANY({values.put(list(query.kinds))}::text[])")
        if query.statuses:
            where.add(f"status = ANY({values.put(list(query.statuses))}::text[])")
        if query.behind is not None:
            mark = values.put(query.behind)
            where.add(f"(gateway = {mark} OR power = {mark})")
        if query.ids:
            where.add(f"id = ANY({values.put(list(query.ids))}::text[])")
        if query.after is not None:
            where.add(f"id > {values.put(query.after)}")
        limit = values.put(query.limit)
        sql = f"SELECT {_ROW} FROM assets {where} ORDER BY id LIMIT {limit}"
        return [asset_row(row) for row in await self._readers.fetch(sql, *values)]

    async def wires(self) -> Mapping[Wire, AssetId]:
        rows = await self._own.fetch("SELECT source, wire, asset_id FROM asset_wires")
        return {(row[0], row[1]): AssetId(row[2]) for row in rows}

    async def asset_journal(self, asset_id: AssetId) -> Sequence[AssetEntry]:
        if "\0" in asset_id:
            return []
        sql = f"SELECT {_ASSET_ENTRY} FROM asset_journal WHERE asset_id = $1 ORDER BY version"
        return [asset_entry_of(row) for row in await self._readers.fetch(sql, asset_id)]

    async def alarm(self, alarm_id: AlarmId) -> AlarmRow | None:
        if "\0" in alarm_id:
            return None
        row = await self._readers.fetchrow(f"SELECT {_ROW} FROM alarms WHERE id = $1", alarm_id)
        return alarm_row(row) if row is not None else None

    async def alarms(self, query: AlarmQuery) -> Sequence[AlarmRow]:
        where, values = _Where(), _Values()
        if query.open_only:
            where.add("is_open")
        if query.announced_only:
            where.add("is_announced")
        for column, wanted in (
            ("condition", query.conditions),
            ("standing", query.standings),
            ("kind", query.kinds),
            ("id", query.ids),
        ):
            if wanted:
                where.add(f"{column} = ANY({values.put(list(wanted))}::text[])")
        for column, one in (
            ("asset_id", query.asset),
            ("case_id", query.case),
            ("cause", query.cause),
            ("site", query.site),
        ):
            if one is not None:
                where.add(f"{column} = {values.put(one)}")
        if query.since is not None:
            where.add(f"opened_at >= {values.put(query.since)}")
        if query.after is not None:
            where.add(f"id {'<' if query.newest_first else '>'} {values.put(query.after)}")
        way = "DESC" if query.newest_first else "ASC"
        sql = f"SELECT {_ROW} FROM alarms {where} ORDER BY id {way} LIMIT {values.put(query.limit)}"
        return [alarm_row(row) for row in await self._readers.fetch(sql, *values)]

    async def alarm_journal(self, alarm_id: AlarmId) -> Sequence[AlarmEntry]:
        if "\0" in alarm_id:
            return []
        sql = f"SELECT {_ALARM_ENTRY} FROM alarm_journal WHERE alarm_id = $1 ORDER BY version"
        return [alarm_entry_of(row) for row in await self._readers.fetch(sql, alarm_id)]

    async def waking(self, now: Instant, limit: int) -> Sequence[tuple[AssetId, AlarmId | None]]:
        rows = await self._own.fetch(_WAKING, now, limit)
        return [(AssetId(row[0]), AlarmId(row[1]) if row[1] else None) for row in rows]

    async def forget_seen(self, before: Instant) -> int:
        return await self._own.fetchval(_FORGET_SEEN, before)


class _Where:
    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(self, part: str) -> None:
        self._parts.append(part)

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self._parts)}" if self._parts else ""


class _Values(list[Any]):
    def put(self, value: object) -> str:
        """Keeps a value; its mark in the statement."""
        self.append(value)
        return f"${len(self)}"


async def audit_devices(dsn: Dsn) -> AsyncIterator[DeviceAudit]:
    """Every asset and alarm on the board or in the journal, from one snapshot."""
    connection = await translated(connect(dsn, statement_timeout="0"))
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for table, about in (("asset", "assets"), ("alarm", "alarms")):
                told = f"SELECT {table}_id FROM {table}_journal"
                ids = await connection.fetch(f"SELECT id FROM {about} UNION {told} ORDER BY 1")
                for (each,) in ids:
                    yield await _audit(connection, table, about, each)
    finally:
        await connection.close()


async def _audit(connection: Connection, table: str, about: str, each: str) -> DeviceAudit:
    row = await connection.fetchrow(f"SELECT {_ROW} FROM {about} WHERE id = $1", each)
    entry = _ASSET_ENTRY if table == "asset" else _ALARM_ENTRY
    sql = f"SELECT {entry} FROM {table}_journal WHERE {table}_id = $1 ORDER BY version"
    rows = await connection.fetch(sql, each)
    if table == "asset":
        return DeviceAudit(
            each,
            asset=asset_row(row) if row is not None else None,
            asset_entries=tuple(asset_entry_of(line) for line in rows),
        )
    return DeviceAudit(
        each,
        is_alarm=True,
        alarm=alarm_row(row) if row is not None else None,
        alarm_entries=tuple(alarm_entry_of(line) for line in rows),
    )


def asset_row(row: Row) -> AssetRow:
    """One row: id, state, version, updated_at."""
    return AssetRow(codec.decode_asset(row[1]), row[2], row[3])


def alarm_row(row: Row) -> AlarmRow:
    """One row: id, state, version, updated_at."""
    return AlarmRow(codec.decode_alarm(row[1]), row[2], row[3])


def asset_entry_of(row: Row) -> AssetEntry:
    """One row of the assets' journal: seq, asset_id, version, at, actor, command, events."""
    return AssetEntry(
        row[0],
        AssetId(row[1]),
        row[2],
        row[3],
        codec.decode_actor(row[4]),
        codec.decode_command(row[5]),  # pyright: ignore[reportArgumentType]
        codec.decode_asset_events(row[6]),
    )


def alarm_entry_of(row: Row) -> AlarmEntry:
    """One row of the alarms' journal: seq, alarm_id, version, at, actor, command, events."""
    return AlarmEntry(
        row[0],
        AlarmId(row[1]),
        row[2],
        row[3],
        codec.decode_actor(row[4]),
        codec.decode_command(row[5]),  # pyright: ignore[reportArgumentType]
        codec.decode_alarm_events(row[6]),
    )
