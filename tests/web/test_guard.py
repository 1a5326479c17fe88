"""The guard before a real server on real sockets, against clients that trickle, idle and hoard."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tocsin.web.guard import BODIES_MAX, BODY_COUNTED_MAX
from tocsin.web.guard_limits import (
    client_key,
    raise_descriptor_limit,
)

SERVER = Path(__file__).with_name("guarded_server.py")
BUDGET = 100
SLOTHS = 300
HONEST = 60
PHOTO = 1_500_000
END = b"\r\n--x--\r\n"
PATIENCE_S = 30.0  # when a test gives up; not a measurement
MEMORY_ROOM_BYTES = 50_000_000
LINES_ROOM = 60


class Server:
    """The server's process: its port, its log, its facts."""

    def __init__(self, guard: str, budget: int, per_client: int, log: Path) -> None:
        self._log = log
        with log.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, SERVER, guard, str(budget), str(per_client)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
            )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def facts(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def log_lines(self) -> list[str]:
        return self._log.read_text().splitlines()


@contextmanager
def running(
    tmp_path: Path, guard: str = "on", budget: int = BUDGET, per_client: int = 10_000
) -> Iterator[Server]:
    server = Server(guard, budget, per_client, tmp_path / "log")
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@dataclass(slots=True)
class Outcome:
    """What a run under attack showed."""

    honest_answered: int = 0
    honest_failed: list[str] = field(default_factory=list)
    sloths_cut: int = 0
    sloths_left: int = 0
    ticks: int = 0
    memory_growth_bytes: int = 0
    log_lines: int = 0


def complaints(outcome: Outcome) -> list[str]:
    """The checker: what an honest public would complain about; empty when all is well."""
    found: list[str] = []
    if outcome.honest_failed or outcome.honest_answered != HONEST:
        found.append(f"honest requests failed: {len(outcome.honest_failed)}")
    if outcome.sloths_left:
        found.append(f"trickling connections kept: {outcome.sloths_left}")
    if not outcome.ticks:
        found.append("the live stream was cut")
    if outcome.memory_growth_bytes > MEMORY_ROOM_BYTES:
        found.append(f"memory grew by {outcome.memory_growth_bytes} bytes")
    if outcome.log_lines > LINES_ROOM:
        found.append(f"log lines: {outcome.log_lines}")
    return found


async def trickle(port: int, number: int, outcome: Outcome, patience_s: float) -> None:
    """One byte of a head, or of a body, now and then, until cut."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        outcome.sloths_cut += 1
        return
    deadline = asyncio.get_running_loop().time() + patience_s
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n"
    try:
        writer.write(head + (b"\r\n" if number % 2 else b"x-slow: "))
        while asyncio.get_running_loop().time() < deadline:
            writer.write(b"b")
            try:
                if await asyncio.wait_for(reader.read(1), 0.25) == b"":
                    raise ConnectionResetError
                raise ConnectionResetError  # an answer to an unfinished request is a refusal
            except TimeoutError:
                continue
        outcome.sloths_left += 1
    except OSError:
        outcome.sloths_cut += 1
    finally:
        writer.transport.abort()


async def ask(port: int, request: bytes = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n") -> bytes:
    """The first line of the answer to one request on a connection of its own."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 5)
    try:
        writer.write(request)
        return (await asyncio.wait_for(reader.readline(), 5)).strip()
    finally:
        writer.transport.abort()


async def be_honest(port: int, outcome: Outcome) -> None:
    for _ in range(HONEST):
        try:
            line = await ask(port)
            if line == b"HTTP/1.1 200 OK":
                outcome.honest_answered += 1
            else:
                outcome.honest_failed.append(line.decode() or "closed without an answer")
        except (OSError, TimeoutError) as error:
            outcome.honest_failed.append(type(error).__name__)
            if len(outcome.honest_failed) >= 3:
                return  # enough is known
        await asyncio.sleep(0.05)


async def attack(server: Server, patience_s: float = PATIENCE_S) -> Outcome:
    """A stream from before the attack, then sloths, then honest requests among them."""
    outcome = Outcome()
    before = server.facts()["rss"]
    stream, stream_writer = await asyncio.open_connection("127.0.0.1", server.port)
    stream_writer.write(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n")
    await stream.readuntil(b"\r\n\r\n")
    sloths = [
        asyncio.create_task(trickle(server.port, number, outcome, patience_s))
        for number in range(SLOTHS)
    ]
    await asyncio.sleep(0.5)
    await be_honest(server.port, outcome)
    await asyncio.gather(*sloths)
    outcome.ticks = await count_fresh_ticks(stream)
    stream_writer.transport.abort()
    outcome.memory_growth_bytes = server.facts()["rss"] - before
    outcome.log_lines = len(server.log_lines())
    return outcome


async def count_fresh_ticks(stream: asyncio.StreamReader) -> int:
    """Ticks that arrive now, on a stream opened long before; 0 when it was cut."""
    ticks = 0
    try:
        while ticks < 200:
            if await asyncio.wait_for(stream.readline(), 5) == b"":
                return 0
            ticks += 1
            if not stream._buffer:  # type: ignore[attr-defined]
                break
    except (TimeoutError, OSError):
        return 0
    return ticks


async def test_trickling_clients_are_cut_and_honest_ones_answered(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        outcome = await attack(server)
        facts = server.facts()
    assert complaints(outcome) == []
    assert outcome.sloths_cut == SLOTHS
    assert facts["counts"]["budget"] >= SLOTHS - BUDGET
    # Whether their time was up first, or their seat was needed, is the machine's matter.
    assert facts["counts"].keys() & {"head_timeout", "body_timeout"}


async def test_the_checker_finds_a_server_without_a_guard(tmp_path: Path) -> None:
    """The planted bug: the same server, descriptors and attack, with uvicorn's own protocol."""
    with running(tmp_path, guard="off") as server:
        found = complaints(await attack(server, patience_s=12.0))
    assert any("honest requests failed" in one for one in found), found
    assert any("trickling connections kept" in one for one in found), found


async def wait_for_count(server: Server, reason: str) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while reason not in server.facts()["counts"]:
        assert asyncio.get_running_loop().time() < deadline, reason
        await asyncio.sleep(0.05)


async def test_each_phase_has_its_limit(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        # A head that never ends, although it comes fast.
        _, endless = await asyncio.open_connection("127.0.0.1", server.port)
        endless.write(b"GET / HTTP/1.1\r\nx: ")
        while not endless.transport.is_closing():
            endless.write(b"y" * 2000)
            await asyncio.sleep(0.002)
        assert "head_too_large" in server.facts()["counts"]
        # A body that stops half-way is told so.
        slow = await ask_slowly(server.port, b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc")
        assert slow == b"HTTP/1.1 408 Request Timeout"
        # A head that stops half-way, too.
        assert await ask_slowly(server.port, b"GET / HT") == b"HTTP/1.1 408 Request Timeout"
        # A client that asks for much and reads nothing.
        _, deaf = await asyncio.open_connection("127.0.0.1", server.port)
        deaf.transport.pause_reading()
        deaf.write(b"GET /flood HTTP/1.1\r\n\r\n")
        await wait_for_count(server, "send_timeout")
        deaf.transport.abort()


async def ask_slowly(port: int, part: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(part)
    try:
        return (await asyncio.wait_for(reader.readline(), PATIENCE_S)).strip()
    finally:
        writer.transport.abort()


async def test_a_steady_body_and_a_long_answer_are_left_alone(tmp_path: Path) -> None:
    """A body slower than the deadline but above the least rate; a stream far past every limit."""
    with running(tmp_path) as server:
        stream, stream_writer = await asyncio.open_connection("127.0.0.1", server.port)
        stream_writer.write(b"GET /stream HTTP/1.1\r\n\r\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST / HTTP/1.1\r\ncontent-length: 20000\r\n\r\n")
        for _ in range(20):
            writer.write(b"z" * 1000)
            await asyncio.sleep(0.2)
        answer = await asyncio.wait_for(reader.readuntil(b"20000"), PATIENCE_S)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert await count_fresh_ticks(stream) > 0
        # The same connection serves the next request.
        writer.write(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        rest = b""
        while rest.count(b"HTTP/1.1 200 OK") < 2:
            rest += await asyncio.wait_for(reader.read(1000), PATIENCE_S)
        writer.transport.abort()
        stream_writer.transport.abort()
        facts = server.facts()
    assert not {"body_timeout", "send_timeout", "budget"} & set(facts["counts"])


async def upload(port: int, path: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A photo of which the last bytes are still to come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b'--x\r\ncontent-disposition: form-data; name="p"; filename="p.jpg"\r\n\r\n'
    length = b"%d" % (len(head) + PHOTO + len(END))
    kind = b"multipart/form-data; boundary=x"
    writer.write(b"POST %s HTTP/1.1\r\ncontent-length: %s\r\n" % (path, length))
    writer.write(b"content-type: " + kind + b"\r\n\r\n" + head + b"\xff\xd8\xff" + bytes(PHOTO - 3))
    await writer.drain()
    return reader, writer


async def test_many_may_send_photos_at_once_where_they_lie_on_disk(tmp_path: Path) -> None:
    """In a town's worst hour: what is in memory counts, and who tells nothing counts whole."""
    many = BODIES_MAX // BODY_COUNTED_MAX * 2
    with running(tmp_path, budget=many + 20) as server:
        sent = [await upload(server.port, b"/form") for _ in range(many)]
        for _, writer in sent:
            writer.write(END)
        for reader, writer in sent:
            answer = await asyncio.wait_for(reader.readuntil(b"%d" % PHOTO), PATIENCE_S)
            assert answer.startswith(b"HTTP/1.1 200 OK")
            writer.transport.abort()
        assert "bodies" not in server.facts()["counts"]
        sent = []
        for _ in range(many):
            with suppress(ConnectionError):  # cut already, while it was being sent: as it should be
                sent.append(await upload(server.port, b"/"))
        await wait_for_count(server, "bodies")
        assert b"200 OK" in await ask(server.port)
        for _, writer in sent:
            writer.transport.abort()


async def test_haste_excuses_no_stop(tmp_path: Path) -> None:
    """Much of a body at once and then a drop now and then: it may not wait for all that much."""
    with running(tmp_path) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST / HTTP/1.1\r\ncontent-length: 900000\r\n\r\n" + b"a" * 500_000)
        told = asyncio.create_task(reader.readline())
        async with asyncio.timeout(PATIENCE_S):
            while not told.done():
                writer.write(b"a")
                await asyncio.sleep(0.2)
        assert await told == b"HTTP/1.1 408 Request Timeout\r\n"
        writer.transport.abort()


async def test_who_reads_slowly_is_waited_for_and_who_does_not_read_is_not(tmp_path: Path) -> None:
    """Although all of the answer is made: what lies in the node's memory keeps us waiting."""
    with running(tmp_path) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        _, deaf = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(b"GET /large HTTP/1.1\r\n\r\n")
        deaf.write(b"GET /large HTTP/1.1\r\nconnection: close\r\n\r\n")
        size = 0
        while size < 16_000_000:
            piece = await asyncio.wait_for(reader.read(65_536), PATIENCE_S)
            assert piece, "cut, although it read"
            size += len(piece)
            await asyncio.sleep(0.02)
        await wait_for_count(server, "send_timeout")
        assert server.facts()["counts"] == {"send_timeout": 1}
        writer.transport.abort()
        deaf.transport.abort()


async def test_one_address_cannot_take_every_place(tmp_path: Path) -> None:
    with running(tmp_path, per_client=5) as server:
        streams = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(5)]
        for reader, writer in streams:
            writer.write(b"GET /stream HTTP/1.1\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
        assert await ask(server.port) in (b"HTTP/1.1 429 Too Many Requests", b"")
        proxy = await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.2", 0))
        proxy[1].write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await proxy[0].readline()).strip() == b"HTTP/1.1 200 OK", "a trusted proxy"
        streams[0][1].transport.abort()
        for _, writer in [*streams, proxy]:
            writer.transport.abort()
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while server.facts()["kept"]:
            assert asyncio.get_running_loop().time() < deadline, "places are given back"
            await asyncio.sleep(0.05)
        assert await ask(server.port) == b"HTTP/1.1 200 OK"


async def test_answers_in_progress_are_never_cut_for_a_newcomer(tmp_path: Path) -> None:
    with running(tmp_path, budget=8) as server:
        streams = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(8)]
        for reader, writer in streams:
            writer.write(b"GET /stream HTTP/1.1\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
        assert await ask(server.port) in (b"HTTP/1.1 503 Service Unavailable", b"")
        for reader, writer in streams:
            assert await count_fresh_ticks(reader) > 0
            writer.transport.abort()


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::1", "::1"),
        ("not an address", None),
        (None, None),
    ],
)
def test_what_counts_as_one_client(address: str | None, client: str | None) -> None:
    assert client_key(address) == client


def test_descriptors_are_asked_for() -> None:
    assert raise_descriptor_limit() >= 256
