"""Keeps the stories of all cases up to date by following the journal.

Measures read stories, so that a month of a county is one query and not a million events. The
cursor and the stories of a batch are saved together; after a crash the batch is told again from
the stories as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from tocsin.analytics.story import Story, tell
from tocsin.kernel.shared import AgencyId, AreaId, CaseId, Instant, Tier
from tocsin.runtime.chaos import CALM, Chaos
from tocsin.runtime.ports import Store
from tocsin.runtime.synthetic_ports import is_synthetic

FOLLOW_BATCH: Final = 150
"""Journal entries told at a time: some milliseconds, so that nobody waits behind the measures."""


class Stories(Protocol):
    """Where stories are kept: derived data, to be dropped and told again at will."""

    async def cursor(self) -> int:
        """The last journal entry that is told."""
        ...

    async def load(self, ids: Sequence[CaseId]) -> Mapping[CaseId, Story]: ...

    async def save(self, stories: Sequence[Story], cursor: int, after: int) -> bool:
        """Stories and cursor in one transaction. False, and nothing is saved, where the cursor is
        not `after` any more: another node told these entries meanwhile."""
        ...

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
        """Stories of cases opened in [from, to), in order of opening and id."""
        ...

    async def counts(self, since: Instant, tier: Tier) -> Mapping[tuple[AreaId, str, Instant], int]:
        """How many cases were opened since then, by area of the tier, case type and the beginning
        of the hour (UTC) in which they were."""
        ...


async def follow(store: Store, stories: Stories, chaos: Chaos = CALM) -> int:
    """Tell everything new. Returns the number of journal entries told."""
    told = 0
    cursor = await stories.cursor()
    while entries := await store.tail(cursor, chaos.fewer("follower.batch", FOLLOW_BATCH)):
        await chaos.pause("follower.read")
        ids = sorted({e.case_id for e in entries if not is_synthetic(e.case_id)})
        now = dict(await stories.load(ids))
        for entry in entries:
            if is_synthetic(entry.case_id):
                continue
            now[entry.case_id] = tell(now.get(entry.case_id) or Story(entry.case_id), entry.events)
        upto = entries[-1].seq
        await chaos.pause("follower.told")
        if await stories.save([now[case_id] for case_id in ids], upto, cursor):
            cursor = upto
            told += len(entries)
        else:
            cursor = await stories.cursor()
    return told
