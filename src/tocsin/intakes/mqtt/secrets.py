"""What a device proves itself with: a long secret, kept as a salted hash, checked in microseconds.

Accounts of people use argon2id because people choose what can be guessed; its check takes 50 ms on
purpose. A device's secret is made by `tocsin mqtt NAME` and has 160 bits of chance: nobody guesses
it whatever the hash costs. And after a power cut two thousand devices connect at once, which at
50 ms each would be a hundred seconds without alarms. So: SHA-256 over a salt and the secret.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

SECRET_MIN: Final = 20
"""Characters of a secret: shorter ones can be guessed from the file, since its hash is fast."""
SCHEME: Final = "sha256"


def hashed(secret: str, salt: bytes) -> str:
    """`sha256$SALT$HASH`, both in hexadecimal: what stands in the file of the intakes."""
    digest = hashlib.sha256(salt + secret.encode()).hexdigest()
    return f"{SCHEME}${salt.hex()}${digest}"


def is_hash(text: str) -> bool:
    """Whether a text is one that `hashed` made."""
    parts = text.split("$")
    if len(parts) != 3 or parts[0] != SCHEME:
        return False
    try:
        return len(bytes.fromhex(parts[1])) >= 8 and len(bytes.fromhex(parts[2])) == 32
    except ValueError:
        return False


def is_secret(given: bytes, kept: str) -> bool:
    """Whether what a device gave is the secret of a kept hash; takes the same time either way."""
    _, salt, digest = kept.split("$")
    made = hashlib.sha256(bytes.fromhex(salt) + given).hexdigest()
    return hmac.compare_digest(made, digest)
