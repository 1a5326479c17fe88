"""Sends Open311 reports from a process of its own, with as little work as possible of its own.

`closed` keeps every connection busy (the most a node can take); `open` sends at a fixed rate
whether or not answers came back (what a town does), and counts waiting from the intended instant.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from typing import cast
from urllib.parse import quote_plus

import uvloop

WORDS = "Street light out, dark for three nights now, near the bus stop, please look at it"


class Line(asyncio.Protocol):
    """One keep-alive connection; one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.waiting: asyncio.Future[int] | None = None
        self.buffer = b""
        self.last = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        low = head.lower()
        at = low.find(b"content-length:")
        length = int(low[at + 15 :].split(b"\r\n", 1)[0])
        if len(body) >= length:
            self.buffer, self.last = body[length:], body[:length]
            waiting, self.waiting = self.waiting, None
            if waiting is not None and not waiting.done():
                waiting.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(0)

    def ask(self, request: bytes) -> asyncio.Future[int]:
        assert self.transport is not None
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.waiting


def requests(count: int, seed: int, codes: list[str], box: list[float]) -> list[bytes]:
    """Reports that differ in place, words and sender."""
    chance = random.Random(seed)
    west, south, east, north = box
    made: list[bytes] = []
    for number in range(count):
        code = codes[number % len(codes)]
        lon, lat = chance.uniform(west, east), chance.uniform(south, north)
        body = (
            f"service_code={code}&lat={lat:.6f}&long={lon:.6f}&email=a{seed}x{number}%40example.org"
            f"&description={quote_plus(f'{WORDS} {seed} {number}')}"
        ).encode()
        made.append(
            b"POST /open311/v2/requests.json HTTP/1.1\r\nHost: bench\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
    return made


async def run(plan: dict) -> dict:
    loop = asyncio.get_running_loop()
    lines = [
        (await loop.create_connection(Line, "127.0.0.1", plan["port"]))[1]
        for _ in range(plan["connections"])
    ]
    made = requests(plan["count"], plan["seed"], plan["codes"], plan["box"])
    waits: list[float] = []
    bad: dict[int, int] = {}

    def note(status: int, waited: float) -> None:
        waits.append(waited)
        if status not in (200, 201):
            bad[status] = bad.get(status, 0) + 1

    began = time.perf_counter()
    if plan["rate"] is None:
        todo = iter(made)

        async def busy(line: Line) -> None:
            for request in todo:
                sent = time.perf_counter()
                note(await line.ask(request), time.perf_counter() - sent)

        await asyncio.gather(*(busy(line) for line in lines))
    else:
        free: asyncio.Queue[Line] = asyncio.Queue()
        for line in lines:
            free.put_nowait(line)

        async def one(request: bytes, intended: float) -> None:
            line = await free.get()
            status = await line.ask(request)
            note(status, time.perf_counter() - intended)
            free.put_nowait(line)

        tasks: list[asyncio.Task[None]] = []
        for number, request in enumerate(made):
            intended = began + number / plan["rate"]
            ahead = intended - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            tasks.append(loop.create_task(one(request, intended)))
        await asyncio.gather(*tasks)
    return {"seconds": time.perf_counter() - began, "waits": waits, "bad": bad}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.loads(sys.argv[1])))))
