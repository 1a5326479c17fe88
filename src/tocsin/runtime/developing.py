"""What is done in the closed room: a stranger's photo in, a clean copy out.

The decoders of photos are the code most often broken into by what they are given. They run in a
process of their own, without the node's keys, words or connections, bounded in memory, files,
time and what they may ask of the system; see `photos.Darkroom`. This file is that program, too, and
uses nothing of ours.
"""

from __future__ import annotations

import ctypes
import errno
import io
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Final

from PIL import (
    Image,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

BYTES_MAX: Final = 12 * 2**20
"""A 50-megapixel photo of a telephone, as JPEG."""
PIXELS_MAX: Final = 13_000_000
"""Decoded at once: a telephone's picture of 12 megapixels. 52 MB at four bytes a pixel, and five
times as much where its decoder keeps copies (WebP)."""
JPEG_PIXELS_MAX: Final = 80_000_000
"""A large JPEG is decoded at an eighth to half of its size, so it may have more. A progressive one
may not: its decoder holds the coefficients of the whole picture."""
SIDE_MAX_PX: Final = 2_560
"""The longer side of what is kept: enough to read a house number, a seventh of the memory."""
QUALITY: Final = 85
SCALES: Final = (1, 2, 4, 8)
"""What the decoder of JPEG can divide by."""
FORMATS: Final = ("JPEG", "PNG", "WEBP")
PLUGINS: Final = (
    JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin,
)  # fmt: skip
"""Loaded before the room is closed: from then on no file can be opened."""
ADDRESSES_MAX: Final = 384 * 2**20
"""Bytes of memory the program may ask for: itself, a picture of the most pixels, its copies."""
POLITE: Final = 10
"""How far the room stands back: the node answers meanwhile."""
ALONE_S: Final = 30
"""After so long with one photo the program ends by itself: the node, which would end it sooner, is
gone."""
STRANGER: Final = 65_533
"""Who the program becomes where it is begun by root: what root has, it would have. No user has that
number; as the next one, `nobody`, the database may run."""
CALLS: Final[Mapping[str, tuple[int, tuple[int, ...]]]] = {
    "x86_64": (0xC000003E, (0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 28, 37, 38, 60, 131,
                            202, 219, 228, 231, 318)),
    "aarch64": (0xC00000B7, (57, 62, 63, 64, 80, 93, 94, 98, 103, 113, 124, 128, 132, 134, 135,
                             139, 214, 215, 216, 222, 226, 233, 278)),
}  # fmt: skip
"""By machine: its name in filters (`linux/audit.h`), and what may be asked of the system, by number
(`asm/unistd_64.h`, `asm-generic/unistd.h`): to read, write, seek in and look at what is open, and
to close it; memory; its own signals and alarm; locks of its own threads; the time; chance; its end.
Nothing that reaches another process, a file by its name, or a network."""
SIZE_BYTES: Final = 8
DONE: Final = b"+"
REFUSED: Final = b"-"


class Undeveloped(Exception):
    """No clean copy: a reason of `photos.REASONS`, and a detail in words."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def develop(source: IO[bytes]) -> bytes:
    """A clean copy of a photo, as JPEG; equal bytes give equal copies. Raises Undeveloped."""
    if source.seek(0, io.SEEK_END) > BYTES_MAX:
        raise Undeveloped("photo_too_large", f"over {BYTES_MAX // 2**20} MB")
    source.seek(0)
    try:
        picture = Image.open(source, formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_large(PIXELS_MAX) from None
    except Exception:
        # Decoders raise many kinds of errors for bytes that are no picture; to us they are one.
        raise Undeveloped("photo_type", "not a JPEG, PNG or WebP picture") from None
    with picture:
        is_jpeg = picture.format in ("JPEG", "MPO")
        is_scaled = is_jpeg and "progressive" not in picture.info
        limit = JPEG_PIXELS_MAX if is_scaled else PIXELS_MAX
        if picture.width * picture.height > limit:
            raise _too_large(limit)
        try:
            return _copy(picture)
        except Exception:
            # As above: whatever goes wrong while decoding is in the bytes, not in us.
            raise Undeveloped("photo_damaged", "cut off or damaged") from None


def _too_large(limit: int) -> Undeveloped:
    return Undeveloped("photo_too_large", f"over {limit // 1_000_000} megapixels")


def _copy(picture: Image.Image) -> bytes:
    scale = _scale(picture.width, picture.height)
    picture.draft("RGB", (picture.width // scale, picture.height // scale))
    if picture.width * picture.height > PIXELS_MAX:
        raise ValueError("too large to decode at once")
    # Made small first: turning and laying on paper are done with a copy of the small one.
    picture.thumbnail((SIDE_MAX_PX, SIDE_MAX_PX), reducing_gap=2.0)
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in ("RGBA", "LA", "PA", "P"):
        # JPEG has no transparency: what was see-through becomes white paper.
        layer = upright.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        upright = Image.alpha_composite(paper, layer)
    # A fresh picture: of the old object, only its pixels come along.
    clean = Image.new("RGB", upright.size)
    clean.paste(upright.convert("RGB"))
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=QUALITY, optimize=False)
    return out.getvalue()


def _scale(width: int, height: int) -> int:
    """By how much a JPEG is made smaller while it is decoded: at least so much that it may be
    decoded, and as much as leaves it no smaller than what is kept."""
    kept = max(each for each in SCALES if each <= max(1, min(width, height) // SIDE_MAX_PX))
    allowed = (each for each in SCALES if width * height <= PIXELS_MAX * each * each)
    return max(kept, next(allowed, SCALES[-1]))


# -- the program


def close_the_room() -> None:
    """From here on: no more memory than a photo needs, no file that is not open by now, nothing
    written to a disk, nothing asked of the system but what developing needs."""
    os.nice(POLITE)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES_MAX, ADDRESSES_MAX))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.geteuid() == 0:
        with suppress(PermissionError):  # a root that may not change; the calls are closed to it
            os.setgroups(())
            os.setresgid(STRANGER, STRANGER, STRANGER)
            os.setresuid(STRANGER, STRANGER, STRANGER)
    close_calls()


def close_calls() -> None:
    """Whatever else is asked of the system is not permitted (EPERM): not the memory of the node,
    whose user this is, nor a signal to it, nor a file of its folder to be moved or removed. Where
    the machine's numbers are not known here the other bounds stand alone. Raises OSError where the
    system has no filters."""
    known = CALLS.get(platform.machine())
    if known is None or sys.platform != "linux":
        return
    machine, allowed = known
    steps = [
        _step(_LOAD, _MACHINE_AT),
        _step(_IS, machine, 1),
        _step(_RETURN, _END_PROCESS),
        _step(_LOAD, _NUMBER_AT),
        *(_step(_IS, number, len(allowed) - place) for place, number in enumerate(allowed)),
        _step(_RETURN, _NOT_PERMITTED),
        _step(_RETURN, _PERMITTED),
    ]
    program = ctypes.create_string_buffer(b"".join(steps))
    told = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(program)))
    system = ctypes.CDLL(None, use_errno=True)
    for asked in (
        (_NO_NEW_PRIVILEGES, 1, 0, 0, 0),
        (_SET_FILTER, _FILTER, ctypes.addressof(told), 0, 0),
    ):
        if system.prctl(*(ctypes.c_ulong(each) for each in asked)):
            raise OSError(ctypes.get_errno(), "the system's calls cannot be bounded")


# Programs of the filter, and their words: `linux/filter.h`, `linux/seccomp.h`, `linux/prctl.h`.
_LOAD: Final = 0x20
_IS: Final = 0x15
_RETURN: Final = 0x06
_NUMBER_AT: Final = 0
_MACHINE_AT: Final = 4
_END_PROCESS: Final = 0x80000000
_NOT_PERMITTED: Final = 0x00050000 | errno.EPERM
_PERMITTED: Final = 0x7FFF0000
_NO_NEW_PRIVILEGES: Final = 38
_SET_FILTER: Final = 22
_FILTER: Final = 2


def _step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("@HBBI", code, if_so, if_not, value)


def main() -> None:
    """Photos from standard input, one after another, their copies to standard output. Each has its
    size before it, each answer a sign as well. Ends with its input."""
    Image.preinit()
    try:
        close_the_room()
    except OSError as trouble:
        sys.exit(f"photos: {trouble.strerror}: none is developed")
    while head := sys.stdin.buffer.read(SIZE_BYTES):
        signal.alarm(ALONE_S)
        data = io.BytesIO(sys.stdin.buffer.read(int.from_bytes(head)))
        try:
            sign, answer = DONE, develop(data)
        except Undeveloped as told:
            sign, answer = REFUSED, f"{told.reason}\n{told.detail}".encode()
        sys.stdout.buffer.write(sign + len(answer).to_bytes(SIZE_BYTES) + answer)
        sys.stdout.buffer.flush()
        signal.alarm(0)


if __name__ == "__main__":
    main()
