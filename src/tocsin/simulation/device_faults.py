"""The devices' part of a store that fails: every read may find it out of reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tocsin.kernel.shared import ActorId, AlarmId, AssetId, Instant
from tocsin.runtime.device_ports import (
    AlarmEntry,
    AlarmQuery,
    AlarmRow,
    AssetEntry,
    AssetQuery,
    AssetRow,
    DeviceStore,
    Sign,
    Wire,
)


class FaultyDevices:
    """Hands on to `devices` after `reach`, which may raise."""

    def __init__(self, devices: DeviceStore, reach: Callable[[], None]) -> None:
        self._devices = devices
        self._reach_devices = reach

    async def asset(self, asset_id: AssetId) -> AssetRow | None:
        self._reach_devices()
        return await self._devices.asset(asset_id)

    async def assets(self, query: AssetQuery) -> Sequence[AssetRow]:
        self._reach_devices()
        return await self._devices.assets(query)

    async def wires(self) -> Mapping[Wire, AssetId]:
        self._reach_devices()
        return await self._devices.wires()

    async def asset_journal(self, asset_id: AssetId) -> Sequence[AssetEntry]:
        self._reach_devices()
        return await self._devices.asset_journal(asset_id)

    async def alarm(self, alarm_id: AlarmId) -> AlarmRow | None:
        self._reach_devices()
        return await self._devices.alarm(alarm_id)

    async def alarms(self, query: AlarmQuery) -> Sequence[AlarmRow]:
        self._reach_devices()
        return await self._devices.alarms(query)

    async def alarm_journal(self, alarm_id: AlarmId) -> Sequence[AlarmEntry]:
        self._reach_devices()
        return await self._devices.alarm_journal(alarm_id)

    async def devices_waking(
        self, now: Instant, limit: int
    ) -> Sequence[tuple[AssetId, AlarmId | None]]:
        self._reach_devices()
        return await self._devices.devices_waking(now, limit)

    async def forget_seen(self, before: Instant) -> int:
        self._reach_devices()
        return await self._devices.forget_seen(before)

    async def put_site_code(
        self, site: AssetId, hashed: str | None, at: Instant, by: ActorId
    ) -> None:
        self._reach_devices()
        await self._devices.put_site_code(site, hashed, at, by)

    async def site_codes(self, sites: Sequence[AssetId]) -> Mapping[AssetId, str]:
        self._reach_devices()
        return await self._devices.site_codes(sites)

    async def put_signs(self, signs: Sequence[Sign]) -> None:
        self._reach_devices()
        await self._devices.put_signs(signs)

    async def signs(self, assets: Sequence[AssetId] | None = None) -> Sequence[Sign]:
        self._reach_devices()
        return await self._devices.signs(assets)
