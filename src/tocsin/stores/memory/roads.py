"""Changes of roads in memory: the reference of what PostgreSQL must do."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.kernel.shared import ActorId, Instant
from tocsin.runtime.road_ports import RoadClosure


class MemoryRoads:
    """`road_ports.RoadStore`, and what was changed by whom."""

    def __init__(self) -> None:
        super().__init__()
        self._closures: dict[str, RoadClosure] = {}
        self._road_changes: list[tuple[Instant, ActorId, str, bool]] = []

    async def put_closure(self, closure: RoadClosure) -> None:
        if closure.id not in self._closures:
            self._closures[closure.id] = closure
            self._road_changes.append((closure.made_at, closure.made_by, closure.id, True))

    async def take_back_closure(
        self, closure_id: str, by: ActorId, at: Instant
    ) -> RoadClosure | None:
        found = self._closures.pop(closure_id, None)
        if found is not None:
            self._road_changes.append((at, by, closure_id, False))
        return found

    async def closures(self, at: Instant) -> Sequence[RoadClosure]:
        found = (self._closures[each] for each in sorted(self._closures))
        return [each for each in found if each.ends_at is None or each.ends_at > at]

    async def forget_closures(self, before: Instant) -> int:
        old = [
            each.id
            for each in self._closures.values()
            if each.ends_at is not None and each.ends_at < before
        ]
        for each in old:
            del self._closures[each]
        return len(old)

    async def road_changes(self) -> Sequence[tuple[Instant, ActorId, str, bool]]:
        """(when, who, which, whether it was made) of every change, oldest first."""
        return tuple(self._road_changes)
