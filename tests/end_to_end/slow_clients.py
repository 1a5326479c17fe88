"""Clients that are slow on purpose: in the head, in the body, in reading, or silent altogether."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Final, cast

Way = Callable[[int], tuple[bytes, int]]
"""What client N sends bit by bit, and how much of it at once."""

_POST: Final = (
    b"POST /open311/v2/requests.json HTTP/1.1\r\nhost: x\r\n"
    b"content-type: application/x-www-form-urlencoded\r\n"
)
_PARTS: Final = (
    b"POST /open311/v2/requests.json HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n"
    b"content-type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    b'content-disposition: form-data; name="media"; filename="a.jpg"\r\n'
    b"content-type: image/jpeg\r\n\r\n"
)
_ASKS: Final = b"GET /open311/v2/services.json HTTP/1.1\r\nhost: x\r\n\r\n" * 400
_ONCE: Final = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
_LARGE: Final = b"a" * 700_000
HALF: Final = bytes.fromhex("16030100c8010000c40303")
"""The beginning of a client's first record: its head promises 200 bytes, of which few come."""
UNREAD_S: Final = 30.0


def http(number: int) -> tuple[bytes, int]:
    """A slow head, a slow body, half open, much asked for and nothing read, parts of a form bit by
    bit, one question and then half of another, or a body that is large at once and then slow."""
    match number % 7:
        case 0:
            return _POST + b"x-slow: " + b"a" * 30_000, 40
        case 1:
            return _POST + b"content-length: 900000\r\n\r\n" + b"a" * 30_000, len(_POST) + 30
        case 2:
            return b"", 0
        case 3:
            return _ASKS, len(_ASKS)
        case 4:
            return _PARTS + b"a" * 30_000, len(_PARTS) + 30
        case 5:
            return _ONCE + b"GET", len(_ONCE)
        case _:
            begun = _POST + b"content-length: 900000\r\n\r\n" + _LARGE
            return begun + b"a" * 30_000, len(begun)


def mqtt(number: int) -> tuple[bytes, int]:
    """A greeting that does not end, a packet as long as it may be, half open, or pings unread."""
    match number % 4:
        case 0:
            return b"\x10\x40\x00\x04MQTT\x04\x02" + b"\0" * 200, 6
        case 1:
            return b"\x10\xff\xff\xff\x7f" + b"a" * 30_000, 5
        case 2:
            return b"", 0
        case _:
            return b"\xc0\x00" * 30_000, 60_000


def dc09(number: int) -> tuple[bytes, int]:
    """A frame that does not end, half open, or frames whose answers nobody reads."""
    match number % 3:
        case 0:
            return b'\n12340020"NULL"0000L0#1234[' + b"a" * 30_000, 20
        case 1:
            return b"", 0
        case _:
            return b'\n00000010"NULL"0000L0#1234[]\r' * 2_000, 60_000


def tls(number: int) -> tuple[bytes, int]:
    """A handshake that does not begin, gets nowhere, or is not gone on with."""
    match number % 3:
        case 0:
            return b"", 0
        case 1:
            return HALF + b"a" * 180, len(HALF)
        case _:
            said = _hello()
            return said, len(said)


@cache
def _hello() -> bytes:
    """What a client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    said = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), said).do_handshake()
    return said.read()


WAYS: Final[dict[str, Way]] = {"http": http, "mqtt": mqtt, "dc09": dc09, "tls": tls}


class _Wire(asyncio.Protocol):
    """The socket of a slow client, which throws away what it is told, or does not even read it."""

    def __init__(self, *, is_deaf: bool) -> None:
        self.is_deaf = is_deaf
        self.is_cut = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.is_deaf:
            cast(asyncio.Transport, transport).pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_cut.set()


async def trickle(
    port: int,
    way: Way,
    number: int,
    held: set[tuple[str, int]],
    drip_s: float,
    address: str = "127.0.0.1",
) -> None:
    """One slow client at `address`, who comes back when it is cut off. Enters itself in `held` when
    it is first connected. Who sends all at once does not read what it is answered."""
    text, at_once = way(number)
    loop = asyncio.get_running_loop()
    is_deaf = 0 < at_once == len(text)
    while True:
        wire = _Wire(is_deaf=is_deaf)
        try:
            transport, _ = await loop.create_connection(
                lambda wire=wire: wire, "127.0.0.1", port, local_addr=(address, 0)
            )
        except OSError:
            await asyncio.sleep(drip_s)
            continue
        held.add((way.__name__, number))
        try:
            transport.write(text[:at_once])
            await _drip(transport, wire, text[at_once:], drip_s)
        finally:
            transport.abort()


async def _drip(transport: asyncio.WriteTransport, wire: _Wire, rest: bytes, drip_s: float) -> None:
    """A byte now and then, until it is cut off or that gets dull."""
    for sent in range(max(len(rest), int(UNREAD_S / drip_s))):
        # Not `wait_for`, which loses a cancelling that comes together with the cut (Python 3.11).
        with suppress(TimeoutError):
            async with asyncio.timeout(drip_s):
                await wire.is_cut.wait()
                return
        if transport.is_closing():
            return
        transport.write(rest[sent : sent + 1])
