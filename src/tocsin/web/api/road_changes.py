"""Closures and slow-downs of roads: what is in force, made and taken back by dispatchers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from tocsin.geography.areas import Area
from tocsin.runtime.recommending.closing import (
    EDGES_MAX,
    FACTOR_MAX,
    POINTS_MAX,
    Shown,
    Wish,
    close_road,
    open_road,
)
from tocsin.runtime.recommending.closing import (
    shown as told_of,
)
from tocsin.web.api.common import STAFF, WRITES, AccessArg, checked, json, router, shown
from tocsin.web.api.sessions import DoneView
from tocsin.web.problems import Problem
from tocsin.web.shapes import ID, InstantText, PlaceBody, Strict, Word, like, like_one_of, wgs84
from tocsin.web.views import View

routes: APIRouter = router("roads")

CHANGE_EXAMPLE: Final[dict[str, Any]] = {
    "id": "01hr",
    "made_at": "2026-11-22T01:32:00+00:00",
    "made_by": "01hw",
    "reason": "burst_main",
    "factor": None,
    "starts_at": "2026-11-22T01:32:00+00:00",
    "ends_at": None,
    "is_in_force": True,
    "both_ways": True,
    "names": ["Mannerheimintie"],
    "length_m": 210.0,
    "geometry": {"type": "MultiLineString", "coordinates": [[[24.94, 60.17], [24.941, 60.171]]]},
}


class RoadChangeBody(Strict):
    """A closure (`factor` null) or a slow-down (so many times as long): by points along the road,
    two or more, or one for the road it is on; or by edges of the graph. In force from `starts_at`
    (null: now) until `ends_at` (null: until it is taken back)."""

    model_config = like_one_of(
        {
            "points": [
                {"lon": 24.94, "lat": 60.17, "datum": "wgs84"},
                {"lon": 24.941, "lat": 60.171, "datum": "wgs84"},
            ],
            "edges": [],
            "factor": None,
            "starts_at": None,
            "ends_at": None,
            "reason": "burst_main",
            "both_ways": True,
        },
        {"points": {"minItems": 1}, "edges": {"maxItems": 0}},
        {"edges": {"minItems": 1}, "points": {"maxItems": 0}},
    )

    reason: Word
    points: Annotated[tuple[PlaceBody, ...], Field(strict=False, max_length=POINTS_MAX)] = ()
    edges: Annotated[
        tuple[Annotated[int, Field(ge=0, le=2**31 - 1)], ...],
        Field(strict=False, max_length=EDGES_MAX),
    ] = ()
    factor: Annotated[float | None, Field(gt=0, le=FACTOR_MAX)] = None
    starts_at: InstantText | None = None
    ends_at: InstantText | None = None
    both_ways: bool = True


class LinesView(View):
    """A GeoJSON geometry of lines."""

    type: str
    coordinates: tuple[tuple[tuple[float, float], ...], ...]


class RoadChangeView(View):
    """One change. Streets without a name are in `geometry` only; both are empty where the change
    is no road of the graph that the node has now."""

    id: str
    made_at: datetime
    made_by: str
    reason: str
    factor: float | None
    starts_at: datetime
    ends_at: datetime | None
    is_in_force: bool
    both_ways: bool
    names: tuple[str, ...]
    length_m: float
    geometry: LinesView


class RoadChangesView(View):
    """The changes in force and to come, by id, and whether the node has roads ("none", "loading",
    "ready" or "failed")."""

    model_config = like({"roads": "ready", "changes": [CHANGE_EXAMPLE]})

    roads: str
    changes: tuple[RoadChangeView, ...]


class CutOffView(View):
    """An area that nobody can reach by road any more."""

    id: str
    name: str


class MadeView(View):
    """The change, and the areas that nobody reaches because of it: recommendations there are by
    what the roads were, and say so."""

    model_config = like({"change": CHANGE_EXAMPLE, "cut_off": [{"id": "t0v0", "name": "Old Town"}]})

    change: RoadChangeView
    cut_off: tuple[CutOffView, ...]


def change_view(found: Shown, at: datetime) -> dict[str, Any]:
    """The members of `RoadChangeView`."""
    closure = found.closure
    return {
        "id": closure.id,
        "made_at": closure.made_at,
        "made_by": closure.made_by,
        "reason": closure.reason,
        "factor": closure.factor,
        "starts_at": closure.starts_at,
        "ends_at": closure.ends_at,
        "is_in_force": closure.holds(at),
        "both_ways": closure.both_ways,
        "names": found.names,
        "length_m": round(found.length_m, 1),
        "geometry": {"type": "MultiLineString", "coordinates": found.lines},
    }


@routes.get(
    "/roads/changes",
    operation_id="road.changes",
    summary="Closures and slow-downs that are in force or to come.",
    **shown(RoadChangesView, *STAFF),
)
async def changes(access: AccessArg) -> Response:
    desk = access.services.advice
    at = desk.clock.now()
    known = await desk.store.closures(at)
    found = await desk.beside(lambda: [told_of(desk.net, each) for each in known])
    views = [change_view(each, at) for each in found]
    return json({"roads": desk.road_state, "changes": views})


@routes.post(
    "/roads/changes",
    operation_id="road.change",
    summary="Close a road or slow it down; says at once whom that cuts off.",
    **shown(MadeView, *WRITES, ok=201),
)
async def change(body: RoadChangeBody, access: AccessArg) -> Response:
    if bool(body.points) == bool(body.edges):
        wrong = {"where": "body.points", "what": "points or edges, one of the two"}
        raise Problem("invalid", errors=[wrong])
    wish = Wish(
        body.reason,
        tuple(wgs84(each) for each in body.points),
        body.edges,
        body.factor,
        body.starts_at,
        body.ends_at,
        body.both_ways,
    )
    services = access.services
    made: tuple[Shown, tuple[Area, ...]] = checked(
        await close_road(services.advice, wish, services.ids.new(), access.who.id)
    )
    found, lost = made
    return json(
        {
            "change": change_view(found, services.clock.now()),
            "cut_off": [{"id": each.id, "name": each.name_in(access.language)} for each in lost],
        },
        201,
    )


@routes.delete(
    "/roads/changes/{change_id}",
    operation_id="road.take_back",
    summary="The road is as it was.",
    **shown(DoneView, *WRITES),
)
async def take_back(
    change_id: Annotated[str, Path(pattern=ID, max_length=120, examples=["01hr"])],
    access: AccessArg,
) -> Response:
    checked(await open_road(access.services.advice, change_id, access.who.id))
    return json({"done": True})
