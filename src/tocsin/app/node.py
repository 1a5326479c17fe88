"""One node, put together and run: the only place that knows everybody."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
import uvicorn

from tocsin.app.clock import ScaledClock, SteadyClock, TimeIds
from tocsin.app.devices import look_after_devices
from tocsin.app.ending import Server
from tocsin.app.ground import atlas_of
from tocsin.app.mapping import keep_map
from tocsin.app.memory import give_memory_back, leave_no_core, settle_memory
from tocsin.app.outgoing import caller_of
from tocsin.app.retaining import KEEPERS, keep_retention, retention_of
from tocsin.app.road_net import fitted_times, keep_roads, no_fly_areas
from tocsin.app.sealing import keep_log, open_log
from tocsin.app.settings import Settings
from tocsin.app.signing_on import sign_on_of
from tocsin.app.supervising import room_of, supervise
from tocsin.app.synthetic import keep_synthetic, reached_at
from tocsin.app.ways_in import intake_listeners, intake_routes, intake_runs, intake_tables
from tocsin.app.web_options import account_options, web_options
from tocsin.geography.map_folder import FOLDER, MapFolder
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack
from tocsin.packs.registry import Registry, dump, restore
from tocsin.runtime.engine import Engine
from tocsin.runtime.following import follow
from tocsin.runtime.ports import Unavailable
from tocsin.runtime.reception import Reception
from tocsin.runtime.runner import Runner
from tocsin.runtime.seats import shared_seats
from tocsin.runtime.services import Services
from tocsin.stores.postgres.accounts import PostgresAccounts
from tocsin.stores.postgres.connections import Dsn, Readers
from tocsin.stores.postgres.directory import Directory
from tocsin.stores.postgres.doors import Doors
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.quality import PostgresQuality
from tocsin.stores.postgres.redactions import PostgresRedactions
from tocsin.stores.postgres.sequencer import Sequencer
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.stories import PostgresStories
from tocsin.stores.postgres.timed import CHAINS_KEPT, CLOSURES_KEPT, KEYS_KEPT
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.stores.vault import MasterKeys, load_master_keys
from tocsin.web.accounts import Accounts
from tocsin.web.app import create_app
from tocsin.web.guard_limits import GuardLimits, is_trusted, raise_descriptor_limit
from tocsin.web.guarded import guarded_protocol
from tocsin.web.limits import Buckets, address_key
from tocsin.web.live import Hub
from tocsin.web.options import WebOptions
from tocsin.web.shell import seen_of

log = structlog.get_logger("tocsin.node")

FOLLOW_EVERY_S: Final = 1.0
"""How far the measures may lag behind the board."""
TIDY_EVERY_S: Final = 3600.0

BACKLOG: Final = 1024
"""Connections that may wait to be taken: a burst of a county's alarms."""


UNSENT_MAX: Final = 131_072
"""Bytes that the system takes of an answer before any of them left."""


class AddressTaken(RuntimeError):
    """The address cannot be listened on. One line for the operator."""


NodeClock = SteadyClock | ScaledClock


@dataclass(slots=True)
class Node:
    """A node that has started: everything in it is connected and migrated."""

    settings: Settings
    services: Services
    store: PostgresStore
    accounts: Accounts
    hub: Hub
    runner: Runner
    stories: PostgresStories
    directory: Directory
    registry: Registry
    embedded: EmbeddedPostgres | None
    log: Sequencer | None
    has_areas: bool


def pack_folder(settings: Settings) -> Path:
    """The pack the settings name: a folder, or a shipped one. Raises FileNotFoundError."""
    named = Path(settings.pack) / "pack.toml"
    return named.parent if named.exists() else builtin(settings.pack)


def pack_of(settings: Settings) -> Pack:
    """The checked pack of the settings. Raises PackError, FileNotFoundError."""
    return load_pack(pack_folder(settings), calendar=settings.calendar or None)


def start_database(settings: Settings) -> tuple[EmbeddedPostgres | None, Dsn]:
    """The database the settings name, as its owner; the embedded one is started. Call from the main
    thread: the server ends with the thread that started it."""
    if settings.database_url:
        return None, settings.database_owner_url or settings.database_url
    embedded = EmbeddedPostgres(settings.data / "postgres")
    embedded.start()
    return embedded, embedded.dsn


def keys_of(settings: Settings) -> MasterKeys:
    """The vault's master keys, made at the first start."""
    return load_master_keys(settings.vault_key_file or settings.data / "vault.key")


@asynccontextmanager
async def started(
    settings: Settings,
    database: tuple[EmbeddedPostgres | None, Dsn],
    clock: NodeClock | None = None,
) -> AsyncGenerator[Node]:
    """Everything connected, migrated and known; closed again at the end. Serves nothing yet."""
    embedded, dsn = database
    clock = clock or SteadyClock()
    ids = TimeIds()
    keys = keys_of(settings)
    pack = pack_of(settings)
    doors = Doors(dsn, settings.database_url if settings.database_owner_url else None)
    store = PostgresStore(doors, keys, group_commit_max=settings.group_commit_max)
    keeper = Readers(dsn, KEEPERS)
    await store.open()
    try:
        await keeper.open()
        directory = Directory(store.readers, clock)
        await directory.save_pack(pack.version, dump(pack))
        kept = await directory.packs()
        pinned = [restore(content) for version, content in kept.items() if version != pack.version]
        registry = Registry(pack, pinned)
        atlas, has_areas = await asyncio.to_thread(atlas_of, settings.data, settings.map)
        engine = Engine(store, registry, clock, ids)
        account_store = PostgresAccounts(store.readers)
        web = web_options(settings)
        # People sign in at their own pace, however fast the node's time runs.
        speed = clock.speed if isinstance(clock, ScaledClock) else 1.0
        accounts = Accounts(account_store, clock, ids, account_options(settings, speed), web)
        runner = Runner(engine, settings.errand_interval_s)
        stories = PostgresStories(store.readers)
        services = Services(
            store=store,
            vault=PostgresVault(store.readers, keys, clock),
            engine=engine,
            reception=Reception(engine, pack, atlas, keys.code_key()),
            pack=pack,
            atlas=atlas,
            clock=clock,
            ids=ids,
            keys=accounts,
            jurisdiction=pack.jurisdiction,
            public_url=settings.public_url,
            key_required=settings.open311_key_required,
            keyless_wait_s=keyless_wait(web),
            stories=stories,
            quality_store=PostgresQuality(store.readers),
            heartbeat=runner.heartbeat,
            position_keep_s=settings.position_keep_h * 3_600,
            map=MapFolder(settings.data / FOLDER),
            intakes=intake_tables(settings),
            outgoing=caller_of(settings),
            room_bytes=room_of(settings.data, embedded),
            is_clock_stepped=lambda: isinstance(clock, SteadyClock) and clock.is_stepped,
            redactions=PostgresRedactions(store.readers, keys, clock),
            walls="ok" if doors.is_walled else "open",
        )
        services.advice.fitted = fitted_times(settings.bands, settings.data)
        sequencer = services.log = open_log(settings, doors.node, store.readers, clock)
        services.retention = retention_of(settings, store.readers, keeper, registry, clock)
        services.holds = services.retention.holds
        services.advice.no_fly = await asyncio.to_thread(no_fly_areas, settings.data)
        if isinstance(clock, ScaledClock):
            services.supervision.outage_s *= clock.speed
        tick_s = settings.sse_tick_ms / 1000
        hub = Hub(store, tick_s, settings.sse_queue_limit, clock)
        store.when_committed(hub.hurry)
        try:
            yield Node(
                settings, services, store, accounts, hub, runner, stories, directory, registry,
                embedded, sequencer, has_areas,
            )  # fmt: skip
        finally:
            services.advice.close()
            await asyncio.to_thread(services.darkroom.close)
            accounts.close()
            if sequencer is not None:
                await sequencer.close()
    finally:
        await keeper.close()
        await store.close()


async def serve(
    settings: Settings,
    database: tuple[EmbeddedPostgres | None, Dsn],
    clock: NodeClock | None = None,
    announce: Callable[[Node, str, str | None], None] | None = None,
) -> None:
    """Run a node until it is told to stop (SIGINT, SIGTERM). `announce` is called once it
    answers, with its address and, on the first start, the administrator's one-time path."""
    leave_no_core()
    give_memory_back()
    listening = listen(settings)
    async with started(settings, database, clock) as node:
        if not node.has_areas:
            log.warning("no_areas", hint="give --map FILE.osm.pbf, or data/areas.geojson")
        server = Server(_server_config(node))
        link = await node.accounts.first_link()
        await node.services.alarms.load()
        settle_memory()
        keepers = [
            asyncio.create_task(node.runner.run(), name="runner"),
            asyncio.create_task(node.hub.run(), name="live"),
            asyncio.create_task(_follow(node), name="stories"),
            asyncio.create_task(_tidy(node), name="tidying"),
            asyncio.create_task(keep_log(node.log, node.store, settings), name="log"),
            asyncio.create_task(look_after_devices(node.services), name="devices"),
            asyncio.create_task(keep_retention(node.services), name="retention"),
        ]
        for name, run in intake_runs(node.services).items():
            keepers.append(asyncio.create_task(run, name=name))
        work = list(keepers)
        if node.embedded is not None:
            work.append(asyncio.create_task(supervise(node.embedded), name="database"))
        if settings.map is not None and settings.map_build and node.services.map is not None:
            making = keep_map(settings.map, node.services.map)
            work.append(asyncio.create_task(making, name="map"))
        sending = keep_synthetic(node.services, node.hub, settings, server, listening)
        work.append(asyncio.create_task(sending, name="synthetic"))
        loading = keep_roads(node.services.advice, settings.roads, settings.data)
        work.append(asyncio.create_task(loading, name="roads"))
        if announce is not None:
            work.append(asyncio.create_task(_announce(server, node, listening, link, announce)))
        serving = asyncio.create_task(server.serve(sockets=[listening]), name="server")
        try:
            await asyncio.wait([serving, *keepers], return_when=asyncio.FIRST_COMPLETED)
            for task in keepers:
                if task.done():  # a loop that keeps promises has a bug: better dead than silent
                    server.should_exit = True
                    task.result()
            await serving
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on, taken before anything else is touched. Raises AddressTaken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server(
            (settings.host, settings.port), family=family, backlog=BACKLOG, reuse_port=False
        )
        # Small answers go out at once; accepted sockets inherit it.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            # Who does not read is noticed after so much, not after megabytes in the system's hands.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_MAX)
        return listening
    except OSError as error:
        raise AddressTaken(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror}"
        ) from error


def _server_config(node: Node) -> uvicorn.Config:
    settings = node.settings
    people, node.services.seats_max = shared_seats(
        raise_descriptor_limit(),
        settings.connection_budget,
        len(intake_listeners(node.services.intakes)),
    )
    limits = GuardLimits(
        connection_budget=people,
        per_client_connections=settings.per_client_connections,
        header_timeout_s=settings.header_timeout_s,
        body_timeout_s=settings.body_timeout_s,
        body_min_rate=settings.body_min_rate,
        keep_alive_s=settings.keep_alive_s,
        trusted_proxies=settings.trusted_proxies,
    )
    return uvicorn.Config(
        application(node),
        http=guarded_protocol(limits),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=int(settings.shutdown_grace_s),
    )


def application(node: Node):
    """The node's HTTP face: the API and every intake in one app."""
    return create_app(
        node.services,
        node.accounts,
        web_options(node.settings),
        extra_routes=intake_routes(node.services),
        hub=node.hub,
        provider=sign_on_of(
            node.settings, node.accounts, node.services.outgoing, node.services.clock
        ),
    )


def keyless_wait(web: WebOptions) -> Callable[[MutableMapping[str, Any]], int]:
    """How long a sender without a key must wait. Peers that are trusted proxies and name nobody
    speak for themselves: the machine's own programs are not held back."""
    buckets = Buckets(web.anonymous_per_minute, web.anonymous_burst)

    def wait_s(scope: MutableMapping[str, Any]) -> int:
        address = seen_of(scope).address
        if is_trusted(address, web.trusted_proxies):
            return 0
        return buckets.take(address_key(address))

    return wait_s


async def _announce(
    server: uvicorn.Server,
    node: Node,
    listening: socket.socket,
    link: str | None,
    announce: Callable[[Node, str, str | None], None],
) -> None:
    while not server.started:
        await asyncio.sleep(0.01)
    announce(node, f"http://{reached_at(node.settings.host)}:{listening.getsockname()[1]}", link)


async def _tidy(node: Node) -> None:
    """Forget what is only kept for a while: old idempotency keys, ended sessions,
    positions of units that send no more."""
    while True:
        try:
            await node.store.forget_keys(node.services.clock.now() - KEYS_KEPT)
            await node.accounts.prune()
            await node.services.positions.forget()
            await node.store.forget_closures(node.services.clock.now() - CLOSURES_KEPT)
            await node.services.alarms.tidy()
            await node.store.forget_chained(node.services.clock.now() - CHAINS_KEPT)
        except Unavailable as trouble:
            log.warning("tidying_waits", detail=str(trouble))
        await asyncio.sleep(TIDY_EVERY_S)


async def _follow(node: Node) -> None:
    while True:
        try:
            await follow(node.store, node.stories)
        except Unavailable as trouble:
            log.warning("stories_wait", detail=str(trouble))
        await asyncio.sleep(FOLLOW_EVERY_S)


__all__ = [
    "AddressTaken",
    "Dsn",
    "Node",
    "application",
    "keys_of",
    "pack_of",
    "serve",
    "start_database",
    "started",
]
