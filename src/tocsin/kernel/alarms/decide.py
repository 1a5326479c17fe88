"""Every rule about what may happen next to an alarm, entered here by the command's type.

What touches its asset or a case as well is decided in `kernel/alarming.py`, which calls this.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from tocsin.kernel.alarms import people
from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.draft import Command, Draft, Events, in_drill
from tocsin.kernel.alarms.facts import AlarmFacts, Mute
from tocsin.kernel.alarms.machine import RULES
from tocsin.kernel.alarms.people import shelf_refused
from tocsin.kernel.alarms.state import Alarm, Outcome, Seen, Signalled
from tocsin.kernel.shared import AssetId, CaseId, Instant, Refused

REPEAT_S: Final = 3_600
"""Within one session: senders retry for minutes, and a count of 9,999 messages (SIA DC-09) that
wraps at one a second comes round after more than two hours."""
REPEAT_BLIND_S: Final = 60
"""Where the sender does not tell its sessions apart it may have restarted at 1 since: only a
retry at once is taken for one. A message too many is linked; one too few is a fire."""


def is_repeat(signal: Signalled, earlier: Seen | None, at: Instant) -> bool:
    """Whether a message is one that was kept before. `earlier` was found by source, device,
    session and key; a repeat is a repeat only within the window of its session."""
    if earlier is None:
        return False
    window_s = REPEAT_S if signal.session else REPEAT_BLIND_S
    return at - earlier.at <= timedelta(seconds=window_s)


def decide(alarm: Alarm, command: Command) -> Events | Refused:
    """What follows of a command on one alarm: events, `()` for nothing to do, or a refusal that
    changes nothing. `alarm.condition` is "absent" for a new one."""
    outcome = decided(alarm, command)
    return outcome if isinstance(outcome, Refused) else outcome[0]


def decided(alarm: Alarm, command: Command) -> tuple[Events, Alarm] | Refused:
    """As `decide`, with the alarm after those events: deciding has to know it anyway."""
    body = command.body
    rule = RULES[type(body)]
    if command.by.kind == "reporter":
        return Refused("not_your_alarm", "reporters have no part in alarms")
    if alarm.condition in rule.repeats:
        return (), alarm
    if alarm.condition == "absent" and "absent" not in rule.sources:
        return Refused("alarm_unknown", "there is no alarm with this id")
    if alarm.condition not in rule.sources:
        allowed = ", ".join(rule.sources)
        return Refused("alarm_not_from_here", f"it is {alarm.condition}; allowed from: {allowed}")
    draft = Draft(alarm, command)
    refused = _DECIDERS[type(body)](draft, body)
    if refused is not None:
        return refused
    draft.settle()
    return tuple(draft.events), draft.alarm


# -- what devices say ------------------------------------------------------------------


def _raise(draft: Draft, body: words.RaiseAlarm) -> None:
    if is_repeat(body.signal, draft.facts.earlier, draft.at):
        return
    if draft.alarm.condition == "absent":
        _open(draft, body)
    elif in_drill(draft.alarm) and not body.about.is_drill:
        people.turn_real(draft, body.about, "pressed")
        _raise_again(draft, body)
    elif draft.alarm.condition == "pending":
        draft.say(words.AlarmCounted(draft.at, draft.who, body.signal))
    else:
        _raise_again(draft, body)


def _open(draft: Draft, body: words.RaiseAlarm) -> None:
    policy, facts = draft.policy, draft.facts
    pending_until = draft.after(policy.on_delay_s)
    draft.say(
        words.AlarmOpened(draft.at, draft.who, body.about, body.signal, policy.level, pending_until)
    )
    if facts.is_confirmed and policy.confirmed_level > policy.level:
        draft.say(words.AlarmVerified(draft.at, draft.who, policy.confirmed_level, "second_sensor"))
    if body.signal.is_drill:
        draft.mute(Mute("drill", reason="drill"))
    elif facts.mute is not None:
        draft.mute(facts.mute)
    if facts.cause is not None:
        _fold(draft, facts.cause)
    if pending_until is None:
        draft.raise_()
        _pass_test(draft)


def _pass_test(draft: Draft) -> None:
    """A button that was pressed on test is over at once: nobody would ever say so."""
    if draft.policy.momentary and draft.alarm.standing == "on_test":
        draft.clear()


def _fold(draft: Draft, cause: AssetId) -> None:
    """Under its cause; but what says that life is in danger is never kept quiet by a cause."""
    draft.say(words.AlarmGrouped(draft.at, draft.who, cause))
    if not (draft.alarm.is_muted or draft.policy.is_life_safety):
        draft.mute(Mute("suppressed", reason="cause"))


def _raise_again(draft: Draft, body: words.RaiseAlarm) -> None:
    alarm, policy, signal = draft.alarm, draft.policy, body.signal
    if signal.is_drill and not alarm.is_drill:
        # A drill never touches what is real.
        draft.say(words.AlarmCounted(draft.at, draft.who, signal))
        return
    if alarm.is_drill and not (signal.is_drill or body.about.is_drill):
        draft.unmute("real")
    was_said = alarm.signal is not None and alarm.signal.session == signal.session
    is_same_run = was_said and bool(signal.session)
    if alarm.condition == "active" and is_same_run and not policy.momentary:
        # One run of the sender that says the same of a condition that never went: still that one.
        draft.say(words.AlarmCounted(draft.at, draft.who, signal))
        return
    draft.catch_up()
    since = draft.at - timedelta(seconds=policy.chatter_window_s)
    count = 1 + sum(each > since for each in alarm.recent)
    may_be_quiet = not policy.is_life_safety and not policy.momentary
    is_chatter = may_be_quiet and 0 < policy.chatter_count <= count
    if is_chatter and not alarm.is_chattering:
        draft.say(words.AlarmChattered(draft.at, draft.who, count))
    realarm_at = None if draft.alarm.is_muted else draft.after(policy.realarm_s)
    draft.say(
        words.AlarmRaisedAgain(draft.at, draft.who, signal, is_chatter, policy.latching, realarm_at)
    )
    draft.asks_for_case = not is_chatter
    _pass_test(draft)


def _clear(draft: Draft, body: words.ClearAlarm) -> None:
    if draft.alarm.condition == "pending":
        draft.say(words.AlarmLapsed(draft.at, draft.who))
        return
    until = draft.after(draft.policy.off_delay_s)
    if until is None:
        draft.clear()
    elif draft.alarm.clearing_until is None:
        draft.say(words.AlarmClearing(draft.at, draft.who, until))


# -- what follows ----------------------------------------------------------------------


def _group(draft: Draft, body: words.GroupAlarm) -> None:
    if draft.alarm.cause == body.cause:
        return
    _fold(draft, body.cause)
    draft.asks_for_case = draft.alarm.standing == "suppressed"


def _record_outcome(draft: Draft, body: words.RecordAlarmOutcome) -> None:
    if draft.alarm.case == body.case:
        _end(draft, body.case, body.outcome)


def _end(draft: Draft, case: CaseId, outcome: Outcome) -> None:
    about = draft.alarm.about
    assert about is not None, "an alarm with a case is about something"
    draft.say(words.AlarmOutcomeRecorded(draft.at, draft.who, case, outcome))
    if draft.alarm.condition != "active":
        return
    if about.momentary:
        draft.clear()
        return
    # The case is over and the device still says so: it stands for itself again, and a person sees
    # it. It opens no second case by itself, or a panel nobody reset would open one after another.
    if draft.alarm.standing == "suppressed":
        draft.say(words.AlarmUnmuted(draft.at, draft.who, "case_ended"))
    if not draft.alarm.is_muted:
        again_at = draft.after(draft.policy.realarm_s)
        draft.say(words.AlarmReannounced(draft.at, draft.who, "case_ended", again_at))


def _follow(draft: Draft, body: words.FollowAlarmCase) -> None:
    if draft.alarm.case not in (None, body.case):
        draft.say(words.AlarmCaseJoined(draft.at, draft.who, body.case))
        if draft.facts.ended is not None:
            # It came too late to hear of that end: nobody would tell it again.
            _end(draft, body.case, draft.facts.ended)


def _wake(draft: Draft, body: words.WakeAlarm) -> None:
    at = draft.at
    if _is_due(draft.alarm.pending_until, at):
        draft.raise_()
    if _is_due(draft.alarm.standing_until, at):
        _end_standing(draft)
    if _is_due(draft.alarm.clearing_until, at):
        draft.clear()
    if _is_due(draft.alarm.realarm_at, at):
        again_at = draft.after(draft.policy.realarm_s)
        draft.say(words.AlarmReannounced(at, draft.who, "still_there", again_at))
    facts = draft.facts
    is_looked_up = bool(facts.opening or facts.site_case or facts.unplaced)
    if is_looked_up and _is_due(draft.alarm.case_wanted_at, at):
        draft.asks_for_case = True


def _end_standing(draft: Draft) -> None:
    """What it was muted for is over. An exercise never becomes an alarm by that."""
    if not in_drill(draft.alarm):
        draft.unmute("time_over")
        return
    if draft.alarm.condition == "active":
        draft.clear()
    draft.mute(Mute("drill", None, draft.alarm.standing_reason))


def _is_due(due_at: Instant | None, at: Instant) -> bool:
    return due_at is not None and due_at <= at


_DECIDERS: Final[dict[type[words.Command], Callable[[Draft, Any], Refused | None]]] = {
    words.RaiseAlarm: _raise,
    words.ClearAlarm: _clear,
    words.AcknowledgeAlarm: people.acknowledge,
    words.ResetAlarm: people.reset,
    words.ShelveAlarm: people.shelve,
    words.UnshelveAlarm: people.unshelve,
    words.VerifyAlarm: people.verify,
    words.CancelAlarm: people.cancel,
    words.DeclareAlarmReal: people.declare_real,
    words.GroupAlarm: _group,
    words.RecordAlarmOutcome: _record_outcome,
    words.FollowAlarmCase: _follow,
    words.WakeAlarm: _wake,
}

__all__ = [
    "REPEAT_BLIND_S",
    "REPEAT_S",
    "AlarmFacts",
    "Mute",
    "decide",
    "decided",
    "is_repeat",
    "shelf_refused",
]
