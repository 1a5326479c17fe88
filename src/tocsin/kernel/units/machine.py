"""The machine of a unit as data: which command from which status, and what each event makes of it.

`decide`, `evolve`, the lint and the reference page read these tables; nothing else decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from tocsin.kernel import machines
from tocsin.kernel.shared import ActorKind
from tocsin.kernel.units import vocabulary as words
from tocsin.kernel.units.state import FREE, ON_CASE, ON_DUTY, UnitStatus

KNOWN: Final[tuple[UnitStatus, ...]] = ("off_duty", *ON_DUTY)
IDLE: Final[tuple[UnitStatus, ...]] = (*FREE, "out_of_service")
"""On duty and on no case."""
ANYONE: Final[tuple[ActorKind, ...]] = ("staff", "integration", "system")
"""Reporters have no part in units."""


Rule = machines.Rule[UnitStatus, words.Command, words.Event]
Step = machines.Step[UnitStatus, words.Event]
"""`to` None keeps the status here too, except where `MOVES` or the event itself names it."""

MOVES: Final[dict[UnitStatus, tuple[UnitStatus, ...]]] = {
    "available": ("returning", "out_of_service"),
    "dispatched": ("en_route", "on_scene", "clear"),
    "en_route": ("on_scene", "clear"),
    "on_scene": ("transporting", "clear"),
    "transporting": ("on_scene", "clear"),
    "clear": ("available", "returning", "out_of_service"),
    "returning": ("available", "out_of_service"),
    "out_of_service": ("available", "returning"),
}
"""Which status a crew may report from which. A skipped button is no reason to refuse the next:
a crew that forgot "en route" may say "on scene". `clear` ends its part in the case."""

COMMON_REASONS: Final = ("unit_unknown", "unit_not_ready", "not_your_unit")

_RULES: Final = (
    Rule(
        words.AddUnit,
        ("absent",),
        (words.UnitAdded,),
        reasons=("unit_exists", "unit_kind_unknown", "bad_value"),
    ),
    Rule(
        words.ChangeUnit,
        ("off_duty", *IDLE),
        (words.UnitChanged,),
        reasons=("unit_on_case", "unit_kind_unknown", "bad_value"),
    ),
    Rule(words.StartDuty, KNOWN, (words.DutyStarted,), reasons=("bad_value",)),
    Rule(
        words.EndDuty,
        IDLE,
        (words.AlertsRevoked, words.DutyEnded),
        repeats=("off_duty",),
        reasons=("unit_on_case",),
    ),
    Rule(words.RevokeAlerts, ON_DUTY, (words.AlertsRevoked,), repeats=("off_duty",)),
    Rule(
        words.ReportStatus,
        ON_DUTY,
        (words.StatusReported, words.UnitCleared, words.UnitTurned),
        reasons=("unit_status_unknown", "unit_not_on_case"),
    ),
    Rule(words.SendUnit, FREE, (words.UnitDispatched,), reasons=("unit_on_case",)),
    Rule(
        words.StackUnit,
        ON_CASE,
        (words.UnitStacked,),
        reasons=("case_stacked_already", "stack_full"),
    ),
    Rule(
        words.RecallUnit,
        ON_CASE,
        (words.UnitRecalled, words.UnitTurned),
        repeats=("off_duty", *IDLE),
    ),
    # Only who is on the way may be turned: on scene and with a patient, nobody.
    Rule(
        words.RedispatchUnit,
        ("dispatched", "en_route"),
        (words.UnitRecalled, words.UnitDispatched),
        reasons=(
            "unit_on_case",
            "unit_not_on_case",
            "almost_there",
            "lost_a_unit_already",
            "drill_unconfirmed",
        ),
    ),
    Rule(words.MoveUnit, FREE, (words.UnitMoved,), reasons=("unit_on_case", "bad_value")),
)

_STEPS: Final = (
    Step(words.UnitAdded, "off_duty"),
    Step(words.UnitChanged),
    # A crew that takes over a running unit leaves its status as it is.
    Step(words.DutyStarted, "available", sources=("off_duty",)),
    Step(words.AlertsRevoked),
    Step(words.DutyEnded, "off_duty"),
    Step(words.StatusReported),
    Step(words.UnitDispatched, "dispatched"),
    Step(words.UnitStacked),
    Step(words.UnitTurned, "dispatched", sources=("clear",)),
    Step(words.UnitCleared, "clear", sources=ON_CASE),
    Step(words.UnitRecalled, "clear"),
    Step(words.UnitMoved, "returning"),
)

RULES: Final = {rule.command: rule for rule in _RULES}
STEPS: Final = {step.event: step for step in _STEPS}

Edge = tuple[UnitStatus, str, UnitStatus]


def edges() -> Iterator[Edge]:
    """(from, event, to) wherever an event may change the status."""
    yield from machines.edges_of(RULES, STEPS)
    for source, targets in MOVES.items():
        for to in targets:
            if to != "clear" or source not in ON_CASE:
                yield source, words.StatusReported.__name__, to


def lint() -> list[str]:
    """Every defect of the tables in words; an empty list means sound."""
    every = tuple(edges())
    return [
        *machines.defects(get_args(UnitStatus), "off_duty", RULES, STEPS, every),
        *(
            f"kept on duty: {status} is on no case and cannot go off duty"
            for status in IDLE
            if (status, "DutyEnded", "off_duty") not in every
        ),
        *machines.wrong_reasons(RULES, COMMON_REASONS, words.REASONS),
    ]


__all__ = ["ANYONE", "COMMON_REASONS", "IDLE", "KNOWN", "MOVES", "RULES", "STEPS", "edges", "lint"]
