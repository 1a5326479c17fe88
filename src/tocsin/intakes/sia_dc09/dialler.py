"""A panel for trying out: it sends what an installer asks for and says what the receiver answered.

It knows only the protocol and speaks over the same sockets as a panel, so that what it can do with
a receiver, a panel can.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tocsin.intakes.sia_dc09.cipher import BLOCK, decrypt, encrypt
from tocsin.intakes.sia_dc09.frames import FRAME_MAX, Frame, Splitter, build
from tocsin.intakes.sia_dc09.message import stamp_of
from tocsin.kernel.shared import Instant

ANSWER_S: Final = 20.0
"""How long a panel waits for an answer (DC-09, 5.6)."""
_ANSWER: Final = re.compile(rb'"(\*?)(ACK|NAK|DUH)"(\d{4})[^\[]*\[')


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said: "ACK", "NAK", "DUH", or "" for nothing in time. `text` is its body as
    it came, without what is encrypted. `is_ours`: an encrypted one opened with the panel's key."""

    said: str
    text: str = ""
    is_ours: bool = True


@dataclass(slots=True)
class Dialler:
    """One panel. `key` is raw; empty sends in clear. `now` and `chance` are the caller's."""

    account: str
    now: Callable[[], Instant]
    chance: Callable[[int], bytes]
    key: bytes = b""
    prefix: str = "0"
    receiver: str = ""
    is_binary: bool = False
    sequence: int = field(default=0)

    def contact_id(self, code: str, zone: int = 0, area: int = 0, qualifier: str = "1") -> bytes:
        """The frame of a Contact ID event: `qualifier` 1 new, 3 restored, 6 still there."""
        data = f"#{self.account}|{qualifier}{code} {area:02d} {zone:03d}"
        return self.frame("ADM-CID", data)

    def sia(self, code: str, zone: int = 0, area: int = 0, words: str = "") -> bytes:
        """The frame of a SIA event."""
        where = f"ri{area}/" if area else ""
        said = f"^{words}^" if words else ""
        return self.frame("SIA-DCS", f"#{self.account}|N{where}{code}{zone or ''}{said}")

    def poll(self) -> bytes:
        """The frame of a link test."""
        return self.frame("NULL", "", sequence=0)

    def frame(self, kind: str, data: str, extra: str = "", sequence: int | None = None) -> bytes:
        """A frame with the next number of this panel."""
        if sequence is None:
            self.sequence = sequence = self.sequence % 9_999 + 1
        address = f"{sequence:04d}{f'R{self.receiver}' if self.receiver else ''}L{self.prefix}"
        content = f"{data}]{extra}_{stamp_of(self.now())}".encode()
        star, text = "", content
        if self.key:
            star, text = "*", encrypt(self.key, content, self.chance(2 * BLOCK))
        return build(f'"{star}{kind}"{address}#{self.account}['.encode() + text, self.is_binary)

    def read(self, frame: Frame) -> Answer:
        """What an answer says."""
        found = _ANSWER.match(frame.body)
        if found is None or not frame.is_sound:
            return Answer("", frame.body.decode("latin-1"))
        said = found[2].decode()
        if not found[1]:
            return Answer(said, frame.body.decode("latin-1"))
        opened = decrypt((self.key,), frame.body[found.end() :]) if self.key else None
        return Answer(said, found[0].decode(), opened is not None)

    def send(
        self, frame: bytes, host: str, port: int, udp: bool = False, wait_s: float = ANSWER_S
    ) -> Answer:
        """Send one frame on a connection of its own, as panels do, and wait for the answer.
        Raises OSError when nobody is there."""
        kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
        splitter = Splitter()
        with socket.socket(family, kind) as line:
            line.settimeout(wait_s)
            line.connect(address)
            line.sendall(frame)
            while True:
                try:
                    data = line.recv(FRAME_MAX)
                except TimeoutError:
                    return Answer("")
                frames = splitter.feed(data)
                if frames:
                    return self.read(frames[0])
                if not data:
                    return Answer("")
