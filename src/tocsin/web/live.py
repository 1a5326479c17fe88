"""The live stream: what changed on the board, as server-sent events, in the order of the journal.

One reader of the journal serves everybody: each tick it reads what is new, encodes every message
once, and hands the same bytes to all who may see them. A client that cannot keep up is dropped
and resumes by `Last-Event-ID`; nothing is kept for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog
from starlette.types import Receive, Scope, Send

from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import AgencyId, AlarmId, AreaId, AssetId, CaseId, UnitId
from tocsin.kernel.units.state import Unit
from tocsin.runtime.codec import name_of
from tocsin.runtime.onlooking import as_node, onlooker
from tocsin.runtime.ports import (
    AlarmEntry,
    AlarmQuery,
    AlarmRow,
    AssetEntry,
    AssetQuery,
    AssetRow,
    BoardRow,
    CaseQuery,
    Clock,
    Entry,
    JournalEntry,
    Store,
    Unavailable,
    UnitEntry,
    UnitRow,
)
from tocsin.runtime.positions import Seen
from tocsin.web.device_live import alarm_told, asset_told
from tocsin.web.items import live_item
from tocsin.web.listeners import Listener, View, agencies_told
from tocsin.web.unit_views import position_view, unit_members
from tocsin.web.views import encode

log = structlog.get_logger("tocsin.live")

TICK_ENTRIES: Final = 500
"""Journal entries read at a time: what an emergency waits for at most while a flood goes out."""
REPLAY_LIMIT: Final = 20_000
"""Entries replayed to a client that was away; beyond that it reloads the board instead."""
BEAT_S: Final = 2.0
"""A sign of life, so that a client can show a lost line within five seconds."""
LOOK_S: Final = 1.0
"""How long a stream may outlive its session."""
RETRY_MS: Final = 1_000
SITES_MAX: Final = 20_000
"""Names of sites that are remembered; beyond, they are read anew."""
EARLY_S: Final = 0.015
"""Between two ticks when this node itself wrote: at a thousand alarms a second, fifteen of them."""
LISTENER_S: Final = 0.0001
"""What one listener adds to the pace of the ticks: with a thousand of them, handing out twenty
times a second would fill the thread that also takes the reports."""


@dataclass(frozen=True, slots=True)
class _Message:
    areas: Sequence[AreaId]
    agencies: tuple[AgencyId, ...]
    data: bytes


class Hub:
    """Reads the journal once per tick and hands it to every listener.

    `tick_s` is the pace at which it looks for what other nodes wrote (slower with more than some
    hundred listeners); what this node wrote, it is told of by `hurry`. `queue_limit` is how many
    ticks a listener may lag behind.
    """

    def __init__(
        self, store: Store, tick_s: float = 0.05, queue_limit: int = 128, clock: Clock | None = None
    ) -> None:
        self.store = store
        self.clock = clock
        self.tick_s = tick_s
        self.queue_limit = queue_limit
        self.seq = 0
        self.sent = 0
        self.drops = 0
        self.living: Callable[[Collection[str]], Awaitable[set[str]]] | None = None
        """Which of the sessions and keys still open anything; None: all do."""
        self._listeners: dict[Hashable, list[Listener]] = {}
        self._sites: dict[AssetId, str] = {}
        self._news = asyncio.Event()

    def hurry(self) -> None:
        """Something was written: the next tick need not wait for its time."""
        self._news.set()

    def time(self) -> bytes:
        """The node's time and how fast it runs, for clocks that count down on a screen."""
        if self.clock is None:
            return b"{}"
        rate = getattr(self.clock, "speed", 1.0)
        return encode({"now": self.clock.now(), "rate": rate})

    def tell_presence(self, case: Case, data: bytes) -> None:
        """Hands a word about who looks at a case to those who may see the case. It is not kept:
        whoever comes later asks anew."""
        if case.areas is None:
            return
        message = _Message(case.areas, agencies_told(case), b"event: presence\ndata: %b\n\n" % data)
        for group in self._listeners.values():
            self._hand_out(group, (message,))

    def tell_position(self, unit: Unit, seen: Seen) -> None:
        """Hands the newest position of a duty unit to those who may see the unit. Not kept."""
        if unit.agency is None:
            return
        told = encode({"unit": unit.id, **position_view(seen)})
        data = b"event: position\ndata: %b\n\n" % told
        message = _Message(unit.areas, (unit.agency,), data)
        for group in self._listeners.values():
            self._hand_out(group, (message,))

    @property
    def listeners(self) -> int:
        return sum(len(group) for group in self._listeners.values())

    async def run(self) -> None:
        """Runs until cancelled. A lost store is waited for; nothing is skipped."""
        self.seq = await self._first()
        now = asyncio.get_running_loop().time
        looked = now()
        while True:
            started, was = now(), self.seq
            is_hurried = self._news.is_set()
            self._news.clear()
            try:
                await self.tick()
                if started - looked >= LOOK_S:
                    looked = started
                    await self.end_dead()
            except Unavailable as trouble:
                log.warning("live_waits", detail=str(trouble))
            shared = self.listeners * LISTENER_S
            pace, early = max(self.tick_s, shared), max(EARLY_S, shared)
            await asyncio.sleep(max(0.005, min(early, pace) - (now() - started)))
            # What was written may lie behind a transaction that runs still: then it is looked for
            # at once again, and after that at the usual pace.
            left = pace - (now() - started)
            if not self._listeners:
                await asyncio.sleep(max(0.0, left))  # nobody waits for it
            elif left <= 0 or self._news.is_set() or (is_hurried and self.seq == was):
                continue
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._news.wait()

    async def _first(self) -> int:
        while True:
            try:
                return await self.store.last_seq()
            except Unavailable:
                await asyncio.sleep(self.tick_s)

    async def tick(self) -> None:
        """Read and hand out everything new, until the journal has nothing more."""
        if not self._listeners:
            # Nobody listens: whoever comes next reads what it missed from the journal.
            self.seq = max(self.seq, await self.store.last_seq())
            return
        while entries := await self.store.tail_of_all(self.seq, TICK_ENTRIES):
            messages = await self._messages(entries)
            for group in self._listeners.values():
                self._hand_out(group, messages)
            self.seq = entries[-1].seq
            if len(entries) < TICK_ENTRIES:
                break

    def _hand_out(self, group: list[Listener], messages: Sequence[_Message]) -> None:
        if not group:
            return
        sees = group[0].view.sees
        seen = [message.data for message in messages if sees(message.areas, message.agencies)]
        if not seen:
            return
        chunk = b"".join(seen)
        self.sent += len(seen) * len(group)
        for listener in group:
            listener.put(chunk)

    async def _messages(self, entries: Sequence[Entry]) -> list[_Message]:
        ids = tuple(sorted({each.case_id for each in entries if isinstance(each, JournalEntry)}))
        units: dict[UnitId, UnitRow] = {}
        if any(isinstance(each, UnitEntry) for each in entries):
            units = {row.unit.id: row for row in await self.store.units()}
        rows: dict[CaseId, BoardRow] = {}
        for batch in (ids[start : start + 500] for start in range(0, len(ids), 500)):
            page = await self.store.cases(CaseQuery(ids=batch, limit=len(batch)))
            rows.update((row.case.id, row) for row in page.rows)
        alarms, assets = await self._devices(entries)
        found: list[_Message] = []
        for entry in entries:
            match entry:
                case JournalEntry() if entry.events and (entry.case_id in rows or not onlooker()):
                    found.append(_encode(entry, rows[entry.case_id].case))
                case UnitEntry() if entry.events and (entry.unit_id in units or not onlooker()):
                    found.append(_encode_unit(entry, units[entry.unit_id]))
                case AlarmEntry() if entry.alarm_id in alarms or not onlooker():
                    told = alarm_told(entry, alarms[entry.alarm_id], assets, self._sites)
                    found.append(_Message(*told))
                case AssetEntry():
                    found.append(_Message(*asset_told(entry, assets[entry.asset_id])))
                case _:
                    pass
        return found

    async def _devices(
        self, entries: Sequence[Entry]
    ) -> tuple[dict[AlarmId, AlarmRow], dict[AssetId, AssetRow]]:
        """The alarms and assets of the entries, as they are now, and the assets of the alarms."""
        alarms = tuple(sorted({e.alarm_id for e in entries if isinstance(e, AlarmEntry)}))
        assets = tuple(sorted({e.asset_id for e in entries if isinstance(e, AssetEntry)}))
        told: Sequence[AlarmRow] = ()
        known: Sequence[AssetRow] = ()
        if alarms:
            told = await self.store.alarms(AlarmQuery(ids=alarms, limit=len(alarms)))
        named = {row.alarm.about.asset for row in told if row.alarm.about is not None}
        if wanted := tuple(sorted({*assets, *named})):
            # Whose entries are read was asked already: an alarm is told with its device's name.
            with as_node():
                known = await self.store.assets(AssetQuery(ids=wanted, limit=len(wanted)))
                self._sites.update((row.asset.id, row.asset.about.name) for row in known)
                await self._read_sites(known)
        return {row.alarm.id: row for row in told}, {row.asset.id: row for row in known}

    async def _read_sites(self, rows: Sequence[AssetRow]) -> None:
        """The names of what the assets hang on: a button by itself is in no school."""
        gateways = {row.asset.about.gateway for row in rows} - {None} - set(self._sites)
        ids = tuple(sorted(each for each in gateways if each is not None))
        if not ids:
            return
        if len(self._sites) > SITES_MAX:
            self._sites.clear()
        for row in await self.store.assets(AssetQuery(ids=ids, limit=len(ids))):
            self._sites[row.asset.id] = row.asset.about.name

    async def end_dead(self) -> int:
        """End the streams whose session ended or whose key was revoked, here or on another node;
        how many. One question for all of them."""
        if self.living is None:
            return 0
        every = [each for group in self._listeners.values() for each in group]
        holders = {each.holder for each in every if each.holder is not None}
        if not holders:
            return 0
        alive = await self.living(sorted(holders))
        dead = [each for each in every if each.holder is not None and each.holder not in alive]
        for listener in dead:
            listener.end()
        return len(dead)

    def join(self, view: View, holder: str | None = None) -> Listener:
        listener = Listener(view, self.queue_limit, holder)
        self._listeners.setdefault(view.key, []).append(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        group = self._listeners[listener.view.key]
        group.remove(listener)
        if not group:
            del self._listeners[listener.view.key]

    async def replay(self, after: int, until: int, view: View) -> list[bytes] | None:
        """What the view missed between two points of the journal; None when it is too much."""
        if until - after > REPLAY_LIMIT:
            return None
        chunks: list[bytes] = []
        while after < until:
            entries = await self.store.tail_of_all(after, TICK_ENTRIES)
            entries = [each for each in entries if each.seq <= until]
            if not entries:
                break
            after = entries[-1].seq
            chunks += [
                m.data for m in await self._messages(entries) if view.sees(m.areas, m.agencies)
            ]
        return chunks


def _encode(entry: JournalEntry, case: Case) -> _Message:
    assert case.areas is not None, "a case on the board has a place"
    events = tuple(name_of(event) for event in entry.events)
    item = live_item(case, entry.seq, entry.version, entry.at, events)
    data = b"id: %d\nevent: case\ndata: %b\n\n" % (entry.seq, encode(item))
    return _Message(case.areas, agencies_told(case, entry.events), data)


def _encode_unit(entry: UnitEntry, row: UnitRow) -> _Message:
    """A unit as it is now, at the entry that changed it; with its position where that is asked."""
    events = tuple(name_of(event) for event in entry.events)
    item = {**unit_members(row), "seq": entry.seq, "events": events, "at": entry.at}
    data = b"id: %d\nevent: unit\ndata: %b\n\n" % (entry.seq, encode(item))
    agency = row.unit.agency
    return _Message(row.unit.areas, (agency,) if agency else (), data)


class EventStream:
    """One listener's answer, as a plain ASGI response."""

    def __init__(
        self, hub: Hub, view: View, last_event_id: str | None, holder: str | None = None
    ) -> None:
        self.hub = hub
        self.view = view
        self.holder = holder
        self.after = _number(last_event_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        listener = self.hub.join(self.view, self.holder)
        gone = asyncio.create_task(_gone(receive))
        gone.add_done_callback(lambda _: listener.woken.set())
        beats = asyncio.create_task(_beats(listener))
        try:
            await self._stream(listener, gone, send)
        finally:
            beats.cancel()
            gone.cancel()
            self.hub.leave(listener)

    async def _stream(self, listener: Listener, gone: asyncio.Task[None], send: Send) -> None:
        joined = self.hub.seq
        time = self.hub.time()
        hello = b"retry: %d\nid: %d\nevent: hello\ndata: %b\n\n" % (RETRY_MS, joined, time)
        missed: Iterable[bytes] = ()
        if self.after is not None and self.after < joined:
            replayed = await self.hub.replay(self.after, joined, self.view)
            if replayed is None:
                hello = b"id: %d\nevent: reset\ndata: %b\n\n" % (joined, time)
            else:
                missed = replayed
        await _send(send, b"".join(missed) + hello)
        while True:
            # Without a timeout of its own: a timer for every wait is dear with a thousand of them.
            await listener.woken.wait()
            listener.woken.clear()
            if gone.done() or listener.is_over:
                break
            if listener.dropped:
                self.hub.drops += 1
                break
            chunk = b"".join(listener.queue)
            listener.queue.clear()
            if listener.is_beat_due:
                listener.is_beat_due = False
                chunk += b"event: beat\ndata: %b\n\n" % self.hub.time()
            await _send(send, chunk)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _beats(listener: Listener) -> None:
    """Asks for a sign of life every two seconds: a busy stream tells the time too."""
    while True:
        await asyncio.sleep(BEAT_S)
        listener.is_beat_due = True
        listener.woken.set()


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    while True:
        message: dict[str, Any] = dict(await receive())
        if message["type"] == "http.disconnect":
            return


def _number(last_event_id: str | None) -> int | None:
    if last_event_id is None or not last_event_id.isascii() or not last_event_id.isdigit():
        return None
    return int(last_event_id[:18])


__all__ = ["EventStream", "Hub", "Listener", "View"]
