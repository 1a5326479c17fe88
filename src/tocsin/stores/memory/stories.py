"""The reference of `runtime.following.Stories`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tocsin.analytics.story import Story
from tocsin.kernel.shared import AgencyId, AreaId, CaseId, Instant, Tier


class MemoryStories:
    """Stories in a dict."""

    def __init__(self) -> None:
        self._stories: dict[CaseId, Story] = {}
        self._cursor = 0

    @property
    def seq(self) -> int:
        """The last journal entry that is told, without waiting."""
        return self._cursor

    async def cursor(self) -> int:
        return self._cursor

    async def load(self, ids: Sequence[CaseId]) -> Mapping[CaseId, Story]:
        return {case_id: self._stories[case_id] for case_id in ids if case_id in self._stories}

    async def save(self, stories: Sequence[Story], cursor: int, after: int) -> bool:
        if self._cursor != after:
            return False
        self._stories.update((story.case_id, story) for story in stories)
        self._cursor = cursor
        return True

    async def select(
        self,
        opened_from: Instant,
        opened_to: Instant,
        *,
        tier: Tier | None = None,
        area: AreaId | None = None,
        agency: AgencyId | None = None,
        case_type: str | None = None,
    ) -> Sequence[Story]:
        def fits(story: Story) -> bool:
            assert story.opened_at is not None and story.areas is not None
            return (
                opened_from <= story.opened_at < opened_to
                and (
                    area is None
                    or area in (story.areas if tier is None else (story.areas.at(tier),))
                )
                and (agency is None or story.lead == agency)
                and (case_type is None or story.case_type == case_type)
            )

        found = [story for story in self._stories.values() if fits(story)]
        return sorted(found, key=lambda story: (story.opened_at or opened_to, story.case_id))

    async def counts(self, since: Instant, tier: Tier) -> Mapping[tuple[AreaId, str, Instant], int]:
        found: Counter[tuple[AreaId, str, Instant]] = Counter()
        for story in self._stories.values():
            assert story.opened_at is not None and story.areas is not None
            if story.opened_at >= since:
                hour = story.opened_at.replace(minute=0, second=0, microsecond=0)
                found[story.areas.at(tier), story.case_type, hour] += 1
        return found
