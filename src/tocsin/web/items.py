"""What the board shows of a case: one shape for the list, the live stream and the replay.

No sealed value and nothing about the reporter is in it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tocsin.kernel.cases.expecting import expected_of
from tocsin.kernel.cases.state import Case, Clock
from tocsin.kernel.shared import Instant
from tocsin.runtime.board import agencies_of


class Expects(msgspec.Struct, frozen=True):
    """Who is to act next: a command's name, a role or `agency` or `reporter`, and which agency."""

    action: str = ""
    who: str = ""
    agency: str | None = None


class Missed(msgspec.Struct, frozen=True):
    """A promise that was not kept and still runs."""

    clock: str
    due_at: Instant


class ItemUnit(msgspec.Struct, frozen=True):
    """A unit that is on the case now, or comes to it: its call sign and how far it is."""

    unit: str
    name: str
    status: str


class BoardItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One case of the board. Members at their default are left out."""

    case: str
    version: int
    status: str
    type: str
    profile: str
    priority: int
    areas: tuple[str, ...]
    opened_at: Instant
    updated_at: Instant
    expects: Expects
    closed_at: Instant | None = None
    lead: str | None = None
    agencies: tuple[str, ...] = ()
    owner: str | None = None
    owner_tier: str | None = None
    due_at: Instant | None = None
    due_clock: str | None = None
    clock_started_at: Instant | None = None
    late: bool = False
    missed: tuple[Missed, ...] = ()
    paused: bool = False
    promised_at: Instant | None = None
    reports: int = 0
    absorbed: int = 0
    on_hold: bool = False
    question_open: bool = False
    published: bool = False
    silent: bool = False
    drill: bool = False
    cancelled: bool = False
    lon: float | None = None
    lat: float | None = None
    units: tuple[ItemUnit, ...] = ()


class LiveItem(BoardItem, frozen=True, omit_defaults=True, kw_only=True):
    """The same on the stream: at which entry of the journal, and what happened."""

    seq: int
    events: tuple[str, ...]
    at: Instant


def item_of(case: Case, version: int, updated_at: Instant) -> BoardItem:
    """The item of a case on the board."""
    return BoardItem(**_members(case, version, updated_at))


def live_item(case: Case, seq: int, version: int, at: Instant, events: tuple[str, ...]) -> LiveItem:
    """The item as it goes out after one entry of the journal."""
    return LiveItem(**_members(case, version, at), seq=seq, events=events, at=at)


def first_due(case: Case) -> Clock | None:
    """The running clock that is due first."""
    running = [clock for clock in case.clocks if clock.paused_at is None]
    return min(running, key=lambda clock: (clock.due_at, clock.key), default=None)


def _members(case: Case, version: int, updated_at: Instant) -> dict[str, Any]:
    assert case.areas is not None and case.opened_at is not None, "a case on the board has a place"
    due = first_due(case)
    missed = tuple(Missed(clock.name, clock.due_at) for clock in case.clocks if clock.missed)
    next_step = expected_of(case)
    owner, place = case.ownership, case.place
    return {
        "case": case.id,
        "version": version,
        "status": case.status,
        "type": case.case_type,
        "profile": case.profile,
        "priority": case.priority,
        "areas": tuple(case.areas),
        "opened_at": case.opened_at,
        "updated_at": updated_at,
        "expects": Expects(next_step.action, next_step.who, next_step.agency),
        "closed_at": case.closed_at,
        "lead": case.lead,
        "agencies": agencies_of(case),
        "owner": owner.area if owner else None,
        "owner_tier": owner.tier if owner else None,
        "due_at": due.due_at if due else None,
        "due_clock": due.name if due else None,
        "clock_started_at": due.started_at if due else None,
        "late": bool(missed),
        "missed": missed,
        "paused": due is None and bool(case.clocks),
        "promised_at": case.promised_at,
        "reports": len(case.reports) + len(case.links.absorbed_reports),
        "absorbed": len(case.links.absorbed),
        "on_hold": case.hold is not None and case.hold.granted_at is not None,
        "question_open": case.question is not None,
        "published": case.published,
        "silent": case.is_silent,
        "drill": case.is_drill,
        "cancelled": case.cancels > 0,
        "lon": place.lon if place else None,
        "lat": place.lat if place else None,
        "units": tuple(
            ItemUnit(each.unit, each.name, each.status)
            for each in case.units
            if each.released_at is None
        ),
    }
