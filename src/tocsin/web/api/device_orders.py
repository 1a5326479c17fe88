"""How the routes of alarms and assets find, carry out and answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import Path
from pydantic import BaseModel
from starlette.responses import Response

from tocsin.kernel.alarms.vocabulary import Command as AlarmCommand
from tocsin.kernel.assets.vocabulary import Command as AssetCommand
from tocsin.kernel.shared import Actor, AgencyId, AlarmId, AreaId, AssetId
from tocsin.runtime.onlooking import as_node
from tocsin.runtime.ports import AlarmQuery, AlarmRow, AssetRow
from tocsin.web.alarm_views import alarm_view, asset_view
from tocsin.web.api.common import checked, expected, json
from tocsin.web.gate import Access, hidden
from tocsin.web.permissions import covers
from tocsin.web.problems import Problem
from tocsin.web.shapes import ID

AlarmIdArg = Annotated[
    str, Path(pattern=ID, max_length=120, description="The id of an alarm.", examples=["01ha"])
]
AssetIdArg = Annotated[
    str, Path(pattern=ID, max_length=120, description="The id of an asset.", examples=["01hd"])
]
MEMBERS_MAX = 2_000
"""Folded alarms that are counted under one cause."""


def parties(access: Access, asset: AssetId) -> tuple[AgencyId, ...]:
    """The agencies that own or keep an asset: their people may act on it."""
    known = access.services.alarms.book.assets.get(asset)
    if known is None:
        return ()
    named = (known.about.owner, known.about.keeper)
    return tuple(AgencyId(each) for each in dict.fromkeys(named) if each)


def sees(access: Access, areas: Sequence[AreaId], asset: AssetId) -> bool:
    """Whether a role of the operation reaches an asset or an alarm of it."""
    held = [grant for grant in access.who.grants if grant.role in access.rule.roles]
    agencies = parties(access, asset)
    return any(covers(grant, areas, agencies) for grant in held)


async def alarm_of(access: Access, alarm_id: str) -> tuple[AlarmRow, Actor]:
    """The alarm and the actor who reaches it, or the problem why not."""
    await access.services.alarms.load()
    row = await access.services.store.alarm(AlarmId(alarm_id))
    if row is None:
        raise await hidden(access.services.store.alarm(AlarmId(alarm_id)), "alarm_unknown")
    if row.alarm.about is None:
        raise Problem("alarm_unknown")
    about = row.alarm.about
    return row, access.actor(about.areas, parties(access, about.asset))


async def asset_of(access: Access, asset_id: str) -> tuple[AssetRow, Actor]:
    """The asset and the actor who reaches it, or the problem why not. One that was found and is
    not registered lies nowhere: whoever has the role over the county sees it."""
    await access.services.alarms.load()
    row = await access.services.store.asset(AssetId(asset_id))
    if row is None:
        raise await hidden(access.services.store.asset(AssetId(asset_id)), "asset_unknown")
    areas = row.asset.about.areas or (access.services.alarms.openings.county,)
    return row, access.actor(areas, parties(access, row.asset.id))


async def act_on_alarm(
    access: Access,
    alarm_id: str,
    command: AlarmCommand,
    body: BaseModel | None,
    key: str | None,
    version: str | None,
    name: str,
) -> Response:
    """Carries out one command; a repeat gives the alarm as it is by now."""
    row, actor = await alarm_of(access, alarm_id)
    checked(
        await access.services.alarms.command(
            row, command, by=actor, **_once(access, name, alarm_id, body, key, version)
        )
    )
    access.web.metrics.commits.labels(f"alarm_{name}").inc()
    after = await access.services.store.alarm(row.alarm.id)
    assert after is not None, "an alarm that was changed is there"
    return await show_alarm(access, after)


async def act_on_asset(
    access: Access,
    asset_id: str,
    actor: Actor,
    command: AssetCommand,
    body: BaseModel | None,
    key: str | None,
    version: str | None,
    name: str,
    status: int = 200,
) -> Response:
    """Carries out one command; a repeat gives the asset as it is by now."""
    named = asset_id if name != "create" else ""
    outcome = checked(
        await access.services.engine.handle_asset(
            AssetId(asset_id),
            command,
            by=actor,
            answer={"asset_id": asset_id},
            **_once(access, name, named, body, key, version),
        )
    )
    access.services.alarms.learn(outcome)
    access.web.metrics.commits.labels(f"asset_{name}").inc()
    row = await access.services.store.asset(AssetId(outcome.answer["asset_id"]))
    assert row is not None, "an asset that was changed is there"
    return show_asset(access, row, status)


def _once(
    access: Access,
    name: str,
    about: str,
    body: BaseModel | None,
    key: str | None,
    version: str | None,
) -> dict[str, Any]:
    given = (name, about, body.model_dump_json() if body is not None else "")
    return {
        "key": f"device:{access.who.id}:{key}" if key else None,
        "fingerprint": hashlib.blake2b(msgspec.json.encode(given), digest_size=16).hexdigest(),
        "expected_version": expected(version),
    }


async def show_alarm(access: Access, row: AlarmRow) -> Response:
    """The alarm as it is now, with its ETag."""
    services, about = access.services, row.alarm.about
    assert about is not None, "an alarm on the board is about something"
    asset = services.alarms.book.assets.get(about.asset)
    with as_node():  # only how many there are
        folded = await services.store.alarms(
            AlarmQuery(open_only=True, cause=about.asset, limit=MEMBERS_MAX)
        )
    members = sum(each.alarm.id != row.alarm.id for each in folded)
    site = services.alarms.book.site_name(about.asset)
    shown = alarm_view(row, services.pack, asset, access.language, site, members)
    return json(shown, headers={"etag": f'"{row.version}"'})


def asset_shown(access: Access, row: AssetRow) -> dict[str, Any]:
    """The members of `AssetView`, with what was heard of it."""
    services = access.services
    track = services.alarms.book.track(row.asset.id)
    reach = services.supervision.reach(row.asset, services.clock.now())
    return asset_view(row, services.pack, track, reach, access.language)


def show_asset(access: Access, row: AssetRow, status: int = 200) -> Response:
    """The asset as it is now, with its ETag."""
    return json(asset_shown(access, row), status, headers={"etag": f'"{row.version}"'})


def sees_asset(access: Access, row: AssetRow) -> bool:
    """Whether a role of the operation reaches the asset."""
    areas = row.asset.about.areas or (access.services.alarms.openings.county,)
    return sees(access, areas, row.asset.id)
