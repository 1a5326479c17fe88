"""Drills of a site or an area, and the weekly test of what is pressed, with its report."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from tocsin.kernel.assets.decide import DRILL_MAX_S
from tocsin.kernel.assets.state import Asset, Drill
from tocsin.kernel.assets.testing import BAD, TestAnswer, answer_of
from tocsin.kernel.assets.vocabulary import EndAssetDrill, StartAssetDrill
from tocsin.kernel.shared import Actor, AreaId, AssetId, Refused
from tocsin.packs.words import word
from tocsin.web.api.alarms import Why
from tocsin.web.api.asset_files import CSV, CsvResponse
from tocsin.web.api.common import (
    STAFF,
    WRITES,
    AccessArg,
    json,
    problem_of,
    problems,
    router,
    shown,
)
from tocsin.web.api.device_orders import parties, sees
from tocsin.web.asset_csv import safe
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.shapes import ID, Id, Strict, like, like_one_of
from tocsin.web.views import View

routes: APIRouter = router("drills")

DrillIdArg = Annotated[str, Path(pattern=ID, max_length=120, examples=["01hr"])]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


class DrillBody(Strict):
    """Where, for how long (it ends by itself) and why: a site (what devices hang on, or one of
    them) or an area. What is pressed there meanwhile is kept apart from what is real."""

    model_config = like_one_of(
        {"site": "01hs", "for_s": 1800, "reason": "yearly exercise"},
        {"site": {"type": "string"}, "area": {"type": "null"}},
        {"area": {"type": "string"}, "site": {"type": "null"}},
    )

    site: Id | None = None
    area: Id | None = None
    for_s: Annotated[int, Field(ge=1, le=DRILL_MAX_S), BeforeValidator(_whole)]
    reason: Why


class EndDrillBody(Strict):
    """Nothing more to say."""

    model_config = like({})


DRILL_EXAMPLE: Final[dict[str, Any]] = {
    "id": "01hr",
    "scope": "01hs",
    "scope_name": "School No. 1",
    "is_area": False,
    "reason": "yearly exercise",
    "until": "2026-11-22T02:00:00+00:00",
    "by": "keeper",
    "assets": 12,
}


class DrillView(View):
    """One drill that is on now; `assets` counts what it covers in one's reach."""

    model_config = like(DRILL_EXAMPLE)

    id: str
    scope: str
    scope_name: str
    is_area: bool
    reason: str
    until: datetime
    by: str
    assets: int


class DrillsView(View):
    """The drills that are on now, the first to end first."""

    model_config = like({"drills": [DRILL_EXAMPLE]})

    drills: tuple[DrillView, ...]


@routes.get(
    "/drills",
    operation_id="drill.list",
    summary="The drills in one's reach that are on now.",
    **shown(DrillsView, *STAFF),
)
async def drills(access: AccessArg) -> Response:
    await access.services.alarms.load()
    return json({"drills": _running(access)})


def _running(access: Access) -> list[dict[str, Any]]:
    now = access.services.clock.now()
    found: dict[str, Drill] = {}
    count: Counter[str] = Counter()
    book = access.services.alarms.book
    for asset_id in book.drilled:
        asset = book.assets[asset_id]
        drill = asset.drill_at(now)
        if drill is not None and sees(access, asset.about.areas, asset.id):
            found[drill.id] = drill
            count[drill.id] += 1
    ordered = sorted(found.values(), key=lambda each: (each.until, each.id))
    return [_drill(access, each, count[each.id]) for each in ordered]


def _drill(access: Access, drill: Drill, count: int) -> dict[str, Any]:
    atlas = access.services.atlas
    is_area = drill.scope in atlas.areas
    site = access.services.alarms.book.assets.get(AssetId(drill.scope))
    name = site.about.name if site is not None else drill.scope
    if is_area and site is None:
        names = dict(atlas.names(AreaId(drill.scope)))
        name = names.get(access.language) or next(iter(names.values()), drill.scope)
    return {
        "id": drill.id,
        "scope": drill.scope,
        "scope_name": name,
        "is_area": is_area and site is None,
        "reason": drill.reason,
        "until": drill.until,
        "by": drill.by,
        "assets": count,
    }


@routes.post(
    "/drills",
    operation_id="drill.start",
    summary="Begin a drill of a site or an area. It ends by itself.",
    **shown(DrillsView, *WRITES, ok=201),
)
async def start(body: DrillBody, access: AccessArg) -> Response:
    await access.services.alarms.load()
    if (body.site is None) == (body.area is None):
        raise Problem("invalid", errors=[{"where": "site", "what": "site or area"}])
    scope, members = _covered(access, body)
    if not members:
        raise Problem("drill_empty")
    drill = access.services.ids.new()
    command = StartAssetDrill(drill, scope, body.for_s, body.reason)
    outcomes = await _each(access, members, command)
    if not any(outcome is None for outcome in outcomes):
        raise problem_of(next(each for each in outcomes if each is not None))
    return json({"drills": _running(access)}, 201)


@routes.post(
    "/drills/{drill_id}/end",
    operation_id="drill.end",
    summary="End a drill before its time.",
    **shown(DrillsView, *WRITES),
)
async def end(drill_id: DrillIdArg, body: EndDrillBody, access: AccessArg) -> Response:
    await access.services.alarms.load()
    book = access.services.alarms.book
    covered = [
        (each, access.actor(each.about.areas, parties(access, each.id)))
        for each in (book.assets[asset_id] for asset_id in sorted(book.drilled))
        if each.drill is not None
        and each.drill.id == drill_id
        and sees(access, each.about.areas, each.id)
    ]
    if not covered:
        raise Problem("drill_unknown")
    for refused in await _each(access, covered, EndAssetDrill(drill_id)):
        if refused is not None:
            raise problem_of(refused)
    return json({"drills": _running(access)})


def _covered(access: Access, body: DrillBody) -> tuple[str, list[tuple[Asset, Actor]]]:
    """What a drill covers: registered devices of the site or the area that are in service."""
    book = access.services.alarms.book
    if body.site is not None:
        if body.site not in book.assets:
            raise Problem("asset_unknown")
        found: Iterable[AssetId] = book.members_of(AssetId(body.site))
        scope = body.site
    else:
        assert body.area is not None, "one of the two is given"
        if body.area not in access.services.atlas.areas:
            raise Problem("unknown_area")
        # An area is drilled by those who reach all of it.
        above = access.services.atlas.parents(AreaId(body.area))
        access.actor((AreaId(body.area), *above), ())
        scope = body.area
        found = sorted(each for each, a in book.assets.items() if body.area in a.about.areas)
    live = ("in_service", "on_test", "out_of_service")
    return scope, [
        (book.assets[each], access.actor(book.assets[each].about.areas, parties(access, each)))
        for each in found
        if book.assets[each].status in live
    ]


async def _each(
    access: Access,
    assets: list[tuple[Asset, Actor]],
    command: StartAssetDrill | EndAssetDrill,
) -> list[Refused | None]:
    """One command for each asset; those that come at once share commits."""
    desk = access.services.alarms

    async def one(asset: Asset, by: Actor) -> Refused | None:
        outcome = await desk.engine.handle_asset(asset.id, command, by=by)
        if isinstance(outcome, Refused):
            return outcome
        desk.learn(outcome)
        return None

    return list(await asyncio.gather(*(one(asset, by) for asset, by in assets)))


# -- the weekly test -------------------------------------------------------------------

TEST_EXAMPLE: Final[dict[str, Any]] = {
    "site": "01hs",
    "site_name": "School No. 1",
    "buttons": 2,
    "answered": 1,
    "bad": 1,
    "devices": [
        {
            "asset": "01hd",
            "name": "Office",
            "answer": "no_answer",
            "days": 7,
            "last_tested_at": None,
            "asked_at": "2026-11-22T01:00:00+00:00",
            "test_until": None,
        }
    ],
}


class TestedDevice(View):
    """One device and how it answered its last test; `days`: how often it is to be tested."""

    asset: str
    name: str
    answer: TestAnswer
    days: int
    last_tested_at: datetime | None
    asked_at: datetime | None
    test_until: datetime | None


class TestedSite(View):
    """What is to be pressed at one site; `bad` were not tested or did not answer."""

    model_config = like(TEST_EXAMPLE)

    site: str
    site_name: str
    buttons: int
    answered: int
    bad: int
    devices: tuple[TestedDevice, ...]


class ButtonReport(View):
    """Sites with what somebody has to see to first."""

    model_config = like({"sites": [TEST_EXAMPLE], "at": "2026-11-22T01:30:00+00:00"})

    sites: tuple[TestedSite, ...]
    at: datetime


CSV_EXAMPLE: Final = "site,device,asset,answer\r\nSchool No. 1,Office,01hd,no_answer\r\n"
AreaArg = Annotated[Id | None, Query(description="Only what lies in this area.")]


@routes.get(
    "/button-tests",
    operation_id="button_test.report",
    summary="Which sites pressed their buttons on test, which did not, and which got no answer.",
    **shown(ButtonReport, *STAFF),
)
async def report(access: AccessArg, area: AreaArg = None) -> Response:
    return json({"sites": await _sites(access, area), "at": access.services.clock.now()})


@routes.get(
    "/button-tests.csv",
    operation_id="button_test.export",
    summary="The same as CSV, one line for each device.",
    response_class=CsvResponse,
    openapi_extra={"responses": {"200": {"content": {CSV: {"example": CSV_EXAMPLE}}}}},
    status_code=200,
    response_model=None,
    responses=problems(*STAFF),
)
async def export(access: AccessArg, area: AreaArg = None) -> Response:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("site", "device", "asset", "answer", "in_words", "tested", "asked", "days"))
    for site in await _sites(access, area):
        for each in site["devices"]:
            asked, told = each["asked_at"], each["last_tested_at"]
            cells = (
                site["site_name"],
                each["name"],
                each["asset"],
                each["answer"],
                word("test_answer", each["answer"], access.language),
                told.isoformat() if told else "",
                asked.isoformat() if asked else "",
                each["days"],
            )
            writer.writerow([safe(str(cell)) for cell in cells])
    return CsvResponse(out.getvalue())


async def _sites(access: Access, area: str | None) -> list[dict[str, Any]]:
    services = access.services
    await services.alarms.load()
    book, now = services.alarms.book, services.clock.now()
    found: dict[AssetId, list[dict[str, Any]]] = {}
    for asset_id in sorted(book.assets):
        asset = book.assets[asset_id]
        kind = services.pack.asset_kinds.get(asset.about.kind)
        is_there = asset.status not in ("found", "retired", "absent")
        if kind is None or not kind.test_days or not is_there:
            continue
        if area is not None and area not in asset.about.areas:
            continue
        if sees(access, asset.about.areas, asset_id):
            site = book.sites_of(asset_id)[-1]
            found.setdefault(site, []).append(_device(asset, kind.test_days, now))
    sites = [_site(access, each, devices) for each, devices in found.items()]
    return sorted(sites, key=lambda each: (-each["bad"], each["site_name"], each["site"]))


def _device(asset: Asset, days: int, now: datetime) -> dict[str, Any]:
    return {
        "asset": asset.id,
        "name": asset.about.name,
        "answer": answer_of(asset, days, now),
        "days": days,
        "last_tested_at": asset.last_tested_at,
        "asked_at": asset.test_asked_at,
        "test_until": asset.test_until,
    }


def _site(access: Access, site: AssetId, devices: list[dict[str, Any]]) -> dict[str, Any]:
    known = access.services.alarms.book.assets.get(site)
    answers = Counter(each["answer"] for each in devices)
    return {
        "site": site,
        "site_name": known.about.name if known is not None else site,
        "buttons": len(devices),
        "answered": answers["answered"],
        "bad": sum(answers[each] for each in BAD),
        "devices": devices,
    }


__all__ = ["routes"]
