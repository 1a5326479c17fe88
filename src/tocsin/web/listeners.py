"""Who listens to the live stream: what they may see, and what waits for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from tocsin.kernel.shared import AgencyId, AreaId


@dataclass(frozen=True, slots=True)
class View:
    """Who may see what: `key` is equal for listeners that see the same."""

    key: Hashable
    sees: Callable[[Sequence[AreaId], Sequence[AgencyId]], bool]


@dataclass(eq=False, slots=True)
class Listener:
    """One open stream. `queue` holds whole ticks of encoded messages; `holder` is the session or
    the key it was opened with, with which it ends."""

    view: View
    limit: int
    holder: str | None = None
    queue: deque[bytes] = field(default_factory=deque[bytes])
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    dropped: bool = False
    is_beat_due: bool = False
    is_over: bool = False

    def put(self, chunk: bytes) -> None:
        """Queue one tick; a full queue drops the listener, who resumes from the journal."""
        if len(self.queue) >= self.limit:
            self.dropped = True
            self.queue.clear()
        else:
            self.queue.append(chunk)
        self.woken.set()

    def end(self) -> None:
        """Close the stream: what waits in it is not sent any more."""
        self.is_over = True
        self.queue.clear()
        self.woken.set()
