"""A database filled with many cases: real ones first, then copies of them in other places."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.harness import Figure
from bench.node import MAPS
from tocsin.app.clock import SteadyClock, TimeIds
from tocsin.app.ground import atlas_of
from tocsin.kernel.shared import Actor, ActorId, Place, Refused
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.registry import Registry
from tocsin.runtime.engine import Engine
from tocsin.runtime.reception import IncomingReport, Received, Reception
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

SENDER = Actor(ActorId("bench"), "integration")


@dataclass
class Filled:
    store: PostgresStore
    reception: Reception
    dsn: str
    types: list[str]

    async def send(self, number: int, chance: random.Random) -> Received:
        west, south, east, north = self.reception.atlas.bounds
        received = await self.reception.receive(
            IncomingReport(
                source="bench",
                case_type=self.types[number % len(self.types)],
                text=f"Street light out at pole {number}, dark for three nights",
                place=Place(chance.uniform(west, east), chance.uniform(south, north)),
                contact={"email": f"a{number}@example.org"},
                key=f"{number}",
            ),
            SENDER,
        )
        assert not isinstance(received, Refused), received
        return received

    async def send_many(self, first: int, count: int, seed: int, lines: int = 64) -> None:
        chance = random.Random(seed)
        todo = iter(range(first, first + count))

        async def busy() -> None:
            for number in todo:
                await self.send(number, chance)

        await asyncio.gather(*(busy() for _ in range(lines)))


def on_fresh_database(
    work: Callable[[EmbeddedPostgres, Path], Awaitable[list[Figure]]],
) -> list[Figure]:
    """Runs `work` with an embedded server in a folder of its own, gone afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        embedded = EmbeddedPostgres(folder / "postgres")
        embedded.start()
        try:
            return asyncio.run(_awaited(work(embedded, folder)))
        finally:
            embedded.stop()


async def _awaited(work: Awaitable[list[Figure]]) -> list[Figure]:
    return await work


@asynccontextmanager
async def filled(embedded: EmbeddedPostgres, folder: Path) -> AsyncIterator[Filled]:
    """A store on a fresh database with reception in front, nothing in it yet."""
    store = PostgresStore(embedded.dsn(), load_master_keys(folder / "vault.key"))
    await store.open()
    pack = load_pack(builtin("county"), calendar="finland-2026")
    map_file = next((file for file in MAPS if file.exists()), None)
    atlas, _ = atlas_of(folder, map_file)
    engine = Engine(store, Registry(pack), SteadyClock(), TimeIds())
    plain = [
        code
        for code, case_type in sorted(pack.case_types.items())
        if not any(field.required for field in case_type.form)
    ]
    try:
        yield Filled(store, Reception(engine, pack, atlas, b"k" * 32), embedded.dsn(), plain)
    finally:
        await store.close()


async def multiply(dsn: str, total: int) -> None:
    """Copies of the cases that are there, up to `total`: same areas, due at other times.

    The copies' state still names the first case; lists decode it, nothing else looks inside.
    """
    connection = await asyncpg.connect(dsn, command_timeout=None)
    try:
        have = await connection.fetchval("SELECT count(*) FROM cases")
        copies = -(-total // have) - 1
        await connection.execute("CREATE TEMP TABLE seed AS SELECT * FROM cases", timeout=None)
        await connection.execute("CREATE TEMP TABLE said AS SELECT * FROM journal", timeout=None)
        for number in range(1, copies + 1):
            await connection.execute(
                """INSERT INTO cases
                   SELECT id || $1::text, state, version, updated_at, status, is_open, case_type,
                          profile, priority, lead, agencies, county, town, village, cell, lon, lat,
                          cell_key, opened_at - $2::float8 * interval '1 hour', closed_at,
                          due_at + random() * interval '60 days',
                          next_wake + interval '400 days', published FROM seed""",
                f"-{number}",
                float(number),
                timeout=None,
            )
            await connection.execute(
                """INSERT INTO journal (case_id, version, at, actor, command, events)
                   SELECT case_id || $1::text, version, at, actor, command, events FROM said""",
                f"-{number}",
                timeout=None,
            )
        await connection.execute("VACUUM ANALYZE", timeout=None)
        await connection.execute("CHECKPOINT", timeout=None)
    finally:
        await connection.close()
