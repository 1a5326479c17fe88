"""What the machine of a connection wants done. It does nothing itself: no sockets, no clock."""

from __future__ import annotations

from typing import Final

import msgspec

KEPT: Final = 0x00
NOT_READ: Final = 0x10
"""No route reads the topic: nothing was to be kept (MQTT 5: no matching subscribers)."""
NOT_AUTHORISED: Final = 0x87
QUOTA_EXCEEDED: Final = 0x97
PAYLOAD_INVALID: Final = 0x99


class Message(msgspec.Struct, frozen=True):
    """One message as it came. `sender` is the device by whose credentials, or the broker from
    which, it came. `is_new`: it is said to be sent for the first time."""

    sender: str
    topic: str
    payload: bytes
    qos: int = 0
    pid: int | None = None
    is_new: bool = False
    is_retained: bool = False
    is_will: bool = False
    from_broker: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """What became of a message: a reason code of MQTT 5, below 0x80 where it was taken.

    `is_down`: nothing can be kept now, so there is no answer. `is_noted`: the refusal of this very
    message is on disk already, so a device of 3.1.1, which cannot be told, need not send it again.
    """

    code: int = KEPT
    is_down: bool = False
    is_noted: bool = False


class Send(msgspec.Struct, frozen=True):
    """Bytes for the device."""

    data: bytes


class Keep(msgspec.Struct, frozen=True):
    """Keep this and then call `settle` with the ticket; -1 where nobody waits for an answer."""

    ticket: int
    message: Message


class Note(msgspec.Struct, frozen=True):
    """A refusal that somebody should see with the device: the reason code and its topic."""

    sender: str
    code: int
    topic: str


class Close(msgspec.Struct, frozen=True):
    """Hang up, after what was sent."""


class Again(msgspec.Struct, frozen=True):
    """There is more in hand: call `advance` when others had their turn."""


Effect = Send | Keep | Note | Close | Again
