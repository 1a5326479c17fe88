"""DC-09 through the store: events a second that are committed before their ACK, plain and AES.

A process of its own listens, before the real desk and a real database; panels and their zones are
registered, and each event is an alarm of its own message."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.desks import KEEPER
from bench.harness import Figure
from bench.panels import KEY, PANELS, Wire
from tocsin.app.clock import SteadyClock, TimeIds
from tocsin.intakes.sia_dc09.accounts import Account, Dc09Settings
from tocsin.intakes.sia_dc09.dialler import Dialler
from tocsin.intakes.sia_dc09.receiver import Receiver
from tocsin.intakes.sia_dc09.serve import Server
from tocsin.kernel.assets.state import About
from tocsin.kernel.assets.vocabulary import AddAsset
from tocsin.kernel.shared import AreaId, AssetId
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.registry import Registry
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import Committed
from tocsin.runtime.reception import Reception
from tocsin.simulation.plain_town import plain_atlas
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

ZONES = 20
EVENTS = 6_400
PLAIN, SEALED = 5_000, 1_000
"""The first account of the panels that speak in clear, and of those with a key."""
PROGRAM = "import bench.dc09; bench.dc09.host()"


def host() -> None:
    """The receiver's process: prints its port and runs until it is ended."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        embedded = EmbeddedPostgres(folder / "postgres")
        embedded.start()
        try:
            asyncio.run(_serve(embedded, folder))
        finally:
            embedded.stop()


async def _serve(embedded: EmbeddedPostgres, folder: Path) -> None:
    store = PostgresStore(embedded.dsn(), load_master_keys(folder / "vault.key"))
    await store.open()
    pack = load_pack(builtin("county"))
    engine = Engine(store, Registry(pack), SteadyClock(), TimeIds())
    desk = AlarmDesk(engine, pack, Reception(engine, pack, plain_atlas(), b"key"))
    await desk.load()
    for first in (PLAIN, SEALED):
        await asyncio.gather(*(_register(desk, str(first + n)) for n in range(PANELS)))
    # The frames are made before they are sent: on a busy machine their stamps would be old.
    accounts = [Account(f"{SEALED + each}", KEY.decode(), True) for each in range(PANELS)]
    accounts += [Account(f"{PLAIN + each}", "", True) for each in range(PANELS)]
    settings = Dc09Settings(
        host="127.0.0.1", port=0, udp=False, account=tuple(accounts), per_address=5_000
    )
    server = Server(Receiver(settings, desk, SteadyClock(), os.urandom))
    await server.start()
    print(server.port, flush=True)
    await server.run()


async def _register(desk: AlarmDesk, account: str) -> None:
    place, county = desk.openings.reception.desk, desk.openings.county
    for zone in range(ZONES + 1):
        address = f"{account}/0/{zone}" if zone else account
        gateway = AssetId(account) if zone else None
        about = About(address, "intrusion-detector", (AreaId(county),), place, gateway=gateway,
                      wires=(("sia-dc09", address),))  # fmt: skip
        asset = AssetId(address.replace("/", "-"))
        outcome = await desk.engine.handle_asset(asset, AddAsset(about), by=KEEPER)
        assert isinstance(outcome, Committed), outcome
        desk.learn(outcome)


async def _flood(port: int, first: int, key: bytes) -> float:
    """Events a second over PANELS connections, the next of each when its last is acknowledged."""
    made: list[list[bytes]] = []
    for each in range(PANELS):
        panel = Dialler(f"{first + each}", lambda: datetime.now(UTC), os.urandom, key)
        count = EVENTS // PANELS
        made.append([panel.contact_id("130", 1 + n % ZONES) for n in range(count)][::-1])
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    wires = [
        (await loop.create_connection(lambda f=frames: Wire(f), "127.0.0.1", port))[1]
        for frames in made
    ]
    await asyncio.gather(*(each.done for each in wires))
    elapsed = time.perf_counter() - start
    taken = sum(each.acknowledged for each in wires)
    for each in wires:
        each.transport.close()
    if taken != EVENTS:
        raise RuntimeError(f"{taken} of {EVENTS} were acknowledged")
    return taken / elapsed


def bench() -> list[Figure]:
    """The load of the machine stands beside each figure."""
    command = [sys.executable, "-c", PROGRAM]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path.cwd(), text=True)
    try:
        assert child.stdout is not None
        lines = iter(child.stdout.readline, "")
        port = next(int(line) for line in lines if line.strip().isdigit())
        figures: list[Figure] = []
        for name, first, key, goal in (
            ("DC-09 through the store, in clear", PLAIN, b"", 1_000),
            ("DC-09 through the store, AES-256", SEALED, KEY, 500),
        ):
            rate = asyncio.run(_flood(port, first, key))
            note = f"{PANELS} panels, load {os.getloadavg()[0]:.1f}"
            figures.append(Figure(name, rate, "/s", goal, note=note))
        return figures
    finally:
        child.terminate()
        child.wait(30)
