"""Rules for the agencies' work: tasks, claims, the second pair of eyes, reopening, evaluation."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.draft import Draft
from tocsin.kernel.cases.machine import MACHINE, SUPERVISORS, Rule
from tocsin.kernel.cases.permits import find_report, find_task, for_agency, my_live_task
from tocsin.kernel.cases.policy import CaseFacts
from tocsin.kernel.cases.state import LIVE_TASKS, Report, Task
from tocsin.kernel.shared import Refused

CONFIRMED_BY_REPORTER: Final = "confirmed_by_reporter"
"""The disposition of a case that its reporter's own vote verified."""
NOT_SOLVED: Final = "reporter_says_not_solved"
SCORES: Final = range(101)


# -- tasks -----------------------------------------------------------------------------


def cancel_task(draft: Draft, body: words.CancelTask, facts: CaseFacts) -> Refused | None:
    task = find_task(draft.case, body.task)
    if isinstance(task, Refused):
        return task
    if task.status not in LIVE_TASKS:
        return None
    if task.role == "lead":
        return Refused("lead_task_needed", "the lead returns the case instead")
    _cancel(draft, task, body.reason)
    _claim_if_all_done(draft)
    return None


def _cancel(draft: Draft, task: Task, reason: str) -> None:
    draft.take(words.TaskCancelled(draft.at, draft.who, task.id, reason), part=task.id)


def acknowledge(draft: Draft, task: Task) -> None:
    """Does so where it is not done yet."""
    if task.status == "dispatched":
        draft.take(words.TaskAcknowledged(draft.at, draft.who, task.id), part=task.id)


def start(draft: Draft, task: Task) -> None:
    """Acknowledges and starts it, whichever is not done yet."""
    acknowledge(draft, task)
    if task.status in ("dispatched", "acknowledged"):
        draft.take(words.TaskStarted(draft.at, draft.who, task.id))


def acknowledge_task(draft: Draft, body: words.AcknowledgeTask, facts: CaseFacts) -> Refused | None:
    task = my_live_task(draft, body.task)
    if isinstance(task, Refused):
        return task
    acknowledge(draft, task)
    return None


def assign_task(draft: Draft, body: words.AssignTask, facts: CaseFacts) -> Refused | None:
    task = my_live_task(draft, body.task)
    if isinstance(task, Refused):
        return task
    if task.assigned_to != body.to:
        draft.say(words.TaskAssigned(draft.at, draft.who, task.id, body.to))
    return None


def start_task(draft: Draft, body: words.StartTask, facts: CaseFacts) -> Refused | None:
    task = my_live_task(draft, body.task)
    if isinstance(task, Refused):
        return task
    start(draft, task)
    return None


def claim_task_done(draft: Draft, body: words.ClaimTaskDone, facts: CaseFacts) -> Refused | None:
    """Steps that were skipped are taken at the same instant. Only the lead owes the photo."""
    task = my_live_task(draft, body.task)
    if isinstance(task, Refused):
        return task
    if task.status == "claimed_done":
        return None
    if facts.policy.verification.photo_required and task.role == "lead" and not body.evidence:
        return Refused("photo_required", "the claim needs a photo")
    start(draft, task)
    draft.take(
        words.TaskClaimedDone(draft.at, draft.who, task.id, body.evidence, body.note),
    )
    _claim_if_all_done(draft)
    return None


def _claim_if_all_done(draft: Draft) -> None:
    """The case is claimed done when all live tasks are. What was still asked is no longer."""
    live = [task for task in draft.case.tasks if task.status in LIVE_TASKS]
    if live and all(task.status == "claimed_done" for task in live):
        draft.close_small_machines("claimed_done")
        draft.take(words.CaseClaimedDone(draft.at))


def return_task(draft: Draft, body: words.ReturnTask, facts: CaseFacts) -> Refused | None:
    """An assisting agency just leaves. The lead's return files the case again and ends the
    other tasks: the dispatcher sends anew. After `returns_max` of them the arbiter decides."""
    case = draft.case
    task = my_live_task(draft, body.task)
    if isinstance(task, Refused):
        return task
    if task.role == "lead" and case.bound == task.agency:
        return Refused("decision_binds", "an arbiter decided that it is theirs")
    if task.role != "lead":
        draft.say(words.TaskReturned(draft.at, draft.who, task.id, body.reason, False))
        draft.stop("acknowledge", task.id)
        _claim_if_all_done(draft)
        return None
    draft.close_small_machines("returned")
    for other in case.tasks:
        if other.id != task.id and other.status in LIVE_TASKS:
            _cancel(draft, other, "lead_returned")
    draft.stop("acknowledge", task.id)
    arbitration = case.counts.returns >= facts.policy.returns_max
    draft.take(
        words.TaskReturned(draft.at, draft.who, task.id, body.reason, arbitration),
        but_not=("dispatch",) if arbitration else ("arbitrate",),
    )
    return None


def arbitrate_case(draft: Draft, body: words.ArbitrateCase, facts: CaseFacts) -> Refused | None:
    case, by = draft.case, draft.by
    is_arbiter = facts.policy.arbiter is not None and by.agency == facts.policy.arbiter
    if not is_arbiter and not set(SUPERVISORS) & set(by.roles):
        return Refused("not_your_role", "needs the arbiter, a supervisor or an administrator")
    if case.arbitration_since is None:
        if case.bound == body.lead:
            return None
        return Refused("not_from_here", "no arbitration is open")
    draft.take(words.CaseArbitrated(draft.at, draft.who, body.lead, body.reason))
    return None


# -- the second pair of eyes -----------------------------------------------------------


def _is_same_person(draft: Draft, rule: Rule) -> bool:
    """Whether four eyes are asked and the actor is one who claimed."""
    claim = draft.case.claim
    return (
        "claimants" in rule.unlike
        and draft.policy.verification.four_eyes
        and claim is not None
        and draft.who in claim.by
    )


def verify_case(draft: Draft, body: words.VerifyCase, facts: CaseFacts) -> Refused | None:
    case = draft.case
    if _is_same_person(draft, MACHINE.rules[words.VerifyCase]):
        return Refused("same_person", "whoever claimed it done may not verify it")
    if case.links.open_children:
        return Refused("children_open", "its children are still open")
    if facts.policy.verification.by == "reporter":
        clock = draft.clock("verify")
        if clock is not None and not clock.missed:
            return Refused("reporter_first", f"the reporter has until {clock.due_at:%F %H:%M}Z")
    draft.take(words.CaseVerified(draft.at, draft.who, body.disposition, body.evidence))
    return None


def fail_check(draft: Draft, body: words.FailCheck, facts: CaseFacts) -> None:
    _fail(draft, body.reason, body.evidence)


def _fail(draft: Draft, reason: str, evidence: tuple[words.SealedRef, ...] = ()) -> None:
    alarm = draft.case.counts.reworks + 1 >= draft.policy.reworks_before_alarm
    draft.take(
        words.CheckFailed(draft.at, draft.who, reason, evidence, alarm), agency=draft.case.lead
    )


def _may_reopen(draft: Draft) -> bool:
    closed_at = draft.case.closed_at
    within = timedelta(seconds=draft.policy.reopen_within_s)
    return closed_at is not None and draft.at <= closed_at + within


def reopen_case(draft: Draft, body: words.ReopenCase, facts: CaseFacts) -> Refused | None:
    if not _may_reopen(draft):
        return Refused("too_late", f"more than {draft.policy.reopen_within_s} s after the close")
    _reopen(draft, body.reason, by_feedback=False)
    return None


def _reopen(draft: Draft, reason: str, *, by_feedback: bool) -> None:
    draft.take(words.CaseReopened(draft.at, draft.who, reason, by_feedback), agency=draft.case.lead)


def give_feedback(draft: Draft, body: words.GiveFeedback, facts: CaseFacts) -> Refused | None:
    """A vote. Where the reporter verifies it decides; after the close "not solved" reopens."""
    case = draft.case
    report = find_report(case, body.report)
    if isinstance(report, Refused):
        return report
    if _is_repeated_vote(draft, report, body):
        return None
    draft.say(
        words.FeedbackGiven(draft.at, body.report, body.solved, body.treated_well, body.comment)
    )
    by_reporter = facts.policy.verification.by == "reporter"
    if not body.solved and _leads_to(draft, words.CaseReopened) and _may_reopen(draft):
        _reopen(draft, NOT_SOLVED, by_feedback=True)
    elif not body.solved and by_reporter and _leads_to(draft, words.CheckFailed):
        _fail(draft, NOT_SOLVED)
    elif body.solved and by_reporter and _may_confirm(draft):
        draft.take(words.CaseVerified(draft.at, draft.who, CONFIRMED_BY_REPORTER, ()))
    return None


def _leads_to(draft: Draft, event: type[words.Event]) -> bool:
    return draft.case.status in (MACHINE.steps[event].sources or ())


def _may_confirm(draft: Draft) -> bool:
    """Whether a vote may close the case; otherwise it is only recorded."""
    is_same = _is_same_person(draft, MACHINE.rules[words.GiveFeedback])
    is_ready = _leads_to(draft, words.CaseVerified) and not draft.case.links.open_children
    return is_ready and not is_same


def _is_repeated_vote(draft: Draft, report: Report, body: words.GiveFeedback) -> bool:
    """The same vote about the same claim or close; after new work it is a new vote."""
    case = draft.case
    if (report.solved, report.treated_well) != (body.solved, body.treated_well):
        return False
    since = case.closed_at or (case.claim.at if case.claim is not None else None)
    return report.voted_at is not None and (since is None or report.voted_at >= since)


# -- evaluation ------------------------------------------------------------------------


def evaluate_case(draft: Draft, body: words.EvaluateCase, facts: CaseFacts) -> Refused | None:
    if body.score not in SCORES:
        return Refused("score_out_of_range", "0 to 100")
    found = draft.case.evaluation
    if found is not None:
        if (found.by, found.score) == (draft.who, body.score):
            return None
        return Refused("already_exists", "it was already evaluated")
    draft.say(words.CaseEvaluated(draft.at, draft.who, body.score, body.reason))
    return None


def appeal_evaluation(
    draft: Draft, body: words.AppealEvaluation, facts: CaseFacts
) -> Refused | None:
    evaluation = draft.case.evaluation
    refused = for_agency(draft, draft.case.lead)
    if refused is not None:
        return refused
    if evaluation is None:
        return Refused("not_evaluated", "there is no evaluation to appeal")
    if evaluation.appeal == "open":
        return Refused("appeal_open", "an appeal is already open")
    if evaluation.appeal != "none":
        return Refused("appeal_used", "an evaluation is appealed once")
    if draft.at > evaluation.at + timedelta(seconds=draft.policy.appeal_within_s):
        return Refused("too_late", f"more than {draft.policy.appeal_within_s} s later")
    draft.take(words.EvaluationAppealed(draft.at, draft.who, body.reason))
    return None


def decide_appeal(draft: Draft, body: words.DecideAppeal, facts: CaseFacts) -> Refused | None:
    evaluation = draft.case.evaluation
    if evaluation is None:
        return Refused("not_evaluated", "there is no evaluation")
    if evaluation.appeal == ("upheld" if body.uphold else "rejected"):
        return None
    if evaluation.appeal != "open":
        return Refused("no_appeal", "no appeal is open")
    rule = MACHINE.rules[words.DecideAppeal]
    if "evaluator" in rule.unlike and draft.who == evaluation.by:
        return Refused("same_person", "the evaluator may not decide the appeal")
    draft.take(words.AppealDecided(draft.at, draft.who, body.uphold, body.reason))
    return None
