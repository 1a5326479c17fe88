"""The route that OwnTracks posts to. 200 with `[]` means that the position is kept."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from binascii import Error as NotBase64
from typing import Final

from starlette.requests import Request
from starlette.routing import BaseRoute

from tocsin.intakes.owntracks.parse import BODY_MAX, parse
from tocsin.intakes.posting import body_of, posted
from tocsin.kernel.shared import Refused, UnitId
from tocsin.packs.words import word
from tocsin.runtime.positions import TEXT_MAX
from tocsin.runtime.services import Services

PATH: Final = "/intakes/owntracks"
STATUS: Final = {"unit_key_unknown": 401, "unit_off_duty": 409, "too_large": 413}
"""HTTP status by reason; what is not here cannot be read: 400."""


def routes(services: Services) -> list[BaseRoute]:
    """The intake's route, for the app to serve."""

    async def receive(request: Request) -> Refused | None:
        refused = await _receive(services, request)
        # An app that is refused what it always sends would send it for ever.
        return None if refused is not None and refused.reason == "not_a_position" else refused

    return [posted(PATH, receive, STATUS, _told, [])]


def _told(refused: Refused, language: str) -> dict[str, str]:
    return {"reason": refused.reason, "detail": word("reason", refused.reason, language)}


async def _receive(services: Services, request: Request) -> Refused | None:
    unit = await _unit(services, request)
    if unit is None:
        return Refused("unit_key_unknown", "")
    body = await body_of(request, BODY_MAX)
    found = body if isinstance(body, Refused) else parse(body, request.headers)
    if isinstance(found, Refused):
        return found
    return await services.positions.receive(unit, found)


async def _unit(services: Services, request: Request) -> UnitId | None:
    """The unit whose key this is: the password of Basic, as OwnTracks sends it, or X-API-Key.
    The user name is not looked at: the key says who it is."""
    text = request.headers.get("x-api-key", "")
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            text = b64decode(given[: 4 * TEXT_MAX], validate=True).decode().partition(":")[2]
        except (NotBase64, UnicodeDecodeError, ValueError):
            return None
    if not text or len(text) > TEXT_MAX:
        return None
    return await services.store.unit_of_key(hashlib.sha256(text.encode()).digest())


__all__ = ["PATH", "routes"]
