"""Photos from strangers: what comes out is the picture and nothing else."""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import io
import os
import platform
import random
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from tests.end_to_end.process_memory import memory_mib, peak_mib
from tocsin.kernel.shared import Refused
from tocsin.runtime import developing, photos
from tocsin.runtime.photos import Darkroom, Room
from tocsin.runtime.reception import Photo

CANARY = "CANARY-60.1699N-24.9384E"
RED, BLUE = (250, 10, 10), (10, 10, 250)


def picture(size: tuple[int, int] = (120, 80)) -> Image.Image:
    """Left half red, right half blue: a turn shows."""
    made = Image.new("RGB", size, RED)
    made.paste(BLUE, (size[0] // 2, 0, size[0], size[1]))
    return made


def as_bytes(made: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    made.save(out, form, **options)
    return out.getvalue()


def with_exif(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = CANARY
    exif[ExifTags.Base.Orientation] = orientation
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef] = "N"
    gps[ExifTags.GPS.GPSLatitude] = (60.0, 10.0, 11.6)
    gps[ExifTags.GPS.GPSAreaInformation] = CANARY.encode()
    return as_bytes(picture(), exif=exif, comment=CANARY.encode())


ROOM = Room()
"""The closed room itself: every photo here goes through the process that a node would use."""


@pytest.fixture(autouse=True, scope="module")
def room() -> Iterator[None]:
    yield
    ROOM.end()


def develop(data: bytes) -> Photo | Refused:
    return ROOM.develop(io.BytesIO(data))


def developed(data: bytes) -> Photo:
    photo = develop(data)
    assert isinstance(photo, Photo), photo
    return photo


def opened(photo: Photo) -> Image.Image:
    return Image.open(io.BytesIO(photo.data))


def refusal(data: bytes) -> str:
    outcome = develop(data)
    assert isinstance(outcome, Refused)
    return outcome.reason


def looks(found: tuple[int, ...], colour: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 60 for a, b in zip(found, colour, strict=True))


def test_exif_and_position_are_gone():
    data = with_exif()
    assert CANARY.encode() in data
    photo = developed(data)
    assert CANARY.encode() not in photo.data
    assert b"Exif" not in photo.data
    assert not opened(photo).getexif()
    assert photo.media_type == "image/jpeg"


def test_a_developer_that_keeps_exif_is_caught():
    """The planted bug: saving the picture with its own exif leaves the canary in."""
    source = Image.open(io.BytesIO(with_exif()))
    kept = as_bytes(source, exif=source.getexif())
    assert CANARY.encode() in kept


@pytest.mark.parametrize(
    ("orientation", "size", "first"),
    [(1, (120, 80), RED), (3, (120, 80), BLUE), (6, (80, 120), RED), (8, (80, 120), BLUE)],
)
def test_it_is_turned_upright_before_the_exif_goes(
    orientation: int, size: tuple[int, int], first: tuple[int, int, int]
):
    upright = opened(developed(with_exif(orientation)))
    assert upright.size == size
    pixel = upright.getpixel((5, 5))
    assert isinstance(pixel, tuple) and looks(pixel, first)


def test_it_is_known_by_its_content():
    data = as_bytes(picture(), "PNG")
    first, again = developed(data), developed(data)
    assert first == again
    assert first.digest == hashlib.sha256(first.data).hexdigest()
    other = developed(as_bytes(Image.new("RGB", (9, 9)), "PNG"))
    assert other.digest != first.digest


MODES = {
    "JPEG": ("RGB", "L", "CMYK", "1"),
    "PNG": ("RGB", "L", "RGBA", "P", "LA", "1", "I;16"),
    "WEBP": ("RGB", "L", "RGBA", "P", "LA"),
}


@pytest.mark.parametrize(
    ("form", "mode"), [(form, mode) for form, modes in MODES.items() for mode in modes]
)
def test_every_kind_of_picture_becomes_a_jpeg(form: str, mode: str):
    data = as_bytes(Image.new(mode, (40, 30)), form)
    assert opened(developed(data)).size == (40, 30)


def test_a_large_jpeg_is_fine_unless_its_decoder_must_hold_all_of_it():
    large = Image.new("L", (8_000, 6_000), 128)
    assert opened(developed(as_bytes(large))).size == (2_560, 1_920)
    assert refusal(as_bytes(large, progressive=True)) == "photo_too_large"


def test_what_was_transparent_is_white():
    data = as_bytes(Image.new("RGBA", (10, 10), (0, 0, 0, 0)), "PNG")
    pixel = opened(developed(data)).getpixel((5, 5))
    assert isinstance(pixel, tuple) and looks(pixel, (255, 255, 255))


def test_a_large_photo_is_made_smaller():
    photo = opened(developed(as_bytes(picture((4000, 3000)))))
    assert photo.size == (developing.SIDE_MAX_PX, developing.SIDE_MAX_PX * 3 // 4)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a" + b"\0" * 100,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg>&a;</svg>",
        b"%PDF-1.4",
        b"MZ" + b"\0" * 500,
    ],
)
def test_the_content_decides_what_it_is(data: bytes):
    assert refusal(data) == "photo_type"


def png_of(width: int, height: int, rows: bytes) -> bytes:
    """A PNG whose header says what we like."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(rows, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [6_000, 20_000, 60_000])
def test_a_decompression_bomb_is_not_decoded(side: int):
    assert refusal(png_of(side, side, b"\0" * 100_000)) == "photo_too_large"


def test_a_text_bomb_in_a_png_is_not_read():
    info = PngImagePlugin.PngInfo()
    info.add_text("bomb", "0" * 200_000_000, zip=True)
    data = as_bytes(picture(), "PNG", pnginfo=info)
    assert len(data) < 1_000_000
    assert isinstance(develop(data), Photo | Refused)


def test_too_many_bytes_are_refused_unseen():
    assert refusal(as_bytes(picture()) + b"\0" * photos.BYTES_MAX) == "photo_too_large"


def test_a_polyglot_loses_its_other_half():
    payload = b"PK\x03\x04 <script>alert(1)</script> CANARY"
    photo = developed(as_bytes(picture()) + payload)
    assert b"script" not in photo.data and b"CANARY" not in photo.data


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_that_is_cut_off_is_refused(form: str):
    noise = Image.frombytes("RGB", (200, 200), random.Random(1).randbytes(120_000))
    data = as_bytes(noise, form)
    assert refusal(data[: len(data) // 2]) in ("photo_damaged", "photo_type")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 600), st.sampled_from(["JPEG", "PNG", "WEBP"]))
def test_no_bytes_ever_raise(noise: bytes, place: int, form: str):
    data = as_bytes(picture(), form)
    for each in (noise, data[:place] + noise + data[place + len(noise) :], data[:place] + noise):
        assert isinstance(develop(each), Photo | Refused)


async def test_the_darkroom_takes_only_so_many_at_once():
    room = Darkroom(rooms=1, waiting_max=2)
    data = as_bytes(picture())
    outcomes = await asyncio.gather(*(room.develop(data) for _ in range(5)))
    assert [isinstance(each, Photo) for each in outcomes] == [True, True, False, False, False]
    assert {each.reason for each in outcomes if isinstance(each, Refused)} == {"busy"}
    assert isinstance(await room.develop(data), Photo)
    room.close()


# -- the room is closed


def worst() -> dict[str, bytes]:
    """Photos that may be developed and need the most memory for it, each small to send."""
    side = int(developing.PIXELS_MAX**0.5)
    return {
        "see-through": as_bytes(Image.new("RGBA", (side, side)), "PNG"),
        "WebP": as_bytes(Image.new("RGBA", (side, side), (1, 2, 3, 4)), "WEBP"),
        "16 bits": as_bytes(Image.new("I;16", (side, side)), "PNG"),
        "narrow": as_bytes(Image.new("RGBA", (100, developing.PIXELS_MAX // 100)), "PNG"),
        "JPEG of 80 megapixels": as_bytes(Image.new("RGB", (10_300, 7_700)), quality=1),
    }


def test_the_worst_photos_take_memory_in_the_room_alone():
    for what, data in worst().items():
        before = memory_mib(os.getpid())
        peak_mib(os.getpid(), anew=True)
        assert isinstance(develop(data), Photo), what
        assert peak_mib(os.getpid()) - before < 24, what
        assert ROOM.pid is not None
        assert peak_mib(ROOM.pid) < 300, what


def test_memory_taken_by_the_node_itself_is_found():
    """The planted bug: developing without a room."""
    data = worst()["see-through"]
    before = memory_mib(os.getpid())
    peak_mib(os.getpid(), anew=True)
    developing.develop(io.BytesIO(data))
    assert peak_mib(os.getpid()) - before > 48


def test_the_room_knows_nothing_and_can_open_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOCSIN_DATABASE_URL", CANARY)
    room = Room()
    assert isinstance(room.develop(io.BytesIO(as_bytes(picture()))), Photo)
    of_it = Path(f"/proc/{room.pid}")
    assert CANARY.encode() not in (of_it / "environ").read_bytes()
    assert sorted(each.name for each in (of_it / "fd").iterdir()) == ["0", "1", "2"]
    limits = {
        line[:26].strip(): line[26:].split()[0]
        for line in (of_it / "limits").read_text().splitlines()
    }
    assert limits["Max open files"] == "3" and limits["Max file size"] == "0"
    assert limits["Max address space"] == str(developing.ADDRESSES_MAX)
    room.end()
    assert not of_it.exists()


def test_a_room_uses_nothing_that_it_would_have_to_load():
    """Every kind of photo comes out as it does where everything can be loaded."""
    for form, modes in MODES.items():
        for mode in modes:
            data = as_bytes(Image.new(mode, (40, 30)), form)
            assert developed(data).data == developing.develop(io.BytesIO(data)), (form, mode)
    assert developed(with_exif(6)).data == developing.develop(io.BytesIO(with_exif(6)))


def test_a_photo_that_breaks_the_room_is_refused_and_the_next_finds_another(
    monkeypatch: pytest.MonkeyPatch,
):
    data = as_bytes(Image.effect_noise((2_000, 2_000), 90))
    room = Room()
    with monkeypatch.context() as patch:
        patch.setattr(photos, "DEVELOP_S", 0.01)  # as one that never ends
        outcome = room.develop(io.BytesIO(data))
    assert isinstance(outcome, Refused) and outcome.reason == "photo_damaged"
    assert room.pid is None
    assert isinstance(room.develop(io.BytesIO(data)), Photo)
    # Ended by others while it was empty, for want of memory: not the next photo's fault.
    ended = room.pid
    assert ended is not None
    os.kill(ended, signal.SIGKILL)
    assert isinstance(room.develop(io.BytesIO(data)), Photo)
    assert room.pid not in (None, ended)
    room.end()


TAKEN_OVER = """
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("room", {file!r})
room = importlib.util.module_from_spec(spec)
spec.loader.exec_module(room)
if not os.path.exists({mark!r}):
    os.close(os.open({mark!r}, os.O_CREAT))
    sys.stdout.buffer.write({said!r})
    sys.stdout.buffer.flush()
else:
    room.main()
"""


@pytest.mark.parametrize(
    "said",
    [
        b"+" + (2**40).to_bytes(8) + b"\xff\xd8\xff",
        b"+" + (9).to_bytes(8) + b"<script>x",
        b"-" + (6).to_bytes(8) + b"a\nb\xffcd",
        b"?",
        b"",
    ],
    ids=["endless", "no JPEG", "no reason", "half", "nothing"],
)
def test_a_room_that_was_taken_over_is_not_believed(
    said: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The first room says what a stranger wants, the next one is ours again."""
    program = tmp_path / "room.py"
    told = {"file": developing.__file__, "mark": str(tmp_path / "mark"), "said": said}
    program.write_text(TAKEN_OVER.format(**told))
    monkeypatch.setattr(photos.developing, "__file__", str(program))
    room = Room()
    outcome = room.develop(io.BytesIO(as_bytes(picture())))
    assert isinstance(outcome, Refused) and outcome.reason == "photo_damaged"
    assert room.pid is None
    assert isinstance(room.develop(io.BytesIO(as_bytes(picture()))), Photo)
    room.end()


def test_a_machine_without_room_for_a_room_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    room = Room()
    outcome = room.develop(io.BytesIO(as_bytes(picture())))
    assert isinstance(outcome, Refused) and outcome.reason == "busy"
    monkeypatch.undo()
    assert isinstance(room.develop(io.BytesIO(as_bytes(picture()))), Photo)
    room.end()


LOADED = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("room", sys.argv[1])
room = importlib.util.module_from_spec(spec)
spec.loader.exec_module(room)
"""
BROKEN_OUT = """
import ctypes, os, socket
system = ctypes.CDLL(None, use_errno=True)

def asked(answer):
    if answer < 0:
        raise OSError(ctypes.get_errno(), "")
    return answer

def memory(node, place, folder):
    found = ctypes.create_string_buffer(16)
    here = (ctypes.c_size_t * 2)(ctypes.addressof(found), 16)
    there = (ctypes.c_size_t * 2)(int(place), 16)
    asked(system.process_vm_readv(int(node), here, 1, there, 1, 0))

def fork(*_):
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)

WAYS = {
    "memory": memory,
    "trace": lambda node, *_: asked(system.ptrace(0x4206, int(node), 0, 0)),
    "signal": lambda node, *_: os.kill(int(node), 0),
    "fork": fork,
    "program": lambda *_: os.execv("/nowhere", ["x"]),
    "network": lambda *_: socket.socket(),
    "open": lambda _, place, folder: os.open(folder + "/words", os.O_RDONLY),
    "move": lambda _, place, folder: os.rename(folder + "/words", folder + "/gone"),
    "limits": lambda *_: os.nice(1),
    "look": lambda _, place, folder: os.listdir(folder),
}

def develop(source):
    reached = []
    for name, way in WAYS.items():
        try:
            way(*source.getvalue().decode().split())
        except PermissionError:
            continue
        except OSError:
            pass  # it was asked, and something else was in its way
        reached.append(name)
    return " ".join(reached).encode()

room.develop = develop
room.main()
"""
OPEN = "room.close_calls = lambda: None; room.os.setresuid = lambda *_: None\n"


def reached_from_the_room(folder: Path, planted: str = "") -> set[str]:
    """What somebody who has taken over a room reaches of its node, its folder and the system."""
    (folder / "words").write_text("a resident's words")
    secret = ctypes.create_string_buffer(b"the vault's key ", 16)
    said = f"{os.getpid()} {ctypes.addressof(secret)} {folder}".encode()
    room = subprocess.run(
        (sys.executable, "-I", "-c", LOADED + planted + BROKEN_OUT, developing.__file__),
        input=len(said).to_bytes(developing.SIZE_BYTES) + said, capture_output=True, timeout=60,
    )  # fmt: skip
    assert room.returncode == 0, room.stderr
    assert room.stdout[:1] == developing.DONE
    return set(room.stdout[1 + developing.SIZE_BYTES :].decode().split())


@pytest.mark.skipif(platform.machine() not in developing.CALLS, reason="no filter for it")
def test_who_has_taken_over_the_room_reaches_nothing_from_it(tmp_path: Path):
    tmp_path.chmod(0o777)
    assert reached_from_the_room(tmp_path) == set()
    assert (tmp_path / "words").exists()


def test_a_room_that_asks_what_it_likes_is_found(tmp_path: Path):
    """The planted hole. The node's memory and tracing may be closed by the machine as well."""
    tmp_path.chmod(0o777)
    found = reached_from_the_room(tmp_path, OPEN)
    assert found >= {"signal", "fork", "program", "network", "open", "move", "limits", "look"}
    assert not (tmp_path / "words").exists()


NEVER_ENDS = """
room.ALONE_S = 1
room.develop = lambda source: [None for _ in iter(int, 1)]
room.main()
"""


def test_a_room_whose_node_is_gone_ends_by_itself():
    program = (sys.executable, "-I", "-c", LOADED + NEVER_ENDS, developing.__file__)
    with subprocess.Popen(program, stdin=subprocess.PIPE) as room:
        assert room.stdin is not None
        room.stdin.write((1).to_bytes(developing.SIZE_BYTES) + b"x")
        room.stdin.flush()
        assert room.wait(20) == -signal.SIGALRM


async def test_rooms_end_when_no_photo_comes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(photos, "IDLE_S", 0.2)
    darkroom = Darkroom()
    data = as_bytes(picture())
    for _ in range(2):
        outcomes = await asyncio.gather(*(darkroom.develop(data) for _ in range(6)))
        assert all(isinstance(each, Photo) for each in outcomes)
        assert 1 <= len(darkroom.pids) <= photos.ROOMS
        until = time.monotonic() + 10
        while darkroom.pids:
            assert time.monotonic() < until
            await asyncio.sleep(0.02)
    darkroom.close()


async def test_a_sender_who_goes_amid_a_photo_harms_nobody():
    darkroom = Darkroom(rooms=1)
    file = io.BytesIO(as_bytes(Image.effect_noise((2_000, 2_000), 90)))
    sending = asyncio.create_task(darkroom.develop(file))
    await asyncio.sleep(0.01)
    sending.cancel()
    file.close()
    assert isinstance(await darkroom.develop(as_bytes(picture())), Photo)
    darkroom.close()
