"""Whether a command may be given at all: by whom, from where, on which task."""

from __future__ import annotations

from typing import Literal

from tocsin.kernel.cases.draft import Draft
from tocsin.kernel.cases.machine import STAND_INS, Rule
from tocsin.kernel.cases.state import LIVE_TASKS, Case, Report, Task
from tocsin.kernel.shared import Actor, AgencyId, Refused, ReportId, TaskId


def permitted(draft: Draft, rule: Rule) -> Refused | Literal["go", "repeat"]:
    """What the machine's table says about this command now."""
    by, status = draft.by, draft.case.status
    if by.kind not in rule.kinds:
        return Refused("not_your_role", f"not for an actor of kind {by.kind}")
    if rule.roles and by.kind == "staff" and not set(rule.roles) & set(by.roles):
        return Refused("not_your_role", f"needs one of: {', '.join(rule.roles)}")
    if status in rule.sources:
        return "go"
    if status in rule.fast:
        if draft.policy.fast_path:
            return "go"
        return Refused("fast_path_not_allowed", f"{draft.policy.case_type} is sent step by step")
    if status in rule.repeats:
        return "repeat"
    if status == "absent":
        return Refused("not_found", "there is no case with this id")
    if rule.sources == ("absent",):
        return Refused("already_exists", "this case id is taken")
    allowed = ", ".join((*rule.sources, *rule.fast))
    return Refused("not_from_here", f"the case is {status}; allowed from: {allowed}")


def acts_for(by: Actor, agency: AgencyId | None) -> bool:
    """Of that agency; or a rule, an integration or a stand-in role acting for it."""
    if by.kind in ("system", "integration"):
        return by.agency is None or by.agency == agency
    if by.agency is not None and by.agency == agency:
        return True
    return any(role in STAND_INS for role in by.roles)


def for_agency(draft: Draft, agency: AgencyId | None) -> Refused | None:
    if acts_for(draft.by, agency):
        return None
    return Refused("not_your_agency", f"this is for {agency}")


def find_task(case: Case, task_id: TaskId) -> Task | Refused:
    for task in case.tasks:
        if task.id == task_id:
            return task
    return Refused("unknown_task", "the case has no such task")


def my_live_task(draft: Draft, task_id: TaskId) -> Task | Refused:
    """The task, if it still counts and the actor may act on it."""
    task = find_task(draft.case, task_id)
    if isinstance(task, Refused):
        return task
    refused = for_agency(draft, task.agency)
    if refused is not None:
        return refused
    if task.status not in LIVE_TASKS:
        return Refused("not_from_here", f"the task is {task.status}")
    return task


def find_report(case: Case, report_id: ReportId) -> Report | Refused:
    for report in case.reports:
        if report.id == report_id:
            return report
    return Refused("unknown_report", "the case has no such report")
