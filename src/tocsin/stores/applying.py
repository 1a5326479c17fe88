"""What an order does to the states it locked: pure, and the same for every store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tocsin.kernel.cases.evolve import evolve
from tocsin.kernel.cases.react import Errand, Tell, react
from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import Event
from tocsin.kernel.shared import CaseId, Refused
from tocsin.runtime.addresses import addresses
from tocsin.runtime.ports import Committed, Order


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
class Applied:
    """What the transaction has to write, and the answer once it is on disk."""

    changes: tuple[Change, ...]
    committed: Committed


def apply(
    order: Order, cases: Mapping[CaseId, Case], versions: Mapping[CaseId, int]
) -> Applied | Refused:
    """Plan, evolve and react. `cases` and `versions` hold every case of the order; a case that
    does not exist comes as `Case(id)` with version 0. Whatever `plan` raises passes through."""
    expected = order.expected_version
    if expected is not None and versions[order.target] != expected:
        detail = f"expected version {expected}, it is {versions[order.target]}"
        return Refused("stale_version", detail)
    decision = order.plan(cases)
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
