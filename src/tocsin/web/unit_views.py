"""What the API shows of a unit. Its position is always with its age, and only on duty."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from tocsin.kernel.shared import Place
from tocsin.kernel.units.machine import MOVES
from tocsin.kernel.units.state import MoveUp, OnCase, UnitStatus
from tocsin.packs.model import Pack
from tocsin.runtime.ports import UnitRow
from tocsin.runtime.positions import Seen
from tocsin.web.shapes import like
from tocsin.web.views import View

POSITION_EXAMPLE: Final[dict[str, Any]] = {
    "place": {"lon": 24.9455, "lat": 60.1712},
    "at": "2026-11-22T01:31:50+00:00",
    "age_s": 10.0,
    "is_stale": False,
    "accuracy_m": 8.0,
    "heading_deg": 90.0,
    "speed_mps": 12.5,
}
NOW_EXAMPLE: Final = "2026-11-22T01:32:00+00:00"
UNIT_EXAMPLE: Final[dict[str, Any]] = {
    "id": "01hu",
    "version": 4,
    "updated_at": "2026-11-22T01:31:00+00:00",
    "name": "E36",
    "agency": "fire-rescue@county",
    "areas": ["t0", "county"],
    "kind": "engine",
    "travel": "road",
    "endurance_s": None,
    "post": {"lon": 24.945, "lat": 60.17},
    "capabilities": ["fire", "first_aid", "rescue"],
    "crew_size": 4,
    "shift": "day",
    "status": "en_route",
    "called": "",
    "next": ["on_scene", "clear"],
    "since": "2026-11-22T01:31:00+00:00",
    "is_on_duty": True,
    "is_free": False,
    "is_alerted": True,
    "duty_started_at": "2026-11-22T00:00:00+00:00",
    "cases": [{"case": "01hx", "since": "2026-11-22T01:30:30+00:00", "is_stacked": False}],
    "move_up": None,
    "position": POSITION_EXAMPLE,
}


class PositionView(View):
    """Where a unit was last, how long ago, and whether that is too long ago to rely on."""

    place: Place
    at: datetime
    age_s: float
    is_stale: bool
    accuracy_m: float | None
    heading_deg: float | None
    speed_mps: float | None


class UnitView(View):
    """One unit as it is now. `capabilities` are its own and those of its kind; `next` are the
    statuses that may be reported from the present one; `move_up` is the other post that it drives
    to (returning) or waits at (available), null for none; `position` is null where none is known,
    and always off duty."""

    model_config = like(UNIT_EXAMPLE)

    id: str
    version: int
    updated_at: datetime
    name: str
    agency: str
    areas: tuple[str, ...]
    kind: str
    travel: str
    endurance_s: int | None
    post: Place | None
    capabilities: tuple[str, ...]
    crew_size: int
    shift: str
    status: UnitStatus
    called: str
    next: tuple[UnitStatus, ...]
    since: datetime
    is_on_duty: bool
    is_free: bool
    is_alerted: bool
    duty_started_at: datetime | None
    cases: tuple[OnCase, ...]
    move_up: MoveUp | None
    position: PositionView | None


class UnitsView(View):
    """The units one may see, by agency and call sign."""

    model_config = like({"units": [UNIT_EXAMPLE], "stale_after_s": 120.0, "now": NOW_EXAMPLE})

    units: tuple[UnitView, ...]
    stale_after_s: float
    now: datetime


def unit_members(row: UnitRow) -> dict[str, Any]:
    """What the state says of a unit, without its kind's part and without a position."""
    unit = row.unit
    return {
        "id": unit.id,
        "version": row.version,
        "updated_at": row.updated_at,
        "name": unit.name,
        "agency": unit.agency,
        "areas": unit.areas,
        "kind": unit.kind,
        "post": unit.post,
        "crew_size": unit.crew_size,
        "shift": unit.shift,
        "status": unit.status,
        "called": unit.called,
        "next": MOVES.get(unit.status, ()),
        "since": unit.since,
        "is_on_duty": unit.is_on_duty,
        "is_free": unit.is_free,
        "is_alerted": unit.alerts_since is not None,
        "duty_started_at": unit.duty_started_at,
        "cases": unit.cases,
        "move_up": unit.move_up,
    }


def unit_view(row: UnitRow, pack: Pack, seen: Seen | None) -> dict[str, Any]:
    """The members of `UnitView`. A kind that the pack no longer knows travels on roads."""
    kind = pack.unit_kinds.get(row.unit.kind)
    held = {*row.unit.capabilities, *(kind.capabilities if kind else ())}
    return {
        **unit_members(row),
        "travel": kind.travel if kind else "road",
        "endurance_s": kind.endurance_s if kind else None,
        "capabilities": sorted(held),
        "position": position_view(seen) if seen is not None and row.unit.is_on_duty else None,
    }


def position_view(seen: Seen) -> dict[str, Any]:
    """The members of `PositionView`."""
    position = seen.position
    return {
        "place": position.place,
        "at": position.at,
        "age_s": seen.age_s,
        "is_stale": seen.is_stale,
        "accuracy_m": position.accuracy_m,
        "heading_deg": position.heading_deg,
        "speed_mps": position.speed_mps,
    }
