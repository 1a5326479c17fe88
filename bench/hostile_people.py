"""Who is at the node in the bench of hostile input, each kind in a process of its own: the slow,
those who throw bombs, and honest residents and dispatchers. Everybody has addresses of their own.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
import time
from collections import Counter
from itertools import cycle
from typing import Any, cast

import uvloop

from bench.load import requests
from tests.end_to_end.bombs import FORM, JSON, OPEN311, PARTS, Bomb, bombs
from tests.end_to_end.slow_clients import WAYS, trickle

OPEN_TO_ALL = (OPEN311, "/open311/v2/requests.xml", "/report", "/api/login", "/api/receipts/")
"""Ways in for which nobody signs in: the worst that a stranger can do."""
DRIP_S = 1.0
PER_ADDRESS = 50
"""Slow connections from one address: fewer than the node allows, so that its cap is no help."""
DISPATCHERS = 8
DISPATCHER_EVERY_S = 0.5
RESIDENTS = 250
"""Addresses that reports come from; one may send thirty a minute."""
PATIENCE_S = 30.0
HUGE = 200 * 2**20
"""Bytes of a body that are sent unless somebody says no."""
POURED = [(OPEN311, FORM), (OPEN311, PARTS), ("/api/login", JSON)]
PIECE = bytes(65_536)
PART = b'--x\r\ncontent-disposition: form-data; name="media"; filename="a.jpg"\r\n\r\n'
JPEG = b"\xff\xd8\xff"
"""What begins so is read on: it may be a photo."""


def _local(net: int, number: int) -> str:
    return f"127.{net}.{number >> 8 & 255}.{(number & 255) or 254}"


# -- those who mean no good


async def slow(plan: dict[str, Any]) -> None:
    """All of them at once; each comes back when it is cut off."""
    held: set[tuple[str, int]] = set()
    tasks = [
        asyncio.create_task(
            trickle(port, WAYS[what], number, held, DRIP_S, _local(11 + at, number // PER_ADDRESS))
        )
        for at, (what, port, count) in enumerate(plan["crowd"])
        for number in range(count)
    ]
    async with asyncio.timeout(120):
        while len(held) < len(tasks):
            await asyncio.sleep(0.05)
    print("at work", flush=True)
    await asyncio.gather(*tasks)


async def throw(plan: dict[str, Any]) -> None:
    """Every bomb that a stranger can send, and bodies of 200 MB, time and again. One line each: its
    status (0 where nothing was said), whether it must be refused, and what it was."""
    port = plan["port"]
    thrown: list[Bomb] = [each for each in bombs() if each.path.startswith(OPEN_TO_ALL)]
    print("at work", flush=True)
    for number, bomb in enumerate(cycle(thrown)):
        status = await _thrown(port, bomb, _local(31, number))
        print(json.dumps([status, bomb.is_refused, bomb.what]), flush=True)
        if number % 20 == 0:
            for path, kind in POURED:
                for is_told in (False, True):
                    status = await _poured(port, path, kind, _local(32, number), is_told=is_told)
                    print(json.dumps([status, True, f"{path}: 200 MB of {kind}"]), flush=True)


async def _poured(port: int, path: str, kind: str, address: str, *, is_told: bool) -> int:
    """The status of a body that is sent until somebody says no, its length told or in chunks."""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\n"
    head += f"content-length: {HUGE}\r\n\r\n" if is_told else "transfer-encoding: chunked\r\n\r\n"
    first = (PART + JPEG if kind == PARTS else b"") + PIECE
    if not is_told:
        first = b"%x\r\n%b\r\n" % (len(first), first)
    piece = PIECE if is_told else b"%x\r\n%b\r\n" % (len(PIECE), PIECE)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    except OSError:
        return 0
    reading = asyncio.create_task(reader.readline())
    try:
        writer.write(head.encode() + first)
        for _ in range(HUGE // len(PIECE)):
            if reading.done():
                break
            writer.write(piece)
            await asyncio.wait_for(writer.drain(), 60)
        return int((await asyncio.wait_for(reading, 60))[9:12] or 0)
    except (OSError, TimeoutError, ValueError):
        said = await asyncio.gather(reading, return_exceptions=True)  # it may have come before
        return int(said[0][9:12] or 0) if isinstance(said[0], bytes) else 0
    finally:
        reading.cancel()
        writer.transport.abort()


async def _thrown(port: int, bomb: Bomb, address: str) -> int:
    head = f"POST {bomb.path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    headers = {"content-type": bomb.kind, "content-length": len(bomb.body), **bomb.headers}
    head += "".join(f"{name}: {each}\r\n" for name, each in headers.items())
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    except OSError:
        return 0
    try:
        writer.write(head.encode() + b"\r\n" + bomb.body)
        line = await asyncio.wait_for(reader.readline(), 60)
        return int(line[9:12] or 0)
    except (OSError, TimeoutError, ValueError):
        return 0
    finally:
        writer.transport.abort()


# -- those who mean well


class Honest:
    """Waits and refusals; a wait is counted from the instant at which it was meant to begin."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.waits: dict[str, list[float]] = {"resident": [], "dispatcher": []}
        self.refused: Counter[str] = Counter()

    async def ask(self, who: str, request: bytes, intended: float, line: Line) -> None:
        """One question, and what became of it."""
        try:
            status = await asyncio.wait_for(line.ask(self.port, request), PATIENCE_S)
        except (OSError, EOFError, TimeoutError) as error:
            self.refused[f"{who}: {type(error).__name__}"] += 1
        else:
            self.waits[who].append(time.perf_counter() - intended)
            if not 200 <= status < 300:
                self.refused[f"{who}: {status}"] += 1

    async def residents(self, plan: dict[str, Any]) -> None:
        """Reports at a fixed rate, whether or not answers came; each a newcomer."""
        count = plan["rate"] * plan["seconds"]
        made = requests(count, plan["seed"], plan["codes"], plan["box"])
        began = time.perf_counter()
        tasks: list[asyncio.Task[None]] = []
        for number, request in enumerate(made):
            intended = began + number / plan["rate"]
            await asyncio.sleep(max(0.0, intended - time.perf_counter()))
            line = Line(_local(21, number % RESIDENTS), is_kept=False)
            tasks.append(asyncio.create_task(self.ask("resident", request, intended, line)))
        await asyncio.gather(*tasks)

    async def dispatcher(self, plan: dict[str, Any], number: int) -> None:
        """Looks at the list, takes a call, looks again, on a connection that is kept."""
        line, chance = Line(_local(22, number), is_kept=True), random.Random(number)
        cookie = f"cookie: {plan['cookie']}\r\nx-csrf-token: {plan['csrf']}\r\n"
        west, south, east, north = plan["box"]
        began = time.perf_counter() + number * DISPATCHER_EVERY_S / DISPATCHERS
        for turn in range(int(plan["seconds"] / DISPATCHER_EVERY_S)):
            intended = began + turn * DISPATCHER_EVERY_S
            await asyncio.sleep(max(0.0, intended - time.perf_counter()))
            if turn % 3 == 1:
                place = {"lon": chance.uniform(west, east), "lat": chance.uniform(south, north)}
                text = f"Call {plan['seed']} {number} {turn}"
                told = {"source": "phone", "case_type": plan["codes"][0], "place": place}
                told |= {"language": "en", "text": text}
                body = json.dumps(told).encode()
                head = f"POST /api/reports HTTP/1.1\r\nhost: x\r\n{cookie}"
                head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
                request = head.encode() + body
            else:
                request = f"GET /api/board?limit=50 HTTP/1.1\r\nhost: x\r\n{cookie}\r\n".encode()
            await self.ask("dispatcher", request, intended, line)


class Line:
    """One connection from an address of its own, opened anew when it was closed between two
    questions; never amid one."""

    def __init__(self, address: str, *, is_kept: bool) -> None:
        self.address = address
        self.is_kept = is_kept
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, port: int, request: bytes) -> int:
        """The status, once all of the answer is read."""
        if self._streams is None or self._streams[0].at_eof():
            self._streams = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(self.address, 0)
            )
        reader, writer = self._streams
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            at = head.find(b"content-length:")
            await reader.readexactly(int(head[at + 15 :].split(b"\r\n", 1)[0]))
        except BaseException:
            self._end()
            raise
        if not self.is_kept:
            self._end()
        return int(head[9:12])

    def _end(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def honest(plan: dict[str, Any]) -> None:
    """Prints waits in milliseconds by kind, and refusals by what they were."""
    people = Honest(plan["port"])
    async with asyncio.TaskGroup() as group:
        group.create_task(people.residents(plan))
        for number in range(DISPATCHERS):
            group.create_task(people.dispatcher(plan, number))
    waits = {who: [1e3 * each for each in found] for who, found in people.waits.items()}
    print(json.dumps({"waits": waits, "refused": people.refused}), flush=True)


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    work = {"slow": slow, "bombs": throw, "honest": honest}[sys.argv[1]]
    uvloop.run(work(cast(dict[str, Any], json.loads(sys.argv[2]))))
