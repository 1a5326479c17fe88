"""What the runtime needs from the outside, as protocols, and the records that cross them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import msgspec

from tocsin.kernel.alarms.policy import AlarmPolicy
from tocsin.kernel.alarms.vocabulary import Command as AlarmCommand
from tocsin.kernel.assets.state import AssetFacts
from tocsin.kernel.assets.vocabulary import Command as AssetCommand
from tocsin.kernel.cases.policy import CasePolicy, ClockName
from tocsin.kernel.cases.state import Case, Status
from tocsin.kernel.cases.vocabulary import Command, Event
from tocsin.kernel.coordination import JointDecision
from tocsin.kernel.shared import (
    Actor,
    AgencyId,
    AlarmId,
    AreaId,
    CaseId,
    Instant,
    Place,
    Refused,
    ReportId,
    SealedRef,
    Tier,
    UnitId,
)
from tocsin.kernel.units.state import Unit, UnitFacts
from tocsin.kernel.units.vocabulary import Command as UnitCommand
from tocsin.kernel.units.vocabulary import SendUnit
from tocsin.packs.model import Pack
from tocsin.runtime.chain_ports import ChainStore
from tocsin.runtime.device_ports import (
    AlarmEntry,
    AlarmQuery,
    AlarmRow,
    AssetEntry,
    AssetQuery,
    AssetRow,
    DeviceOrder,
    DeviceStore,
    Sign,
    Wire,
)
from tocsin.runtime.errand_ports import DueErrand, Errand, ErrandStore, Message, Unreadable
from tocsin.runtime.reading_ports import KeyRing, Reading, Vault
from tocsin.runtime.road_ports import RoadClosure, RoadStore
from tocsin.runtime.rosters import RosterStore
from tocsin.runtime.unit_ports import Position, UnitEntry, UnitRow, UnitStore


class Clock(Protocol):
    """The wall clock, or a simulated one."""

    def now(self) -> Instant: ...


class Ids(Protocol):
    """Fresh identifiers: unique, ordered by time of making, url-safe, at most 40 characters."""

    def new(self) -> str: ...


SealedKind = Literal[
    "description", "contact", "address", "media", "note", "question", "comment", "redacted"
]


class SealedValue(msgspec.Struct, frozen=True):
    """One value on its way into the vault. `subject` is the person's scope inside the case (the
    report id, or the staff account for notes): one data key per case and subject."""

    ref: SealedRef
    case_id: CaseId
    subject: str
    kind: SealedKind
    value: bytes
    media_type: str = "text/plain; charset=utf-8"


AnyCommand = Command | UnitCommand | AlarmCommand | AssetCommand


def as_a_case_keeps_it(command: AnyCommand) -> AnyCommand:
    """The command of an order as the journal of its cases has it: a kept recommendation is in the
    entry of the unit that was sent, once."""
    if isinstance(command, SendUnit) and command.kept is not None:
        return replace(command, kept=None)
    return command


Joint = Callable[[Mapping[CaseId, Case], Unit], JointDecision | Refused]
"""The plan of an order that is addressed to a unit: it decides the unit and its cases at once."""

Decision = Mapping[CaseId, tuple[Event, ...]] | Refused
"""Events for each case touched; an empty tuple means nothing to do there."""


class Order(msgspec.Struct, frozen=True):
    """One unit of work for the store: all of it is committed in one transaction, or none.

    The store locks the rows of `cases` in id order, calls `plan` with their states (a case that
    does not exist yet comes as `Case(id)` with status "absent"), evolves, and writes rows,
    journal, errands, sealed values, receipts and the idempotency key together. `plan` is pure,
    quick, and may be called again after a lost connection.
    """

    cases: tuple[CaseId, ...]
    target: CaseId
    command: AnyCommand
    at: Instant
    by: Actor
    plan: Callable[[Mapping[CaseId, Case]], Decision]
    unit: UnitId | None = None
    """The unit the order is addressed to; then `joint` decides instead of `plan`, `target` is
    empty, and `expected_version` is the unit's. A unit that does not exist yet is "absent"."""
    joint: Joint | None = None
    device: DeviceOrder | None = None
    """The asset the order is addressed to; then its own plan decides, `target` is empty, and
    `expected_version` is that of its alarm where it names one, else of the asset."""
    opens: bool = False
    """The target is new (its id was just made): no row needs to be looked for."""
    key: str | None = None
    """Idempotency key: a second order with the same key changes nothing and gets the first
    answer; with the same key but another fingerprint it is refused as `key_reused`."""
    earlier_keys: tuple[str, ...] = ()
    """Other keys under which the same request may have been answered before."""
    fingerprint: str = ""
    is_urgent: bool = False
    """Life safety and people at a screen have a lane of their own: a flood of routine reports
    does not make them wait."""
    is_life_safety: bool = False
    """An emergency, or an alarm on which lives hang: before all others; see `runtime.lanes`."""
    sealed: tuple[SealedValue, ...] = ()
    receipts: tuple[tuple[bytes, ReportId], ...] = ()
    """(hash of the tracking code, report id) to be found by `Board.receipt`."""
    expected_version: int | None = None
    """Refuse as `stale_version` when the target has moved on."""
    answer: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    """What a repeat of the same key is answered with; plain JSON values, nothing personal."""


class Committed(msgspec.Struct, frozen=True):
    """It is on disk. `versions` and `cases` hold every touched case after the change; for a
    repeated order only `answer` is filled."""

    cases: Mapping[CaseId, Case]
    versions: Mapping[CaseId, int]
    events: Mapping[CaseId, tuple[Event, ...]]
    answer: Mapping[str, Any]
    repeated: bool = False
    unit: UnitRow | None = None
    """The unit of an order that was addressed to one, after the change."""
    asset: AssetRow | None = None
    alarms: Mapping[AlarmId, AlarmRow] = msgspec.field(default_factory=dict[AlarmId, AlarmRow])
    """The asset and the alarms that an order to a device touched, after the change."""
    alarm: AlarmId | None = None
    """The alarm in question."""
    seen_before: bool = False
    """The message was kept before: nothing more was done."""


StoreState = Literal["store_unavailable", "store_recovering", "disk_full"]
"""Why a store does not answer: it is away · it starts, or recovers from a crash · no room."""


class Unavailable(Exception):
    """The store cannot answer now (connection lost, disk full): nothing was acknowledged.

    `retry_after_s` says when to come back: at the rim it is 503 with Retry-After. `state` says
    why, for the health.
    """

    def __init__(
        self, detail: str, retry_after_s: int = 2, state: StoreState = "store_unavailable"
    ) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.state: StoreState = state


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One case as read from the board."""

    case: Case
    version: int
    updated_at: Instant


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """Which cases to list. All given conditions must hold; empty means any.

    `area` selects by the place of the case on any tier. `after` is the cursor of the last row
    seen. Order `due` is by the earliest running deadline (cases without one last), then id.
    `opened` and `updated` run from the newest to the oldest.
    """

    tier: Tier | None = None
    area: AreaId | None = None
    statuses: tuple[Status, ...] = ()
    open_only: bool = False
    agencies: tuple[AgencyId, ...] = ()
    case_types: tuple[str, ...] = ()
    priorities: tuple[int, ...] = ()
    ids: tuple[CaseId, ...] = ()
    opened_from: Instant | None = None
    opened_to: Instant | None = None
    updated_from: Instant | None = None
    updated_to: Instant | None = None
    due_before: Instant | None = None
    published_only: bool = False
    order: Literal["due", "opened", "updated"] = "due"
    after: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Page:
    rows: tuple[BoardRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One entry: the stamped command and its events on one case. `seq` orders the whole node."""

    seq: int
    case_id: CaseId
    version: int
    at: Instant
    by: Actor
    command: AnyCommand
    events: tuple[Event, ...]


Entry = JournalEntry | UnitEntry | AssetEntry | AlarmEntry
"""An entry of the journal, whatever it is about."""


class Store(UnitStore, RosterStore, DeviceStore, ErrandStore, Protocol):
    """Board, journal and errands. Memory is the reference; PostgreSQL must behave like it."""

    async def commit(self, order: Order) -> Committed | Refused: ...

    # -- board
    async def case(self, case_id: CaseId) -> BoardRow | None: ...
    async def cases(self, query: CaseQuery) -> Page: ...
    async def count(self, query: CaseQuery) -> int: ...
    async def near(
        self, place: Place, radius_m: float, since: Instant, limit: int
    ) -> Sequence[BoardRow]:
        """Open cases and cases closed after `since` near a place, nearest first."""
        ...

    async def receipt(self, code_hash: bytes) -> tuple[CaseId, ReportId] | None: ...

    # -- journal
    async def journal(self, case_id: CaseId) -> Sequence[JournalEntry]: ...
    async def tail(self, after_seq: int, limit: int) -> Sequence[JournalEntry]:
        """Entries after `after_seq` in order, only those no running transaction can precede."""
        ...

    async def between(
        self, since: Instant, until: Instant, limit: int, after_seq: int = 0
    ) -> Sequence[JournalEntry]:
        """The first `limit` entries after `after_seq` stamped in [since, until), in order."""
        ...

    def entries(self, after_seq: int = 0) -> AsyncIterator[JournalEntry]:
        """The whole journal in order, in bounded memory."""
        ...

    async def tail_of_all(self, after_seq: int, limit: int) -> Sequence[Entry]:
        """As `tail`, with the entries of units, assets and alarms, in the order of all."""
        ...

    async def last_seq(self) -> int: ...

    # -- timers and errands
    async def waking(self, now: Instant, limit: int) -> Sequence[CaseId]:
        """Cases whose `next_wake` has come, earliest first."""
        ...

    async def oldest_wake(self) -> Instant | None: ...
    async def thread(self, report: ReportId) -> Sequence[Message]: ...
    async def told(self, case_id: CaseId) -> Sequence[Message]:
        """All that a case told to reporters and to desks, oldest first."""
        ...

    async def inbox(
        self, audiences: Sequence[str], after: str | None, limit: int
    ) -> Sequence[Message]: ...


class NodeStore(Store, RoadStore, ChainStore, Protocol):
    """All that a running node keeps; beside the engine's part roads and chains of alerts."""


class Policies(Protocol):
    """Pinned policies: the pack versions this node has ever opened a case with."""

    def policy(self, pack_version: str, case_type: str) -> CasePolicy | None: ...
    def current(self, case_type: str) -> CasePolicy | None: ...
    def pack(self, version: str) -> Pack | None:
        """The pack of that version, None where this node never had it."""
        ...

    def unit_facts(self, agency: AgencyId | None) -> UnitFacts:
        """The kinds of units of the current pack, and the agency's own names of statuses."""
        ...

    def alarm_policy(self, kind: str, pack_version: str = "") -> AlarmPolicy | None:
        """The policy an alarm was opened under; without a version that of one that comes now."""
        ...

    def asset_facts(self) -> AssetFacts: ...


__all__ = [
    "AlarmEntry",
    "AlarmQuery",
    "AlarmRow",
    "AssetEntry",
    "AssetQuery",
    "AssetRow",
    "BoardRow",
    "CaseQuery",
    "Clock",
    "ClockName",
    "Committed",
    "Decision",
    "DeviceOrder",
    "DueErrand",
    "Entry",
    "Errand",
    "ErrandStore",
    "Ids",
    "JournalEntry",
    "KeyRing",
    "Message",
    "NodeStore",
    "Order",
    "Page",
    "Policies",
    "Position",
    "Reading",
    "RoadClosure",
    "RoadStore",
    "SealedKind",
    "SealedValue",
    "Sign",
    "Store",
    "Unavailable",
    "Unreadable",
    "UnitEntry",
    "UnitRow",
    "UnitStore",
    "Vault",
    "as_a_case_keeps_it",
    "Wire",
]
