"""Bodies with files, however they come in: what lies on disk, and what the guard is told."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO, Any, Final, TypeVar

import structlog

from tocsin.kernel.shared import Refused

Fed = TypeVar("Fed")
log = structlog.get_logger("tocsin.uploads")

HELD: Final = "tocsin.held"
"""The extension of ASGI by which whoever reads a body tells how many bytes of it are in memory."""
SPOOLED_BYTES: Final = 65_536
"""Bytes of a file from which on it lies on disk until the form is dealt with: strangers send
many, slowly."""

_HEAD_BYTES: Final = 12
"""Bytes of a file by which it is seen whether it may be a photo at all."""
_SIGNS: Final = ((0, b"\xff\xd8\xff"), (0, b"\x89PNG\r\n\x1a\n"), (8, b"WEBP"))
"""Where and with what a JPEG, a PNG and a WebP begin (ISO 10918, RFC 2083, RFC 9649)."""

_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


def may_be_photo(file: IO[bytes], more: bytes) -> bool:
    """Whether a file, to which `more` is to be added, is worth a place on the disk as far as its
    first bytes tell: what strangers pour in is written there beside the journal, and everybody's
    reports wait for both. What comes after the first bytes tells nothing."""
    kept = file.tell()
    if kept >= _HEAD_BYTES:
        return True
    file.seek(0)
    head = (file.read(kept) + more)[:_HEAD_BYTES]
    return len(head) < _HEAD_BYTES or any(head.startswith(sign, at) for at, sign in _SIGNS)


def spooled(stack: ExitStack) -> SpooledTemporaryFile[bytes]:
    """A file to collect an upload in, without a name, closed and gone with `stack`."""
    file = SpooledTemporaryFile[bytes](SPOOLED_BYTES)
    stack.callback(_throw_away, file)
    return file


def _throw_away(file: IO[bytes]) -> None:
    with suppress(OSError):  # closing writes what found no room before: nobody wants it any more
        file.close()


def keep(file: IO[bytes], data: bytes, *, is_last: bool = False) -> Refused | None:
    """Adds `data` to an upload; with the last of it all is where it will be read. Refused as
    `busy`, the file closed, where its disk is full: reports are kept elsewhere and need no room."""
    try:
        file.write(data)
        if is_last:
            file.flush()
    except OSError as trouble:
        if trouble.errno not in _NO_ROOM:
            raise
        _throw_away(file)
        log.warning("no_room_for_uploads", folder=gettempdir())
        return Refused("busy", "no room on the disk")
    return None


def in_memory(size: int) -> int:
    """How many bytes of an upload of `size` bytes are in memory, at most."""
    return min(size, SPOOLED_BYTES)


async def fed(feed: Callable[[bytes], Fed], data: bytes, held: int) -> Fed:
    """Gives the reader of a form its next bytes, `held` of it being in memory: in a thread where
    they may go to a disk, which can let everybody wait for a fifth of a second."""
    if held + len(data) <= SPOOLED_BYTES:
        return feed(data)
    return await asyncio.to_thread(feed, data)


def holding(scope: Mapping[str, Any]) -> Callable[[int], None]:
    """How to tell the guard of a request what is held of its body; nobody listens without one."""
    return scope.get("extensions", {}).get(HELD) or _tell_nobody


def _tell_nobody(size: int) -> None:
    pass


__all__ = [
    "HELD",
    "SPOOLED_BYTES",
    "fed",
    "holding",
    "in_memory",
    "keep",
    "may_be_photo",
    "spooled",
]
