"""A real node in a process of its own, which tests may stop, kill and start again."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from tests.end_to_end.process_memory import memory_mib, peak_mib
from tests.geography.towns import chessboard
from tocsin.geography.geojson import to_geojson
from tocsin.runtime.verify import Audit, DeviceAudit, Report, UnitAudit, verify
from tocsin.stores.postgres.auditing import audit
from tocsin.stores.postgres.devices import audit_devices
from tocsin.stores.postgres.processes import servers_in
from tocsin.stores.postgres.units import audit_units

START_PATIENCE_S = 90.0
"""A start takes two seconds; a machine that is busy with everything else may need more."""
BOX = (24.9005, 60.1005, 24.9095, 60.1095)
"""West, south, east, north of a box well inside the drawn town."""
SERVE = ("-m", "tocsin.app.cli")


class NodeError(AssertionError):
    """The node did not do what a node does."""


@dataclass
class LiveNode:
    """One data folder and the process that serves it, when there is one."""

    data: Path
    arguments: tuple[str, ...] = ()
    program: Sequence[str] = SERVE
    environment: dict[str, str] = field(default_factory=dict[str, str])
    port: int = 0
    link: str = ""
    starts: int = 0
    process: subprocess.Popen[bytes] | None = None
    watched_dsn: str = ""
    """Where a test looks at the database, when that is not the node's own way there."""

    @property
    def log(self) -> Path:
        """What the node wrote to its standard error, all starts together. Beside the data."""
        return self.data.parent / f"{self.data.name}.log"

    def draw_town(self) -> None:
        """Four tiers of areas, so that there is an outside."""
        self.data.mkdir(parents=True, exist_ok=True)
        areas = json.dumps(to_geojson(chessboard()), ensure_ascii=False)
        (self.data / "areas.geojson").write_text(areas, encoding="utf-8")

    def launch(self) -> subprocess.Popen[bytes]:
        """Starts the process and does not wait for it."""
        self.data.mkdir(parents=True, exist_ok=True)
        if not (self.data / "areas.geojson").exists():
            self.draw_town()
        clean = {name: value for name, value in os.environ.items() if name[:7] != "TOCSIN_"}
        command = [sys.executable, *self.program, "serve", "--data", str(self.data)]
        command += ["--port", str(self.port), *self.arguments]
        self._out = self.data.parent / f"{self.data.name}.out"
        with self._out.open("wb") as out, self.log.open("ab") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                # What a campaign counts is what it sent itself.
                env={**clean, "TOCSIN_SYNTHETIC_EVERY_S": "0", **self.environment},
            )
        self.starts += 1
        return self.process

    async def start(self) -> None:
        """Starts the node and waits until it answers. Its port stays the same from then on."""
        process = self.launch()
        until = time.monotonic() + START_PATIENCE_S
        while True:
            said = self._out.read_text(encoding="utf-8", errors="replace")
            if found := re.search(r"answers at http://[^:]+:(\d+)\n", said):
                self.port = int(found[1])
                break
            if process.poll() is not None or time.monotonic() > until:
                raise NodeError(f"the node did not start: {said} {self.last_words()}")
            await asyncio.sleep(0.02)
        if self.starts == 1:
            while not (found := re.search(r"once\): (\S+)\n", self._out.read_text())):
                await asyncio.sleep(0.02)
            self.link = found[1].partition("#")[2]

    def last_words(self) -> str:
        """Of the node, and of its embedded server without what it tells every caller."""
        words = self.log.read_text(encoding="utf-8", errors="replace")[-1500:]
        server = self.data / "postgres" / "postgres.log"
        if not server.exists():
            return words
        lines = server.read_text(encoding="utf-8", errors="replace").splitlines()
        told = [line for line in lines if "FATAL:  the database system is" not in line]
        return "\n".join([words, *told[-15:]])

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL: no last word."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """A polite end; a rude one where that takes too long."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
        until = time.monotonic() + 30
        while self.servers() and time.monotonic() < until:
            time.sleep(0.02)

    # -- its database

    def servers(self) -> list[int]:
        """The processes of the embedded server, the first of them (the oldest) included."""
        cluster = self.data / "postgres" / "cluster"
        return sorted(servers_in(cluster)) if cluster.exists() else []

    def postmaster(self) -> int:
        return int((self.data / "postgres/cluster/postmaster.pid").read_text().split()[0])

    @property
    def dsn(self) -> str:
        if self.watched_dsn:
            return self.watched_dsn
        if "TOCSIN_DATABASE_URL" in self.environment:
            return self.environment["TOCSIN_DATABASE_URL"]
        folder = (self.data / "postgres" / "socket").readlink()
        return f"postgresql://tocsin@/tocsin?host={folder}"

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Any]:
        connection: Any = await asyncpg.connect(self.dsn)
        try:
            yield connection
        finally:
            await connection.close()

    async def verify(self) -> Report:
        """`runtime.verify` over the running node's database."""
        return await verify(_Audited(self.dsn))

    # -- figures

    def memory_mib(self) -> float:
        assert self.process is not None
        return memory_mib(self.process.pid)

    def peak_mib(self, *, anew: bool = False) -> float:
        """See `process_memory.peak_mib`."""
        assert self.process is not None
        return peak_mib(self.process.pid, anew=anew)

    # -- asking it

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        timeout_s: float = 60,
    ) -> Answer:
        """One request on a connection of its own."""
        line = Line(self.port)
        try:
            return await asyncio.wait_for(line.ask(method, path, body, headers), timeout_s)
        finally:
            line.close()

    async def until_ready(self, patience_s: float = 60) -> None:
        """Waits until /health/ready says so."""
        until = time.monotonic() + patience_s
        last: object = None
        while time.monotonic() < until:
            try:
                answer = await self.ask("GET", "/health/ready", timeout_s=30)
                if answer.status == 200:
                    return
                last = answer.body
            except (OSError, EOFError, TimeoutError) as error:
                last = error
            await asyncio.sleep(0.05)
        raise NodeError(f"not ready in {patience_s} s: {last!r} {self.last_words()}")


@dataclass(frozen=True)
class _Audited:
    dsn: str

    def audit(self) -> AsyncIterator[Audit]:
        return audit(self.dsn)

    def audit_units(self) -> AsyncIterator[UnitAudit]:
        return audit_units(self.dsn)

    def audit_devices(self) -> AsyncIterator[DeviceAudit]:
        return audit_devices(self.dsn)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Line:
    """One keep-alive connection, one request at a time, and nothing a library would tidy up."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def close(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        head = f"{method} {path} HTTP/1.1\r\nhost: node\r\n"
        if body or method not in ("GET", "HEAD", "DELETE"):
            head += f"content-length: {len(body)}\r\n"
        for name, value in (headers or {}).items():
            head += f"{name}: {value}\r\n"
        return await self.raw(head.encode("latin-1") + b"\r\n" + body, method == "HEAD")

    async def raw(self, request: bytes, is_head: bool = False) -> Answer:
        """Whatever bytes, and the answer. Raises OSError or EOFError where there is none."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        reader, writer = self._streams
        try:
            try:
                writer.write(request)
                await writer.drain()
            except ConnectionError:
                pass  # it may have said why before it hung up
            return await self._read(reader, is_head)
        except BaseException:
            self.close()
            raise

    async def _read(self, reader: asyncio.StreamReader, is_head: bool) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        headers: dict[str, str] = {}
        for name, _, value in (line.partition(":") for line in lines):
            # The first of several: of the node's cookies it is the session.
            headers.setdefault(name.strip().lower(), value.strip())
        status = int(first.split()[1])
        if is_head or status in (204, 304):
            body = b""
        elif "content-length" in headers:
            body = await reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int((await reader.readline()).split(b";")[0], 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readline()
        else:
            body = await reader.read()
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body)


@asynccontextmanager
async def live_node(data: Path, *arguments: str, **more: Any) -> AsyncIterator[LiveNode]:
    """A node on an empty folder, stopped at the end whatever happened."""
    node = LiveNode(data, arguments, **more)
    try:
        await node.start()
        yield node
    finally:
        node.stop()
