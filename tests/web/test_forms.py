"""The parts of a form: files as they came, however large, and no more of fields than is held."""

from __future__ import annotations

from contextlib import ExitStack
from tempfile import SpooledTemporaryFile

import pytest
from starlette.requests import Request
from starlette.types import Message

from tocsin.kernel.shared import Refused
from tocsin.runtime.photos import BYTES_MAX
from tocsin.runtime.uploads import SPOOLED_BYTES, keep, spooled
from tocsin.web.problems import Problem
from tocsin.web.public.forms import (
    FIELD_BYTES_MAX,
    FIELDS_BYTES_MAX,
    read_form,
)

JPEG = b"\xff\xd8\xff"


async def read(*parts: tuple[str, bytes]) -> tuple[dict[str, list[str]], list[bytes | str]]:
    """The fields and files of such parts, in pieces; a name with a dot is that of a file."""
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
    async with read_form(Request({"type": "http", "headers": headers}, receive)) as form:
        for each in form.files:
            assert isinstance(each, Refused) or each.seek(0) == 0
        files = [each.reason if isinstance(each, Refused) else each.read() for each in form.files]
    return dict(form.fields), files


async def test_files_come_whole_from_memory_and_from_disk():
    small, large = b"a" * 100, JPEG + bytes(range(256)) * (SPOOLED_BYTES // 50)
    fields, files = await read(
        ("a.jpg", small), ("word", b"hello"), ("b.jpg", large), ("c.jpg", b""),
        ("d.jpg", b"d" * (BYTES_MAX + 1)), ("word", b"again"), ("e.jpg", b"e" * 10**6),
    )  # fmt: skip
    *whole, other = files
    assert whole == [small, large, "photo_too_large"]
    assert isinstance(other, bytes) and 12 <= len(other) <= SPOOLED_BYTES  # no photo: not kept
    assert fields == {"word": ["hello", "again"]}


async def test_fields_are_bounded_together():
    field = ("word", b"a" * FIELD_BYTES_MAX)
    count = FIELDS_BYTES_MAX // FIELD_BYTES_MAX
    fields, _ = await read(*[field] * count)
    assert len(fields["word"]) == count
    with pytest.raises(Problem) as found:
        await read(*[field] * count, ("word", b"a"))
    assert found.value.reason == "too_large"


def on_a_full_disk(stack: ExitStack) -> SpooledTemporaryFile[bytes]:
    file = spooled(stack)
    file.rollover()
    file._file = open("/dev/full", "r+b")  # noqa: SIM115  # closed with the upload
    return file


def test_a_full_disk_is_told_and_nothing_else_comes_of_it():
    with ExitStack() as stack:
        full = Refused("busy", "no room on the disk")
        file = on_a_full_disk(stack)
        assert keep(file, b"x", is_last=True) == full and file.closed
        assert keep(on_a_full_disk(stack), b"x" * 1_000_000) == full
        # Waits to be written, and nobody wants it any more.
        assert keep(on_a_full_disk(stack), b"x") is None
