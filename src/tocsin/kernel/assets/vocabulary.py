"""What can be asked of an asset (commands) and what can have happened to it (events)."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.kernel.assets.state import About, Drill
from tocsin.kernel.shared import ActorId, AssetId, Instant, Place

# -- commands: imperative --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AddAsset:
    """Register an asset, or one that was found speaking. It is in service from then on."""

    about: About


@dataclass(frozen=True, slots=True)
class FindAsset:
    """Something unregistered speaks on a wire: keep it under an id of its own."""

    source: str
    address: str
    gateway: AssetId | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class ChangeAsset:
    """Describe an asset anew."""

    about: About


@dataclass(frozen=True, slots=True)
class StartAssetTest:
    """Put an asset on test for so many seconds: its alarms are kept and open no case."""

    for_s: int


@dataclass(frozen=True, slots=True)
class EndAssetTest:
    """Take an asset off test before its time."""


@dataclass(frozen=True, slots=True)
class TakeAssetOutOfService:
    """Its alarms are kept and tell nobody, until its work order is done."""

    work_order: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReturnAssetToService:
    """The repair is done."""


@dataclass(frozen=True, slots=True)
class PlanAssetWork:
    """Announce work on an asset: its alarms and its recovery are muted meanwhile."""

    starts_at: Instant
    ends_at: Instant
    reason: str


@dataclass(frozen=True, slots=True)
class ShelveAssetKind:
    """Put alarms of one kind of an asset aside for a while."""

    kind: str
    for_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class UnshelveAssetKind:
    """Take alarms of one kind from the shelf before its time."""

    kind: str


@dataclass(frozen=True, slots=True)
class RecordAssetTest:
    """It was tested by a person and answered."""


@dataclass(frozen=True, slots=True)
class StartAssetDrill:
    """An exercise covers the asset for so many seconds: what it raises is kept apart from what is
    real, and ends with it. `drill` and `scope` are the same for all that it covers."""

    drill: str
    scope: str
    for_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class EndAssetDrill:
    """End the exercise before its time."""

    drill: str


@dataclass(frozen=True, slots=True)
class RetireAsset:
    """It is gone for good; its history stays."""


@dataclass(frozen=True, slots=True)
class WakeAsset:
    """An instant of the asset has come; harmless at any other time."""


Command = (
    AddAsset
    | FindAsset
    | ChangeAsset
    | StartAssetTest
    | EndAssetTest
    | TakeAssetOutOfService
    | ReturnAssetToService
    | PlanAssetWork
    | ShelveAssetKind
    | UnshelveAssetKind
    | RecordAssetTest
    | StartAssetDrill
    | EndAssetDrill
    | RetireAsset
    | WakeAsset
)

# -- events: past participle -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AssetAdded:
    """It is registered and in service."""

    at: Instant
    by: ActorId
    about: About


@dataclass(frozen=True, slots=True)
class AssetFound:
    """It spoke and nobody knew it."""

    at: Instant
    by: ActorId
    about: About


@dataclass(frozen=True, slots=True)
class AssetChanged:
    """It is described anew."""

    at: Instant
    by: ActorId
    about: About


@dataclass(frozen=True, slots=True)
class AssetTestStarted:
    """It is on test until then, at the latest."""

    at: Instant
    by: ActorId
    until: Instant


@dataclass(frozen=True, slots=True)
class AssetTestEnded:
    """It is in service again; by a person or because the time was over."""

    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class AssetTested:
    """It answered a test."""

    at: Instant
    by: ActorId


@dataclass(frozen=True, slots=True)
class AssetTakenOut:
    """It is out of service until its work order is done."""

    at: Instant
    by: ActorId
    work_order: str
    reason: str


@dataclass(frozen=True, slots=True)
class AssetReturned:
    """It is in service again."""

    at: Instant
    by: ActorId


@dataclass(frozen=True, slots=True)
class AssetWorkPlanned:
    """Work on it is announced."""

    at: Instant
    by: ActorId
    starts_at: Instant
    ends_at: Instant
    reason: str


@dataclass(frozen=True, slots=True)
class AssetKindShelved:
    """Its alarms of that kind are put aside until then."""

    at: Instant
    by: ActorId
    kind: str
    until: Instant
    reason: str


@dataclass(frozen=True, slots=True)
class AssetKindUnshelved:
    """Its alarms of that kind speak again."""

    at: Instant
    by: ActorId
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class AssetDrillStarted:
    """An exercise covers it until then, at the latest."""

    at: Instant
    by: ActorId
    drill: Drill


@dataclass(frozen=True, slots=True)
class AssetDrillEnded:
    """What it raises is real again; by a person or because the time was over."""

    at: Instant
    by: ActorId
    drill: str
    reason: str


@dataclass(frozen=True, slots=True)
class AssetRetired:
    """It is gone for good."""

    at: Instant
    by: ActorId


Event = (
    AssetAdded
    | AssetFound
    | AssetChanged
    | AssetTestStarted
    | AssetTestEnded
    | AssetTested
    | AssetTakenOut
    | AssetReturned
    | AssetWorkPlanned
    | AssetKindShelved
    | AssetKindUnshelved
    | AssetDrillStarted
    | AssetDrillEnded
    | AssetRetired
)

REASONS: tuple[str, ...] = (
    "asset_unknown",
    "asset_exists",
    "asset_not_ready",  # its status does not allow it; detail names the ones that do
    "asset_kind_unknown",
    "asset_wire_taken",  # another asset speaks under this address
    "asset_circle",  # it would hang on itself
    "test_too_long",
    "work_order_needed",
    "drill_too_long",
    "drill_other",  # another exercise covers it already
    "window_invalid",
    "too_many_windows",
    "shelf_not_allowed",
    "shelf_too_long",
    "reason_needed",
    "not_your_asset",
    "bad_value",
)
"""Every reason the asset context refuses with. Translated in the packs and the API."""
