"""The case's half of sending a unit; `kernel/coordination.py` decides it with the unit's half."""

from __future__ import annotations

from typing import Final

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.draft import Draft
from tocsin.kernel.cases.intake import add_task
from tocsin.kernel.cases.machine import AT_WORK
from tocsin.kernel.cases.policy import CaseFacts
from tocsin.kernel.cases.state import LIVE_TASKS, Task, UnitShareStatus
from tocsin.kernel.cases.work import acknowledge, start
from tocsin.kernel.shared import AgencyId, Choice, Instant, Refused, UnitId

UNITS_LIMIT: Final = 200
"""Shares of units in one case, those that left included: beyond this it is an operation of many
cases, and each share is rewritten with every command."""


def send(
    draft: Draft,
    unit: UnitId,
    name: str,
    agency: AgencyId,
    reason: str,
    *,
    is_stacked: bool,
    choice: Choice | None = None,
) -> Refused | None:
    """Puts the unit on its agency's task, which is added where there is none. Refused as
    `not_from_here` unless the case is at work."""
    case = draft.case
    if case.status == "absent":
        return Refused("not_found", "there is no case with this id")
    if case.status not in AT_WORK:
        allowed = ", ".join(AT_WORK)
        return Refused("not_from_here", f"the case is {case.status}; allowed from: {allowed}")
    if len(case.units) >= UNITS_LIMIT:
        return Refused("bad_value", f"a case has at most {UNITS_LIMIT} shares of units")
    task = _task_of(draft, agency)
    if task is None:
        facts = CaseFacts(draft.policy)
        refused = add_task(draft, words.AddTask(agency, "unit_sent"), facts)
        if refused is not None:
            return refused
        task = draft.case.tasks[-1]
    draft.say(words.UnitSent(draft.at, draft.who, unit, name, task.id, reason, is_stacked, choice))
    return None


def _task_of(draft: Draft, agency: AgencyId) -> Task | None:
    for task in draft.case.tasks:
        if task.agency == agency and task.status in LIVE_TASKS:
            return task
    return None


def report(
    draft: Draft,
    unit: UnitId,
    name: str,
    status: UnitShareStatus,
    stated_at: Instant | None = None,
) -> None:
    """The unit is as far as that. En route acknowledges its agency's task, on scene starts it:
    a crew says a thing once. A case that is over keeps what happened and moves no more."""
    draft.say(words.UnitReported(draft.at, draft.who, unit, name, status, stated_at))
    if draft.case.status not in AT_WORK:
        return
    task = _task_on(draft, unit)
    if task is None or task.status not in LIVE_TASKS:
        return
    if status == "en_route":
        acknowledge(draft, task)
    elif status in ("on_scene", "transporting"):
        start(draft, task)


def _task_on(draft: Draft, unit: UnitId) -> Task | None:
    """The task that the unit is there for."""
    for share in draft.case.units:
        if share.unit == unit and share.released_at is None:
            for task in draft.case.tasks:
                if task.id == share.task:
                    return task
            return None
    return None


def release(
    draft: Draft, unit: UnitId, name: str, reason: str, stated_at: Instant | None = None
) -> None:
    """The unit is not on the case any more; its agency's task goes on."""
    draft.say(words.UnitReleased(draft.at, draft.who, unit, name, reason, stated_at))
