"""Chains of alerts in memory: the reference of what PostgreSQL must do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tocsin.kernel.shared import Instant
from tocsin.runtime.chain_ports import Chained


class MemoryChains:
    """`chain_ports.ChainStore`."""

    def __init__(self) -> None:
        super().__init__()
        self._chained: dict[tuple[str, str], Chained] = {}

    async def put_chained(self, found: Chained) -> None:
        await self.end_chain(found.source, found.device)
        self._chained[found.source, found.name] = found

    async def end_chain(self, source: str, device: str) -> None:
        for key, each in self._chained.items():
            if (each.source, each.device) == (source, device):
                self._chained[key] = replace(each, ends_at=None)

    async def chained(self, source: str, limit: int) -> Sequence[Chained]:
        found = [each for each in self._chained.values() if each.source == source]
        return sorted(found, key=lambda each: (each.kept_at, each.name))[-limit:]

    async def forget_chained(self, before: Instant) -> int:
        old = [key for key, each in self._chained.items() if each.kept_at < before]
        for key in old:
            del self._chained[key]
        return len(old)
