"""What the health needs of the synthetic report, whoever sends it."""

from __future__ import annotations

from typing import Protocol

from tocsin.kernel.shared import Instant


class Synthetic(Protocol):
    """A report of nobody that travels the whole path, again and again."""

    @property
    def arrived(self) -> int:
        """How many arrived since the start."""
        ...

    @property
    def took_s(self) -> float:
        """How long the last one that arrived was on its way."""
        ...

    def age_s(self, now: Instant) -> float:
        """Seconds since one arrived, or since the start."""
        ...

    def is_missing(self, now: Instant) -> bool:
        """None arrived for longer than the operator allows."""
        ...
