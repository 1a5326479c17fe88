"""What the runtime needs of a store for assets and alarms, and for the signs of life of devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from tocsin.kernel.alarming import DeviceDecision, Scene
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.alarms.vocabulary import Command as AlarmCommand
from tocsin.kernel.alarms.vocabulary import Event as AlarmEvent
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.assets.vocabulary import Command as AssetCommand
from tocsin.kernel.assets.vocabulary import Event as AssetEvent
from tocsin.kernel.shared import Actor, ActorId, AlarmId, AssetId, CaseId, Instant, Refused

Wire = tuple[str, str]
"""(intake, address): under which an asset speaks."""


class DeviceOrder(msgspec.Struct, frozen=True):
    """The part of an order that is about an asset or one of its alarms.

    The store locks the asset (one that does not exist comes as "absent") with its open alarms,
    looks up what the scene needs, and calls `plan`. The alarm in question is `alarm`; without it
    the open one of that `kind` of the asset, and where there is none a new one under `fresh`.
    `seen` names the message; it is remembered with the alarm it was kept with; with `is_new` what
    was remembered under it before is another message. `site` names where alarms of one matter
    meet. `asks` are cases of which it must be known whether they ended, beside those of the
    alarms. `wires` are addresses that the asset claims: one that another asset has is refused as
    `asset_wire_taken`.
    """

    asset: AssetId
    plan: Callable[[Scene], DeviceDecision | Refused]
    alarm: AlarmId | None = None
    kind: str = ""
    fresh: AlarmId | None = None
    seen: bytes | None = None
    is_new: bool = False
    site: str = ""
    asks: tuple[CaseId, ...] = ()
    wires: tuple[Wire, ...] = ()


class AssetRow(msgspec.Struct, frozen=True):
    """One asset as read from the board."""

    asset: Asset
    version: int
    updated_at: Instant


class AlarmRow(msgspec.Struct, frozen=True):
    """One alarm as read from the board."""

    alarm: Alarm
    version: int
    updated_at: Instant


@dataclass(frozen=True, slots=True)
class AssetEntry:
    """One entry of the journal on one asset; `seq` is of the same order as that of cases."""

    seq: int
    asset_id: AssetId
    version: int
    at: Instant
    by: Actor
    command: AssetCommand | AlarmCommand
    events: tuple[AssetEvent, ...]


@dataclass(frozen=True, slots=True)
class AlarmEntry:
    """One entry of the journal on one alarm; likewise."""

    seq: int
    alarm_id: AlarmId
    version: int
    at: Instant
    by: Actor
    command: AssetCommand | AlarmCommand
    events: tuple[AlarmEvent, ...]


class Sign(msgspec.Struct, frozen=True):
    """The newest that is known of a device: when it was last heard, its count, and its readings.
    Telemetry: one row a device, and no history. `lost` counts messages that may be lost."""

    asset: AssetId
    heard_at: Instant
    session: str = ""
    sequence: int | None = None
    messages: int = 0
    lost: int = 0
    readings: Mapping[str, float] = msgspec.field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class AlarmQuery:
    """Which alarms to list; all given conditions must hold. `after` is the last id seen. The order
    is by id, which is by time; `newest_first` turns it round."""

    open_only: bool = False
    announced_only: bool = False
    conditions: tuple[str, ...] = ()
    standings: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    asset: AssetId | None = None
    case: CaseId | None = None
    cause: AssetId | None = None
    site: str | None = None
    since: Instant | None = None
    ids: tuple[AlarmId, ...] = ()
    newest_first: bool = True
    after: AlarmId | None = None
    limit: int = 200


@dataclass(frozen=True, slots=True)
class AssetQuery:
    """Which assets to list, by id; all given conditions must hold."""

    kinds: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    behind: AssetId | None = None
    """Those that hang on this one, by gateway or power feed."""
    ids: tuple[AssetId, ...] = ()
    after: AssetId | None = None
    limit: int = 500


class DeviceStore(Protocol):
    """Assets, alarms and signs of life: the part of `ports.Store` that is about devices."""

    async def asset(self, asset_id: AssetId) -> AssetRow | None: ...
    async def assets(self, query: AssetQuery) -> Sequence[AssetRow]: ...
    async def wires(self) -> Mapping[Wire, AssetId]:
        """The whole address book: read once by the desk, which then keeps it."""
        ...

    async def asset_journal(self, asset_id: AssetId) -> Sequence[AssetEntry]: ...
    async def alarm(self, alarm_id: AlarmId) -> AlarmRow | None: ...
    async def alarms(self, query: AlarmQuery) -> Sequence[AlarmRow]: ...
    async def alarm_journal(self, alarm_id: AlarmId) -> Sequence[AlarmEntry]: ...
    async def devices_waking(
        self, now: Instant, limit: int
    ) -> Sequence[tuple[AssetId, AlarmId | None]]:
        """Assets (with None) and alarms whose instant has come, earliest first."""
        ...

    async def forget_seen(self, before: Instant) -> int:
        """Forgets messages that were kept before that: a repeat of one is a new message."""
        ...

    # -- codes of sites: hashes, never in the journal
    async def put_site_code(
        self, site: AssetId, hashed: str | None, at: Instant, by: ActorId
    ) -> None:
        """Keeps the hash of a site's code; None takes it away. Durable when it returns."""
        ...

    async def site_codes(self, sites: Sequence[AssetId]) -> Mapping[AssetId, str]:
        """The hashes of those that have one."""
        ...

    # -- signs of life: never in the journal
    async def put_signs(self, signs: Sequence[Sign]) -> None:
        """Keeps them, durably, on a way of their own: alarms never wait behind them."""
        ...

    async def signs(self, assets: Sequence[AssetId] | None = None) -> Sequence[Sign]:
        """The newest sign of each, or of all."""
        ...


__all__ = [
    "AlarmEntry",
    "AlarmQuery",
    "AlarmRow",
    "AssetEntry",
    "AssetQuery",
    "AssetRow",
    "DeviceOrder",
    "DeviceStore",
    "Sign",
    "Wire",
]
