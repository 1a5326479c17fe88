"""Stories of cases in PostgreSQL: see `runtime.following.Stories`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tocsin.analytics.story import Story
from tocsin.kernel.shared import TIERS, AgencyId, AreaId, CaseId, Instant, Tier
from tocsin.stores.postgres.connections import Readers

_SAVE = """
INSERT INTO stories (case_id, opened_at, case_type, county, town, village, cell, lead, story)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[],
                     $6::text[], $7::text[], $8::text[], $9::text[])
ON CONFLICT (case_id) DO UPDATE SET case_type = excluded.case_type, lead = excluded.lead,
                                    story = excluded.story"""

_MOVE = "UPDATE story_cursor SET seq = $1 WHERE seq = $2 RETURNING seq"

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Story)


class PostgresStories:
    """Shares the pool of the readers: derived data may wait behind them."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def cursor(self) -> int:
        return int(await self._readers.fetchval("SELECT seq FROM story_cursor"))

    async def load(self, ids: Sequence[CaseId]) -> Mapping[CaseId, Story]:
        rows = await self._readers.fetch(
            "SELECT story FROM stories WHERE case_id = ANY($1::text[])", list(ids)
        )
        stories = (_decoder.decode(row["story"]) for row in rows)
        return {story.case_id: story for story in stories}

    async def save(self, stories: Sequence[Story], cursor: int, after: int) -> bool:
        rows = [_row(story) for story in stories]
        async with self._readers.acquire() as connection, connection.transaction():
            # Derived data: after a crash the batch is told again from the older cursor.
            await connection.execute("SET LOCAL synchronous_commit = off")
            # First of all: whoever tells the same entries on another node waits for this row.
            if await connection.fetchval(_MOVE, cursor, after) is None:
                return False
            if rows:
                await connection.execute(_SAVE, *map(list, zip(*rows, strict=True)))
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
        conditions = ["opened_at >= $1", "opened_at < $2"]
        values: list[object] = [opened_from, opened_to]

        def also(template: str, value: object) -> None:
            values.append(value)
            conditions.append(template.replace("?", f"${len(values)}"))

        if area is not None:
            also(
                "? IN (county, town, village, cell)" if tier is None else f"{_column(tier)} = ?",
                area,
            )
        if agency is not None:
            also("lead = ?", agency)
        if case_type is not None:
            also("case_type = ?", case_type)
        where = " AND ".join(conditions)
        rows = await self._readers.fetch(
            f"SELECT story FROM stories WHERE {where} ORDER BY opened_at, case_id", *values
        )
        return [_decoder.decode(row["story"]) for row in rows]

    async def counts(self, since: Instant, tier: Tier) -> Mapping[tuple[AreaId, str, Instant], int]:
        rows = await self._readers.fetch(
            f"SELECT {_column(tier)}, case_type, date_trunc('hour', opened_at, 'UTC'), count(*) "
            "FROM stories WHERE opened_at >= $1 GROUP BY 1, 2, 3",
            since,
        )
        return {(AreaId(row[0]), row[1], row[2]): row[3] for row in rows}


def _column(tier: Tier) -> str:
    assert tier in TIERS, "a tier is one of four words"
    return tier


def _row(story: Story) -> tuple[object, ...]:
    assert story.areas is not None, "a story begins with its case's opening"
    return (
        story.case_id,
        story.opened_at,
        story.case_type,
        *story.areas,
        story.lead,
        _encoder.encode(story).decode(),
    )
