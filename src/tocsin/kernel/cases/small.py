"""The small machines beside the case: a question to the reporter, a hold, an extension."""

from __future__ import annotations

from tocsin.kernel.cases import clocks as reckoning
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.draft import Draft
from tocsin.kernel.cases.machine import MACHINE
from tocsin.kernel.cases.permits import find_report, for_agency
from tocsin.kernel.cases.policy import CaseFacts, ClockName
from tocsin.kernel.shared import ActorId, Refused

# -- a question to the reporter --------------------------------------------------------


def ask_reporter(draft: Draft, body: words.AskReporter, facts: CaseFacts) -> Refused | None:
    case = draft.case
    report = find_report(case, body.report)
    if isinstance(report, Refused):
        return report
    if case.is_silent:
        return Refused("case_silent", "nobody calls back where it was pressed")
    if case.question is not None:
        if (case.question.report, case.question.text) == (body.report, body.text):
            return None
        return Refused("question_open", "one question at a time")
    if case.counts.ask_s >= facts.policy.ask_cap_s:
        return Refused("pause_over_cap", f"questions have paused it for {case.counts.ask_s} s")
    draft.take(words.ReporterAsked(draft.at, draft.who, body.report, body.text))
    return None


def answer_question(draft: Draft, body: words.AnswerQuestion, facts: CaseFacts) -> Refused | None:
    question = draft.case.question
    if question is None:
        return Refused("no_question", "nothing is asked")
    draft.take(words.QuestionAnswered(draft.at, draft.who, question.report, body.text))
    return None


def withdraw_question(
    draft: Draft, body: words.WithdrawQuestion, facts: CaseFacts
) -> Refused | None:
    if draft.case.question is None:
        return Refused("no_question", "nothing is asked")
    draft.take(words.QuestionWithdrawn(draft.at, draft.who, body.reason))
    return None


# -- hold ------------------------------------------------------------------------------


def request_hold(draft: Draft, body: words.RequestHold, facts: CaseFacts) -> Refused | None:
    case, policy = draft.case, facts.policy
    refused = for_agency(draft, case.lead)
    if refused is not None:
        return refused
    if case.hold is not None:
        asked = (case.hold.reason, case.hold.until, case.hold.requested_by)
        if asked == (body.reason, body.until, draft.who):
            return None
        return Refused("hold_open", "a hold is already asked for or granted")
    if body.reason not in policy.hold_reasons:
        return Refused("hold_reason_unknown", f"one of: {', '.join(policy.hold_reasons)}")
    if body.until.tzinfo is None or body.until <= draft.at:
        return Refused("bad_value", "the hold must end in the future")
    hold_s = (body.until - draft.at).total_seconds()
    if case.counts.hold_s + hold_s > policy.hold_cap_s:
        return Refused("hold_over_cap", f"all holds together: at most {policy.hold_cap_s} s")
    if policy.hold_needs_approval:
        draft.take(words.HoldRequested(draft.at, draft.who, body.reason, body.until))
    else:
        draft.say(words.HoldRequested(draft.at, draft.who, body.reason, body.until))
        draft.take(words.HoldGranted(draft.at, draft.who, "no_approval_needed", body.until))
    return None


def _is_own_request(draft: Draft, command: type[words.Command], requester: ActorId) -> bool:
    return "requester" in MACHINE.rules[command].unlike and draft.who == requester


def decide_hold(draft: Draft, body: words.DecideHold, facts: CaseFacts) -> Refused | None:
    hold = draft.case.hold
    if hold is not None and hold.granted_at is not None and body.approve:
        return None
    if hold is None or hold.granted_at is not None:
        return Refused("no_hold", "no hold waits for a decision")
    if _is_own_request(draft, words.DecideHold, hold.requested_by):
        return Refused("own_request", "whoever asked may not decide")
    if not body.approve:
        draft.take(words.HoldRefused(draft.at, draft.who, body.reason))
        return None
    if hold.until <= draft.at:
        return Refused("too_late", "the hold would already be over")
    draft.take(words.HoldGranted(draft.at, draft.who, body.reason, hold.until))
    return None


def end_hold(draft: Draft, body: words.EndHold, facts: CaseFacts) -> Refused | None:
    """Ends a granted hold early, or takes a request back."""
    refused = for_agency(draft, draft.case.lead)
    if refused is not None:
        return refused
    if draft.case.hold is None:
        return Refused("no_hold", "nothing is held")
    draft.take(words.HoldEnded(draft.at, draft.who, body.reason))
    return None


# -- extension -------------------------------------------------------------------------

EXTENDED: tuple[ClockName, ...] = ("handle", "close")
"""What an approved extension moves: by a share of the handling allowance, both alike."""


def request_extension(
    draft: Draft, body: words.RequestExtension, facts: CaseFacts
) -> Refused | None:
    case, policy = draft.case, facts.policy
    refused = for_agency(draft, case.lead)
    if refused is not None:
        return refused
    if policy.extension_percent <= 0:
        return Refused("extension_not_allowed", f"{policy.case_type} is not extended")
    if case.extension is not None:
        asked = (case.extension.decided, case.extension.percent, case.extension.requested_by)
        if asked == ("open", body.percent, draft.who):
            return None
        return Refused("extension_used", "an extension is asked for once")
    if not 1 <= body.percent <= policy.extension_percent:
        return Refused("bad_value", f"1 to {policy.extension_percent} percent")
    if not _extendable(draft):
        return Refused("too_late", "no handling deadline is left to extend")
    draft.take(words.ExtensionRequested(draft.at, draft.who, body.percent, body.reason))
    return None


def _extendable(draft: Draft) -> bool:
    clock = draft.clock("handle")
    return clock is not None and not clock.missed


def decide_extension(draft: Draft, body: words.DecideExtension, facts: CaseFacts) -> Refused | None:
    extension = draft.case.extension
    if extension is not None and extension.decided == ("approved" if body.approve else "refused"):
        return None
    if extension is None or extension.decided != "open":
        return Refused("no_extension", "no extension waits for a decision")
    if _is_own_request(draft, words.DecideExtension, extension.requested_by):
        return Refused("own_request", "whoever asked may not decide")
    if body.approve and not _extendable(draft):
        return Refused("too_late", "the handling deadline was already missed")
    draft.take(words.ExtensionDecided(draft.at, draft.who, body.approve, body.reason))
    if body.approve:
        _extend(draft, extension.percent)
    return None


def _extend(draft: Draft, percent: int) -> None:
    handle = draft.clock("handle")
    basis = draft.rules_of("handle", "handle")
    assert handle is not None and basis is not None, "checked before"
    for name in EXTENDED:
        clock, policy = draft.clock(name), draft.rules_of(name, name)
        if clock is not None and policy is not None and not clock.missed:
            due_at = reckoning.extended(basis.calendar, clock.due_at, handle.allowance, percent)
            draft.move(clock, policy, due_at, "extended")
