"""The door: routes of GeoReport v2 and its extensions, raw, because this intake is hot.

`/open311/discovery`, `/open311/v2/{resource}` and `/open311/v2/{resource}/{name}`, each with
`.json` or `.xml`; without either, the Accept header chooses, else XML.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from tocsin.intakes.open311 import catalogue
from tocsin.intakes.open311.filters import read_filters
from tocsin.intakes.open311.formats import (
    CSV_TYPE,
    DISCOVERY_TYPES,
    TYPES,
    Element,
    Format,
    Value,
    csv_rows,
    encode,
)
from tocsin.intakes.open311.listing import (
    COLUMNS,
    NOTHING,
    PUBLIC,
    PURPOSE,
    Teller,
    desk_of,
    every_page,
    find,
    find_one,
    published,
    tell,
)
from tocsin.intakes.open311.parse import Submission, in_language, read, read_form
from tocsin.intakes.open311.updates import Taken, list_updates, read_update, take_update
from tocsin.intakes.open311.words import languages_of, refusal, sentence
from tocsin.kernel.shared import Actor, ActorId, Instant, Refused, ReportId
from tocsin.packs.model import CaseType
from tocsin.runtime.photos import Darkroom
from tocsin.runtime.ports import BoardRow, Unavailable
from tocsin.runtime.reception import MEDIA_LIMIT, Photo, Received
from tocsin.runtime.services import Services

PREFIX: Final = "/open311"
ANYONE: Final = Actor(ActorId("open311"), "integration")
"""Who acts for a report without an API key."""
REPORT_SCOPE: Final = "reports:write"
UPDATE_SCOPE: Final = "cases:write"
FORM_LIMIT: Final = 512 * 1024
"""Bytes of a form without files: 10,000 Chinese characters percent-encoded are 90 kB, a hundred
answers of 500 are 450 kB."""
UPLOAD_LIMIT: Final = 24 * 2**20
"""Bytes of a form with files: five photos as telephones make them."""

STATUS: Final[Mapping[str, int]] = {
    "api_key_missing": 403,
    "api_key_wrong": 403,
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

    `key_required`: reports need an API key (updates always do). `jurisdictions` are the ids this
    node answers to; none: its own. With several, clients must name one. `changeset` is when
    services last changed; None: when the node started.
    """

    key_required: bool = False
    jurisdictions: tuple[str, ...] = ()
    contact: str = "Ask the operator of this node."
    key_service: str = "Ask the operator of this node for an API key."
    changeset: Instant | None = None
    form_limit: int = FORM_LIMIT
    upload_limit: int = UPLOAD_LIMIT


def routes(
    services: Services,
    options: Open311Options | None = None,
    darkroom: Darkroom | None = None,
) -> list[BaseRoute]:
    """The routes of this intake, to be mounted at the root of the app. A node that has a darkroom
    already shares it."""
    door = Door(services, options or Open311Options(), darkroom or Darkroom())
    return [
        Route(f"{PREFIX}/v2/{{resource}}", door),
        Route(f"{PREFIX}/v2/{{resource}}/{{name}}", door),
        Route(f"{PREFIX}/v2/{{resource}}/{{case}}/{{name}}", door),
        Route(f"{PREFIX}/{{resource}}", door),
        Route(f"{PREFIX}/v2/{{resource:path}}", door),
    ]


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


class Door:
    """One ASGI application for every address of the intake."""

    def __init__(self, services: Services, options: Open311Options, darkroom: Darkroom) -> None:
        self.services = services
        self.options = options
        self.darkroom = darkroom
        self.jurisdictions = options.jurisdictions or (services.jurisdiction,)
        self.changeset = options.changeset or services.clock.now().replace(microsecond=0)
        self.desk = desk_of(services.atlas)
        self._catalogue: dict[tuple[str, Format, str], bytes] = {}
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
        path = cast(Mapping[str, str], request.path_params)
        resource, name, case_id = path["resource"], path.get("name"), path.get("case")
        stem, form = _format_of(resource if name is None else name, request.headers.get("accept"))
        language = self._language(request.headers.get("accept-language", ""))
        asked = Asked(request, form or "xml", stem, language, request.query_params)
        if case_id is not None:
            if resource == "media" and request.method in ("GET", "HEAD"):
                return await self._guarded(lambda each: self.get_media(each, case_id), asked)
            return self._refuse(asked, Refused("path_unknown", ""))
        if resource == "requests.csv" and name is None and request.method in ("GET", "HEAD"):
            return await self._guarded(self.get_bulk, asked)
        handlers = self._lists.get(stem) if name is None else self._items.get(resource)
        if handlers is None:
            return self._refuse(asked, Refused("path_unknown", ""))
        if form is None:
            return self._refuse(asked, Refused("format_unknown", ""))
        if request.method == "OPTIONS":
            return _preflight(handlers)
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            refusal = self._refuse(asked, Refused("method_wrong", ""))
            refusal.headers["allow"] = ", ".join(handlers)
            return refusal
        return await self._guarded(handler, asked)

    async def _guarded(self, handler: Handler, asked: Asked) -> Response:
        try:
            return await handler(asked)
        except Unavailable as trouble:
            refusal = self._refuse(asked, Refused("unavailable", ""))
            refusal.headers["retry-after"] = str(trouble.retry_after_s)
            return refusal

    def _language(self, header: str) -> str:
        """The first language asked for that the pack speaks; English when none is."""
        if header:
            bases = {each.partition("-")[0]: each for each in self.services.pack.languages}
            for tag in languages_of(header):
                found = bases.get(tag.partition("-")[0].lower())
                if found is not None:
                    return found
        return "en"

    # -- answers

    def _say(self, asked: Asked, root: str, value: Value, status: int = 200) -> Response:
        return Response(
            encode(asked.form, root, value), status, {"content-type": TYPES[asked.form]}
        )

    def _refuse(self, asked: Asked, refused: Refused) -> Response:
        """An error as GeoReport writes it: a list of code and description."""
        text = refusal(refused, asked.language)
        status = STATUS.get(refused.reason, 400)
        response = self._say(asked, "errors", [{"code": status, "description": text}], status)
        if status == 503:
            response.headers["retry-after"] = str(RETRY_AFTER_S)
        return response

    def _teller(self, asked: Asked, extensions: bool = False) -> Teller:
        base_url = self.services.public_url.rstrip("/") or asked.base_url
        return Teller(self.services, asked.language, base_url, self.desk, extensions)

    # -- who asks

    def _wrong_place(self, jurisdiction: str | None) -> Refused | None:
        if not jurisdiction:
            if len(self.jurisdictions) > 1:
                return Refused("jurisdiction_missing", "")
            return None
        if jurisdiction not in self.jurisdictions:
            return Refused("jurisdiction_unknown", "")
        return None

    async def _actor(self, api_key: str | None, scope: str, required: bool) -> Actor | Refused:
        if not api_key:
            return Refused("api_key_missing", "") if required else ANYONE
        return await self.services.keys.actor(api_key, scope) or Refused("api_key_wrong", "")

    async def _body(self, request: Request) -> bytes | Refused:
        """The body, counted while it arrives."""
        headers = request.headers
        if headers.get("content-encoding", "identity") != "identity":
            return Refused("type_unsupported", "send the body without compression")
        is_upload = headers.get("content-type", "").lower().startswith("multipart/")
        limit = self.options.upload_limit if is_upload else self.options.form_limit
        declared = headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > limit:
            return Refused("too_large", f"over {limit} bytes")
        chunks: list[bytes] = []
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                return Refused("too_large", f"over {limit} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    # -- what can be reported

    async def get_discovery(self, asked: Asked) -> Response:
        base_url = self.services.public_url.rstrip("/") or asked.base_url
        document = catalogue.discovery(
            base_url, self.changeset, self.options.contact, self.options.key_service
        )
        data = encode(asked.form, "discovery", document)
        return _bare(data, DISCOVERY_TYPES[asked.form])

    async def get_services(self, asked: Asked) -> Response:
        wrong = self._wrong_place(asked.query.get("jurisdiction_id"))
        if wrong is not None:
            return self._refuse(asked, wrong)
        pack = self.services.pack
        key = (pack.version, asked.form, asked.language)
        data = self._catalogue.get(key)
        if data is None:
            data = encode(asked.form, "services", catalogue.services(pack, asked.language))
            self._catalogue[key] = data
        return Response(data, headers={"content-type": TYPES[asked.form]})

    async def get_definition(self, asked: Asked) -> Response:
        wrong = self._wrong_place(asked.query.get("jurisdiction_id"))
        if wrong is not None:
            return self._refuse(asked, wrong)
        case_type = self.services.pack.services.get(asked.name)
        if case_type is None:
            return self._refuse(asked, Refused("service_code_unknown", ""))
        value = catalogue.definition(self.services.pack, case_type, asked.language)
        return self._say(asked, "service_definition", value)

    # -- reporting

    async def post_request(self, asked: Asked) -> Response:
        submission = await self._submission(asked)
        if isinstance(submission, Refused):
            return self._refuse(asked, submission)
        by = await self._admit(asked, submission)
        if isinstance(by, Refused):
            return self._refuse(asked, by)
        code = submission.report.case_type
        if not code:
            return self._refuse(asked, Refused("service_code_missing", ""))
        case_type = self.services.pack.services.get(code)
        if case_type is None:
            return self._refuse(asked, Refused("service_code_unknown", ""))
        photos = await self._develop(submission.uploads)
        if isinstance(photos, Refused):
            return self._refuse(asked, photos)
        report = replace(submission.report, case_type=case_type.code, photos=photos)
        outcome = await self.services.reception.receive(report, by)
        if isinstance(outcome, Refused):
            return self._refuse(asked, outcome)
        return self._say(asked, "service_requests", [self._receipt(asked, case_type, outcome)])

    async def _submission(self, asked: Asked) -> Submission | Refused:
        body = await self._body(asked.request)
        if isinstance(body, Refused):
            return body
        submission = read(body, asked.request.headers)
        if isinstance(submission, Refused):
            return submission
        return in_language(submission, asked.language)

    async def _admit(self, asked: Asked, submission: Submission) -> Actor | Refused:
        wrong = self._wrong_place(submission.jurisdiction or asked.query.get("jurisdiction_id"))
        if wrong is not None:
            return wrong
        api_key = submission.api_key or asked.query.get("api_key")
        return await self._actor(api_key, REPORT_SCOPE, self.options.key_required)

    async def _develop(self, uploads: Sequence[bytes]) -> tuple[Photo, ...] | Refused:
        if not uploads:
            return ()
        if len(uploads) > MEDIA_LIMIT:
            return Refused("too_many", f"at most {MEDIA_LIMIT} photos")
        photos: dict[str, Photo] = {}
        for data in uploads:
            photo = await self.darkroom.develop(data)
            if isinstance(photo, Refused):
                return photo
            photos[photo.digest] = photo
        return tuple(photos.values())

    def _receipt(self, asked: Asked, case_type: CaseType, received: Received) -> Element:
        code = received.code
        notice = sentence("notice", asked.language, code=f"{code[:4]}-{code[4:8]}-{code[8:]}")
        receipt: dict[str, Value] = {}
        match catalogue.kind_of(case_type):
            case "batch":
                receipt["token"] = self._token(received.report_id)
            case "blackbox":
                pass
            case _:
                receipt["service_request_id"] = received.case_id
        receipt["service_notice"] = notice
        receipt["account_id"] = None
        return receipt

    def _token(self, report_id: ReportId) -> str:
        """A token is the report's id with a proof that we gave it out. It is not the tracking
        code: tokens travel in addresses, which are logged."""
        proof = self.services.reception.code(ReportId(f"open311-token:{report_id}"))
        return f"{report_id}-{proof}"

    async def get_token(self, asked: Asked) -> Response:
        wrong = self._wrong_place(asked.query.get("jurisdiction_id"))
        if wrong is not None:
            return self._refuse(asked, wrong)
        report_id = ReportId(asked.name.rpartition("-")[0])
        ours = self._token(report_id).encode()
        if not hmac.compare_digest(ours, asked.name.encode("utf-8", "replace")):
            return self._refuse(asked, Refused("token_unknown", ""))
        reception = self.services.reception
        found = await self.services.store.receipt(reception.code_hash(reception.code(report_id)))
        if found is None:
            return self._refuse(asked, Refused("token_unknown", ""))
        value: Value = [{"service_request_id": found[0], "token": asked.name}]
        return self._say(asked, "service_requests", value)

    # -- looking up

    async def get_requests(self, asked: Asked) -> Response:
        wrong = self._wrong_place(asked.query.get("jurisdiction_id"))
        filters = read_filters(asked.query, self.services.clock.now())
        if wrong is not None or isinstance(filters, Refused):
            return self._refuse(asked, wrong or cast(Refused, filters))
        rows, more = await find(self.services, filters)
        teller = self._teller(asked, filters.extensions)
        elements = await tell(self.services, rows, teller)
        response = self._say(asked, "service_requests", elements)
        return _linked(response, asked, filters.page + 1 if more else None)

    async def get_request(self, asked: Asked) -> Response:
        """One request, or several ids parted by commas."""
        wrong = self._wrong_place(asked.query.get("jurisdiction_id"))
        if wrong is not None:
            return self._refuse(asked, wrong)
        extensions = asked.query.get("extensions", "").lower() in ("true", "1", "yes")
        teller = self._teller(asked, extensions)
        rows: Sequence[BoardRow]
        if "," in asked.name:
            filters = read_filters({"service_request_id": asked.name}, self.services.clock.now())
            if isinstance(filters, Refused):
                return self._refuse(asked, filters)
            rows, _ = await find(self.services, filters)
        else:
            row = await find_one(self.services, asked.name)
            rows = () if row is None else (row,)
        if not rows:
            return self._refuse(asked, Refused("request_unknown", ""))
        return self._say(asked, "service_requests", await tell(self.services, rows, teller))

    async def get_bulk(self, asked: Asked) -> Response:
        wrong = self._wrong_place(asked.query.get("jurisdiction_id"))
        filters = read_filters(asked.query, self.services.clock.now(), bulk=True)
        if wrong is not None or isinstance(filters, Refused):
            return self._refuse(asked, wrong or cast(Refused, filters))
        teller = self._teller(asked)
        pages = every_page(self.services, filters)
        # The first page is read before the answer begins: a store that is away still gets a 503.
        first = await anext(pages, ())

        async def lines() -> AsyncIterator[bytes]:
            yield csv_rows([COLUMNS])
            yield await self._lines(teller, first)
            async for rows in pages:
                yield await self._lines(teller, rows)

        name = 'attachment; filename="requests.csv"'
        return StreamingResponse(
            lines(), headers={"content-type": CSV_TYPE, "content-disposition": name}
        )

    async def _lines(self, teller: Teller, rows: Sequence[BoardRow]) -> bytes:
        words = await published(self.services, rows)
        return csv_rows([teller.bulk(row, words.get(row.case.id, NOTHING)) for row in rows])

    async def get_media(self, asked: Asked, case_id: str) -> Response:
        """A photo of a published case."""
        number = asked.name.removesuffix(".jpg")
        row = await find_one(self.services, case_id)
        unknown = Refused("path_unknown", "")
        if row is None or not row.case.published or not row.case.reports:
            return self._refuse(asked, unknown)
        media = row.case.reports[0].media
        if not (number.isascii() and number.isdigit() and 0 < int(number[:6]) <= len(media)):
            return self._refuse(asked, unknown)
        ref = media[int(number) - 1]
        found = (await self.services.vault.open([ref], by=PUBLIC, purpose=PURPOSE)).get(ref)
        if found is None:
            return self._refuse(asked, unknown)
        # Not for long: what is published can be taken back.
        headers = {"cache-control": "public, max-age=60", "content-type": found[1]}
        return Response(found[0], headers=headers)

    # -- updates

    async def get_updates(self, asked: Asked) -> Response:
        wrong = self._wrong_place(asked.query.get("jurisdiction_id"))
        filters = read_filters(asked.query, self.services.clock.now())
        if wrong is not None or isinstance(filters, Refused):
            return self._refuse(asked, wrong or cast(Refused, filters))
        elements, more = await list_updates(self.services, filters, asked.language)
        response = self._say(asked, "service_request_updates", elements)
        return _linked(response, asked, filters.page + 1 if more else None)

    async def post_update(self, asked: Asked) -> Response:
        taken = await self._take(asked)
        if isinstance(taken, Refused):
            return self._refuse(asked, taken)
        return self._say(asked, "service_request_updates", [{"update_id": taken.update_id}])

    async def _take(self, asked: Asked) -> Taken | Refused:
        body = await self._body(asked.request)
        if isinstance(body, Refused):
            return body
        form = read_form(body, asked.request.headers.get("content-type", ""))
        if isinstance(form, Refused):
            return form
        fields = {**dict(reversed(asked.query.multi_items())), **dict(reversed(form.fields))}
        wrong = self._wrong_place(fields.get("jurisdiction_id"))
        if wrong is not None:
            return wrong
        by = await self._actor(fields.get("api_key"), UPDATE_SCOPE, required=True)
        if isinstance(by, Refused):
            return by
        update = read_update(fields)
        if isinstance(update, Refused):
            return update
        return await take_update(self.services, update, by)


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


def _bare(data: bytes, media_type: str) -> Response:
    """Starlette adds a charset to text types unless the header is there already."""
    return Response(data, headers={"content-type": media_type})


def _preflight(handlers: Mapping[str, Handler]) -> Response:
    headers = {
        "allow": ", ".join((*handlers, "OPTIONS")),
        "access-control-allow-methods": ", ".join(handlers),
        "access-control-allow-headers": "content-type, idempotency-key, accept-language",
    }
    return Response(status_code=204, headers=headers)


def _linked(response: Response, asked: Asked, next_page: int | None) -> Response:
    """Says where the next page is (RFC 8288)."""
    if next_page is not None:
        url = asked.request.url.include_query_params(page=next_page)
        response.headers["link"] = f'<{url}>; rel="next"'
    return response
