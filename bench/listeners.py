"""Listeners of the live stream and a sender of reports, in one process of its own."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import Any, cast

import uvloop

from bench.load import Line, requests

CASE = re.compile(rb'"case":"([^"]+)"')


class Ear(asyncio.Protocol):
    """Counts the cases it hears of and when it heard each first."""

    def __init__(self, cookie: str, heard: dict[bytes, list[float]], full: bool) -> None:
        lines = (
            "GET /api/live HTTP/1.1",
            "Host: bench",
            "Accept: text/event-stream",
            f"Cookie: {cookie}",
        )
        self.request = "\r\n".join((*lines, "", "")).encode()
        self.heard = heard
        self.full = full
        self.count = 0
        self.opened = asyncio.get_running_loop().create_future()
        self.tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self.request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if not self.opened.done() and b"event: hello" in data:
            self.opened.set_result(None)
        # A name split over two packets is completed from the rest of the first.
        text = self.tail + data
        cut = text.rfind(b"\n") + 1
        self.tail = text[cut:]
        if self.full:
            for case in CASE.findall(text[:cut]):
                self.count += 1
                self.heard.setdefault(case, []).append(now)
        else:
            self.count += text[:cut].count(b"event: case\n")


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    heard: dict[bytes, list[float]] = {}
    ears: list[Ear] = []
    for number in range(plan["listeners"]):
        # One in twenty reads what it hears; the others count, or the reader would be the bench.
        full = number % 20 == 0
        _, ear = await loop.create_connection(
            lambda full=full: Ear(plan["cookie"], heard, full), "127.0.0.1", plan["port"]
        )
        ears.append(ear)
    await asyncio.gather(*(ear.opened for ear in ears))
    lines = [(await loop.create_connection(Line, "127.0.0.1", plan["port"]))[1] for _ in range(32)]
    count = plan["rate"] * plan["seconds"]
    made = requests(count, 99, plan["codes"], plan["box"])
    free: asyncio.Queue[Line] = asyncio.Queue()
    for line in lines:
        free.put_nowait(line)
    sent: dict[bytes, float] = {}
    taken = 0

    async def one(request: bytes) -> None:
        nonlocal taken
        line = await free.get()
        at = time.perf_counter()
        status = await line.ask(request)
        taken += status in (200, 201)
        # Confidential kinds answer with a tracking code only: counted, but not timed.
        found = re.search(rb'"service_request_id":\s*"([^"]+)"', line.last)
        if found:
            sent[found[1]] = at
        free.put_nowait(line)

    began = time.perf_counter()
    tasks: list[asyncio.Task[None]] = []
    for number, request in enumerate(made):
        ahead = began + number / plan["rate"] - time.perf_counter()
        if ahead > 0:
            await asyncio.sleep(ahead)
        tasks.append(loop.create_task(one(request)))
    await asyncio.gather(*tasks)
    seconds = time.perf_counter() - began
    for _ in range(100):
        if all(ear.count >= taken for ear in ears):
            break
        await asyncio.sleep(0.1)
    waits = [at - sent[case] for case, ats in heard.items() if case in sent for at in ats]
    return {
        "sent": taken,
        "delivered": sum(ear.count for ear in ears),
        "waits": waits,
        "seconds": seconds,
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.loads(sys.argv[1])))))
