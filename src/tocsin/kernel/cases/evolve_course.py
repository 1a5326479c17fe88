"""How a case changes on its course: from the first report through the work to the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.copying import TO, changed
from tocsin.kernel.cases.state import LIVE_TASKS, Case, Claim, Ownership, Status, Task
from tocsin.kernel.shared import Instant, TaskId

# -- intake ----------------------------------------------------------------------------


def opened(case: Case, event: words.CaseOpened) -> Case:
    return changed(
        case,
        status=TO[words.CaseOpened],
        case_type=event.case_type,
        pack_version=event.pack_version,
        profile=event.profile,
        priority=event.priority,
        place=event.place,
        areas=event.areas,
        opened_at=event.at,
        reports=(event.report,),
        ownership=Ownership(event.owner_tier, event.areas.at(event.owner_tier)),
        links=case.links if event.parent is None else replace(case.links, parent=event.parent),
        is_silent=event.is_silent,
        is_drill=event.is_drill,
    )


def alarm_cancelled(case: Case, event: words.AlarmCancelNoted) -> Case:
    return changed(case, cancels=case.cancels + 1)


def attached(case: Case, event: words.ReportAttached) -> Case:
    return changed(case, reports=(*case.reports, event.report))


def accepted(case: Case, event: words.CaseAccepted) -> Case:
    return changed(case, status=TO[words.CaseAccepted])


def _ended(case: Case, status: Status, at: Instant, disposition: str) -> Case:
    return changed(
        case, status=status, closed_at=at, disposition=disposition, arbitration_since=None
    )


def refused(case: Case, event: words.CaseRefused) -> Case:
    return _ended(case, TO[words.CaseRefused], event.at, event.reason)


def voided(case: Case, event: words.CaseVoided) -> Case:
    return _ended(case, TO[words.CaseVoided], event.at, event.reason)


def filed(case: Case, event: words.CaseFiled) -> Case:
    return changed(
        case,
        status=TO[words.CaseFiled],
        lead=event.route.lead,
        assisting=event.route.assisting,
        route_rule=event.route.rule,
    )


def dispatched(case: Case, event: words.CaseDispatched) -> Case:
    return changed(case, status=TO[words.CaseDispatched], tasks=(*case.tasks, *event.tasks))


def triaged(case: Case, event: words.CaseTriaged) -> Case:
    return changed(
        case,
        case_type=event.case_type,
        pack_version=event.pack_version,
        profile=event.profile,
        priority=event.priority,
        bound=None if event.case_type != case.case_type else case.bound,
    )


# -- work ------------------------------------------------------------------------------


def _tasks(case: Case, task_id: TaskId, **changes: Any) -> tuple[Task, ...]:
    return tuple([changed(task, **changes) if task.id == task_id else task for task in case.tasks])


def task_added(case: Case, event: words.TaskAdded) -> Case:
    return changed(case, tasks=(*case.tasks, event.task))


def task_cancelled(case: Case, event: words.TaskCancelled) -> Case:
    return changed(case, tasks=_tasks(case, event.task, status="cancelled"))


def task_acknowledged(case: Case, event: words.TaskAcknowledged) -> Case:
    tasks = _tasks(case, event.task, status="acknowledged", acknowledged_at=event.at)
    return changed(case, tasks=tasks)


def task_assigned(case: Case, event: words.TaskAssigned) -> Case:
    return changed(case, tasks=_tasks(case, event.task, assigned_to=event.to))


def task_started(case: Case, event: words.TaskStarted) -> Case:
    tasks = _tasks(case, event.task, status="in_work", started_at=event.at)
    return changed(case, status=TO[words.TaskStarted], tasks=tasks)


def task_claimed(case: Case, event: words.TaskClaimedDone) -> Case:
    tasks = _tasks(
        case,
        event.task,
        status="claimed_done",
        claimed_at=event.at,
        claimed_by=event.by,
        evidence=event.evidence,
    )
    return changed(case, tasks=tasks)


def case_claimed(case: Case, event: words.CaseClaimedDone) -> Case:
    live = [task for task in case.tasks if task.status in LIVE_TASKS]
    claimants = dict.fromkeys(task.claimed_by for task in live if task.claimed_by is not None)
    claim = Claim(event.at, tuple(claimants), tuple(ref for task in live for ref in task.evidence))
    return changed(case, status=TO[words.CaseClaimedDone], claim=claim)


def task_returned(case: Case, event: words.TaskReturned) -> Case:
    tasks = _tasks(case, event.task, status="returned")
    is_lead = any(task.id == event.task and task.role == "lead" for task in case.tasks)
    if not is_lead:
        return changed(case, tasks=tasks)
    return changed(
        case,
        status=TO[words.TaskReturned],
        tasks=tasks,
        arbitration_since=event.at if event.arbitration else None,
        counts=changed(case.counts, returns=case.counts.returns + 1),
    )


def arbitrated(case: Case, event: words.CaseArbitrated) -> Case:
    return changed(
        case,
        lead=event.lead,
        assisting=tuple(agency for agency in case.assisting if agency != event.lead),
        route_rule="arbitrated",
        arbitration_since=None,
        bound=event.lead,
    )


def verified(case: Case, event: words.CaseVerified) -> Case:
    return _ended(case, TO[words.CaseVerified], event.at, event.disposition)


def check_failed(case: Case, event: words.CheckFailed) -> Case:
    tasks = tuple(
        changed(task, status="in_work") if task.status == "claimed_done" else task
        for task in case.tasks
    )
    return changed(
        case,
        status=TO[words.CheckFailed],
        tasks=tasks,
        claim=None,
        counts=changed(case.counts, reworks=case.counts.reworks + 1),
    )


def reopened(case: Case, event: words.CaseReopened) -> Case:
    lead = [t.id for t in case.tasks if t.role == "lead" and t.status == "claimed_done"]
    return changed(
        case,
        status=TO[words.CaseReopened],
        closed_at=None,
        disposition="",
        claim=None,
        evaluation=None,
        tasks=_tasks(case, lead[-1], status="in_work") if lead else case.tasks,
        counts=changed(case.counts, reopens=case.counts.reopens + 1),
    )
