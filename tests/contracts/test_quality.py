"""What every store promises of stories of alarms, batteries, listening and cards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.conftest import Node
from tests.contracts.devices import county_of
from tocsin.analytics.alarm_story import AlarmStory, AssetStory
from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.assets import vocabulary as asset_words
from tocsin.kernel.shared import AlarmId, AssetId
from tocsin.runtime.alarm_following import follow_alarms
from tocsin.runtime.quality_ports import QualityStore
from tocsin.stores.memory.quality import MemoryQuality
from tocsin.stores.postgres.quality import PostgresQuality
from tocsin.stores.postgres.store import PostgresStore


@pytest.fixture
async def quality(node: Node, tmp_path: Path) -> AsyncIterator[QualityStore]:
    store = node.store
    yield PostgresQuality(store.readers) if isinstance(store, PostgresStore) else MemoryQuality()


async def test_stories_are_told_once_from_the_journal(node: Node, quality: QualityStore) -> None:
    county = county_of(node)
    begun = node.town.now()
    asset = await county.add("1", "intrusion-detector")
    answer = await county.told("1", "130")
    node.town.wait(60)
    await county.command(answer.alarm, words.AcknowledgeAlarm())
    await county.told("1", "130", "cleared")
    assert await follow_alarms(node.store, quality) > 0
    assert await follow_alarms(node.store, quality) == 0
    node.town.wait(60)
    await county.told("1", "130", session="b")
    out = asset_words.TakeAssetOutOfService("wo-1", "broken")
    await county.on_asset(asset, out)
    await follow_alarms(node.store, quality)
    until = node.town.now() + timedelta(seconds=1)
    first, second = await quality.alarm_stories(begun, until)
    assert (first.alarm_id, first.kind, first.signals) == (answer.alarm, "intrusion", 1)
    assert first.told == (begun,) and first.acknowledged_at == begun + timedelta(seconds=60)
    assert first.active == ((begun, begun + timedelta(seconds=60)),)
    assert first.closed_at is not None and second.closed_at is None and second.is_muted
    assert (await quality.asset_stories())[asset].service == ((begun, node.town.now()),)
    late = node.town.now() + timedelta(days=1)
    assert [e.alarm_id for e in await quality.alarm_stories(late, late + timedelta(days=1))] == [
        second.alarm_id
    ], "what is open is in every window, what closed before is not"
    told = await quality.load_told([AlarmId("none"), first.alarm_id], [asset])
    assert told == ({first.alarm_id: first}, {asset: AssetStory(asset, told[1][asset].service)})
    assert AlarmStory(AlarmId("x")) not in told[0].values()


async def test_the_rest_is_kept_by_day_and_by_night(node: Node, quality: QualityStore) -> None:
    now = node.town.now()
    today, hour = now.date(), timedelta(hours=1)
    await quality.put_listening(now, now + hour)
    await quality.put_listening(now, now + 2 * hour)
    await quality.put_listening(now, now + hour)
    assert await quality.listening(now + hour, now + 9 * hour) == [(now, now + 2 * hour)]
    assert await quality.listening(now + 2 * hour, now + 9 * hour) == []
    one, two = AssetId("one"), AssetId("two")
    await quality.put_batteries(today, {one: 50.0, two: 60.0})
    await quality.put_batteries(today, {one: 49.0})
    assert await quality.batteries(today) == {one: {today: 49.0}, two: {today: 60.0}}
    assert await quality.batteries(today, [two]) == {two: {today: 60.0}}
    assert await quality.batteries(today + timedelta(days=1)) == {}
    assert await quality.put_card(today, now, b'{"a":1}')
    assert not await quality.put_card(today, now, b'{"a":2}')
    assert await quality.put_card(today + timedelta(days=1), now, b"{}")
    assert [each[0] for each in await quality.cards(9)] == [today + timedelta(days=1), today]
    assert (await quality.cards(9))[1] == (today, now, b'{"a":1}')
    await quality.forget_quality(now + timedelta(days=2))
    assert await quality.batteries(today) == {} and len(await quality.cards(9)) == 2
    assert await quality.listening(now, now + hour) == []
