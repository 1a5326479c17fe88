"""Reads the body of a form without ever losing what was typed.

A photo that is too large, or for which the disk has no room, is read to its end and thrown away,
so that the fields around it survive and the page can say what is wrong with everything still in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Final
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from tocsin.kernel.shared import Refused
from tocsin.runtime.photos import BYTES_MAX
from tocsin.runtime.uploads import (
    SPOOLED_BYTES,
    fed,
    holding,
    in_memory,
    keep,
    may_be_photo,
    spooled,
)
from tocsin.web.problems import Problem

FIELDS_MAX: Final = 200
"""Fields of a form: a hundred answers and some."""
FIELD_BYTES_MAX: Final = 131_072
"""Bytes of one field, and of all fields of a form without a photo: the longest text, encoded."""
FILES_MAX: Final = 5
"""Files looked at; more are read over."""
FIELDS_BYTES_MAX: Final = 8 * FIELD_BYTES_MAX
"""Bytes of all fields of a form together."""


@dataclass(slots=True)
class Form:
    """What was filled in. A file is open for as long as the form is being dealt with, or refused
    with one of `photos.REASONS`."""

    fields: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    files: list[IO[bytes] | Refused] = field(default_factory=list[IO[bytes] | Refused])

    def get(self, name: str) -> str:
        """The first value of a field; empty when it is not there."""
        found = self.fields.get(name)
        return found[0] if found else ""


@asynccontextmanager
async def read_form(request: Request) -> AsyncGenerator[Form]:
    """The form of a request, and its files for as long as it is open. Raises `Problem` for what no
    form of ours can be."""
    with ExitStack() as stack:
        yield await _read(request, stack)


async def _read(request: Request, stack: ExitStack) -> Form:
    kind = request.headers.get("content-type", "")
    name, options = parse_options_header(kind)
    if name == b"multipart/form-data":
        boundary = options.get(b"boundary", b"")
        if not boundary or len(boundary) > 200:
            raise Problem("bad_request", "the boundary is missing")
        return await _parsed(request, boundary, _Parts(stack))
    if name not in (b"application/x-www-form-urlencoded", b""):
        raise Problem("wrong_media_type", "a form")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FIELDS_BYTES_MAX:
            raise Problem("too_large")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
        )
    except ValueError:
        raise Problem("bad_request") from None
    form = Form()
    for key, value in pairs:
        form.fields[key].append(value)
    return form


class _Parts:
    """Collects the parts of a multipart body; the callbacks of one parser. Files are closed with
    `stack`."""

    def __init__(self, stack: ExitStack) -> None:
        self.form = Form()
        self._stack = stack
        self._fields_size = 0
        self._files_size = 0
        self.is_whole = False
        self._header = [b"", b""]
        self._name = ""
        self._is_file = False
        self._data: IO[bytes] = BytesIO()
        self._size = 0
        self._lost: Refused | None = None
        self._may_be_photo = True
        self._count = 0

    @property
    def held(self) -> int:
        """Bytes of the form in memory."""
        return self._fields_size + self._files_size + self._held_of_file

    @property
    def _held_of_file(self) -> int:
        return 0 if not self._is_file or self._lost else in_memory(self._size)

    def begin(self) -> None:
        self._name, self._is_file = "", False
        self._lost, self._may_be_photo = None, True
        self._data = BytesIO()
        self._size = 0
        self._count += 1
        if self._count > FIELDS_MAX:
            raise Problem("bad_request", f"more than {FIELDS_MAX} fields")

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def header_end(self) -> None:
        name, value = self._header
        self._header = [b"", b""]
        if name.lower() == b"content-disposition":
            _, options = parse_options_header(value)
            self._name = options.get(b"name", b"").decode("utf-8", "replace")
            if b"filename" in options and not self._is_file:
                self._is_file, self._data = True, spooled(self._stack)

    def data(self, data: bytes, start: int, end: int) -> None:
        limit = BYTES_MAX if self._is_file else FIELD_BYTES_MAX
        self._size += end - start
        if not self._is_file:
            self._fields_size += end - start
        if self._lost:
            return
        if self._size > limit or self._fields_size > FIELDS_BYTES_MAX:
            self._lost = Refused("photo_too_large", "")
            self._data.close()
        elif not self._is_file:
            self._data.write(data[start:end])
        elif self._is_kept(data[start:end]):
            self._lost = keep(self._data, data[start:end])

    def _is_kept(self, data: bytes) -> bool:
        """Of what is no photo the beginning is enough to be told so: it takes no disk."""
        self._may_be_photo &= may_be_photo(self._data, data)
        return self._may_be_photo or self._data.tell() + len(data) <= SPOOLED_BYTES

    def end(self) -> None:
        if not self._is_file:
            if self._lost:
                raise Problem("too_large")
            try:
                self._data.seek(0)
                self.form.fields[self._name].append(self._data.read().decode())
            except UnicodeDecodeError:
                raise Problem("bad_request") from None
            self._data.close()
        elif len(self.form.files) < FILES_MAX and self._size:
            # A file field that nobody filled in comes as an empty file.
            if not self._lost:
                self._lost = keep(self._data, b"", is_last=True)
            self._files_size += self._held_of_file
            self.form.files.append(self._lost or self._data)
        else:
            self._data.close()
        self._is_file = False

    def whole(self) -> None:
        self.is_whole = True


async def _parsed(request: Request, boundary: bytes, parts: _Parts) -> Form:
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": parts.begin,
            "on_part_data": parts.data,
            "on_part_end": parts.end,
            "on_header_field": parts.header_name,
            "on_header_value": parts.header_value,
            "on_header_end": parts.header_end,
            "on_end": parts.whole,
        },
    )
    hold = holding(request.scope)
    try:
        async for chunk in request.stream():
            await fed(parser.write, chunk, parts.held)
            hold(parts.held)
    except FormParserError:
        raise Problem("bad_request", "not a multipart body") from None
    if not parts.is_whole:
        raise Problem("bad_request", "the body is cut off")
    return parts.form


__all__ = ["Form", "read_form"]
