"""The packets of MQTT: the one module that knows the library that reads them (ADR 0015).

Bytes from anybody come in here. Whatever is wrong with them is one error, `Unreadable`.
"""

from __future__ import annotations

import struct
from typing import Any, Final, Literal

from zmqtt._internal.packets import (
    Auth,
    ConnAck,
    ConnAckProperties,
    Connect,
    Disconnect,
    DisconnectProperties,
    PingReq,
    PingResp,
    PubAck,
    PubAckProperties,
    PubComp,
    Publish,
    PublishProperties,
    PubRec,
    PubRel,
    SubAck,
    Subscribe,
    SubscriptionRequest,
    UnsubAck,
    Unsubscribe,
    Will,
)
from zmqtt._internal.packets import codec as _library
from zmqtt._internal.types.qos import QoS

Version = Literal["3.1.1", "5.0"]

MALFORMED: Final = 0x81
PROTOCOL_ERROR: Final = 0x82
VERSION_UNSUPPORTED: Final = 0x84
PACKET_TOO_LARGE: Final = 0x95

_FLAGS: Final = {1: 0, 2: 0, 4: 0, 5: 0, 6: 2, 7: 0, 8: 2, 9: 0, 10: 2, 11: 0, 12: 0, 13: 0,
                 14: 0, 15: 0}  # fmt: skip
"""What stands in the low four bits of each type but PUBLISH (MQTT 5, table 2-2)."""
_CONNECT: Final = 1
_PUBLISH: Final = 3


class Unreadable(ValueError):
    """Bytes that are no packet; `code` is the reason code of MQTT 5 for it."""

    def __init__(self, code: int, why: str) -> None:
        self.code = code
        super().__init__(why)


class Reader:
    """Bytes of one connection to packets. `version` is that of its CONNECT, once that was read.

    A packet larger than `most` bytes is refused by its header, before its body is kept.
    """

    __slots__ = ("_at", "_buffer", "_most", "version")

    def __init__(self, most: int) -> None:
        self.version: Version | None = None
        self._most = most
        self._buffer = b""
        self._at = 0

    @property
    def is_waiting(self) -> bool:
        """Whether something lies here that was not taken yet."""
        return self._at < len(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer = self._buffer[self._at :] + data if self.is_waiting else data
        self._at = 0

    def next(self) -> Any | None:
        """The next whole packet; None while there is none. Raises Unreadable; then the
        connection is of no more use."""
        buffer = memoryview(self._buffer)[self._at :]
        if len(buffer) < 2:
            return None
        kind = buffer[0] >> 4
        if self.version is None and kind != _CONNECT:
            raise Unreadable(PROTOCOL_ERROR, "the first packet is CONNECT")
        if kind != _PUBLISH and _FLAGS.get(kind) != buffer[0] & 0x0F:
            raise Unreadable(MALFORMED, "flags of the fixed header")
        try:
            found = _library.decode(
                buffer, version=self.version or "3.1.1", max_packet_size=self._most
            )
        except _library.PacketTooLargeError as error:
            raise Unreadable(PACKET_TOO_LARGE, "the packet is too large") from error
        except (ValueError, IndexError, struct.error) as error:
            is_other = kind == _CONNECT and _level(buffer) not in (4, 5)
            code = VERSION_UNSUPPORTED if is_other else MALFORMED
            raise Unreadable(code, type(error).__name__) from error
        if found is None:
            return None
        packet, size = found
        if kind == _CONNECT:
            if self.version is not None:
                raise Unreadable(PROTOCOL_ERROR, "a second CONNECT")
            self.version = "5.0" if _level(buffer) == 5 else "3.1.1"
        self._at += size
        if self._at == len(self._buffer):
            self._buffer, self._at = b"", 0
        return packet


def _level(buffer: memoryview) -> int:
    """The protocol level of a CONNECT, the byte behind the protocol's name; 0 for none."""
    start = 1
    while start < len(buffer) and start < 5 and buffer[start] & 0x80:
        start += 1
    body = buffer[start + 1 :]
    if len(body) < 2:
        return 0
    place = 2 + int.from_bytes(body[:2], "big")
    return body[place] if place < len(body) else 0


def encode(packet: Any, version: Version) -> bytes:
    """One packet to bytes."""
    return _library.encode(packet, version=version)


def decode_any(data: bytes, version: Version) -> tuple[Any, int] | None:
    """What a client reads: any packet, and its size; None while it is not whole."""
    return _library.decode(data, version=version)


__all__ = [
    "MALFORMED",
    "PACKET_TOO_LARGE",
    "PROTOCOL_ERROR",
    "VERSION_UNSUPPORTED",
    "Auth",
    "ConnAck",
    "ConnAckProperties",
    "Connect",
    "Disconnect",
    "DisconnectProperties",
    "PingReq",
    "PingResp",
    "PubAck",
    "PubAckProperties",
    "PubComp",
    "PubRec",
    "PubRel",
    "Publish",
    "PublishProperties",
    "QoS",
    "Reader",
    "SubAck",
    "Subscribe",
    "SubscriptionRequest",
    "UnsubAck",
    "Unreadable",
    "Unsubscribe",
    "Version",
    "Will",
    "decode_any",
    "encode",
]
