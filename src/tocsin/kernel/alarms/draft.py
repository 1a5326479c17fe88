"""An alarm while one command is decided."""

from __future__ import annotations

from datetime import timedelta

from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.evolve import evolve
from tocsin.kernel.alarms.facts import AlarmFacts, Mute
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.shared import Instant, Stamped

Command = Stamped[words.Command, AlarmFacts]
Events = tuple[words.Event, ...]


class Draft:
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
        elif alarm.is_muted and not (alarm.is_drill and in_drill(alarm)):
            return
        elif facts.site_case is not None:
            self.say(words.AlarmCaseJoined(self.at, self.who, facts.site_case))
        elif facts.opening is not None:
            self.say(words.AlarmCaseOpened(self.at, self.who, facts.opening))
        elif facts.unplaced:
            self.say(words.AlarmCaseMissing(self.at, self.who, facts.unplaced))
        else:
            self.say(words.AlarmCaseWanted(self.at, self.who))


def in_drill(alarm: Alarm) -> bool:
    """It came while its site had an exercise."""
    return alarm.about is not None and alarm.about.is_drill
