"""What an order does to the states it locked: pure, and the same for every store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec
from msgspec.structs import replace as with_

from tocsin.kernel.alarming import Scene
from tocsin.kernel.alarms.evolve import fold as fold_alarm
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.alarms.vocabulary import Event as AlarmEvent
from tocsin.kernel.assets.evolve import fold as fold_asset
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.assets.vocabulary import Event as AssetEvent
from tocsin.kernel.cases.evolve import evolve
from tocsin.kernel.cases.react import Tell, react
from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import Event
from tocsin.kernel.changing import changed
from tocsin.kernel.shared import AlarmId, AssetId, CaseId, Refused, UnitId
from tocsin.kernel.units.evolve import evolve as evolve_unit
from tocsin.kernel.units.react import react as react_unit
from tocsin.kernel.units.state import Unit
from tocsin.kernel.units.vocabulary import Event as UnitEvent
from tocsin.runtime.addresses import addresses
from tocsin.runtime.ports import (
    AlarmRow,
    AssetRow,
    Committed,
    Decision,
    DeviceOrder,
    Errand,
    Order,
    UnitRow,
    Wire,
)


class Change(msgspec.Struct, frozen=True):
    """One new journal entry: a case before and after `events`, its new version, what is owed."""

    case_id: CaseId
    before: Case
    case: Case
    version: int
    events: tuple[Event, ...]
    errands: tuple[tuple[str, Errand], ...]
    """(key, errand). The key names the entry and the place in it, so it can never come twice."""


@dataclass(frozen=True, slots=True)
class UnitChange:
    """The same for a unit. `errands` are (key, case they are about, errand)."""

    unit_id: UnitId
    unit: Unit
    version: int
    events: tuple[UnitEvent, ...]
    errands: tuple[tuple[str, CaseId, Errand], ...]


class AssetChange(msgspec.Struct, frozen=True):
    """The same for an asset."""

    asset_id: AssetId
    asset: Asset
    version: int
    events: tuple[AssetEvent, ...]


class AlarmChange(msgspec.Struct, frozen=True):
    """The same for an alarm."""

    alarm_id: AlarmId
    alarm: Alarm
    version: int
    events: tuple[AlarmEvent, ...]


class Found(msgspec.Struct, frozen=True):
    """What a store found for an order to a device: rows by id, the scene without them, and who
    has the addresses that the order claims."""

    scene: Scene
    asset: AssetRow | None = None
    alarms: Mapping[AlarmId, AlarmRow] = msgspec.field(default_factory=dict[AlarmId, AlarmRow])
    owners: Mapping[Wire, AssetId] = msgspec.field(default_factory=dict[Wire, AssetId])


class Applied(msgspec.Struct, frozen=True):
    """What the transaction has to write, and the answer once it is on disk. `seen` is the message
    and the alarm it was kept with."""

    changes: tuple[Change, ...]
    committed: Committed
    unit: UnitChange | None = None
    asset: AssetChange | None = None
    alarms: tuple[AlarmChange, ...] = ()
    seen: tuple[bytes, AlarmId] | None = None


def apply(
    order: Order,
    cases: Mapping[CaseId, Case],
    versions: Mapping[CaseId, int],
    found: UnitRow | None = None,
) -> Applied | Refused:
    """Plan, evolve and react. `cases` and `versions` hold every case of the order; a case that
    does not exist comes as `Case(id)` with version 0. `found` is the unit of the order, None
    where it has none or the unit does not exist. Whatever `plan` raises passes through."""
    expected = order.expected_version
    version = found.version if found is not None else 0
    if order.unit is None:
        version = versions[order.target]
    if expected is not None and version != expected:
        return Refused("stale_version", f"expected version {expected}, it is {version}")
    if order.unit is None:
        return _apply(order, order.plan(cases), cases, versions)
    assert order.joint is not None, "an order to a unit brings its own plan"
    unit = found.unit if found is not None else Unit(order.unit)
    decision = order.joint(cases, unit)
    if isinstance(decision, Refused):
        return decision
    applied = _apply(order, decision.cases, cases, versions)
    assert not isinstance(applied, Refused), "events are no refusal"
    if not decision.unit:
        return with_(applied, committed=with_(applied.committed, unit=found))
    change = _unit_change(unit, version + 1, decision.unit)
    row = UnitRow(change.unit, change.version, order.at)
    return with_(applied, committed=with_(applied.committed, unit=row), unit=change)


def apply_device(
    order: Order,
    found: Found,
    cases: Mapping[CaseId, Case],
    versions: Mapping[CaseId, int],
) -> Applied | Refused:
    """As `apply`, for an order that is addressed to an asset or to an alarm of it."""
    device = order.device
    assert device is not None, "the order names an asset"
    refused = _unlike(order, device, found)
    if refused is not None:
        return refused
    decision = device.plan(changed(found.scene, cases=cases) if cases else found.scene)
    if isinstance(decision, Refused):
        return decision
    applied = _apply(order, decision.cases, cases, versions)
    assert not isinstance(applied, Refused), "events are no refusal"
    asset_row, asset_change = found.asset, None
    if decision.asset:
        version = 1 + (found.asset.version if found.asset is not None else 0)
        asset = fold_asset(found.scene.asset, decision.asset)
        asset_row = AssetRow(asset, version, order.at)
        asset_change = AssetChange(asset.id, asset, version, decision.asset)
    rows = dict(found.alarms)
    changes: list[AlarmChange] = []
    for alarm_id, events in decision.alarms.items():
        if not events:
            continue
        known = rows.get(alarm_id)
        version = 1 + (known.version if known is not None else 0)
        alarm = decision.after.get(alarm_id)
        if alarm is None:
            alarm = fold_alarm(known.alarm if known is not None else Alarm(alarm_id), events)
        rows[alarm_id] = AlarmRow(alarm, version, order.at)
        changes.append(AlarmChange(alarm_id, alarm, version, events))
    target, earlier = found.scene.target, found.scene.earlier
    is_kept = target is not None and any(each.alarm_id == target for each in changes)
    was_seen = earlier is not None and not is_kept
    return with_(
        applied,
        committed=with_(
            applied.committed,
            asset=asset_row,
            alarms=rows,
            alarm=earlier.alarm if earlier is not None and was_seen else target,
            seen_before=was_seen,
        ),
        asset=asset_change,
        alarms=tuple(changes),
        seen=(device.seen, target) if device.seen and target and is_kept else None,
    )


def _unlike(order: Order, device: DeviceOrder, found: Found) -> Refused | None:
    """Why the order does not fit what is there."""
    for wire, owner in sorted(found.owners.items()):
        if owner != device.asset:
            return Refused("asset_wire_taken", f"{wire[0]} {wire[1]} is an address of {owner}")
    if order.expected_version is None:
        return None
    version = found.asset.version if found.asset is not None else 0
    if device.alarm is not None:
        row = found.alarms.get(device.alarm)
        version = row.version if row is not None else 0
    if version != order.expected_version:
        return Refused("stale_version", f"expected {order.expected_version}, it is {version}")
    return None


def target_of(device: DeviceOrder, open_alarms: Mapping[str, AlarmId]) -> AlarmId | None:
    """The alarm an order is about, given the open ones of its asset by kind."""
    if device.alarm is not None:
        return device.alarm
    return open_alarms.get(device.kind, device.fresh) if device.kind else None


def _apply(
    order: Order,
    decision: Decision,
    cases: Mapping[CaseId, Case],
    versions: Mapping[CaseId, int],
) -> Applied | Refused:
    if isinstance(decision, Refused):
        return decision
    after_cases = dict(cases)
    after_versions = dict(versions)
    changes: list[Change] = []
    for case_id, events in decision.items():
        if not events:
            continue
        assert case_id in cases, "plan touched a case that the order did not name"
        version = versions[case_id] + 1
        change = _change(case_id, cases[case_id], version, events)
        after_cases[case_id] = change.case
        after_versions[case_id] = version
        changes.append(change)
    committed = Committed(after_cases, after_versions, dict(decision), order.answer)
    return Applied(tuple(changes), committed)


def _change(case_id: CaseId, case: Case, version: int, events: tuple[Event, ...]) -> Change:
    owed: list[tuple[str, Errand]] = []
    first = case
    for event in events:
        before, case = case, evolve(case, event)
        for errand in react(before, event, case):
            if isinstance(errand, Tell) and errand.report is None:
                errand = replace(errand, to=addresses(case, errand))
            owed.append((f"{case_id}:{version}:{len(owed)}", errand))
    return Change(case_id, first, case, version, events, tuple(owed))


def _unit_change(unit: Unit, version: int, events: tuple[UnitEvent, ...]) -> UnitChange:
    owed: list[tuple[str, CaseId, Errand]] = []
    for event in events:
        before, unit = unit, evolve_unit(unit, event)
        for alert in react_unit(before, event, unit):
            owed.append((f"unit:{unit.id}:{version}:{len(owed)}", alert.case, alert))
    return UnitChange(unit.id, unit, version, events, tuple(owed))


def assignments(unit: Unit) -> list[tuple[CaseId, bool]]:
    """(case, whether it is stacked) of a unit: what the constraint of the store looks at."""
    return [(each.case, each.is_stacked) for each in unit.cases]
