"""The door: routes of GeoReport v2 and its extensions, raw, because this intake is hot.

`/open311/discovery`, `/open311/v2/{resource}` and `/open311/v2/{resource}/{name}`, each with
`.json` or `.xml`; without either, the Accept header chooses, else XML.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from tocsin.intakes.open311.counter import Asked, Handler, Open311Options
from tocsin.intakes.open311.formats import Format
from tocsin.intakes.open311.listing import shown_codes
from tocsin.intakes.open311.looking import Looking
from tocsin.intakes.open311.reporting import Reporting
from tocsin.kernel.shared import Refused
from tocsin.runtime.onlooking import Onlooker, look_as
from tocsin.runtime.ports import Unavailable
from tocsin.runtime.services import Services

PREFIX: Final = "/open311"


def routes(services: Services, options: Open311Options | None = None) -> list[BaseRoute]:
    """The routes of this intake, to be mounted at the root of the app."""
    door = Door(services, options or Open311Options())
    return [
        Route(f"{PREFIX}/v2/{{resource}}", door),
        Route(f"{PREFIX}/v2/{{resource}}/{{name}}", door),
        Route(f"{PREFIX}/v2/{{resource}}/{{case}}/{{name}}", door),
        Route(f"{PREFIX}/{{resource}}", door),
        Route(f"{PREFIX}/v2/{{resource:path}}", door),
    ]


class Door(Looking, Reporting):
    """One ASGI application for every address of the intake."""

    def __init__(self, services: Services, options: Open311Options) -> None:
        super().__init__(services, options)
        self._lists: dict[str, dict[str, Handler]] = {
            "discovery": {"GET": self.get_discovery},
            "services": {"GET": self.get_services},
            "requests": {"GET": self.get_requests, "POST": self.post_request},
            "servicerequestupdates": {"GET": self.get_updates, "POST": self.post_update},
        }
        self._items: dict[str, dict[str, Handler]] = {
            "services": {"GET": self.get_definition},
            "requests": {"GET": self.get_request},
            "tokens": {"GET": self.get_token},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request in, one answer out, also when the store is away."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        response.headers["access-control-allow-origin"] = "*"
        response.headers["x-content-type-options"] = "nosniff"
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        # Everybody may ask: what the pack seals is not there for them.
        look_as(Onlooker(types=frozenset(shown_codes(self.services.pack))))
        path = cast(Mapping[str, str], request.path_params)
        resource, name, case_id = path["resource"], path.get("name"), path.get("case")
        stem, form = _format_of(resource if name is None else name, request.headers.get("accept"))
        language = self.language(request.headers.get("accept-language", ""))
        asked = Asked(request, form or "xml", stem, language, request.query_params)
        if case_id is not None:
            if resource == "media" and request.method in ("GET", "HEAD"):
                return await self._guarded(lambda each: self.get_media(each, case_id), asked)
            return self.refuse(asked, Refused("path_unknown", ""))
        if resource == "requests.csv" and name is None and request.method in ("GET", "HEAD"):
            return await self._guarded(self.get_bulk, asked)
        handlers = self._lists.get(stem) if name is None else self._items.get(resource)
        is_v2 = request.scope["path"].startswith(f"{PREFIX}/v2/")
        if handlers is None or not (is_v2 or stem == "discovery"):
            return self.refuse(asked, Refused("path_unknown", ""))
        if form is None:
            return self.refuse(asked, Refused("format_unknown", ""))
        if request.method == "OPTIONS":
            return _preflight(handlers)
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            refusal = self.refuse(asked, Refused("method_wrong", ""))
            refusal.headers["allow"] = ", ".join(handlers)
            return refusal
        return await self._guarded(handler, asked)

    async def _guarded(self, handler: Handler, asked: Asked) -> Response:
        try:
            return await handler(asked)
        except Unavailable as trouble:
            refusal = self.refuse(asked, Refused("unavailable", ""))
            refusal.headers["retry-after"] = str(trouble.retry_after_s)
            return refusal


def _format_of(name: str, accept: str | None) -> tuple[str, Format | None]:
    """The name without its ending, and the format; None for an ending we do not speak."""
    stem, dot, ending = name.rpartition(".")
    if dot and ending == "json":
        return stem, "json"
    if dot and ending == "xml":
        return stem, "xml"
    if dot:
        return stem, None
    return name, "json" if "json" in (accept or "").lower() else "xml"


def _preflight(handlers: Mapping[str, Handler]) -> Response:
    headers = {
        "allow": ", ".join((*handlers, "OPTIONS")),
        "access-control-allow-methods": ", ".join(handlers),
        "access-control-allow-headers": "content-type, idempotency-key, accept-language",
    }
    return Response(status_code=204, headers=headers)


__all__ = ["Open311Options", "routes"]
