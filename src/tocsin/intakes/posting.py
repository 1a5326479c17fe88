"""What every intake that is posted to does alike: read within a limit, keep, answer.

No intake: a folder beside this file is one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_ports import IncomingAlarm
from tocsin.runtime.alarm_posts import SCOPE, STATUS, given_key, keep_all, told
from tocsin.runtime.ports import Unavailable
from tocsin.runtime.services import Services

LANGUAGE_CHARS_MAX: Final = 20
"""Of Accept-Language: the first choice is in it."""

Receive = Callable[[Request], Awaitable[Refused | None]]
"""Keeps what was posted: None once it is on disk. May raise Unavailable."""
Words = Callable[[Refused, str], Mapping[str, str]]
"""A refusal in a language, as it is answered."""
Parse = Callable[[bytes, Mapping[str, str]], Iterable[IncomingAlarm] | Refused]


async def body_of(request: Request, limit: int) -> bytes | Refused:
    """The body, read until it is over `limit` bytes. Raises ClientDisconnect."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return Refused("too_large", f"{limit} bytes at most")
    return bytes(body)


def posted(
    path: str,
    receive: Receive,
    statuses: Mapping[str, int] = STATUS,
    words: Words = told,
    kept: object = None,
) -> Route:
    """A route for POST. What is on disk is answered by 204, or by 200 and `kept` as JSON; a refusal
    by the status of its reason (400 where there is none) and its words; a store that does not
    answer by 503 and when to come again."""

    async def answer(request: Request) -> Response:
        try:
            refused = await receive(request)
        except ClientDisconnect:
            return Response(status_code=499)
        except Unavailable as trouble:
            return Response(status_code=503, headers={"retry-after": str(trouble.retry_after_s)})
        if refused is None:
            return Response(status_code=204) if kept is None else _json(kept, 200)
        language = request.headers.get("accept-language", "en")[:LANGUAGE_CHARS_MAX]
        status = statuses.get(refused.reason, 400)
        headers = {"www-authenticate": 'Basic realm="tocsin"'} if status == 401 else {}
        return _json(words(refused, language), status, headers)

    return Route(path, answer, methods=["POST"])


def alarms_posted(services: Services, path: str, parse: Parse, limit: int) -> Route:
    """A route for alarms under an API key: all of a message are kept, or it is refused."""

    async def receive(request: Request) -> Refused | None:
        by = await services.keys.actor(given_key(request.headers), SCOPE)
        if by is None:
            return Refused("key_wrong", "")
        body = await body_of(request, limit)
        found = body if isinstance(body, Refused) else parse(body, request.headers)
        if isinstance(found, Refused):
            return found
        return await keep_all(services.alarms, found, by)

    return posted(path, receive)


def _json(content: object, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers, "application/json")


__all__ = ["alarms_posted", "body_of", "posted"]
