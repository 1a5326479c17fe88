"""The nightly card of the alarms, and the work orders that follow of it by themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import structlog

from tocsin.analytics.alarm_story import AlarmStory
from tocsin.analytics.scorecard import Row, Window, scorecard
from tocsin.analytics.upkeep import (
    BatteryForecast,
    DueWork,
    Flat,
    OnlineRate,
    Watched,
    battery_forecast,
    due_works,
    online_rates,
)
from tocsin.analytics.worst import worst
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.shared import SYSTEM, Actor, AssetId, CaseId, Instant, Refused
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.alarm_following import follow_alarms
from tocsin.runtime.alarm_ports import IncomingAlarm
from tocsin.runtime.device_book import SUPERVISION
from tocsin.runtime.following import Stories
from tocsin.runtime.onlooking import as_node
from tocsin.runtime.ports import AlarmQuery, Committed
from tocsin.runtime.quality_ports import QualityStore
from tocsin.runtime.supervision import Supervision

log = structlog.get_logger("tocsin.quality")

NIGHT_HOUR: Final = 3
"""On the town's own clock: the load of a day is lowest then."""
SPAN: Final = timedelta(days=7)
"""Over which a source is one of the worst: one bad day is weather, a bad week is the device."""
COOL_DOWN: Final = timedelta(days=30)
"""After a work order a device has so long to get better before it gets another."""
ORDERS_MAX: Final = 10
"""Work orders of each kind in one night: as many as a workshop looks at."""
BATTERY: Final = "battery_percent"
"""The reading of a battery, by the names of the pack's limits."""
BATTERY_LIMIT: Final = 15.0
"""Percent at which a battery counts as empty where the pack has no limit of its own."""
KEPT: Final = timedelta(days=400)
"""Batteries by day and spans of listening: a year and a month, to see winters side by side."""
AHEAD: Final = timedelta(days=30)
"""How long before a due date the work order is opened."""
NUISANCE: Final = "nuisance"
UPKEEP: Final = "upkeep"
SOURCE: Final = "quality"


class Quality:
    """What is known of alarms and devices over time. `stories` tell when a case was dispatched."""

    def __init__(
        self,
        desk: AlarmDesk,
        supervision: Supervision,
        store: QualityStore,
        stories: Stories | None,
    ) -> None:
        self.desk = desk
        self.supervision = supervision
        self.store = store
        self.stories = stories
        self.zone = ZoneInfo(desk.pack.zone)

    # -- rows

    async def rows(self, window: Window) -> list[Row]:
        """Every alarm of the window with what is known of its device now."""
        await self.desk.load()
        told = await self.store.alarm_stories(window.since, window.until)
        cases = sorted({each.case for each in told if each.case is not None})
        sent: Mapping[CaseId, Instant | None] = {}
        if self.stories is not None and cases:
            with as_node():  # when somebody was sent; the alarms are narrowed to who asks
                loaded = await self.stories.load(cases)
            sent = {case: story.dispatched_at for case, story in loaded.items()}
        return [self._row(story, sent) for story in told]

    def _row(self, story: AlarmStory, sent: Mapping[CaseId, Instant | None]) -> Row:
        asset = self.desk.book.assets.get(story.asset)
        about = asset.about if asset is not None else None
        site = (about.gateway if about is not None else None) or story.asset
        return Row(
            story,
            # Areas run from the narrowest to the county; the one before that is the town.
            seat=story.areas[-2] if len(story.areas) > 1 else "".join(story.areas),
            agency=(about.keeper or about.owner) if about is not None else "",
            site=site,
            model=about.model if about is not None else "",
            dispatched_at=sent.get(story.case) if story.case is not None else None,
        )

    # -- devices

    async def online(self, window: Window, by_owner: bool, only: set[AssetId]) -> list[OnlineRate]:
        """Online rates by kind of device or by owner, of these devices; see `OnlineRate`."""
        silent: dict[AssetId, list[Any]] = {}
        for story in await self.store.alarm_stories(window.since, window.until):
            if story.kind == SUPERVISION:
                silent.setdefault(story.asset, []).extend(story.active)
        told = await self.store.asset_stories()
        listened = await self._listened(window)
        devices = [
            Watched(
                asset.id,
                asset.about.owner if by_owner else asset.about.kind,
                told[asset.id].service,
                tuple(silent.get(asset.id, ())),
            )
            for asset in self._supervised(only)
            if asset.id in told
        ]
        return online_rates(devices, listened, window.since, window.until)

    def _supervised(self, only: set[AssetId]) -> Iterable[Asset]:
        assets = self.desk.book.assets
        found = (assets[each] for each in sorted(only) if each in assets)
        return (each for each in found if each.about.supervision != "none")

    async def _listened(self, window: Window) -> Sequence[Flat]:
        return await self.store.listening(window.since, window.until)

    def battery_limit(self) -> float:
        """Percent under which the pack calls a battery low."""
        limits = [
            limit.below
            for policy in self.desk.pack.alarm_policies.values()
            for limit in policy.limits
            if limit.reading == BATTERY and limit.below is not None
        ]
        return max(limits, default=BATTERY_LIMIT)

    async def batteries(
        self, today: date, assets: Sequence[AssetId] | None = None
    ) -> dict[AssetId, BatteryForecast]:
        """Forecasts of those that ever told of a battery."""
        kept = await self.store.batteries(today - KEPT, assets)
        limit = self.battery_limit()
        return {asset: battery_forecast(kept[asset], limit) for asset in sorted(kept)}

    async def due(self, today: date, ahead: timedelta) -> list[DueWork]:
        """Inspections, certificates and batteries that are due or overdue."""
        await self.desk.load()
        forecasts = await self.batteries(today)
        dates: list[Any] = []
        for asset in self.desk.book.assets.values():
            if asset.status in ("absent", "found", "retired"):
                continue
            dates += [
                (asset.id, "inspection", asset.about.inspection_at),
                (asset.id, "certificate", asset.about.certificate_until),
            ]
            forecast = forecasts.get(asset.id)
            if forecast is not None:
                dates.append((asset.id, "battery", forecast.empty_on))
        return due_works(dates, today, ahead)

    # -- the night

    async def keep_up(self) -> int:
        """Tells the stories, remembers that the node listens, and makes the card when its hour has
        come. Returns how many work orders were opened."""
        await follow_alarms(self.desk.engine.store, self.store)
        supervision = self.supervision
        if supervision.since is not None and supervision.turned_at is not None:
            await self.store.put_listening(supervision.since, supervision.turned_at)
        now = self.desk.engine.clock.now()
        local = now.astimezone(self.zone)
        if local.hour < NIGHT_HOUR:
            return 0
        newest = await self.store.cards(1)
        if newest and newest[0][0] >= local.date():
            return 0
        return await self.night(local.date(), now)

    async def night(self, today: date, now: Instant) -> int:
        """The card of the day before, and what follows of the week before. Once a night, on one
        node: who keeps the card orders the work."""
        await self._note_batteries(today)
        end = datetime.combine(today, time.min, self.zone)
        day = Window(end - timedelta(days=1), end)
        content = msgspec.json.encode(card_of(await self.rows(day), day))
        if not await self.store.put_card(today, now, content):
            return 0
        await self.store.forget_quality(now - KEPT)
        week = Window(end - SPAN, end)
        sources = worst(await self.rows(week), week, 10 * ORDERS_MAX)
        ordered = await self._order(
            NUISANCE, [(asset, f"{count} in {SPAN.days} d") for asset, count in sources], now
        )
        due = await self.due(today, AHEAD)
        works = [(each.asset, f"{each.what} {each.on.isoformat()}") for each in due]
        ordered += await self._order(UPKEEP, works, now)
        log.info("scorecard", night=today.isoformat(), orders=ordered)
        return ordered

    async def _note_batteries(self, today: date) -> None:
        await self.desk.load()
        book = self.desk.book
        percents = {
            asset: track.readings[BATTERY]
            for asset, track in sorted(book.tracks.items())
            if BATTERY in track.readings and asset in book.assets
        }
        if percents:
            await self.store.put_batteries(today, percents)

    async def _order(self, kind: str, wanted: Sequence[tuple[AssetId, str]], now: Instant) -> int:
        """Opens work orders, at most `ORDERS_MAX`, none for a device that had one of the kind
        within `COOL_DOWN` or is out of service."""
        if kind not in self.desk.pack.alarm_policies:
            return 0
        ordered = 0
        for asset_id, why in wanted:
            asset = self.desk.book.assets.get(asset_id)
            if ordered >= ORDERS_MAX or asset is None or asset.status == "out_of_service":
                continue
            earlier = await self.desk.engine.store.alarms(
                AlarmQuery(asset=asset_id, kinds=(kind,), since=now - COOL_DOWN, limit=1)
            )
            still = await self.desk.engine.store.alarms(
                AlarmQuery(asset=asset_id, kinds=(kind,), open_only=True, limit=1)
            )
            if not earlier and not still:
                outcome = await self.order(asset_id, kind, why, now)
                ordered += isinstance(outcome, Committed)
        return ordered

    async def order(
        self,
        asset: AssetId,
        kind: str,
        why: str,
        now: Instant,
        by: Actor = SYSTEM,
        key: str | None = None,
    ) -> Committed | Refused:
        """One work order: an alarm of the house itself, whose case has the clocks of the pack.
        While one of the kind is open for the device it is that one, raised again."""
        named = hashlib.blake2b(f"{by.id} {key or now.isoformat()}".encode(), digest_size=16)
        name = named.hexdigest()
        incoming = IncomingAlarm(SOURCE, asset, kind, "raised", key=name, session=name, text=why)
        return await self.desk.raise_of(asset, incoming, by=by)


def card_of(rows: Sequence[Row], window: Window) -> dict[str, Any]:
    """A card as it is kept: numbers, with the alarms that each counts."""
    (readings,) = scorecard(rows, window).values()
    return {
        "since": window.since,
        "until": window.until,
        "alarms": len(rows),
        "readings": [asdict(each) for each in readings],
    }


__all__ = ["Quality", "card_of"]
