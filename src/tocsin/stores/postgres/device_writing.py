"""Assets and alarms in PostgreSQL: what the writer looks up, and what it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tocsin.kernel.alarming import Ended, Scene
from tocsin.kernel.alarms.state import Alarm, Seen
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.shared import AlarmId, AssetId, CaseId, Instant
from tocsin.runtime import codec
from tocsin.runtime.device_ports import (
    AlarmRow,
    AssetRow,
    DeviceOrder,
    Wire,
)
from tocsin.runtime.ports import Order
from tocsin.stores.applying import AlarmChange, Applied, AssetChange, Found, target_of
from tocsin.stores.postgres.connections import Connection, Row
from tocsin.stores.postgres.devices import alarm_row, asset_row
from tocsin.stores.postgres.reach import KEPT_REACH, NEW_REACH, alarm_areas, asset_reach

_ROW: Final = "id, state, version, updated_at"
_LOCK_ASSETS: Final = f"SELECT {_ROW} FROM assets WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
_LOCK_ALARMS: Final = f"""
SELECT {_ROW} FROM alarms
 WHERE id = ANY($1::text[]) OR (asset_id = ANY($2::text[]) AND is_open) ORDER BY id FOR UPDATE"""
_FIND_SEEN: Final = "SELECT digest, alarm_id, at FROM alarm_seen WHERE digest = ANY($1::bytea[])"
_FIND_WIRES: Final = """
SELECT w.source, w.wire, w.asset_id FROM unnest($1::text[], $2::text[]) AS t (source, wire)
  JOIN asset_wires w USING (source, wire)"""
# Which kinds are open at a site, on which assets (the first and the last of them tell whether there
# is another than one's own), and the newest case of it that is open itself.
_FIND_SITES: Final = """
SELECT a.site, a.kind, min(a.asset_id) FILTER (WHERE a.standing = 'normal'),
       max(a.asset_id) FILTER (WHERE a.standing = 'normal'), max(c.id)
  FROM alarms a LEFT JOIN cases c ON c.id = a.case_id AND c.is_open
 WHERE a.is_open AND a.site = ANY($1::text[]) GROUP BY a.site, a.kind"""
# Cases that are over: few, for their alarms hear of it within a second.
_FIND_ENDED: Final = "SELECT id, state FROM cases WHERE id = ANY($1::text[]) AND NOT is_open"
# An asset that changes hands takes its alarms along, in the same statement.
_PUT_ASSETS: Final = f"""
WITH was AS (
  SELECT id, parties FROM assets WHERE id = ANY($1::text[])
), put AS (
  INSERT INTO assets (id, state, version, updated_at, kind, status, gateway, power, next_wake,
                      reach, parties)
  SELECT id, state, version, updated_at, kind, status, gateway, power, next_wake, reach::text[],
         parties::text[]
    FROM unnest($1::text[], $2::bytea[], $3::int4[], $4::timestamptz[], $5::text[], $6::text[],
                $7::text[], $8::text[], $9::timestamptz[], $10::text[], $11::text[])
      AS t (id, state, version, updated_at, kind, status, gateway, power, next_wake, reach, parties)
  ON CONFLICT (id) DO UPDATE SET state = excluded.state, version = excluded.version,
    updated_at = excluded.updated_at, kind = excluded.kind, status = excluded.status,
    gateway = excluded.gateway, power = excluded.power, next_wake = excluded.next_wake,
    reach = excluded.reach, parties = excluded.parties
  RETURNING id, parties
)
UPDATE alarms a SET reach = {KEPT_REACH}
  FROM put JOIN was ON was.id = put.id AND was.parties <> put.parties
 WHERE a.asset_id = put.id"""
_LEAVE_WIRES: Final = "DELETE FROM asset_wires WHERE asset_id = ANY($1::text[])"
_ENTER_WIRES: Final = """
INSERT INTO asset_wires (source, wire, asset_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[])"""
_WRITE_ASSETS: Final = """
INSERT INTO asset_journal (asset_id, version, at, actor, command, events)
SELECT * FROM unnest($1::text[], $2::int4[], $3::timestamptz[], $4::bytea[], $5::bytea[],
                     $6::bytea[])"""
_PUT_ALARMS: Final = f"""
INSERT INTO alarms (id, state, version, updated_at, asset_id, kind, condition, standing, is_open,
                    is_announced, site, case_id, cause, opened_at, next_wake, reach)
SELECT t.id, t.state, t.version, t.updated_at, t.asset_id, t.kind, t.condition, t.standing,
       t.is_open, t.is_announced, t.site, t.case_id, t.cause, t.opened_at, t.next_wake,
       {NEW_REACH}
  FROM unnest($1::text[], $2::bytea[], $3::int4[], $4::timestamptz[], $5::text[], $6::text[],
              $7::text[], $8::text[], $9::bool[], $10::bool[], $11::text[], $12::text[],
              $13::text[], $14::timestamptz[], $15::timestamptz[], $16::text[])
    WITH ORDINALITY AS t (id, state, version, updated_at, asset_id, kind, condition, standing,
      is_open, is_announced, site, case_id, cause, opened_at, next_wake, areas, n)
  JOIN assets s ON s.id = t.asset_id
 ORDER BY t.n
ON CONFLICT (id) DO UPDATE SET state = excluded.state, version = excluded.version,
  updated_at = excluded.updated_at, condition = excluded.condition, standing = excluded.standing,
  is_open = excluded.is_open, is_announced = excluded.is_announced, case_id = excluded.case_id,
  cause = excluded.cause, next_wake = excluded.next_wake, site = excluded.site,
  reach = excluded.reach"""
_WRITE_ALARMS: Final = """
INSERT INTO alarm_journal (alarm_id, version, at, actor, command, events)
SELECT * FROM unnest($1::text[], $2::int4[], $3::timestamptz[], $4::bytea[], $5::bytea[],
                     $6::bytea[])"""
_PUT_SEEN: Final = """
INSERT INTO alarm_seen (digest, alarm_id, at)
SELECT * FROM unnest($1::bytea[], $2::text[], $3::timestamptz[])
ON CONFLICT (digest) DO UPDATE SET alarm_id = excluded.alarm_id, at = excluded.at"""


ASSETS_MAX: Final = 20_000
"""Assets whose state is kept as it was read last: about 30 MB at most, and less where the book of
devices holds the same values."""


class ReadAssets:
    """Assets as they were read last. A version of an asset has one state for ever, so what has the
    version that the locked row has need not be read from its JSON again."""

    def __init__(self, most: int = ASSETS_MAX) -> None:
        self._rows: dict[AssetId, AssetRow] = {}
        self._most = most

    def row(self, found: Row) -> AssetRow:
        """The row that was found: id, state, version, updated_at."""
        known = self._rows.get(found[0])
        if known is not None and known.version == found[2]:
            return known
        row = asset_row(found)
        self._rows.pop(row.asset.id, None)
        if len(self._rows) >= self._most:
            del self._rows[next(iter(self._rows))]
        self._rows[row.asset.id] = row
        return row


@dataclass(slots=True)
class _Site:
    """What is open at one site."""

    case: CaseId | None = None
    assets: dict[str, set[AssetId]] = field(default_factory=dict[str, set[AssetId]])
    """By kind, at least two of them where there are more."""


@dataclass(slots=True)
class KnownDevices:
    """What a transaction has read of devices, and what its own orders made of it so far."""

    read: ReadAssets
    assets: dict[AssetId, AssetRow] = field(default_factory=dict[AssetId, AssetRow])
    alarms: dict[AlarmId, AlarmRow] = field(default_factory=dict[AlarmId, AlarmRow])
    open: dict[AssetId, dict[str, AlarmId]] = field(
        default_factory=dict[AssetId, dict[str, AlarmId]]
    )
    seen: dict[bytes, Seen] = field(default_factory=dict[bytes, Seen])
    sites: dict[str, _Site] = field(default_factory=dict[str, _Site])
    wires: dict[Wire, AssetId] = field(default_factory=dict[Wire, AssetId])
    ended: dict[CaseId, Ended] = field(default_factory=dict[CaseId, Ended])

    async def look_up(self, connection: Connection, orders: Sequence[DeviceOrder]) -> None:
        """Locks the assets and alarms of the orders in the order of ids, and reads the rest."""
        assets = sorted({each.asset for each in orders})
        named = sorted({each.alarm for each in orders if each.alarm is not None})
        for row in await connection.fetch(_LOCK_ASSETS, assets):
            self.assets[row[0]] = self.read.row(row)
        for row in await connection.fetch(_LOCK_ALARMS, named, assets):
            self.note_alarm(alarm_row(row))
        asked = {row.alarm.case for row in self.alarms.values() if row.alarm.case is not None}
        asked.update(case for each in orders for case in each.asks)
        if asked:
            for case, state in await connection.fetch(_FIND_ENDED, sorted(asked)):
                found = codec.decode_case(state)
                self.ended[CaseId(case)] = found.status, found.disposition
        if digests := sorted({each.seen for each in orders if each.seen is not None}):
            for row in await connection.fetch(_FIND_SEEN, digests):
                self.seen[bytes(row[0])] = Seen(AlarmId(row[1]), row[2])
        if sites := sorted({each.site for each in orders if each.site}):
            for site, kind, first, last, case in await connection.fetch(_FIND_SITES, sites):
                there = self.sites.setdefault(site, _Site())
                there.assets[kind] = {AssetId(each) for each in (first, last) if each is not None}
                if case is not None:
                    there.case = CaseId(max(case, there.case or ""))
        if wires := sorted({wire for each in orders for wire in each.wires}):
            sources, addresses = zip(*wires, strict=True)
            for row in await connection.fetch(_FIND_WIRES, sources, addresses):
                self.wires[row[0], row[1]] = AssetId(row[2])

    def found(self, device: DeviceOrder) -> Found:
        """What an order sees."""
        row = self.assets.get(device.asset)
        kinds = self.open.get(device.asset, {})
        target = target_of(device, kinds)
        rows = {each: self.alarms[each] for each in sorted(kinds.values())}
        if target is not None and target in self.alarms:
            rows[target] = self.alarms[target]
        alarms = {each: row.alarm for each, row in rows.items()}
        if target is not None and target not in alarms:
            alarms[target] = Alarm(target)
        site = self.sites.get(device.site, _Site())
        scene = Scene(
            row.asset if row is not None else Asset(device.asset),
            target,
            alarms,
            self.seen.get(device.seen) if device.seen and not device.is_new else None,
            site.case,
            bool(site.assets.get(device.kind, set()) - {device.asset}),
            self.ended,
        )
        owners = {wire: self.wires[wire] for wire in device.wires if wire in self.wires}
        return Found(scene, row, rows, owners)

    def note(self, order: Order, applied: Applied) -> None:
        """What an applied order made of it."""
        if applied.asset is not None:
            change = applied.asset
            self.assets[change.asset_id] = AssetRow(change.asset, change.version, order.at)
            self.wires = {w: each for w, each in self.wires.items() if each != change.asset_id}
            self.wires.update(dict.fromkeys(wires_of(change.asset), change.asset_id))
        for each in applied.alarms:
            self.note_alarm(AlarmRow(each.alarm, each.version, order.at))
            case, about = each.alarm.case, each.alarm.about
            if case is not None and case not in self.ended and about is not None:
                self.sites[about.site].case = case
        if applied.seen is not None:
            self.seen[applied.seen[0]] = Seen(applied.seen[1], order.at)

    def note_alarm(self, row: AlarmRow) -> None:
        """One alarm as it is now."""
        alarm = row.alarm
        self.alarms[alarm.id] = row
        about = alarm.about
        if about is None:
            return
        kinds = self.open.setdefault(about.asset, {})
        if alarm.is_open:
            kinds[about.kind] = alarm.id
        elif kinds.get(about.kind) == alarm.id:
            del kinds[about.kind]
        site = self.sites.setdefault(about.site, _Site())
        there = site.assets.setdefault(about.kind, set())
        if alarm.is_open and not alarm.is_muted:
            there.add(about.asset)
        else:
            there.discard(about.asset)


class DeviceBatch:
    """What one transaction writes of assets and alarms."""

    def __init__(self) -> None:
        self.assets: dict[AssetId, tuple[Asset, int, Instant]] = {}
        self.alarms: dict[AlarmId, tuple[Alarm, int, Instant]] = {}
        self.asset_journal: list[tuple[Any, ...]] = []
        self.alarm_journal: list[tuple[Any, ...]] = []
        self.seen: dict[bytes, tuple[AlarmId, Instant]] = {}

    @property
    def is_empty(self) -> bool:
        return not (self.assets or self.alarms)

    def add(self, order: Order, applied: Applied) -> None:
        """The changes of one order. All of them, or (where one cannot be written down) none and
        the error."""
        actor, command = codec.encode_actor(order.by), codec.encode_command(order.command)
        alarms = [_line(each.alarm_id, each, order, actor, command) for each in applied.alarms]
        if (change := applied.asset) is not None:
            line = _line(change.asset_id, change, order, actor, command)
            self.asset_journal.append(line)
            self.assets[change.asset_id] = change.asset, change.version, order.at
        self.alarm_journal += alarms
        for each in applied.alarms:
            self.alarms[each.alarm_id] = each.alarm, each.version, order.at
        if applied.seen is not None:
            self.seen[applied.seen[0]] = applied.seen[1], order.at

    async def write(self, connection: Connection) -> None:
        """Inside the transaction of the batch."""
        if self.assets:
            await self._write_assets(connection)
        if self.alarms:
            rows = [_alarm_columns(*each) for _, each in _closed_first(self.alarms)]
            await connection.execute(_PUT_ALARMS, *zip(*rows, strict=True))
            await connection.execute(_WRITE_ALARMS, *zip(*self.alarm_journal, strict=True))
        if self.seen:
            seen = [(digest, *kept) for digest, kept in sorted(self.seen.items())]
            await connection.execute(_PUT_SEEN, *zip(*seen, strict=True))

    async def _write_assets(self, connection: Connection) -> None:
        rows: list[tuple[Any, ...]] = []
        wires: list[tuple[str, str, AssetId]] = []
        for asset_id, (asset, version, at) in sorted(self.assets.items()):
            about = asset.about
            state = codec.encode_asset(asset)
            hangs = about.gateway, about.power
            described = about.kind, asset.status, *hangs, asset.next_wake, *asset_reach(asset)
            rows.append((asset_id, state, version, at, *described))
            wires += [(*wire, asset_id) for wire in wires_of(asset)]
        await connection.execute(_PUT_ASSETS, *zip(*rows, strict=True))
        await connection.execute(_LEAVE_WIRES, sorted(self.assets))
        if wires:
            await connection.execute(_ENTER_WIRES, *zip(*wires, strict=True))
        await connection.execute(_WRITE_ASSETS, *zip(*self.asset_journal, strict=True))


def _closed_first(
    alarms: Mapping[AlarmId, tuple[Alarm, int, Instant]],
) -> list[tuple[AlarmId, tuple[Alarm, int, Instant]]]:
    """The unique index looks at each row at once: what is closed goes before what is opened."""
    return sorted(alarms.items(), key=lambda each: (each[1][0].is_open, each[0]))


def wires_of(asset: Asset) -> tuple[Wire, ...]:
    """The addresses that are the asset's now; one that is gone has none."""
    return () if asset.status == "retired" else asset.about.wires


def _line(
    about: str, change: AssetChange | AlarmChange, order: Order, actor: bytes, command: bytes
) -> tuple[Any, ...]:
    events = codec.encode_events(change.events)
    return about, change.version, order.at, actor, command, events


def _alarm_columns(alarm: Alarm, version: int, at: Instant) -> tuple[Any, ...]:
    about = alarm.about
    assert about is not None and alarm.opened_at is not None, "an alarm is about something"
    return (
        alarm.id,
        codec.encode_alarm(alarm),
        version,
        at,
        about.asset,
        about.kind,
        alarm.condition,
        alarm.standing,
        alarm.is_open,
        alarm.is_announced,
        about.site,
        alarm.case,
        alarm.cause,
        alarm.opened_at,
        alarm.next_wake,
        alarm_areas(alarm),
    )
