"""A node behind its real sockets in a process of its own, to be killed.

`python -m tests.end_to_end.wire_node DSN KEY_FILE [early]` starts a node for every line that it
reads: a process of its own that listens for MQTT, DC-09 (TCP and UDP) and HTTP, with every intake
that is posted to and the API of the desk, and prints its number, the three ports and an API key.
What is killed is that one; the next begins with everything loaded, as a fork, so that a round
costs a second and not twenty. With `early` everything has the planted bug: it says that it kept a
message before it did, so every one of them acknowledges too soon.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from functools import cache
from pathlib import Path
from typing import Any

import uvicorn

from tests.end_to_end.alarm_sender import PACK
from tests.geography.towns import chessboard
from tocsin.app.clock import SteadyClock, TimeIds
from tocsin.app.ways_in import intake_routes
from tocsin.geography.areas import Atlas
from tocsin.intakes.mqtt.keeping import Keeper
from tocsin.intakes.mqtt.parse import Topics
from tocsin.intakes.mqtt.secrets import hashed
from tocsin.intakes.mqtt.serve import Server as Mqtt
from tocsin.intakes.mqtt.settings import Device, MqttSettings
from tocsin.intakes.sia_dc09.accounts import Dc09Settings
from tocsin.intakes.sia_dc09.receiver import Receiver
from tocsin.intakes.sia_dc09.serve import Server as Dc09
from tocsin.kernel.shared import Actor, ActorId, AreaId, CaseId, Refused, ReportId
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack
from tocsin.packs.registry import Registry
from tocsin.runtime.accounts import ApiKey, Change, Grant
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.engine import Engine
from tocsin.runtime.reception import IncomingReport, Received, Reception
from tocsin.runtime.services import Services
from tocsin.stores.memory.accounts import MemoryAccounts
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.stores.vault import load_master_keys
from tocsin.web.accounts import Accounts
from tocsin.web.app import create_app
from tocsin.web.options import AccountOptions, WebOptions
from tocsin.web.tokens import token_hash

SECRET = "a-secret-of-at-least-24-characters"
LATE_S = 0.05
"""How much later than it says the planted bug begins to keep a message."""


class Early:
    """The planted bug: work that is done after its answer."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def later(self, work: Coroutine[Any, Any, object]) -> None:
        async def wait() -> None:
            await asyncio.sleep(LATE_S)
            await work

        task = asyncio.create_task(wait())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


class EarlyDesk(AlarmDesk):
    early = Early()

    async def receive(self, incoming: IncomingAlarm, by: Actor) -> AlarmReceived | Refused:
        self.early.later(super().receive(incoming, by))
        return AlarmReceived()


class EarlyReception(Reception):
    early = Early()

    async def receive(self, incoming: IncomingReport, by: Actor) -> Received | Refused:
        self.early.later(super().receive(incoming, by))
        case = CaseId("early")
        return Received(case, ReportId("early"), "2" * 12, incoming.case_type, None, False)


@cache
def county() -> tuple[Pack, Atlas]:
    return load_pack(PACK), Atlas(chessboard())


def services_of(store: PostgresStore, vault: PostgresVault, is_early: bool) -> Services:
    """Real rooms over PostgreSQL, and the signed sender that the campaign plays."""
    (pack, atlas), clock, ids = county(), SteadyClock(), TimeIds()
    engine = Engine(store, Registry(pack), clock, ids)
    reception = (EarlyReception if is_early else Reception)(engine, pack, atlas, b"key")
    options = AccountOptions(argon2_memory_kib=64, argon2_time=1)
    keys = Accounts(MemoryAccounts(), clock, ids, options, WEB)
    services = Services(
        store=store, vault=vault, engine=engine, reception=reception, pack=pack, atlas=atlas,
        clock=clock, ids=ids, keys=keys, jurisdiction="test",
        intakes={"signed-json": {"sender": [{"name": "lifts", "secret": SECRET}]}},
    )  # fmt: skip
    if is_early:
        services.alarms = EarlyDesk(engine, pack, reception)
    return services


WEB = WebOptions(anonymous_per_minute=10**6, anonymous_burst=10**6)


async def serve_http(services: Services) -> tuple[uvicorn.Server, asyncio.Task[None]]:
    """Every route of the intakes and of the API."""
    keys = services.keys
    assert isinstance(keys, Accounts)
    app = create_app(services, keys, WEB, intake_routes(services))
    web = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(web.serve())
    while not web.started:
        await asyncio.sleep(0.01)
    return web, serving


async def main(dsn: str, key_file: str, is_early: bool) -> None:
    masters = load_master_keys(Path(key_file))
    store = PostgresStore(dsn, masters)
    await store.open()
    vault = PostgresVault(store.readers, masters, SteadyClock())
    services = services_of(store, vault, is_early)
    desk, keys = services.alarms, services.keys
    assert isinstance(keys, Accounts)
    given = MqttSettings(
        host="127.0.0.1", port=0, device=(Device("gate", hashed(SECRET, b"salt-for-it")),)
    )
    mqtt = Mqtt(given, Keeper(Topics(), desk))
    await mqtt.start()
    panels = Dc09(Receiver(Dc09Settings(host="127.0.0.1", port=0), desk, SteadyClock(), os.urandom))
    await panels.start()
    by = ActorId("test")
    grants = (Grant("call_taker", AreaId("county")),)
    # The same sender after every start: a key of idempotency is its own.
    scopes = ("reports:write", "reports:trusted")
    secret, now = f"tok_{SECRET}", SteadyClock().now()
    key = ApiKey(ActorId("sender"), "test", token_hash(secret), scopes, grants, now)
    await keys.store.put_key(key, Change(now, by, "key_made", key.id, ""))
    web, serving = await serve_http(services)
    (address,) = (each.getsockname() for each in web.servers[0].sockets)
    print("ports", os.getpid(), mqtt.port, panels.port, address[1], secret, flush=True)
    await asyncio.gather(mqtt.run(), panels.run(), serving)


def start_each(dsn: str, key_file: str, is_early: bool) -> None:
    """A node for every line, one after the other; it says when each has ended."""
    county()
    for _ in sys.stdin:
        pid = os.fork()
        if not pid:
            asyncio.run(main(dsn, key_file, is_early))
            os._exit(0)
        os.waitpid(pid, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    start_each(sys.argv[1], sys.argv[2], "early" in sys.argv[3:])
