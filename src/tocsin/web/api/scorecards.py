"""The scorecard of the alarms: numbers with their targets, each opening exactly its alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from html import escape
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from tocsin.analytics.scorecard import (
    MEASURES,
    TOP,
    By,
    Measure,
    Reading,
    Row,
    Window,
    counted,
    scorecard,
    sources,
)
from tocsin.kernel.shared import AlarmId, AssetId
from tocsin.runtime.ports import AlarmQuery, AlarmRow
from tocsin.runtime.quality import NUISANCE, UPKEEP, Quality
from tocsin.web.alarm_views import AlarmsView, alarm_view
from tocsin.web.api.common import STAFF_ONE, AccessArg, json, router, shown
from tocsin.web.api.device_orders import sees
from tocsin.web.api.lists import IdFilter
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.scorecard_views import BehindCardView, CardView, NightsView, SourcesView
from tocsin.web.shapes import WORD, Filter, InstantText

routes: APIRouter = router("alarms")

DEFAULT_SPAN: Final = timedelta(days=1)
SPAN_MAX: Final = timedelta(days=93)
"""A quarter: what a town has of alarms in that time is read in a second."""
BEHIND_MAX: Final = 200
"""Alarms of one page behind a number."""
NIGHTS_MAX: Final = 400
"""Nights of one answer."""
ORDERS_SHOWN: Final = 5
"""Work orders of one source, the newest: enough to see that the last ones did not help."""
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
                {
                    "name": name,
                    "site_name": _name(access, name) if query.by == "site" else "",
                    "readings": [_view(e, access.language) for e in readings],
                }
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
    "/alarms/scorecard/sources",
    operation_id="alarm.sources",
    summary="The devices that ask for somebody most often, with the work orders for them.",
    **shown(SourcesView, *STAFF_ONE, 409),
)
async def worst_sources(access: AccessArg, query: Annotated[CardQuery, Query()]) -> Response:
    window, rows = await _rows(access, query)
    ranked = sources(counted(rows), window)
    whole, book = sum(count for _, count in ranked), access.services.alarms.book
    return json(
        {
            "since": window.since,
            "until": window.until,
            "announcements": whole,
            "sources": [
                {
                    "asset": asset,
                    "asset_name": _name(access, asset),
                    "site_name": book.site_name(asset) if asset in book.assets else "",
                    "announcements": count,
                    "share": count / whole,
                    "orders": await _orders(access, asset),
                }
                for asset, count in ranked[:TOP]
            ],
        }
    )


async def _orders(access: Access, asset: AssetId) -> list[dict[str, Any]]:
    asked = AlarmQuery(asset=asset, kinds=(NUISANCE, UPKEEP), limit=ORDERS_SHOWN)
    rows = await access.services.store.alarms(asked)
    return [
        {
            "alarm": row.alarm.id,
            "kind": row.alarm.about.kind if row.alarm.about is not None else "",
            "case": row.alarm.case or (row.alarm.handled[-1] if row.alarm.handled else None),
            "opened_at": row.alarm.opened_at,
            "is_open": row.alarm.is_open,
        }
        for row in rows
    ]


def _name(access: Access, asset: str) -> str:
    known = access.services.alarms.book.assets.get(AssetId(asset))
    return known.about.name if known is not None else ""


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
    sign = "<" if reading["is_strict"] else "≤"
    return f"{sign} {_value(most, reading['unit'])}" if most is not None else ""


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
        "is_strict": measure.is_strict,
        "is_met": reading.is_met,
        "alarms": len(reading.alarms),
        "among": len(reading.among),
    }


__all__ = ["routes"]
