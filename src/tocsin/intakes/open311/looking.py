"""What goes out: what can be reported, and what became of what was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import cast

from starlette.responses import Response, StreamingResponse

from tocsin.intakes.open311 import catalogue
from tocsin.intakes.open311.counter import Asked, Counter, Open311Options
from tocsin.intakes.open311.filters import as_mapping, read_filters
from tocsin.intakes.open311.formats import (
    CSV_TYPE,
    DISCOVERY_TYPES,
    TYPES,
    Format,
    csv_rows,
    encode,
)
from tocsin.intakes.open311.listing import (
    COLUMNS,
    NOTHING,
    PUBLIC,
    PURPOSE,
    Teller,
    every_page,
    find,
    find_one,
    photos_of,
    published,
    released,
    tell,
)
from tocsin.intakes.open311.updates import list_updates
from tocsin.kernel.shared import Refused
from tocsin.runtime.ports import BoardRow
from tocsin.runtime.seeing import holders_of, see
from tocsin.runtime.services import Services


class Looking(Counter):
    """The handlers that only read."""

    def __init__(self, services: Services, options: Open311Options) -> None:
        super().__init__(services, options)
        self._catalogue: dict[tuple[str, Format, str], bytes] = {}

    async def get_discovery(self, asked: Asked) -> Response:
        base_url = self.base_url(asked)
        document = catalogue.discovery(
            base_url, self.changeset, self.options.contact, self.options.key_service
        )
        data = encode(asked.form, "discovery", document)
        return _bare(data, DISCOVERY_TYPES[asked.form])

    async def get_services(self, asked: Asked) -> Response:
        wrong = self.wrong_place(asked.query.get("jurisdiction_id"))
        if wrong is not None:
            return self.refuse(asked, wrong)
        pack = self.services.pack
        key = (pack.version, asked.form, asked.language)
        data = self._catalogue.get(key)
        if data is None:
            data = encode(asked.form, "services", catalogue.services(pack, asked.language))
            self._catalogue[key] = data
        return Response(data, headers={"content-type": TYPES[asked.form]})

    async def get_definition(self, asked: Asked) -> Response:
        wrong = self.wrong_place(asked.query.get("jurisdiction_id"))
        if wrong is not None:
            return self.refuse(asked, wrong)
        case_type = self.services.pack.services.get(asked.name)
        if case_type is None:
            return self.refuse(asked, Refused("service_code_unknown", ""))
        value = catalogue.definition(self.services.pack, case_type, asked.language)
        return self.say(asked, "service_definition", value)

    async def get_requests(self, asked: Asked) -> Response:
        wrong = self.wrong_place(asked.query.get("jurisdiction_id"))
        filters = read_filters(_mapped(asked), self.services.clock.now())
        if wrong is not None or isinstance(filters, Refused):
            return self.refuse(asked, wrong or cast(Refused, filters))
        rows, more = await find(self.services, filters)
        teller = await self.teller(asked, filters.extensions)
        elements = await tell(self.services, rows, teller)
        response = self.say(asked, "service_requests", elements)
        return self._linked(response, asked, filters.page + 1 if more else None)

    async def get_request(self, asked: Asked) -> Response:
        """One request, or several ids parted by commas."""
        wrong = self.wrong_place(asked.query.get("jurisdiction_id"))
        if wrong is not None:
            return self.refuse(asked, wrong)
        extensions = asked.query.get("extensions", "").lower() in ("true", "1", "yes")
        teller = await self.teller(asked, extensions)
        rows: Sequence[BoardRow]
        if "," in asked.name:
            filters = read_filters({"service_request_id": asked.name}, self.services.clock.now())
            if isinstance(filters, Refused):
                return self.refuse(asked, filters)
            rows, _ = await find(self.services, filters)
        else:
            row = await find_one(self.services, asked.name)
            rows = () if row is None else (row,)
        if not rows:
            return self.refuse(asked, Refused("request_unknown", ""))
        return self.say(asked, "service_requests", await tell(self.services, rows, teller))

    def _linked(self, response: Response, asked: Asked, next_page: int | None) -> Response:
        """Says where the next page is (RFC 8288)."""
        if next_page is not None:
            url = asked.request.url.include_query_params(page=next_page)
            where = f"{self.base_url(asked)}{url.path}?{url.query}"
            response.headers["link"] = f'<{where}>; rel="next"'
        return response

    async def get_bulk(self, asked: Asked) -> Response:
        wrong = self.wrong_place(asked.query.get("jurisdiction_id"))
        filters = read_filters(_mapped(asked), self.services.clock.now(), bulk=True)
        if wrong is not None or isinstance(filters, Refused):
            return self.refuse(asked, wrong or cast(Refused, filters))
        teller = await self.teller(asked)
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
        """A photo of a published case, once a person has released it."""
        number = asked.name.removesuffix(".jpg")
        row = await find_one(self.services, case_id)
        unknown = Refused("path_unknown", "")
        if row is None or not row.case.published:
            return self.refuse(asked, unknown)
        media = photos_of(row.case)
        if not (number.isascii() and number.isdigit() and 0 < int(number[:6]) <= len(media)):
            return self.refuse(asked, unknown)
        out = await released(self.services, [row.case])
        if int(number) not in out.get(row.case.id, ()):
            return self.refuse(asked, unknown)
        ref = media[int(number) - 1]
        holders = {row.case.id: await holders_of(row.case, self.services.store)}
        wanted = {row.case.id: (ref,)}
        opened = await see(wanted, holders, by=PUBLIC, purpose=PURPOSE, vault=self.services.vault)
        found = opened.get(ref)
        if found is None:
            return self.refuse(asked, unknown)
        # Not for long: what is published can be taken back.
        headers = {
            "cache-control": "public, max-age=60",
            "content-type": found[1],
            # Other sites show it beside the request.
            "cross-origin-resource-policy": "cross-origin",
        }
        return Response(found[0], headers=headers)

    async def get_updates(self, asked: Asked) -> Response:
        wrong = self.wrong_place(asked.query.get("jurisdiction_id"))
        filters = read_filters(_mapped(asked), self.services.clock.now())
        if wrong is not None or isinstance(filters, Refused):
            return self.refuse(asked, wrong or cast(Refused, filters))
        elements, more = await list_updates(self.services, filters, asked.language)
        response = self.say(asked, "service_request_updates", elements)
        return self._linked(response, asked, filters.page + 1 if more else None)


def _bare(data: bytes, media_type: str) -> Response:
    """Starlette adds a charset to text types unless the header is there already."""
    return Response(data, headers={"content-type": media_type})


def _mapped(asked: Asked) -> dict[str, str]:
    return as_mapping(asked.query.multi_items())
