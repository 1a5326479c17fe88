"""What the API shows of the scorecard of the alarms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, Literal

from tocsin.analytics.scorecard import By
from tocsin.web.shapes import like
from tocsin.web.views import View

CARD_READING: Final[dict[str, Any]] = {
    "code": "alarms_per_day",
    "title": "Alarms an operator and day",
    "formula": "announcements / days / operators",
    "unit": "per_day",
    "value": 41.0,
    "at_most": 150.0,
    "at_least": None,
    "act_above": 300.0,
    "is_strict": False,
    "is_met": True,
    "alarms": 39,
    "among": 39,
}


class CardReadingView(View):
    """One number. `value` is null where there is nothing to count; `is_met` where there is no
    target or no value; `is_strict`: the value must be below `at_most`, not at it. `alarms` are
    counted out of `among`; both open."""

    model_config = like(CARD_READING)

    code: str
    title: str
    formula: str
    unit: Literal["per_day", "share", "count", "seconds"]
    value: float | None
    at_most: float | None
    at_least: float | None
    act_above: float | None
    is_strict: bool
    is_met: bool | None
    alarms: int
    among: int


class CardGroupView(View):
    """The numbers of one group; the whole has no name. `site_name`: of a site, as people say it."""

    name: str
    site_name: str
    readings: tuple[CardReadingView, ...]


_CARD: Final[dict[str, Any]] = {
    "since": "2026-11-21T00:00:00+00:00",
    "until": "2026-11-22T00:00:00+00:00",
    "by": "all",
    "operators": 1,
    "groups": [{"name": "", "site_name": "", "readings": [CARD_READING]}],
}


class CardView(View):
    """The scorecard of the alarms in one's reach. Numbers may lag behind by seconds."""

    model_config = like(_CARD)

    since: datetime
    until: datetime
    by: By
    operators: int
    groups: tuple[CardGroupView, ...]


class BehindCardView(View):
    """The alarms behind one number, in order of opening. `next` is the offset of more."""

    model_config = like({"code": "stale", "count": 1, "ids": ["01ha"], "alarms": [], "next": None})

    code: str
    count: int
    ids: tuple[str, ...]
    alarms: tuple[Mapping[str, Any], ...]
    next: int | None


class OrderView(View):
    """A work order of a device: `case` is null where none could be opened."""

    alarm: str
    kind: str
    case: str | None
    opened_at: datetime
    is_open: bool


class SourceView(View):
    """One device: its announcements, their share of all, and what was ordered for it so far."""

    asset: str
    asset_name: str
    site_name: str
    announcements: int
    share: float
    orders: tuple[OrderView, ...]


_ORDER: Final[dict[str, Any]] = {
    "alarm": "01ha",
    "kind": "nuisance",
    "case": "01hx",
    "opened_at": "2026-11-22T03:00:00+00:00",
    "is_open": True,
}
_SOURCE: Final[dict[str, Any]] = {
    "asset": "01hd",
    "asset_name": "Hall",
    "site_name": "School No. 1",
    "announcements": 12,
    "share": 0.3,
    "orders": [_ORDER],
}


class SourcesView(View):
    """The ten devices that asked for somebody most often, the worst first. `announcements`: of all
    devices in one's reach."""

    model_config = like(
        {
            "since": "2026-11-21T00:00:00+00:00",
            "until": "2026-11-22T00:00:00+00:00",
            "announcements": 40,
            "sources": [_SOURCE],
        }
    )

    since: datetime
    until: datetime
    announcements: int
    sources: tuple[SourceView, ...]


class NightView(View):
    """The numbers of one night as they were then, over the whole county."""

    night: date
    made_at: datetime
    readings: Mapping[str, float | None]


class NightsView(View):
    """The cards of the nights, the newest first."""

    model_config = like(
        {
            "nights": [
                {
                    "night": "2026-11-22",
                    "made_at": "2026-11-22T03:00:02+00:00",
                    "readings": {"alarms_per_day": 41.0, "floods": 0.0},
                }
            ]
        }
    )

    nights: tuple[NightView, ...]
