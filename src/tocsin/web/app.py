"""The application: the API, the hot intakes beside it, and one answer for everything that fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tocsin import __version__
from tocsin.runtime.ports import Unavailable
from tocsin.runtime.services import Services
from tocsin.web import console, crew_page, map_files, pages, problems
from tocsin.web.accounts import Accounts
from tocsin.web.api import (
    admin,
    advice,
    alarms,
    asset_files,
    assets,
    board,
    cases,
    casework,
    catalogue,
    coverage,
    crews,
    drills,
    health,
    history,
    holds,
    insight,
    lists,
    log,
    measures,
    moving,
    open,
    passkeys,
    places,
    receipts,
    redactions,
    reports,
    rights,
    road_changes,
    rosters,
    scorecards,
    sessions,
    sight,
    sign_on,
    units,
    upkeep,
)
from tocsin.web.gate import Web
from tocsin.web.limits import Buckets
from tocsin.web.live import Hub
from tocsin.web.metrics import Metrics
from tocsin.web.options import WebOptions
from tocsin.web.passwords import Busy
from tocsin.web.problems import Problem
from tocsin.web.public import routes as public
from tocsin.web.public.drafts import Drafts
from tocsin.web.shapes import known_names
from tocsin.web.shell import Shell, language_of, seen_of
from tocsin.web.sign_on import SignOn

_BY_STATUS = {
    400: "bad_request",
    404: "unknown_path",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "wrong_media_type",
    429: "too_many_requests",
    503: "unavailable",
}
MODULES = (
    health,
    open,
    receipts,
    sessions,
    sight,
    passkeys,
    sign_on,
    reports,
    lists,
    board,
    history,
    places,
    insight,
    redactions,
    holds,
    casework,
    cases,
    catalogue,
    measures,
    units,
    crews,
    advice,
    coverage,
    moving,
    road_changes,
    rosters,
    scorecards,  # before `alarms`, whose paths take any id
    alarms,
    asset_files,
    upkeep,
    assets,
    drills,
    admin,
    rights,
    log,
)
RESIDENTS_FORM = "/report"
ERRORS_SHOWN = 20
"""Wrong fields named in one problem document; the rest is more of the same."""


def create_app(
    services: Services,
    accounts: Accounts,
    options: WebOptions | None = None,
    extra_routes: Sequence[BaseRoute] = (),
    hub: Hub | None = None,
    provider: SignOn | None = None,
) -> FastAPI:
    """The ASGI application of a node.

    `extra_routes` (raw intakes) come first and share the shell, not the gate: they check their
    keys themselves through `services.keys`. The hub's loop is run by the caller. `provider` is
    where staff may sign on, when the operator named one.
    """
    options = options or WebOptions(public_url=services.public_url)
    metrics = Metrics()
    app = FastAPI(
        title="Tocsin",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.web = Web(
        services=services,
        accounts=accounts,
        options=options,
        metrics=metrics,
        anonymous=Buckets(options.anonymous_per_minute, options.anonymous_burst),
        hub=hub,
        sign_on=provider,
    )
    if hub is not None:
        services.positions.listeners.append(hub.tell_position)
        hub.living = accounts.living_holders
    for module in MODULES:
        # Flat, not included: each route is itself, so that a walk over them misses none.
        app.router.routes.extend(module.routes.routes)
    app.state.drafts = Drafts()
    app.router.routes.extend(public.ROUTES)
    app.router.routes.extend(pages.ROUTES)
    app.router.routes.extend(console.ROUTES)
    app.router.routes.extend(crew_page.ROUTES)
    _answer_failures(app, options)
    app.add_middleware(Hot, routes=(*extra_routes, *map_files.routes(services, options)))
    app.add_middleware(
        Shell,
        options=options,
        metrics=metrics,
        upload_paths=_is_upload,
        drained_paths=lambda path: path == RESIDENTS_FORM,
    )
    return app


class Hot:
    """The raw intakes, reached behind the shell and before the layers of the API, which they do
    not need: a third of what an answer of theirs would cost."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self.app = app
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for route in self.routes:
                match, found = route.matches(scope)
                if match is Match.FULL:
                    scope.update(found)
                    scope["route"] = route
                    await route.handle(scope, receive, send)
                    return
        await self.app(scope, receive, send)


def _is_upload(path: str) -> bool:
    return (
        path == RESIDENTS_FORM
        or path.startswith("/open311/")
        or path.endswith(("/claim-task-done", "/verify", "/fail-check", "/reports/upload"))
    )


def _where(path: Sequence[str | int]) -> str:
    """The path to a wrong field. Names that are none of ours may be anybody's words."""
    return ".".join(
        str(part) if isinstance(part, int) or part in known_names() else "(unknown)"
        for part in path
    )


def _allowed(request: Request) -> str:
    """Every method of the path, whichever of its routes was met first."""
    found: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return ", ".join(sorted(found))


def _answer_failures(app: FastAPI, options: WebOptions) -> None:
    def tell(request: Request, problem: Problem) -> Response:
        web: Web = request.app.state.web
        web.metrics.refusals.labels(problem.reason).inc()
        language = language_of(request.scope, options)
        return problems.answer(problem, language, seen_of(request.scope).request_id)

    async def on_problem(request: Request, error: Exception) -> Response:
        return tell(request, cast(Problem, error))

    async def on_http(request: Request, error: Exception) -> Response:
        error = cast(HTTPException, error)
        reason = _BY_STATUS.get(error.status_code)
        assert reason is not None, f"status {error.status_code} has no reason"
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        if error.status_code == 405:
            headers["allow"] = _allowed(request)
        return tell(request, Problem(reason, headers=headers))

    async def on_invalid(request: Request, error: Exception) -> Response:
        # The error holds the body, and its traceback the frames that hold the error: such a circle
        # keeps megabytes until the collector comes by, which is seldom. Nobody reads the traceback.
        error.__traceback__ = None
        found = cast(Sequence[dict[str, Any]], cast(RequestValidationError, error).errors())
        if any(each["type"] == "json_invalid" for each in found):
            return tell(request, Problem("bad_request", "the body is not JSON"))
        errors = [
            {"where": _where(each["loc"]), "what": each["msg"][:200]}
            for each in found[:ERRORS_SHOWN]
        ]
        return tell(request, Problem("invalid", errors=errors))

    async def on_unavailable(request: Request, error: Exception) -> Response:
        wait_s = cast(Unavailable, error).retry_after_s
        return tell(request, Problem("unavailable", headers={"retry-after": str(wait_s)}))

    async def on_busy(request: Request, error: Exception) -> Response:
        return tell(request, Problem("busy", headers={"retry-after": "1"}))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Unavailable, on_unavailable)
    app.add_exception_handler(Busy, on_busy)
