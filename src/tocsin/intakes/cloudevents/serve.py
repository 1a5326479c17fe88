"""The route that CloudEvents are posted to. 204 means that all of them are on disk."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tocsin.intakes.cloudevents.parse import BODY_MAX, parse
from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_posts import SCOPE, STATUS, given_key, keep_all, told
from tocsin.runtime.ports import Unavailable
from tocsin.runtime.services import Services

PATH: Final = "/intakes/cloudevents"


def routes(services: Services) -> list[BaseRoute]:
    """The intake's route, for the app to serve."""

    async def events(request: Request) -> Response:
        try:
            refused = await _receive(services, request)
        except ClientDisconnect:
            return Response(status_code=499)
        except Unavailable as trouble:
            return Response(status_code=503, headers={"retry-after": str(trouble.retry_after_s)})
        if refused is None:
            return Response(status_code=204)
        answer = told(refused, request.headers.get("accept-language", "en")[:20])
        status = STATUS.get(refused.reason, 400)
        return Response(msgspec.json.encode(answer), status, None, "application/json")

    return [Route(PATH, events, methods=["POST"])]


async def _receive(services: Services, request: Request) -> Refused | None:
    by = await services.keys.actor(given_key(request.headers), SCOPE)
    if by is None:
        return Refused("key_wrong", "")
    desk = services.alarms
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            return Refused("too_large", f"{BODY_MAX} bytes at most")
    found = parse(bytes(body), request.headers)
    if isinstance(found, Refused):
        return found
    return await keep_all(desk, found, by)


__all__ = ["PATH", "routes"]
