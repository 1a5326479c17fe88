"""Alarm panels on DC-09: events a second, in clear and encrypted, and what idle ones cost.

The receiver runs in a process of its own, before a desk that keeps nothing: the figures are those
of the protocol, its sockets and its cipher. What the store adds is measured where the store is.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import psutil

from bench.harness import Figure
from tocsin.app.clock import SteadyClock
from tocsin.intakes.sia_dc09.accounts import Account, Dc09Settings
from tocsin.intakes.sia_dc09.dialler import Dialler
from tocsin.intakes.sia_dc09.receiver import Receiver
from tocsin.intakes.sia_dc09.serve import Server
from tocsin.kernel.shared import Actor
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm

KEY = b"0123456789ABCDEF" * 2
PANELS = 64
EVENTS = 8_000
IDLE = 2_000
PROGRAM = "import bench.panels; bench.panels.host()"


class EmptyDesk:
    """Says that it keeps, and keeps nothing."""

    async def receive(self, incoming: IncomingAlarm, by: Actor) -> AlarmReceived:
        return AlarmReceived()


def host() -> None:
    """The receiver's process: prints its port and runs until it is ended."""

    async def serve() -> None:
        accounts = [Account(f"{1000 + each}", KEY.decode()) for each in range(PANELS)]
        settings = Dc09Settings(
            host="127.0.0.1", port=0, account=tuple(accounts), per_address=5_000, idle_s=600
        )
        server = Server(Receiver(settings, EmptyDesk(), SteadyClock(), os.urandom))
        await server.start()
        print(server.port, flush=True)
        await server.run()

    asyncio.run(serve())


class Wire(asyncio.Protocol):
    """One panel: the next frame goes out when the last is answered."""

    def __init__(self, frames: list[bytes]) -> None:
        self.frames = frames
        self.acknowledged = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.frames:
            self.transport.write(self.frames.pop())

    def data_received(self, data: bytes) -> None:
        self.acknowledged += data.count(b'ACK"')
        if self.frames:
            self.transport.write(self.frames.pop())
        elif not self.done.done():
            self.done.set_result(None)


async def _flood(port: int, key: bytes) -> float:
    """Events a second over PANELS connections."""
    wires: list[Wire] = []
    loop = asyncio.get_running_loop()
    begun = 5_000 if not key else 1_000  # accounts with a key speak encrypted only
    made: list[list[bytes]] = []
    for each in range(PANELS):
        panel = Dialler(f"{begun + each}", lambda: datetime.now(UTC), os.urandom, key)
        made.append([panel.contact_id("110", 1 + n) for n in range(EVENTS // PANELS)][::-1])
    start = time.perf_counter()
    for frames in made:
        _, wire = await loop.create_connection(lambda f=frames: Wire(f), "127.0.0.1", port)
        wires.append(wire)
    await asyncio.gather(*(each.done for each in wires))
    elapsed = time.perf_counter() - start
    for each in wires:
        each.transport.close()
    taken = sum(each.acknowledged for each in wires)
    if taken != EVENTS:
        raise RuntimeError(f"{taken} of {EVENTS} were acknowledged")
    return taken / elapsed


async def _idle(port: int, process: psutil.Process) -> float:
    """Megabytes that IDLE silent connections add to the receiver."""
    before = process.memory_info().rss
    loop = asyncio.get_running_loop()
    held = [
        (await loop.create_connection(lambda: Wire([]), "127.0.0.1", port))[0] for _ in range(IDLE)
    ]
    await asyncio.sleep(1)
    if len(process.net_connections()) < IDLE:
        raise RuntimeError("not all idle connections are open")
    after = process.memory_info().rss
    for each in held:
        each.abort()
    return (after - before) / 2**20


def bench() -> list[Figure]:
    """The figures; the load of the machine stands beside them in the table's head."""
    command = [sys.executable, "-c", PROGRAM]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=Path.cwd(), text=True
    )
    try:
        assert child.stdout is not None
        lines = iter(child.stdout.readline, "")
        port = next(int(line) for line in lines if line.strip().isdigit())
        note = f"{PANELS} panels, receiver alone, no store"
        load = f"load {os.getloadavg()[0]:.1f}"
        plain = asyncio.run(_flood(port, b""))
        sealed = asyncio.run(_flood(port, KEY))
        idle = asyncio.run(_idle(port, psutil.Process(child.pid)))
        return [
            Figure("DC-09 events in clear", plain, "/s", 1_000, note=f"{note}, {load}"),
            Figure("DC-09 events, AES-256", sealed, "/s", 500, note=f"{note}, {load}"),
            Figure(f"DC-09, {IDLE} idle connections", idle, "MB", 100, "less"),
        ]
    finally:
        child.terminate()
        child.wait(10)
