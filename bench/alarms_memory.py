"""Whether memory stays flat in a flood of alarms: ten minutes of them, or `TOCSIN_FLOOD_S`."""

from __future__ import annotations

import asyncio
import gc
import os
import time

import psutil

from bench.desks import DEVICES, SOURCE, Bench, register, tell, with_desk
from bench.harness import Figure
from tocsin.runtime.alarm_ports import IncomingAlarm

FLOOD_S = float(os.environ.get("TOCSIN_FLOOD_S", "600"))
LOOKS = 10
SENDERS = 64
SIGNALS = ("raised", "cleared", "heard")


def bench() -> list[Figure]:
    """Megabytes of the node and of its database, a line for each tenth."""
    return with_desk(_bench)


async def _bench(given: Bench) -> list[Figure]:
    await register(given.desk)
    seen, sent, cpu = await _flood(given)
    # The first tenth fills what is kept of every device; after it nothing may grow.
    node, postgres = ([each[place] for each in seen] for place in (0, 1))
    told = f"{sent} messages in {FLOOD_S:.0f} s, {cpu:.0f} us of CPU each in the node"
    return [
        Figure("growth of the node over a flood of alarms", node[-1] - node[0], "MiB", 10, "less",
               f"{told}, {node[0]:.0f} MiB after the first tenth"),
        Figure("growth of PostgreSQL meanwhile", postgres[-1] - postgres[0], "MiB", 50, "less",
               f"{postgres[0]:.0f} MiB of its own after the first tenth"),
    ]  # fmt: skip


async def _flood(given: Bench) -> tuple[list[tuple[float, float]], int, float]:
    """Megabytes of node and database at each tenth, how many messages were sent (raised, cleared,
    alive), and microseconds of CPU for each."""
    process = psutil.Process()
    ends = time.monotonic() + FLOOD_S
    seen: list[tuple[float, float]] = []
    sent = 0

    async def sender(first: int) -> None:
        nonlocal sent
        number = first
        while time.monotonic() < ends:
            signal = SIGNALS[number // DEVICES % len(SIGNALS)]
            kind = "" if signal == "heard" else "130"
            device = f"d{number % DEVICES}"
            incoming = IncomingAlarm(SOURCE, device, kind, signal, key=str(number))
            await tell(given.desk, incoming)
            number, sent = number + SENDERS, sent + 1

    async def look() -> None:
        for tenth in range(1, LOOKS + 1):
            await asyncio.sleep(FLOOD_S / LOOKS)
            gc.collect()
            node, postgres = process.memory_info().rss / 2**20, given.postgres()
            seen.append((node, postgres))
            at_s, load = FLOOD_S * tenth / LOOKS, os.getloadavg()[0]
            print(
                f"{at_s:5.0f} s  node {node:6.1f} MiB  PostgreSQL {postgres:6.1f} MiB  "
                f"{sent} messages  load {load:.1f}",
                flush=True,
            )

    began = time.process_time()
    await asyncio.gather(look(), *(sender(each) for each in range(SENDERS)))
    return seen, sent, (time.process_time() - began) / max(1, sent) * 1e6
