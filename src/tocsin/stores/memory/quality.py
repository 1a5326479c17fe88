"""Stories of alarms, batteries and cards in memory: the reference of what PostgreSQL must do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from tocsin.analytics.alarm_story import AlarmStory, AssetStory
from tocsin.kernel.shared import AlarmId, AssetId, Instant


class MemoryQuality:
    """See `quality_ports.QualityStore`."""

    def __init__(self) -> None:
        self._seq = 0
        self._alarms: dict[AlarmId, AlarmStory] = {}
        self._assets: dict[AssetId, AssetStory] = {}
        self._listening: dict[Instant, Instant] = {}
        self._batteries: dict[AssetId, dict[date, float]] = {}
        self._cards: dict[date, tuple[Instant, bytes]] = {}

    @property
    def seq(self) -> int:
        """The last journal entry that is told, without waiting."""
        return self._seq

    async def alarm_cursor(self) -> int:
        return self._seq

    async def load_told(
        self, alarms: Sequence[AlarmId], assets: Sequence[AssetId]
    ) -> tuple[Mapping[AlarmId, AlarmStory], Mapping[AssetId, AssetStory]]:
        return (
            {each: self._alarms[each] for each in alarms if each in self._alarms},
            {each: self._assets[each] for each in assets if each in self._assets},
        )

    async def save_told(
        self, alarms: Sequence[AlarmStory], assets: Sequence[AssetStory], cursor: int, after: int
    ) -> bool:
        if self._seq != after:
            return False
        self._alarms.update((each.alarm_id, each) for each in alarms)
        self._assets.update((each.asset_id, each) for each in assets)
        self._seq = cursor
        return True

    async def alarm_stories(self, since: Instant, until: Instant) -> Sequence[AlarmStory]:
        found = [
            each
            for each in self._alarms.values()
            if each.opened_at is not None
            and each.opened_at < until
            and (each.closed_at is None or each.closed_at >= since)
        ]
        return sorted(found, key=lambda each: (str(each.opened_at), each.alarm_id))

    async def asset_stories(self) -> Mapping[AssetId, AssetStory]:
        return {each: self._assets[each] for each in sorted(self._assets)}

    async def put_listening(self, started_at: Instant, until: Instant) -> None:
        self._listening[started_at] = max(until, self._listening.get(started_at, until))

    async def listening(self, since: Instant, until: Instant) -> Sequence[tuple[Instant, Instant]]:
        spans = sorted(self._listening.items())
        return [(start, end) for start, end in spans if end > since and start < until]

    async def put_batteries(self, day: date, percents: Mapping[AssetId, float]) -> None:
        for asset, percent in percents.items():
            self._batteries.setdefault(asset, {})[day] = percent

    async def batteries(
        self, since: date, assets: Sequence[AssetId] | None = None
    ) -> Mapping[AssetId, Mapping[date, float]]:
        wanted = self._batteries if assets is None else [e for e in assets if e in self._batteries]
        found = {
            asset: {day: v for day, v in self._batteries[asset].items() if day >= since}
            for asset in wanted
        }
        return {asset: days for asset, days in found.items() if days}

    async def forget_quality(self, before: Instant) -> None:
        for days in self._batteries.values():
            for day in [each for each in days if each < before.date()]:
                del days[day]
        for start in [s for s, end in self._listening.items() if end < before]:
            del self._listening[start]

    async def put_card(self, night: date, made_at: Instant, content: bytes) -> bool:
        if night in self._cards:
            return False
        self._cards[night] = made_at, content
        return True

    async def cards(self, limit: int) -> Sequence[tuple[date, Instant, bytes]]:
        found = [(night, *self._cards[night]) for night in sorted(self._cards, reverse=True)]
        return found[:limit]
