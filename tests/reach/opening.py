"""Opens the town: a real node on a fresh database, with roads, a signed intake, and a provider."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.end_to_end.live_node import LiveNode
from tests.geography.roads.towns_with_roads import write_roads
from tests.reach.stage import INTAKES, Known
from tests.web.provider import CLIENT, SECRET, Provider, provider
from tests.web.road_town import streets

DEAD = 40
"""Errands that nobody could carry out, waiting for a person."""
PATIENCE_S = 60


@dataclass
class OpenTown:
    """The node and the provider beside it. `origin` has a name, as passkeys want."""

    node: LiveNode
    provider: Provider
    origin: str

    async def known(self, admin: dict[str, object], cookie: str) -> Known:
        """What a process of its own must be told, once the log and the roads are there."""
        await _until(self.node, "/api/log/checkpoint")
        body = b'{"audience": "call_takers", "template": "overdue"}'
        keys = [f"dead:{number}" for number in range(DEAD)]
        async with self.node.database() as database:
            await database.executemany(
                "INSERT INTO errands (key, case_id, kind, body, created_at, due_at, attempts, "
                "error, is_dead) VALUES ($1, 'gone', 'tell', $2, now(), now(), 9, 'x', true)",
                [(key, body) for key in keys],
            )
        return Known(self.origin, dict(admin), cookie, keys)


async def _until(node: LiveNode, path: str) -> None:
    for _ in range(PATIENCE_S * 5):
        if (await node.ask("GET", path)).status == 200:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"{path} never came")


@asynccontextmanager
async def open_town(folder: Path) -> AsyncIterator[OpenTown]:
    """Everything that an operation may need, on a node that is asked over sockets only."""
    data = folder / "data"
    data.mkdir()
    (data / "intakes.toml").touch(0o600)
    (data / "intakes.toml").write_text(INTAKES)
    roads = write_roads(folder / "town.osm.pbf", streets())
    async with provider(lambda: datetime.now(UTC)) as there:
        secret = data / "sign-on.secret"
        secret.touch(0o600)
        secret.write_text(SECRET)
        arguments = (
            *("--roads", str(roads), "--outgoing-networks", "127.0.0.0/8"),
            # How strangers are slowed down is another test's.
            *("--sign-in-networks", "127.0.0.0/8"),
            *("--sign-on-issuer", there.url, "--sign-on-client", CLIENT),
            *("--sign-on-secret-file", str(secret), "--log-level", "warning"),
        )
        # Its address is a setting of the provider's, so the port is chosen before the start.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        origin = f"http://localhost:{port}"
        node = LiveNode(data, (*arguments, "--public-url", origin), port=port)
        try:
            await node.start()
            yield OpenTown(node, there, origin)
        finally:
            node.stop()
