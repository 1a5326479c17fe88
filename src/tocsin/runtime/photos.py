"""Photos from strangers: looked at in a small closed room, copied, and the original thrown away.

A photo is known by its content, not its name; bounded in bytes and in pixels before it is
decoded; turned upright and encoded anew, so that nothing of the file but the picture survives:
no EXIF, no position, no thumbnail, no trailing bytes. The room is a process of its own
(`developing`), which knows nothing of the town and ends when a photo breaks it.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Timer
from typing import IO, Final

import structlog

from tocsin.kernel.shared import Refused
from tocsin.runtime import developing
from tocsin.runtime.developing import BYTES_MAX, DONE, SIZE_BYTES
from tocsin.runtime.reception import Photo

log = structlog.get_logger("tocsin.photos")

ROOMS: Final = 2
"""Rooms at most, each opened by the first photo that finds none free."""
WAITING_MAX: Final = 16
"""Photos that may wait for a room."""
DEVELOP_S: Final = 20.0
"""What takes longer is no photo: the largest take under a second."""
IDLE_S: Final = 60.0
"""After so long without a photo the rooms end, and their memory with them."""
PIECE: Final = 65_536
MEDIA_TYPE: Final = "image/jpeg"
BEGIN: Final = b"\xff\xd8\xff"
DETAIL_MAX: Final = 200
"""Bytes of a reason and its detail: our longest has forty."""
REASONS: Final = ("photo_type", "photo_too_large", "photo_damaged", "busy")


class Room:
    """One process that develops one photo at a time, opened when there is one. Blocks: use it from
    a thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process, when there is one."""
        return None if self._process is None else self._process.pid

    def develop(self, file: IO[bytes]) -> Photo | Refused:
        """A clean copy. Whatever breaks the room is in the photo: it is refused, and the next one
        finds a new room."""
        try:
            size = file.seek(0, io.SEEK_END)
            if size > BYTES_MAX:
                return Refused("photo_too_large", f"over {BYTES_MAX // 2**20} MB")
            is_new = self._process is None
            # An older room may have been ended by others, for want of memory: not by this photo.
            found = self._try(file, size) or (None if is_new else self._try(file, size))
        except ValueError:  # the file is closed: its sender is gone
            self.end(at_once=True)
            found = None
        except OSError as trouble:  # the system has no process or no memory for one
            log.warning("photo_found_no_room", error=type(trouble).__name__)
            return Refused("busy", "no room for photos")
        return found or Refused("photo_damaged", "cut off or damaged")

    def _try(self, file: IO[bytes], size: int) -> Photo | Refused | None:
        """What comes out; None when the room broke."""
        process = self._opened()
        file.seek(0)
        timer = Timer(DEVELOP_S, process.kill)
        timer.start()
        try:
            return _exchange(process, file, size)
        except (OSError, EOFError) as trouble:
            log.warning("photo_broke_the_room", error=type(trouble).__name__, size=size)
            self.end(at_once=True)
            return None
        finally:
            timer.cancel()

    def end(self, *, at_once: bool = False) -> None:
        """Ends the process, if there is one: when it has no more to do, or at once."""
        process, self._process = self._process, None
        if process is not None:
            _end(process, at_once=at_once)

    def _opened(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                # Isolated: no module and no setting from the folder or the environment.
                (sys.executable, "-I", "-W", "ignore", developing.__file__),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={"LC_ALL": "C.UTF-8"},
                cwd=os.sep,
                start_new_session=True,
            )
        return self._process


def _exchange(process: subprocess.Popen[bytes], file: IO[bytes], size: int) -> Photo | Refused:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(size.to_bytes(SIZE_BYTES))
    while piece := file.read(PIECE):
        process.stdin.write(piece)
    process.stdin.flush()
    return _answer(process.stdout)


def _answer(source: IO[bytes]) -> Photo | Refused:
    """What the room says. It read a stranger's bytes, and may be theirs by now: no more is believed
    than that it is a JPEG of that size, or one of our reasons. Raises EOFError."""
    sign = _exactly(source, 1)
    size = int.from_bytes(_exactly(source, SIZE_BYTES))
    if size > BYTES_MAX:
        raise EOFError
    answer = _exactly(source, size)
    if sign == DONE and answer.startswith(BEGIN):
        return Photo(answer, MEDIA_TYPE, hashlib.sha256(answer).hexdigest())
    reason, _, detail = answer[:DETAIL_MAX].decode("ascii", "replace").partition("\n")
    if sign == DONE or reason not in REASONS:
        raise EOFError
    return Refused(reason, detail)


def _exactly(source: IO[bytes], size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _end(process: subprocess.Popen[bytes], *, at_once: bool) -> None:
    if at_once:
        process.kill()
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except OSError:
            pass  # what was not sent yet has nobody to read it
    process.wait()


class Darkroom:
    """Develops photos in a few closed rooms. One per node."""

    def __init__(self, rooms: int = ROOMS, waiting_max: int = WAITING_MAX) -> None:
        self._threads = ThreadPoolExecutor(rooms, thread_name_prefix="photos")
        self._rooms = [Room() for _ in range(rooms)]
        self._free = list(self._rooms)
        self._waiting = 0
        self._waiting_max = waiting_max
        self._idle: asyncio.TimerHandle | None = None

    @property
    def pids(self) -> list[int]:
        """The processes of the rooms that are open."""
        return [each.pid for each in self._rooms if each.pid is not None]

    async def develop(self, data: bytes | IO[bytes]) -> Photo | Refused:
        """A clean copy of a photo, as JPEG; equal bytes give equal copies (content-addressed).
        A file stays open until this returns. Refused with one of `REASONS`: as `busy` when too
        many wait."""
        if self._waiting >= self._waiting_max:
            return Refused("busy", "too many photos at once")
        loop = asyncio.get_running_loop()
        file = io.BytesIO(data) if isinstance(data, bytes) else data
        self._waiting += 1
        if self._idle is not None:
            self._idle.cancel()
        try:
            return await loop.run_in_executor(self._threads, self._develop, file)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._idle = loop.call_later(IDLE_S, self._end_rooms)

    def _develop(self, file: IO[bytes]) -> Photo | Refused:
        room = self._free.pop()  # there are as many as threads
        try:
            return room.develop(file)
        finally:
            self._free.append(room)

    def _end_rooms(self) -> None:
        if not self._waiting:
            for room in self._rooms:
                self._threads.submit(room.end)

    def close(self) -> None:
        """Ends the rooms after what they are doing. Blocks for so long."""
        if self._idle is not None:
            self._idle.cancel()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for room in self._rooms:
            room.end()


__all__ = ["BYTES_MAX", "REASONS", "Darkroom", "Room"]
