"""The machine of an alarm as data: which command in which condition, and what each event makes.

`decide`, `evolve`, the lint and the reference page read these tables; nothing else decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, get_args

from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.state import OPEN, Condition
from tocsin.kernel.shared import reachable

TOLD: Final[tuple[Condition, ...]] = ("active", "cleared")
DONE: Final[tuple[Condition, ...]] = ("absent", "closed")


@dataclass(frozen=True, slots=True)
class Rule:
    """In which conditions a command may be given, to which events it leads. `repeats` are those
    in which there is nothing to do; `reasons` its refusals beside the common ones."""

    command: type[words.Command]
    sources: tuple[Condition, ...]
    leads_to: tuple[type[words.Event], ...]
    repeats: tuple[Condition, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What an event makes of the condition; None leaves it. `sources` narrows from where."""

    event: type[words.Event]
    to: Condition | None = None
    sources: tuple[Condition, ...] | None = None


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
    seen: set[Edge] = set()
    for rule in RULES.values():
        for event in rule.leads_to:
            step = STEPS[event]
            for source in step.sources or rule.sources:
                if step.to is not None and (edge := (source, event.__name__, step.to)) not in seen:
                    seen.add(edge)
                    yield edge


def lint() -> list[str]:
    """Every defect of the tables in words; an empty list means sound."""
    found: list[str] = []
    every = tuple(edges())
    for condition in get_args(Condition):
        if condition not in reachable(("absent",), every):
            found.append(f"unreachable: nothing leads to {condition}")
        elif condition != "absent" and "closed" not in reachable((condition,), every):
            found.append(f"dead end: no way from {condition} to closed")
    led = {event for rule in RULES.values() for event in rule.leads_to}
    found += [f"{each.__name__} never happens" for each in STEPS if each not in led]
    given = set(COMMON_REASONS).union(*(rule.reasons for rule in RULES.values()))
    found += [f"reason {each} is never given" for each in words.REASONS if each not in given]
    found += [f"reason {each} is not enumerated" for each in sorted(given - set(words.REASONS))]
    return found


__all__ = ["COMMON_REASONS", "RULES", "STEPS", "TOLD", "edges", "lint"]
