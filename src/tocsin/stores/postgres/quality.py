"""`quality_ports.QualityStore` on PostgreSQL; shares the pool of the readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import msgspec

from tocsin.analytics.alarm_story import AlarmStory, AssetStory
from tocsin.kernel.shared import AlarmId, AssetId, Instant
from tocsin.stores.postgres.connections import Readers

_MOVE = "UPDATE alarm_story_cursor SET seq = $1 WHERE seq = $2 RETURNING seq"
_SAVE_ALARMS: Final = """
INSERT INTO alarm_stories (alarm_id, opened_at, closed_at, story)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::text[])
ON CONFLICT (alarm_id) DO UPDATE SET closed_at = excluded.closed_at, story = excluded.story"""
_SAVE_ASSETS: Final = """
INSERT INTO asset_stories (asset_id, story) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (asset_id) DO UPDATE SET story = excluded.story"""
_OPEN_IN: Final = """
SELECT story FROM alarm_stories
 WHERE opened_at < $2 AND (closed_at IS NULL OR closed_at >= $1) ORDER BY opened_at, alarm_id"""
_LISTEN: Final = """
INSERT INTO listening (started_at, until) VALUES ($1, $2)
ON CONFLICT (started_at) DO UPDATE SET until = greatest(listening.until, excluded.until)"""
_LISTENED: Final = """
SELECT started_at, until FROM listening WHERE until > $1 AND started_at < $2 ORDER BY 1"""
_BATTERIES: Final = """
INSERT INTO battery_days (asset_id, day, percent) SELECT a, $1, p
  FROM unnest($2::text[], $3::float8[]) AS t (a, p)
ON CONFLICT (asset_id, day) DO UPDATE SET percent = excluded.percent"""
_PUT_CARD: Final = """
INSERT INTO scorecards (night, made_at, content) VALUES ($1, $2, $3)
ON CONFLICT (night) DO NOTHING RETURNING night"""

_encoder = msgspec.json.Encoder()
_alarm = msgspec.json.Decoder(AlarmStory)
_asset = msgspec.json.Decoder(AssetStory)


class PostgresQuality:
    """See `quality_ports.QualityStore`."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers.own

    async def alarm_cursor(self) -> int:
        return int(await self._readers.fetchval("SELECT seq FROM alarm_story_cursor"))

    async def load_told(
        self, alarms: Sequence[AlarmId], assets: Sequence[AssetId]
    ) -> tuple[Mapping[AlarmId, AlarmStory], Mapping[AssetId, AssetStory]]:
        rows = await self._readers.fetch(
            "SELECT story FROM alarm_stories WHERE alarm_id = ANY($1::text[])", list(alarms)
        )
        told = [_alarm.decode(row[0]) for row in rows]
        rows = await self._readers.fetch(
            "SELECT story FROM asset_stories WHERE asset_id = ANY($1::text[])", list(assets)
        )
        found = [_asset.decode(row[0]) for row in rows]
        return {each.alarm_id: each for each in told}, {each.asset_id: each for each in found}

    async def save_told(
        self, alarms: Sequence[AlarmStory], assets: Sequence[AssetStory], cursor: int, after: int
    ) -> bool:
        of_alarms = [(e.alarm_id, e.opened_at, e.closed_at, _text(e)) for e in alarms]
        of_assets = [(each.asset_id, _text(each)) for each in assets]
        async with self._readers.acquire() as connection, connection.transaction():
            # Derived data: after a crash the batch is told again from the older cursor.
            await connection.execute("SET LOCAL synchronous_commit = off")
            # First of all: whoever tells the same entries on another node waits for this row.
            if await connection.fetchval(_MOVE, cursor, after) is None:
                return False
            if of_alarms:
                await connection.execute(_SAVE_ALARMS, *map(list, zip(*of_alarms, strict=True)))
            if of_assets:
                await connection.execute(_SAVE_ASSETS, *map(list, zip(*of_assets, strict=True)))
        return True

    async def alarm_stories(self, since: Instant, until: Instant) -> Sequence[AlarmStory]:
        rows = await self._readers.fetch(_OPEN_IN, since, until)
        return [_alarm.decode(row[0]) for row in rows]

    async def asset_stories(self) -> Mapping[AssetId, AssetStory]:
        rows = await self._readers.fetch("SELECT story FROM asset_stories ORDER BY asset_id")
        return {each.asset_id: each for each in (_asset.decode(row[0]) for row in rows)}

    async def put_listening(self, started_at: Instant, until: Instant) -> None:
        async with self._readers.acquire() as connection:
            await connection.execute(_LISTEN, started_at, until)

    async def listening(self, since: Instant, until: Instant) -> Sequence[tuple[Instant, Instant]]:
        rows = await self._readers.fetch(_LISTENED, since, until)
        return [(row[0], row[1]) for row in rows]

    async def put_batteries(self, day: date, percents: Mapping[AssetId, float]) -> None:
        async with self._readers.acquire() as connection:
            await connection.execute(_BATTERIES, day, list(percents), list(percents.values()))

    async def batteries(
        self, since: date, assets: Sequence[AssetId] | None = None
    ) -> Mapping[AssetId, Mapping[date, float]]:
        sql = "SELECT asset_id, day, percent FROM battery_days WHERE day >= $1"
        values: list[object] = [since]
        if assets is not None:
            sql += " AND asset_id = ANY($2::text[])"
            values.append(list(assets))
        found: dict[AssetId, dict[date, float]] = {}
        for asset, day, percent in await self._readers.fetch(sql, *values):
            found.setdefault(AssetId(asset), {})[day] = percent
        return found

    async def forget_quality(self, before: Instant) -> None:
        async with self._readers.acquire() as connection:
            await connection.execute("DELETE FROM battery_days WHERE day < $1", before.date())
            await connection.execute("DELETE FROM listening WHERE until < $1", before)

    async def put_card(self, night: date, made_at: Instant, content: bytes) -> bool:
        async with self._readers.acquire() as connection:
            kept = await connection.fetchval(_PUT_CARD, night, made_at, content.decode())
        return kept is not None

    async def cards(self, limit: int) -> Sequence[tuple[date, Instant, bytes]]:
        sql = "SELECT night, made_at, content FROM scorecards ORDER BY night DESC LIMIT $1"
        rows = await self._readers.fetch(sql, limit)
        return [(row[0], row[1], row[2].encode()) for row in rows]


def _text(story: AlarmStory | AssetStory) -> str:
    return _encoder.encode(story).decode()
