"""Bytes of a form to a report: pure, and never surprised by any bytes.

Reads what GeoReport v2 clients send: `application/x-www-form-urlencoded` and
`multipart/form-data`, `attribute[X]` and `attribute[X][]`, brackets percent-encoded or not,
line ends as CRLF or LF. Unknown parameters are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Final
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from tocsin.geography.datums import DATUMS, to_wgs84
from tocsin.kernel.shared import Place, Refused
from tocsin.runtime.developing import BYTES_MAX
from tocsin.runtime.reception import IncomingReport
from tocsin.runtime.uploads import in_memory, keep, may_be_photo, spooled

FIELDS_MAX: Final = 300
"""Fields of one form: `reception.ANSWERS_LIMIT` answers, the fixed ones, and room for others."""
FIELDS_BYTES_MAX: Final = 2**20
"""Bytes of all fields of a form with files: as of one without."""
HEADER_MAX: Final = 4_096
"""Bytes of the headers of one part of a multipart body."""
KEY_MAX: Final = 128
"""Characters of an Idempotency-Key."""
SOURCE: Final = "open311"
CONTACTS: Final = ("first_name", "last_name", "email", "phone", "device_id", "account_id")
"""The parameters that say who reports. They go to the vault together and never come out here."""
REASONS: Final = ("type_unsupported", "not_utf8", "unreadable", "bad_coordinates", "photo_type")
"""Beside `too_large` and `photo_too_large`, for what is longer than any example."""

_ATTRIBUTE = re.compile(r"attribute\[([^\[\]]+)\](?:\[\d*\])?\Z")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\Z")


@dataclass(frozen=True, slots=True)
class Form:
    """A form as sent: fields in their order, and its photos, open for as long as the reader is."""

    fields: Sequence[tuple[str, str]]
    photos: tuple[IO[bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """A request to open a case. `report.case_type` is the service code as sent; `uploads` are
    photos as sent, not yet safe to keep, open for as long as the reader of the form is."""

    report: IncomingReport
    api_key: str = ""
    jurisdiction: str = ""
    uploads: tuple[IO[bytes], ...] = ()


@dataclass(slots=True)
class _Fields:
    single: dict[str, str] = field(default_factory=dict[str, str])
    answers: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


def parse(body: bytes, headers: Mapping[str, str]) -> IncomingReport | Refused:
    """The report in a body; headers by lower-case name. Refused with one of `REASONS`."""
    with FormReader(headers.get("content-type", "")) as reader:
        reader.feed(body)
        form = reader.form()
        submission = form if isinstance(form, Refused) else submission_of(form, headers)
    return submission if isinstance(submission, Refused) else submission.report


def submission_of(form: Form, headers: Mapping[str, str]) -> Submission | Refused:
    """The whole submission in a form: the report, and what the door needs to know."""
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
    uploads = tuple(file for file in form.photos if file.seek(0, 2))
    return Submission(report, given("api_key", ""), given("jurisdiction_id", ""), uploads)


class FormReader:
    """Reads a form while it arrives; one without a type is taken for a urlencoded form. Files lie
    on disk until the reader is closed."""

    def __init__(self, content_type: str) -> None:
        self._stack = ExitStack()
        self._text = bytearray()
        self._parts = _Parts(self._stack)
        self._parser: MultipartParser | None = None
        self._refused: Refused | None = None
        kind, _, rest = content_type.partition(";")
        kind = kind.strip().lower()
        if rest and not _is_utf8(rest):
            self._refused = Refused("type_unsupported", "charset must be utf-8")
        elif kind == "multipart/form-data":
            self._parser = self._parser_of(content_type)
        elif kind not in ("application/x-www-form-urlencoded", ""):
            self._refused = Refused("type_unsupported", "not a form")

    def __enter__(self) -> FormReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def held(self) -> int:
        """Bytes of the form in memory."""
        return len(self._text) + self._parts.held

    def feed(self, data: bytes) -> Refused | None:
        """The next bytes. What is refused already is not read to its end."""
        if self._refused is not None:
            return self._refused
        if self._parser is None:
            self._text += data
            return None
        try:
            self._parser.write(data)
        except FormParserError:
            self._refused = Refused("unreadable", "not a multipart body")
        except _Stopped as stopped:
            self._refused = stopped.refused
        return self._refused

    def form(self) -> Form | Refused:
        """What was filled in, once all bytes are here."""
        if self._refused is not None:
            return self._refused
        if self._parser is None:
            return _urlencoded(bytes(self._text))
        if not self._parts.is_ended:
            return Refused("unreadable", "the multipart body is cut off")
        return Form(self._parts.fields, tuple(self._parts.photos))

    def _parser_of(self, content_type: str) -> MultipartParser | None:
        _, options = parse_options_header(content_type.encode("utf-8", "replace"))
        boundary = options.get(b"boundary", b"")
        if not boundary or len(boundary) > 200:
            self._refused = Refused("unreadable", "the boundary is missing")
            return None
        parts = self._parts
        return MultipartParser(
            boundary,
            {
                "on_part_begin": parts.begin,
                "on_header_field": parts.header_name,
                "on_header_value": parts.header_value,
                "on_header_end": parts.header_end,
                "on_headers_finished": parts.headers_end,
                "on_part_data": parts.data,
                "on_part_end": parts.part_end,
                "on_end": parts.end,
            },
            max_header_size=HEADER_MAX,
        )


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


def _stop_if(refused: Refused | None) -> None:
    if refused is not None:
        raise _Stopped(refused)


class _Parts:
    """Collects the parts of a multipart body; the callbacks of one parser. Files are closed with
    `stack`."""

    def __init__(self, stack: ExitStack) -> None:
        self.fields: list[tuple[str, str]] = []
        self.photos: list[IO[bytes]] = []
        self.is_ended = False
        self._stack = stack
        self._count = 0
        self._fields_bytes = 0
        self._files_bytes = 0
        self._file: IO[bytes] | None = None
        self._field = ""
        self._is_unread = False  # a file that is no photo of the request
        self._headers: dict[bytes, bytes] = {}
        self._name = bytearray()
        self._value = bytearray()
        self._data = bytearray()

    @property
    def held(self) -> int:
        """Bytes in memory, those of files as if they were all still there up to the limit."""
        being_read = 0 if self._file is None else in_memory(self._file.tell())
        return self._fields_bytes + self._files_bytes + being_read

    def begin(self) -> None:
        self._headers = {}
        self._data = bytearray()
        self._count += 1
        if self._count > FIELDS_MAX:
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

    def headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._field = self._decoded(options.get(b"name", b""))
        is_media = _is_media(self._field)
        self._is_unread = b"filename" in options and not is_media
        self._file = spooled(self._stack) if is_media else None

    def data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._keep(self._file, data[start:end])
            return
        if self._is_unread:
            return
        self._fields_bytes += end - start
        if self._fields_bytes > FIELDS_BYTES_MAX:
            raise _Stopped(Refused("too_large", f"over {FIELDS_BYTES_MAX} bytes of text"))
        self._data += data[start:end]

    def _keep(self, file: IO[bytes], data: bytes) -> None:
        if not may_be_photo(file, data):
            raise _Stopped(Refused("photo_type", "not a JPEG, PNG or WebP picture"))
        if file.tell() + len(data) > BYTES_MAX:
            raise _Stopped(Refused("photo_too_large", f"over {BYTES_MAX // 2**20} MB"))
        _stop_if(keep(file, data))

    def part_end(self) -> None:
        file, self._file = self._file, None
        if self._is_unread:
            return
        if file is None:
            self.fields.append((self._field, self._decoded(self._data)))
        else:
            _stop_if(keep(file, b"", is_last=True))
            self._files_bytes += in_memory(file.tell())
            self.photos.append(file)

    def end(self) -> None:
        self.is_ended = True

    @staticmethod
    def _decoded(data: bytes | bytearray) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise _Stopped(Refused("not_utf8", "text must be in UTF-8")) from None


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
