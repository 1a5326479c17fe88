"""The encryption of DC-09: AES in CBC mode, an initial vector of zeros, and text that begins with
random padding (5.5.1, 5.4.4). The padding is what makes two equal alarms differ on the wire.

Keys are written on installers' papers in two ways, and both are met: as hexadecimal digits (32, 48
or 64 of them) and as the ASCII text of the key itself (16, 24 or 32 characters). Thirty-two digits
can be either: whichever opens the message is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK: Final = 16
KEY_SIZES: Final = (16, 24, 32)
"""AES-128, AES-192, AES-256."""
_ZEROS: Final = bytes(BLOCK)
_STAMP: Final = rb"_\d\d:\d\d:\d\d,\d\d-\d\d-\d{4}[\x00 ]*"
_CLEAR: Final = re.compile(
    rb"(?:[^\[\]|]*\|)?(?P<content>[^\]]*\](?:\[[^\[\]]*\])*" + _STAMP + rb")", re.DOTALL
)
"""Padding up to its bar, data, extended data, timestamp, which encrypted messages must have.
Padding holds neither bracket nor bar."""
_PADDED_END: Final = re.compile(
    rb"[^\[\]|]*(?P<content>\](?:\[[^\[\]]*\])*" + _STAMP + rb")", re.DOTALL
)
"""The same without data and bar: a poll and an acknowledgement."""


def keys_of(written: str) -> tuple[bytes, ...]:
    """The readings of a key as it is written; empty when it is none."""
    found: list[bytes] = []
    text = written.strip()
    if re.fullmatch(r"[0-9A-Fa-f]+", text) and len(text) in (32, 48, 64):
        found.append(bytes.fromhex(text))
    if text.isascii() and len(text) in KEY_SIZES:
        found.append(text.encode())
    return tuple(found)


def encrypt(key: bytes, content: bytes, padding: bytes) -> bytes:
    """Hexadecimal digits of `content`, which ends in its timestamp. `padding` is random, at least
    sixteen bytes more than is used; it must be fresh for each message."""
    bar = b"" if content.startswith(b"]") else b"|"
    size = BLOCK + -(len(bar) + len(content)) % BLOCK
    clear = bytes(each % 26 + 65 for each in padding[:size]).ljust(size, b"A") + bar + content
    cipher = Cipher(AES(key), CBC(_ZEROS)).encryptor()
    return (cipher.update(clear) + cipher.finalize()).hex().upper().encode()


def decrypt(keys: Iterable[bytes], digits: bytes) -> tuple[bytes, bytes] | None:
    """The key that opens the message and its content from the data on; None when none does."""
    try:
        sealed = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return None
    if not sealed or len(sealed) % BLOCK:
        return None
    for key in keys:
        cipher = Cipher(AES(key), CBC(_ZEROS)).decryptor()
        clear = cipher.update(sealed) + cipher.finalize()
        found = _PADDED_END.fullmatch(clear) or _CLEAR.fullmatch(clear)
        if found is not None:
            return key, found["content"]
    return None
