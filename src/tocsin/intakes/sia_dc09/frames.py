"""Frames of DC-09 on the wire: cut out of a stream, checked by their CRC, and built.

A frame is LF, CRC, length, body, CR (SIA DC-09-2021, 5.5.1). The body begins with a quote and is
text, so that a CR ends it whatever the length says; only the CRC before it may be two raw bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

FRAME_MAX: Final = 4_096
"""Bytes of one frame: the length has three hexadecimal digits (`0LLL`)."""

LF: Final = 0x0A
CR: Final = 0x0D
_FILLING: Final = b"\r\x00 \t"
"""What may lie between two frames: the end of the last one, and NULs that some panels send."""
_HEX: Final = re.compile(rb'([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})"')
_HEX_BEGUN: Final = re.compile(rb"[0-9A-Fa-f]{0,8}")
_BINARY: Final = re.compile(rb'(..)(0[0-9A-Fa-f]{3})"', re.DOTALL)
_HEAD: Final = 9
"""Bytes from the CRC to the quote, the quote included, of the longer form."""


def _table() -> tuple[int, ...]:
    rows: list[int] = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        rows.append(crc)
    return tuple(rows)


_TABLE: Final = _table()


def crc16(body: bytes) -> int:
    """CRC-16 of a body: polynomial 0x8005 reflected, begun with 0 (DC-09, annex A)."""
    crc = 0
    for byte in body:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it came: what it says of its body, and the body from quote to before CR."""

    crc: int
    length: int
    body: bytes
    is_binary: bool

    @property
    def is_sound(self) -> bool:
        """Whether the CRC holds. A wrong length beside a right CRC is the panel's habit."""
        return crc16(self.body) == self.crc


def build(body: bytes, is_binary: bool = False) -> bytes:
    """The frame of a body, with the CRC as the other side writes it."""
    crc = crc16(body)
    head = crc.to_bytes(2, "big") if is_binary else b"%04X" % crc
    return b"\n%s0%03X%s\r" % (head, len(body) & 0xFFF, body)


@dataclass(slots=True)
class Splitter:
    """Cuts a stream into frames, however it is joined or split. Keeps at most one frame's bytes."""

    kept: bytearray = field(default_factory=bytearray)
    noise: int = 0
    """Bytes that belonged to no frame."""
    is_overfull: bool = False
    """More came than any frame has: whoever sends this speaks something else."""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete with these bytes, in their order."""
        frames: list[Frame] = []
        kept = self.kept
        kept += data
        while kept and not self.is_overfull:
            cut = self._next(kept)
            if cut is None:
                break
            size, frame = cut
            del kept[:size]
            if frame is not None:
                frames.append(frame)
        if len(kept) > FRAME_MAX:
            self.is_overfull = True
            kept.clear()
        return frames

    @property
    def is_waiting(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self.kept)

    def _next(self, kept: bytearray) -> tuple[int, Frame | None] | None:
        """How many bytes to take from the front and the frame in them; None to wait for more."""
        if kept[0] in _FILLING:
            return len(kept) - len(kept.lstrip(_FILLING)), None
        at = 1 if kept[0] == LF else 0
        found = _HEX.match(kept, at)
        is_binary = False
        if found is None and at:
            found = _BINARY.match(kept, at)
            is_binary = found is not None
        if found is None:
            if len(kept) < at + _HEAD and (at or _HEX_BEGUN.fullmatch(kept)):
                return None
            return self._skip(kept, at)
        quote = found.end() - 1
        end = kept.find(CR, quote)
        if end < 0:
            return None
        begun_again = kept.find(LF, quote, end)
        if begun_again >= 0:  # the end of this one was lost; another has begun
            self.noise += begun_again
            return begun_again, None
        body = bytes(kept[quote:end]).rstrip(b"\x00")
        crc = found[1]
        number = int.from_bytes(crc, "big") if is_binary else int(crc, 16)
        return end + 1, Frame(number, int(found[2], 16), body, is_binary)

    def _skip(self, kept: bytearray, at: int) -> tuple[int, None]:
        """To the next beginning of a frame; what lies before is noise."""
        begin = kept.find(LF, at)
        size = begin if begin >= 0 else len(kept)
        self.noise += size
        return size, None
