"""What can be asked of a case (commands) and what can have happened to it (events)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tocsin.kernel.cases.policy import Audience, ClockName, Priority, Profile
from tocsin.kernel.cases.state import Clock, Report, Task, UnitShareStatus
from tocsin.kernel.deadlines import Allowance, Left
from tocsin.kernel.shared import (
    ActorId,
    AgencyId,
    AlarmId,
    AreaId,
    AreaPath,
    CancelEffect,
    CaseId,
    Choice,
    Instant,
    Place,
    ReportId,
    SealedRef,
    TaskId,
    Tier,
    UnitId,
)


@dataclass(frozen=True, slots=True)
class Route:
    """A route that was chosen: which rule of the pack, who leads, who assists."""

    rule: str
    lead: AgencyId
    assisting: tuple[AgencyId, ...] = ()


# -- commands: imperative --------------------------------------------------------------
# intake and triage


@dataclass(frozen=True, slots=True)
class OpenCase:
    """Open a case from its first report. With a `route` and a pack that allows the fast path,
    the case passes on to dispatched at once; the events still show each step and its reason.
    `is_silent`: whoever pressed may be watched, so nothing of it is said at the place or in
    public. `is_drill`: an exercise."""

    report: Report
    place: Place
    areas: AreaPath
    owner_tier: Tier
    route: Route | None = None
    parent: CaseId | None = None
    is_silent: bool = False
    is_drill: bool = False


@dataclass(frozen=True, slots=True)
class AttachReport:
    """Another report of the same matter joins the case, with its own thread and vote."""

    report: Report


@dataclass(frozen=True, slots=True)
class AcceptCase:
    note: SealedRef | None = None


@dataclass(frozen=True, slots=True)
class RefuseCase:
    """Not ours, not a matter, or abuse: an end with a reason that the reporter is told."""

    reason: str


@dataclass(frozen=True, slots=True)
class FileCase:
    """Register the case and fix its route."""

    route: Route


@dataclass(frozen=True, slots=True)
class DispatchCase:
    """Send it: one task to the lead agency, one to each assisting one. From `received` or
    `accepted` only on the fast path; `route` is needed there and overrides a filed one."""

    reason: str
    route: Route | None = None


@dataclass(frozen=True, slots=True)
class TriageCase:
    """Move between emergency and routine, or to another type (facts.next is its policy)."""

    case_type: str
    profile: Profile
    priority: Priority
    reason: str


@dataclass(frozen=True, slots=True)
class VoidCase:
    """Opened by mistake or as an exercise; counts nowhere."""

    reason: str


# work


@dataclass(frozen=True, slots=True)
class AddTask:
    agency: AgencyId
    reason: str


@dataclass(frozen=True, slots=True)
class CancelTask:
    task: TaskId
    reason: str


@dataclass(frozen=True, slots=True)
class AcknowledgeTask:
    task: TaskId


@dataclass(frozen=True, slots=True)
class AssignTask:
    task: TaskId
    to: ActorId


@dataclass(frozen=True, slots=True)
class StartTask:
    task: TaskId


@dataclass(frozen=True, slots=True)
class ClaimTaskDone:
    task: TaskId
    evidence: tuple[SealedRef, ...] = ()
    note: SealedRef | None = None


@dataclass(frozen=True, slots=True)
class ReturnTask:
    """The agency says: not ours. At most `returns_max` times, then an arbiter decides."""

    task: TaskId
    reason: str


@dataclass(frozen=True, slots=True)
class ArbitrateCase:
    """The arbiter's decision binds: the lead may not return it again."""

    lead: AgencyId
    reason: str


@dataclass(frozen=True, slots=True)
class VerifyCase:
    """Someone else saw that it is done."""

    disposition: str
    evidence: tuple[SealedRef, ...] = ()


@dataclass(frozen=True, slots=True)
class FailCheck:
    """Someone else saw that it is not done: back to work, counted."""

    reason: str
    evidence: tuple[SealedRef, ...] = ()


# small machines


@dataclass(frozen=True, slots=True)
class AskReporter:
    report: ReportId
    text: SealedRef


@dataclass(frozen=True, slots=True)
class AnswerQuestion:
    """By the reporter with the receipt, or by staff who reached them."""

    text: SealedRef


@dataclass(frozen=True, slots=True)
class WithdrawQuestion:
    reason: str


@dataclass(frozen=True, slots=True)
class RequestHold:
    reason: str
    until: Instant


@dataclass(frozen=True, slots=True)
class DecideHold:
    approve: bool
    reason: str


@dataclass(frozen=True, slots=True)
class EndHold:
    reason: str


@dataclass(frozen=True, slots=True)
class RequestExtension:
    percent: int
    reason: str


@dataclass(frozen=True, slots=True)
class DecideExtension:
    approve: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ReopenCase:
    reason: str


@dataclass(frozen=True, slots=True)
class GiveFeedback:
    """One reporter's vote. "Not solved" within the pack's time reopens a verified case."""

    report: ReportId
    solved: bool
    treated_well: bool
    comment: SealedRef | None = None


@dataclass(frozen=True, slots=True)
class SetConsent:
    """A reporter agrees to publication, or takes it back."""

    report: ReportId
    consent: bool


@dataclass(frozen=True, slots=True)
class PublishCase:
    """Staff make the description public, or take it back; never for a sealed type, and only
    with the first reporter's consent."""

    publish: bool


@dataclass(frozen=True, slots=True)
class AddNote:
    text: SealedRef


@dataclass(frozen=True, slots=True)
class NoteAlarmCancel:
    """An alarm of the case was taken back at the site. What the pack wishes happens where it may:
    a case is closed only while no unit is on it, and never goes without a word."""

    alarm: AlarmId
    effect: CancelEffect
    priority: Priority


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Two people open what is sealed in a case that one of them does not work on: `asker` wished
    it for `reason`, whoever sends this agreed. It is never done in silence."""

    asker: ActorId
    reason: str
    until: Instant


@dataclass(frozen=True, slots=True)
class CorrectPlace:
    """The place was wrong, or not known when the case opened. Route and tasks stay: whoever
    corrects it decides whether they still fit."""

    place: Place
    areas: AreaPath


@dataclass(frozen=True, slots=True)
class EvaluateCase:
    """0 to 100, by an evaluator, after the close."""

    score: int
    reason: str


@dataclass(frozen=True, slots=True)
class AppealEvaluation:
    reason: str


@dataclass(frozen=True, slots=True)
class DecideAppeal:
    uphold: bool
    reason: str


# tiers and supervision


@dataclass(frozen=True, slots=True)
class ReportUp:
    """Hand the case to the tier above; it is theirs once they take it over."""

    reason: str


@dataclass(frozen=True, slots=True)
class HandDown:
    """Hand the case to the tier below."""

    reason: str


@dataclass(frozen=True, slots=True)
class TakeOver:
    """The offered tier takes the case."""


@dataclass(frozen=True, slots=True)
class DeclineOwnership:
    reason: str


@dataclass(frozen=True, slots=True)
class UrgeCase:
    level: int
    reason: str


@dataclass(frozen=True, slots=True)
class AnswerUrge:
    urge: str
    text: SealedRef


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Sent by the runtime when `next_wake` has come. Harmless at any other time."""


# kinship (decided in kernel/coordination.py, over two or more cases at once)


@dataclass(frozen=True, slots=True)
class MergeCase:
    """Merge `duplicate` into the case the command is addressed to."""

    duplicate: CaseId
    likeness: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnmergeCase:
    """Take `duplicate` out again; it is exactly what it was."""

    duplicate: CaseId
    reason: str


@dataclass(frozen=True, slots=True)
class SplitCase:
    """Open children of this case; the parent closes only after them."""

    reason: str
    children: tuple[SplitChild, ...]


@dataclass(frozen=True, slots=True)
class SplitChild:
    """One child to open: its fresh id and where it goes."""

    id: CaseId
    route: Route


@dataclass(frozen=True, slots=True)
class RecordChild:
    """A child ended or was reopened; sent to the parent by the runtime, may arrive twice."""

    child: CaseId
    is_open: bool


Command = (
    OpenCase
    | AttachReport
    | AcceptCase
    | RefuseCase
    | FileCase
    | DispatchCase
    | TriageCase
    | VoidCase
    | AddTask
    | CancelTask
    | AcknowledgeTask
    | AssignTask
    | StartTask
    | ClaimTaskDone
    | ReturnTask
    | ArbitrateCase
    | VerifyCase
    | FailCheck
    | AskReporter
    | AnswerQuestion
    | WithdrawQuestion
    | RequestHold
    | DecideHold
    | EndHold
    | RequestExtension
    | DecideExtension
    | ReopenCase
    | GiveFeedback
    | SetConsent
    | PublishCase
    | AddNote
    | NoteAlarmCancel
    | BreakGlass
    | CorrectPlace
    | EvaluateCase
    | AppealEvaluation
    | DecideAppeal
    | ReportUp
    | HandDown
    | TakeOver
    | DeclineOwnership
    | UrgeCase
    | AnswerUrge
    | WakeUp
    | MergeCase
    | UnmergeCase
    | SplitCase
    | RecordChild
)


# -- events: past participle -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CaseOpened:
    at: Instant
    case_type: str
    pack_version: str
    profile: Profile
    priority: Priority
    place: Place
    areas: AreaPath
    owner_tier: Tier
    report: Report
    by: ActorId
    parent: CaseId | None = None
    is_silent: bool = False
    is_drill: bool = False


@dataclass(frozen=True, slots=True)
class AlarmCancelNoted:
    """An alarm of it was taken back at the site, with the code. `effect` is what followed."""

    at: Instant
    by: ActorId
    alarm: AlarmId
    effect: CancelEffect


@dataclass(frozen=True, slots=True)
class ReportAttached:
    at: Instant
    report: Report


@dataclass(frozen=True, slots=True)
class CaseAccepted:
    at: Instant
    by: ActorId
    reason: str
    note: SealedRef | None = None


@dataclass(frozen=True, slots=True)
class CaseRefused:
    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class CaseFiled:
    at: Instant
    by: ActorId
    route: Route
    reason: str


@dataclass(frozen=True, slots=True)
class CaseDispatched:
    at: Instant
    by: ActorId
    reason: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class CaseTriaged:
    at: Instant
    by: ActorId
    case_type: str
    pack_version: str
    profile: Profile
    priority: Priority
    reason: str


@dataclass(frozen=True, slots=True)
class CaseVoided:
    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class TaskAdded:
    at: Instant
    by: ActorId
    task: Task
    reason: str


@dataclass(frozen=True, slots=True)
class TaskCancelled:
    at: Instant
    by: ActorId
    task: TaskId
    reason: str


@dataclass(frozen=True, slots=True)
class TaskAcknowledged:
    at: Instant
    by: ActorId
    task: TaskId


@dataclass(frozen=True, slots=True)
class TaskAssigned:
    at: Instant
    by: ActorId
    task: TaskId
    to: ActorId


@dataclass(frozen=True, slots=True)
class TaskStarted:
    at: Instant
    by: ActorId
    task: TaskId


@dataclass(frozen=True, slots=True)
class TaskClaimedDone:
    at: Instant
    by: ActorId
    task: TaskId
    evidence: tuple[SealedRef, ...]
    note: SealedRef | None = None


@dataclass(frozen=True, slots=True)
class CaseClaimedDone:
    """All tasks are claimed: the case waits for the second pair of eyes."""

    at: Instant


@dataclass(frozen=True, slots=True)
class TaskReturned:
    """Back at the dispatcher's desk; the case is filed again, or goes to the arbiter."""

    at: Instant
    by: ActorId
    task: TaskId
    reason: str
    arbitration: bool


@dataclass(frozen=True, slots=True)
class CaseArbitrated:
    at: Instant
    by: ActorId
    lead: AgencyId
    reason: str


@dataclass(frozen=True, slots=True)
class CaseVerified:
    at: Instant
    by: ActorId
    disposition: str
    evidence: tuple[SealedRef, ...]


@dataclass(frozen=True, slots=True)
class CheckFailed:
    at: Instant
    by: ActorId
    reason: str
    evidence: tuple[SealedRef, ...]
    alarm: bool = False
    """It failed so often that the owner's supervisor is told."""


@dataclass(frozen=True, slots=True)
class ReporterAsked:
    at: Instant
    by: ActorId
    report: ReportId
    text: SealedRef


@dataclass(frozen=True, slots=True)
class QuestionAnswered:
    at: Instant
    by: ActorId
    report: ReportId
    text: SealedRef


@dataclass(frozen=True, slots=True)
class QuestionWithdrawn:
    """By staff, or by the clock when the answer did not come in time."""

    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class HoldRequested:
    at: Instant
    by: ActorId
    reason: str
    until: Instant


@dataclass(frozen=True, slots=True)
class HoldGranted:
    at: Instant
    by: ActorId
    reason: str
    until: Instant


@dataclass(frozen=True, slots=True)
class HoldRefused:
    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class HoldEnded:
    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class ExtensionRequested:
    at: Instant
    by: ActorId
    percent: int
    reason: str


@dataclass(frozen=True, slots=True)
class ExtensionDecided:
    at: Instant
    by: ActorId
    approve: bool
    reason: str


@dataclass(frozen=True, slots=True)
class CaseReopened:
    at: Instant
    by: ActorId
    reason: str
    by_feedback: bool


@dataclass(frozen=True, slots=True)
class FeedbackGiven:
    at: Instant
    report: ReportId
    solved: bool
    treated_well: bool
    comment: SealedRef | None = None


@dataclass(frozen=True, slots=True)
class ConsentSet:
    at: Instant
    report: ReportId
    consent: bool


@dataclass(frozen=True, slots=True)
class PublicationSet:
    at: Instant
    by: ActorId
    published: bool


@dataclass(frozen=True, slots=True)
class NoteAdded:
    at: Instant
    by: ActorId
    text: SealedRef


@dataclass(frozen=True, slots=True)
class GlassBroken:
    """Until then `by` may see what is sealed in the case; `second` agreed."""

    at: Instant
    by: ActorId
    second: ActorId
    reason: str
    until: Instant


@dataclass(frozen=True, slots=True)
class PlaceCorrected:
    at: Instant
    by: ActorId
    place: Place
    areas: AreaPath


@dataclass(frozen=True, slots=True)
class CaseEvaluated:
    at: Instant
    by: ActorId
    score: int
    reason: str


@dataclass(frozen=True, slots=True)
class EvaluationAppealed:
    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class AppealDecided:
    at: Instant
    by: ActorId
    uphold: bool
    reason: str


@dataclass(frozen=True, slots=True)
class OwnershipOffered:
    at: Instant
    by: ActorId
    tier: Tier
    area: AreaId
    direction: Literal["up", "down"]
    reason: str


@dataclass(frozen=True, slots=True)
class OwnershipTaken:
    at: Instant
    by: ActorId
    tier: Tier
    area: AreaId


@dataclass(frozen=True, slots=True)
class OwnershipDeclined:
    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class CaseUrged:
    at: Instant
    by: ActorId
    urge: str
    level: int
    reason: str


@dataclass(frozen=True, slots=True)
class UrgeAnswered:
    at: Instant
    by: ActorId
    urge: str
    text: SealedRef


@dataclass(frozen=True, slots=True)
class CaseMerged:
    """On the duplicate: it now lives in `into`."""

    at: Instant
    by: ActorId
    into: CaseId
    likeness: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseUnmerged:
    """On the duplicate: it stands alone again, exactly as before."""

    at: Instant
    by: ActorId
    out_of: CaseId
    reason: str


@dataclass(frozen=True, slots=True)
class DuplicateAbsorbed:
    """On the primary."""

    at: Instant
    by: ActorId
    duplicate: CaseId
    reports: tuple[ReportId, ...] = ()


@dataclass(frozen=True, slots=True)
class DuplicateReleased:
    """On the primary."""

    at: Instant
    by: ActorId
    duplicate: CaseId


@dataclass(frozen=True, slots=True)
class CaseSplit:
    """On the parent."""

    at: Instant
    by: ActorId
    children: tuple[CaseId, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ChildRecorded:
    """On the parent: the child is open, or has ended."""

    at: Instant
    child: CaseId
    is_open: bool


# units: decided together with the unit, in kernel/coordination.py


@dataclass(frozen=True, slots=True)
class UnitSent:
    """A unit was sent to the case, or will come after another one (`is_stacked`). `choice` says
    how it stood in the recommendation that it was sent by."""

    at: Instant
    by: ActorId
    unit: UnitId
    name: str
    task: TaskId
    reason: str
    is_stacked: bool = False
    choice: Choice | None = None


@dataclass(frozen=True, slots=True)
class UnitReported:
    """A unit of the case is as far as `status`. `stated_at` is when its crew pressed, where the
    press arrived later; the deadlines are counted by `at`."""

    at: Instant
    by: ActorId
    unit: UnitId
    name: str
    status: UnitShareStatus
    stated_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class UnitReleased:
    """A unit is not on the case any more: its crew is clear, or it was recalled."""

    at: Instant
    by: ActorId
    unit: UnitId
    name: str
    reason: str
    stated_at: Instant | None = None


# clocks: every promise made, kept, moved and missed


@dataclass(frozen=True, slots=True)
class ClockStarted:
    at: Instant
    clock: Clock
    why: str = ""


@dataclass(frozen=True, slots=True)
class ClockStopped:
    """`kept` is whether it stopped before its instant: exactly the clocks without a miss."""

    at: Instant
    key: str
    name: ClockName
    started_at: Instant
    due_at: Instant
    kept: bool
    agency: AgencyId | None = None


@dataclass(frozen=True, slots=True)
class ClockPaused:
    at: Instant
    key: str
    left: Left
    why: str


@dataclass(frozen=True, slots=True)
class ClockMoved:
    """Resumed, extended or triaged: the old promise is kept here as evidence.

    With `left` set the clock is still paused. `allowance` is set when the promise itself changed.
    """

    at: Instant
    key: str
    was_due_at: Instant
    due_at: Instant
    rungs: tuple[int, ...]
    next_at: Instant | None
    why: str
    left: Left | None = None
    allowance: Allowance | None = None


@dataclass(frozen=True, slots=True)
class ClockEscalated:
    """A rung of the ladder other than the miss itself."""

    at: Instant
    key: str
    name: ClockName
    percent: int
    tell: tuple[Audience, ...]
    next_at: Instant | None
    agency: AgencyId | None = None


@dataclass(frozen=True, slots=True)
class DeadlineMissed:
    """The promise was not kept. Exactly once for a clock, together with its escalation."""

    at: Instant
    key: str
    name: ClockName
    due_at: Instant
    tell: tuple[Audience, ...]
    next_at: Instant | None
    agency: AgencyId | None = None


Event = (
    CaseOpened
    | AlarmCancelNoted
    | ReportAttached
    | CaseAccepted
    | CaseRefused
    | CaseFiled
    | CaseDispatched
    | CaseTriaged
    | CaseVoided
    | TaskAdded
    | TaskCancelled
    | TaskAcknowledged
    | TaskAssigned
    | TaskStarted
    | TaskClaimedDone
    | CaseClaimedDone
    | TaskReturned
    | CaseArbitrated
    | CaseVerified
    | CheckFailed
    | ReporterAsked
    | QuestionAnswered
    | QuestionWithdrawn
    | HoldRequested
    | HoldGranted
    | HoldRefused
    | HoldEnded
    | ExtensionRequested
    | ExtensionDecided
    | CaseReopened
    | FeedbackGiven
    | ConsentSet
    | PublicationSet
    | NoteAdded
    | GlassBroken
    | PlaceCorrected
    | CaseEvaluated
    | EvaluationAppealed
    | AppealDecided
    | OwnershipOffered
    | OwnershipTaken
    | OwnershipDeclined
    | CaseUrged
    | UrgeAnswered
    | CaseMerged
    | CaseUnmerged
    | DuplicateAbsorbed
    | DuplicateReleased
    | CaseSplit
    | ChildRecorded
    | UnitSent
    | UnitReported
    | UnitReleased
    | ClockStarted
    | ClockStopped
    | ClockPaused
    | ClockMoved
    | ClockEscalated
    | DeadlineMissed
)

REASONS: tuple[str, ...] = (
    "already_exists",
    "not_found",
    "not_from_here",  # the status does not allow it; detail names the ones that do
    "not_your_agency",
    "not_your_role",
    "second_is_asker",  # break-glass: whoever asked may not agree
    "same_person",  # four eyes: whoever claimed may not verify
    "reporter_first",  # the reporter verifies; a second person only once the clock has passed
    "photo_required",
    "route_required",
    "fast_path_not_allowed",
    "agency_has_task",
    "unknown_task",
    "unknown_report",
    "lead_task_needed",
    "arbitration_open",
    "decision_binds",
    "question_open",
    "no_question",
    "hold_open",
    "no_hold",
    "hold_reason_unknown",
    "hold_over_cap",
    "pause_over_cap",
    "own_request",  # whoever asked may not approve
    "extension_used",
    "extension_not_allowed",
    "no_extension",
    "too_late",
    "not_evaluated",
    "appeal_open",
    "appeal_used",
    "no_appeal",
    "score_out_of_range",
    "no_tier_above",
    "no_tier_below",
    "ownership_offered",
    "no_offer",
    "urge_level_unknown",
    "urge_answered",
    "same_case",
    "already_merged",
    "not_merged_here",
    "has_absorbed",
    "children_open",
    "no_children",
    "sealed_type",
    "no_consent",
    "case_silent",  # not a word of it at the place or in public
    "case_drill",
    "drill_and_real",
    "policy_missing",
    "bad_value",
)
"""Every reason the case context refuses with. Translated in the packs and the API."""
