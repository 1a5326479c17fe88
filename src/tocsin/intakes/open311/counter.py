"""What every handler shares: the request taken apart, answers, refusals, who asks, the body."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from tocsin.intakes.open311.formats import TYPES, Format, Value, encode
from tocsin.intakes.open311.listing import Teller
from tocsin.intakes.open311.parse import Form, FormReader
from tocsin.intakes.open311.words import languages_of, refusal
from tocsin.kernel.shared import Actor, ActorId, Instant, Refused
from tocsin.runtime.catchments import catchments_of
from tocsin.runtime.services import Services
from tocsin.runtime.uploads import fed, holding

ANYONE: Final = Actor(ActorId("open311"), "integration")
"""Who acts for a report without an API key."""
FORM_LIMIT: Final = 512 * 1024
"""Bytes of a form without files: 10,000 Chinese characters percent-encoded are 90 kB, a hundred
answers of 500 are 450 kB."""
UPLOAD_LIMIT: Final = 24 * 2**20
"""Bytes of a form with files: five photos as telephones make them."""

STATUS: Final[Mapping[str, int]] = {
    "api_key_missing": 403,
    "api_key_wrong": 403,
    "request_elsewhere": 403,
    "not_your_role": 403,
    "not_your_agency": 403,
    "jurisdiction_unknown": 404,
    "service_code_unknown": 404,
    "case_type_unknown": 404,
    "request_unknown": 404,
    "token_unknown": 404,
    "path_unknown": 404,
    "format_unknown": 404,
    "method_wrong": 405,
    "too_large": 413,
    "too_many_requests": 429,
    "type_unsupported": 415,
    "busy": 503,
    "unavailable": 503,
}
"""GeoReport v2, "Errors": 404 for what is not there, 403 for keys, 400 for nearly all else. The
others are HTTP's own: a method, a size, a type, a pause."""
RETRY_AFTER_S: Final = 2


@dataclass(frozen=True, slots=True)
class Open311Options:
    """What an operator chooses.

    `jurisdictions` are the ids this node answers to; none: its own. With several, clients must
    name one. `changeset` is when services last changed; None: when the node started.
    """

    jurisdictions: tuple[str, ...] = ()
    contact: str = "Ask the operator of this node."
    key_service: str = "Ask the operator of this node for an API key."
    changeset: Instant | None = None
    form_limit: int = FORM_LIMIT
    upload_limit: int = UPLOAD_LIMIT


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, taken apart: what is asked for, in which format, in which language."""

    request: Request
    form: Format
    name: str
    language: str
    query: QueryParams

    @property
    def base_url(self) -> str:
        return str(self.request.base_url).rstrip("/")


Handler = Callable[[Asked], Awaitable[Response]]


class Counter:
    """One node's side of the counter."""

    def __init__(self, services: Services, options: Open311Options) -> None:
        self.services = services
        self.options = options
        self.darkroom = services.darkroom
        self.jurisdictions = options.jurisdictions or (services.jurisdiction,)
        self.changeset = options.changeset or services.clock.now().replace(microsecond=0)
        self.desk = services.reception.desk

    def language(self, header: str) -> str:
        """The first language asked for that the pack speaks; English when none is."""
        if header:
            bases = {each.partition("-")[0]: each for each in self.services.pack.languages}
            for tag in languages_of(header):
                found = bases.get(tag.partition("-")[0].lower())
                if found is not None:
                    return found
        return "en"

    # -- answers

    def say(self, asked: Asked, root: str, value: Value, status: int = 200) -> Response:
        return Response(
            encode(asked.form, root, value), status, {"content-type": TYPES[asked.form]}
        )

    def refuse(self, asked: Asked, refused: Refused) -> Response:
        """An error as GeoReport writes it: a list of code and description."""
        text = refusal(refused, asked.language)
        status = STATUS.get(refused.reason, 400)
        response = self.say(asked, "errors", [{"code": status, "description": text}], status)
        if status == 503:
            response.headers["retry-after"] = str(RETRY_AFTER_S)
        elif status == 429:
            response.headers["retry-after"] = refused.detail
        return response

    def base_url(self, asked: Asked) -> str:
        """The address this node is known by, else the one it was asked at."""
        return self.services.public_url.rstrip("/") or asked.base_url

    async def teller(self, asked: Asked, extensions: bool = False) -> Teller:
        base_url = self.base_url(asked)
        known = await catchments_of(self.services)
        return Teller(self.services, asked.language, base_url, known, extensions)

    # -- who asks

    def wrong_place(self, jurisdiction: str | None) -> Refused | None:
        if not jurisdiction:
            if len(self.jurisdictions) > 1:
                return Refused("jurisdiction_missing", "")
            return None
        if jurisdiction not in self.jurisdictions:
            return Refused("jurisdiction_unknown", "")
        return None

    async def actor(self, api_key: str | None, scope: str, required: bool) -> Actor | Refused:
        if not api_key:
            return Refused("api_key_missing", "") if required else ANYONE
        return await self.services.keys.actor(api_key, scope) or Refused("api_key_wrong", "")

    @asynccontextmanager
    async def form(self, request: Request) -> AsyncGenerator[Form | Refused]:
        """The form of a body, counted while it arrives. Its files are closed afterwards."""
        with FormReader(request.headers.get("content-type", "")) as reader:
            yield await self._read(request, reader) or reader.form()

    async def _read(self, request: Request, reader: FormReader) -> Refused | None:
        headers = request.headers
        if headers.get("content-encoding", "identity") != "identity":
            return Refused("type_unsupported", "send the body without compression")
        is_upload = headers.get("content-type", "").lower().startswith("multipart/")
        limit = self.options.upload_limit if is_upload else self.options.form_limit
        declared = headers.get("content-length", "0")
        is_number = declared.isascii() and declared.isdigit()
        if is_number and (len(declared) > 15 or int(declared) > limit):
            return Refused("too_large", f"over {limit} bytes")
        hold, size = holding(request.scope), 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                return Refused("too_large", f"over {limit} bytes")
            if refused := await fed(reader.feed, chunk, reader.held):
                return refused
            hold(reader.held)
        return None
