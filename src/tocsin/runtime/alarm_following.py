"""Keeps the stories of alarms and assets up to date by following the journal; see `following`."""

from __future__ import annotations

from typing import Final

from tocsin.analytics.alarm_story import AlarmStory, AssetStory, tell_alarm, tell_asset
from tocsin.runtime.chaos import CALM, Chaos
from tocsin.runtime.ports import AlarmEntry, AssetEntry, Store
from tocsin.runtime.quality_ports import QualityStore

FOLLOW_BATCH: Final = 60
"""Entries of the whole journal read at a time; those of cases and units are passed over. Some
milliseconds: three hundred made whoever watched a flood of alarms wait five times as long."""


async def follow_alarms(store: Store, stories: QualityStore, chaos: Chaos = CALM) -> int:
    """Tell everything new. Returns the number of journal entries told."""
    told = 0
    cursor = await stories.alarm_cursor()
    while entries := await store.tail_of_all(
        cursor, chaos.fewer("alarm_follower.batch", FOLLOW_BATCH)
    ):
        of_alarms = [each for each in entries if isinstance(each, AlarmEntry)]
        of_assets = [each for each in entries if isinstance(each, AssetEntry)]
        alarms, assets = await stories.load_told(
            sorted({each.alarm_id for each in of_alarms}),
            sorted({each.asset_id for each in of_assets}),
        )
        alarms, assets = dict(alarms), dict(assets)
        for entry in of_alarms:
            known = alarms.get(entry.alarm_id) or AlarmStory(entry.alarm_id)
            alarms[entry.alarm_id] = tell_alarm(known, entry.events)
        for each in of_assets:
            found = assets.get(each.asset_id) or AssetStory(each.asset_id)
            assets[each.asset_id] = tell_asset(found, each.events)
        upto = entries[-1].seq
        await chaos.pause("alarm_follower.told")
        is_saved = await stories.save_told(
            [alarms[each] for each in sorted(alarms)],
            [assets[each] for each in sorted(assets)],
            upto,
            cursor,
        )
        if is_saved:
            cursor = upto
            told += len(entries)
        else:
            cursor = await stories.alarm_cursor()
    return told
