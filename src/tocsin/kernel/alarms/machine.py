"""The machine of an alarm as data: which command in which condition, and what each event makes.

`decide`, `evolve`, the lint and the reference page read these tables; nothing else decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from tocsin.kernel import machines
from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.state import OPEN, Condition

TOLD: Final[tuple[Condition, ...]] = ("active", "cleared")
DONE: Final[tuple[Condition, ...]] = ("absent", "closed")


Rule = machines.Rule[Condition, words.Command, words.Event]
Step = machines.Step[Condition, words.Event]

COMMON_REASONS: Final = ("alarm_unknown", "alarm_not_from_here", "not_your_alarm")
_SETTLING: Final = (
    words.AlarmCaseWanted,
    words.AlarmCaseMissing,
    words.AlarmCaseOpened,
    words.AlarmCaseJoined,
    words.AlarmClosed,
)
"""What any change may bring with it."""

_RULES: Final = (
    Rule(
        words.RaiseAlarm,
        ("absent", *OPEN),
        (
            words.AlarmOpened,
            words.AlarmMuted,
            words.AlarmGrouped,
            words.AlarmRaised,
            words.AlarmRaisedAgain,
            words.AlarmCounted,
            words.AlarmChattered,
            words.AlarmVerified,
            words.AlarmUnmuted,
            words.AlarmTurnedReal,
            words.AlarmCleared,
            words.AlarmOutcomeRecorded,
            *_SETTLING,
        ),
        reasons=("drill_over",),
    ),
    Rule(
        words.ClearAlarm,
        ("pending", "active"),
        (words.AlarmLapsed, words.AlarmClearing, words.AlarmCleared, *_SETTLING),
        repeats=("absent", "cleared", "closed"),
    ),
    Rule(
        words.AcknowledgeAlarm,
        OPEN,
        (words.AlarmAcknowledged, *_SETTLING),
        repeats=("closed",),
    ),
    Rule(
        words.ResetAlarm,
        TOLD,
        (words.AlarmAcknowledged, words.AlarmReset, words.AlarmCleared, *_SETTLING),
        repeats=("closed",),
        reasons=("alarm_still_active", "alarm_case_open"),
    ),
    Rule(
        words.ShelveAlarm,
        OPEN,
        (words.AlarmMuted, *_SETTLING),
        reasons=("shelf_not_allowed", "shelf_too_long", "reason_needed"),
    ),
    Rule(
        words.UnshelveAlarm,
        OPEN,
        (words.AlarmUnmuted, words.AlarmMuted, *_SETTLING),
        repeats=("closed",),
        reasons=("alarm_not_shelved",),
    ),
    Rule(
        words.VerifyAlarm,
        OPEN,
        (words.AlarmOutcomeRecorded, words.AlarmVerified, *_SETTLING),
        reasons=("alarm_level_unknown", "alarm_silent"),
    ),
    Rule(
        words.CancelAlarm,
        TOLD,
        (words.AlarmCancelled, words.AlarmCancelRefused, words.AlarmCleared, *_SETTLING),
        repeats=("closed",),
    ),
    Rule(
        words.DeclareAlarmReal,
        OPEN,
        (words.AlarmTurnedReal, words.AlarmMuted, *_SETTLING),
        reasons=("alarm_no_drill", "reason_needed"),
    ),
    Rule(
        words.GroupAlarm,
        OPEN,
        (words.AlarmGrouped, words.AlarmMuted, *_SETTLING),
        repeats=DONE,
    ),
    Rule(
        words.RecordAlarmOutcome,
        OPEN,
        (
            words.AlarmOutcomeRecorded,
            words.AlarmCleared,
            words.AlarmUnmuted,
            words.AlarmReannounced,
            *_SETTLING,
        ),
        repeats=DONE,
    ),
    Rule(
        words.FollowAlarmCase,
        OPEN,
        (
            words.AlarmOutcomeRecorded,
            words.AlarmCleared,
            words.AlarmUnmuted,
            words.AlarmReannounced,
            *_SETTLING,
        ),
        repeats=DONE,
    ),
    Rule(
        words.WakeAlarm,
        OPEN,
        (
            words.AlarmRaised,
            words.AlarmCleared,
            words.AlarmMuted,
            words.AlarmUnmuted,
            words.AlarmReannounced,
            *_SETTLING,
        ),
        repeats=DONE,
    ),
)

_STEPS: Final = (
    Step(words.AlarmOpened, "pending", sources=("absent",)),
    Step(words.AlarmRaised, "active", sources=("pending",)),
    Step(words.AlarmRaisedAgain, "active", sources=TOLD),
    Step(words.AlarmCounted),
    Step(words.AlarmLapsed, "closed", sources=("pending",)),
    Step(words.AlarmClearing),
    Step(words.AlarmCleared, "cleared", sources=("active",)),
    Step(words.AlarmAcknowledged),
    Step(words.AlarmReset),
    Step(words.AlarmMuted),
    Step(words.AlarmUnmuted),
    Step(words.AlarmVerified),
    Step(words.AlarmCancelled),
    Step(words.AlarmCancelRefused),
    Step(words.AlarmTurnedReal),
    Step(words.AlarmGrouped),
    Step(words.AlarmReannounced),
    Step(words.AlarmChattered),
    Step(words.AlarmCaseWanted),
    Step(words.AlarmCaseMissing),
    Step(words.AlarmCaseOpened),
    Step(words.AlarmCaseJoined),
    Step(words.AlarmOutcomeRecorded),
    Step(words.AlarmClosed, "closed", sources=("cleared",)),
)

RULES: Final = {rule.command: rule for rule in _RULES}
STEPS: Final = {step.event: step for step in _STEPS}

Edge = tuple[Condition, str, Condition]


def edges() -> Iterator[Edge]:
    """(from, event, to) wherever an event may change the condition."""
    yield from machines.edges_of(RULES, STEPS)


def lint() -> list[str]:
    """Every defect of the tables in words; an empty list means sound."""
    every = tuple(edges())
    return [
        *machines.defects(get_args(Condition), "closed", RULES, STEPS, every),
        *machines.wrong_reasons(RULES, COMMON_REASONS, words.REASONS),
    ]


__all__ = ["COMMON_REASONS", "RULES", "STEPS", "TOLD", "edges", "lint"]
