"""The state of one unit: what it is, whether it is on duty, and which cases it is on.

Where it is at the moment is not here: positions never enter the state or the journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from tocsin.kernel.shared import ActorId, AgencyId, AreaId, CaseId, Instant, Place, UnitId

UnitStatus = Literal[
    "absent",
    "off_duty",
    "available",
    "dispatched",
    "en_route",
    "on_scene",
    "transporting",
    "clear",
    "returning",
    "out_of_service",
]
Travel = Literal["road", "foot", "straight"]
"""How a kind of unit moves: on roads, on foot, or straight through the air."""

ON_CASE: Final[tuple[UnitStatus, ...]] = ("dispatched", "en_route", "on_scene", "transporting")
"""Exactly the statuses of a unit that is on a case."""
FREE: Final[tuple[UnitStatus, ...]] = ("available", "clear", "returning")
"""From these a unit may be sent: a crew that is clear or drives home can turn round."""
ON_DUTY: Final[tuple[UnitStatus, ...]] = (*FREE, *ON_CASE, "out_of_service")


@dataclass(frozen=True, slots=True)
class UnitKind:
    """A kind of unit, from the pack. `endurance_s` is how long it can stay out, None for as long
    as its crew can; `capabilities` are those every unit of the kind has."""

    code: str
    travel: Travel = "road"
    capabilities: tuple[str, ...] = ()
    endurance_s: int | None = None


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """What was looked up for a decision about a unit: the kinds of the pack, and the custom
    status names of the unit's agency with the status each stands for."""

    kinds: tuple[UnitKind, ...] = ()
    customs: tuple[tuple[str, UnitStatus], ...] = ()


@dataclass(frozen=True, slots=True)
class OnCase:
    """One case of a unit. At most one is not stacked: the one it is on now, which comes first."""

    case: CaseId
    since: Instant
    is_stacked: bool = False


@dataclass(frozen=True, slots=True)
class MoveUp:
    """Where a unit was told to wait in place of its own post: a place that another unit's post
    is, what it is called, and since when."""

    place: Place
    name: str
    since: Instant


@dataclass(frozen=True)  # no slots: see `changed`
class Unit:
    """One unit. `areas` is its home area and those above it, the county last; `called` is the
    agency's own name of the status where it has one; `since` is the instant of the status.

    Alerts are shown that are not older than `alerts_since`; None means that they are revoked.
    `move_up` is where it drives to (returning) or waits (available), until it is sent or goes home.
    """

    id: UnitId
    status: UnitStatus = "absent"
    called: str = ""
    since: Instant | None = None
    name: str = ""
    agency: AgencyId | None = None
    areas: tuple[AreaId, ...] = ()
    kind: str = ""
    post: Place | None = None
    capabilities: tuple[str, ...] = ()
    crew_size: int = 0
    shift: str = ""
    duty_started_at: Instant | None = None
    signed_on_by: ActorId | None = None
    cases: tuple[OnCase, ...] = ()
    alerts_since: Instant | None = None
    move_up: MoveUp | None = None

    @property
    def is_on_duty(self) -> bool:
        """Whether its position may be known and its crew alerted."""
        return self.status in ON_DUTY

    @property
    def is_free(self) -> bool:
        """Whether it may be sent to a case now."""
        return self.status in FREE

    @property
    def case(self) -> CaseId | None:
        """The case it is on now; stacked ones wait."""
        return self.cases[0].case if self.cases else None


__all__ = [
    "FREE",
    "ON_CASE",
    "ON_DUTY",
    "MoveUp",
    "OnCase",
    "Travel",
    "Unit",
    "UnitFacts",
    "UnitKind",
    "UnitStatus",
]
