"""Taking a unit from a low case for a high one: advice within limits, for a person to confirm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.dispatching.ground import tier_flags
from tocsin.dispatching.problem import CallNow, Engagement, Problem, UnitNow
from tocsin.dispatching.recommendation import Reason, Recommendation
from tocsin.kernel.shared import CaseId, UnitId

MOVING = ("dispatched", "en_route")
"""Only who is on the way may be turned: on scene and with a patient, nobody."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a unit may be taken from a case.

    Not within `arrival_s` of its arrival there; a case at most `times_max` times; to a case of
    priority `to_max` or more urgent, from one of priority `from_min` or less; and only when that
    saves `saved_min_s`, or makes the difference between late and in time.
    """

    arrival_s: float = 60.0
    times_max: int = 1
    to_max: int = 2
    from_min: int = 3
    saved_min_s: float = 60.0

    def __post_init__(self) -> None:
        if not self.to_max < self.from_min:
            raise ValueError("a unit may only be taken from a low case for a high one")


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Redispatch:
    """Advice; nothing moves before a person confirms. `instead_s`: seconds until the one that
    would come without it is there, None where nobody would; `time_s`: with it."""

    unit: UnitId
    from_case: CaseId
    to_case: CaseId
    capability: str
    time_s: float
    instead_of: UnitId | None
    instead_s: float | None
    reasons: tuple[Reason, ...]
    needs_confirmation: bool = True


def advise_redispatch(
    problem: Problem, answer: Recommendation, limits: Limits = LIMITS
) -> tuple[Redispatch, ...]:
    """For each urgent case the turns that gain most, beside a recommendation on the same snapshot.

    Needs that nobody fills come first, then those whose sent unit gains most; each unit and each
    low case is used once, and the most urgent case chooses first. Its own gain is what is counted:
    what the low case loses is shown by its priority, and is for the person to weigh.
    """
    problem = problem.ordered()
    taken: set[str] = set()
    found: list[Redispatch] = []
    columns = {call.id: column for column, call in enumerate(problem.calls)}
    urgent = [call for call in problem.calls if call.priority <= limits.to_max]
    for call in sorted(urgent, key=lambda each: (each.priority, -each.waited_s, each.id)):
        for capability, instead_of, instead_s in _wanting(problem, answer, call, columns[call.id]):
            turns = _turns(problem, call, columns[call.id], capability, instead_s, limits, taken)
            if turns:
                time_s, unit, engaged = turns[0]
                reasons = [Reason("redispatched", (("case", engaged.case),))]
                if instead_s is not None:
                    reasons.append(Reason("sooner", (("saved_s", instead_s - time_s),)))
                taken.update((unit.id, engaged.case))
                found.append(
                    Redispatch(
                        unit.id, engaged.case, call.id, capability, time_s, instead_of, instead_s,
                        tuple(reasons),
                    )
                )  # fmt: skip
    return tuple(found)


def _wanting(
    problem: Problem, answer: Recommendation, call: CallNow, column: int
) -> list[tuple[str, UnitId | None, float | None]]:
    """What could be better: needs unmet, then units sent, the slowest first."""
    advice = answer.of(call.id)
    rows = {unit.id: row for row, unit in enumerate(problem.units)}
    unmet: list[tuple[str, UnitId | None, float | None]] = [
        (short.capability, None, None) for short in advice.shortfalls for _ in range(short.missing)
    ]
    slow = [
        (each.capability, each.unit, float(problem.times_s[rows[each.unit], column]))
        for each in advice.sent
        if not each.is_assisting
    ]
    slow.sort(key=lambda each: (-each[2], each[1]))
    return [*unmet, *slow]


def _turns(
    problem: Problem,
    call: CallNow,
    column: int,
    capability: str,
    instead_s: float | None,
    limits: Limits,
    taken: set[str],
) -> list[tuple[float, UnitNow, Engagement]]:
    """Units that may be turned and are worth it, the fastest first."""
    may = tier_flags(problem)[:, column] & np.isfinite(problem.times_s[:, column])
    found: list[tuple[float, UnitNow, Engagement]] = []
    for row in np.flatnonzero(may).tolist():
        unit = problem.units[row]
        engaged, time_s = unit.engagement, float(problem.times_s[row, column])
        if engaged is None or unit.id in taken or engaged.case in taken:
            continue
        if capability not in unit.capabilities or not _may_leave(problem, unit, engaged, limits):
            continue
        if instead_s is None or _is_worth_it(call, time_s, instead_s, limits):
            found.append((time_s, unit, engaged))
    return sorted(found, key=lambda each: (each[0], -each[2].priority, each[1].id))


def _may_leave(problem: Problem, unit: UnitNow, engaged: Engagement, limits: Limits) -> bool:
    """A position that is stale or unknown turns nobody: the gain would be a guess."""
    return (
        unit.status in MOVING
        and engaged.priority >= limits.from_min
        and engaged.redispatches < limits.times_max
        and engaged.arrives_in_s is not None
        and engaged.arrives_in_s > limits.arrival_s
        and unit.position_age_s is not None
        and unit.position_age_s <= problem.stale_after_s
    )


def _is_worth_it(call: CallNow, time_s: float, instead_s: float, limits: Limits) -> bool:
    if instead_s - time_s >= limits.saved_min_s:
        return True
    if call.target_s is None:
        return False
    left_s = call.target_s - call.waited_s
    return time_s <= left_s < instead_s
