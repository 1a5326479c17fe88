"""Advice on moving units, and the one move in a single step: a unit turned to another case."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from tocsin.dispatching.redispatch import Redispatch
from tocsin.dispatching.wording import named, reason_words
from tocsin.kernel.shared import CaseId, Place, UnitId
from tocsin.kernel.units import vocabulary as words
from tocsin.runtime.recommending.covering import Moves, arrival_s, moves_of, post_name
from tocsin.web.api.advice import sees
from tocsin.web.api.common import STAFF, WRITES, AccessArg, KeyArg, VersionArg, json, router, shown
from tocsin.web.api.unit_orders import UnitIdArg, answer, handle
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.shapes import Id, Strict, Word, like
from tocsin.web.telling import SHORT_ID
from tocsin.web.unit_views import UnitView
from tocsin.web.views import View

routes: APIRouter = router("advice")


class PointView(View):
    """Degrees WGS84."""

    lon: float
    lat: float


class MoveView(View):
    """An idle unit to a post: `gain` is the share of the demand that is covered more then."""

    unit: str
    name: str
    to: str
    place: PointView
    time_s: float
    gain: float
    text: str


class TurnView(View):
    """A unit on its way to a low case, turned to an urgent one: `gain_s` is how much sooner
    somebody is there, null where nobody would come else."""

    unit: str
    name: str
    from_case: str
    to_case: str
    time_s: float
    gain_s: float | None
    text: str


class MovesView(View):
    """What would help now; nothing moves before a person says so."""

    model_config = like(
        {
            "at": "2026-11-22T01:32:00+00:00",
            "moves": [
                {
                    "unit": "01hu",
                    "name": "E36",
                    "to": "E7",
                    "place": {"lon": 24.94, "lat": 60.17},
                    "time_s": 190.0,
                    "gain": 0.04,
                    "text": "moved to E7, 4.0 % more of the demand is covered",
                }
            ],
            "redispatches": [
                {
                    "unit": "01hv",
                    "name": "E7",
                    "from_case": "01hx",
                    "to_case": "01hy",
                    "time_s": 120.0,
                    "gain_s": 200.0,
                    "text": "leaves case 01HX for this one; 3:20 sooner",
                }
            ],
        }
    )

    at: datetime
    moves: tuple[MoveView, ...]
    redispatches: tuple[TurnView, ...]


class RedispatchBody(Strict):
    """From which case to which, and why."""

    model_config = like({"from_case": "01hx", "to_case": "01hy", "reason": "more_urgent"})

    from_case: Id
    to_case: Id
    reason: Word
    is_drill_confirmed: bool = False


class PostBody(Strict):
    """Degrees WGS84."""

    lon: Annotated[float, Field(ge=-180, le=180)]
    lat: Annotated[float, Field(ge=-90, le=90)]


class MoveBody(Strict):
    """To which post, as `GET /api/dispatch/moves` gave its place, and why."""

    model_config = like({"place": {"lon": 24.94, "lat": 60.17}, "reason": "cover"})

    place: PostBody
    reason: Word


@routes.get(
    "/dispatch/moves",
    operation_id="dispatch.moves",
    summary="Moves of idle units and turns of units on their way that would help now.",
    **shown(MovesView, *STAFF),
)
async def moves(access: AccessArg) -> Response:
    found = await moves_of(access.services.advice, sees(access))
    names: dict[str, str] = {**found.names}
    names |= {post: name for post, (name, _) in found.posts.items()}
    return json(
        {
            "at": found.at,
            "moves": [
                {
                    "unit": each.unit,
                    "name": names[each.unit],
                    "to": names[each.post],
                    "place": found.posts[each.post][1],
                    "time_s": each.time_s,
                    "gain": each.gain,
                    "text": reason_words(named(each.reasons[0], names), access.language),
                }
                for each in found.moves
            ],
            "redispatches": _turns(found, names, access.language),
        }
    )


def _turns(found: Moves, names: dict[str, str], language: str) -> list[dict[str, Any]]:
    cases = {each.from_case for each in found.turns} | {each.to_case for each in found.turns}
    called = {**names, **{each: each[-SHORT_ID:].upper() for each in cases}}

    def text(turn: Redispatch) -> str:
        parts = [reason_words(named(each, called), language) for each in turn.reasons]
        return ("；" if language.startswith("zh") else "; ").join(parts)

    return [
        {
            "unit": each.unit,
            "name": names[each.unit],
            "from_case": each.from_case,
            "to_case": each.to_case,
            "time_s": each.time_s,
            "gain_s": gain_s,
            "text": text(each),
        }
        for each, gain_s in zip(found.turns, found.gains_s, strict=True)
    ]


@routes.post(
    "/units/{unit_id}/move",
    operation_id="unit.move",
    summary="Have a free unit wait at another post; refused once it was sent to a case.",
    **shown(UnitView, *WRITES, what="The unit after it."),
)
async def move(
    unit_id: UnitIdArg,
    body: MoveBody,
    access: AccessArg,
    key: KeyArg = None,
    version: VersionArg = None,
) -> Response:
    await access.unit(unit_id)  # whoever does not reach the unit learns nothing of posts
    place = Place(body.place.lon, body.place.lat)
    name = await post_name(access.services.advice, sees(access), place)
    if name is None:
        raise Problem("unknown_post")
    command = words.MoveUnit(place, name, body.reason)
    after = await handle(access, UnitId(unit_id), command, body, key, version, "move")
    return await answer(access, after)


@routes.post(
    "/units/{unit_id}/redispatch",
    operation_id="unit.redispatch",
    summary="Turn a unit on its way to a more urgent case, in one step.",
    **shown(UnitView, *WRITES, what="The unit after it."),
)
async def redispatch(
    unit_id: UnitIdArg,
    body: RedispatchBody,
    access: AccessArg,
    key: KeyArg = None,
    version: VersionArg = None,
) -> Response:
    row, _ = await access.unit(unit_id)
    from_case, _ = await access.case(body.from_case)
    to_case, _ = await access.case(body.to_case)
    command = words.RedispatchUnit(
        CaseId(from_case.case.id),
        CaseId(to_case.case.id),
        body.reason,
        await _arrival(access, row.unit.id),
        body.is_drill_confirmed,
    )
    after = await handle(access, UnitId(unit_id), command, body, key, version, "redispatch")
    return await answer(access, after)


async def _arrival(access: Access, unit_id: UnitId) -> float | None:
    row, _ = await access.unit(unit_id)
    found = await arrival_s(access.services.advice, row.unit)
    return round(found, 1) if found is not None and found != float("inf") else None
