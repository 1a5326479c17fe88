"""Tokens and names: what is random, how it is known to the store, how a login is folded."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from typing import Final

TOKEN_BYTES: Final = 32
"""256 bits: not to be guessed."""
KEY_PREFIX: Final = "tok_"
"""Lets a scanner recognise a key that was published by mistake."""
LOGIN_MAX: Final = 64
"""Characters; what is longer is no name to type."""


def fold_login(login: str) -> str:
    """Login names do not differ by case, width or spaces around them."""
    return unicodedata.normalize("NFKC", login).strip().casefold()[:LOGIN_MAX]


def token_hash(token: str) -> bytes:
    """What the store knows a token by; tokens are random, so a fast hash is enough."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def csrf_of(token: str) -> str:
    """The session's CSRF token: derived, so it needs no store and ends with the session."""
    return hmac.digest(token.encode(errors="replace"), b"tocsin csrf", "sha256").hex()
