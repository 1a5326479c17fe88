"""The only way a case changes: one function for each event, found by the event's type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from tocsin.kernel.cases import evolve_beside as beside
from tocsin.kernel.cases import evolve_clocks as clocks
from tocsin.kernel.cases import evolve_course as course
from tocsin.kernel.cases import evolve_units as sending
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.state import Case


def evolve(case: Case, event: words.Event) -> Case:
    """The case after `event`. Raises KeyError for an event without an entry (our bug)."""
    return EVOLVERS[type(event)](case, event)


def fold(case: Case, events: Iterable[words.Event]) -> Case:
    """The case after all events, in order."""
    evolvers = EVOLVERS
    for event in events:
        case = evolvers[type(event)](case, event)
    return case


EVOLVERS: Final[dict[type[words.Event], Callable[[Case, Any], Case]]] = {
    words.CaseOpened: course.opened,
    words.AlarmCancelNoted: course.alarm_cancelled,
    words.ReportAttached: course.attached,
    words.CaseAccepted: course.accepted,
    words.CaseRefused: course.refused,
    words.CaseFiled: course.filed,
    words.CaseDispatched: course.dispatched,
    words.CaseTriaged: course.triaged,
    words.CaseVoided: course.voided,
    words.TaskAdded: course.task_added,
    words.TaskCancelled: course.task_cancelled,
    words.TaskAcknowledged: course.task_acknowledged,
    words.TaskAssigned: course.task_assigned,
    words.TaskStarted: course.task_started,
    words.TaskClaimedDone: course.task_claimed,
    words.CaseClaimedDone: course.case_claimed,
    words.TaskReturned: course.task_returned,
    words.CaseArbitrated: course.arbitrated,
    words.CaseVerified: course.verified,
    words.CheckFailed: course.check_failed,
    words.ReporterAsked: beside.asked,
    words.QuestionAnswered: beside.question_over,
    words.QuestionWithdrawn: beside.question_over,
    words.HoldRequested: beside.hold_requested,
    words.HoldGranted: beside.hold_granted,
    words.HoldRefused: beside.hold_over,
    words.HoldEnded: beside.hold_over,
    words.ExtensionRequested: beside.extension_requested,
    words.ExtensionDecided: beside.extension_decided,
    words.CaseReopened: course.reopened,
    words.FeedbackGiven: beside.feedback,
    words.ConsentSet: beside.consent,
    words.PublicationSet: beside.published,
    words.NoteAdded: beside.noted,
    words.GlassBroken: beside.unchanged,
    words.PlaceCorrected: beside.place_corrected,
    words.CaseEvaluated: beside.evaluated,
    words.EvaluationAppealed: beside.appealed,
    words.AppealDecided: beside.appeal_decided,
    words.OwnershipOffered: beside.offered,
    words.OwnershipTaken: beside.taken,
    words.OwnershipDeclined: beside.declined,
    words.CaseUrged: beside.urged,
    words.UrgeAnswered: beside.urge_answered,
    words.CaseMerged: beside.merged,
    words.CaseUnmerged: beside.unmerged,
    words.DuplicateAbsorbed: beside.absorbed,
    words.DuplicateReleased: beside.released,
    words.CaseSplit: beside.split,
    words.ChildRecorded: beside.child_recorded,
    words.UnitSent: sending.sent,
    words.UnitReported: sending.reported,
    words.UnitReleased: sending.released,
    words.ClockStarted: clocks.clock_started,
    words.ClockStopped: clocks.clock_stopped,
    words.ClockPaused: clocks.clock_paused,
    words.ClockMoved: clocks.clock_moved,
    words.ClockEscalated: clocks.clock_escalated,
    words.DeadlineMissed: clocks.deadline_missed,
}
