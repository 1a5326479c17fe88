"""What a receiver says: taken (ACK), not understood (DUH), or the clock is wrong (NAK).

None holds data, extended data or a key, whatever the panel asked for.
"""

from __future__ import annotations

from tocsin.intakes.sia_dc09.cipher import encrypt
from tocsin.intakes.sia_dc09.frames import build
from tocsin.intakes.sia_dc09.message import Header, stamp_of
from tocsin.kernel.shared import Instant


def ack(head: Header, account: str, is_binary: bool) -> bytes:
    """The acknowledgement of a message in clear; all texts of its header as they came."""
    return build(b'"ACK"%s[]' % _address(head, account), is_binary)


def encrypted_ack(
    head: Header, account: str, key: bytes, at: Instant, padding: bytes, is_binary: bool
) -> bytes:
    """The acknowledgement of an encrypted message, under the key that opened it."""
    sealed = encrypt(key, b"]_" + stamp_of(at).encode(), padding)
    return build(b'"*ACK"%s[%s' % (_address(head, account), sealed), is_binary)


def duh(head: Header, account: str, is_binary: bool) -> bytes:
    """Received, and cannot be worked with: the panel need not send it here again."""
    return build(b'"DUH"%s[]' % _address(head, account), is_binary)


def nak(at: Instant, is_binary: bool) -> bytes:
    """Too old or too early by the panel's clock, with the time as it is: panels set theirs by it.
    It names nobody: number, receiver, line and account are zeros."""
    return build(b'"NAK"0000R0L0A0[]_' + stamp_of(at).encode(), is_binary)


def _address(head: Header, account: str) -> bytes:
    receiver = f"R{head.receiver}" if head.receiver is not None else ""
    prefix = f"L{head.prefix}" if head.prefix is not None else "L0"
    return f"{head.sequence}{receiver}{prefix}#{account}".encode()
