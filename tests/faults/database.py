"""The connection to the database is cut, or stalls without a word, for half a minute."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from tests.end_to_end.campaign import Campaign
from tests.end_to_end.live_node import LiveNode
from tests.faults.escalations import Watch
from tests.faults.fast_pack import fast_pack
from tests.faults.outcome import Outcome
from tests.faults.settled import settle
from tocsin.stores.postgres.embedded import DATABASE, USER, EmbeddedPostgres

Way = Literal["cut", "stalled"]
CHUNK = 1 << 16


@dataclass
class Wire:
    """A way over TCP to a server that listens on a private socket, which can be cut."""

    socket: Path
    port: int = 0
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    is_cut: bool = False
    _server: asyncio.Server | None = None
    _lines: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    @property
    def dsn(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{quote(DATABASE)}"

    async def start(self) -> None:
        self.is_open.set()
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def fault(self, way: Way) -> None:
        """`cut`: every connection is reset and new ones, too. `stalled`: nothing moves any more,
        and nobody is told."""
        if way == "stalled":
            self.is_open.clear()
            return
        self.is_cut = True
        for each in self._lines:
            each.transport.abort()

    def mend(self) -> None:
        self.is_cut = False
        self.is_open.set()

    async def close(self) -> None:
        self.fault("cut")
        if self._server is not None:
            self._server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        await self.is_open.wait()
        far_reader, far_writer = await asyncio.open_unix_connection(str(self.socket))
        ends = {writer, far_writer}
        self._lines |= ends
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            self._lines -= ends
            for each in ends:
                each.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK):
                await self.is_open.wait()
                target.write(data)
                await target.drain()
        target.transport.abort()


async def lose_database(
    way: Way, folder: Path, for_s: float = 30.0, watched: int = 40, seed: int = 91
) -> Outcome:
    """The node loses its database under load while clocks run, and gets it back."""
    began = time.monotonic()
    server = EmbeddedPostgres(folder / "far", settings={"max_connections": "60"})
    server.start()
    wire = Wire((server.folder / "socket").readlink() / ".s.PGSQL.5432")
    await wire.start()
    node = LiveNode(
        folder / "data",
        ("--pack", str(fast_pack(folder / "packs"))),
        environment={"TOCSIN_DATABASE_URL": wire.dsn},
    )
    node.watched_dsn = server.dsn()
    campaign, watch = Campaign(node, seed, targets=()), Watch(node)
    outcome = Outcome(f"database {way} {for_s:.0f} s", faults=1)
    looking: asyncio.Task[None] | None = None
    try:
        await node.start()
        looking = asyncio.create_task(watch.look())
        campaign.pause_s = 0.05
        async with campaign.load():
            await watch.send_all(watched, 2)
            wire.fault(way)
            lost_at = time.monotonic()
            await asyncio.sleep(for_s)
            outcome.findings += await _refusals(node)
            wire.mend()
            await node.until_ready(120)
            watch.down.append((lost_at, time.monotonic()))
            await campaign.until_acknowledging()
            # Until a minute after the first of them, so that the miss itself is seen.
            await asyncio.sleep(max(0.0, lost_at + 66 - time.monotonic()))
        looking.cancel()
        await watch.last_look()
        watch.judge(outcome)
        if node.starts != 1 or not node.is_alive:
            outcome.findings.append("the node did not live through it")
        await settle(campaign, outcome, watch)
    finally:
        if looking is not None:
            looking.cancel()
        node.stop()
        await wire.close()
        server.stop()
    outcome.seconds = time.monotonic() - began
    return outcome


async def _refusals(node: LiveNode) -> list[str]:
    """What a node without its database says."""
    found: list[str] = []
    answer = await node.ask("GET", "/health/ready", timeout_s=60)
    if answer.status != 503 or answer.json()["state"] != "store_unavailable":
        found.append(f"without a database it says {answer.status} {answer.body[:100]!r}")
    answer = await node.ask("GET", "/health/live")
    if answer.status != 200:
        found.append(f"without a database it is not alive: {answer.status}")
    return found
