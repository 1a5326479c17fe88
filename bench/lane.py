"""An emergency in a flood: 5,000 routine reports in ten seconds, and how long until an emergency
that is sent meanwhile is on the live stream.

The sender and the listener share the machine with the node, as nobody would do in earnest.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import uvloop

from bench.harness import Figure, median, percentile
from bench.intake import BOX, codes
from bench.listeners import Ear
from bench.load import Line, requests
from bench.node import node
from bench.people import supervisor_cookie

REPORTS = 5_000
SECONDS = 10
LIVES = 100
LIFE = "medical-emergency"
LINES = 64
PATIENCE_S = 60.0


def bench() -> list[Figure]:
    with node() as running:
        routine = [code for code in codes(running) if code != LIFE]
        plan = {
            "port": running.port,
            "codes": routine,
            "box": BOX,
            "cookie": supervisor_cookie(running),
        }
        done = subprocess.run(
            [sys.executable, "-m", "bench.lane", json.dumps(plan)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    result = json.loads(done.stdout)
    lives, answers = result["lives"], result["answers"]
    told = ", ".join(f"{count:,} times {status}" for status, count in sorted(answers.items()))
    note = f"{REPORTS:,} routine in {result['seconds']:.1f} s: {told}"
    return [
        Figure("lane: emergency sent to seen, median", median(lives) * 1e3, "ms", note=note),
        Figure("lane: emergency sent to seen, p99", percentile(lives, 99) * 1e3, "ms", 1_000,
               "less", f"{len(lives)} of {LIVES} seen"),
        Figure("lane: emergency sent to seen, longest", max(lives) * 1e3, "ms", 1_000, "less"),
        Figure("lane: routine sent to answered, p99", percentile(result["waits"], 99) * 1e3, "ms"),
    ]  # fmt: skip


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    heard: dict[bytes, list[float]] = {}
    _, ear = await loop.create_connection(
        lambda: Ear(plan["cookie"], heard, True), "127.0.0.1", plan["port"]
    )
    await ear.opened
    lines: asyncio.Queue[Line] = asyncio.Queue()
    for _ in range(LINES):
        lines.put_nowait((await loop.create_connection(Line, "127.0.0.1", plan["port"]))[1])
    waits: list[float] = []
    answers: Counter[int] = Counter()

    async def one(request: bytes, intended: float) -> None:
        line = await lines.get()
        answers[await line.ask(request)] += 1
        waits.append(time.perf_counter() - intended)
        lines.put_nowait(line)

    sent: dict[bytes, float] = {}

    async def life(request: bytes) -> None:
        """On a line of its own, as another sender has one."""
        line = (await loop.create_connection(Line, "127.0.0.1", plan["port"]))[1]
        at = time.perf_counter()
        await line.ask(request)
        if found := re.search(rb'"service_request_id":\s*"([^"]+)"', line.last):
            sent[found[1]] = at

    began = time.perf_counter()
    flood = requests(REPORTS, 7, plan["codes"], plan["box"])
    lives = requests(LIVES, 8, [LIFE], plan["box"])
    tasks: list[asyncio.Task[None]] = []
    for number, request in enumerate(flood):
        intended = began + number * SECONDS / REPORTS
        if (ahead := intended - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        tasks.append(loop.create_task(one(request, intended)))
        if number % (REPORTS // LIVES) == 0:
            tasks.append(loop.create_task(life(lives[number * LIVES // REPORTS])))
    await asyncio.gather(*tasks)
    seconds = time.perf_counter() - began
    until = time.perf_counter() + PATIENCE_S
    while any(case not in heard for case in sent) and time.perf_counter() < until:
        await asyncio.sleep(0.05)
    seen = [heard[case][0] - at for case, at in sent.items() if case in heard]
    return {"lives": seen, "waits": waits, "answers": answers, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.loads(sys.argv[1])))))
