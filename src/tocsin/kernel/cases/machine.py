"""The machine of a case as data, in one place: who may ask what from where, and what follows.

Two tables. `rules` say from which statuses and by whom a command may be given, and to which events
it may lead. `steps` say what such an event does to the status and to the clocks. `decide` and
`evolve` read these tables; there is no status rule anywhere else. `lint.py` examines them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from tocsin.kernel import machines
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.policy import ClockName
from tocsin.kernel.cases.state import Status
from tocsin.kernel.shared import ActorKind

Person = Literal["claimants", "requester", "evaluator"]
"""Someone who acted before, and whom the rule keeps from acting again."""

OPEN: Final[tuple[Status, ...]] = (
    "received",
    "accepted",
    "filed",
    "dispatched",
    "in_work",
    "claimed_done",
)
AT_WORK: Final[tuple[Status, ...]] = ("dispatched", "in_work")
UNCLAIMED: Final[tuple[Status, ...]] = ("received", "accepted", "filed", *AT_WORK)
KNOWN: Final[tuple[Status, ...]] = (*OPEN, "verified", "refused", "void", "merged")

ANY_BUT_REPORTER: Final[tuple[ActorKind, ...]] = ("staff", "integration", "system")
ANYONE: Final[tuple[ActorKind, ...]] = ("staff", "reporter", "integration", "system")
A_PERSON: Final[tuple[ActorKind, ...]] = ("staff",)
SUPERVISORS: Final = ("supervisor", "administrator")
STAND_INS: Final = ("dispatcher", "supervisor", "administrator")
"""Roles that may act for an agency (by phone, say); the events name who did."""

ALL_CLOCKS: Final[tuple[ClockName, ...]] = (
    "accept",
    "file",
    "dispatch",
    "acknowledge",
    "handle",
    "verify",
    "close",
    "answer",
    "hold_approval",
    "hold",
    "extension_approval",
    "arbitrate",
    "ownership",
    "urge",
    "appeal",
)
PAUSABLE: Final[tuple[ClockName, ...]] = ("file", "dispatch", "acknowledge", "handle", "close")
"""What stands still during a question or a granted hold. `accept` never does: to look at a
report needs nobody's answer."""
SELF_ENDING: Final[tuple[ClockName, ...]] = ("answer", "hold")
"""At 100 % these end what they time and nobody is late: they escalate, but miss nothing."""
REFUSING: Final[tuple[ClockName, ...]] = ("hold_approval", "extension_approval")
"""Nobody decided: missed at 100 %, refused by the clock at `REFUSAL_PERCENT`."""
REFUSAL_PERCENT: Final = 150
AFTER_END: Final[tuple[tuple[Status, ClockName], ...]] = (("verified", "appeal"),)
"""The only clocks that may run after an end."""


@dataclass(frozen=True, slots=True)
class Rule(machines.Rule[Status, words.Command, words.Event]):
    """Who may give a command from where.

    `leads_to` names the events that may change the status or a clock. `fast` are statuses that
    count only where the pack allows the fast path, `fast_leads_to` events likewise. `roles` bind
    staff only (empty: the access table of the web decides). `unlike` are persons who may not be
    the actor. `reasons` are its refusals beside `not_found`, `not_from_here` and `not_your_role`.
    """

    fast: tuple[Status, ...] = ()
    fast_leads_to: tuple[type[words.Event], ...] = ()
    kinds: tuple[ActorKind, ...] = ANY_BUT_REPORTER
    roles: tuple[str, ...] = ()
    unlike: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Step(machines.Step[Status, words.Event]):
    """What an event does to the status and to the clocks; `stops` come before `starts`.

    `ends` means that the small machines are closed and that all clocks stop (a merge keeps both
    in the stash instead). `restores` puts back the status that `CaseMerged` came from. `sources`
    may also say that the status of another case leads here.
    """

    starts: tuple[ClockName, ...] = ()
    stops: tuple[ClockName, ...] = ()
    pauses: bool = False
    resumes: bool = False
    ends: bool = False
    restores: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """Both tables, by type."""

    rules: dict[type[words.Command], Rule]
    steps: dict[type[words.Event], Step]


_TASK = ("unknown_task", "not_your_agency")

_RULES: Final = (
    # intake and triage
    Rule(
        words.OpenCase,
        ("absent",),
        (words.CaseOpened,),
        fast_leads_to=(words.CaseAccepted, words.CaseFiled, words.CaseDispatched),
        kinds=ANYONE,
        reasons=("already_exists", "fast_path_not_allowed"),
    ),
    Rule(
        words.AttachReport,
        (*OPEN, "verified"),
        kinds=ANYONE,
        reasons=("already_exists", "bad_value"),
    ),
    Rule(words.AcceptCase, ("received",), (words.CaseAccepted,), repeats=("accepted",)),
    Rule(
        words.RefuseCase,
        ("received", "accepted", "filed"),
        (words.CaseRefused,),
        repeats=("refused",),
        reasons=("children_open",),
    ),
    Rule(
        words.FileCase,
        ("accepted", "filed"),
        (words.CaseFiled,),
        reasons=("arbitration_open", "decision_binds"),
    ),
    Rule(
        words.DispatchCase,
        ("filed",),
        (words.CaseFiled, words.CaseDispatched),
        fast=("received", "accepted"),
        fast_leads_to=(words.CaseAccepted,),
        repeats=("dispatched",),
        reasons=("fast_path_not_allowed", "route_required", "arbitration_open", "decision_binds"),
    ),
    Rule(words.TriageCase, OPEN, (words.CaseTriaged,), reasons=("policy_missing", "bad_value")),
    Rule(
        words.VoidCase,
        OPEN,
        (words.CaseVoided,),
        repeats=("void",),
        reasons=("has_absorbed", "children_open"),
    ),
    # work
    Rule(words.AddTask, AT_WORK, (words.TaskAdded,), reasons=("agency_has_task", "bad_value")),
    Rule(
        words.CancelTask,
        AT_WORK,
        (words.TaskCancelled, words.CaseClaimedDone),
        reasons=("unknown_task", "lead_task_needed"),
    ),
    Rule(words.AcknowledgeTask, AT_WORK, (words.TaskAcknowledged,), reasons=_TASK),
    Rule(words.AssignTask, AT_WORK, reasons=_TASK),
    Rule(words.StartTask, AT_WORK, (words.TaskAcknowledged, words.TaskStarted), reasons=_TASK),
    Rule(
        words.ClaimTaskDone,
        AT_WORK,
        (
            words.TaskAcknowledged,
            words.TaskStarted,
            words.TaskClaimedDone,
            words.CaseClaimedDone,
        ),
        repeats=("claimed_done",),
        reasons=(*_TASK, "photo_required"),
    ),
    Rule(
        words.ReturnTask,
        AT_WORK,
        (words.TaskReturned, words.CaseClaimedDone),
        reasons=(*_TASK, "decision_binds"),
    ),
    Rule(
        words.ArbitrateCase,
        ("filed",),
        (words.CaseArbitrated,),
        kinds=A_PERSON,
    ),
    Rule(
        words.VerifyCase,
        ("claimed_done",),
        (words.CaseVerified,),
        repeats=("verified",),
        kinds=("staff", "integration"),
        unlike=("claimants",),
        reasons=("same_person", "children_open", "reporter_first"),
    ),
    Rule(words.FailCheck, ("claimed_done",), (words.CheckFailed,)),
    # small machines
    Rule(
        words.AskReporter,
        UNCLAIMED,
        (words.ReporterAsked,),
        reasons=("question_open", "unknown_report", "pause_over_cap", "case_silent"),
    ),
    Rule(
        words.AnswerQuestion,
        UNCLAIMED,
        (words.QuestionAnswered,),
        kinds=ANYONE,
        reasons=("no_question",),
    ),
    Rule(
        words.WithdrawQuestion,
        UNCLAIMED,
        (words.QuestionWithdrawn,),
        reasons=("no_question",),
    ),
    Rule(
        words.RequestHold,
        AT_WORK,
        (words.HoldRequested, words.HoldGranted),
        reasons=(
            "not_your_agency",
            "hold_open",
            "hold_reason_unknown",
            "hold_over_cap",
            "bad_value",
        ),
    ),
    Rule(
        words.DecideHold,
        AT_WORK,
        (words.HoldGranted, words.HoldRefused),
        kinds=A_PERSON,
        roles=SUPERVISORS,
        unlike=("requester",),
        reasons=("no_hold", "own_request", "too_late"),
    ),
    Rule(words.EndHold, AT_WORK, (words.HoldEnded,), reasons=("no_hold", "not_your_agency")),
    Rule(
        words.RequestExtension,
        AT_WORK,
        (words.ExtensionRequested,),
        reasons=(
            "not_your_agency",
            "extension_used",
            "extension_not_allowed",
            "bad_value",
            "too_late",
        ),
    ),
    Rule(
        words.DecideExtension,
        AT_WORK,
        (words.ExtensionDecided,),
        kinds=A_PERSON,
        roles=SUPERVISORS,
        unlike=("requester",),
        reasons=("no_extension", "own_request", "too_late"),
    ),
    Rule(
        words.ReopenCase,
        ("verified",),
        (words.CaseReopened,),
        repeats=OPEN,
        kinds=A_PERSON,
        roles=STAND_INS,
        reasons=("too_late",),
    ),
    Rule(
        words.GiveFeedback,
        ("dispatched", "in_work", "claimed_done", "verified", "merged"),
        (words.CaseVerified, words.CheckFailed, words.CaseReopened),
        kinds=ANYONE,
        unlike=("claimants",),
        reasons=("unknown_report",),
    ),
    Rule(words.SetConsent, KNOWN, kinds=ANYONE, reasons=("unknown_report",)),
    Rule(
        words.PublishCase,
        (*OPEN, "verified"),
        reasons=("sealed_type", "no_consent", "case_silent", "case_drill"),
    ),
    Rule(words.AddNote, KNOWN),
    Rule(
        words.NoteAlarmCancel,
        KNOWN,
        (words.CaseTriaged, words.CaseVoided),
        reasons=("policy_missing", "bad_value"),
    ),
    Rule(
        words.BreakGlass,
        KNOWN,
        kinds=A_PERSON,
        reasons=("second_is_asker", "bad_value"),
    ),
    Rule(words.CorrectPlace, OPEN, reasons=("ownership_offered",)),
    Rule(
        words.EvaluateCase,
        ("verified",),
        kinds=A_PERSON,
        reasons=("score_out_of_range", "already_exists"),
    ),
    Rule(
        words.AppealEvaluation,
        ("verified",),
        (words.EvaluationAppealed,),
        kinds=A_PERSON,
        reasons=("not_evaluated", "appeal_open", "appeal_used", "too_late", "not_your_agency"),
    ),
    Rule(
        words.DecideAppeal,
        ("verified",),
        (words.AppealDecided,),
        kinds=A_PERSON,
        unlike=("evaluator",),
        reasons=("not_evaluated", "no_appeal", "same_person"),
    ),
    # tiers and supervision
    Rule(
        words.ReportUp,
        OPEN,
        (words.OwnershipOffered,),
        reasons=("no_tier_above", "ownership_offered"),
    ),
    Rule(
        words.HandDown,
        OPEN,
        (words.OwnershipOffered,),
        reasons=("no_tier_below", "ownership_offered"),
    ),
    Rule(words.TakeOver, OPEN, (words.OwnershipTaken,), kinds=A_PERSON, reasons=("no_offer",)),
    Rule(
        words.DeclineOwnership,
        OPEN,
        (words.OwnershipDeclined,),
        kinds=A_PERSON,
        reasons=("no_offer",),
    ),
    Rule(
        words.UrgeCase,
        OPEN,
        (words.CaseUrged,),
        kinds=A_PERSON,
        reasons=("urge_level_unknown", "bad_value"),
    ),
    Rule(words.AnswerUrge, OPEN, (words.UrgeAnswered,), reasons=("urge_answered",)),
    Rule(
        words.WakeUp,
        KNOWN,
        (words.QuestionWithdrawn, words.HoldEnded, words.HoldRefused, words.ExtensionDecided),
    ),
    # kinship; the sources are those of the case the command is addressed to
    Rule(
        words.MergeCase,
        OPEN,
        (words.CaseMerged, words.DuplicateAbsorbed),
        reasons=(
            "same_case",
            "already_merged",
            "has_absorbed",
            "children_open",
            "arbitration_open",
            "drill_and_real",
            "case_silent",
            "policy_missing",
        ),
    ),
    Rule(
        words.UnmergeCase,
        KNOWN,
        (words.CaseUnmerged, words.DuplicateReleased),
        reasons=("not_merged_here",),
    ),
    Rule(
        words.SplitCase,
        ("accepted", "filed", *AT_WORK),
        (words.CaseSplit,),
        reasons=("no_children", "already_exists", "bad_value"),
    ),
    Rule(words.RecordChild, KNOWN),
)

_STEPS: Final = (
    Step(words.CaseOpened, "received", starts=("accept", "close")),
    Step(
        words.CaseAccepted, "accepted", starts=("file",), stops=("accept",), sources=("received",)
    ),
    Step(words.CaseRefused, "refused", ends=True, stops=ALL_CLOCKS),
    # Filed again before it is sent: the dispatch clock goes on from the first time.
    Step(
        words.CaseFiled,
        "filed",
        starts=("dispatch",),
        stops=("file",),
        sources=("accepted", "filed"),
    ),
    Step(
        words.CaseDispatched,
        "dispatched",
        starts=("acknowledge", "handle"),
        stops=("dispatch", "handle"),
        sources=("filed",),
    ),
    Step(words.CaseTriaged),
    Step(words.CaseVoided, "void", ends=True, stops=ALL_CLOCKS),
    Step(words.TaskAdded, starts=("acknowledge",)),
    Step(words.TaskCancelled, stops=("acknowledge",)),
    Step(words.TaskAcknowledged, stops=("acknowledge",)),
    Step(words.TaskStarted, "in_work"),
    Step(words.TaskClaimedDone),
    Step(words.CaseClaimedDone, "claimed_done", starts=("verify",), stops=("handle",)),
    # The lead's return; an assisting agency's leaves status and handling as they are.
    Step(words.TaskReturned, "filed", starts=("dispatch", "arbitrate"), stops=("handle",)),
    Step(words.CaseArbitrated, starts=("dispatch",), stops=("arbitrate",)),
    Step(words.CaseVerified, "verified", ends=True, stops=ALL_CLOCKS, sources=("claimed_done",)),
    # Work starts anew with its own full allowance: the handling of a failed check is a stage of
    # its own, and the promise to the reporter (close) still runs from the first day.
    Step(
        words.CheckFailed,
        "in_work",
        starts=("handle",),
        stops=("verify",),
        sources=("claimed_done",),
    ),
    Step(
        words.CaseReopened,
        "in_work",
        starts=("handle", "close"),
        stops=("appeal",),
        sources=("verified",),
    ),
    Step(words.ReporterAsked, starts=("answer",), pauses=True),
    Step(words.QuestionAnswered, stops=("answer",), resumes=True),
    Step(words.QuestionWithdrawn, stops=("answer",), resumes=True, sources=UNCLAIMED),
    Step(words.HoldRequested, starts=("hold_approval",)),
    Step(words.HoldGranted, starts=("hold",), stops=("hold_approval",), pauses=True),
    Step(words.HoldRefused, stops=("hold_approval",), sources=AT_WORK),
    Step(words.HoldEnded, stops=("hold", "hold_approval"), resumes=True, sources=AT_WORK),
    Step(words.ExtensionRequested, starts=("extension_approval",)),
    Step(words.ExtensionDecided, stops=("extension_approval",), sources=AT_WORK),
    Step(words.EvaluationAppealed, starts=("appeal",)),
    Step(words.AppealDecided, stops=("appeal",)),
    Step(words.OwnershipOffered, starts=("ownership",)),
    Step(words.OwnershipTaken, stops=("ownership",)),
    Step(words.OwnershipDeclined, stops=("ownership",)),
    Step(words.CaseUrged, starts=("urge",)),
    Step(words.UrgeAnswered, stops=("urge",)),
    # Someone may already be on the way to a duplicate (its tasks wait in the stash), but a claim
    # must be checked where it was made.
    Step(words.CaseMerged, "merged", ends=True, stops=ALL_CLOCKS, sources=UNCLAIMED),
    Step(words.CaseUnmerged, restores=True, sources=("merged",)),
    Step(words.DuplicateAbsorbed),
    Step(words.DuplicateReleased),
    Step(words.CaseSplit),
)

MACHINE: Final = Machine(
    {rule.command: rule for rule in _RULES}, {step.event: step for step in _STEPS}
)

__all__ = [
    "AFTER_END",
    "ALL_CLOCKS",
    "AT_WORK",
    "KNOWN",
    "MACHINE",
    "OPEN",
    "PAUSABLE",
    "REFUSAL_PERCENT",
    "REFUSING",
    "SELF_ENDING",
    "STAND_INS",
    "SUPERVISORS",
    "UNCLAIMED",
    "Machine",
    "Person",
    "Rule",
    "Step",
]
