"""Bytes of a form to a report: pure, and never surprised by any bytes.

Reads what GeoReport v2 clients send: `application/x-www-form-urlencoded` and
`multipart/form-data`, `attribute[X]` and `attribute[X][]`, brackets percent-encoded or not,
line ends as CRLF or LF. Unknown parameters are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from tocsin.geography.datums import DATUMS, to_wgs84
from tocsin.kernel.shared import Place, Refused
from tocsin.runtime.reception import IncomingReport

FIELDS_MAX: Final = 300
"""Fields of one form: `reception.ANSWERS_LIMIT` answers, the fixed ones, and room for others."""
HEADER_MAX: Final = 4_096
"""Bytes of the headers of one part of a multipart body."""
KEY_MAX: Final = 128
"""Characters of an Idempotency-Key."""
SOURCE: Final = "open311"
CONTACTS: Final = ("first_name", "last_name", "email", "phone", "device_id", "account_id")
"""The parameters that say who reports. They go to the vault together and never come out here."""
REASONS: Final = ("type_unsupported", "not_utf8", "unreadable", "bad_coordinates")

_ATTRIBUTE = re.compile(r"attribute\[([^\[\]]+)\](?:\[\d*\])?\Z")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\Z")


@dataclass(frozen=True, slots=True)
class Form:
    """A form as sent: fields in their order, and uploaded files as (field name, bytes)."""

    fields: Sequence[tuple[str, str]]
    files: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """A request to open a case. `report.case_type` is the service code as sent; `uploads` are
    photos as sent, not yet safe to keep."""

    report: IncomingReport
    api_key: str = ""
    jurisdiction: str = ""
    uploads: tuple[bytes, ...] = ()


@dataclass(slots=True)
class _Fields:
    single: dict[str, str] = field(default_factory=dict[str, str])
    answers: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


def parse(body: bytes, headers: Mapping[str, str]) -> IncomingReport | Refused:
    """The report in a body; headers by lower-case name. Refused with one of `REASONS`."""
    submission = read(body, headers)
    return submission if isinstance(submission, Refused) else submission.report


def read(body: bytes, headers: Mapping[str, str]) -> Submission | Refused:
    """The whole submission in a body: the report, and what the door needs to know."""
    form = read_form(body, headers.get("content-type", ""))
    if isinstance(form, Refused):
        return form
    fields = _sort(form.fields)
    if isinstance(fields, Refused):
        return fields
    given = fields.single.get
    place = coordinates(
        given("lat", ""), given("long") or given("lon") or "", given("datum") or "wgs84"
    )
    if isinstance(place, Refused):
        return place
    report = IncomingReport(
        source=SOURCE,
        case_type=given("service_code", ""),
        text=given("description", "").replace("\r\n", "\n").replace("\r", "\n"),
        place=place,
        address=given("address_string") or given("address") or given("address_id") or "",
        contact={name: value for name in CONTACTS if (value := given(name, ""))},
        answers=fields.answers,
        media_url=given("media_url", ""),
        consent=given("consent", "").lower() in ("true", "1", "yes"),
        key=headers.get("idempotency-key", "")[:KEY_MAX] or None,
    )
    uploads = tuple(data for name, data in form.files if _is_media(name) and data)
    return Submission(report, given("api_key", ""), given("jurisdiction_id", ""), uploads)


def in_language(submission: Submission, language: str) -> Submission:
    """The same submission, its report marked as written in a language."""
    return replace(submission, report=replace(submission.report, language=language))


def read_form(body: bytes, content_type: str) -> Form | Refused:
    """The fields and files of a body; a body without a type is taken for a urlencoded form."""
    kind, _, rest = content_type.partition(";")
    kind = kind.strip().lower()
    if rest and not _is_utf8(rest):
        return Refused("type_unsupported", "charset must be utf-8")
    if kind in ("application/x-www-form-urlencoded", ""):
        return _urlencoded(body)
    if kind == "multipart/form-data":
        return _multipart(body, content_type)
    return Refused("type_unsupported", "not a form")


def _is_utf8(parameters: str) -> bool:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower() in ("utf-8", "utf8", "us-ascii")
    return True


def _urlencoded(body: bytes) -> Form | Refused:
    try:
        text = body.decode()
        return Form(
            parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
        )
    except UnicodeDecodeError:
        return Refused("not_utf8", "text must be in UTF-8")
    except ValueError:
        return Refused("unreadable", f"more than {FIELDS_MAX} fields")


class _Stopped(Exception):
    """Out of the middle of a body: what is refused already is not read to its end."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.reason)
        self.refused = refused


class _Parts:
    """Collects the parts of a multipart body; the callbacks of one parser."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self.files: list[tuple[str, bytes]] = []
        self.is_ended = False
        self._headers: dict[bytes, bytes] = {}
        self._name = bytearray()
        self._value = bytearray()
        self._data: list[bytes] = []

    def begin(self) -> None:
        self._headers = {}
        self._data = []
        if len(self.fields) + len(self.files) >= FIELDS_MAX:
            raise _Stopped(Refused("unreadable", f"more than {FIELDS_MAX} fields"))

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if len(self._headers) < 16:
            self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def data(self, data: bytes, start: int, end: int) -> None:
        self._data.append(data[start:end])

    def part_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        data = b"".join(self._data)
        try:
            name = options.get(b"name", b"").decode()
            if b"filename" in options or _is_media(name):
                self.files.append((name, data))
            else:
                self.fields.append((name, data.decode()))
        except UnicodeDecodeError:
            raise _Stopped(Refused("not_utf8", "text must be in UTF-8")) from None

    def end(self) -> None:
        self.is_ended = True


def _multipart(body: bytes, content_type: str) -> Form | Refused:
    _, options = parse_options_header(content_type.encode("utf-8", "replace"))
    boundary = options.get(b"boundary", b"")
    if not boundary or len(boundary) > 200:
        return Refused("unreadable", "the boundary is missing")
    parts = _Parts()
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": parts.begin,
            "on_header_field": parts.header_name,
            "on_header_value": parts.header_value,
            "on_header_end": parts.header_end,
            "on_part_data": parts.data,
            "on_part_end": parts.part_end,
            "on_end": parts.end,
        },
        max_header_size=HEADER_MAX,
    )
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError:
        return Refused("unreadable", "not a multipart body")
    except _Stopped as stopped:
        return stopped.refused
    if not parts.is_ended:
        return Refused("unreadable", "the multipart body is cut off")
    return Form(parts.fields, tuple(parts.files))


def _sort(pairs: Sequence[tuple[str, str]]) -> _Fields | Refused:
    fields = _Fields()
    for name, value in pairs:
        if not name.startswith("attribute["):
            fields.single.setdefault(name, value)
            continue
        match = _ATTRIBUTE.match(name)
        if match and value:
            value = value.replace("\r\n", "\n").replace("\r", "\n")
            fields.answers.setdefault(match[1], []).append(value)
    return fields


def _is_media(name: str) -> bool:
    return name == "media" or name.startswith("media[")


def coordinates(lat: str, lon: str, datum: str = "wgs84") -> Place | None | Refused:
    """The WGS84 place of two texts, given in `datum`; None when both are empty."""
    lat, lon = lat.strip(), lon.strip()
    if not lat and not lon:
        return None
    wrong = Refused("bad_coordinates", "lat and long are decimal degrees, both are needed")
    if len(lat) > 40 or len(lon) > 40 or not (_NUMBER.match(lat) and _NUMBER.match(lon)):
        return wrong
    x, y = float(lon), float(lat)
    if not (abs(x) <= 180 and abs(y) <= 90):
        return wrong
    for known in DATUMS:
        if datum.lower() == known:
            return to_wgs84(x, y, known)
    return Refused("bad_coordinates", "datum is wgs84, gcj02 or bd09")
