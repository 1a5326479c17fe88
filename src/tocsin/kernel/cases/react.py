"""What the node owes the world because something happened to a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.policy import Audience
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import AgencyId, CaseId, ReportId, TaskId, UnitId


@dataclass(frozen=True, slots=True)
class Tell:
    """Send the message `template` of the pack to an audience (staff inbox), or, when `report`
    is set, into that reporter's own thread."""

    audience: Audience
    template: str
    agency: AgencyId | None = None
    report: ReportId | None = None
    to: tuple[str, ...] = ()
    """Directory addresses, fixed when the errand is written: whoever is told is who was in charge
    when it happened, also when it is told again."""


@dataclass(frozen=True, slots=True)
class Send:
    """Hand `command` to another case. May arrive twice; the command must be harmless then."""

    to: CaseId
    command: words.Command


@dataclass(frozen=True, slots=True)
class StandDown:
    """Recall a unit from the case: there is nothing for it to do there. May arrive twice."""

    unit: UnitId
    reason: str


@dataclass(frozen=True, slots=True)
class EndAlarms:
    """Tell the alarms of the case how it ended. May arrive twice."""

    status: str
    disposition: str


@dataclass(frozen=True, slots=True)
class MoveAlarms:
    """The alarms of one case belong to another: it was merged, or came out again. May arrive
    twice."""

    source: CaseId
    to: CaseId


Errand = Tell | Send | StandDown | EndAlarms | MoveAlarms

ALARM_SOURCE: Final = "alarm"
"""The source of a report that an alarm made."""

REPORTER_TEMPLATES: Final = (
    "reporter_accepted",
    "reporter_refused",
    "reporter_dispatched",
    "reporter_question",
    "reporter_question_closed",
    "reporter_promise_moved",
    "reporter_claimed_done",
    "reporter_verified",
    "reporter_reopened",
    "reporter_merged",
    "reporter_unmerged",
)
"""What reporters read in their own thread. That it was received, the receipt already says."""

STAFF_TEMPLATES: Final = (
    "task_dispatched",
    "task_cancelled",
    "task_returned",
    "case_triaged",
    "verification_needed",
    "check_failed",
    "rework_alarm",
    "case_reopened",
    "case_merged",
    "case_unmerged",
    "arbitration_needed",
    "arbitration_decided",
    "question_answered",
    "question_withdrawn",
    "hold_requested",
    "hold_decided",
    "hold_ended",
    "extension_requested",
    "extension_decided",
    "evaluated",
    "appeal_opened",
    "appeal_decided",
    "ownership_offered",
    "ownership_taken",
    "ownership_declined",
    "urged",
    "urge_answered",
    "merged_reporter_unsatisfied",
    "glass_broken",
    "deadline_near",
    "deadline_missed",
    "deadline_long_missed",
)

TEMPLATES: Final = REPORTER_TEMPLATES + STAFF_TEMPLATES
"""Every template a pack must translate. Stable words: messages are kept under them."""

OF_ALARMS: Final = (
    *(words.CaseVerified, words.CaseRefused, words.CaseVoided),
    *(words.CaseMerged, words.CaseUnmerged),
)
"""Events that the alarms of a case must hear of."""

NEVER_LATE: Final = 100
"""Rungs below this percent warn, above it they follow a miss."""


def react(before: Case, event: words.Event, after: Case) -> tuple[Errand, ...]:
    """The errands of one event, given the case before and after it."""
    kind = type(event)
    reaction = REACTIONS.get(kind)
    owed = () if reaction is None else reaction(before, event, after)
    return (*owed, *_alarms(before, event, after)) if kind in OF_ALARMS else owed


def _alarms(before: Case, event: words.Event, after: Case) -> tuple[Errand, ...]:
    """What the alarms of a case must hear, where it may have any."""
    came = any(report.source == ALARM_SOURCE for report in before.reports)
    if not came and not before.links.absorbed:
        return ()
    match event:
        case words.CaseVerified() | words.CaseRefused() | words.CaseVoided():
            return (EndAlarms(after.status, after.disposition),)
        case words.CaseMerged():
            return (MoveAlarms(after.id, event.into),)
        case words.CaseUnmerged():
            return (MoveAlarms(event.out_of, after.id),)
        case _:
            return ()


def _reporters(case: Case, template: str) -> tuple[Errand, ...]:
    """To each reporter's own thread, those of absorbed duplicates included."""
    own = (report.id for report in case.reports)
    others = (report for _, report in case.links.absorbed_reports)
    return tuple(Tell("reporters", template, report=report) for report in (*own, *others))


def _to_parent(case: Case, *, is_open: bool) -> tuple[Errand, ...]:
    parent = case.links.parent
    if parent is None:
        return ()
    return (Send(parent, words.RecordChild(case.id, is_open)),)


def _agency_of(case: Case, task_id: str) -> AgencyId | None:
    return next((task.agency for task in case.tasks if task.id == task_id), None)


# -- intake and work -------------------------------------------------------------------


def _accepted(before: Case, event: words.CaseAccepted, after: Case) -> tuple[Errand, ...]:
    return _reporters(after, "reporter_accepted")


def _refused(before: Case, event: words.CaseRefused, after: Case) -> tuple[Errand, ...]:
    told = (*_reporters(after, "reporter_refused"), *_to_parent(after, is_open=False))
    return (*told, *_stand_down(before, "case_refused"))


def _voided(before: Case, event: words.CaseVoided, after: Case) -> tuple[Errand, ...]:
    told = (*_stop_work(before), *_to_parent(after, is_open=False))
    return (*told, *_stand_down(before, "case_void"))


def _stop_work(case: Case) -> tuple[Errand, ...]:
    """Whoever is on the way must hear that there is nothing to do."""
    return tuple(
        Tell("agency", "task_cancelled", agency=task.agency)
        for task in case.tasks
        if task.status in ("dispatched", "acknowledged", "in_work")
    )


def _stand_down(case: Case, reason: str, task: TaskId | None = None) -> tuple[Errand, ...]:
    """Recalls the units that are on the case, or on that task of it."""
    return tuple(
        StandDown(each.unit, reason)
        for each in case.units
        if each.released_at is None and task in (None, each.task)
    )


def _dispatched(before: Case, event: words.CaseDispatched, after: Case) -> tuple[Errand, ...]:
    tasks = tuple(Tell("agency", "task_dispatched", agency=task.agency) for task in event.tasks)
    return (*tasks, *_reporters(after, "reporter_dispatched"))


def _triaged(before: Case, event: words.CaseTriaged, after: Case) -> tuple[Errand, ...]:
    at_work = tuple(
        Tell("agency", "case_triaged", agency=task.agency)
        for task in after.tasks
        if task.status in ("dispatched", "acknowledged", "in_work")
    )
    return at_work or (Tell("dispatchers", "case_triaged"),)


def _task_added(before: Case, event: words.TaskAdded, after: Case) -> tuple[Errand, ...]:
    return (Tell("agency", "task_dispatched", agency=event.task.agency),)


def _task_cancelled(before: Case, event: words.TaskCancelled, after: Case) -> tuple[Errand, ...]:
    told = Tell("agency", "task_cancelled", agency=_agency_of(after, event.task))
    return (told, *_stand_down(before, "task_cancelled", event.task))


def _case_claimed(before: Case, event: words.CaseClaimedDone, after: Case) -> tuple[Errand, ...]:
    """Verifiers see it; reporters are asked, too, since their vote may verify it."""
    return (Tell("verifiers", "verification_needed"), *_reporters(after, "reporter_claimed_done"))


def _returned(before: Case, event: words.TaskReturned, after: Case) -> tuple[Errand, ...]:
    recalled = _stand_down(before, "task_returned", event.task)
    if event.arbitration:
        return (Tell("county_supervisor", "arbitration_needed"), *recalled)
    return (Tell("dispatchers", "task_returned"), *recalled)


def _arbitrated(before: Case, event: words.CaseArbitrated, after: Case) -> tuple[Errand, ...]:
    return (
        Tell("dispatchers", "arbitration_decided"),
        Tell("agency_supervisor", "arbitration_decided", agency=event.lead),
    )


def _verified(before: Case, event: words.CaseVerified, after: Case) -> tuple[Errand, ...]:
    return (*_reporters(after, "reporter_verified"), *_to_parent(after, is_open=False))


def _check_failed(before: Case, event: words.CheckFailed, after: Case) -> tuple[Errand, ...]:
    told = (Tell("agency", "check_failed", agency=after.lead),)
    return (*told, Tell("owner_supervisor", "rework_alarm")) if event.alarm else told


def _reopened(before: Case, event: words.CaseReopened, after: Case) -> tuple[Errand, ...]:
    return (
        Tell("agency", "case_reopened", agency=after.lead),
        *_reporters(after, "reporter_reopened"),
        *_to_parent(after, is_open=True),
    )


# -- small machines --------------------------------------------------------------------


def _asked(before: Case, event: words.ReporterAsked, after: Case) -> tuple[Errand, ...]:
    return (Tell("reporters", "reporter_question", report=event.report),)


def _handler(case: Case) -> Audience:
    """Who waits for an answer: the agency once there is one at work, else the dispatchers."""
    return "agency" if case.status in ("dispatched", "in_work") else "dispatchers"


def _answered(before: Case, event: words.QuestionAnswered, after: Case) -> tuple[Errand, ...]:
    return (Tell(_handler(after), "question_answered"),)


def _withdrawn(before: Case, event: words.QuestionWithdrawn, after: Case) -> tuple[Errand, ...]:
    asked = before.question
    if asked is None:
        return ()
    return (
        Tell("reporters", "reporter_question_closed", report=asked.report),
        Tell(_handler(after), "question_withdrawn"),
    )


def _feedback(before: Case, event: words.FeedbackGiven, after: Case) -> tuple[Errand, ...]:
    """A merged case cannot be reopened, but its reporter is not to be lost."""
    if after.status == "merged" and not event.solved:
        return (Tell("dispatchers", "merged_reporter_unsatisfied"),)
    return ()


def _appealed(before: Case, event: words.EvaluationAppealed, after: Case) -> tuple[Errand, ...]:
    return (Tell("county_supervisor", "appeal_opened"),)


def _simple(
    audience: Audience, template: str, *also: Audience
) -> Callable[[Case, Any, Case], tuple[Errand, ...]]:
    told = tuple(Tell(each, template) for each in (audience, *also))
    return lambda before, event, after: told


# -- tiers and kinship -----------------------------------------------------------------


def _offered(before: Case, event: words.OwnershipOffered, after: Case) -> tuple[Errand, ...]:
    audience: Audience = "tier_above" if event.direction == "up" else "owner"
    return (Tell(audience, "ownership_offered"),)


def _merged(before: Case, event: words.CaseMerged, after: Case) -> tuple[Errand, ...]:
    return (
        *_reporters(after, "reporter_merged"),
        *(
            Tell("agency", "case_merged", agency=task.agency)
            for task in after.tasks
            if task.status in ("dispatched", "acknowledged", "in_work")
        ),
        *_to_parent(after, is_open=False),
    )


def _unmerged(before: Case, event: words.CaseUnmerged, after: Case) -> tuple[Errand, ...]:
    return (
        *_reporters(after, "reporter_unmerged"),
        *(
            Tell("agency", "case_unmerged", agency=task.agency)
            for task in after.tasks
            if task.status in ("dispatched", "acknowledged", "in_work")
        ),
        *_to_parent(after, is_open=True),
    )


# -- clocks ----------------------------------------------------------------------------


def _moved(before: Case, event: words.ClockMoved, after: Case) -> tuple[Errand, ...]:
    """The promise to the reporter moved, and it is not just a pause without loss of time."""
    if len(after.moves) == len(before.moves):
        return ()
    return _reporters(after, "reporter_promise_moved")


def _escalated(before: Case, event: words.ClockEscalated, after: Case) -> tuple[Errand, ...]:
    template = "deadline_near" if event.percent <= NEVER_LATE else "deadline_long_missed"
    return tuple(Tell(audience, template, agency=event.agency) for audience in event.tell)


def _missed(before: Case, event: words.DeadlineMissed, after: Case) -> tuple[Errand, ...]:
    return tuple(Tell(audience, "deadline_missed", agency=event.agency) for audience in event.tell)


REACTIONS: Final[dict[type[words.Event], Callable[[Case, Any, Case], tuple[Errand, ...]]]] = {
    words.CaseAccepted: _accepted,
    words.CaseRefused: _refused,
    words.CaseVoided: _voided,
    words.CaseDispatched: _dispatched,
    words.CaseTriaged: _triaged,
    words.TaskAdded: _task_added,
    words.TaskCancelled: _task_cancelled,
    words.CaseClaimedDone: _case_claimed,
    words.TaskReturned: _returned,
    words.CaseArbitrated: _arbitrated,
    words.CaseVerified: _verified,
    words.CheckFailed: _check_failed,
    words.CaseReopened: _reopened,
    words.ReporterAsked: _asked,
    words.QuestionAnswered: _answered,
    words.QuestionWithdrawn: _withdrawn,
    words.HoldRequested: _simple("owner_supervisor", "hold_requested"),
    words.HoldGranted: _simple("agency", "hold_decided"),
    words.HoldRefused: _simple("agency", "hold_decided"),
    words.HoldEnded: _simple("agency", "hold_ended"),
    words.ExtensionRequested: _simple("owner_supervisor", "extension_requested"),
    words.ExtensionDecided: _simple("agency", "extension_decided"),
    words.GlassBroken: _simple("owner_supervisor", "glass_broken", "county_supervisor", "auditors"),
    words.FeedbackGiven: _feedback,
    words.CaseEvaluated: _simple("agency_supervisor", "evaluated"),
    words.EvaluationAppealed: _appealed,
    words.AppealDecided: _simple("agency_supervisor", "appeal_decided"),
    words.OwnershipOffered: _offered,
    words.OwnershipTaken: _simple("owner", "ownership_taken"),
    words.OwnershipDeclined: _simple("owner", "ownership_declined"),
    words.CaseUrged: _simple("agency", "urged"),
    words.UrgeAnswered: _simple("owner_supervisor", "urge_answered"),
    words.CaseMerged: _merged,
    words.CaseUnmerged: _unmerged,
    words.ClockMoved: _moved,
    words.ClockEscalated: _escalated,
    words.DeadlineMissed: _missed,
}
"""By event; one without an entry owes nobody anything."""
