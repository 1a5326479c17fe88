"""A small node for the tests of the web rim: a chessboard county, the county pack, real parts in
memory, a clock that stands still until it is moved, and a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.routing import BaseRoute

from tests.geography.towns import chessboard
from tocsin.geography.areas import Atlas
from tocsin.kernel.shared import ActorId, AgencyId, AreaId, Instant, Refused
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack
from tocsin.packs.registry import Registry
from tocsin.runtime.account_ports import AccountStore
from tocsin.runtime.accounts import Grant, KeyScope, Role
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import NodeStore, Vault
from tocsin.runtime.reception import Reception
from tocsin.runtime.runner import Runner
from tocsin.runtime.services import Services
from tocsin.stores.memory.accounts import MemoryAccounts
from tocsin.stores.memory.holds import MemoryHolds
from tocsin.stores.memory.quality import MemoryQuality
from tocsin.stores.memory.redactions import MemoryRedactions
from tocsin.stores.memory.store import MemoryStore
from tocsin.stores.memory.stories import MemoryStories
from tocsin.stores.memory.vault import MemoryVault
from tocsin.stores.postgres.holds import PostgresHolds
from tocsin.stores.postgres.quality import PostgresQuality
from tocsin.stores.postgres.redactions import PostgresRedactions
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.stories import PostgresStories
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.web.accounts import Accounts
from tocsin.web.app import create_app
from tocsin.web.live import Hub
from tocsin.web.options import AccountOptions, WebOptions

PACK = Path(__file__).parents[2] / "packs" / "county"
PASSWORD = "viisi sinistä kuusta"
START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # a Monday morning in Shanghai
INSIDE = {"lon": 24.901, "lat": 60.101, "datum": "wgs84"}  # town t0
ELSEWHERE = {"lon": 24.909, "lat": 60.101, "datum": "wgs84"}  # town t1
BODY = {
    "source": "phone",
    "case_type": "street-light-out",
    "text": "CANARY-WORDS the lamp in front of the school is dark",
    "place": INSIDE,
    "contact": {"name": "CANARY-NAME", "phone": "CANARY-PHONE"},
    "language": "en",
}
LOOSE = WebOptions(anonymous_burst=100_000, login_burst=10_000, login_address_burst=10_000)
CHEAP = AccountOptions(argon2_memory_kib=64, argon2_time=1)


class TestClock:
    """Stands still until it is moved."""

    __test__ = False

    def __init__(self) -> None:
        self.at = START

    def now(self) -> Instant:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


class CountingIds:
    def __init__(self) -> None:
        self._numbers = count(1)

    def new(self) -> str:
        return f"id{next(self._numbers):06d}"


@dataclass
class Node:
    """The node, its parts, and where it listens."""

    services: Services
    accounts: Accounts
    app: FastAPI
    clock: TestClock
    vault: MemoryVault
    """Where the store is in memory; `services.vault` is the one that serves."""
    url: str = ""
    runner: Runner | None = None
    closing: list[httpx.AsyncClient] = field(default_factory=list)

    def client(self, **headers: str) -> httpx.AsyncClient:
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20)
        self.closing.append(client)
        return client

    async def key(self, *grants: Grant, scopes: Sequence[KeyScope]) -> httpx.AsyncClient:
        """A client with a fresh API key."""
        made = await self.accounts.create_key("test", scopes, grants, ActorId("test"))
        return self.client(**{"X-API-Key": made[1]})

    async def staff(self, login: str, *grants: Grant) -> httpx.AsyncClient:
        """A client that is signed in as a fresh account."""
        by = ActorId("test")
        made = await self.accounts.create(login, login.title(), grants, by, password=PASSWORD)
        assert not isinstance(made, Refused), made
        client = self.client()
        answer = await client.post("/api/login", json={"login": login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client


def grant(role: Role, area: str = "county", agency: str | None = None) -> Grant:
    return Grant(role, AreaId(area), AgencyId(agency) if agency else None)


def make_services(
    pack: Pack, store: NodeStore, vault: Vault, keys: Accounts, clock: TestClock, ids: CountingIds
) -> Services:
    atlas = Atlas(chessboard())
    engine = Engine(store, Registry(pack), clock, ids)
    return Services(
        store=store,
        vault=vault,
        engine=engine,
        reception=Reception(engine, pack, atlas, b"k" * 32),
        pack=pack,
        atlas=atlas,
        clock=clock,
        ids=ids,
        keys=keys,
        jurisdiction="test",
        stories=MemoryStories(),
        quality_store=MemoryQuality(),
        holds=MemoryHolds(clock),
        redactions=MemoryRedactions(vault, clock) if isinstance(vault, MemoryVault) else None,
    )


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[str]:
    """The application behind a real socket."""
    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off", proxy_headers=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


_packs: dict[Path, Pack] = {}


def county() -> Pack:
    return _packs.setdefault(PACK, _packs.get(PACK) or load_pack(PACK))


@asynccontextmanager
async def node(
    options: WebOptions | None = None,
    account_store: AccountStore | None = None,
    account_options: AccountOptions = CHEAP,
    extra_routes: Sequence[BaseRoute] = (),
    store: NodeStore | None = None,
) -> AsyncIterator[Node]:
    clock, ids = TestClock(), CountingIds()
    vault = MemoryVault(clock)
    options = options or LOOSE
    accounts = Accounts(account_store or MemoryAccounts(), clock, ids, account_options, options)
    kept = store or MemoryStore(vault)
    services = make_services(county(), kept, vault, accounts, clock, ids)
    if isinstance(kept, PostgresStore):
        services = replace(
            services,
            vault=PostgresVault(kept.readers, kept.keys, clock),
            holds=PostgresHolds(kept.readers, clock),
            redactions=PostgresRedactions(kept.readers, kept.keys, clock),
            stories=PostgresStories(kept.readers),
            quality_store=PostgresQuality(kept.readers),
        )
    app = create_app(
        services, accounts, options, extra_routes, Hub(services.store, clock=services.clock)
    )
    made = Node(services, accounts, app, clock, vault)
    async with running(app) as url:
        made.url = url
        try:
            yield made
        finally:
            for client in made.closing:
                await client.aclose()
            services.advice.close()
            accounts.close()
