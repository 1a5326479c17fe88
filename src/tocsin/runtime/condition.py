"""What is wrong with a node, as far as it knows itself: every trouble under a stable name.

A trouble that stops the node makes it unready: it takes nothing, or keeps no promises. The others
are for whoever looks after it; the node goes on. Words for people are in the packs' words under
`trouble`, in every language.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, get_args

from tocsin.kernel.shared import Instant
from tocsin.runtime.ports import StoreState, Unavailable

if TYPE_CHECKING:
    from tocsin.runtime.services import Services

TroubleState = (
    StoreState
    | Literal[
        "wakes_stopped",
        "wakes_late",
        "errands_stopped",
        "errands_stuck",
        "errands_given_up",
        "log_lags",
        "log_rewritten",
        "synthetic_missing",
        "clock_stepped",
    ]
)
STOPPING: Final = frozenset(
    {
        "store_unavailable",
        "store_recovering",
        "disk_full",
        "wakes_stopped",
        "wakes_late",
        "errands_stopped",
    }
)
"""Those with which a node should be sent no work."""
ROOM_MIN_BYTES: Final = 16 << 20
"""Less room than one segment of the database's own journal: the next commits may find none."""
BELIEVED_S: Final = 10.0
"""For how long a write that found no room speaks for the disk, when nothing is written after it."""
STUCK_S: Final = 120.0
"""An errand that is owed for longer than this is stuck: a crew, an agency or a reporter waits."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong. `stops`: nothing should be sent here until it is over."""

    state: TroubleState
    stops: bool


def states() -> tuple[TroubleState, ...]:
    """Every trouble there can be, in the order in which they are told."""
    return tuple(name for part in get_args(TroubleState) for name in get_args(part) or (part,))


async def troubles(services: Services) -> tuple[Trouble, ...]:
    """Everything that is wrong now, what stops the node first. Asks the store once."""
    now = services.clock.now()
    found: set[TroubleState] = set()
    store = await _store(services, now)
    if store is not None:
        found.add(store)
    beat = services.heartbeat.trouble(now)
    if beat is not None:
        found.add(beat)
    if services.heartbeat.owed_s(now) > STUCK_S:
        found.add("errands_stuck")
    if services.heartbeat.dead:
        found.add("errands_given_up")
    if services.log is not None and services.log.state != "ok":
        found.add("log_lags" if services.log.state == "lags" else "log_rewritten")
    if services.synthetic is not None and services.synthetic.is_missing(now):
        found.add("synthetic_missing")
    if services.is_clock_stepped():
        found.add("clock_stepped")
    return tuple(Trouble(each, each in STOPPING) for each in states() if each in found)


async def _store(services: Services, now: Instant) -> StoreState | None:
    """What is wrong with the store. Reads may go well while nothing can be written."""
    state: StoreState | None = None
    try:
        await services.store.last_seq()
    except Unavailable as trouble:
        state = trouble.state
    room = services.room_bytes()
    if room is not None and room < ROOM_MIN_BYTES:
        return "disk_full"
    if state is None and (last := services.engine.refused) is not None:
        is_fresh = now - last.at < timedelta(seconds=BELIEVED_S)
        state = "disk_full" if is_fresh and last.state == "disk_full" else None
    return state


__all__ = ["STOPPING", "Trouble", "TroubleState", "states", "troubles"]
