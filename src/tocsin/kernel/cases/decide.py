"""Every rule about what may happen next to a case, entered here by the command's type.

`decide` first lets every clock speak whose instant has come, so that a late stop is never counted
as kept; then it asks the machine's table whether the command may be given; then the rule decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tocsin.kernel.cases import intake, small, tiers, work
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.draft import Draft, Taken
from tocsin.kernel.cases.machine import MACHINE
from tocsin.kernel.cases.permits import permitted
from tocsin.kernel.cases.policy import CaseFacts
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Refused, Stamped

Decider = Callable[[Draft, Any, CaseFacts], Refused | None]

DECIDERS: Final[dict[type[words.Command], Decider]] = {
    words.OpenCase: intake.open_case,
    words.AttachReport: intake.attach_report,
    words.AcceptCase: intake.accept_case,
    words.RefuseCase: intake.refuse_case,
    words.FileCase: intake.file_case,
    words.DispatchCase: intake.dispatch_case,
    words.TriageCase: intake.triage_case,
    words.VoidCase: intake.void_case,
    words.AddTask: intake.add_task,
    words.CancelTask: work.cancel_task,
    words.AcknowledgeTask: work.acknowledge_task,
    words.AssignTask: work.assign_task,
    words.StartTask: work.start_task,
    words.ClaimTaskDone: work.claim_task_done,
    words.ReturnTask: work.return_task,
    words.ArbitrateCase: work.arbitrate_case,
    words.VerifyCase: work.verify_case,
    words.FailCheck: work.fail_check,
    words.AskReporter: small.ask_reporter,
    words.AnswerQuestion: small.answer_question,
    words.WithdrawQuestion: small.withdraw_question,
    words.RequestHold: small.request_hold,
    words.DecideHold: small.decide_hold,
    words.EndHold: small.end_hold,
    words.RequestExtension: small.request_extension,
    words.DecideExtension: small.decide_extension,
    words.ReopenCase: work.reopen_case,
    words.GiveFeedback: work.give_feedback,
    words.SetConsent: intake.set_consent,
    words.PublishCase: intake.publish_case,
    words.AddNote: intake.add_note,
    words.NoteAlarmCancel: intake.note_alarm_cancel,
    words.BreakGlass: intake.break_glass,
    words.CorrectPlace: intake.correct_place,
    words.EvaluateCase: work.evaluate_case,
    words.AppealEvaluation: work.appeal_evaluation,
    words.DecideAppeal: work.decide_appeal,
    words.ReportUp: tiers.report_up,
    words.HandDown: tiers.hand_down,
    words.TakeOver: tiers.take_over,
    words.DeclineOwnership: tiers.decline_ownership,
    words.UrgeCase: tiers.urge_case,
    words.AnswerUrge: tiers.answer_urge,
    words.WakeUp: tiers.wake_up,
    words.RecordChild: tiers.record_child,
}
"""By command. Merge, un-merge and split are decided in `kernel/coordination.py`."""


def decide(
    case: Case, command: Stamped[words.Command, CaseFacts]
) -> tuple[words.Event, ...] | Refused:
    """What follows of a command on one case: events, `()` for nothing to do, or a refusal.

    A refusal changes nothing, the clocks that have come due included: their own `WakeUp` brings
    them. Raises KeyError for a command that concerns several cases (our bug: see coordination).
    """
    taken = decide_steps(case, command)
    return taken if isinstance(taken, Refused) else tuple([each.event for each in taken])


def decide_steps(
    case: Case, command: Stamped[words.Command, CaseFacts]
) -> tuple[Taken, ...] | Refused:
    """As `decide`, each event with the case before and after it: who plays a town need not fold
    again what was folded to decide."""
    draft = drafted(case, command)
    answer = permitted(draft, MACHINE.rules[type(command.body)])
    if isinstance(answer, Refused):
        return answer
    if answer == "go":
        refused = DECIDERS[type(command.body)](draft, command.body, command.facts)
        if refused is not None:
            return refused
        draft.catch_up(command.at, late=True)
    return tuple(draft.taken)


def drafted(case: Case, command: Stamped[words.Command, CaseFacts]) -> Draft:
    """A draft on the case, caught up to the command's instant."""
    draft = Draft(case, command.facts.policy, command.at, command.by, command.new_id)
    draft.catch_up(command.at)
    return draft
