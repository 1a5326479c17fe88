"""Durable reports a second over HTTP with all rules on, and how long a report waits."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any
from urllib.request import urlopen

from bench.harness import Figure, median, percentile
from bench.node import Running, node

RUNS = 5
COUNT = 6_000
CONNECTIONS = 64
GOAL_PER_S = 1_500
BOX = [24.9355, 60.1645, 24.9530, 60.1785]
"""Inside the demo's map; everywhere when there is no map."""


def load(running: Running, seed: int, count: int, rate: float | None) -> dict[str, Any]:
    """One run of the load in a process of its own. Every answer must be a receipt."""
    plan = {
        "port": running.port,
        "connections": CONNECTIONS,
        "count": count,
        "seed": seed,
        "rate": rate,
        "codes": codes(running),
        "box": BOX,
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", json.dumps(plan)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert not result["bad"], f"answers that are no receipts: {result['bad']}"
    return result


def codes(running: Running) -> list[str]:
    """Services of the pack that a description is enough for."""
    with urlopen(f"{running.address}/open311/v2/services.json") as answer:
        services = [str(row["service_code"]) for row in json.load(answer)]
    return [code for code in services if not _asks(running, code)]


def _asks(running: Running, code: str) -> bool:
    with urlopen(f"{running.address}/open311/v2/services/{code}.json") as answer:
        return any(row["required"] for row in json.load(answer)["attributes"])


def bench() -> list[Figure]:
    rates: list[float] = []
    waits: list[float] = []
    with node() as running:
        load(running, 0, COUNT // 2, None)  # warm: tables of calendars, caches of the database
        cpu = running.cpu_s()
        for seed in range(1, RUNS + 1):
            result = load(running, seed, COUNT, None)
            rates.append(COUNT / result["seconds"])
        spent = (running.cpu_s() - cpu) / (RUNS * COUNT)
        for seed in range(RUNS + 1, 2 * RUNS + 1):
            waits += load(running, seed, COUNT, GOAL_PER_S / 2)["waits"]
    return [
        Figure("intake, median", median(rates), "reports/s", GOAL_PER_S, note="64 connections"),
        Figure("intake, slowest run", min(rates), "reports/s", GOAL_PER_S),
        Figure("intake, node's CPU a report", spent * 1e6, "us"),
        Figure("intake wait at 750/s, median", median(waits) * 1e3, "ms"),
        Figure("intake wait at 750/s, p99", percentile(waits, 99) * 1e3, "ms", 60, "less"),
    ]
