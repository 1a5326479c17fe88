"""Assets, alarms and signs of life in memory: the reference of what PostgreSQL must do."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, cast

from tocsin.kernel.alarming import Ended, Scene
from tocsin.kernel.alarms.state import Alarm, Seen
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.shared import ActorId, AlarmId, AssetId, CaseId, Instant, Refused
from tocsin.runtime.device_ports import (
    AlarmEntry,
    AlarmQuery,
    AlarmRow,
    AssetEntry,
    AssetQuery,
    AssetRow,
    DeviceOrder,
    Sign,
    Wire,
)
from tocsin.runtime.ports import Order
from tocsin.runtime.verify import DeviceAudit
from tocsin.stores.applying import Applied, Found, target_of


class MemoryDevices:
    """The devices' part of `ports.Store`."""

    def __init__(self) -> None:
        self._assets: dict[AssetId, AssetRow] = {}
        self._alarms: dict[AlarmId, AlarmRow] = {}
        self._device_entries: list[AssetEntry | AlarmEntry] = []
        self._seen: dict[bytes, Seen] = {}
        self._signs: dict[AssetId, Sign] = {}
        self._site_codes: dict[AssetId, str] = {}

    def found_device(self, device: DeviceOrder, ended: Callable[[CaseId], Ended | None]) -> Found:
        """What an order sees. `ended` tells how a case ended, None while it is open."""
        row = self._assets.get(device.asset)
        opened = [each for each in self._alarms.values() if each.alarm.is_open]
        own = {e.alarm.id: e for e in opened if _about(e).asset == device.asset}
        target = target_of(device, {_about(e).kind: each for each, e in own.items()})
        rows = {each: own[each] for each in sorted(own)}
        if target is not None and target in self._alarms:
            rows[target] = self._alarms[target]
        alarms = {each: found.alarm for each, found in rows.items()}
        if target is not None:
            alarms.setdefault(target, Alarm(target))
        there = [each for each in opened if device.site and _about(each).site == device.site]
        cases = [e.alarm.case for e in there if e.alarm.case and ended(e.alarm.case) is None]
        asked = [*device.asks, *(each.case for each in alarms.values() if each.case is not None)]
        others = (
            each
            for each in there
            if _about(each).kind == device.kind and _about(each).asset != device.asset
        )
        scene = Scene(
            row.asset if row is not None else Asset(device.asset),
            target,
            alarms,
            self._seen.get(device.seen) if device.seen and not device.is_new else None,
            max(cases, default=None),
            any(not each.alarm.is_muted for each in others),
            {case: end for case in asked if (end := ended(case)) is not None},
        )
        wires = self._wires()
        return Found(scene, row, rows, {w: wires[w] for w in device.wires if w in wires})

    def keep_device(self, order: Order, applied: Applied, next_seq: Callable[[], int]) -> None:
        """Writes rows and journal entries."""
        at, by, command = order.at, order.by, cast(Any, order.command)
        if (change := applied.asset) is not None:
            self._assets[change.asset_id] = AssetRow(change.asset, change.version, at)
            self._device_entries.append(
                AssetEntry(
                    next_seq(), change.asset_id, change.version, at, by, command, change.events
                )
            )
        for each in applied.alarms:
            self._alarms[each.alarm_id] = AlarmRow(each.alarm, each.version, at)
            self._device_entries.append(
                AlarmEntry(next_seq(), each.alarm_id, each.version, at, by, command, each.events)
            )
        if applied.seen is not None:
            self._seen[applied.seen[0]] = Seen(applied.seen[1], at)

    def check_device(self, applied: Applied | Refused) -> None:
        """The constraint: one open alarm of a kind and a device. Raises ValueError."""
        if isinstance(applied, Refused):
            return
        for change in applied.alarms:
            about = change.alarm.about
            if about is None or not change.alarm.is_open:
                continue
            for other in self._alarms.values():
                is_other = other.alarm.is_open and other.alarm.id != change.alarm_id
                same = (_about(other).asset, _about(other).kind) == (about.asset, about.kind)
                if is_other and same:
                    raise ValueError("two open alarms of one kind and device")

    def device_tail(self, after_seq: int, limit: int) -> Sequence[AssetEntry | AlarmEntry]:
        """The first entries of devices after a number."""
        start = bisect_right(self._device_entries, after_seq, key=lambda entry: entry.seq)
        return self._device_entries[start : start + limit]

    def _wires(self) -> dict[Wire, AssetId]:
        return {
            wire: row.asset.id
            for row in self._assets.values()
            if row.asset.status != "retired"
            for wire in row.asset.about.wires
        }

    # -- reading

    async def asset(self, asset_id: AssetId) -> AssetRow | None:
        return self._assets.get(asset_id)

    async def assets(self, query: AssetQuery) -> Sequence[AssetRow]:
        found = [self._assets[each] for each in sorted(self._assets)]
        return [row for row in found if _fits_asset(query, row)][: query.limit]

    async def wires(self) -> Mapping[Wire, AssetId]:
        return self._wires()

    async def asset_journal(self, asset_id: AssetId) -> Sequence[AssetEntry]:
        entries = (each for each in self._device_entries if isinstance(each, AssetEntry))
        return [each for each in entries if each.asset_id == asset_id]

    async def alarm(self, alarm_id: AlarmId) -> AlarmRow | None:
        return self._alarms.get(alarm_id)

    async def alarms(self, query: AlarmQuery) -> Sequence[AlarmRow]:
        found = [self._alarms[each] for each in sorted(self._alarms, reverse=query.newest_first)]
        return [row for row in found if _fits_alarm(query, row)][: query.limit]

    async def alarm_journal(self, alarm_id: AlarmId) -> Sequence[AlarmEntry]:
        entries = (each for each in self._device_entries if isinstance(each, AlarmEntry))
        return [each for each in entries if each.alarm_id == alarm_id]

    async def devices_waking(
        self, now: Instant, limit: int
    ) -> Sequence[tuple[AssetId, AlarmId | None]]:
        due: list[tuple[Instant, AssetId, str]] = []
        for row in self._alarms.values():
            if row.alarm.next_wake is not None and row.alarm.next_wake <= now:
                due.append((row.alarm.next_wake, _about(row).asset, row.alarm.id))
        for each in self._assets.values():
            if each.asset.next_wake is not None and each.asset.next_wake <= now:
                due.append((each.asset.next_wake, each.asset.id, ""))
        due.sort()
        return [(asset, AlarmId(alarm) if alarm else None) for _, asset, alarm in due[:limit]]

    async def forget_seen(self, before: Instant) -> int:
        old = [each for each, seen in self._seen.items() if seen.at < before]
        for each in old:
            del self._seen[each]
        return len(old)

    async def put_site_code(
        self, site: AssetId, hashed: str | None, at: Instant, by: ActorId
    ) -> None:
        self._site_codes.pop(site, None)
        if hashed is not None:
            self._site_codes[site] = hashed

    async def site_codes(self, sites: Sequence[AssetId]) -> Mapping[AssetId, str]:
        return {each: self._site_codes[each] for each in sites if each in self._site_codes}

    async def put_signs(self, signs: Sequence[Sign]) -> None:
        for sign in signs:
            kept = self._signs.get(sign.asset)
            if kept is None or kept.heard_at <= sign.heard_at:
                self._signs[sign.asset] = sign

    async def signs(self, assets: Sequence[AssetId] | None = None) -> Sequence[Sign]:
        wanted = self._signs if assets is None else [e for e in assets if e in self._signs]
        return [self._signs[each] for each in sorted(wanted)]

    async def audit_devices(self) -> AsyncIterator[DeviceAudit]:
        """See `runtime.verify`."""
        told = {e.asset_id for e in self._device_entries if isinstance(e, AssetEntry)}
        for asset_id in sorted(self._assets.keys() | told):
            entries = tuple(await self.asset_journal(asset_id))
            yield DeviceAudit(asset_id, asset=self._assets.get(asset_id), asset_entries=entries)
        raised = {e.alarm_id for e in self._device_entries if isinstance(e, AlarmEntry)}
        for alarm_id in sorted(self._alarms.keys() | raised):
            lines = tuple(await self.alarm_journal(alarm_id))
            row = self._alarms.get(alarm_id)
            yield DeviceAudit(alarm_id, is_alarm=True, alarm=row, alarm_entries=lines)


def _about(row: AlarmRow) -> Any:
    assert row.alarm.about is not None, "an alarm on the board is about something"
    return row.alarm.about


def _fits_asset(query: AssetQuery, row: AssetRow) -> bool:
    asset, about = row.asset, row.asset.about
    return (
        (not query.kinds or about.kind in query.kinds)
        and (not query.statuses or asset.status in query.statuses)
        and (query.behind is None or query.behind in (about.gateway, about.power))
        and (not query.ids or asset.id in query.ids)
        and (query.after is None or asset.id > query.after)
    )


def _fits_alarm(query: AlarmQuery, row: AlarmRow) -> bool:
    alarm, about = row.alarm, _about(row)
    is_later = query.after is None or (
        alarm.id < query.after if query.newest_first else alarm.id > query.after
    )
    opened = alarm.opened_at
    return (
        is_later
        and (not query.open_only or alarm.is_open)
        and (not query.announced_only or alarm.is_announced)
        and (not query.conditions or alarm.condition in query.conditions)
        and (not query.standings or alarm.standing in query.standings)
        and (not query.kinds or about.kind in query.kinds)
        and (query.asset is None or about.asset == query.asset)
        and (query.case is None or alarm.case == query.case)
        and (query.cause is None or alarm.cause == query.cause)
        and (query.site is None or about.site == query.site)
        and (query.since is None or (opened is not None and opened >= query.since))
        and (not query.ids or alarm.id in query.ids)
    )
