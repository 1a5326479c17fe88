"""Does the board tell what the journal says? Folds every case again and compares."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, fields
from typing import Protocol

from tocsin.kernel.alarms.evolve import fold as fold_alarm
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.assets.evolve import fold as fold_asset
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.cases.evolve import fold
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import AlarmId, AssetId, CaseId, UnitId
from tocsin.kernel.units.evolve import fold as fold_unit
from tocsin.kernel.units.state import Unit
from tocsin.kernel.units.vocabulary import SendUnit
from tocsin.runtime.board import Columns, columns_of
from tocsin.runtime.ports import (
    AlarmEntry,
    AlarmRow,
    AssetEntry,
    AssetRow,
    BoardRow,
    JournalEntry,
    UnitEntry,
    UnitRow,
)
from tocsin.runtime.recommending.keeping import kept_defect

DIFFERENCES_MAX = 1_000  # shown; all are counted, but a wrecked board must not fill the memory


@dataclass(frozen=True, slots=True)
class Audit:
    """One case with all its journal entries in order, from one snapshot of the store.

    `row` and `columns` are None where the board has no row; `entries` is empty where the
    journal has nothing.
    """

    case_id: CaseId
    row: BoardRow | None
    columns: Columns | None
    entries: tuple[JournalEntry, ...]


@dataclass(frozen=True, slots=True)
class UnitAudit:
    """One unit with all its journal entries; `assigned` are (case, is_stacked) as the store keeps
    them beside the state, by case. `row` is None where there is only a journal."""

    unit_id: UnitId
    row: UnitRow | None
    assigned: tuple[tuple[CaseId, bool], ...]
    entries: tuple[UnitEntry, ...]


@dataclass(frozen=True, slots=True)
class DeviceAudit:
    """One asset, or one alarm, with all its journal entries; its row is None where there is only a
    journal."""

    id: str
    is_alarm: bool = False
    asset: AssetRow | None = None
    alarm: AlarmRow | None = None
    asset_entries: tuple[AssetEntry, ...] = ()
    alarm_entries: tuple[AlarmEntry, ...] = ()


class Auditable(Protocol):
    """A store that can show board and journal side by side, in the order of ids."""

    def audit(self) -> AsyncIterator[Audit]: ...
    def audit_units(self) -> AsyncIterator[UnitAudit]: ...
    def audit_devices(self) -> AsyncIterator[DeviceAudit]: ...


@dataclass(frozen=True, slots=True)
class Difference:
    """Where board and journal disagree. `what` names fields, never their values: safe to show."""

    case_id: CaseId | UnitId | AssetId | AlarmId
    what: str


@dataclass(slots=True)
class Report:
    """What was compared, and what was found."""

    cases: int = 0
    units: int = 0
    assets: int = 0
    alarms: int = 0
    entries: int = 0
    events: int = 0
    differences: int = 0
    shown: list[Difference] = field(default_factory=list[Difference])

    def note(self, about: CaseId | UnitId | AssetId | AlarmId, what: str) -> None:
        """Counts one difference, and keeps it to be shown while there is room."""
        self.differences += 1
        if len(self.shown) < DIFFERENCES_MAX:
            self.shown.append(Difference(about, what))

    @property
    def is_clean(self) -> bool:
        return self.differences == 0


async def verify(store: Auditable) -> Report:
    """Compares the whole board with the whole journal, case by case, in bounded memory."""
    report = Report()
    async for audit in store.audit():
        report.cases += 1
        report.entries += len(audit.entries)
        report.events += sum(len(entry.events) for entry in audit.entries)
        for what in differences_of(audit):
            report.note(audit.case_id, what)
    async for found in store.audit_units():
        report.units += 1
        report.entries += len(found.entries)
        report.events += sum(len(entry.events) for entry in found.entries)
        for what in unit_differences(found):
            report.note(found.unit_id, what)
    async for device in store.audit_devices():
        report.alarms += device.is_alarm
        report.assets += not device.is_alarm
        entries = device.alarm_entries if device.is_alarm else device.asset_entries
        report.entries += len(entries)
        report.events += sum(len(entry.events) for entry in entries)
        for what in device_differences(device):
            report.note(AlarmId(device.id) if device.is_alarm else AssetId(device.id), what)
    return report


def differences_of(audit: Audit) -> tuple[str, ...]:
    """Everything that is wrong with one case; empty when board and journal agree."""
    row, columns, entries = audit.row, audit.columns, audit.entries
    if row is None or columns is None:
        return ("on the journal, not on the board",)
    if not entries:
        return ("on the board, not in the journal",)
    found: list[str] = []
    versions = [entry.version for entry in entries]
    if versions != list(range(1, len(entries) + 1)):
        found.append("journal versions have gaps or repeats")
    if row.version != versions[-1]:
        found.append(f"version: board {row.version}, journal {versions[-1]}")
    if row.updated_at != entries[-1].at:
        found.append("updated_at")
    events = tuple(event for entry in entries for event in entry.events)
    folded = fold(Case(audit.case_id), events)
    if folded != row.case:
        found.extend(f"state: {name}" for name in _changed_fields(folded, row.case))
    derived = columns_of(folded)
    if derived != columns:
        found.extend(
            f"column: {name}"
            for name, was, now in zip(Columns._fields, columns, derived, strict=True)
            if was != now
        )
    return tuple(found)


def unit_differences(audit: UnitAudit) -> tuple[str, ...]:
    """Everything that is wrong with one unit; empty when board and journal agree."""
    row, entries = audit.row, audit.entries
    if row is None:
        return ("on the journal, not on the board",)
    if not entries:
        return ("on the board, not in the journal",)
    found: list[str] = []
    if [entry.version for entry in entries] != list(range(1, len(entries) + 1)):
        found.append("journal versions have gaps or repeats")
    if row.version != entries[-1].version:
        found.append(f"version: board {row.version}, journal {entries[-1].version}")
    if row.updated_at != entries[-1].at:
        found.append("updated_at")
    events = tuple(event for entry in entries for event in entry.events)
    folded = fold_unit(Unit(audit.unit_id), events)
    found += [
        f"state: {part.name}"
        for part in fields(Unit)
        if getattr(folded, part.name) != getattr(row.unit, part.name)
    ]
    found += _advice_defects(entries)
    if sorted((each.case, each.is_stacked) for each in folded.cases) != sorted(audit.assigned):
        found.append("cases of the unit")
    return tuple(found)


def _advice_defects(entries: Iterable[UnitEntry]) -> list[str]:
    """Recommendations that the journal keeps, each computed again from its snapshot."""
    found: list[str] = []
    for entry in entries:
        command = entry.command
        if isinstance(command, SendUnit) and command.kept is not None:
            defect = kept_defect(command.kept, command.choice)
            if defect is not None:
                found.append(f"version {entry.version}: {defect}")
    return found


def device_differences(audit: DeviceAudit) -> tuple[str, ...]:
    """Everything that is wrong with one asset or alarm; empty when board and journal agree."""
    row = audit.alarm if audit.is_alarm else audit.asset
    entries = audit.alarm_entries if audit.is_alarm else audit.asset_entries
    if row is None:
        return ("on the journal, not on the board",)
    if not entries:
        return ("on the board, not in the journal",)
    found: list[str] = []
    if [entry.version for entry in entries] != list(range(1, len(entries) + 1)):
        found.append("journal versions have gaps or repeats")
    if row.version != entries[-1].version:
        found.append(f"version: board {row.version}, journal {entries[-1].version}")
    if row.updated_at != entries[-1].at:
        found.append("updated_at")
    folded, kept = _folded(audit)
    found += [
        f"state: {part.name}"
        for part in fields(kept)
        if getattr(folded, part.name) != getattr(kept, part.name)
    ]
    return tuple(found)


def _folded(audit: DeviceAudit) -> tuple[Alarm | Asset, Alarm | Asset]:
    """What the journal makes of it, and what the board has."""
    if audit.alarm is not None:
        events = (event for entry in audit.alarm_entries for event in entry.events)
        return fold_alarm(Alarm(AlarmId(audit.id)), events), audit.alarm.alarm
    assert audit.asset is not None, "one of the two is there"
    told = (event for entry in audit.asset_entries for event in entry.events)
    return fold_asset(Asset(AssetId(audit.id)), told), audit.asset.asset


def _changed_fields(one: Case, other: Case) -> list[str]:
    return [
        part.name for part in fields(Case) if getattr(one, part.name) != getattr(other, part.name)
    ]
