"""A small node for the tests of intakes: real rooms, memory store, and a real socket."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
import uvicorn
from shapely import box
from starlette.applications import Starlette

from tocsin.geography.areas import Area, Atlas, Outside, names_of
from tocsin.intakes.open311 import Open311Options, routes
from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import (
    AcceptCase,
    AcknowledgeTask,
    ClaimTaskDone,
    Command,
    DispatchCase,
    FileCase,
    PublishCase,
    Route,
    SetConsent,
    StartTask,
    VerifyCase,
)
from tocsin.kernel.shared import (
    Actor,
    ActorId,
    AgencyId,
    AreaId,
    CaseId,
    Instant,
    Place,
    Refused,
    Tier,
)
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack
from tocsin.packs.registry import Registry
from tocsin.runtime.catchments import public_point
from tocsin.runtime.engine import Engine
from tocsin.runtime.reception import Reception
from tocsin.runtime.services import Services
from tocsin.stores.memory import MemoryStore, MemoryVault
from tocsin.stores.memory.redactions import MemoryRedactions

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
WEST, SOUTH, STEP = -87.70, 41.80, 0.02
INSIDE = {"lat": "41.8312", "long": "-87.6734"}
DISPATCHER = Actor(ActorId("dora"), "staff", ("dispatcher", "call_taker", "supervisor"))
KEYS = {
    ("reporting", "reports:write"): Actor(ActorId("app-1"), "integration"),
    ("partner", "reports:write"): Actor(ActorId("partner-1"), "integration"),
    ("partner", "cases:write"): Actor(ActorId("partner-1"), "integration", ("call_taker",)),
    ("crew", "cases:write"): Actor(
        ActorId("crew-1"), "integration", ("agency_handler",), AgencyId("311@county")
    ),
}


class HandClock:
    """Stands still until it is moved."""

    def __init__(self, at: Instant = START) -> None:
        self.at = at

    def now(self) -> Instant:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


class CountedIds:
    """c000001, c000002, …"""

    def __init__(self) -> None:
        self.last = 0

    def new(self) -> str:
        self.last += 1
        return f"c{self.last:014}"


class Keys:
    """A ring with a few keys."""

    def __init__(self, keys: Mapping[tuple[str, str], Actor]) -> None:
        self._keys = keys

    async def actor(self, api_key: str, scope: str) -> Actor | None:
        return self._keys.get((api_key, scope))

    async def actor_at(self, api_key: str, scope: str, case: Case) -> Actor | None:
        """Every key of these tests is over the whole county."""
        return await self.actor(api_key, scope)


@cache
def fixture_pack() -> Pack:
    return load_pack(builtin("chicago-fixture"))


@cache
def atlas() -> Atlas:
    """A county of two towns, two villages each, four cells each."""
    areas: list[Area] = []

    def add(area_id: str, tier: Tier, parent: str | None, x0: int, x1: int, y0: int, y1: int):
        shape = box(WEST + x0 * STEP, SOUTH + y0 * STEP, WEST + x1 * STEP, SOUTH + y1 * STEP)
        names = names_of(en=area_id.title(), zh_CN=f"{area_id}区")
        above = None if parent is None else AreaId(parent)
        areas.append(Area(AreaId(area_id), tier, names, above, shape))

    add("county", "county", None, 0, 4, 0, 4)
    for town in range(2):
        add(f"t{town}", "town", "county", town * 2, town * 2 + 2, 0, 4)
        for village in range(2):
            x = town * 2 + village
            add(f"t{town}v{village}", "village", f"t{town}", x, x + 1, 0, 4)
            for y in range(4):
                name = f"t{town}v{village}"
                add(f"{name}-{y}", "cell", name, x, x + 1, y, y + 1)
    return Atlas(areas)


def shown(lon: float, lat: float) -> Place:
    """Where the public is shown what happened there."""
    path = atlas().locate(lon, lat)
    assert not isinstance(path, Outside)
    return public_point(path, atlas(), {})


def make_services(
    pack: Pack | None = None, *, store: Any = None, vault: Any = None, key_required: bool = False
) -> Services:
    """Real rooms over the memory store; the clock stands still."""
    pack = pack or fixture_pack()
    clock, ids = HandClock(), CountedIds()
    vault = vault or MemoryVault(clock)
    store = store or MemoryStore(vault)
    engine = Engine(store, Registry(pack), clock, ids)
    town = atlas()
    return Services(
        store=store,
        vault=vault,
        engine=engine,
        reception=Reception(engine, pack, town, b"k" * 32),
        pack=pack,
        atlas=town,
        clock=clock,
        ids=ids,
        keys=Keys(KEYS),
        jurisdiction="cityofchicago.org",
        key_required=key_required,
        redactions=MemoryRedactions(vault, clock) if isinstance(vault, MemoryVault) else None,
    )


class Node:
    """A served node: its address, and its insides for the test to look at."""

    def __init__(self, services: Services, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.services = services
        self.url = url
        self._loop = loop

    @property
    def clock(self) -> HandClock:
        assert isinstance(self.services.clock, HandClock)
        return self.services.clock

    def run(self, work: Any) -> Any:
        """A coroutine, run on the node's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


@contextmanager
def served(services: Services, options: Open311Options | None = None) -> Iterator[Node]:
    """The intake on a real socket of localhost, in a thread with its own loop."""
    # With the protocol named, asyncio switches Nagle's delay off (40 ms for each answer).
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    app = Starlette(routes=routes(services, options))
    config = uvicorn.Config(app, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # pyright: ignore
    loop = asyncio.new_event_loop()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(server.serve([listener])), daemon=True
    )
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.01)
        yield Node(services, f"http://localhost:{port}", loop)
    finally:
        server.should_exit = True
        thread.join(10)
        loop.close()
        listener.close()


VEHICLE = "4ffa4c69601827691b000018"
POTHOLE = "4fd3b656e750846c53000004"
NAMES = ("Canary-Lovelace", "ada@example.org", "+1 555 0100", "device-canary", "account-canary")
WORDS = "A car without plates, canary-text"
STREET = "Canary Street 5"
REPORT = {
    "service_code": VEHICLE,
    "description": WORDS,
    "address_string": STREET,
    "attribute[HOWMANYD]": "21",
    "attribute[FQSKA3]": "BLUE",
    "first_name": "Ada",
    "last_name": NAMES[0],
    "email": NAMES[1],
    "phone": NAMES[2],
    "device_id": NAMES[3],
    "account_id": NAMES[4],
    **INSIDE,
}


def post(client: httpx.Client, **changes: str) -> str:
    """Reports a vehicle; returns the service_request_id."""
    answer = client.post("/v2/requests.json", data={**REPORT, **changes})
    assert answer.status_code == 200, answer.text
    return answer.json()[0]["service_request_id"]


def tell(node: Node, case_id: str, *commands: Command, by: Actor = DISPATCHER) -> None:
    """Commands to one case, one after the other; none may be refused."""
    for command in commands:
        outcome = node.run(node.services.engine.handle(CaseId(case_id), command, by=by))
        assert not isinstance(outcome, Refused), outcome
        node.clock.move(minutes=1)


def state(node: Node, case_id: str) -> Case:
    row = node.run(node.services.store.case(CaseId(case_id)))
    assert row is not None
    return row.case


def publish(node: Node, case_id: str) -> None:
    """The first reporter agrees, and staff publish."""
    report = state(node, case_id).reports[0].id
    tell(node, case_id, SetConsent(report, True), PublishCase(True))


def release(node: Node, case_id: str) -> None:
    """Staff looked at the words and photos of a case, and let them out."""
    first, store = state(node, case_id).reports[0], node.services.redactions
    assert store is not None and first.description is not None
    version = node.run(store.versions([first.description, *first.media]))
    by = {"by": DISPATCHER, "role": "dispatcher"}
    about = (CaseId(case_id), first.description, version[first.description], "accepted", WORDS)
    assert node.run(store.decide(*about, **by)) is not None
    for photo in first.media:
        seen = (CaseId(case_id), photo, version[photo])
        assert node.run(store.judge_photo(*seen, is_released=True, **by)) is not None


def dispatch(node: Node, case_id: str, agency: str = "311@county") -> None:
    """Through triage to the agency's desk."""
    route = Route("city", AgencyId(agency))
    tell(node, case_id, AcceptCase(), FileCase(route), DispatchCase("routine"))


def finish(node: Node, case_id: str) -> None:
    """From the agency's desk to a verified close."""
    (task,) = state(node, case_id).tasks
    worker = Actor(ActorId("wim"), "staff", ("agency_handler",), task.agency)
    tell(node, case_id, AcknowledgeTask(task.id), StartTask(task.id), by=worker)
    tell(node, case_id, ClaimTaskDone(task.id), by=worker)
    tell(node, case_id, VerifyCase("done"), by=Actor(ActorId("vera"), "staff", ("verifier",)))
