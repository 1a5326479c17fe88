"""The devices' part of `ports.Store` on PostgreSQL: reads, and the lane of signs of life."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from tocsin.kernel.shared import ActorId, AlarmId, AssetId, Instant
from tocsin.runtime.device_ports import (
    AlarmEntry,
    AlarmQuery,
    AlarmRow,
    AssetEntry,
    AssetQuery,
    AssetRow,
    Sign,
    Wire,
)
from tocsin.runtime.verify import DeviceAudit
from tocsin.stores.postgres import site_codes
from tocsin.stores.postgres.chains import ChainReads
from tocsin.stores.postgres.connections import Dsn, Readers
from tocsin.stores.postgres.devices import Devices, audit_devices
from tocsin.stores.postgres.signs import SignWriter


class DeviceReads(ChainReads):
    """What the store knows of assets, alarms and signs of life, and of chains of alerts."""

    def __init__(self, dsn: Dsn, readers: Readers) -> None:
        super().__init__(readers)
        self._where = dsn
        self._pool = readers.own
        self._devices = Devices(readers)
        self._signs = SignWriter(dsn, readers)

    async def asset(self, asset_id: AssetId) -> AssetRow | None:
        return await self._devices.asset(asset_id)

    async def assets(self, query: AssetQuery) -> Sequence[AssetRow]:
        return await self._devices.assets(query)

    async def wires(self) -> Mapping[Wire, AssetId]:
        return await self._devices.wires()

    async def asset_journal(self, asset_id: AssetId) -> Sequence[AssetEntry]:
        return await self._devices.asset_journal(asset_id)

    async def alarm(self, alarm_id: AlarmId) -> AlarmRow | None:
        return await self._devices.alarm(alarm_id)

    async def alarms(self, query: AlarmQuery) -> Sequence[AlarmRow]:
        return await self._devices.alarms(query)

    async def alarm_journal(self, alarm_id: AlarmId) -> Sequence[AlarmEntry]:
        return await self._devices.alarm_journal(alarm_id)

    async def devices_waking(
        self, now: Instant, limit: int
    ) -> Sequence[tuple[AssetId, AlarmId | None]]:
        return await self._devices.waking(now, limit)

    async def forget_seen(self, before: Instant) -> int:
        return await self._devices.forget_seen(before)

    async def put_signs(self, signs: Sequence[Sign]) -> None:
        """Durable when it returns; see `stores.postgres.signs`."""
        await self._signs.put(signs)

    async def signs(self, assets: Sequence[AssetId] | None = None) -> Sequence[Sign]:
        return await self._signs.read(assets)

    async def put_site_code(
        self, site: AssetId, hashed: str | None, at: Instant, by: ActorId
    ) -> None:
        await site_codes.put_site_code(self._pool, site, hashed, at, by)

    async def site_codes(self, sites: Sequence[AssetId]) -> Mapping[AssetId, str]:
        return await site_codes.site_codes(self._pool, sites)

    def audit_devices(self) -> AsyncIterator[DeviceAudit]:
        """Assets and alarms with their journals; see `runtime.verify`."""
        return audit_devices(self._where)
