"""What the runtime needs of a store for changes of roads: closures and slow-downs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tocsin.kernel.shared import ActorId, Instant, Place


@dataclass(frozen=True, slots=True)
class RoadClosure:
    """A closure or slow-down as it is kept. `factor` is None where the road is closed, else how
    many times as long it takes. In force from `starts_at` until `ends_at` (None: until it is taken
    back). `places` are what was pointed at; `edges` the directed edges in the graph `graph` (its
    digest): in another graph they are found again from the places."""

    id: str
    made_at: Instant
    made_by: ActorId
    reason: str
    factor: float | None
    starts_at: Instant
    ends_at: Instant | None
    places: tuple[Place, ...]
    both_ways: bool
    edges: tuple[int, ...]
    graph: str

    def holds(self, at: Instant) -> bool:
        """Whether it is in force."""
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


class RoadStore(Protocol):
    """A plain table, as directories are: each change has a row that says who changed what, in the
    same transaction."""

    async def put_closure(self, closure: RoadClosure) -> None:
        """Keeps a new one, by its id; the same once more changes nothing."""
        ...

    async def take_back_closure(
        self, closure_id: str, by: ActorId, at: Instant
    ) -> RoadClosure | None:
        """Removes it; None where there is none of that id."""
        ...

    async def closures(self, at: Instant) -> Sequence[RoadClosure]:
        """Those that have not ended by then, also those that have yet to begin, by id."""
        ...

    async def forget_closures(self, before: Instant) -> int:
        """Removes those that ended before that; returns how many."""
        ...
