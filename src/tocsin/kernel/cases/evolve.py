"""The only way a case changes: one function for each event, found by the event's type.

Rebuilding a node folds millions of events, so copies are made by hand: `_changed` copies the dict
of a case, which costs a tenth of `dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.machine import MACHINE
from tocsin.kernel.cases.state import (
    LIVE_TASKS,
    Case,
    Claim,
    Clock,
    Evaluation,
    Extension,
    Hold,
    Move,
    Ownership,
    Question,
    Report,
    Stash,
    Status,
    Task,
    Urge,
)
from tocsin.kernel.shared import Instant, ReportId, TaskId


def evolve(case: Case, event: words.Event) -> Case:
    """The case after `event`. Raises KeyError for an event without an entry (our bug)."""
    return EVOLVERS[type(event)](case, event)


def fold(case: Case, events: Iterable[words.Event]) -> Case:
    """The case after all events, in order."""
    evolvers = EVOLVERS
    for event in events:
        case = evolvers[type(event)](case, event)
    return case


_TO: Final[dict[type[words.Event], Status]] = {
    event: step.to for event, step in MACHINE.steps.items() if step.to is not None
}


_new: Final = object.__new__


def _changed(case: Case, **changes: Any) -> Case:
    copy = _new(Case)
    values = vars(copy)
    values.update(vars(case))
    values.update(changes)
    return copy


def _seconds(start: Instant, end: Instant) -> int:
    return max(0, int((end - start).total_seconds()))


# -- intake ----------------------------------------------------------------------------


def _opened(case: Case, event: words.CaseOpened) -> Case:
    return _changed(
        case,
        status=_TO[words.CaseOpened],
        case_type=event.case_type,
        pack_version=event.pack_version,
        profile=event.profile,
        priority=event.priority,
        place=event.place,
        areas=event.areas,
        opened_at=event.at,
        reports=(event.report,),
        ownership=Ownership(event.owner_tier, event.areas.at(event.owner_tier)),
        links=replace(case.links, parent=event.parent),
    )


def _attached(case: Case, event: words.ReportAttached) -> Case:
    return _changed(case, reports=(*case.reports, event.report))


def _accepted(case: Case, event: words.CaseAccepted) -> Case:
    return _changed(case, status=_TO[words.CaseAccepted])


def _ended(case: Case, status: Status, at: Instant, disposition: str) -> Case:
    return _changed(
        case, status=status, closed_at=at, disposition=disposition, arbitration_since=None
    )


def _refused(case: Case, event: words.CaseRefused) -> Case:
    return _ended(case, _TO[words.CaseRefused], event.at, event.reason)


def _voided(case: Case, event: words.CaseVoided) -> Case:
    return _ended(case, _TO[words.CaseVoided], event.at, event.reason)


def _filed(case: Case, event: words.CaseFiled) -> Case:
    return _changed(
        case,
        status=_TO[words.CaseFiled],
        lead=event.route.lead,
        assisting=event.route.assisting,
        route_rule=event.route.rule,
    )


def _dispatched(case: Case, event: words.CaseDispatched) -> Case:
    return _changed(case, status=_TO[words.CaseDispatched], tasks=(*case.tasks, *event.tasks))


def _triaged(case: Case, event: words.CaseTriaged) -> Case:
    return _changed(
        case,
        case_type=event.case_type,
        pack_version=event.pack_version,
        profile=event.profile,
        priority=event.priority,
        bound=None if event.case_type != case.case_type else case.bound,
    )


# -- work ------------------------------------------------------------------------------


def _tasks(case: Case, task_id: TaskId, **changes: Any) -> tuple[Task, ...]:
    return tuple(replace(task, **changes) if task.id == task_id else task for task in case.tasks)


def _task_added(case: Case, event: words.TaskAdded) -> Case:
    return _changed(case, tasks=(*case.tasks, event.task))


def _task_cancelled(case: Case, event: words.TaskCancelled) -> Case:
    return _changed(case, tasks=_tasks(case, event.task, status="cancelled"))


def _task_acknowledged(case: Case, event: words.TaskAcknowledged) -> Case:
    tasks = _tasks(case, event.task, status="acknowledged", acknowledged_at=event.at)
    return _changed(case, tasks=tasks)


def _task_assigned(case: Case, event: words.TaskAssigned) -> Case:
    return _changed(case, tasks=_tasks(case, event.task, assigned_to=event.to))


def _task_started(case: Case, event: words.TaskStarted) -> Case:
    tasks = _tasks(case, event.task, status="in_work", started_at=event.at)
    return _changed(case, status=_TO[words.TaskStarted], tasks=tasks)


def _task_claimed(case: Case, event: words.TaskClaimedDone) -> Case:
    tasks = _tasks(
        case,
        event.task,
        status="claimed_done",
        claimed_at=event.at,
        claimed_by=event.by,
        evidence=event.evidence,
    )
    return _changed(case, tasks=tasks)


def _case_claimed(case: Case, event: words.CaseClaimedDone) -> Case:
    live = [task for task in case.tasks if task.status in LIVE_TASKS]
    claimants = dict.fromkeys(task.claimed_by for task in live if task.claimed_by is not None)
    claim = Claim(event.at, tuple(claimants), tuple(ref for task in live for ref in task.evidence))
    return _changed(case, status=_TO[words.CaseClaimedDone], claim=claim)


def _task_returned(case: Case, event: words.TaskReturned) -> Case:
    tasks = _tasks(case, event.task, status="returned")
    is_lead = any(task.id == event.task and task.role == "lead" for task in case.tasks)
    if not is_lead:
        return _changed(case, tasks=tasks)
    return _changed(
        case,
        status=_TO[words.TaskReturned],
        tasks=tasks,
        arbitration_since=event.at if event.arbitration else None,
        counts=replace(case.counts, returns=case.counts.returns + 1),
    )


def _arbitrated(case: Case, event: words.CaseArbitrated) -> Case:
    return _changed(
        case,
        lead=event.lead,
        assisting=tuple(agency for agency in case.assisting if agency != event.lead),
        route_rule="arbitrated",
        arbitration_since=None,
        bound=event.lead,
    )


def _verified(case: Case, event: words.CaseVerified) -> Case:
    return _ended(case, _TO[words.CaseVerified], event.at, event.disposition)


def _check_failed(case: Case, event: words.CheckFailed) -> Case:
    tasks = tuple(
        replace(task, status="in_work") if task.status == "claimed_done" else task
        for task in case.tasks
    )
    return _changed(
        case,
        status=_TO[words.CheckFailed],
        tasks=tasks,
        claim=None,
        counts=replace(case.counts, reworks=case.counts.reworks + 1),
    )


def _reopened(case: Case, event: words.CaseReopened) -> Case:
    lead = [t.id for t in case.tasks if t.role == "lead" and t.status == "claimed_done"]
    return _changed(
        case,
        status=_TO[words.CaseReopened],
        closed_at=None,
        disposition="",
        claim=None,
        evaluation=None,
        tasks=_tasks(case, lead[-1], status="in_work") if lead else case.tasks,
        counts=replace(case.counts, reopens=case.counts.reopens + 1),
    )


# -- small machines --------------------------------------------------------------------


def _asked(case: Case, event: words.ReporterAsked) -> Case:
    return _changed(case, question=Question(event.report, event.text, event.at, event.by))


def _question_over(case: Case, event: words.QuestionAnswered | words.QuestionWithdrawn) -> Case:
    if case.question is None:
        return case
    asked_s = _seconds(case.question.asked_at, event.at)
    counts = replace(case.counts, ask_s=case.counts.ask_s + asked_s)
    return _changed(case, question=None, counts=counts)


def _hold_requested(case: Case, event: words.HoldRequested) -> Case:
    return _changed(case, hold=Hold(event.reason, event.until, event.at, event.by))


def _hold_granted(case: Case, event: words.HoldGranted) -> Case:
    if case.hold is None:
        return case
    return _changed(case, hold=replace(case.hold, granted_at=event.at, until=event.until))


def _hold_over(case: Case, event: words.HoldRefused | words.HoldEnded) -> Case:
    if case.hold is None:
        return case
    held_s = _seconds(case.hold.granted_at, event.at) if case.hold.granted_at else 0
    return _changed(
        case, hold=None, counts=replace(case.counts, hold_s=case.counts.hold_s + held_s)
    )


def _extension_requested(case: Case, event: words.ExtensionRequested) -> Case:
    return _changed(case, extension=Extension(event.percent, event.at, event.by))


def _extension_decided(case: Case, event: words.ExtensionDecided) -> Case:
    if case.extension is None:
        return case
    decided = "approved" if event.approve else "refused"
    return _changed(case, extension=replace(case.extension, decided=decided))


def _reports(case: Case, report_id: ReportId, **changes: Any) -> tuple[Report, ...]:
    return tuple(
        replace(report, **changes) if report.id == report_id else report for report in case.reports
    )


def _feedback(case: Case, event: words.FeedbackGiven) -> Case:
    reports = _reports(
        case,
        event.report,
        solved=event.solved,
        treated_well=event.treated_well,
        voted_at=event.at,
    )
    return _changed(case, reports=reports)


def _consent(case: Case, event: words.ConsentSet) -> Case:
    return _changed(case, reports=_reports(case, event.report, consent=event.consent))


def _published(case: Case, event: words.PublicationSet) -> Case:
    return _changed(case, published=event.published)


def _noted(case: Case, event: words.NoteAdded) -> Case:
    return _changed(case, counts=replace(case.counts, notes=case.counts.notes + 1))


def _evaluated(case: Case, event: words.CaseEvaluated) -> Case:
    return _changed(case, evaluation=Evaluation(event.score, event.at, event.by))


def _appealed(case: Case, event: words.EvaluationAppealed) -> Case:
    if case.evaluation is None:
        return case
    return _changed(case, evaluation=replace(case.evaluation, appeal="open"))


def _appeal_decided(case: Case, event: words.AppealDecided) -> Case:
    if case.evaluation is None:
        return case
    appeal = "upheld" if event.uphold else "rejected"
    return _changed(case, evaluation=replace(case.evaluation, appeal=appeal))


# -- tiers and supervision -------------------------------------------------------------


def _offered(case: Case, event: words.OwnershipOffered) -> Case:
    if case.ownership is None:
        return case
    return _changed(
        case,
        ownership=replace(case.ownership, offered_tier=event.tier, offered_area=event.area),
    )


def _taken(case: Case, event: words.OwnershipTaken) -> Case:
    return _changed(case, ownership=Ownership(event.tier, event.area))


def _declined(case: Case, event: words.OwnershipDeclined) -> Case:
    if case.ownership is None:
        return case
    return _changed(case, ownership=replace(case.ownership, offered_tier=None, offered_area=None))


def _urged(case: Case, event: words.CaseUrged) -> Case:
    return _changed(case, urges=(*case.urges, Urge(event.urge, event.level, event.at, event.by)))


def _urge_answered(case: Case, event: words.UrgeAnswered) -> Case:
    urges = tuple(
        replace(urge, answered_at=event.at) if urge.id == event.urge else urge
        for urge in case.urges
    )
    return _changed(case, urges=urges)


# -- kinship ---------------------------------------------------------------------------


def _merged(case: Case, event: words.CaseMerged) -> Case:
    return _changed(
        case,
        status=_TO[words.CaseMerged],
        stash=Stash(case.status, case.clocks),
        clocks=(),
        links=replace(case.links, merged_into=event.into),
    )


def _unmerged(case: Case, event: words.CaseUnmerged) -> Case:
    if case.stash is None:
        return case
    return _changed(
        case,
        status=case.stash.status,
        clocks=case.stash.clocks,
        stash=None,
        links=replace(case.links, merged_into=None),
    )


def _absorbed(case: Case, event: words.DuplicateAbsorbed) -> Case:
    links = case.links
    told = tuple((event.duplicate, report) for report in event.reports)
    return _changed(
        case,
        links=replace(
            links,
            absorbed=(*links.absorbed, event.duplicate),
            absorbed_reports=(*links.absorbed_reports, *told),
        ),
    )


def _released(case: Case, event: words.DuplicateReleased) -> Case:
    links = case.links
    return _changed(
        case,
        links=replace(
            links,
            absorbed=tuple(id_ for id_ in links.absorbed if id_ != event.duplicate),
            absorbed_reports=tuple(p for p in links.absorbed_reports if p[0] != event.duplicate),
        ),
    )


def _split(case: Case, event: words.CaseSplit) -> Case:
    links = case.links
    return _changed(
        case,
        links=replace(
            links,
            children=(*links.children, *event.children),
            open_children=(*links.open_children, *event.children),
        ),
    )


def _child_recorded(case: Case, event: words.ChildRecorded) -> Case:
    rest = tuple(child for child in case.links.open_children if child != event.child)
    open_children = (*rest, event.child) if event.is_open else rest
    return _changed(case, links=replace(case.links, open_children=open_children))


# -- clocks ----------------------------------------------------------------------------


def _clocks(case: Case, key: str, change: Callable[[Clock], Clock]) -> tuple[Clock, ...]:
    return tuple(change(clock) if clock.key == key else clock for clock in case.clocks)


def _promise(case: Case, at: Instant, now: Instant, why: str) -> dict[str, Any]:
    """The promise to the reporter, and the evidence when an earlier one moved."""
    was = case.promised_at
    if was is None or was == now:
        return {"promised_at": now}
    return {"promised_at": now, "moves": (*case.moves, Move(at, was, now, why))}


def _clock_started(case: Case, event: words.ClockStarted) -> Case:
    clock = event.clock
    clocks = (*case.clocks, clock)
    if clock.name == "close":
        promise = _promise(case, event.at, clock.due_at, event.why or "restarted")
        return _changed(case, clocks=clocks, **promise)
    return _changed(case, clocks=clocks)


def _clock_stopped(case: Case, event: words.ClockStopped) -> Case:
    return _changed(case, clocks=tuple(c for c in case.clocks if c.key != event.key))


def _clock_paused(case: Case, event: words.ClockPaused) -> Case:
    def pause(clock: Clock) -> Clock:
        return replace(clock, paused_at=event.at, paused_left=event.left, next_at=None)

    return _changed(case, clocks=_clocks(case, event.key, pause))


def _clock_moved(case: Case, event: words.ClockMoved) -> Case:
    def move(clock: Clock) -> Clock:
        return replace(
            clock,
            due_at=event.due_at,
            rungs=event.rungs,
            next_at=event.next_at,
            allowance=event.allowance or clock.allowance,
            paused_at=clock.paused_at if event.left is not None else None,
            paused_left=event.left,
            moved=True,
        )

    clocks = _clocks(case, event.key, move)
    if event.key == "close":
        return _changed(case, clocks=clocks, **_promise(case, event.at, event.due_at, event.why))
    return _changed(case, clocks=clocks)


def _clock_escalated(case: Case, event: words.ClockEscalated) -> Case:
    def climb(clock: Clock) -> Clock:
        return replace(clock, rungs=clock.rungs[1:], next_at=event.next_at, fired=event.percent)

    return _changed(case, clocks=_clocks(case, event.key, climb))


def _deadline_missed(case: Case, event: words.DeadlineMissed) -> Case:
    def miss(clock: Clock) -> Clock:
        return replace(clock, rungs=clock.rungs[1:], next_at=event.next_at, fired=100, missed=True)

    return _changed(
        case,
        clocks=_clocks(case, event.key, miss),
        counts=replace(case.counts, missed=case.counts.missed + 1),
    )


EVOLVERS: Final[dict[type[words.Event], Callable[[Case, Any], Case]]] = {
    words.CaseOpened: _opened,
    words.ReportAttached: _attached,
    words.CaseAccepted: _accepted,
    words.CaseRefused: _refused,
    words.CaseFiled: _filed,
    words.CaseDispatched: _dispatched,
    words.CaseTriaged: _triaged,
    words.CaseVoided: _voided,
    words.TaskAdded: _task_added,
    words.TaskCancelled: _task_cancelled,
    words.TaskAcknowledged: _task_acknowledged,
    words.TaskAssigned: _task_assigned,
    words.TaskStarted: _task_started,
    words.TaskClaimedDone: _task_claimed,
    words.CaseClaimedDone: _case_claimed,
    words.TaskReturned: _task_returned,
    words.CaseArbitrated: _arbitrated,
    words.CaseVerified: _verified,
    words.CheckFailed: _check_failed,
    words.ReporterAsked: _asked,
    words.QuestionAnswered: _question_over,
    words.QuestionWithdrawn: _question_over,
    words.HoldRequested: _hold_requested,
    words.HoldGranted: _hold_granted,
    words.HoldRefused: _hold_over,
    words.HoldEnded: _hold_over,
    words.ExtensionRequested: _extension_requested,
    words.ExtensionDecided: _extension_decided,
    words.CaseReopened: _reopened,
    words.FeedbackGiven: _feedback,
    words.ConsentSet: _consent,
    words.PublicationSet: _published,
    words.NoteAdded: _noted,
    words.CaseEvaluated: _evaluated,
    words.EvaluationAppealed: _appealed,
    words.AppealDecided: _appeal_decided,
    words.OwnershipOffered: _offered,
    words.OwnershipTaken: _taken,
    words.OwnershipDeclined: _declined,
    words.CaseUrged: _urged,
    words.UrgeAnswered: _urge_answered,
    words.CaseMerged: _merged,
    words.CaseUnmerged: _unmerged,
    words.DuplicateAbsorbed: _absorbed,
    words.DuplicateReleased: _released,
    words.CaseSplit: _split,
    words.ChildRecorded: _child_recorded,
    words.ClockStarted: _clock_started,
    words.ClockStopped: _clock_stopped,
    words.ClockPaused: _clock_paused,
    words.ClockMoved: _clock_moved,
    words.ClockEscalated: _clock_escalated,
    words.DeadlineMissed: _deadline_missed,
}
