"""Which message belongs to which: updates that name only the last, and alerts that run out."""

from __future__ import annotations

import heapq
from asyncio import Lock
from collections import OrderedDict
from typing import Final

from msgspec.structs import replace

from tocsin.intakes.cap.parse import SOURCE, alarms, chain_of, device_of
from tocsin.intakes.cap.reading import Alert, Reference
from tocsin.kernel.shared import Instant
from tocsin.runtime.alarm_ports import IncomingAlarm
from tocsin.runtime.chain_ports import Chained, ChainStore

CHAINS_MAX: Final = 20_000
"""Messages that are remembered; the oldest are forgotten, and an update of such a one is known by
the earliest message that it names itself."""


class Chains:
    """Remembers under which device each message is known, and when it runs out. With a store a
    restart forgets nothing: `load` reads what `put` kept."""

    def __init__(self, store: ChainStore | None = None) -> None:
        self.store = store
        self._is_loaded = store is None
        self._loading = Lock()
        self._roots: OrderedDict[str, str] = OrderedDict()
        self._ends: dict[str, tuple[Instant, IncomingAlarm]] = {}
        self._kinds: dict[str, str] = {}
        self._due: list[tuple[Instant, str]] = []

    def read(self, alert: Alert) -> tuple[IncomingAlarm, ...]:
        """What a message raises and clears, by the chains that are known. What was raised under
        another event ends under that one: a cancel may name none, a watch may become a warning."""
        made: list[IncomingAlarm] = []
        for each in alarms(alert, self._root):
            known = self._kinds.get(each.device, each.kind)
            if each.signal == "raised":
                made.append(each)
                if known != each.kind:
                    made.append(replace(each, kind=known, signal="cleared", key=f"was-{each.key}"))
            else:
                made.append(replace(each, kind=known) if each.signal == "cleared" else each)
        return tuple(made)

    async def load(self) -> None:
        """What was kept before a restart; once. Raises Unavailable."""
        if self._is_loaded or self.store is None:
            return
        async with self._loading:
            if self._is_loaded:
                return
            for each in await self.store.chained(SOURCE, CHAINS_MAX):
                self._roots[each.name] = each.device
                self._kinds[each.device] = each.kind
                self._ends.pop(each.device, None)
                if each.ends_at is not None:
                    raised = IncomingAlarm(
                        SOURCE, each.device, each.kind, "raised", key=each.key,
                        is_drill=each.is_drill,
                    )  # fmt: skip
                    self._ends[each.device] = each.ends_at, raised
                    heapq.heappush(self._due, (each.ends_at, each.device))
            self._is_loaded = True

    async def put(self, alert: Alert, now: Instant) -> None:
        """Keeps a message whose alarms are on disk, in the store first. Raises Unavailable; then
        nothing is remembered, and the message may come again."""
        await self.load()
        if self.store is not None and (made := self.read(alert)):
            device = chain_of(alert, self._root)[0]
            name = device_of(alert.sender, alert.identifier)
            ends = [info.expires for info in alert.infos if info.expires is not None]
            ends_at = max(ends) if made[0].signal == "raised" and ends else None
            kind, drill = made[0].kind, made[0].is_drill
            await self.store.put_chained(
                Chained(SOURCE, name, device, kind, now, drill, made[0].key, ends_at)
            )
        self.keep(alert)

    def keep(self, alert: Alert) -> None:
        """A message whose alarms are on disk."""
        made = self.read(alert)
        if not made:
            return
        device = chain_of(alert, self._root)[0]
        self._roots[device_of(alert.sender, alert.identifier)] = device
        if made[0].signal == "raised":
            self._kinds[device] = made[0].kind
        while len(self._roots) > CHAINS_MAX:
            gone, _ = self._roots.popitem(last=False)
            self._ends.pop(gone, None)
            self._kinds.pop(gone, None)
        for each in made:
            self._ends.pop(each.device, None)
        ends = [info.expires for info in alert.infos if info.expires is not None]
        if made[0].signal == "raised" and ends:
            self._ends[device] = (max(ends), made[0])
            heapq.heappush(self._due, (max(ends), device))

    def run_out(self, now: Instant) -> list[tuple[str, IncomingAlarm]]:
        """The devices whose alerts have run out, with the alarm that says so."""
        found: list[tuple[str, IncomingAlarm]] = []
        while self._due and self._due[0][0] <= now:
            at, device = heapq.heappop(self._due)
            held = self._ends.get(device)
            if held is not None and held[0] == at:  # not updated meanwhile
                raised = held[1]
                over = IncomingAlarm(
                    raised.source, device, raised.kind, "cleared", key=f"over-{raised.key}", at=at,
                    is_drill=raised.is_drill,
                )  # fmt: skip
                found.append((device, over))
        return found

    async def over(self, device: str) -> None:
        """That an alert ran out is on disk."""
        self._ends.pop(device, None)
        if self.store is not None:
            await self.store.end_chain(SOURCE, device)

    def again(self, device: str, at: Instant) -> None:
        """It could not be kept: it is looked at again next time."""
        heapq.heappush(self._due, (at, device))

    def _root(self, reference: Reference) -> str:
        name = device_of(reference.sender, reference.identifier)
        return self._roots.get(name, name)
