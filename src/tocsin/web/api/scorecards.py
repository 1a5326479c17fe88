"""The scorecard of the alarms: numbers with their targets, each opening exactly its alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from html import escape
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from tocsin.analytics.scorecard import MEASURES, By, Measure, Reading, Row, Window, scorecard
from tocsin.kernel.shared import AlarmId
from tocsin.runtime.ports import AlarmQuery, AlarmRow
from tocsin.runtime.quality import Quality
from tocsin.web.alarm_views import AlarmsView, alarm_view
from tocsin.web.api.common import STAFF_ONE, AccessArg, json, router, shown
from tocsin.web.api.device_orders import sees
from tocsin.web.api.lists import IdFilter
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.shapes import WORD, Filter, InstantText, like
from tocsin.web.views import View

routes: APIRouter = router("alarms")

DEFAULT_SPAN: Final = timedelta(days=1)
SPAN_MAX: Final = timedelta(days=93)
"""A quarter: what a town has of alarms in that time is read in a second."""
BEHIND_MAX: Final = 200
"""Alarms of one page behind a number."""
NIGHTS_MAX: Final = 400
"""Nights of one answer."""
OPERATORS_MAX: Final = 100
"""Operators who may sit at one seat at once."""

CodeArg = Annotated[str, Path(pattern=WORD, max_length=40, examples=["alarms_per_day"])]


class CardQuery(Filter):
    """Over [since, until), by default the last day; in groups by `by`. `operators` is how many sit
    at a seat at once."""

    since: InstantText | None = None
    until: InstantText | None = None
    by: By = "all"
    operators: Annotated[str, Field(pattern=r"^[1-9][0-9]?$|^100$")] = "1"


class BehindCardQuery(CardQuery):
    """Which group (its name as the card has it), and which part of the number."""

    of: IdFilter | None = None
    part: Literal["alarms", "among", "rest"] = "alarms"
    offset: Annotated[str, Field(pattern=r"^[0-9]{1,8}$")] = "0"


CARD_READING: Final[dict[str, Any]] = {
    "code": "alarms_per_day",
    "title": "Alarms an operator and day",
    "formula": "announcements / days / operators",
    "unit": "per_day",
    "value": 41.0,
    "at_most": 150.0,
    "at_least": None,
    "act_above": 300.0,
    "is_met": True,
    "alarms": 39,
    "among": 39,
}


class CardReadingView(View):
    """One number. `value` is null where there is nothing to count; `is_met` where there is no
    target or no value. `alarms` are counted out of `among`; both open."""

    model_config = like(CARD_READING)

    code: str
    title: str
    formula: str
    unit: Literal["per_day", "share", "count", "seconds"]
    value: float | None
    at_most: float | None
    at_least: float | None
    act_above: float | None
    is_met: bool | None
    alarms: int
    among: int


class CardGroupView(View):
    """The numbers of one group; the whole has no name."""

    name: str
    readings: tuple[CardReadingView, ...]


_CARD: Final[dict[str, Any]] = {
    "since": "2026-11-21T00:00:00+00:00",
    "until": "2026-11-22T00:00:00+00:00",
    "by": "all",
    "operators": 1,
    "groups": [{"name": "", "readings": [CARD_READING]}],
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


@routes.get(
    "/alarms/scorecard",
    operation_id="alarm.scorecard",
    summary="How good the alarms are: numbers with their targets, for the whole or by group.",
    **shown(CardView, *STAFF_ONE, 409),
)
async def card(access: AccessArg, query: Annotated[CardQuery, Query()]) -> Response:
    window, rows = await _rows(access, query)
    groups = scorecard(rows, window, query.by)
    return json(
        {
            "since": window.since,
            "until": window.until,
            "by": query.by,
            "operators": window.operators,
            "groups": [
                {"name": name, "readings": [_view(e, access.language) for e in readings]}
                for name, readings in groups.items()
            ],
        }
    )


@routes.get(
    "/alarms/scorecard/{code}/alarms",
    operation_id="alarm.behind",
    summary="Exactly the alarms behind a number of the scorecard.",
    **shown(BehindCardView, *STAFF_ONE, 409),
)
async def behind(
    access: AccessArg, code: CodeArg, query: Annotated[BehindCardQuery, Query()]
) -> Response:
    window, rows = await _rows(access, query)
    readings = scorecard(rows, window, query.by).get(query.of or "", ())
    reading = next((each for each in readings if each.code == code), None)
    if reading is None:
        raise Problem("unknown_path")
    ids, offset = _part(reading, query.part), int(query.offset)
    page, following = ids[offset : offset + BEHIND_MAX], offset + BEHIND_MAX
    found = await access.services.store.alarms(AlarmQuery(ids=tuple(page), limit=len(page) or 1))
    by_id = {row.alarm.id: row for row in found} if page else {}
    return json(
        {
            "code": code,
            "count": len(ids),
            "ids": page,
            "alarms": [_alarm(access, by_id[each]) for each in page if each in by_id],
            "next": following if following < len(ids) else None,
        }
    )


def _alarm(access: Access, row: AlarmRow) -> dict[str, Any]:
    book, about = access.services.alarms.book, row.alarm.about
    asset = book.assets.get(about.asset) if about is not None else None
    site = book.site_name(about.asset) if about is not None else ""
    return alarm_view(row, access.services.pack, asset, access.language, site)


@routes.get(
    "/alarms/scorecard/nights",
    operation_id="alarm.nights",
    summary="The cards of the nights, as they were then.",
    **shown(NightsView, *STAFF_ONE),
)
async def nights(access: AccessArg) -> Response:
    kept = await _quality(access).store.cards(NIGHTS_MAX)
    return json(
        {
            "nights": [
                {
                    "night": night.isoformat(),
                    "made_at": made_at,
                    "readings": {
                        each["code"]: each["value"]
                        for each in msgspec.json.decode(content)["readings"]
                    },
                }
                for night, made_at, content in kept
            ]
        }
    )


@routes.get(
    "/alarms/scorecard/table",
    operation_id="alarm.table",
    summary="The scorecard as a plain table to print.",
    status_code=200,
    response_class=Response,
    responses={
        **{k: v for k, v in shown(AlarmsView, *STAFF_ONE, 409)["responses"].items() if k != 200},
        200: {
            "description": "A page.",
            "content": {
                "text/html": {"schema": {"type": "string"}, "example": "<table><tr>…</tr></table>"}
            },
        },
    },
)
async def table(access: AccessArg, query: Annotated[CardQuery, Query()]) -> Response:
    window, rows = await _rows(access, query)
    groups = scorecard(rows, window, query.by)
    lines: list[str] = []
    for name, readings in groups.items():
        for reading in readings:
            shown_as = _view(reading, access.language)
            target = _target(shown_as)
            cells = (name, shown_as["title"], _value(reading.value, shown_as["unit"]), target,
                     _met(reading.is_met), str(len(reading.alarms)))  # fmt: skip
            row = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            lines.append(f"<tr>{row}</tr>")
    span = f"{window.since.isoformat()} – {window.until.isoformat()}"
    html = (
        f'<!doctype html><html lang="{access.language}"><head><meta charset="utf-8">'
        f"<title>Tocsin · {escape(span)}</title></head><body><h1>{escape(span)}</h1>"
        f"<table>{''.join(lines)}</table></body></html>"
    )
    return Response(html, headers={"cache-control": "no-store"}, media_type="text/html")


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{value * 100:.1f} %" if unit == "share" else f"{value:.1f}"


def _target(reading: Mapping[str, Any]) -> str:
    most, least = reading["at_most"], reading["at_least"]
    if least is not None:
        return f"≥ {_value(least, reading['unit'])}"
    return f"≤ {_value(most, reading['unit'])}" if most is not None else ""


def _met(is_met: bool | None) -> str:
    return "" if is_met is None else "✓" if is_met else "✗"


def _part(reading: Reading, part: str) -> Sequence[AlarmId]:
    if part == "alarms":
        return reading.alarms
    if part == "among":
        return reading.among
    counted = set(reading.alarms)
    return [each for each in reading.among if each not in counted]


def _quality(access: Access) -> Quality:
    quality = access.services.quality
    if quality is None:
        raise Problem("unavailable", headers={"retry-after": "60"})
    return quality


async def _rows(access: Access, query: CardQuery) -> tuple[Window, list[Row]]:
    """The window asked for, and its alarms in the asker's reach."""
    quality = _quality(access)
    until = query.until or access.services.clock.now()
    since = query.since or until - DEFAULT_SPAN
    if not timedelta() < until - since <= SPAN_MAX:
        raise Problem("bad_time", f"at most {SPAN_MAX.days} days")
    window = Window(since, until, int(query.operators))
    rows = await quality.rows(window)
    return window, [row for row in rows if sees(access, row.story.areas, row.story.asset)]


def _view(reading: Reading, language: str) -> dict[str, Any]:
    measure: Measure = next(each for each in MEASURES if each.code == reading.code)
    return {
        "code": reading.code,
        "title": dict(measure.title)[language],
        "formula": dict(measure.formula)[language],
        "unit": measure.unit,
        "value": reading.value,
        "at_most": measure.at_most,
        "at_least": measure.at_least,
        "act_above": measure.act_above,
        "is_met": reading.is_met,
        "alarms": len(reading.alarms),
        "among": len(reading.among),
    }


__all__ = ["routes"]
