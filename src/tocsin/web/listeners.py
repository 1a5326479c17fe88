"""Who listens to the live stream: what they may see, and what waits for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import TaskCancelled, TaskReturned
from tocsin.kernel.shared import AgencyId, AreaId
from tocsin.runtime.board import GONE


def agencies_told(case: Case, events: Sequence[object] = ()) -> tuple[AgencyId, ...]:
    """Every agency that reaches the case now, by a share in it or as the one that leads, and those
    from which these events took their share: that is the last they hear of it."""
    lost = {each.task for each in events if isinstance(each, TaskCancelled | TaskReturned)}
    told = [each.agency for each in case.tasks if each.status not in GONE or each.id in lost]
    return (*told, case.lead) if case.lead is not None else tuple(told)


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
