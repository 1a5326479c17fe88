"""MQTT: alarms of QoS 1 whose PUBACK waits for the commit, readings, and what idle devices cost.

The node is a process of its own with its database; this one plays gateways that keep many messages
in flight. Also with a desk that keeps nothing, which is what the protocol itself costs.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

import psutil
import uvloop

from bench.desks import KEEPER
from bench.harness import Figure
from bench.panels import EmptyDesk
from tocsin.app.clock import SteadyClock, TimeIds
from tocsin.app.memory import settle_memory
from tocsin.intakes.mqtt import codec
from tocsin.intakes.mqtt.keeping import Keeper
from tocsin.intakes.mqtt.parse import Topics
from tocsin.intakes.mqtt.secrets import hashed
from tocsin.intakes.mqtt.serve import Server
from tocsin.intakes.mqtt.settings import Device, MqttSettings
from tocsin.kernel.assets.state import About
from tocsin.kernel.assets.vocabulary import AddAsset
from tocsin.kernel.shared import AreaId, AssetId
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.registry import Registry
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.alarm_ports import AlarmTaker
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import Committed
from tocsin.runtime.reception import Reception
from tocsin.simulation.plain_town import plain_atlas
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

SECRET = "a-secret-of-the-bench"
GATEWAYS = 8
IN_FLIGHT = 128
DEVICES = 2_000
MESSAGES = 16_000
IDLE = 2_000


def _settings() -> MqttSettings:
    device = Device("gate", hashed(SECRET, b"salt-of-bench"))
    return MqttSettings(
        host="127.0.0.1", port=0, device=(device,), per_address=5_000, readings=1_000_000
    )


async def _serve(desk: AlarmTaker) -> None:
    server = Server(_settings(), Keeper(Topics(), desk))
    await server.start()
    print(server.port, flush=True)
    await server.run()


def host(kind: str) -> None:
    """The node's process, on a node's own loop: prints its port and runs until it is ended."""
    if kind == "empty":
        uvloop.run(_serve(EmptyDesk()))
        return
    with tempfile.TemporaryDirectory() as name:
        embedded = EmbeddedPostgres(Path(name) / "postgres")
        embedded.start()
        try:
            uvloop.run(_with_store(embedded, Path(name)))
        finally:
            embedded.stop()


async def _with_store(embedded: EmbeddedPostgres, folder: Path) -> None:
    store = PostgresStore(embedded.dsn(), load_master_keys(folder / "vault.key"))
    await store.open()
    pack = load_pack(builtin("county"))
    engine = Engine(store, Registry(pack), SteadyClock(), TimeIds())
    desk = AlarmDesk(engine, pack, Reception(engine, pack, plain_atlas(), b"key"))
    await desk.load()
    place = desk.openings.reception.desk

    async def one(number: int) -> None:
        about = About(
            f"d{number}", "smoke-detector", (AreaId(desk.openings.county),), place,
            wires=(("mqtt", f"gate/d{number}"),),
        )  # fmt: skip
        outcome = await engine.handle_asset(
            AssetId(f"a{number}"), AddAsset(about), by=KEEPER, is_urgent=False
        )
        assert isinstance(outcome, Committed), outcome
        desk.learn(outcome)

    for start in range(0, DEVICES, 500):
        await asyncio.gather(*(one(number) for number in range(start, start + 500)))
    settle_memory()
    await _serve(desk)


class Gateway(asyncio.Protocol):
    """One connection that keeps IN_FLIGHT messages under way."""

    def __init__(self, name: str, numbers: list[int], topic: str, body: dict[str, object]) -> None:
        self.name, self.topic, self.body = name, topic, body
        self.numbers = numbers
        self.left = len(numbers)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        hello = codec.Connect(
            client_id=self.name, clean_session=True, keepalive=600, username="gate",
            password=SECRET.encode(),
        )  # fmt: skip
        self.transport.write(codec.encode(hello, "3.1.1"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers, rest = divmod(len(self._buffer), 4)  # CONNACK and PUBACK have four bytes each
        first = self._buffer[:1] == b"\x20"
        self._buffer = self._buffer[len(self._buffer) - rest :]
        self.left -= answers - first
        self.send(IN_FLIGHT if first else answers)
        if not self.left and not self.done.done():
            self.done.set_result(None)

    def send(self, count: int) -> None:
        out: list[bytes] = []
        while count and self.numbers:
            count -= 1
            number = self.numbers.pop()
            payload = json.dumps({"device": f"d{number % DEVICES}", **self.body}).encode()
            head = len(self.topic).to_bytes(2, "big") + self.topic.encode()
            body = head + (number % 65_535 + 1).to_bytes(2, "big") + payload
            assert len(body) < 128
            out.append(bytes((0x32, len(body))) + body)
        if out:
            self.transport.write(b"".join(out))


async def _flood(port: int, topic: str, body: dict[str, object]) -> float:
    """Messages a second until all are acknowledged."""
    loop = asyncio.get_running_loop()
    made = [
        Gateway(f"g{each}", list(range(each, MESSAGES, GATEWAYS)), topic, body)
        for each in range(GATEWAYS)
    ]
    start = time.perf_counter()
    for each in made:
        await loop.create_connection(lambda e=each: e, "127.0.0.1", port)
    async with asyncio.timeout(600):
        await asyncio.gather(*(each.done for each in made))
    elapsed = time.perf_counter() - start
    for each in made:
        each.transport.close()
    return MESSAGES / elapsed


async def _idle(port: int, process: psutil.Process) -> float:
    """Megabytes that IDLE connected devices add to the node."""
    before = process.memory_info().rss
    loop = asyncio.get_running_loop()
    held = [Gateway(f"i{each}", [], "", {}) for each in range(IDLE)]
    for each in held:
        await loop.create_connection(lambda e=each: e, "127.0.0.1", port)
    await asyncio.gather(*(each.done for each in held))
    await asyncio.sleep(1)
    after = process.memory_info().rss
    for each in held:
        each.transport.abort()
    return (after - before) / 2**20


def _run(kind: str) -> dict[str, float]:
    command = [sys.executable, "-c", f"import bench.mqtt; bench.mqtt.host({kind!r})"]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=Path.cwd(), text=True
    )
    try:
        assert child.stdout is not None
        lines = iter(child.stdout.readline, "")
        port = next(int(line) for line in lines if line.strip().isdigit())
        process, found = psutil.Process(child.pid), dict[str, float]()
        if kind == "empty":
            found["idle"] = uvloop.run(_idle(port, process))
        alarm: dict[str, object] = {"kind": "door"}
        for name, topic, body in (
            ("alarms", "tocsin/gate/alarm", alarm),
            ("again", "tocsin/gate/alarm", alarm),
            ("readings", "tocsin/gate/reading", {"values": {"level_m": 1.5}}),
        ):
            used = sum(process.cpu_times()[:2])
            found[name] = uvloop.run(_flood(port, topic, body))
            found[f"{name} cpu"] = (sum(process.cpu_times()[:2]) - used) / MESSAGES * 1e6
        return found
    finally:
        child.terminate()
        child.wait(30)


def bench() -> list[Figure]:
    """The figures; the load of the machine stands beside them."""
    load = f"load {os.getloadavg()[0]:.1f}"
    empty, store = _run("empty"), _run("store")
    flight = f"{GATEWAYS} connections with {IN_FLIGHT} in flight"
    return [
        Figure("MQTT QoS 1, protocol alone", empty["alarms"], "/s",
               note=f"{empty['alarms cpu']:.0f} us of CPU each, {load}"),
        Figure("MQTT QoS 1 alarms, committed before PUBACK", store["alarms"], "/s", 5_000,
               note=f"{flight}, {store['alarms cpu']:.0f} us of CPU each in the node, {load}"),
        Figure("MQTT QoS 1 alarms that are open already", store["again"], "/s", 5_000,
               note=f"{store['again cpu']:.0f} us of CPU each, {load}"),
        Figure("MQTT QoS 1 readings, committed before PUBACK", store["readings"], "/s", 5_000,
               note=f"{store['readings cpu']:.0f} us of CPU each, {load}"),
        Figure(f"MQTT, {IDLE} idle connections", empty["idle"], "MB", 100, "less"),
    ]  # fmt: skip
