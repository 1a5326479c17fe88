"""CAP: every collected document read or refused for its reason; chains; posts; polled feeds."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box
from starlette.applications import Starlette

from tests.geography.roads.towns_with_roads import shared
from tests.intakes.alarm_desk import KeptDesk
from tests.intakes.node import KEYS, HandClock, Keys, make_services
from tocsin.app.outgoing import Caller
from tocsin.intakes.cap.chains import Chains
from tocsin.intakes.cap.feeds import BACK_OFF_MAX_S, Feed, Poller, concerns, keep
from tocsin.intakes.cap.parse import parse
from tocsin.intakes.cap.reading import (
    ALERT_BYTES_MAX,
    FEED_BYTES_MAX,
    Alert,
    document,
    read_alert,
    read_feed,
    ring_of,
)
from tocsin.intakes.cap.serve import end_those_over, routes
from tocsin.kernel.shared import Actor, ActorId, Refused
from tocsin.runtime.outgoing import Rules
from tocsin.stores.memory.store import MemoryStore
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

ALERTS = {
    "australia.cap": ("fire", "raised"),
    "canada.cap": ("thunderstorm", "cleared"),  # its response type is AllClear
    "canada_errors.cap": "references_missing",
    "canada_signed.cap": ("snowfall", "raised"),
    "earthquake.cap": ("earthquake", "raised"),
    "earthquake_signed.cap": ("earthquake", "raised"),
    "invalid.cap": "element_wrong",
    "no_optional_fields.cap": ("alert", "raised"),
    "noaa_errors.cap": ("flood-warning", "raised"),
    "oasis_amber_alert_example.xml": ("child-abduction", "raised"),
    "wcatwc-warning.cap": ("tsunami-warning", "raised"),
    "weather.cap": ("flash-flood-watch", "raised"),
    "xee.cap": "dtd_forbidden",
}
FEEDS = {
    "amber.atom": (1, 1),
    "weather.atom": (1, 1),
    "weather_index.atom": (2, 0),
    "nws_atom_feed_2018-08-15_163_entries.xml": (163, 0),
}
"""Entries, and alerts that are inside."""
WATCH = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>{id}</identifier>
<sender>w@town.example</sender><sent>2026-03-02T08:0{minute}:00+00:00</sent><status>Actual</status>
<msgType>{kind}</msgType><scope>Public</scope>{references}{info}</alert>"""
INFO = """<info><category>Met</category><event>{event}</event><urgency>Expected</urgency>
<severity>Severe</severity><certainty>Likely</certainty><expires>2026-03-02T09:00:00+00:00</expires>
</info>"""


def message(
    id: str, minute: int, kind: str = "Alert", after: tuple[tuple[str, int], ...] = (),
    event: str = "Flood Watch",
) -> bytes:  # fmt: skip
    named = " ".join(f"w@town.example,{each},2026-03-02T08:0{at}:00+00:00" for each, at in after)
    references = f"<references>{named}</references>" if after else ""
    info = INFO.format(event=event) if event else ""
    return WATCH.format(id=id, minute=minute, kind=kind, references=references, info=info).encode()


def read(data: bytes) -> Alert:
    root = document(data, ALERT_BYTES_MAX)
    assert not isinstance(root, Refused), root
    alert = read_alert(root)
    assert isinstance(alert, Alert), alert
    return alert


# -- collected documents


@pytest.mark.parametrize("name", ALERTS)
def test_collected_alerts_are_read_or_refused_for_their_reason(name: str):
    expected = ALERTS[name]
    found = parse(shared(f"cap/{name}").read_bytes(), {})
    if isinstance(expected, str):
        assert isinstance(found, Refused) and found.reason == expected
    else:
        assert not isinstance(found, Refused), found
        assert (found[0].kind, found[0].signal) == expected


@pytest.mark.parametrize("name", FEEDS)
def test_collected_feeds_give_their_entries(name: str):
    root = document(shared(f"cap/{name}").read_bytes(), FEED_BYTES_MAX)
    assert not isinstance(root, Refused)
    entries = read_feed(root)
    assert not isinstance(entries, Refused)
    inside = [each for each in entries if isinstance(each.alert, Alert)]
    assert (len(entries), len(inside)) == FEEDS[name]
    assert all(each.link or each.alert for each in entries)
    assert len({each.id for each in entries}) == len(entries)


def test_what_is_wrong_is_named_and_the_rest_kept():
    alert = read(shared("cap/noaa_errors.cap").read_bytes())
    assert alert.faults == ("urgency", "severity", "certainty", "polygon")
    assert alert.infos[0].geocodes[0] == ("FIPS6", "032013")
    signed = ("canada.cap", "canada_signed.cap", "earthquake_signed.cap")
    found = [read(shared(f"cap/{name}").read_bytes()).is_signed for name in signed]
    assert found == [False, True, True]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("1,2 3,4 5,6 1,2", True), ("1,2 3,4 5,6 7,8", False), ("1,2 3,4 1,2", False),
     ("1,2 1,2 1,2 1,2", False), ("91,2 3,4 5,6 91,2", False), ("1,2 3,4 5,6, 1,2", False),
     ("nan,2 3,4 5,6 nan,2", False), ("1,2 " * 6_000 + "1,2", False), ("", False)],
)  # fmt: skip
def test_a_polygon_is_closed_and_has_corners(text: str, is_one: bool):
    assert (ring_of(text) is not None) == is_one


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_document_makes_the_reading_raise(data: st.DataObject):
    whole = message("A", 0, "Update", (("B", 0),))
    start, end = sorted(
        data.draw(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole))))
    )
    found = parse(whole[:start] + data.draw(st.binary(max_size=60)) + whole[end:], {})
    assert isinstance(found, tuple | Refused)


def test_a_document_that_grows_inside_is_refused():
    bomb = b'<!DOCTYPE a [<!ENTITY a "xxxx"><!ENTITY b "&a;&a;&a;">]><alert>&b;</alert>'
    assert isinstance(found := parse(bomb, {}), Refused) and found.reason == "dtd_forbidden"
    many = b"<feed xmlns='http://www.w3.org/2005/Atom'>" + b"<a/>" * 300_000 + b"</feed>"
    assert isinstance(found := parse(many, {}), Refused) and found.reason == "too_large"
    deep = b"<a>" * 100_000 + b"</a>" * 100_000
    assert isinstance(parse(deep, {}), Refused)


def test_what_nests_without_end_stops_as_it_is_read():
    """Thirty thousand elements in one another never stand in memory."""
    nested = b"".join(b'<a xmlns:n%d="u:%d">' % (n, n) for n in range(30_000))
    tracemalloc.start()
    try:
        assert parse(nested, {}) == Refused("unreadable", "not XML")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


# -- chains


@pytest.fixture(params=["memory", "postgres"])
async def chain_store(
    request: pytest.FixtureRequest, fresh_database: str, tmp_path: Path
) -> AsyncIterator[Any]:
    if request.param == "memory":
        yield MemoryStore()
        return
    store = PostgresStore(fresh_database, load_master_keys(tmp_path / "vault.key"))
    await store.open()
    yield store
    await store.close()


async def test_a_cancel_after_a_restart_finds_its_alert(chain_store: Any):
    """It names only the message before it, which only the run before it has seen."""
    clock, before = HandClock(), KeptDesk()
    chains = Chains(chain_store)
    for each in (message("A", 0), message("B", 1, "Update", (("A", 0),))):
        assert await keep(read(each), chains, before, clock) is None
    root = before.told[0][0]
    assert {device for device, _, _ in before.told} == {root}
    desk, again = KeptDesk(), Chains(chain_store)
    cancel = read(message("C", 2, "Cancel", (("B", 1),), event=""))
    assert await keep(cancel, again, desk, clock) is None
    assert desk.told == [(root, before.told[0][1], "cleared")]
    forgetful = KeptDesk()
    await keep(cancel, Chains(), forgetful, clock)
    assert forgetful.told != desk.told, "without what was kept it would be another one"


async def test_an_alert_runs_out_after_a_restart(chain_store: Any):
    clock = HandClock()
    before, chains = KeptDesk(), Chains(chain_store)
    alert = read(message("A", 0))
    (info,) = alert.infos
    until = clock.now() + timedelta(hours=1)
    await keep(replace(alert, infos=(replace(info, expires=until),)), chains, before, clock)
    desk, again = KeptDesk(), Chains(chain_store)
    await end_those_over(again, desk, clock)
    assert desk.told == []
    clock.move(hours=2)
    await end_those_over(again, desk, clock)
    assert desk.told == [(before.told[0][0], before.told[0][1], "cleared")]
    more = KeptDesk()
    await end_those_over(Chains(chain_store), more, clock)
    assert more.told == [], "it is told once, also after another restart"
    assert await chain_store.forget_chained(clock.now() + timedelta(days=1)) == 1


async def told(*messages: bytes) -> tuple[KeptDesk, Chains]:
    desk, chains = KeptDesk(), Chains()
    for each in messages:
        assert await keep(read(each), chains, desk, HandClock()) is None
    return desk, chains


async def test_updates_and_cancels_are_about_the_first_message():
    desk, _ = await told(
        message("A", 0),
        message("B", 1, "Update", (("A", 0),)),
        message("C", 2, "Update", (("B", 1),)),  # names only the last
        message("D", 3, "Cancel", (("C", 2),), event=""),  # and says not even what
    )
    device = "w@town.example,A"
    assert desk.told == [(device, "flood-watch", "raised")] * 3 + [
        (device, "flood-watch", "cleared")
    ]


async def test_a_watch_that_becomes_a_warning_ends_as_a_watch():
    desk, _ = await told(
        message("A", 0), message("B", 1, "Update", (("A", 0),), event="Flood Warning")
    )
    assert [each[1:] for each in desk.told] == [
        ("flood-watch", "raised"), ("flood-warning", "raised"), ("flood-watch", "cleared"),
    ]  # fmt: skip


async def test_an_alert_that_ran_out_is_over_once_and_an_updated_one_is_not():
    desk, chains = await told(message("A", 0), message("B", 1))
    later = read(message("C", 2, "Update", (("A", 0),)))
    longer = replace(later.infos[0], expires=later.infos[0].expires + timedelta(hours=1))
    await keep(replace(later, infos=(longer,)), chains, desk, HandClock())
    clock = HandClock()
    desk.kept.clear()
    await end_those_over(chains, desk, clock)
    assert desk.told == []
    clock.move(hours=1, minutes=1)
    desk.is_down = True
    await end_those_over(chains, desk, clock)
    desk.is_down = False
    await end_those_over(chains, desk, clock)
    await end_those_over(chains, desk, clock)
    assert desk.told == [("w@town.example,B", "flood-watch", "cleared")]
    clock.move(hours=1)
    await end_those_over(chains, desk, clock)
    assert desk.told[1:] == [("w@town.example,A", "flood-watch", "cleared")]


async def test_nothing_is_remembered_that_is_not_kept():
    desk, chains = KeptDesk(is_down=True), Chains()
    with pytest.raises(Exception, match="down"):
        await keep(read(message("A", 0)), chains, desk, HandClock())
    assert chains.run_out(HandClock().now() + timedelta(days=1)) == []


def test_what_concerns_this_place():
    county = box(-87.7, 41.8, -87.6, 41.9)
    alert = read(message("A", 0))
    info = alert.infos[0]
    here = ((-87.65, 41.85), (-87.64, 41.85), (-87.64, 41.86), (-87.65, 41.85))
    there = tuple((lon + 5, lat) for lon, lat in here)

    def about(**changes: Any) -> Alert:
        return replace(alert, infos=(replace(info, **changes),))

    assert concerns(about(polygons=(here,)), county, ())
    assert not concerns(about(polygons=(there,)), county, ())
    assert concerns(about(polygons=(there,)), None, ())
    assert concerns(about(circles=((-87.0, 41.85, 60.0),)), county, ())
    assert not concerns(about(circles=((-87.0, 41.85, 10.0),)), county, ())
    coded = about(geocodes=(("FIPS6", "006109 006009"),))
    assert concerns(coded, county, ("FIPS6:006009",))
    assert not concerns(coded, county, ("FIPS6:000001",))
    assert concerns(coded, county, ()) and concerns(alert, county, ("FIPS6:1",))


# -- posts


@asynccontextmanager
async def posting(desk: KeptDesk | None) -> AsyncIterator[httpx.AsyncClient]:
    services = make_services()
    services.alarms = desk
    trusted = {("weather", "reports:trusted"): Actor(ActorId("weather"), "integration")}
    services.keys = Keys({**KEYS, **trusted})
    transport = httpx.ASGITransport(Starlette(routes=routes(services)))
    async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
        yield client


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (message("A", 0), {"x-api-key": "weather"}, 200, "true"),
        (message("A", 0), {"x-api-key": "partner"}, 403, "reports:trusted"),
        (b"<alert", {"x-api-key": "weather"}, 400, "no CAP"),
        (b"<!DOCTYPE a><a/>", {"x-api-key": "weather", "accept-language": "zh"}, 400, "文档类型"),
        (message("A", 0, "Update"), {"x-api-key": "weather"}, 400, "must name"),
        (b" " * (ALERT_BYTES_MAX + 1), {"x-api-key": "weather"}, 413, "too large"),
    ],
)  # fmt: skip
async def test_a_post_is_answered_in_words(
    body: bytes, headers: Mapping[str, str], status: int, words: str
):
    desk = KeptDesk()
    async with posting(desk) as client:
        answer = await client.post("/intakes/cap", content=body, headers=headers)
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert len(desk.kept) == (1 if status == 200 else 0)


async def test_a_post_is_not_acknowledged_while_nothing_can_be_kept():
    desk = KeptDesk(is_down=True)
    async with posting(desk) as client:
        answer = await client.post(
            "/intakes/cap", content=message("A", 0), headers={"x-api-key": "weather"}
        )
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


# -- polls


class Source:
    """A feed on a real socket, as bare as HTTP allows."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.status = 200

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                path = head.split()[1]
                tag = next((line[15:] for line in head.lower().splitlines()
                            if line.startswith("if-none-match: ")), "")  # fmt: skip
                self.asked.append((path, tag))
                page = self.pages.get(path, b"")
                status = 304 if tag == f'"{len(page)}"' else self.status
                body = b"" if status == 304 else page
                writer.write(
                    f'HTTP/1.1 {status} X\r\nETag: "{len(page)}"\r\nContent-Length: {len(body)}'
                    "\r\n\r\n".encode()
                    + body
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def polled(desk: KeptDesk) -> AsyncIterator[tuple[Source, Poller]]:
    source = Source()
    server = await asyncio.start_server(source.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    feed = Feed("weather", f"http://127.0.0.1:{port}/feed")
    caller = Caller(Rules(networks=(ip_network("127.0.0.0/8"),)))
    yield source, Poller(feed, desk, Chains(), HandClock(), None, caller)
    server.close()


def feed_of(*entries: tuple[str, str]) -> bytes:
    inside = "".join(
        f"<entry><id>{link}</id><updated>{updated}</updated><link href='{link}'/></entry>"
        for link, updated in entries
    )
    return f"<feed xmlns='http://www.w3.org/2005/Atom'>{inside}</feed>".encode()


async def test_a_feed_is_asked_for_what_changed_and_each_alert_once():
    desk = KeptDesk()
    async with polled(desk) as (source, poller):
        source.pages = {"/feed": feed_of(("/a", "1")), "/a": message("A", 0)}
        assert await poller.round()
        assert await poller.round()
        source.pages |= {"/feed": feed_of(("/a", "1"), ("/b", "1")), "/b": message("B", 1)}
        assert await poller.round()
        assert [each[0] for each in source.asked] == ["/feed", "/a", "/feed", "/feed", "/b"]
        assert source.asked[2][1]
    raised = [each for each in desk.told if each[2] == "raised"]
    assert [each[0] for each in raised] == ["w@town.example,A", "w@town.example,B"]
    assert ("weather", "", "heard") in desk.told


async def test_a_feed_that_fails_is_asked_ever_more_rarely():
    async with polled(KeptDesk()) as (source, poller):
        source.status = 500
        pauses = []
        for _ in range(9):
            assert not await poller.round()
            pauses.append(poller.pause_s)
        assert pauses[:3] == [240.0, 480.0, 960.0] and pauses[-1] == BACK_OFF_MAX_S
        source.status, source.pages = 200, {"/feed": feed_of()}
        assert await poller.round() and poller.pause_s == 120.0


async def test_a_bug_behind_a_feed_ends_nothing():
    desk = KeptDesk(is_broken=True)
    async with polled(desk) as (source, poller):
        source.pages = {"/feed": feed_of(("/a", "1")), "/a": message("A", 0)}
        assert not await poller.round()
        desk.is_broken = False
        assert await poller.round()
    clock = HandClock()
    clock.move(hours=2)
    desk.is_broken = True
    await end_those_over(poller.chains, desk, clock)
    desk.is_broken = False
    await end_those_over(poller.chains, desk, clock)
    assert desk.told[-1] == ("w@town.example,A", "flood-watch", "cleared")


async def test_what_could_not_be_kept_is_fetched_again():
    desk = KeptDesk(is_down=True)
    async with polled(desk) as (source, poller):
        source.pages = {"/feed": feed_of(("/a", "1")), "/a": message("A", 0)}
        assert not await poller.round()
        desk.is_down = False
        assert await poller.round()
    assert ("w@town.example,A", "flood-watch", "raised") in desk.told


async def test_a_feed_leads_nowhere_else_and_not_into_ruin():
    desk = KeptDesk()
    async with polled(desk) as (source, poller):
        source.pages = {"/feed": feed_of(("http://localhost:1/a", "1"), ("/xee", "1"), ("/b", "1")),
                        "/xee": b"<!DOCTYPE a><a/>", "/b": message("B", 1)}  # fmt: skip
        assert await poller.round()
        assert [each[0] for each in desk.told] == ["w@town.example,B", "weather"]
        source.pages["/feed"] = b"x" * (FEED_BYTES_MAX + 1)
        assert not await poller.round()
        source.pages["/feed"] = b"<html/>"
        assert not await poller.round()
