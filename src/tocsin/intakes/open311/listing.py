"""Cases as service requests: what the public may know of each, and nothing else.

Never a name, a contact or an address; the place as a catchment of many homes.
The description only once the case is published, photos and links only once a person has released
them as well; of confidential types and of types that are not public, nothing at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from tocsin.intakes.open311.filters import CLOSED, ROWS_MAX, Filters, is_id
from tocsin.intakes.open311.formats import Element, Value, moment
from tocsin.intakes.open311.words import ending, sentence
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, ActorId, AgencyId, AreaPath, CaseId, Place, SealedRef
from tocsin.packs.model import CaseType, Pack
from tocsin.runtime.catchments import Catchments, catchments_of, public_point
from tocsin.runtime.ports import BoardRow
from tocsin.runtime.redactions import Redaction, Said, public_text, said_of
from tocsin.runtime.seeing import holders_of, see
from tocsin.runtime.services import Services

NEAR_MAX: Final = 5_000
"""Cases looked at for one question by place."""
CASES_AT_ONCE: Final = 500
"""Two values each, as told and as decided: no more than the vault opens at once."""
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
BULK_ROWS: Final = 500
"""Cases of one page of a bulk download: its published texts are opened together."""
BREATH: Final = 100
"""Cases told in one go, under two milliseconds."""
PUBLIC: Final = Actor(ActorId("public"), "integration")
"""Who reads published words: everybody."""
PURPOSE: Final = "publication"

COLUMNS: Final = (
    "service_request_id",
    "requested_datetime",
    "updated_datetime",
    "closed_date",
    "status_description",
    "status_notes",
    "source",
    "service_name",
    "service_subtype",
    "description",
    "agency_responsible",
    "address",
    "lat",
    "long",
    "service_code",
    "media_url",
)
"""GeoReport Bulk Data Specification, "Fields", and two columns of ours at the end."""


@dataclass(frozen=True, slots=True)
class Published:
    """The words of one published case, and the numbers, from 1, of its released photos."""

    text: str | None = None
    media_url: str | None = None
    photos: tuple[int, ...] = ()


NOTHING: Final = Published()


def shown_type(pack: Pack, case: Case) -> CaseType | None:
    """The case's type if cases of it may be shown to the public, else None."""
    case_type = pack.case_types.get(case.case_type)
    if case_type is None or not case_type.public or case_type.terms.sealed:
        return None
    if case.is_silent or case.is_drill:
        # Not a word of what somebody pressed in secret; and an exercise is no news.
        return None
    return case_type


def shown_codes(pack: Pack, service_codes: Sequence[str] = ()) -> tuple[str, ...]:
    """The case types that may be shown, of those services, or of all."""
    return tuple(
        case_type.code
        for code, case_type in pack.services.items()
        if not case_type.terms.sealed and (not service_codes or code in service_codes)
    )


async def find_one(services: Services, case_id: str) -> BoardRow | None:
    """One case by id, if the public may know of it."""
    if not is_id(case_id):
        return None
    row = await services.store.case(CaseId(case_id))
    if row is None or row.case.opened_at is None or shown_type(services.pack, row.case) is None:
        return None
    return row


async def find(services: Services, filters: Filters) -> tuple[Sequence[BoardRow], bool]:
    """One page of matching cases, newest first, and whether there are more."""
    skip = (filters.page - 1) * filters.page_size
    if filters.around is not None and not filters.ids:
        rows = await _find_near(services, filters)
        return rows[skip : skip + filters.page_size], len(rows) > skip + filters.page_size
    codes = shown_codes(services.pack, () if filters.ids else filters.service_codes)
    if not codes:
        return (), False
    found: list[BoardRow] = []
    after: str | None = None
    while len(found) < filters.page_size:
        wanted = filters.page_size - len(found) + skip
        query = filters.board_query(codes, min(wanted, ROWS_MAX), after)
        page = await services.store.cases(query)
        rows = [row for row in page.rows if shown_type(services.pack, row.case) is not None]
        found += rows[skip:]
        skip = max(0, skip - len(rows))
        after = page.next
        if after is None:
            break
    return found, after is not None


async def _find_near(services: Services, filters: Filters) -> list[BoardRow]:
    """Near is what is shown near: who asks with ever smaller circles finds a catchment, no home.
    So the villages with a catchment in the circle are looked through, newest cases first."""
    known, atlas = await catchments_of(services), services.atlas
    codes = shown_codes(services.pack, filters.service_codes)
    kept: list[BoardRow] = []
    left = NEAR_MAX if codes else 0
    for village in atlas.tier("village"):
        paths = (AreaPath(village.id, village.id, village.id, cell) for cell in
                 atlas.cells(village.id))  # fmt: skip
        if not any(filters.is_near(public_point(path, atlas, known)) for path in paths):
            continue
        after: str | None = None
        while left > 0:
            query = filters.board_query(codes, min(left, ROWS_MAX), after)
            page = await services.store.cases(replace(query, tier="village", area=village.id))
            left -= len(page.rows)
            kept += [row for row in page.rows if _matches(row, services, filters, known)]
            after = page.next
            if after is None:
                break
    kept.sort(key=lambda row: (row.case.opened_at or LONG_AGO, row.case.id), reverse=True)
    return kept


def _matches(row: BoardRow, services: Services, filters: Filters, known: Catchments) -> bool:
    case_type = shown_type(services.pack, row.case)
    code = case_type.service_code if case_type else None
    return filters.matches(row, code, shown_at(row.case, services, known))


def shown_at(case: Case, services: Services, known: Catchments) -> Place | None:
    """The one point at which the public is shown a case, published or not; None while nobody has
    found its place."""
    if case.areas is None or not is_located(case, services.reception.desk):
        return None
    return public_point(case.areas, services.atlas, known)


async def published(services: Services, rows: Sequence[BoardRow]) -> Mapping[CaseId, Published]:
    """The words of the published cases among these, and their released photos; the vault is opened
    at most once for every `CASES_AT_ONCE` of them."""
    wanted: dict[CaseId, SealedRef] = {}
    for row in rows:
        case = row.case
        said = case.reports[0].description if case.published and case.reports else None
        if said is not None and shown_type(services.pack, case) is not None:
            wanted[case.id] = said
    words_on: Mapping[CaseId, Redaction] = {}
    if services.redactions is not None:
        words_on = await services.redactions.decided(wanted)
    opened: dict[SealedRef, tuple[bytes, str]] = {}
    shown = [row.case for row in rows if row.case.id in wanted]
    holders = {case.id: await holders_of(case, services.store) for case in shown}
    ids = list(wanted)
    for start in range(0, len(ids), CASES_AT_ONCE):
        some = {
            case_id: _refs_of(wanted[case_id], words_on.get(case_id))
            for case_id in ids[start : start + CASES_AT_ONCE]
        }
        opened.update(await see(some, holders, by=PUBLIC, purpose=PURPOSE, vault=services.vault))
    told = {case_id: _told(wanted[case_id], words_on.get(case_id), opened) for case_id in ids}
    for case_id, numbers in (await released(services, [row.case for row in rows])).items():
        told[case_id] = replace(told.get(case_id, NOTHING), photos=numbers)
    return told


def photos_of(case: Case) -> tuple[SealedRef, ...]:
    """The photos that would be published, released or not."""
    return case.reports[0].media if case.reports else ()


async def released(services: Services, cases: Sequence[Case]) -> Mapping[CaseId, tuple[int, ...]]:
    """Which photos of the published cases among these the public may see, counted from 1. Only a
    person's last word on the photo as it is now lets it out: nothing here looks into photos."""
    shown = [
        case
        for case in cases
        if case.published and photos_of(case) and shown_type(services.pack, case) is not None
    ]
    if not shown or services.redactions is None:
        return {}
    pieces = [(case.id, ref) for case in shown for ref in photos_of(case)]
    words = await services.redactions.last_on(pieces)
    return {
        case.id: tuple(
            number
            for number, ref in enumerate(photos_of(case), 1)
            if (word := words.get((case.id, ref))) is not None and word.decision == "accepted"
        )
        for case in shown
    }


def _refs_of(description: SealedRef, word: Redaction | None) -> list[SealedRef]:
    """What is opened of one case: nothing of what a person held back."""
    if word is None:
        return [description]
    return [] if word.value is None else [description, word.value]


def _told(
    description: SealedRef, word: Redaction | None, opened: Mapping[SealedRef, tuple[bytes, str]]
) -> Published:
    """What the public reads. Where a decided text is gone the finder's gaps come back."""
    if word is not None and word.decision == "held":
        return NOTHING
    said = said_of(*opened[description]) if description in opened else Said()
    decided = opened.get(word.value) if word is not None and word.value is not None else None
    text = public_text(
        said.text,
        word.decision if word is not None else None,
        decided[0].decode() if decided is not None else None,
    )
    # What lies behind a link is as unseen as a photo: it waits for a person's word.
    is_link = word is not None and said.media_url.startswith(("https://", "http://"))
    return Published(text, said.media_url if is_link else None)


def is_located(case: Case, desk: Place | None) -> bool:
    """Whether anyone knows where it is. A case that was reported with an address only stands on
    the board in the middle of the county until someone has found the place."""
    return case.place != desk or not case.reports or case.reports[0].address is None


def is_closed(case: Case) -> bool:
    return case.status in CLOSED


def status_note(case: Case, language: str) -> str:
    """How the case stands, in one plain sentence."""
    if case.status == "merged":
        return sentence("merged", language, into=case.links.merged_into or "")
    if case.is_open and case.question is not None:
        return sentence("asked", language)
    if case.is_open and case.hold is not None and case.hold.granted_at is not None:
        return sentence("on_hold", language)
    note = sentence(case.status, language)
    end = ending(case.disposition, language) if case.disposition and is_closed(case) else ""
    return f"{note} {end}".strip()


def agency_name(pack: Pack, agency: AgencyId | None, language: str) -> str | None:
    if agency is None:
        return None
    found = pack.agencies.get(agency.partition("@")[0])
    return pack.in_language(found.name, language) if found else None


@dataclass(frozen=True, slots=True)
class Teller:
    """Says what a case is, to one client: in which language, under which address."""

    services: Services
    language: str
    base_url: str
    known: Catchments
    extensions: bool = False

    def request(self, row: BoardRow, words: Published = NOTHING) -> Element:
        """One service request, as GeoReport v2 shows it."""
        case, pack = row.case, self.services.pack
        case_type = pack.case_types[case.case_type]
        lat, lon = self._position(case)
        element: dict[str, Value] = {
            "service_request_id": case.id,
            "status": "closed" if is_closed(case) else "open",
            "status_notes": status_note(case, self.language),
            "service_name": pack.in_language(case_type.title, self.language),
            "service_code": case_type.service_code,
            "description": words.text,
            "agency_responsible": agency_name(pack, case.lead, self.language),
            "service_notice": None,
            "requested_datetime": moment(case.opened_at),
            "updated_datetime": moment(case.closed_at if is_closed(case) else row.updated_at),
            "expected_datetime": moment(case.promised_at),
            "address": None,  # a house: the public is shown a catchment
            "address_id": None,
            "zipcode": None,
            "lat": lat,
            "long": lon,
            "media_url": self._media_url(case, words),
        }
        if self.extensions:
            element["extended_attributes"] = self._extended(case, words)
        return element

    def bulk(self, row: BoardRow, words: Published = NOTHING) -> list[str | float | None]:
        """One line of the bulk download, in the order of `COLUMNS`."""
        case, pack = row.case, self.services.pack
        case_type = pack.case_types[case.case_type]
        lat, lon = self._position(case)
        return [
            case.id,
            moment(case.opened_at),
            moment(case.closed_at if is_closed(case) else row.updated_at),
            moment(case.closed_at) if is_closed(case) else None,
            "closed" if is_closed(case) else "open",
            status_note(case, self.language),
            case.reports[0].source if case.reports else None,
            pack.in_language(case_type.title, self.language),
            None,
            words.text,
            agency_name(pack, case.lead, self.language),
            None,
            lat,
            lon,
            case_type.service_code,
            self._media_url(case, words),
        ]

    def _position(self, case: Case) -> tuple[float | None, float | None]:
        place = shown_at(case, self.services, self.known)
        return (None, None) if place is None else (place.lat, place.lon)

    def photo_urls(self, case: Case, words: Published) -> tuple[str, ...]:
        """Where the released photos of a published case can be seen."""
        return tuple(
            f"{self.base_url}/open311/v2/media/{case.id}/{number}.jpg" for number in words.photos
        )

    def _media_url(self, case: Case, words: Published) -> str | None:
        photos = self.photo_urls(case, words)
        return photos[0] if photos else words.media_url

    def _extended(self, case: Case, words: Published) -> Element:
        return {
            "channel": case.reports[0].source if case.reports else None,
            "priority": case.priority,
            "reports": len(case.reports),
            "photos": [{"media_url": url} for url in self.photo_urls(case, words)],
        }


async def tell(services: Services, rows: Sequence[BoardRow], teller: Teller) -> list[Value]:
    """These cases as service requests."""
    words = await published(services, rows)
    told: list[Value] = []
    for start in range(0, len(rows), BREATH):
        some = rows[start : start + BREATH]
        told += [teller.request(row, words.get(row.case.id, NOTHING)) for row in some]
        # Reports that are coming in go first.
        await asyncio.sleep(0)
    return told


async def every_page(services: Services, filters: Filters) -> AsyncIterator[Sequence[BoardRow]]:
    """All matching cases, newest first, in bounded memory: for the bulk download."""
    if filters.around is not None and not filters.ids:
        rows = await _find_near(services, filters)
        for start in range(0, len(rows), BULK_ROWS):
            yield rows[start : start + BULK_ROWS]
        return
    codes = shown_codes(services.pack, () if filters.ids else filters.service_codes)
    after: str | None = None
    while codes:
        page = await services.store.cases(filters.board_query(codes, BULK_ROWS, after))
        yield page.rows
        after = page.next
        if after is None:
            return
