"""Whether the node lives, whether it can work, and what it counts."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from tocsin.packs.words import word
from tocsin.runtime.condition import troubles
from tocsin.web.api.common import AccessArg, json, problems, shown
from tocsin.web.gate import Access, GatedRoute
from tocsin.web.shapes import like
from tocsin.web.views import View

OK: dict[str, object] = {
    "state": "ok",
    "log": "ok",
    "retention": "ok",
    "walls": "ok",
    "troubles": [],
}
routes = APIRouter(tags=["health"], route_class=GatedRoute)


TROUBLE: dict[str, object] = {
    "state": "clock_stepped",
    "text": "The clock of this machine was set by hand.",
    "stops": False,
}


class TroubleView(View):
    """One thing that is wrong. With `stops` the node should be sent nothing until it is over."""

    model_config = like(TROUBLE)

    state: str
    text: str
    stops: bool


class HealthView(View):
    """`ok`, or one word for what stops the node. `log` is of the Merkle log: `ok`, `lags`,
    `rewritten` or `off`; `retention` is `late` when nothing was let go for two nights, else `ok`;
    `walls` is of the database's own protection of rows: `ok`, or `open` where it has no roles for
    it. Whatever they are, the node goes on working. `troubles` is everything that is wrong, in
    words of the asker's language, also what does not stop it."""

    model_config = like({**OK, "troubles": [TROUBLE]})

    state: str
    log: str | None = None
    retention: str | None = None
    walls: str | None = None
    troubles: tuple[TroubleView, ...] = ()


@routes.get(
    "/health/live",
    operation_id="health.live",
    summary="The process answers.",
    **shown(HealthView, 500),
)
async def live() -> Response:
    return json({"state": "ok"})


@routes.get(
    "/health/ready",
    operation_id="health.ready",
    summary="The node can work: the store answers and the clocks speak.",
    responses={
        200: {
            "model": HealthView,
            "content": {"application/json": {"example": OK}},
        },
        503: {"model": HealthView, "description": "Not now; `state` says why."},
        **problems(500),
    },
)
async def ready(access: AccessArg) -> Response:
    found = await troubles(access.services)
    told = [
        {
            "state": each.state,
            "text": word("trouble", each.state, access.language),
            "stops": each.stops,
        }
        for each in found
    ]
    stopping = next((each.state for each in found if each.stops), None)
    body = {"state": stopping or "ok", **_beside(access), "troubles": told}
    return json(body) if stopping is None else json(body, 503, {"retry-after": "5"})


def _beside(access: Access) -> dict[str, str]:
    """What is for people, not for a load balancer."""
    log, retention = access.services.log, access.services.retention
    told = {"log": log.state if log is not None else "off", "walls": access.services.walls}
    return told if retention is None else {**told, "retention": retention.state()}


@routes.get(
    "/metrics",
    operation_id="metrics",
    summary="What the node counts about itself, in OpenMetrics.",
    response_class=Response,
    responses={
        200: {
            "description": "OpenMetrics text.",
            "content": {
                "application/openmetrics-text": {
                    "schema": {"type": "string"},
                    "example": "# EOF\n",
                }
            },
        },
        **problems(500),
    },
)
async def metrics(access: AccessArg) -> Response:
    counted = access.web.metrics
    beat = access.services.heartbeat
    counted.set("late_seconds", beat.late_s)
    counted.set("errands_dead", beat.dead)
    counted.set("errands_owed_seconds", beat.owed_s(access.services.clock.now()))
    counted.set("clock_stepped", access.services.is_clock_stepped())
    counted.set("ready", beat.trouble(access.services.clock.now()) is None)
    synthetic = access.services.synthetic
    if synthetic is not None:
        counted.set("synthetic_arrived", synthetic.arrived)
        counted.set("synthetic_age_seconds", synthetic.age_s(access.services.clock.now()))
        counted.set("synthetic_way_seconds", synthetic.took_s)
    for intake, hang_ups in access.services.hang_ups.items():
        for reason, count in hang_ups.counts.items():
            counted.hung_up(intake, reason, count)
    log = access.services.log
    if log is not None:
        counted.set("log_entries", log.size)
        counted.set("log_unsigned", log.size - log.signed_size)
        counted.set("log_behind_seconds", log.behind_s)
        counted.set("log_rewritten", log.state == "rewritten")
    hub = access.web.hub
    if hub is not None:
        counted.set("live_listeners", hub.listeners)
        counted.set("live_drops", hub.drops)
        counted.set("live_sent", hub.sent)
    body, content_type = counted.text()
    return Response(body, headers={"content-type": content_type})
