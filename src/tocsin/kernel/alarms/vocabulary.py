"""What can be asked of an alarm (commands) and what can have happened to it (events)."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.kernel.alarms.state import About, Evidence, Outcome, Signalled, Standing
from tocsin.kernel.changing import quick
from tocsin.kernel.shared import ActorId, AssetId, CancelEffect, CaseId, Instant

# -- commands: imperative --------------------------------------------------------------


@quick
@dataclass(frozen=True, slots=True)
class RaiseAlarm:
    """A device says that a condition is there."""

    about: About
    signal: Signalled


@quick
@dataclass(frozen=True, slots=True)
class ClearAlarm:
    """A device says that it is over."""

    signal: Signalled


@dataclass(frozen=True, slots=True)
class AcknowledgeAlarm:
    """A person has seen it."""


@dataclass(frozen=True, slots=True)
class ResetAlarm:
    """A person lets go of a latched alarm, or ends one whose device never says that it is over."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class ShelveAlarm:
    """A person puts alarms of this kind of this asset aside for a while."""

    for_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class UnshelveAlarm:
    """A person takes it from the shelf."""


@dataclass(frozen=True, slots=True)
class VerifyAlarm:
    """Something speaks for it, or against it with level 0."""

    level: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class CancelAlarm:
    """Somebody takes it back with the code of the site; whether it is the code was looked up.
    `by_panel`: a panel says that one of its users did; `is_right` then means that its word is
    proven (by its key) and that it means this alarm."""

    is_right: bool
    by_panel: bool = False


@dataclass(frozen=True, slots=True)
class DeclareAlarmReal:
    """It came in an exercise, and is none."""

    reason: str


@dataclass(frozen=True, slots=True)
class GroupAlarm:
    """The failure of another asset explains it."""

    cause: AssetId


@dataclass(frozen=True, slots=True)
class RecordAlarmOutcome:
    """Its case ended so."""

    case: CaseId
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class FollowAlarmCase:
    """Its case was merged into another, or came out of it again."""

    case: CaseId


@dataclass(frozen=True, slots=True)
class WakeAlarm:
    """An instant of the alarm has come; harmless at any other time."""


Command = (
    RaiseAlarm
    | ClearAlarm
    | AcknowledgeAlarm
    | ResetAlarm
    | ShelveAlarm
    | UnshelveAlarm
    | VerifyAlarm
    | CancelAlarm
    | DeclareAlarmReal
    | GroupAlarm
    | RecordAlarmOutcome
    | FollowAlarmCase
    | WakeAlarm
)

# -- events: past participle -----------------------------------------------------------


@quick
@dataclass(frozen=True, slots=True)
class AlarmOpened:
    """There is a new alarm. With `pending_until` it waits for its on-delay."""

    at: Instant
    by: ActorId
    about: About
    signal: Signalled
    level: int
    pending_until: Instant | None = None


@quick
@dataclass(frozen=True, slots=True)
class AlarmRaised:
    """It is announced, unless it is muted. `realarm_at`: when it is told again."""

    at: Instant
    by: ActorId
    is_latched: bool = False
    realarm_at: Instant | None = None


@quick
@dataclass(frozen=True, slots=True)
class AlarmRaisedAgain:
    """Its device says so anew: another fire until somebody looked. A quiet one is chatter."""

    at: Instant
    by: ActorId
    signal: Signalled
    is_quiet: bool = False
    is_latched: bool = False
    realarm_at: Instant | None = None


@quick
@dataclass(frozen=True, slots=True)
class AlarmCounted:
    """Its device says so once more, while it is pending."""

    at: Instant
    by: ActorId
    signal: Signalled


@dataclass(frozen=True, slots=True)
class AlarmLapsed:
    """The condition went before its on-delay was over: fleeting, nobody was told."""

    at: Instant
    by: ActorId


@dataclass(frozen=True, slots=True)
class AlarmClearing:
    """The condition went; whether it stays away is seen then."""

    at: Instant
    by: ActorId
    until: Instant


@quick
@dataclass(frozen=True, slots=True)
class AlarmCleared:
    """The condition is over."""

    at: Instant
    by: ActorId
    is_fleeting: bool = False


@dataclass(frozen=True, slots=True)
class AlarmAcknowledged:
    """A person has seen it."""

    at: Instant
    by: ActorId


@dataclass(frozen=True, slots=True)
class AlarmReset:
    """Its latch was let go."""

    at: Instant
    by: ActorId
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AlarmMuted:
    """It is kept and announced to nobody, for that reason and until then."""

    at: Instant
    by: ActorId
    standing: Standing
    until: Instant | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AlarmUnmuted:
    """It is announced again."""

    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class AlarmVerified:
    """Something speaks for it, or against it."""

    at: Instant
    by: ActorId
    level: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class AlarmCancelled:
    """Taken back at the site; `effect`: what its case was asked for; `is_unseen`: look again."""

    at: Instant
    by: ActorId
    effect: CancelEffect
    is_unseen: bool = False


@dataclass(frozen=True, slots=True)
class AlarmCancelRefused:
    """Somebody tried to take it back: with a wrong code, too late, or once too often."""

    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class AlarmTurnedReal:
    """It came in an exercise and is none; what it is about no longer says so."""

    at: Instant
    by: ActorId
    about: About
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AlarmGrouped:
    """The failure of another asset explains it: it is folded under that, and never hidden."""

    at: Instant
    by: ActorId
    cause: AssetId


@dataclass(frozen=True, slots=True)
class AlarmReannounced:
    """It is told again: nobody dealt with it, or its case ended and the condition is there."""

    at: Instant
    by: ActorId
    reason: str
    realarm_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class AlarmChattered:
    """It comes and goes too often to be told each time."""

    at: Instant
    by: ActorId
    count: int


@dataclass(frozen=True, slots=True)
class AlarmCaseWanted:
    """It is to become a case as soon as what that takes was looked up."""

    at: Instant
    by: ActorId


@dataclass(frozen=True, slots=True)
class AlarmCaseMissing:
    """It should be a case and cannot: a person opens one."""

    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class AlarmCaseOpened:
    """It opened a case, in the same transaction."""

    at: Instant
    by: ActorId
    case: CaseId


@dataclass(frozen=True, slots=True)
class AlarmCaseJoined:
    """It belongs to a case that another alarm of its site opened, or that its own was merged to."""

    at: Instant
    by: ActorId
    case: CaseId


@dataclass(frozen=True, slots=True)
class AlarmOutcomeRecorded:
    """Its case ended: real, false, or nobody knows."""

    at: Instant
    by: ActorId
    case: CaseId
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class AlarmClosed:
    """Nobody owes anything to it any more."""

    at: Instant
    by: ActorId


Event = (
    AlarmOpened
    | AlarmRaised
    | AlarmRaisedAgain
    | AlarmCounted
    | AlarmLapsed
    | AlarmClearing
    | AlarmCleared
    | AlarmAcknowledged
    | AlarmReset
    | AlarmMuted
    | AlarmUnmuted
    | AlarmVerified
    | AlarmCancelled
    | AlarmCancelRefused
    | AlarmTurnedReal
    | AlarmGrouped
    | AlarmReannounced
    | AlarmChattered
    | AlarmCaseWanted
    | AlarmCaseMissing
    | AlarmCaseOpened
    | AlarmCaseJoined
    | AlarmOutcomeRecorded
    | AlarmClosed
)

REASONS: tuple[str, ...] = (
    "alarm_unknown",
    "alarm_not_from_here",  # its condition does not allow it; detail names the ones that do
    "alarm_still_active",
    "alarm_case_open",  # its case decides when it is over
    "alarm_level_unknown",
    "alarm_not_shelved",
    "shelf_not_allowed",
    "shelf_too_long",
    "reason_needed",
    "not_your_alarm",
    "alarm_silent",  # nobody calls back where it was pressed
    "alarm_no_drill",
    "drill_over",  # the exercise ended meanwhile: it is real
)
"""Every reason the alarm context refuses with. Translated in the packs and the API."""
