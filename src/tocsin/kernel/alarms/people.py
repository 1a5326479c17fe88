"""What people do with an alarm: acknowledge, let go, put aside, take back, verify."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.draft import Draft
from tocsin.kernel.alarms.facts import Mute
from tocsin.kernel.alarms.policy import LEVELS, AlarmPolicy
from tocsin.kernel.alarms.state import CODES_MAX, DRILL_SITE, About
from tocsin.kernel.shared import Refused


def acknowledge(draft: Draft, body: words.AcknowledgeAlarm) -> None:
    """A person has seen it."""
    if not draft.alarm.is_acknowledged:
        draft.say(words.AlarmAcknowledged(draft.at, draft.who))


def reset(draft: Draft, body: words.ResetAlarm) -> Refused | None:
    """Lets go of it; refused while its case or its device says otherwise."""
    alarm, about = draft.alarm, draft.alarm.about
    assert about is not None, "an alarm that is told is about something"
    if alarm.case is not None:
        return Refused("alarm_case_open", f"it is over with its case {alarm.case}")
    if alarm.condition == "active" and not about.momentary:
        return Refused("alarm_still_active", "its device still says so")
    if alarm.condition == "active":
        draft.clear()
    acknowledge(draft, words.AcknowledgeAlarm())
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


def shelve(draft: Draft, body: words.ShelveAlarm) -> Refused | None:
    """Aside for a while, as long as the pack allows the roles."""
    refused = shelf_refused(draft.policy, draft.by.roles, body.for_s, body.reason)
    if refused is not None:
        return refused
    draft.mute(Mute("shelved", draft.after(body.for_s), body.reason))
    return None


def unshelve(draft: Draft, body: words.UnshelveAlarm) -> Refused | None:
    """From the shelf."""
    if draft.alarm.standing != "shelved":
        return Refused("alarm_not_shelved", "it is on no shelf")
    draft.unmute("unshelved")
    return None


def cancel(draft: Draft, body: words.CancelAlarm) -> None:
    """Takes it back where the code fits, in time and before somebody guessed; else notes it."""
    if body.by_panel:
        _cancel_by_panel(draft, body)
        return
    alarm, policy = draft.alarm, draft.policy
    reason = ""
    since = alarm.last_signal_at or draft.at
    if alarm.wrong_codes >= CODES_MAX:
        reason = "too_many"
    elif not body.is_right:
        reason = "wrong_code"
    elif alarm.cancelled_at is not None:
        return
    elif not policy.cancel_s:
        reason = "not_by_code"
    elif draft.at - since > timedelta(seconds=policy.cancel_s):
        reason = "too_late"
    if reason:
        draft.say(words.AlarmCancelRefused(draft.at, draft.who, reason))
        return
    effect = "note" if draft.facts.is_confirmed else policy.cancel
    draft.say(words.AlarmCancelled(draft.at, draft.who, effect))
    if alarm.condition == "active":
        draft.clear()


def _cancel_by_panel(draft: Draft, body: words.CancelAlarm) -> None:
    """The word of a panel that its user took it back. In time and proven it does what the pack
    says; in doubt it is noted with the case, and a person looks. What still goes on goes on."""
    alarm, policy = draft.alarm, draft.policy
    about = alarm.about
    assert about is not None, "an alarm that is told is about something"
    if alarm.cancelled_at is not None:
        return
    since = alarm.last_signal_at or draft.at
    is_late = draft.at - since > timedelta(seconds=policy.panel_cancel_s)
    if not policy.panel_cancel_s or is_late:
        reason = "too_late" if policy.panel_cancel_s else "not_by_panel"
        draft.say(words.AlarmCancelRefused(draft.at, draft.who, reason))
        return
    is_sure = body.is_right and not draft.facts.is_confirmed
    effect = policy.panel_cancel if is_sure else "note"
    draft.say(words.AlarmCancelled(draft.at, draft.who, effect, is_unseen=effect == "note"))
    if alarm.condition == "active" and (effect != "note" or about.momentary):
        draft.clear()


def declare_real(draft: Draft, body: words.DeclareAlarmReal) -> Refused | None:
    """Out of its drill."""
    about = draft.alarm.about
    assert about is not None, "an alarm that is told is about something"
    if not draft.alarm.is_drill:
        return Refused("alarm_no_drill", "it is real already")
    if not body.reason.strip():
        return Refused("reason_needed", "say why")
    turn_real(draft, replace(about, site=about.site.removesuffix(DRILL_SITE)), body.reason)
    return None


def turn_real(draft: Draft, about: About, reason: str) -> None:
    """Out of the exercise: a case of its own, and everybody hears of it."""
    draft.say(words.AlarmTurnedReal(draft.at, draft.who, about, reason))
    if draft.facts.mute is not None:
        draft.mute(draft.facts.mute)
    draft.asks_for_case = True


def verify(draft: Draft, body: words.VerifyAlarm) -> Refused | None:
    """Says how far it is confirmed; nobody calls back where it is silent."""
    about = draft.alarm.about
    if body.evidence == "call_back" and about is not None and about.is_silent:
        return Refused("alarm_silent", "nobody calls back where it was pressed")
    if body.level not in LEVELS:
        return Refused("alarm_level_unknown", f"levels are {LEVELS[0]} to {LEVELS[-1]}")
    draft.catch_up()
    draft.say(words.AlarmVerified(draft.at, draft.who, body.level, body.evidence))
    draft.asks_for_case = True
    return None
