"""MQTT: alarms of QoS 1 whose PUBACK waits for the commit, readings, and what idle devices cost.

The node is a process of its own with its database; this one plays gateways that keep many messages
in flight. Also with a desk that keeps nothing, which is what the protocol itself costs, bare and
over TLS.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

import psutil
import uvloop
from msgspec import structs

from bench.desks import KEEPER
from bench.harness import Figure
from bench.panels import EmptyDesk
from tests.intakes.test_mqtt_sockets import certificate
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
AT_ONCE = 100
IDLE = int(os.environ.get("MQTT_IDLE", "2000"))


def _settings(files: tuple[Path, Path] | None) -> MqttSettings:
    device = Device("gate", hashed(SECRET, b"salt-of-bench"))
    made = MqttSettings(
        host="127.0.0.1", port=0, device=(device,), per_address=2 * IDLE,
        connections=2 * IDLE, readings=1_000_000,
    )  # fmt: skip
    if files is None:
        return made
    return structs.replace(made, port=-1, tls_port=0, certificate=files[0], key=files[1])


async def _serve(desk: AlarmTaker, files: tuple[Path, Path] | None = None) -> None:
    server = Server(_settings(files), Keeper(Topics(), desk), seats_max=2 * IDLE)
    await server.start()
    print(server.tls_port if files else server.port, flush=True)
    await server.run()


def host(kind: str) -> None:
    """The node's process, on a node's own loop: prints its port and runs until it is ended."""
    if kind == "empty":
        uvloop.run(_serve(EmptyDesk()))
        return
    with tempfile.TemporaryDirectory() as name:
        if kind == "tls":
            uvloop.run(_serve(EmptyDesk(), certificate(Path(name))))
            return
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

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("hung up on"))

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


def _trusting() -> ssl.SSLContext:
    """Of a gateway: what its certificate check costs is not the node's."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


async def _flood(
    port: int, topic: str, body: dict[str, object], tls: ssl.SSLContext | None
) -> float:
    """Messages a second until all are acknowledged."""
    loop = asyncio.get_running_loop()
    made = [
        Gateway(f"g{each}", list(range(each, MESSAGES, GATEWAYS)), topic, body)
        for each in range(GATEWAYS)
    ]
    start = time.perf_counter()
    for each in made:
        await loop.create_connection(lambda e=each: e, "127.0.0.1", port, ssl=tls)
    async with asyncio.timeout(600):
        await asyncio.gather(*(each.done for each in made))
    elapsed = time.perf_counter() - start
    for each in made:
        each.transport.close()
    return MESSAGES / elapsed


async def _idle(
    port: int, process: psutil.Process, tls: ssl.SSLContext | None
) -> tuple[float, float]:
    """Megabytes that IDLE connected devices add to the node, and how many came in a second."""
    before = process.memory_info().rss
    loop = asyncio.get_running_loop()
    held = [Gateway(f"i{each}", [], "", {}) for each in range(IDLE)]
    begun = time.perf_counter()
    for start in range(0, IDLE, AT_ONCE):
        some = held[start : start + AT_ONCE]
        await asyncio.gather(
            *(loop.create_connection(lambda e=each: e, "127.0.0.1", port, ssl=tls) for each in some)
        )
        await asyncio.gather(*(each.done for each in some))
    took = time.perf_counter() - begun
    await asyncio.sleep(1)
    after = process.memory_info().rss
    for each in held:
        each.transport.abort()
    return (after - before) / 2**20, IDLE / took


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
        tls = _trusting() if kind == "tls" else None
        if kind != "store":
            megabytes, coming = uvloop.run(_idle(port, process, tls))
            found |= {"idle": megabytes, "coming": coming}
        alarm: dict[str, object] = {"kind": "door"}
        for name, topic, body in (
            ("alarms", "tocsin/gate/alarm", alarm),
            ("again", "tocsin/gate/alarm", alarm),
            ("readings", "tocsin/gate/reading", {"values": {"level_m": 1.5}}),
        ):
            used = sum(process.cpu_times()[:2])
            found[name] = uvloop.run(_flood(port, topic, body, tls))
            found[f"{name} cpu"] = (sum(process.cpu_times()[:2]) - used) / MESSAGES * 1e6
        return found
    finally:
        child.terminate()
        child.wait(30)


def bench() -> list[Figure]:
    """The figures; the load of the machine stands beside them."""
    load = f"load {os.getloadavg()[0]:.1f}"
    empty, tls, store = _run("empty"), _run("tls"), _run("store")
    flight = f"{GATEWAYS} connections with {IN_FLIGHT} in flight"
    return [
        Figure("MQTT QoS 1, protocol alone", empty["alarms"], "/s",
               note=f"{empty['alarms cpu']:.0f} us of CPU each, {load}"),
        Figure("MQTT QoS 1 over TLS, protocol alone", tls["alarms"], "/s",
               note=f"{tls['alarms cpu']:.0f} us of CPU each, {load}"),
        Figure("MQTT QoS 1 alarms, committed before PUBACK", store["alarms"], "/s", 5_000,
               note=f"{flight}, {store['alarms cpu']:.0f} us of CPU each in the node, {load}"),
        Figure("MQTT QoS 1 alarms that are open already", store["again"], "/s", 5_000,
               note=f"{store['again cpu']:.0f} us of CPU each, {load}"),
        Figure("MQTT QoS 1 readings, committed before PUBACK", store["readings"], "/s", 5_000,
               note=f"{store['readings cpu']:.0f} us of CPU each, {load}"),
        Figure(f"MQTT, {IDLE} idle connections", empty["idle"], "MB", 100, "less",
               note=f"{empty['coming']:.0f} came in a second"),
        Figure(f"MQTT over TLS, {IDLE} idle connections", tls["idle"], "MB",
               note=f"{tls['coming']:.0f} came in a second, {AT_ONCE} at once"),
    ]  # fmt: skip
