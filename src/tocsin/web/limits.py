"""Token buckets in memory: so many tries a minute for each key, and never more keys than fit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from time import monotonic
from typing import Final

KEYS_MAX: Final = 50_000
"""Keys remembered: some ten megabytes. The one unused for longest is forgotten first; an attacker
with more addresses than that has other means."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """`burst` tries at once, then `per_minute` of them."""

    def __init__(
        self, per_minute: float, burst: int, clock: Callable[[], float] = monotonic
    ) -> None:
        self._per_s = per_minute / 60.0
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str) -> int:
        """0 when one more try is fine; else the seconds until the next one is."""
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= KEYS_MAX:
                self._buckets.popitem(last=False)
            bucket = self._buckets[key] = _Bucket(self._burst, now)
        else:
            self._buckets.move_to_end(key)
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_s)
            bucket.at = now
        if bucket.tokens >= 1.0:
            bucket.tokens -= 1.0
            return 0
        return max(1, int((1.0 - bucket.tokens) / self._per_s) + 1)

    def give_back(self, key: str) -> None:
        """The try was a good one: it does not count."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.tokens = min(self._burst, bucket.tokens + 1.0)

    def waiting(self) -> list[tuple[str, int]]:
        """Keys that have no try left now, with the seconds until they have, in order."""
        now = self._clock()
        found: list[tuple[str, int]] = []
        for key, bucket in self._buckets.items():
            tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_s)
            if tokens < 1.0:
                found.append((key, max(1, int((1.0 - tokens) / self._per_s) + 1)))
        return sorted(found)

    def forget(self, key: str) -> bool:
        """Start a key anew; False when it was not known."""
        return self._buckets.pop(key, None) is not None


def address_key(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 a household gets in IPv6."""
    try:
        ip = ip_address(address)
    except ValueError:
        return "unknown"
    if ip.version == 6:
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return ip.packed[:8].hex()
    return str(ip)
