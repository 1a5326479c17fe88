"""The parts of a form: files as they came, however large, and no more of fields than is held."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.types import Message

from tocsin.runtime.photos import BYTES_MAX
from tocsin.web.problems import Problem
from tocsin.web.public.forms import (
    FIELD_BYTES_MAX,
    FIELDS_BYTES_MAX,
    SPOOLED_BYTES,
    Form,
    read_form,
)


async def read(*parts: tuple[str, bytes]) -> Form:
    """The form of such parts, in pieces of 50,000 bytes; a name with a dot is that of a file."""
    body = b""
    for name, data in parts:
        more = f'; filename="{name}"' if "." in name else ""
        head = f'--x\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    body += b"--x--\r\n"
    pieces = [body[at : at + 50_000] for at in range(0, len(body), 50_000)]

    async def receive() -> Message:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    return await read_form(Request({"type": "http", "headers": headers}, receive))


async def test_files_come_whole_from_memory_and_from_disk():
    small, large = b"a" * 100, bytes(range(256)) * (SPOOLED_BYTES // 50)
    form = await read(
        ("a.jpg", small), ("word", b"hello"), ("b.jpg", large), ("c.jpg", b""),
        ("d.jpg", b"d" * (BYTES_MAX + 1)), ("word", b"again"),
    )  # fmt: skip
    assert form.files == [small, large, None]
    assert form.fields == {"word": ["hello", "again"]}


async def test_fields_are_bounded_together():
    field = ("word", b"a" * FIELD_BYTES_MAX)
    count = FIELDS_BYTES_MAX // FIELD_BYTES_MAX
    assert len((await read(*[field] * count)).fields["word"]) == count
    with pytest.raises(Problem) as found:
        await read(*[field] * count, ("word", b"a"))
    assert found.value.reason == "too_large"
