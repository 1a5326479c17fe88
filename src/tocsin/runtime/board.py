"""The columns of the board: what lists, maps and timers ask of a case, derived from its state.

Every store keeps them beside the state and derives them here, so `tocsin verify` can derive them
again and compare.
"""

from __future__ import annotations

from typing import NamedTuple

from tocsin.geography.squares import cell_key
from tocsin.kernel.cases.state import Case, TaskStatus, next_wake
from tocsin.kernel.shared import AgencyId, Instant

GONE: tuple[TaskStatus, ...] = ("returned", "cancelled")
"""Task states in which the agency has nothing to do with the case any more."""


class Columns(NamedTuple):
    """One row of the board without its state. `due_at` is the earliest instant promised by a
    clock that runs now (a missed clock still runs); None while none runs. `cell_key` is the
    200 m square of the place."""

    status: str
    is_open: bool
    case_type: str
    profile: str
    priority: int
    lead: str | None
    agencies: tuple[str, ...]
    county: str | None
    town: str | None
    village: str | None
    cell: str | None
    lon: float | None
    lat: float | None
    cell_key: int | None
    opened_at: Instant | None
    closed_at: Instant | None
    due_at: Instant | None
    next_wake: Instant | None
    published: bool


def agencies_of(case: Case) -> tuple[str, ...]:
    """The agencies with a live task, each once, sorted."""
    if not case.tasks:
        return ()
    return tuple(sorted({task.agency for task in case.tasks if task.status not in GONE}))


def parties_of(case: Case) -> tuple[AgencyId, ...]:
    """Who has a part in the case now: as `agencies_of`, in the order of the tasks, and the lead
    agency, also while it has none or waits for an arbiter."""
    found = [task.agency for task in case.tasks if task.status not in GONE]
    if case.lead is not None:
        found.append(case.lead)
    return tuple(dict.fromkeys(found))


def columns_of(case: Case) -> Columns:
    """The board columns of a state."""
    place, areas = case.place, case.areas
    county, town, village, cell = areas if areas is not None else (None, None, None, None)
    due = [clock.due_at for clock in case.clocks if clock.paused_at is None]
    return Columns(
        case.status,
        case.is_open,
        case.case_type,
        case.profile,
        case.priority,
        case.lead,
        agencies_of(case),
        county,
        town,
        village,
        cell,
        place.lon if place is not None else None,
        place.lat if place is not None else None,
        cell_key(place.lon, place.lat) if place is not None else None,
        case.opened_at,
        case.closed_at,
        min(due, default=None),
        next_wake(case),
        case.published,
    )
