"""The errands' part of `ports.Store` on PostgreSQL: everything goes over the line of the chores."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.kernel.shared import Instant
from tocsin.runtime.ports import DueErrand, Message
from tocsin.stores.postgres.chores import Chores


class OwedWrites:
    """Errands taken, finished and failed; messages delivered."""

    _chores: Chores

    async def take_errands(self, now: Instant, lease_s: float, limit: int) -> Sequence[DueErrand]:
        """Oldest first; `attempts` counts those before this one."""
        return await self._chores.take(now, lease_s, limit)

    async def finish_errand(self, key: str, now: Instant) -> None:
        await self._chores.finish(key)

    async def fail_errand(self, key: str, error: str, retry_at: Instant | None) -> None:
        await self._chores.fail(key, error, retry_at)

    async def dead_letters(self, limit: int) -> Sequence[tuple[DueErrand, str]]:
        return await self._chores.dead_letters(limit)

    async def revive_errand(self, key: str, now: Instant) -> bool:
        return await self._chores.revive(key, now)

    async def recall_errands(self, now: Instant, lease_s: float) -> int:
        return await self._chores.recall(now, lease_s)

    async def deliver(self, message: Message) -> None:
        await self._chores.deliver(message)


__all__ = ["OwedWrites"]
