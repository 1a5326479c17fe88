"""Which message of a sender continues which alert: kept, so that a restart forgets none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tocsin.kernel.shared import Instant


@dataclass(frozen=True, slots=True)
class Chained:
    """One message that was kept: under which `device` and `kind` its alert is known here.

    `name` is the sender's own for the message; `ends_at` when the alert runs out by itself (None:
    never, or it is over); `key` that of the message that says until when.
    """

    source: str
    name: str
    device: str
    kind: str
    kept_at: Instant
    is_drill: bool = False
    key: str = ""
    ends_at: Instant | None = None


class ChainStore(Protocol):
    """A plain table: what is known under a name is replaced, and old names are forgotten."""

    async def put_chained(self, found: Chained) -> None:
        """Durable when it returns; the one of the same source and name is replaced."""
        ...

    async def end_chain(self, source: str, device: str) -> None:
        """Nothing of that device runs out any more."""
        ...

    async def chained(self, source: str, limit: int) -> Sequence[Chained]:
        """The newest of a source, in the order in which they were kept."""
        ...

    async def forget_chained(self, before: Instant) -> int:
        """Forgets what was kept before that; returns how many."""
        ...
