"""Commands on alarms and assets as routes, made from tables; and what their journals tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, cast

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from tocsin.kernel.alarms import vocabulary as alarm_words
from tocsin.kernel.assets import vocabulary as asset_words
from tocsin.kernel.shared import ActorId, AssetId
from tocsin.packs.words import word
from tocsin.runtime.codec import name_of
from tocsin.runtime.onlooking import seeing_also
from tocsin.runtime.ports import AlarmEntry, AlarmQuery, AssetEntry
from tocsin.web.alarm_views import AlarmView, AssetView
from tocsin.web.api.common import (
    WRITES,
    AccessArg,
    Endpoint,
    KeyArg,
    VersionArg,
    described,
    shown,
    staff_names,
)
from tocsin.web.api.device_orders import (
    AlarmIdArg,
    AssetIdArg,
    act_on_alarm,
    act_on_asset,
    asset_of,
)
from tocsin.web.gate import Access
from tocsin.web.shapes import like
from tocsin.web.views import View

HISTORY_MAX: Final = 500
"""Entries of one answer."""
ALARMS_TOLD: Final = 50
"""The newest alarms of an asset whose entries are told with it."""


@dataclass(frozen=True, slots=True)
class DeviceVerb:
    """One command as a route: its shape is the fields of the command."""

    name: str
    command: type[alarm_words.Command] | type[asset_words.Command]
    body: type[BaseModel]
    summary: str

    def made(self, body: BaseModel) -> Any:
        fields = {name: getattr(body, name) for name in self.body.model_fields}
        return cast(Callable[..., Any], self.command)(**fields)

    @property
    def path(self) -> str:
        return self.name.replace("_", "-")


def add_alarm_verbs(routes: APIRouter, verbs: Sequence[DeviceVerb]) -> None:
    """A route for each."""
    for verb in verbs:
        routes.add_api_route(
            f"/alarms/{{alarm_id}}/{verb.path}",
            _on_alarm(verb),
            methods=["POST"],
            operation_id=f"alarm.{verb.name}",
            summary=verb.summary,
            **shown(AlarmView, *WRITES, what="The alarm after it."),
        )


def add_asset_verbs(routes: APIRouter, verbs: Sequence[DeviceVerb]) -> None:
    """A route for each."""
    for verb in verbs:
        routes.add_api_route(
            f"/assets/{{asset_id}}/{verb.path}",
            _on_asset(verb),
            methods=["POST"],
            operation_id=f"asset.{verb.name}",
            summary=verb.summary,
            **shown(AssetView, *WRITES, what="The asset after it."),
        )


def _on_alarm(verb: DeviceVerb) -> Endpoint:
    async def endpoint(
        alarm_id: AlarmIdArg,
        body: Any,
        access: AccessArg,
        key: KeyArg = None,
        version: VersionArg = None,
    ) -> Response:
        return await act_on_alarm(access, alarm_id, verb.made(body), body, key, version, verb.name)

    return described(endpoint, verb.name, verb.body, "alarm_id", AlarmIdArg)


def _on_asset(verb: DeviceVerb) -> Endpoint:
    async def endpoint(
        asset_id: AssetIdArg,
        body: Any,
        access: AccessArg,
        key: KeyArg = None,
        version: VersionArg = None,
    ) -> Response:
        _, actor = await asset_of(access, asset_id)
        return await act_on_asset(
            access, asset_id, actor, verb.made(body), body, key, version, verb.name
        )

    return described(endpoint, verb.name, verb.body, "asset_id", AssetIdArg)


# -- what happened ---------------------------------------------------------------------

ENTRY_EXAMPLE: Final[dict[str, Any]] = {
    "at": "2026-11-22T01:30:00+00:00",
    "by": "keeper",
    "event": "asset_test_started",
    "words": "On test",
    "alarm": None,
    "reason": "",
    "until": None,
}


class AssetHappened(View):
    """One thing that happened to an asset, or to an alarm of it."""

    model_config = like(ENTRY_EXAMPLE)

    at: datetime
    by: str
    event: str
    words: str
    alarm: str | None
    reason: str
    until: datetime | None


class AssetHistory(View):
    """What happened, the newest first."""

    model_config = like({"entries": [ENTRY_EXAMPLE]})

    entries: tuple[AssetHappened, ...]


async def history_of(access: Access, asset_id: AssetId, limit: int) -> list[dict[str, Any]]:
    """The journal of an asset with those of its newest alarms, the newest first."""
    store = access.services.store
    entries: list[AssetEntry | AlarmEntry] = list(await store.asset_journal(asset_id))
    with seeing_also(assets=[asset_id]):  # whoever reaches it reads what it said, wherever it stood
        for row in await store.alarms(AlarmQuery(asset=asset_id, limit=ALARMS_TOLD)):
            entries += await store.alarm_journal(row.alarm.id)
    entries.sort(key=lambda each: each.seq, reverse=True)
    names = await staff_names(access, (each.by.id for each in entries if each.by.kind == "staff"))
    told = (
        _happened(entry, event, names, access.language)
        for entry in entries
        for event in reversed(entry.events)
    )
    return list(islice(told, limit))


def _happened(
    entry: AssetEntry | AlarmEntry, event: Any, names: Mapping[ActorId, str], language: str
) -> dict[str, Any]:
    name = name_of(event)
    drill = getattr(event, "drill", None)
    until = getattr(event, "until", None) or getattr(drill, "until", None)
    reason = getattr(event, "reason", "") or getattr(drill, "reason", "")
    return {
        "at": event.at,
        "by": names.get(entry.by.id, entry.by.id),
        "event": name,
        "words": word("event", name, language),
        "alarm": entry.alarm_id if isinstance(entry, AlarmEntry) else None,
        "reason": str(reason or ""),
        "until": until,
    }
