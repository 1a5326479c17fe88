"""Who gives no sign of life: a wheel of seconds, and what a silence is taken for.

A device lies in the slot of the second at which it would be late; what it says meanwhile does not
move it. When its slot comes it is looked at once and laid into a later one, or it is silent. So a
hundred thousand devices cost what a second's share of them costs, and never a sweep over all.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Final

import structlog

from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.assets.state import Asset, Reach
from tocsin.kernel.shared import SYSTEM, AssetId, Instant
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.alarm_ports import IncomingAlarm
from tocsin.runtime.device_book import SUPERVISION
from tocsin.runtime.ports import AlarmQuery, Committed

log = structlog.get_logger("tocsin.supervision")

OUTAGE_S: Final = 5.0
"""A wheel that stood still for longer was our own outage: nobody was late meanwhile."""
COMMON_CAUSE_MIN: Final = 3
"""So many silent devices behind one gateway or power feed speak for that, not for themselves."""
TOLD_TOGETHER: Final = 256
"""Silences that are told at once: about one commit."""
SILENCES_MAX: Final = 2_000
"""Silences that are told in one turn; the rest comes with the next."""


class Wheel:
    """Devices by the second at which they are late. Instants as seconds since the epoch."""

    def __init__(self) -> None:
        self._slots: dict[int, set[AssetId]] = {}
        self._slot_of: dict[AssetId, int] = {}
        self._now: int | None = None

    def __len__(self) -> int:
        return len(self._slot_of)

    def lay(self, asset: AssetId, due_s: float) -> None:
        """Into the slot of that second, out of the one before."""
        self.drop(asset)
        slot = max(int(due_s) + 1, (self._now or 0) + 1)
        self._slots.setdefault(slot, set()).add(asset)
        self._slot_of[asset] = slot

    def drop(self, asset: AssetId) -> None:
        slot = self._slot_of.pop(asset, None)
        if slot is not None:
            self._slots[slot].discard(asset)

    def holds(self, asset: AssetId) -> bool:
        return asset in self._slot_of

    def turn(self, now_s: float) -> list[AssetId]:
        """Everything in the slots that have come since the last turn, by id; taken out of them."""
        until = int(now_s)
        start = self._now if self._now is not None else min(self._slots, default=until) - 1
        self._now = max(until, start)
        found: list[AssetId] = []
        for slot in range(start + 1, until + 1):
            found += sorted(self._slots.pop(slot, ()))
        for asset in found:
            del self._slot_of[asset]
        return found


class Supervision:
    """Turns silence into alarms, by the class of each device."""

    def __init__(self, desk: AlarmDesk) -> None:
        self.desk = desk
        self.wheel = Wheel()
        self.since: Instant | None = None
        """Since when we listen without a gap: nobody is late by a time before."""
        self.outages = 0
        self.outage_s = OUTAGE_S
        """Longer where time is made to run faster: then one turn is many seconds."""
        self._turned_at: Instant | None = None

    @property
    def turned_at(self) -> Instant | None:
        """When the wheel last turned: until then we listened."""
        return self._turned_at

    def reach(self, asset: Asset, now: Instant) -> Reach:
        """Whether an asset is heard; `unknown` where nobody waits for it, or we did not listen."""
        interval_s = asset.interval_s
        if interval_s is None:
            return "unknown"
        if SUPERVISION in self.desk.book.down.get(asset.id, ()):
            return "offline"
        heard_at = self.desk.book.track(asset.id).heard_at
        limit = timedelta(seconds=interval_s)
        return "online" if heard_at is not None and now - heard_at <= limit else "unknown"

    async def turn(self) -> int:
        """One turn of the wheel. Returns how many devices fell silent in it."""
        now = self.desk.engine.clock.now()
        await self.desk.load()
        gap_s = (now - self._turned_at).total_seconds() if self._turned_at is not None else 0.0
        if self._turned_at is None or gap_s > self.outage_s:
            self.since = now
            self.outages += self._turned_at is not None
        self._turned_at = now
        self._lay_new(now)
        late: list[AssetId] = []
        most = self.desk.engine.chaos.fewer("wheel.batch", SILENCES_MAX)
        for asset_id in self.wheel.turn(now.timestamp()):
            asset = self.desk.book.assets.get(asset_id)
            interval_s = asset.interval_s if asset is not None else None
            if asset is None or interval_s is None:
                continue
            due = self._due_s(asset_id, interval_s, now)
            is_late = due <= now.timestamp() and len(late) < most
            if is_late and SUPERVISION not in self.desk.book.down.get(asset_id, ()):
                late.append(asset_id)
            self.wheel.lay(asset_id, max(due, now.timestamp() + (interval_s if is_late else 0)))
        if late:
            await self.desk.engine.chaos.pause("wheel.late")
            await self._tell(late)
        return len(late)

    def _lay_new(self, now: Instant) -> None:
        """Assets that came to be supervised since the last turn."""
        for asset_id, asset in self.desk.book.assets.items():
            interval_s = asset.interval_s
            if interval_s is None:
                if self.wheel.holds(asset_id):
                    self.wheel.drop(asset_id)
            elif not self.wheel.holds(asset_id):
                self.wheel.lay(asset_id, self._due_s(asset_id, interval_s, now))

    def _due_s(self, asset_id: AssetId, interval_s: int, now: Instant) -> float:
        """When it would be late: from when it was heard, or from when we began to listen."""
        heard_at = self.desk.book.track(asset_id).heard_at
        since = self.since or now
        return max(heard_at or since, since).timestamp() + interval_s

    async def _tell(self, late: list[AssetId]) -> None:
        """Alarms for the silent: first what explains others, then the others under it."""
        causes = self._causes(late)
        for cause in causes:
            await self._silent(cause)
        # Together, so that hundreds behind a dead gateway share their commits.
        others = [each for each in late if each not in causes]
        for start in range(0, len(others), TOLD_TOGETHER):
            part = others[start : start + TOLD_TOGETHER]
            await asyncio.gather(*(self._silent(each) for each in part))
        for cause in causes:
            await self._gather(cause)

    def _causes(self, late: list[AssetId]) -> list[AssetId]:
        """What most of the silent hang on: it is down itself, whether or not it is supervised."""
        book, found = self.desk.book, list[AssetId]()
        ahead: Counter[AssetId] = Counter()
        for asset_id in late:
            asset = book.assets[asset_id]
            for each in {asset.about.gateway, asset.about.power} - {None}:
                if each is not None:
                    ahead[each] += 1
        for each, count in sorted(ahead.items()):
            mates = [a for a in book.behind.get(each, ()) if book.assets[a].interval_s is not None]
            down = sum(SUPERVISION in book.down.get(a, ()) for a in mates)
            is_common = count + down >= COMMON_CAUSE_MIN and 2 * (count + down) >= len(mates)
            is_late = each in late
            if each in book.assets and each not in book.down and (is_late or is_common):
                found.append(each)
        return found

    async def _silent(self, asset_id: AssetId) -> None:
        """One alarm. Its key is the silence itself: two nodes that see it tell one."""
        heard_at = self.desk.book.track(asset_id).heard_at or self.since
        key = heard_at.isoformat() if heard_at is not None else "never"
        incoming = IncomingAlarm(SUPERVISION, asset_id, SUPERVISION, "raised", key=key, session=key)
        outcome = await self.desk.raise_of(asset_id, incoming, by=SYSTEM)
        if not isinstance(outcome, Committed):
            log.error("silence_refused", reason=outcome.reason)

    async def _gather(self, cause: AssetId) -> None:
        """Folds what fell silent before its cause was known under it."""
        for asset_id in sorted(self.desk.book.behind.get(cause, ())):
            if SUPERVISION not in self.desk.book.down.get(asset_id, ()):
                continue
            for row in await self.desk.engine.store.alarms(
                AlarmQuery(open_only=True, kinds=(SUPERVISION,), asset=asset_id)
            ):
                if row.alarm.cause is None:
                    await self.desk.command(row, words.GroupAlarm(cause), by=SYSTEM)


__all__ = ["Supervision", "Wheel"]
