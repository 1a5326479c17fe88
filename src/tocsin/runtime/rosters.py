"""The roster in its simplest true form: which unit is planned on duty when, and where it fails.

Plain rows with a change row each, not a journal: a plan is no event. It knows units, no people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, Protocol

from tocsin.kernel.shared import ActorId, Instant, Refused, UnitId
from tocsin.kernel.units.state import Unit

DUTY_MAX: Final = timedelta(hours=72)
"""A longer duty is a slip of the pen in a date: the longest shifts of fire brigades are 48 hours,
and one more day may be stood in for a colleague."""
LATE_AFTER: Final = timedelta(minutes=5)
"""A crew that is handed the keys signs on within minutes; later its unit is missing."""
OVER_AFTER: Final = timedelta(minutes=15)
"""A crew that was relieved signs off within this; later it was forgotten, or is kept too long."""
PERIOD_MAX: Final = timedelta(days=62)
"""The longest stretch of the roster that is read at once: this month and the next."""

REASONS: tuple[str, ...] = ("duty_period_wrong", "duty_overlaps", "duty_unknown")
"""What a plan is refused with."""

Gap = Literal["missing", "overdue"]
"""missing: planned on duty now, and off duty · overdue: on duty, though its duty is over."""


@dataclass(frozen=True, slots=True)
class PlannedDuty:
    """One duty of one unit, from an instant to before another. `crew_size` None: as the unit's."""

    id: str
    unit: UnitId
    starts_at: Instant
    ends_at: Instant
    crew_size: int | None = None
    shift: str = ""


@dataclass(frozen=True, slots=True)
class UnitGap:
    """A unit that is not where the roster has it; `since` is when it should have changed."""

    unit: UnitId
    gap: Gap
    since: Instant


class RosterStore(Protocol):
    """Keeps planned duties; each write with its change row in one transaction."""

    async def planned_duties(self, since: Instant, until: Instant) -> Sequence[PlannedDuty]:
        """Those that lie at least partly in the period, by start, then unit."""
        ...

    async def plan_duty(self, duty: PlannedDuty, at: Instant, by: ActorId) -> bool:
        """False, and nothing written, where the unit is not known or already planned in part of
        that time. Two planners at once are taken one after the other."""
        ...

    async def drop_duty(self, duty_id: str, unit: UnitId, at: Instant, by: ActorId) -> bool:
        """False where the unit has no such duty."""
        ...


def unsound(duty: PlannedDuty) -> Refused | None:
    """Why nobody can keep this duty."""
    if duty.starts_at >= duty.ends_at:
        return Refused("duty_period_wrong", "a duty begins before it ends")
    if duty.ends_at - duty.starts_at > DUTY_MAX:
        return Refused("duty_period_wrong", f"a duty lasts at most {DUTY_MAX}")
    return None


def gaps(units: Iterable[Unit], duties: Sequence[PlannedDuty], now: Instant) -> list[UnitGap]:
    """Where units and roster disagree at this instant, by unit. Only units that are planned at
    all within `duties` are looked at: without a roster nobody is missing."""
    of_unit: dict[UnitId, list[PlannedDuty]] = {}
    for duty in duties:
        of_unit.setdefault(duty.unit, []).append(duty)
    found: list[UnitGap] = []
    for unit in sorted(units, key=lambda each: each.id):
        planned = of_unit.get(unit.id, [])
        running = [each for each in planned if each.starts_at <= now < each.ends_at]
        over = [each.ends_at for each in planned if each.ends_at <= now]
        if running and not unit.is_on_duty and now - running[0].starts_at >= LATE_AFTER:
            found.append(UnitGap(unit.id, "missing", running[0].starts_at))
        elif not running and over and unit.is_on_duty and _is_over(unit, max(over), now):
            found.append(UnitGap(unit.id, "overdue", max(over)))
    return found


def _is_over(unit: Unit, ended_at: Instant, now: Instant) -> bool:
    """Whether a crew is on duty still, not again: one that came back unplanned is welcome."""
    began = unit.duty_started_at
    return began is not None and began < ended_at and now - ended_at >= OVER_AFTER


__all__ = ["Gap", "PlannedDuty", "RosterStore", "UnitGap", "gaps", "unsound"]
