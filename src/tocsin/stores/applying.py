"""What an order does to the states it locked: pure, and the same for every store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tocsin.kernel.cases.evolve import evolve
from tocsin.kernel.cases.react import Tell, react
from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import Event
from tocsin.kernel.shared import CaseId, Refused, UnitId
from tocsin.kernel.units.evolve import evolve as evolve_unit
from tocsin.kernel.units.react import react as react_unit
from tocsin.kernel.units.state import Unit
from tocsin.kernel.units.vocabulary import Event as UnitEvent
from tocsin.runtime.addresses import addresses
from tocsin.runtime.ports import Committed, Decision, Errand, Order, UnitRow


@dataclass(frozen=True, slots=True)
class Change:
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


@dataclass(frozen=True, slots=True)
class Applied:
    """What the transaction has to write, and the answer once it is on disk."""

    changes: tuple[Change, ...]
    committed: Committed
    unit: UnitChange | None = None


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
        return replace(applied, committed=replace(applied.committed, unit=found))
    change = _unit_change(unit, version + 1, decision.unit)
    row = UnitRow(change.unit, change.version, order.at)
    return replace(applied, committed=replace(applied.committed, unit=row), unit=change)


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
