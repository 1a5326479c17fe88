"""Every rule about what may happen next to an alarm, entered here by the command's type.

What touches its asset or a case as well is decided in `kernel/alarming.py`, which calls this.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.evolve import evolve
from tocsin.kernel.alarms.facts import AlarmFacts, Mute
from tocsin.kernel.alarms.machine import RULES
from tocsin.kernel.alarms.policy import LEVELS, AlarmPolicy
from tocsin.kernel.alarms.state import Alarm, Outcome, Seen, Signalled
from tocsin.kernel.shared import AssetId, CaseId, Instant, Refused, Stamped

REPEAT_S: Final = 3_600
"""Within one session: senders retry for minutes, and a count of 9,999 messages (SIA DC-09) that
wraps at one a second comes round after more than two hours."""
REPEAT_BLIND_S: Final = 60
"""Where the sender does not tell its sessions apart it may have restarted at 1 since: only a
retry at once is taken for one. A message too many is linked; one too few is a fire."""


Command = Stamped[words.Command, AlarmFacts]
Events = tuple[words.Event, ...]


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
    body = command.body
    rule = RULES[type(body)]
    if command.by.kind == "reporter":
        return Refused("not_your_alarm", "reporters have no part in alarms")
    if alarm.condition in rule.repeats:
        return ()
    if alarm.condition == "absent" and "absent" not in rule.sources:
        return Refused("alarm_unknown", "there is no alarm with this id")
    if alarm.condition not in rule.sources:
        allowed = ", ".join(rule.sources)
        return Refused("alarm_not_from_here", f"it is {alarm.condition}; allowed from: {allowed}")
    draft = _Draft(alarm, command)
    refused = _DECIDERS[type(body)](draft, body)
    if refused is not None:
        return refused
    draft.settle()
    return tuple(draft.events)


class _Draft:
    """An alarm while one command is decided: what is said of it changes it at once."""

    def __init__(self, alarm: Alarm, command: Command) -> None:
        self.alarm = alarm
        self.facts = command.facts
        self.policy = command.facts.policy
        self.by = command.by
        self.at = command.at
        self.who = command.by.id
        self.events: list[words.Event] = []
        self.asks_for_case = False

    def say(self, event: words.Event) -> None:
        self.events.append(event)
        self.alarm = evolve(self.alarm, event)

    def after(self, seconds: int) -> Instant | None:
        """The instant so many seconds from now; None for no delay."""
        return self.at + timedelta(seconds=seconds) if seconds > 0 else None

    def raise_(self) -> None:
        """Out of the on-delay: it is announced, unless it is muted."""
        realarm_at = None if self.alarm.is_muted else self.after(self.policy.realarm_s)
        self.say(words.AlarmRaised(self.at, self.who, self.policy.latching, realarm_at))
        self.asks_for_case = True

    def clear(self) -> None:
        raised_at = self.alarm.raised_at or self.at
        lasted_s = (self.at - raised_at).total_seconds()
        self.say(words.AlarmCleared(self.at, self.who, lasted_s < self.policy.fleeting_s))

    def mute(self, mute: Mute) -> None:
        self.say(words.AlarmMuted(self.at, self.who, mute.standing, mute.until, mute.reason))

    def unmute(self, reason: str) -> None:
        """Announced again, unless its asset still gives another reason why not."""
        now, alarm = self.facts.mute, self.alarm
        is_other = now is not None and (now.standing, now.until) != (
            alarm.standing,
            alarm.standing_until,
        )
        if now is not None and is_other and reason != "unshelved":
            self.mute(now)
            return
        self.say(words.AlarmUnmuted(self.at, self.who, reason))
        self.asks_for_case = self.alarm.condition == "active"

    def catch_up(self) -> None:
        """Its case is over and it has not heard of that: what comes now is another matter."""
        case, ended = self.alarm.case, self.facts.ended
        if case is not None and ended is not None:
            self.say(words.AlarmOutcomeRecorded(self.at, self.who, case, ended))

    def settle(self) -> None:
        """What every change may bring with it: a case, and the close."""
        if self.asks_for_case:
            self._want_case()
        alarm = self.alarm
        is_done = alarm.is_muted or (alarm.is_acknowledged and not alarm.is_latched)
        is_free = alarm.case is None and alarm.case_wanted_at is None
        if alarm.condition == "cleared" and is_done and is_free:
            self.say(words.AlarmClosed(self.at, self.who))

    def _want_case(self) -> None:
        alarm, facts = self.alarm, self.facts
        if alarm.case is not None or alarm.condition == "pending":
            return
        if not self.policy.wants_case(alarm.level):
            return
        if alarm.standing == "suppressed" and facts.site_case is not None:
            self.say(words.AlarmCaseJoined(self.at, self.who, facts.site_case))
        elif alarm.is_muted:
            return
        elif facts.site_case is not None:
            self.say(words.AlarmCaseJoined(self.at, self.who, facts.site_case))
        elif facts.opening is not None:
            self.say(words.AlarmCaseOpened(self.at, self.who, facts.opening))
        elif facts.unplaced:
            self.say(words.AlarmCaseMissing(self.at, self.who, facts.unplaced))
        else:
            self.say(words.AlarmCaseWanted(self.at, self.who))


# -- what devices say ------------------------------------------------------------------


def _raise(draft: _Draft, body: words.RaiseAlarm) -> None:
    if is_repeat(body.signal, draft.facts.earlier, draft.at):
        return
    if draft.alarm.condition == "absent":
        _open(draft, body)
    elif draft.alarm.condition == "pending":
        draft.say(words.AlarmCounted(draft.at, draft.who, body.signal))
    else:
        _raise_again(draft, body)


def _open(draft: _Draft, body: words.RaiseAlarm) -> None:
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


def _pass_test(draft: _Draft) -> None:
    """A button that was pressed on test is over at once: nobody would ever say so."""
    if draft.policy.momentary and draft.alarm.standing == "on_test":
        draft.clear()


def _fold(draft: _Draft, cause: AssetId) -> None:
    """Under its cause; but what says that life is in danger is never kept quiet by a cause."""
    draft.say(words.AlarmGrouped(draft.at, draft.who, cause))
    if not (draft.alarm.is_muted or draft.policy.is_life_safety):
        draft.mute(Mute("suppressed", reason="cause"))


def _raise_again(draft: _Draft, body: words.RaiseAlarm) -> None:
    alarm, policy, signal = draft.alarm, draft.policy, body.signal
    if signal.is_drill and not alarm.is_drill:
        # A drill never touches what is real.
        draft.say(words.AlarmCounted(draft.at, draft.who, signal))
        return
    if alarm.is_drill and not signal.is_drill:
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


def _clear(draft: _Draft, body: words.ClearAlarm) -> None:
    if draft.alarm.condition == "pending":
        draft.say(words.AlarmLapsed(draft.at, draft.who))
        return
    until = draft.after(draft.policy.off_delay_s)
    if until is None:
        draft.clear()
    elif draft.alarm.clearing_until is None:
        draft.say(words.AlarmClearing(draft.at, draft.who, until))


# -- what people do --------------------------------------------------------------------


def _acknowledge(draft: _Draft, body: words.AcknowledgeAlarm) -> None:
    if not draft.alarm.is_acknowledged:
        draft.say(words.AlarmAcknowledged(draft.at, draft.who))


def _reset(draft: _Draft, body: words.ResetAlarm) -> Refused | None:
    alarm, about = draft.alarm, draft.alarm.about
    assert about is not None, "an alarm that is told is about something"
    if alarm.case is not None:
        return Refused("alarm_case_open", f"it is over with its case {alarm.case}")
    if alarm.condition == "active" and not about.momentary:
        return Refused("alarm_still_active", "its device still says so")
    if alarm.condition == "active":
        draft.clear()
    _acknowledge(draft, words.AcknowledgeAlarm())
    if draft.alarm.is_latched:
        draft.say(words.AlarmReset(draft.at, draft.who, body.reason))
    return None


def shelf_refused(
    policy: AlarmPolicy, roles: tuple[str, ...], for_s: int, reason: str
) -> Refused | None:
    """Why somebody of these roles may not shelve alarms of that kind for so long."""
    longest_s = policy.shelf_s(roles)
    if not longest_s:
        return Refused("shelf_not_allowed", f"{policy.kind} is not shelved by these roles")
    if not 0 < for_s <= longest_s:
        return Refused("shelf_too_long", f"at most {longest_s} s")
    if not reason.strip():
        return Refused("reason_needed", "say why")
    return None


def _shelve(draft: _Draft, body: words.ShelveAlarm) -> Refused | None:
    refused = shelf_refused(draft.policy, draft.by.roles, body.for_s, body.reason)
    if refused is not None:
        return refused
    draft.mute(Mute("shelved", draft.after(body.for_s), body.reason))
    return None


def _unshelve(draft: _Draft, body: words.UnshelveAlarm) -> Refused | None:
    if draft.alarm.standing != "shelved":
        return Refused("alarm_not_shelved", "it is on no shelf")
    draft.unmute("unshelved")
    return None


def _verify(draft: _Draft, body: words.VerifyAlarm) -> Refused | None:
    if body.level not in LEVELS:
        return Refused("alarm_level_unknown", f"levels are {LEVELS[0]} to {LEVELS[-1]}")
    draft.catch_up()
    draft.say(words.AlarmVerified(draft.at, draft.who, body.level, body.evidence))
    draft.asks_for_case = True
    return None


# -- what follows ----------------------------------------------------------------------


def _group(draft: _Draft, body: words.GroupAlarm) -> None:
    if draft.alarm.cause == body.cause:
        return
    _fold(draft, body.cause)
    draft.asks_for_case = draft.alarm.standing == "suppressed"


def _record_outcome(draft: _Draft, body: words.RecordAlarmOutcome) -> None:
    if draft.alarm.case == body.case:
        _end(draft, body.case, body.outcome)


def _end(draft: _Draft, case: CaseId, outcome: Outcome) -> None:
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


def _follow(draft: _Draft, body: words.FollowAlarmCase) -> None:
    if draft.alarm.case not in (None, body.case):
        draft.say(words.AlarmCaseJoined(draft.at, draft.who, body.case))
        if draft.facts.ended is not None:
            # It came too late to hear of that end: nobody would tell it again.
            _end(draft, body.case, draft.facts.ended)


def _wake(draft: _Draft, body: words.WakeAlarm) -> None:
    at = draft.at
    if _is_due(draft.alarm.pending_until, at):
        draft.raise_()
    if _is_due(draft.alarm.standing_until, at):
        draft.unmute("time_over")
    if _is_due(draft.alarm.clearing_until, at):
        draft.clear()
    if _is_due(draft.alarm.realarm_at, at):
        again_at = draft.after(draft.policy.realarm_s)
        draft.say(words.AlarmReannounced(at, draft.who, "still_there", again_at))
    facts = draft.facts
    is_looked_up = bool(facts.opening or facts.site_case or facts.unplaced)
    if is_looked_up and _is_due(draft.alarm.case_wanted_at, at):
        draft.asks_for_case = True


def _is_due(due_at: Instant | None, at: Instant) -> bool:
    return due_at is not None and due_at <= at


_DECIDERS: Final[dict[type[words.Command], Callable[[_Draft, Any], Refused | None]]] = {
    words.RaiseAlarm: _raise,
    words.ClearAlarm: _clear,
    words.AcknowledgeAlarm: _acknowledge,
    words.ResetAlarm: _reset,
    words.ShelveAlarm: _shelve,
    words.UnshelveAlarm: _unshelve,
    words.VerifyAlarm: _verify,
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
    "is_repeat",
    "shelf_refused",
]
