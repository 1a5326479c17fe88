"""Clients that are slow on purpose: in the head, in the body, in reading, or silent altogether."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

Way = Callable[[int], tuple[bytes, int]]
"""What client N sends bit by bit, and how much of it at once."""

_POST: Final = (
    b"POST /open311/v2/requests.json HTTP/1.1\r\nhost: x\r\n"
    b"content-type: application/x-www-form-urlencoded\r\n"
)
_ASKS: Final = b"GET /open311/v2/services.json HTTP/1.1\r\nhost: x\r\n\r\n" * 400
UNREAD_S: Final = 30.0


def http(number: int) -> tuple[bytes, int]:
    """A slow head, a slow body, half open, or much asked for and nothing read."""
    match number % 4:
        case 0:
            return _POST + b"x-slow: " + b"a" * 30_000, 40
        case 1:
            return _POST + b"content-length: 900000\r\n\r\n" + b"a" * 30_000, len(_POST) + 30
        case 2:
            return b"", 0
        case _:
            return _ASKS, len(_ASKS)


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


WAYS: Final[dict[str, Way]] = {"http": http, "mqtt": mqtt, "dc09": dc09}


async def trickle(
    port: int, way: Way, number: int, held: set[tuple[str, int]], drip_s: float
) -> None:
    """One slow client, who comes back when it is cut off. Never reads; enters itself in `held`."""
    text, at_once = way(number)
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_024)
        except OSError:
            await asyncio.sleep(drip_s)
            continue
        held.add((way.__name__, number))
        try:
            writer.write(text[:at_once])
            for sent in range(at_once, len(text)):
                await asyncio.sleep(drip_s)
                if writer.is_closing():
                    break
                writer.write(text[sent : sent + 1])
            else:
                await _hold(writer, drip_s)
        except OSError:
            pass
        finally:
            writer.close()


async def _hold(writer: asyncio.StreamWriter, drip_s: float) -> None:
    """Holds what it has, until it is cut off or that gets dull."""
    waited = 0.0
    while waited < UNREAD_S and not writer.is_closing():
        await asyncio.sleep(drip_s)
        waited += drip_s
