"""Alarms: which there are, and what people do with them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field, StringConstraints
from starlette.responses import Response

from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.state import Condition, Evidence, Standing
from tocsin.kernel.shared import AlarmId, AssetId, CaseId
from tocsin.packs.alarms import SHELF_MAX_S
from tocsin.runtime.ports import AlarmQuery, AlarmRow
from tocsin.web.alarm_views import AlarmsView, AlarmView, alarm_view
from tocsin.web.api.common import (
    STAFF,
    STAFF_ONE,
    WRITES,
    AccessArg,
    VersionArg,
    checked,
    expected,
    json,
    router,
    shown,
)
from tocsin.web.api.device_orders import AlarmIdArg, alarm_of, sees, show_alarm
from tocsin.web.api.device_verbs import DeviceVerb, add_alarm_verbs
from tocsin.web.problems import Problem
from tocsin.web.shapes import NO_NUL, Id, Strict, Word, like

routes: APIRouter = router("alarms")

FLOOD_COUNT: Final = 10
"""Alarms in ten minutes beyond which an operator no longer keeps up: EEMUA 191 and ISA-18.2 call
it a flood."""
FLOOD_S: Final = 600
"""The ten minutes of the same guides."""
LIST_MAX: Final = 500
"""Alarms of one answer: what a screen can hold while its groups are folded."""
PAGE_MAX: Final = 2_000
"""Alarms that are read for one answer before those out of reach are left out."""


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Why = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
ShelfSeconds = Annotated[int, Field(ge=1, le=SHELF_MAX_S), BeforeValidator(_whole)]
VerifiedLevel = Annotated[int, Field(ge=0, le=4), BeforeValidator(_whole)]


class AlarmBody(Strict):
    """Nothing more to say."""

    model_config = like({})


class ShelveBody(Strict):
    """For how long, and why. How long each role may is in the pack."""

    model_config = like({"for_s": 3600, "reason": "roof work until noon"})

    for_s: ShelfSeconds
    reason: Why


class AlarmResetBody(Strict):
    """Why it is let go, where that is not plain."""

    model_config = like({"reason": "button pulled out"})

    reason: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] = ""


class AlarmVerifyBody(Strict):
    """How far it is confirmed, and by what; level 0 speaks against it."""

    model_config = like({"level": 3, "evidence": "call_back"})

    level: VerifiedLevel
    evidence: Evidence


class AlarmRealBody(Strict):
    """Why it is no drill."""

    model_config = like({"reason": "the school called: an intruder"})

    reason: Why


class AlarmCancelBody(Strict):
    """The code of the site, as somebody there said it. It is compared and never kept."""

    model_config = like({"code": "a code of the site"})

    code: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL)]


@routes.get(
    "/alarms",
    operation_id="alarm.list",
    summary="Alarms in one's reach, the newest first; with the flag of a flood.",
    **shown(AlarmsView, *STAFF),
)
async def alarms(
    access: AccessArg,
    which: Annotated[Literal["open", "announced", "all"], Query()] = "open",
    condition: Annotated[Condition | None, Query()] = None,
    standing: Annotated[Standing | None, Query()] = None,
    kind: Annotated[Word | None, Query()] = None,
    asset: Annotated[Id | None, Query()] = None,
    case: Annotated[Id | None, Query()] = None,
    cause: Annotated[Id | None, Query()] = None,
    after: Annotated[Id | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=LIST_MAX)] = 200,
) -> Response:
    services = access.services
    await services.alarms.load()
    rows = await services.store.alarms(
        AlarmQuery(
            open_only=which == "open",
            announced_only=which == "announced",
            conditions=(condition,) if condition is not None else (),
            standings=(standing,) if standing is not None else (),
            kinds=(kind,) if kind is not None else (),
            asset=AssetId(asset) if asset is not None else None,
            case=CaseId(case) if case is not None else None,
            cause=AssetId(cause) if cause is not None else None,
            after=AlarmId(after) if after is not None else None,
            limit=PAGE_MAX,
        )
    )
    reached = [row for row in rows if _sees(access, row)]
    listed = reached[:limit]
    folded = Counter(row.alarm.cause for row in reached if row.alarm.cause is not None)
    recent = await _recent(access)
    more = len(reached) > limit or len(rows) == PAGE_MAX
    last = listed[-1] if listed else (rows[-1] if rows else None)
    return json(
        {
            "alarms": [_shown(access, row, folded) for row in listed],
            "kind_names": {
                code: access.services.pack.in_language(kind.name, access.language)
                for code, kind in access.services.pack.alarm_kinds.items()
            },
            "is_flood": recent > FLOOD_COUNT,
            "recent": recent,
            "next": last.alarm.id if more and last is not None else None,
        }
    )


def _sees(access: AccessArg, row: AlarmRow) -> bool:
    about = row.alarm.about
    return about is not None and sees(access, about.areas, about.asset)


def _shown(access: AccessArg, row: AlarmRow, folded: Counter[AssetId]) -> dict[str, Any]:
    about = row.alarm.about
    assert about is not None, "an alarm on the board is about something"
    services = access.services
    asset = services.alarms.book.assets.get(about.asset)
    is_root = row.alarm.cause is None and about.kind in ("supervision", "power")
    members = folded[about.asset] if is_root else 0
    site = services.alarms.book.site_name(about.asset)
    return alarm_view(row, services.pack, asset, access.language, site, members)


async def _recent(access: AccessArg) -> int:
    """Alarms of the last ten minutes in one's reach that were announced."""
    since = access.services.clock.now() - timedelta(seconds=FLOOD_S)
    rows = await access.services.store.alarms(
        AlarmQuery(since=since, standings=("normal",), limit=PAGE_MAX)
    )
    return sum(row.alarm.raised_at is not None and _sees(access, row) for row in rows)


@routes.get(
    "/alarms/{alarm_id}",
    operation_id="alarm.show",
    summary="One alarm.",
    **shown(AlarmView, *STAFF_ONE),
)
async def show(alarm_id: AlarmIdArg, access: AccessArg) -> Response:
    row, _ = await alarm_of(access, alarm_id)
    return await show_alarm(access, row)


# -- pressing --------------------------------------------------------------------------

VERBS: Final = (
    DeviceVerb("acknowledge", words.AcknowledgeAlarm, AlarmBody, "A person has seen it."),
    DeviceVerb(
        "shelve",
        words.ShelveAlarm,
        ShelveBody,
        "Put alarms of this kind of this asset aside for a while.",
    ),
    DeviceVerb("unshelve", words.UnshelveAlarm, AlarmBody, "Take it from the shelf."),
    DeviceVerb(
        "reset",
        words.ResetAlarm,
        AlarmResetBody,
        "Let go of a latched alarm, or end one whose device never says that it is over.",
    ),
    DeviceVerb(
        "verify",
        words.VerifyAlarm,
        AlarmVerifyBody,
        "Say how far it is confirmed and by what; the pack says from where it is a case.",
    ),
    DeviceVerb(
        "declare_real",
        words.DeclareAlarmReal,
        AlarmRealBody,
        "It came in a drill and is none: it leaves the drill and opens a case of its own.",
    ),
)
"""Each a command on one alarm; its shape is the fields of the command."""

add_alarm_verbs(routes, VERBS)


@routes.post(
    "/alarms/{alarm_id}/cancel",
    operation_id="alarm.cancel",
    summary="Take it back with the code of its site. A wrong code is noted and cancels nothing.",
    **shown(AlarmView, *WRITES, what="The alarm after it."),
)
async def cancel(
    alarm_id: AlarmIdArg, body: AlarmCancelBody, access: AccessArg, version: VersionArg = None
) -> Response:
    row, actor = await alarm_of(access, alarm_id)
    outcome = await access.services.alarms.take_back(
        row, body.code, by=actor, expected_version=expected(version)
    )
    checked(outcome)
    access.web.metrics.commits.labels("alarm_cancel").inc()
    after = await access.services.store.alarm(row.alarm.id)
    assert after is not None, "an alarm that was changed is there"
    if after.alarm.cancelled_at is None:
        raise Problem("code_wrong")
    return await show_alarm(access, after)
