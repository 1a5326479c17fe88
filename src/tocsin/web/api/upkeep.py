"""How devices are: online rates, what is due, work orders, and a label to print."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from html import escape
from typing import Annotated, Final, Literal
from unicodedata import east_asian_width

import segno
from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from tocsin.analytics.scorecard import Window
from tocsin.kernel.shared import AssetId
from tocsin.packs.model import Pack
from tocsin.runtime.onlooking import seeing_also
from tocsin.runtime.ports import AlarmQuery
from tocsin.runtime.quality import UPKEEP, Quality
from tocsin.web.alarm_views import AlarmView, AssetsView
from tocsin.web.api.alarms import Why
from tocsin.web.api.common import (
    STAFF_ONE,
    WRITES,
    AccessArg,
    KeyArg,
    checked,
    json,
    router,
    shown,
)
from tocsin.web.api.device_orders import AssetIdArg, asset_of, sees, show_alarm
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.shapes import Filter, InstantText, Strict, like
from tocsin.web.views import View

routes: APIRouter = router("assets")

DEFAULT_SPAN: Final = timedelta(days=30)
SPAN_MAX: Final = timedelta(days=400)
"""As long as spans of listening are kept."""
DUE_MAX: Final = 1_000
"""Due works of one answer."""
SVG: Final = "image/svg+xml"
LABEL_MM: Final = (62, 29)
TEXT_X_MM: Final = 30
TEXT_MM: Final = 3.0
LABEL_LINES: Final = 5
"""Width and height of the usual address label of a label printer."""


class HealthQuery(Filter):
    """Over [since, until), by default the last 30 days; online rates by class of device or by
    owner; works due within `days`."""

    since: InstantText | None = None
    until: InstantText | None = None
    by: Literal["class", "owner"] = "class"
    days: Annotated[str, Field(pattern=r"^[0-9]{1,3}$")] = "30"


class OnlineView(View):
    """Time heard over time in service, in seconds, while the node listened; null without any."""

    group: str
    devices: int
    heard_s: float
    service_s: float
    rate: float | None


class DueView(View):
    """Something that must be done at a device."""

    asset: str
    asset_name: str
    what: Literal["inspection", "certificate", "battery"]
    on: date


class DevicesHealthView(View):
    """How the devices in one's reach are. Devices without supervision have no online rate; an
    outage of the node itself is neither heard nor silent."""

    model_config = like(
        {
            "since": "2026-10-23T00:00:00+00:00",
            "until": "2026-11-22T00:00:00+00:00",
            "online": [
                {
                    "group": "smoke-detector",
                    "devices": 40,
                    "heard_s": 103000000.0,
                    "service_s": 103680000.0,
                    "rate": 0.9934,
                }
            ],
            "due": [
                {
                    "asset": "01hd",
                    "asset_name": "Hall",
                    "what": "inspection",
                    "on": "2026-12-01",
                }
            ],
        }
    )

    since: datetime
    until: datetime
    online: tuple[OnlineView, ...]
    due: tuple[DueView, ...]


class BatteryView(View):
    """A forecast by a robust line through one reading a day; see `state`."""

    state: Literal["not_enough_readings", "lasts", "falls", "low"]
    readings: int
    percent: float | None
    per_day: float | None
    empty_on: date | None


class DeviceHealthView(View):
    """One device: its online rate, its battery (null where it never told of one), its readings of
    the battery by day, and what is open."""

    model_config = like(
        {
            "rate": 0.998,
            "battery": {
                "state": "falls",
                "readings": 40,
                "percent": 61.0,
                "per_day": -0.4,
                "empty_on": "2027-03-17",
            },
            "days": {"2026-11-21": 61.4, "2026-11-22": 61.0},
            "work_orders": ["01ha"],
        }
    )

    rate: float | None
    battery: BatteryView | None
    days: Mapping[str, float]
    work_orders: tuple[str, ...]


class WorkOrderBody(Strict):
    """Why somebody must go there."""

    model_config = like({"reason": "housing loose"})

    reason: Why


def _quality(access: Access) -> Quality:
    quality = access.services.quality
    if quality is None:
        raise Problem("unavailable", headers={"retry-after": "60"})
    return quality


def _window(access: Access, query: HealthQuery) -> Window:
    until = query.until or access.services.clock.now()
    since = query.since or until - DEFAULT_SPAN
    if not timedelta() < until - since <= SPAN_MAX:
        raise Problem("bad_time", f"at most {SPAN_MAX.days} days")
    return Window(since, until)


@routes.get(
    "/asset-health",
    operation_id="asset.health",
    summary="Online rates by class of device or by owner, and what is due.",
    **shown(DevicesHealthView, *STAFF_ONE, 409),
)
async def health(access: AccessArg, query: Annotated[HealthQuery, Query()]) -> Response:
    quality, window = _quality(access), _window(access, query)
    await access.services.alarms.load()
    assets = access.services.alarms.book.assets
    county = (access.services.alarms.openings.county,)
    reached = {
        each.id for each in assets.values() if sees(access, each.about.areas or county, each.id)
    }
    today = access.services.clock.now().astimezone(quality.zone).date()
    due = await quality.due(today, timedelta(days=int(query.days)))
    return json(
        {
            "since": window.since,
            "until": window.until,
            "online": [
                {
                    "group": each.group,
                    "devices": each.devices,
                    "heard_s": each.heard_s,
                    "service_s": each.service_s,
                    "rate": each.rate,
                }
                for each in await quality.online(window, query.by == "owner", reached)
            ],
            "due": [
                {
                    "asset": each.asset,
                    "asset_name": assets[each.asset].about.name,
                    "what": each.what,
                    "on": each.on.isoformat(),
                }
                for each in due
                if each.asset in reached
            ][:DUE_MAX],
        }
    )


@routes.get(
    "/assets/{asset_id}/health",
    operation_id="asset.upkeep",
    summary="One device: online rate, battery and its forecast, open work orders.",
    **shown(DeviceHealthView, *STAFF_ONE, 409),
)
async def device(
    asset_id: AssetIdArg, access: AccessArg, query: Annotated[HealthQuery, Query()]
) -> Response:
    row, _ = await asset_of(access, asset_id)
    quality, window = _quality(access), _window(access, query)
    only = AssetId(asset_id)
    rates = await quality.online(window, False, {only})
    today = window.until.astimezone(quality.zone).date()
    forecast = (await quality.batteries(today, [only])).get(only)
    kept = await quality.store.batteries(window.since.date(), [only])
    asked = AlarmQuery(
        asset=only, kinds=_orders(access.services.pack), open_only=True, limit=DUE_MAX
    )
    with seeing_also(assets=[only]):  # work at a device in reach, wherever it stood
        orders = await access.services.store.alarms(asked)
    assert row.asset.id == only
    return json(
        {
            "rate": rates[0].rate if rates else None,
            "battery": forecast,
            "days": {day.isoformat(): v for day, v in sorted(kept.get(only, {}).items())},
            "work_orders": list(
                dict.fromkeys(each.alarm.case for each in orders if each.alarm.case is not None)
            ),
        }
    )


def _orders(pack: Pack) -> tuple[str, ...]:
    """The kinds of alarms whose case is work at the device: of the type that an order has."""
    policies = pack.alarm_policies
    if UPKEEP not in policies:
        return (UPKEEP,)
    wanted = policies[UPKEEP].case_type
    return tuple(sorted(code for code, each in policies.items() if each.case_type == wanted))


@routes.post(
    "/assets/{asset_id}/work-order",
    operation_id="asset.work_order",
    summary="Open a work order for a device: a case with the clocks of the pack.",
    **shown(AlarmView, *WRITES, ok=201, what="The alarm that carries it; `case` is the order."),
)
async def work_order(
    asset_id: AssetIdArg, body: WorkOrderBody, access: AccessArg, key: KeyArg = None
) -> Response:
    row, actor = await asset_of(access, asset_id)
    now = access.services.clock.now()
    outcome = await _quality(access).order(row.asset.id, UPKEEP, body.reason, now, actor, key)
    alarm = checked(outcome).alarm
    with seeing_also(assets=[row.asset.id]):
        found = await access.services.store.alarm(alarm)
    assert found is not None, "it was kept"
    response = await show_alarm(access, found)
    response.status_code = 201
    return response


@routes.get(
    "/assets/{asset_id}/label.svg",
    operation_id="asset.label",
    summary="A label to print and stick on: name, id, and a code that opens the device's page.",
    status_code=200,
    response_class=Response,
    responses={
        **{k: v for k, v in shown(AssetsView, *STAFF_ONE)["responses"].items() if k != 200},
        200: {
            "description": "A drawing.",
            "content": {SVG: {"schema": {"type": "string"}, "example": "<svg …></svg>"}},
        },
    },
)
async def label(asset_id: AssetIdArg, access: AccessArg) -> Response:
    row, _ = await asset_of(access, asset_id)
    base = access.web.options.public_url or str(access.services.public_url)
    text = f"{base}/console/device/{row.asset.id}"
    headers = {"content-disposition": "inline", "cache-control": "no-store"}
    drawing = label_of(row.asset.about.name, row.asset.id, text)
    return Response(drawing, 200, headers, SVG)


def label_of(name: str, asset_id: str, text: str) -> str:
    """The label as SVG, in millimetres. The code bears a quarter of damage (level Q)."""
    code = segno.make_qr(text, error="q")
    drawn = io.BytesIO()
    code.save(drawn, kind="svg", xmldecl=False, svgns=False, border=2, omitsize=True)
    width, height = LABEL_MM
    size = code.symbol_size(border=2)[0]
    inner = drawn.getvalue().decode().partition(">")[2].rpartition("</svg>")[0]
    lines = _lines_of(name, (width - TEXT_X_MM - 1) / TEXT_MM)
    words = "".join(
        f'<text x="{TEXT_X_MM}" y="{6 + 4 * n}" font-size="{TEXT_MM}">{escape(line)}</text>'
        for n, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm"'
        f' viewBox="0 0 {width} {height}" font-family="sans-serif">'
        f'<svg x="1" y="1" width="27" height="27" viewBox="0 0 {size} {size}">{inner}</svg>'
        f'{words}<text x="{TEXT_X_MM}" y="26" font-size="1.9" font-family="monospace">'
        f"{escape(asset_id)}</text></svg>"
    )


def _lines_of(name: str, room: float) -> list[str]:
    """`name` in at most LABEL_LINES lines of `room` letters' heights, broken between words where
    it can be; what has no room left is cut, with a sign for it."""
    lines = [""]
    for word in re.findall(r"\S+\s*", name):
        if lines[-1] and _wide(lines[-1] + word.rstrip()) > room:
            lines.append("")
        for letter in word:
            if _wide(lines[-1] + letter) > room and not letter.isspace():
                lines.append("")
            lines[-1] += letter
    lines = [line.rstrip() for line in lines]
    if len(lines) > LABEL_LINES:
        lines = [*lines[: LABEL_LINES - 1], lines[LABEL_LINES - 1][:-1] + "…"]
    return lines


def _wide(text: str) -> float:
    """How wide a line is at most, in letters' heights: a Chinese character is as wide as high."""
    return sum(
        1 if east_asian_width(each) in "WF" else 0.95 if each in "MWmw@%" else 0.68 for each in text
    )
