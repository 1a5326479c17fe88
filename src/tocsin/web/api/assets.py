"""Assets: what is looked after, whether it may speak, and all of it as CSV."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field, StringConstraints
from starlette.responses import Response

from tocsin.kernel.assets import vocabulary as words
from tocsin.kernel.assets.decide import DOCUMENTS_MAX, NAME_MAX, TEST_MAX_S, WIRES_MAX
from tocsin.kernel.assets.state import About, AssetStatus, Supervision
from tocsin.kernel.shared import AreaId, AssetId
from tocsin.runtime.ports import AssetQuery
from tocsin.web.alarm_views import AssetsView, AssetView
from tocsin.web.api.alarms import Why
from tocsin.web.api.common import (
    STAFF,
    STAFF_ONE,
    WRITES,
    AccessArg,
    KeyArg,
    VersionArg,
    checked,
    json,
    router,
    shown,
)
from tocsin.web.api.device_orders import (
    AssetIdArg,
    act_on_asset,
    asset_of,
    asset_shown,
    sees_asset,
    show_asset,
)
from tocsin.web.api.device_verbs import (
    HISTORY_MAX,
    AssetHistory,
    DeviceVerb,
    add_asset_verbs,
    history_of,
)
from tocsin.web.problems import Problem
from tocsin.web.shapes import CODE, NO_NUL, Id, InstantText, PlaceBody, Strict, Word, like, wgs84

routes: APIRouter = router("assets")

LIST_MAX: Final = 1_000
"""Assets of one answer."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_MAX, pattern=NO_NUL)]
Said = Annotated[str, StringConstraints(max_length=NAME_MAX, pattern=r"^[^\x00]*$")]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


class WireBody(Strict):
    """An address under which it speaks: the code of an intake, and the address there."""

    model_config = like({"source": "sia-dc09", "address": "1234/5"})

    source: Annotated[str, StringConstraints(pattern=CODE)]
    address: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]


Wires = Annotated[tuple[WireBody, ...], Field(strict=False, max_length=WIRES_MAX)]
Documents = Annotated[tuple[Name, ...], Field(strict=False, max_length=DOCUMENTS_MAX)]
_ABOUT: Final[dict[str, Any]] = {
    "name": "Block 3, stairwell, 2nd floor",
    "kind": "smoke-detector",
    "area": "t0",
    "place": {"lon": 24.901, "lat": 60.101, "datum": "wgs84"},
    "owner": "housing@county",
    "gateway": "01hg",
    "wires": [{"source": "mqtt", "address": "block-3/2"}],
    "supervision": "SP3",
}


class AssetBody(Strict):
    """What an asset is. `supervision` is a class of EN 50136: how soon its silence is told.
    `is_silent`: what it raises makes no sound and is not told at the place or in public."""

    model_config = like(_ABOUT)

    name: Name
    kind: Word
    area: Id
    place: PlaceBody | None = None
    owner: Said = ""
    keeper: Said = ""
    model: Said = ""
    power: Id | None = None
    gateway: Id | None = None
    wires: Wires = ()
    supervision: Supervision = "none"
    inspection_at: InstantText | None = None
    certificate_until: InstantText | None = None
    documents: Documents = ()
    is_silent: bool = False


class AssetChangeBody(Strict):
    """What of it changes; what is left out stays."""

    model_config = like({"keeper": "housing@county", "supervision": "SP2"})

    name: Name | None = None
    kind: Word | None = None
    area: Id | None = None
    place: PlaceBody | None = None
    owner: Said | None = None
    keeper: Said | None = None
    model: Said | None = None
    power: Id | None = None
    gateway: Id | None = None
    wires: Wires | None = None
    supervision: Supervision | None = None
    inspection_at: InstantText | None = None
    certificate_until: InstantText | None = None
    documents: Documents | None = None
    is_silent: bool | None = None


class AssetTestBody(Strict):
    """For how long: at most eight hours, then it ends by itself."""

    model_config = like({"for_s": 3600})

    for_s: Annotated[int, Field(ge=1, le=TEST_MAX_S), BeforeValidator(_whole)]


class AssetNoBody(Strict):
    """Nothing more to say."""

    model_config = like({})


class OutOfServiceBody(Strict):
    """Which work order brings it back, and why it is out."""

    model_config = like({"work_order": "01hx", "reason": "housing broken"})

    work_order: Id
    reason: Why


class PlannedWorkBody(Strict):
    """From when until when, and why. Alarms and the recovery are muted meanwhile."""

    model_config = like(
        {
            "starts_at": "2026-11-23T08:00:00+00:00",
            "ends_at": "2026-11-23T10:00:00+00:00",
            "reason": "new battery",
        }
    )

    starts_at: InstantText
    ends_at: InstantText
    reason: Why


class AssetCodeBody(Strict):
    """6 to 32 characters. It is kept as a slow hash."""

    model_config = like({"code": "blue 4471"})

    code: Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00]*$")]


# -- looking ---------------------------------------------------------------------------


@routes.get(
    "/assets",
    operation_id="asset.list",
    summary="Assets in one's reach, by id.",
    **shown(AssetsView, *STAFF),
)
async def assets(
    access: AccessArg,
    kind: Annotated[Word | None, Query()] = None,
    status: Annotated[AssetStatus | None, Query()] = None,
    behind: Annotated[Id | None, Query()] = None,
    after: Annotated[Id | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=LIST_MAX)] = 200,
) -> Response:
    await access.services.alarms.load()
    rows = await access.services.store.assets(
        AssetQuery(
            kinds=(kind,) if kind is not None else (),
            statuses=(status,) if status is not None else (),
            behind=AssetId(behind) if behind is not None else None,
            after=AssetId(after) if after is not None else None,
            limit=limit,
        )
    )
    listed = [asset_shown(access, row) for row in rows if sees_asset(access, row)]
    following = rows[-1].asset.id if len(rows) == limit else None
    return json({"assets": listed, "next": following})


@routes.get(
    "/assets/{asset_id}",
    operation_id="asset.show",
    summary="One asset, with when it was heard and what may be lost.",
    **shown(AssetView, *STAFF_ONE),
)
async def show(asset_id: AssetIdArg, access: AccessArg) -> Response:
    row, _ = await asset_of(access, asset_id)
    return show_asset(access, row)


# -- registering -----------------------------------------------------------------------


@routes.post(
    "/assets",
    operation_id="asset.create",
    summary="Register an asset; it is in service from then on.",
    **shown(AssetView, *WRITES, ok=201),
)
async def create(body: AssetBody, access: AccessArg, key: KeyArg = None) -> Response:
    about = _about(body, access)
    asset_id = access.services.ids.new()
    actor = access.actor(about.areas[-1:])
    command = words.AddAsset(about)
    return await act_on_asset(
        access, asset_id, actor, command, body, key, None, "create", status=201
    )


@routes.patch(
    "/assets/{asset_id}",
    operation_id="asset.change",
    summary="Describe an asset anew, or register one that was found.",
    **shown(AssetView, *WRITES, what="The asset after it."),
)
async def change(
    asset_id: AssetIdArg,
    body: AssetChangeBody,
    access: AccessArg,
    key: KeyArg = None,
    version: VersionArg = None,
) -> Response:
    row, actor = await asset_of(access, asset_id)
    about = _merged(row.asset.about, body, access)
    is_found = row.asset.status == "found"
    command = words.AddAsset(about) if is_found else words.ChangeAsset(about)
    return await act_on_asset(access, asset_id, actor, command, body, key, version, "change")


def _areas(area: str, access: AccessArg) -> tuple[AreaId, ...]:
    atlas = access.services.atlas
    if area not in atlas.areas:
        raise Problem("unknown_area")
    return (AreaId(area), *atlas.parents(AreaId(area)))


def _about(body: AssetBody, access: AccessArg) -> About:
    return About(
        body.name,
        body.kind,
        _areas(body.area, access),
        wgs84(body.place) if body.place is not None else None,
        body.owner,
        body.keeper,
        body.model,
        AssetId(body.power) if body.power is not None else None,
        AssetId(body.gateway) if body.gateway is not None else None,
        tuple((wire.source, wire.address) for wire in body.wires),
        body.supervision,
        body.inspection_at,
        body.certificate_until,
        body.documents,
        body.is_silent,
    )


def _merged(about: About, body: AssetChangeBody, access: AccessArg) -> About:
    given: dict[str, Any] = {
        name: getattr(body, name)
        for name in body.model_fields_set
        if getattr(body, name) is not None
    }
    if "area" in given:
        given["areas"] = _areas(given.pop("area"), access)
    if "place" in given:
        given["place"] = wgs84(given["place"])
    if "wires" in given:
        given["wires"] = tuple((wire.source, wire.address) for wire in given["wires"])
    return replace(about, **given)


# -- whether it may speak --------------------------------------------------------------


VERBS: Final = (
    DeviceVerb(
        "start_test",
        words.StartAssetTest,
        AssetTestBody,
        "Put it on test: its alarms are kept and open no case. Ends by itself.",
    ),
    DeviceVerb("end_test", words.EndAssetTest, AssetNoBody, "Take it off test."),
    DeviceVerb(
        "take_out",
        words.TakeAssetOutOfService,
        OutOfServiceBody,
        "Out of service, until its work order is done.",
    ),
    DeviceVerb("return", words.ReturnAssetToService, AssetNoBody, "In service again."),
    DeviceVerb(
        "plan_work",
        words.PlanAssetWork,
        PlannedWorkBody,
        "Announce work on it: its alarms and its recovery are muted meanwhile.",
    ),
    DeviceVerb("retire", words.RetireAsset, AssetNoBody, "It is gone for good; its history stays."),
)
"""Each a command on one asset; its shape is the fields of the command."""

add_asset_verbs(routes, VERBS)


@routes.post(
    "/assets/{asset_id}/code",
    operation_id="asset.code",
    summary="Set the code with which this site takes its alarms back; an empty one takes it away.",
    **shown(AssetView, *WRITES, what="The asset; the code is never shown."),
)
async def code(asset_id: AssetIdArg, body: AssetCodeBody, access: AccessArg) -> Response:
    row, actor = await asset_of(access, asset_id)
    codes, now = access.services.alarms.codes, access.services.clock.now()
    checked(await codes.set(row.asset.id, body.code, at=now, by=actor))
    return show_asset(access, row)


@routes.get(
    "/assets/{asset_id}/history",
    operation_id="asset.history",
    summary="What happened to an asset and to its alarms, the newest first.",
    **shown(AssetHistory, *STAFF_ONE),
)
async def history(
    asset_id: AssetIdArg,
    access: AccessArg,
    limit: Annotated[int, Query(ge=1, le=HISTORY_MAX)] = 100,
) -> Response:
    row, _ = await asset_of(access, asset_id)
    return json({"entries": await history_of(access, row.asset.id, limit)})
