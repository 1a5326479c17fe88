"""What the API shows of a case: everything on the board, no sealed value, no merge stash."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict

from tocsin.kernel.cases.policy import Priority, Profile
from tocsin.kernel.cases.state import (
    Case,
    Claim,
    Clock,
    Counts,
    Evaluation,
    Extension,
    Hold,
    Links,
    Move,
    Ownership,
    Question,
    Report,
    Status,
    Task,
    UnitShare,
    Urge,
)
from tocsin.kernel.shared import Instant, Place
from tocsin.runtime.ports import BoardRow


class View(BaseModel):
    """An answer of the API."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AreasView(View):
    """Where it lies, on each tier."""

    county: str
    town: str
    village: str
    cell: str


CASE_EXAMPLE: dict[str, Any] = {
    "id": "01hx",
    "version": 3,
    "updated_at": "2026-11-22T01:32:00+00:00",
    "status": "filed",
    "is_open": True,
    "case_type": "street-light-out",
    "pack_version": "county-4c2f0a9b1d3e",
    "profile": "routine",
    "priority": 3,
    "place": {"lon": 24.945, "lat": 60.17},
    "areas": {"county": "county", "town": "t0", "village": "t0v0", "cell": "t0v0-0000"},
    "opened_at": "2026-11-22T01:30:00+00:00",
    "closed_at": None,
    "reports": [],
    "tasks": [],
    "clocks": [],
    "ownership": {
        "tier": "village",
        "area": "t0v0",
        "offered_tier": None,
        "offered_area": None,
    },
    "lead": None,
    "route_rule": "by_hand",
    "promised_at": "2026-11-25T01:30:00+00:00",
    "moves": [],
    "question": None,
    "hold": None,
    "extension": None,
    "arbitration_since": None,
    "claim": None,
    "urges": [],
    "evaluation": None,
    "links": {
        "parent": None,
        "children": [],
        "open_children": [],
        "merged_into": None,
        "absorbed": [],
    },
    "counts": {
        "returns": 0,
        "reworks": 0,
        "reopens": 0,
        "notes": 0,
        "missed": 0,
        "hold_s": 0,
        "ask_s": 0,
    },
    "disposition": "",
    "published": False,
    "is_silent": False,
    "is_drill": False,
    "cancels": 0,
    "units": [],
}


class CaseView(View):
    """One case on the board. Descriptions, contacts and notes are references into the vault."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [CASE_EXAMPLE]}
    )

    id: str
    version: int
    updated_at: datetime
    status: Status
    is_open: bool
    case_type: str
    pack_version: str
    profile: Profile
    priority: Priority
    place: Place | None
    areas: AreasView | None
    opened_at: datetime | None
    closed_at: datetime | None
    reports: tuple[Report, ...]
    tasks: tuple[Task, ...]
    clocks: tuple[Clock, ...]
    ownership: Ownership | None
    lead: str | None
    route_rule: str
    promised_at: datetime | None
    moves: tuple[Move, ...]
    question: Question | None
    hold: Hold | None
    extension: Extension | None
    arbitration_since: datetime | None
    claim: Claim | None
    urges: tuple[Urge, ...]
    evaluation: Evaluation | None
    links: Links
    counts: Counts
    disposition: str
    published: bool
    is_silent: bool
    is_drill: bool
    cancels: int
    units: tuple[UnitShare, ...]


class CasesView(View):
    """One page of cases; `next` is the cursor of the following one."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"cases": [CASE_EXAMPLE], "next": None}]},
    )

    cases: tuple[CaseView, ...]
    next: str | None


_FIELDS = tuple(
    name for name in CaseView.model_fields if name not in ("version", "updated_at", "areas")
)


def case_view(case: Case, version: int, updated_at: Instant) -> dict[str, Any]:
    """The members of `CaseView`, ready for msgspec: not validated again, checked by a test."""
    shown: dict[str, Any] = {name: getattr(case, name) for name in _FIELDS}
    shown["version"] = version
    shown["updated_at"] = updated_at
    shown["areas"] = None if case.areas is None else case.areas._asdict()
    return shown


def row_view(row: BoardRow) -> dict[str, Any]:
    """The members of `CaseView` for a row as read."""
    return case_view(row.case, row.version, row.updated_at)


encode = msgspec.json.Encoder().encode
