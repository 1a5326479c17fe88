"""Clock arithmetic of a case: when the next rung of a ladder comes, what a move does to it.

Pure reckoning over `kernel.deadlines`; which clock runs when is the machine's business.

A promise that was missed stays missed: it is neither paused nor moved, its later rungs (150 %)
still come. Rungs of a clock that was never moved are milestones from its start. Once it was moved
(resumed, extended, triaged), a rung before 100 % comes when that much counted time is left as the
percent asks for, and a rung after 100 % as much later than the new instant; of promises in days
these fall on ends of days.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from tocsin.kernel.cases.machine import REFUSAL_PERCENT, REFUSING
from tocsin.kernel.cases.policy import CasePolicy, ClockName, ClockPolicy, Rung
from tocsin.kernel.cases.state import Case, Clock
from tocsin.kernel.deadlines import (
    Allowance,
    Calendar,
    Left,
    due,
    milestone,
    remaining,
    resume,
)
from tocsin.kernel.shared import AgencyId, Instant

ALWAYS: Final = Calendar("always", UTC, (((0, 1_440),),) * 7)
"""Never closed: for clocks the pack leaves out."""

_HOUR: Final = 3_600


def _fallback(name: ClockName, hours: int, *tell: str) -> ClockPolicy:
    return ClockPolicy(
        name,
        Allowance("urgent_hours", hours * _HOUR),
        ALWAYS,
        (Rung(100, tell),),  # pyright: ignore[reportArgumentType]
    )


FALLBACKS: Final[dict[ClockName, ClockPolicy]] = {
    "answer": _fallback("answer", 120, "dispatchers"),
    "hold": _fallback("hold", 0, "agency"),
    "hold_approval": _fallback("hold_approval", 24, "owner_supervisor"),
    "extension_approval": _fallback("extension_approval", 24, "owner_supervisor"),
    "arbitrate": _fallback("arbitrate", 72, "county_supervisor"),
    "ownership": _fallback("ownership", 24, "tier_above"),
    "appeal": _fallback("appeal", 120, "county_supervisor"),
}
"""Each small machine has its own clock even where the pack does not name it. Generous, so that a
pack that cares writes its own: a working week for answers and appeals, a day for a yes or no."""


def policy_of(policy: CasePolicy, case: Case, name: ClockName, key: str) -> ClockPolicy | None:
    """What the pack says about a clock, else the fallback; None where nothing is promised."""
    if name == "urge":
        level = next((u.level for u in case.urges if u.id == key.partition("/")[2]), None)
        return next((u.clock for u in policy.urges if u.level == level), None)
    return policy.clock(name) or FALLBACKS.get(name)


def ladder_of(name: ClockName, policy: ClockPolicy) -> tuple[int, ...]:
    """The percents of a ladder, ascending, always with 100, and with the refusal where due."""
    percents = {rung.percent for rung in policy.ladder} | {100}
    if name in REFUSING:
        percents.add(REFUSAL_PERCENT)
    return tuple(sorted(percents))


def started(
    name: ClockName,
    policy: ClockPolicy,
    at: Instant,
    *,
    key: str | None = None,
    agency: AgencyId | None = None,
    allowance: Allowance | None = None,
) -> Clock:
    """A fresh clock of that policy, running from `at`; only its first rung is reckoned."""
    allowance = allowance or policy.allowance
    rungs = ladder_of(name, policy)
    return Clock(
        key=key or name,
        name=name,
        started_at=at,
        due_at=due(policy.calendar, at, allowance),
        allowance=allowance,
        rungs=rungs,
        next_at=milestone(policy.calendar, at, allowance, rungs[0]),
        agency=agency,
    )


def next_rung(
    calendar: Calendar, clock: Clock, rungs: tuple[int, ...], now: Instant
) -> Instant | None:
    """When the first of `rungs` comes, never before `now`; None when there is none left."""
    if not rungs:
        return None
    percent = rungs[0]
    if percent == 100:
        return max(now, clock.due_at)
    if not clock.moved:
        instant = milestone(calendar, clock.started_at, clock.allowance, percent)
        # After a triage the calendar may be another one; the promise is still the old one.
        ordered = min(instant, clock.due_at) if percent < 100 else max(instant, clock.due_at)
        return max(now, ordered)
    if percent > 100:
        # A promise in days ends with the day: step back into it, or the day after is skipped.
        start = clock.due_at if clock.allowance.is_in_hours else _inside(clock.due_at)
        return max(now, milestone(calendar, start, clock.allowance, percent - 100))
    left = remaining(calendar, now, clock.due_at, clock.allowance.kind)
    still = clock.allowance.amount * (100 - percent)
    if clock.allowance.is_in_hours:
        wait_us = left.time_us - still * 10_000
        return resume(calendar, now, replace(left, time_us=wait_us)) if wait_us > 0 else now
    wait_days = -(-(left.days * 100 - still) // 100)
    if wait_days <= 0:
        return now
    return min(clock.due_at, resume(calendar, now, replace(left, days=wait_days)))


def _inside(instant: datetime) -> datetime:
    return instant - timedelta(microseconds=1)


def left_of(calendar: Calendar, clock: Clock, now: Instant) -> Left:
    """What is left of a running clock."""
    return remaining(calendar, now, clock.due_at, clock.allowance.kind)


def extended(calendar: Calendar, due_at: Instant, allowance: Allowance, percent: int) -> Instant:
    """`due_at` later by `percent` of `allowance`; parts of a day count as a day."""
    if allowance.is_in_hours:
        extra = Allowance(allowance.kind, allowance.amount * percent // 100)
        return due(calendar, due_at, extra)
    extra = Allowance(allowance.kind, max(1, -(-allowance.amount * percent // 100)))
    return due(calendar, _inside(due_at), extra)


def recounted(old: ClockPolicy, new: ClockPolicy, clock: Clock) -> Instant:
    """The instant of a running clock under a new policy: counted from the original start, later
    by as much as pauses and extensions had moved it so far."""
    first = due(old.calendar, clock.started_at, clock.allowance)
    later = max(timedelta(0), clock.due_at - first)
    return due(new.calendar, clock.started_at + later, new.allowance)
