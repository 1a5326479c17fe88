"""The only way an alarm changes: one function for each event, found by the event's type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.machine import STEPS
from tocsin.kernel.alarms.state import EVIDENCE_MAX, RECENT_MAX, Alarm, Verified
from tocsin.kernel.changing import changed


def evolve(alarm: Alarm, event: words.Event) -> Alarm:
    """The alarm after `event`. Raises KeyError for an event without an entry (our bug)."""
    to = STEPS[type(event)].to
    if to is not None and to != alarm.condition:
        alarm = changed(alarm, condition=to, since=event.at)
    return EVOLVERS[type(event)](alarm, event)


def fold(alarm: Alarm, events: Iterable[words.Event]) -> Alarm:
    """The alarm after all events, in order."""
    for event in events:
        alarm = evolve(alarm, event)
    return alarm


def _signalled(
    alarm: Alarm, event: words.AlarmOpened | words.AlarmRaisedAgain | words.AlarmCounted
) -> Alarm:
    return changed(
        alarm,
        last_signal_at=event.at,
        occurrences=alarm.occurrences + 1,
        recent=(*alarm.recent, event.at)[-RECENT_MAX:],
    )


def _opened(alarm: Alarm, event: words.AlarmOpened) -> Alarm:
    return changed(
        _signalled(alarm, event),
        about=event.about,
        signal=event.signal,
        opened_at=event.at,
        level=event.level,
        evidence=(Verified(event.at, event.by, "signal", event.level),),
        pending_until=event.pending_until,
    )


def _raised(alarm: Alarm, event: words.AlarmRaised) -> Alarm:
    return changed(
        alarm,
        raised_at=event.at,
        pending_until=None,
        is_latched=event.is_latched,
        realarm_at=event.realarm_at,
    )


def _raised_again(alarm: Alarm, event: words.AlarmRaisedAgain) -> Alarm:
    alarm = changed(_signalled(alarm, event), clearing_until=None)
    if event.is_quiet:
        return alarm
    return changed(
        alarm,
        is_latched=event.is_latched,
        is_acknowledged=False,
        realarm_at=event.realarm_at,
        cancelled_at=None,
        cancelled_by=None,
    )


def _lapsed(alarm: Alarm, event: words.AlarmLapsed) -> Alarm:
    return changed(_over(alarm), closed_at=event.at, is_fleeting=True)


def _clearing(alarm: Alarm, event: words.AlarmClearing) -> Alarm:
    return changed(alarm, clearing_until=event.until)


def _cleared(alarm: Alarm, event: words.AlarmCleared) -> Alarm:
    return changed(
        alarm,
        clearing_until=None,
        realarm_at=None,
        is_fleeting=alarm.is_fleeting or event.is_fleeting,
    )


def _acknowledged(alarm: Alarm, event: words.AlarmAcknowledged) -> Alarm:
    return changed(alarm, is_acknowledged=True, acknowledged_at=event.at, acknowledged_by=event.by)


def _reset(alarm: Alarm, event: words.AlarmReset) -> Alarm:
    return changed(alarm, is_latched=False)


def _muted(alarm: Alarm, event: words.AlarmMuted) -> Alarm:
    return changed(
        alarm,
        standing=event.standing,
        standing_until=event.until,
        standing_reason=event.reason,
        realarm_at=None,
        case_wanted_at=None,
    )


def _unmuted(alarm: Alarm, event: words.AlarmUnmuted) -> Alarm:
    return changed(
        alarm,
        standing="normal",
        standing_until=None,
        standing_reason="",
        cause=None,
        is_acknowledged=False,
    )


def _verified(alarm: Alarm, event: words.AlarmVerified) -> Alarm:
    seen = Verified(event.at, event.by, event.evidence, event.level)
    return changed(alarm, level=event.level, evidence=(*alarm.evidence, seen)[-EVIDENCE_MAX:])


def _cancelled(alarm: Alarm, event: words.AlarmCancelled) -> Alarm:
    alarm = changed(
        alarm,
        cancelled_at=event.at,
        cancelled_by=event.by,
        is_acknowledged=alarm.is_acknowledged and not event.is_unseen,
    )
    if event.effect == "note" or alarm.case is None:
        return alarm
    # The next press is another matter: it joins no case that was lowered for this one.
    return changed(
        alarm,
        outcome="false",
        case=None,
        case_wanted_at=None,
        handled=(*alarm.handled, alarm.case),
        is_latched=False,
    )


def _cancel_refused(alarm: Alarm, event: words.AlarmCancelRefused) -> Alarm:
    wrong = alarm.wrong_codes + (event.reason == "wrong_code")
    # Somebody tries to take it back who may not: that is news, whoever has seen the alarm.
    return changed(alarm, wrong_codes=wrong, is_acknowledged=False)


def _turned_real(alarm: Alarm, event: words.AlarmTurnedReal) -> Alarm:
    handled = alarm.handled if alarm.case is None else (*alarm.handled, alarm.case)
    return changed(
        alarm,
        about=event.about,
        standing="normal",
        standing_until=None,
        standing_reason="",
        is_acknowledged=False,
        cancelled_at=None,
        cancelled_by=None,
        case=None,
        first_case=None,
        handled=handled,
    )


def _grouped(alarm: Alarm, event: words.AlarmGrouped) -> Alarm:
    return changed(alarm, cause=event.cause)


def _reannounced(alarm: Alarm, event: words.AlarmReannounced) -> Alarm:
    return changed(
        alarm,
        is_acknowledged=False,
        realarm_at=event.realarm_at,
        realarms=alarm.realarms + 1,
    )


def _chattered(alarm: Alarm, event: words.AlarmChattered) -> Alarm:
    return changed(alarm, is_chattering=True)


def _wanted(alarm: Alarm, event: words.AlarmCaseWanted) -> Alarm:
    return changed(alarm, case_wanted_at=event.at, case_missing="")


def _missing(alarm: Alarm, event: words.AlarmCaseMissing) -> Alarm:
    return changed(alarm, case_wanted_at=None, case_missing=event.reason)


def _case_opened(alarm: Alarm, event: words.AlarmCaseOpened) -> Alarm:
    return changed(
        alarm, case=event.case, first_case=event.case, case_wanted_at=None, case_missing=""
    )


def _case_joined(alarm: Alarm, event: words.AlarmCaseJoined) -> Alarm:
    # Where it had none, the one that it had before is over: this one is its own.
    first = alarm.first_case if alarm.case is not None else event.case
    return changed(alarm, case=event.case, first_case=first, case_wanted_at=None, case_missing="")


def _outcome(alarm: Alarm, event: words.AlarmOutcomeRecorded) -> Alarm:
    return changed(
        alarm,
        outcome=event.outcome,
        case=None,
        handled=(*alarm.handled, event.case),
        is_acknowledged=True,
        is_latched=False,
    )


def _closed(alarm: Alarm, event: words.AlarmClosed) -> Alarm:
    return changed(_over(alarm), closed_at=event.at)


def _over(alarm: Alarm) -> Alarm:
    """Without anything that could still come."""
    return changed(
        alarm,
        pending_until=None,
        clearing_until=None,
        realarm_at=None,
        standing_until=None,
        case_wanted_at=None,
    )


EVOLVERS: Final[dict[type[words.Event], Callable[[Alarm, Any], Alarm]]] = {
    words.AlarmOpened: _opened,
    words.AlarmRaised: _raised,
    words.AlarmRaisedAgain: _raised_again,
    words.AlarmCounted: _signalled,
    words.AlarmLapsed: _lapsed,
    words.AlarmClearing: _clearing,
    words.AlarmCleared: _cleared,
    words.AlarmAcknowledged: _acknowledged,
    words.AlarmReset: _reset,
    words.AlarmMuted: _muted,
    words.AlarmUnmuted: _unmuted,
    words.AlarmVerified: _verified,
    words.AlarmCancelled: _cancelled,
    words.AlarmCancelRefused: _cancel_refused,
    words.AlarmTurnedReal: _turned_real,
    words.AlarmGrouped: _grouped,
    words.AlarmReannounced: _reannounced,
    words.AlarmChattered: _chattered,
    words.AlarmCaseWanted: _wanted,
    words.AlarmCaseMissing: _missing,
    words.AlarmCaseOpened: _case_opened,
    words.AlarmCaseJoined: _case_joined,
    words.AlarmOutcomeRecorded: _outcome,
    words.AlarmClosed: _closed,
}
