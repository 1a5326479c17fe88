"""Forms as they arrive, piece by piece: the same form as at once, photos on disk, texts bounded."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.end_to_end.process_memory import memory_mib, peak_mib
from tocsin.intakes.open311.parse import FIELDS_BYTES_MAX, FormReader
from tocsin.kernel.shared import Refused
from tocsin.runtime.developing import BYTES_MAX
from tocsin.runtime.uploads import SPOOLED_BYTES

KIND = "multipart/form-data; boundary=x"
PIECE = 65_536
JPEG = b"\xff\xd8\xff\xe0"


def parts(*given: tuple[str, bytes]) -> bytes:
    """The body of such parts; one of media or with a dot in its name is a file."""
    body = b""
    for name, data in given:
        more = '; filename="a.jpg"' if "." in name or "media" in name else ""
        head = f'--x\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    return body + b"--x--\r\n"


def told(reader: FormReader) -> object:
    """What a form says, whatever it lies in."""
    form = reader.form()
    if isinstance(form, Refused):
        return form
    for file in form.photos:
        file.seek(0)
    return list(form.fields), [file.read() for file in form.photos]


BODIES = st.binary(max_size=80).map(
    lambda data: parts(
        ("description", b"x"), ("media", JPEG + data), ("media[]", data[:20]), ("lat", data[:3])
    )
) | st.binary(max_size=200)


@given(BODIES, st.lists(st.integers(1, 40), min_size=1, max_size=6), st.sampled_from([KIND, ""]))
def test_pieces_make_the_same_form_as_the_whole(body: bytes, sizes: list[int], kind: str):
    with FormReader(kind) as whole, FormReader(kind) as pieces:
        whole.feed(body)
        at = number = 0
        while at < len(body):
            size = sizes[number % len(sizes)]
            pieces.feed(body[at : at + size])
            at, number = at + size, number + 1
        assert told(whole) == told(pieces)


def test_large_files_are_on_disk_and_come_whole():
    large = JPEG + os.urandom(200) * 60_000
    body = parts(("media", large), ("description", b"words"), ("media[]", b"small"))
    peak_mib(os.getpid(), anew=True)
    before = memory_mib(os.getpid())
    with FormReader(KIND) as reader:
        for at in range(0, len(body), PIECE):
            reader.feed(body[at : at + PIECE])
            assert reader.held <= 2 * SPOOLED_BYTES
        assert peak_mib(os.getpid()) - before < 4
        fields, files = told(reader)  # type: ignore[misc]
    assert fields == [("description", "words")]
    assert files == [large, b"small"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [(bytes(20_000_000), "photo_type"), (JPEG + bytes(13_000_000), "photo_too_large")],
)
def test_what_is_no_photo_of_ours_is_not_read_to_its_end(data: bytes, reason: str):
    body = parts(("media", data))
    with FormReader(KIND) as reader:
        fed = 0
        while reader.feed(body[fed : fed + PIECE]) is None:
            fed += PIECE
        refused = reader.form()
        assert isinstance(refused, Refused) and refused.reason == reason
        assert fed <= (PIECE if reason == "photo_type" else BYTES_MAX)


def test_files_that_are_no_photos_of_the_request_are_read_over():
    body = parts(("letter.pdf", b"%PDF" * 100_000), ("description", b"words"), ("media", JPEG))
    with FormReader(KIND) as reader:
        assert reader.feed(body) is None
        assert told(reader) == ([("description", "words")], [JPEG])
        assert reader.held < PIECE


@pytest.mark.parametrize("count", [1, 8])
def test_texts_are_bounded_together(count: int):
    text = b"a" * (FIELDS_BYTES_MAX // count)
    with FormReader(KIND) as reader:
        assert reader.feed(parts(*[("description", text)] * count)) is None
        assert not isinstance(reader.form(), Refused)
    with FormReader(KIND) as reader:
        refused = reader.feed(parts(*[("description", text)] * count, ("lat", b"6")))
        assert refused is not None and refused.reason == "too_large"
        assert reader.feed(b"more") is refused and reader.form() is refused
