"""Assets as a file: all of them out, many of them in."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from tocsin.kernel.assets import vocabulary as words
from tocsin.kernel.changing import changed
from tocsin.kernel.shared import AssetId, Refused
from tocsin.runtime.ports import AssetQuery, AssetRow
from tocsin.web import asset_csv
from tocsin.web.alarm_views import AssetsView
from tocsin.web.api.common import STAFF, WRITES, AccessArg, json, router, shown
from tocsin.web.api.device_orders import sees_asset
from tocsin.web.problems import Problem
from tocsin.web.shapes import like
from tocsin.web.views import View

routes: APIRouter = router("assets")

EXPORT_PAGE: Final = 5_000
"""Assets read at a time while they are written out."""
IMPORT_PAGE: Final = 1_000
"""Lines that are carried out at once: some group commits."""
ERRORS_MAX: Final = 100
"""Wrong lines that an import names; all are counted."""
CSV: Final = "text/csv"
_EXAMPLE: Final = "id,name,kind,area,lon,lat\r\nhall-1,Hall,smoke-detector,t0,24.901,60.101\r\n"
_AS_CSV: Final[dict[str, Any]] = {CSV: {"schema": {"type": "string"}, "example": _EXAMPLE}}


class CsvResponse(Response):
    """CSV with a heading."""

    media_type = CSV


class ImportErrorView(View):
    """A line that was not taken, and why."""

    line: int
    problem: str


class ImportedView(View):
    """What an import did. A line that is wrong is left out and named; the others are taken."""

    model_config = like(
        {"added": 2, "changed": 1, "same": 0, "wrong": 1,
         "errors": [{"line": 4, "problem": "area: unknown"}]}
    )  # fmt: skip

    added: int
    changed: int
    same: int
    wrong: int
    errors: tuple[ImportErrorView, ...]


@routes.get(
    "/assets.csv",
    operation_id="asset.export",
    summary="All assets in one's reach as CSV.",
    response_class=CsvResponse,
    openapi_extra={"responses": {"200": {"content": {CSV: {"example": _EXAMPLE}}}}},
    status_code=200,
    response_model=None,
    responses={
        **{k: v for k, v in shown(AssetsView, *STAFF)["responses"].items() if k != 200},
        200: {
            "description": "CSV with a heading.",
            "content": {CSV: {"schema": {"type": "string"}}},
        },
    },
)
async def export(access: AccessArg) -> Response:
    await access.services.alarms.load()
    found: list[AssetRow] = []
    after: AssetId | None = None
    while rows := await access.services.store.assets(AssetQuery(after=after, limit=EXPORT_PAGE)):
        found += [row for row in rows if sees_asset(access, row)]
        after = rows[-1].asset.id
    text = asset_csv.written(found)
    headers = {"content-disposition": 'attachment; filename="assets.csv"'}
    return Response(text.encode(), 200, headers, f"{CSV}; charset=utf-8")


@routes.post(
    "/assets.csv",
    operation_id="asset.import",
    summary="Register or change many assets from CSV, as the export writes it.",
    openapi_extra={"requestBody": {"required": True, "content": _AS_CSV}},
    **shown(ImportedView, *WRITES),
)
async def import_(request: Request, access: AccessArg) -> Response:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != CSV:
        raise Problem("wrong_media_type", CSV)
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError:
        raise Problem("bad_request", "the text is not UTF-8") from None
    atlas, desk = access.services.atlas, access.services.alarms
    await desk.load()
    try:
        lines = asset_csv.read(text, atlas.areas, atlas.parents)
    except ValueError as error:
        raise Problem("bad_request", f"{error}: see the export for the heading") from None
    done = {"added": 0, "changed": 0, "same": 0, "wrong": 0}
    errors: list[dict[str, Any]] = []
    for start in range(0, len(lines), IMPORT_PAGE):
        part = lines[start : start + IMPORT_PAGE]
        outcomes = await asyncio.gather(*(_take(access, line) for line in part))
        for line, outcome in zip(part, outcomes, strict=True):
            done[outcome if outcome in done else "wrong"] += 1
            if outcome not in done and len(errors) < ERRORS_MAX:
                errors.append({"line": line.number, "problem": outcome})
    return json({**done, "errors": errors})


async def _take(access: AccessArg, line: asset_csv.Line) -> str:
    """What became of one line: added, changed, same; else what is wrong with it."""
    if line.asset is None or line.about is None:
        return line.problem
    services = access.services
    known = services.alarms.book.assets.get(line.asset)
    is_new = known is None or known.status in ("absent", "found")
    about = line.about
    if known is not None and not line.says_silence:
        about = changed(about, is_silent=known.about.is_silent)
    command = words.AddAsset(about) if is_new else words.ChangeAsset(about)
    actor = access.actor(line.about.areas[-1:])
    outcome = await services.engine.handle_asset(line.asset, command, by=actor, is_urgent=False)
    if isinstance(outcome, Refused):
        return outcome.reason
    is_same = known is not None and outcome.asset is not None and outcome.asset.asset == known
    services.alarms.learn(outcome)
    return "same" if is_same else "added" if is_new else "changed"
