"""What the API and the stream show of alarms and assets. No sealed word is in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tocsin.kernel.alarms.state import Condition, Evidence, Outcome, Standing
from tocsin.kernel.assets.state import INTERVAL_S, Asset, AssetStatus, Reach, Supervision
from tocsin.kernel.shared import Place
from tocsin.packs.model import Pack
from tocsin.runtime.device_book import Track
from tocsin.runtime.ports import AlarmRow, AssetRow
from tocsin.web.shapes import like
from tocsin.web.views import View

ALARM_EXAMPLE: Final[dict[str, Any]] = {
    "id": "01ha",
    "version": 2,
    "updated_at": "2026-11-22T01:30:00+00:00",
    "asset": "01hd",
    "asset_name": "Block 3, stairwell, 2nd floor",
    "site_name": "Block 3",
    "kind": "smoke",
    "kind_name": "Smoke",
    "priority": 1,
    "is_life_safety": True,
    "is_silent": False,
    "condition": "active",
    "standing": "normal",
    "standing_until": None,
    "standing_reason": "",
    "is_announced": True,
    "is_acknowledged": False,
    "is_latched": True,
    "is_chattering": False,
    "is_fleeting": False,
    "is_drill": False,
    "in_drill": False,
    "cancelled_at": None,
    "cancelled_by": None,
    "wrong_codes": 0,
    "opened_at": "2026-11-22T01:30:00+00:00",
    "raised_at": "2026-11-22T01:30:00+00:00",
    "last_signal_at": "2026-11-22T01:30:00+00:00",
    "since": "2026-11-22T01:30:00+00:00",
    "closed_at": None,
    "acknowledged_at": None,
    "acknowledged_by": None,
    "occurrences": 1,
    "level": 1,
    "evidence": [
        {
            "at": "2026-11-22T01:30:00+00:00",
            "by": "sia-dc09",
            "evidence": "signal",
            "level": 1,
        }
    ],
    "case": "01hx",
    "handled": [],
    "case_missing": "",
    "cause": None,
    "outcome": None,
    "source": "sia-dc09",
    "zone": "005",
    "text": "01ha.text",
    "place": {"lon": 24.945, "lat": 60.17},
    "areas": ["t0", "county"],
    "members": 0,
}
ASSET_EXAMPLE: Final[dict[str, Any]] = {
    "id": "01hd",
    "version": 1,
    "updated_at": "2026-11-22T01:00:00+00:00",
    "status": "in_service",
    "since": "2026-11-22T01:00:00+00:00",
    "name": "Block 3, stairwell, 2nd floor",
    "kind": "smoke-detector",
    "kind_name": "Smoke detector",
    "areas": ["t0", "county"],
    "place": {"lon": 24.945, "lat": 60.17},
    "owner": "housing@county",
    "keeper": "housing@county",
    "model": "SD-2",
    "power": None,
    "gateway": "01hg",
    "wires": [{"source": "mqtt", "address": "block-3/2"}],
    "supervision": "SP3",
    "inspection_at": None,
    "certificate_until": None,
    "documents": [],
    "work_order": "",
    "test_until": None,
    "last_tested_at": None,
    "test_asked_at": None,
    "drill": None,
    "is_silent": False,
    "windows": [],
    "shelves": [],
    "silent_after_s": 1800,
    "reach": "online",
    "heard_at": "2026-11-22T01:29:50+00:00",
    "messages": 1200,
    "lost": 0,
    "readings": {"battery_percent": 88.0},
}


class EvidenceView(View):
    """One thing that speaks for an alarm, or against it."""

    at: datetime
    by: str
    evidence: Evidence
    level: int


class AlarmView(View):
    """One alarm as it is now. `in_drill`: it came while its site had a drill, and is kept apart
    from what is real. `wrong_codes` counts tries to take it back. `text` names its sealed words;
    `members` counts what is folded under it, and `cause` names what it is folded under.
    `site_name` is what its asset hangs on."""

    model_config = like(ALARM_EXAMPLE)

    id: str
    version: int
    updated_at: datetime
    asset: str
    asset_name: str
    site_name: str
    kind: str
    kind_name: str
    priority: int
    is_life_safety: bool
    is_silent: bool
    condition: Condition
    standing: Standing
    standing_until: datetime | None
    standing_reason: str
    is_announced: bool
    is_acknowledged: bool
    is_latched: bool
    is_chattering: bool
    is_fleeting: bool
    is_drill: bool
    in_drill: bool
    cancelled_at: datetime | None
    cancelled_by: str | None
    wrong_codes: int
    opened_at: datetime
    raised_at: datetime | None
    last_signal_at: datetime | None
    since: datetime
    closed_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    occurrences: int
    level: int
    evidence: tuple[EvidenceView, ...]
    case: str | None
    handled: tuple[str, ...]
    case_missing: str
    cause: str | None
    outcome: Outcome | None
    source: str
    zone: str
    text: str | None
    place: Place | None
    areas: tuple[str, ...]
    members: int


class AlarmsView(View):
    """Alarms, the newest first. `is_flood`: more than ten were announced in the last ten minutes;
    a screen then shows them in groups. `members` are folded under others of the list: those that
    guard lives are always among them, one by one. `kind_names` has every kind of the pack in the
    asked language: the live stream speaks none."""

    model_config = like(
        {"alarms": [ALARM_EXAMPLE], "is_flood": False, "recent": 1, "next": None,
         "kind_names": {"smoke": "Smoke"}}
    )  # fmt: skip

    alarms: tuple[AlarmView, ...]
    kind_names: dict[str, str]
    is_flood: bool
    recent: int
    next: str | None


class WireView(View):
    """An address under which an asset speaks."""

    source: str
    address: str


class WindowView(View):
    """Planned work."""

    starts_at: datetime
    ends_at: datetime
    reason: str
    by: str


class ShelfView(View):
    """Alarms of one kind that are put aside."""

    kind: str
    until: datetime
    reason: str
    by: str


class CoveringDrill(View):
    """The drill that covers an asset."""

    id: str
    scope: str
    until: datetime
    reason: str
    by: str


class AssetView(View):
    """One asset as it is now. `lost` counts messages that may be lost, by the count of its sender;
    `reach` is unknown where nobody waits for it or the node did not listen; `silent_after_s`: how
    long somebody waits before it is missed, null where nobody does."""

    model_config = like(ASSET_EXAMPLE)

    id: str
    version: int
    updated_at: datetime
    status: AssetStatus
    since: datetime
    name: str
    kind: str
    kind_name: str
    areas: tuple[str, ...]
    place: Place | None
    owner: str
    keeper: str
    model: str
    power: str | None
    gateway: str | None
    wires: tuple[WireView, ...]
    supervision: Supervision
    inspection_at: datetime | None
    certificate_until: datetime | None
    documents: tuple[str, ...]
    work_order: str
    test_until: datetime | None
    last_tested_at: datetime | None
    test_asked_at: datetime | None
    drill: CoveringDrill | None
    is_silent: bool
    windows: tuple[WindowView, ...]
    shelves: tuple[ShelfView, ...]
    silent_after_s: int | None
    reach: Reach
    heard_at: datetime | None
    messages: int
    lost: int
    readings: Mapping[str, float]


class AssetsView(View):
    """Assets in one's reach, by id."""

    model_config = like({"assets": [ASSET_EXAMPLE], "next": None})

    assets: tuple[AssetView, ...]
    next: str | None


def alarm_members(row: AlarmRow) -> dict[str, Any]:
    """What the state says of an alarm, without the words of the pack."""
    alarm, about, signal = row.alarm, row.alarm.about, row.alarm.signal
    assert about is not None and signal is not None, "an alarm on the board is about something"
    return {
        "id": alarm.id,
        "version": row.version,
        "updated_at": row.updated_at,
        "asset": about.asset,
        "kind": about.kind,
        "priority": about.priority,
        "is_life_safety": about.is_life_safety,
        "condition": alarm.condition,
        "standing": alarm.standing,
        "standing_until": alarm.standing_until,
        "standing_reason": alarm.standing_reason,
        "is_announced": alarm.is_announced,
        "is_acknowledged": alarm.is_acknowledged,
        "is_latched": alarm.is_latched,
        "is_chattering": alarm.is_chattering,
        "is_fleeting": alarm.is_fleeting,
        "is_drill": alarm.is_drill,
        "in_drill": about.is_drill,
        "is_silent": about.is_silent,
        "cancelled_at": alarm.cancelled_at,
        "cancelled_by": alarm.cancelled_by,
        "wrong_codes": alarm.wrong_codes,
        "opened_at": alarm.opened_at,
        "raised_at": alarm.raised_at,
        "last_signal_at": alarm.last_signal_at,
        "since": alarm.since,
        "closed_at": alarm.closed_at,
        "acknowledged_at": alarm.acknowledged_at,
        "acknowledged_by": alarm.acknowledged_by,
        "occurrences": alarm.occurrences,
        "level": alarm.level,
        "evidence": alarm.evidence,
        "case": alarm.case,
        "handled": alarm.handled,
        "case_missing": alarm.case_missing,
        "cause": alarm.cause,
        "outcome": alarm.outcome,
        "source": signal.source,
        "zone": signal.zone,
        "text": signal.text,
        "place": about.place,
        "areas": about.areas,
    }


def alarm_view(
    row: AlarmRow, pack: Pack, asset: Asset | None, language: str, site: str, members: int = 0
) -> dict[str, Any]:
    """The members of `AlarmView`."""
    found = alarm_members(row)
    kind = pack.alarm_kinds.get(found["kind"])
    return {
        **found,
        "asset_name": asset.about.name if asset is not None else "",
        "site_name": site,
        "kind_name": pack.in_language(kind.name, language) if kind else found["kind"],
        "members": members,
    }


def asset_members(row: AssetRow) -> dict[str, Any]:
    """What the state says of an asset, without what was heard of it."""
    asset, about = row.asset, row.asset.about
    return {
        "id": asset.id,
        "version": row.version,
        "updated_at": row.updated_at,
        "status": asset.status,
        "since": asset.since,
        "name": about.name,
        "kind": about.kind,
        "areas": about.areas,
        "place": about.place,
        "owner": about.owner,
        "keeper": about.keeper,
        "model": about.model,
        "power": about.power,
        "gateway": about.gateway,
        "wires": [{"source": source, "address": address} for source, address in about.wires],
        "supervision": about.supervision,
        "inspection_at": about.inspection_at,
        "certificate_until": about.certificate_until,
        "documents": about.documents,
        "work_order": asset.work_order,
        "test_until": asset.test_until,
        "last_tested_at": asset.last_tested_at,
        "test_asked_at": asset.test_asked_at,
        "drill": asset.drill,
        "is_silent": about.is_silent,
        "windows": asset.windows,
        "shelves": asset.shelves,
    }


def asset_view(
    row: AssetRow, pack: Pack, track: Track, reach: Reach, language: str
) -> dict[str, Any]:
    """The members of `AssetView`."""
    kind = pack.asset_kinds.get(row.asset.about.kind)
    return {
        **asset_members(row),
        "kind_name": pack.in_language(kind.name, language) if kind else row.asset.about.kind,
        "silent_after_s": INTERVAL_S.get(row.asset.about.supervision),
        "reach": reach,
        "heard_at": track.heard_at,
        "messages": track.messages,
        "lost": track.lost,
        "readings": track.readings,
    }
