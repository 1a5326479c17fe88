"""The codes with which sites take their alarms back: kept as slow, salted hashes, never in clear.

A code belongs to a site: the asset that devices hang on, or a device by itself. Who knows it may
say that an alarm was none; what that does is the pack's, and a wrong one does nothing but tell.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import unicodedata
from collections.abc import Sequence
from typing import Final

from tocsin.kernel.shared import Actor, AssetId, Instant, Refused
from tocsin.runtime.device_ports import DeviceStore

LENGTH_MIN: Final = 6
"""A million codes of six digits; three wrong ones and the alarm takes none any more."""
LENGTH_MAX: Final = 32
"""What a keypad or a telephone is asked for."""
DISTINCT_MIN: Final = 3
"""Fewer different characters are a pattern."""
SCRYPT_N: Final = 2**14
"""Cost of a try: 16 MB and about 50 ms (RFC 7914 with r = 8, p = 1)."""
_ROWS: Final = ("01234567890", "09876543210", "abcdefghijklmnopqrstuvwxyz")

REASONS: tuple[str, ...] = ("code_wrong", "code_weak", "code_missing")
"""What is refused about codes."""


def normal(code: str) -> str:
    """The same code typed on two keyboards is the same text."""
    return unicodedata.normalize("NFKC", code).strip().casefold()


def is_weak(code: str) -> bool:
    """Too short, too long, one pattern, or a row of the keypad."""
    text = normal(code)
    is_long = LENGTH_MIN <= len(text) <= LENGTH_MAX
    return not is_long or len(set(text)) < DISTINCT_MIN or any(text in row for row in _ROWS)


class SiteCodes:
    """Sets codes, and says whether one fits. Raises Unavailable as the store does."""

    def __init__(self, store: DeviceStore) -> None:
        self._store = store
        self._one_at_a_time = asyncio.Lock()

    async def set(self, site: AssetId, code: str, *, at: Instant, by: Actor) -> Refused | None:
        """A new code; an empty one takes it away."""
        if not code:
            await self._store.put_site_code(site, None, at, by.id)
            return None
        if is_weak(code):
            return Refused("code_weak", "")
        salt = os.urandom(16)
        hashed = f"scrypt${salt.hex()}${(await self._hash(code, salt)).hex()}"
        await self._store.put_site_code(site, hashed, at, by.id)
        return None

    async def fits(self, sites: Sequence[AssetId], code: str) -> bool:
        """Whether it is the code of the first of the sites that has one."""
        known = await self._store.site_codes(sites)
        stored = next((known[each] for each in sites if each in known), None)
        if stored is None or len(code) > 4 * LENGTH_MAX:
            return False
        _, salt, hashed = stored.split("$")
        given = await self._hash(code, bytes.fromhex(salt))
        return hmac.compare_digest(given, bytes.fromhex(hashed))

    async def _hash(self, code: str, salt: bytes) -> bytes:
        # One at a time, beside the loop: whoever floods us with codes waits for himself.
        async with self._one_at_a_time:
            return await asyncio.to_thread(
                hashlib.scrypt, normal(code).encode(), salt=salt, n=SCRYPT_N, r=8, p=1
            )


__all__ = ["REASONS", "SiteCodes", "is_weak", "normal"]
