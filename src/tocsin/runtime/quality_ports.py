"""Where stories of alarms and devices, batteries by day and the cards of the nights are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from tocsin.analytics.alarm_story import AlarmStory, AssetStory
from tocsin.kernel.shared import AlarmId, AssetId, Instant


class QualityStore(Protocol):
    """Derived data, beside the journal: losing it loses no promise."""

    async def alarm_cursor(self) -> int:
        """The last journal entry that is told."""
        ...

    async def load_told(
        self, alarms: Sequence[AlarmId], assets: Sequence[AssetId]
    ) -> tuple[Mapping[AlarmId, AlarmStory], Mapping[AssetId, AssetStory]]: ...

    async def save_told(
        self, alarms: Sequence[AlarmStory], assets: Sequence[AssetStory], cursor: int, after: int
    ) -> bool:
        """Stories and cursor in one transaction. False, and nothing is saved, where the cursor is
        not `after` any more: another node told these entries meanwhile."""
        ...

    async def alarm_stories(self, since: Instant, until: Instant) -> Sequence[AlarmStory]:
        """Alarms that were open at some moment of [since, until), in order of opening and id."""
        ...

    async def asset_stories(self) -> Mapping[AssetId, AssetStory]: ...

    async def put_listening(self, started_at: Instant, until: Instant) -> None:
        """This node listened from then until then; the span of the same start is replaced."""
        ...

    async def listening(self, since: Instant, until: Instant) -> Sequence[tuple[Instant, Instant]]:
        """Spans that touch [since, until), in order."""
        ...

    async def put_batteries(self, day: date, percents: Mapping[AssetId, float]) -> None:
        """The readings of one day; those of the same day and device are replaced."""
        ...

    async def batteries(
        self, since: date, assets: Sequence[AssetId] | None = None
    ) -> Mapping[AssetId, Mapping[date, float]]:
        """By device and day from that day on; of all devices where none are named."""
        ...

    async def forget_quality(self, before: Instant) -> None:
        """Forgets batteries and listening of before that; stories and cards stay."""
        ...

    async def put_card(self, night: date, made_at: Instant, content: bytes) -> bool:
        """Keeps the card of a night; False where it is there already, and that one stays."""
        ...

    async def cards(self, limit: int) -> Sequence[tuple[date, Instant, bytes]]:
        """The newest first."""
        ...


__all__ = ["QualityStore"]
