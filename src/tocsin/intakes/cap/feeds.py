"""Polls feeds of alerts, politely: conditional requests, back-off, only what concerns this place.

Nothing waits for a feed: each has its own task, and what it brings goes the way of every alarm.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from math import cos, radians
from typing import Annotated, Any, Final
from urllib.parse import urljoin, urlsplit

import msgspec
import structlog
from msgspec import Meta
from shapely.affinity import scale
from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from tocsin.intakes.cap.chains import Chains
from tocsin.intakes.cap.parse import SOURCE
from tocsin.intakes.cap.reading import (
    ALERT_BYTES_MAX,
    FEED_BYTES_MAX,
    Alert,
    Entry,
    document,
    read_alert,
    read_feed,
)
from tocsin.kernel.shared import Actor, ActorId, Refused
from tocsin.runtime.alarm_ports import AlarmTaker, IncomingAlarm
from tocsin.runtime.outgoing import Outgoing
from tocsin.runtime.ports import Clock

log = structlog.get_logger("tocsin.intakes.cap")

BY: Final = Actor(ActorId(SOURCE), "integration")
FETCH_S: Final = 20.0
"""How long one answer of a feed may take, from the first byte asked to the last."""
BACK_OFF_MAX_S: Final = 3_600.0
"""The longest pause between two tries of a feed that fails; each failure doubles it."""
SEEN_MAX: Final = 20_000
"""Entries of one feed that are remembered."""
FETCHED_MAX: Final = 200
"""Alerts that are fetched in one round; the others come in the next."""
KM_PER_DEGREE: Final = 111.2
"""Of latitude."""


class Feed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[cap.feed]]`. `geocodes` name this place in the feed's own codes (`FIPS6:006109`);
    alerts with a form are taken when it touches the county, others when a code fits, and where
    neither can be told, taken. `hosts`: other hosts than the feed's own that entries may lie on."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,60}$")]
    url: Annotated[str, Meta(pattern=r"^https?://")]
    interval_s: Annotated[float, Meta(ge=30, le=86_400)] = 120.0
    geocodes: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class Poller:
    """One feed. `county` is where it matters; None takes everything."""

    def __init__(
        self, feed: Feed, desk: AlarmTaker, chains: Chains, clock: Clock,
        county: BaseGeometry | None, client: Outgoing,
    ) -> None:  # fmt: skip
        self.feed = feed
        self.desk = desk
        self.chains = chains
        self.clock = clock
        self.county = county
        self.client = client
        self.failures = 0
        self.seen: OrderedDict[str, str] = OrderedDict()
        self._tags: dict[str, str] = {}
        self._hosts = {urlsplit(feed.url).hostname or "", *feed.hosts}

    async def run(self, sleep: Callable[[float], Any] = asyncio.sleep) -> None:
        """Polls until cancelled."""
        while True:
            await self.round()
            await sleep(self.pause_s)

    @property
    def pause_s(self) -> float:
        """Until the next round: the interval, doubled for each failure in a row."""
        longest = max(BACK_OFF_MAX_S, self.feed.interval_s)
        return min(self.feed.interval_s * 2 ** min(self.failures, 20), longest)

    async def round(self) -> bool:
        """Asks once, keeps what is new; whether it went well. A failure is logged and counted."""
        try:
            answer = await self._get(self.feed.url, FEED_BYTES_MAX, self._tags)
            if answer is not None:
                await self._take(answer)
            await self.desk.receive(IncomingAlarm(SOURCE, self.feed.name, "", "heard"), BY)
        except Exception as trouble:  # whatever a feed brings must not end the node
            self.failures += 1
            why = type(trouble).__name__
            log.warning("feed_fails", feed=self.feed.name, why=why, failures=self.failures)
            return False
        self.failures = 0
        return True

    async def _take(self, answer: tuple[bytes, dict[str, str]]) -> None:
        data, tags = answer
        root = document(data, FEED_BYTES_MAX)
        entries = root if isinstance(root, Refused) else read_feed(root)
        if isinstance(entries, Refused):
            raise FeedError(entries.reason)
        fetched = 0
        for entry in entries:
            if self.seen.get(entry.id) == entry.updated:
                self.seen.move_to_end(entry.id)
                continue
            if entry.alert is None:
                fetched += 1
            if fetched > FETCHED_MAX:
                return  # without its tags, so that the next round sees the rest
            await self._entry(entry)
        self._tags = tags

    async def _entry(self, entry: Entry) -> None:
        alert = entry.alert if entry.alert is not None else await self._fetch(entry.link)
        if isinstance(alert, Refused):
            log.warning("alert_refused", feed=self.feed.name, reason=alert.reason)
        elif concerns(alert, self.county, self.feed.geocodes):
            await keep(alert, self.chains, self.desk, self.clock)
        self.seen[entry.id] = entry.updated
        while len(self.seen) > SEEN_MAX:
            self.seen.popitem(last=False)

    async def _fetch(self, link: str) -> Alert | Refused:
        where = urljoin(self.feed.url, link)
        if not link or urlsplit(where).hostname not in self._hosts:
            return Refused("elsewhere", "the entry lies on a host that is not this feed's")
        found = await self._get(where, ALERT_BYTES_MAX, {})
        assert found is not None
        root = document(found[0], ALERT_BYTES_MAX)
        return root if isinstance(root, Refused) else read_alert(root)

    async def _get(
        self, url: str, most: int, tags: dict[str, str]
    ) -> tuple[bytes, dict[str, str]] | None:
        """A document and what to ask with next time; None when it has not changed. Redirects are
        not followed: a feed that moved is for the operator to move."""
        headers = {"accept": "application/atom+xml, text/xml, */*", **tags}
        answer = await self.client.ask(
            "GET", url, hosts=self._hosts, headers=headers, limit=most, timeout_s=FETCH_S
        )
        if answer.status == 304 and tags:
            return None
        if answer.status != 200:
            raise FeedError(str(answer.status))
        pairs = (("if-none-match", "etag"), ("if-modified-since", "last-modified"))
        known = {ask: answer.headers[said] for ask, said in pairs if said in answer.headers}
        return answer.body, known


class FeedError(Exception):
    """A feed that answered something else than a feed."""


async def keep(alert: Alert, chains: Chains, desk: AlarmTaker, clock: Clock) -> Refused | None:
    """Hands the alarms of a message to the desk, and remembers it once they are on disk. Raises
    Unavailable; then nothing is remembered, and the message may come again."""
    await chains.load()
    for incoming in chains.read(alert):
        outcome = await desk.receive(incoming, BY)
        if isinstance(outcome, Refused):
            return outcome
    await chains.put(alert, clock.now())
    return None


def concerns(alert: Alert, county: BaseGeometry | None, geocodes: tuple[str, ...]) -> bool:
    """Whether an alert is for this place. In doubt it is."""
    shapes: list[BaseGeometry] = []
    codes: set[str] = set()
    for info in alert.infos:
        shapes += [Polygon(ring) for ring in info.polygons]
        shapes += [_circle(*each) for each in info.circles]
        codes |= {f"{name}:{value}" for name, values in info.geocodes for value in values.split()}
    if codes & set(geocodes):
        return True
    if shapes and county is not None:
        return any(county.intersects(each if each.is_valid else each.buffer(0)) for each in shapes)
    return not (geocodes and codes)


def _circle(lon: float, lat: float, km: float) -> BaseGeometry:
    """A circle on the ground in degrees: wider the farther from the equator."""
    degrees = km / KM_PER_DEGREE
    return scale(Point(lon, lat).buffer(degrees), xfact=1 / max(cos(radians(lat)), 0.01))


def county_of(shapes: list[Polygon | MultiPolygon]) -> BaseGeometry | None:
    """The place itself, from the areas of its county; None on a node without areas."""
    whole: BaseGeometry | None = None
    for each in shapes:
        whole = each if whole is None else whole.union(each)
    return whole
