"""The price of trust: intake and board with walls, log, permits and headers, beside a node without.

`TRUST_BEFORE` names a checkout of an earlier commit with its own `.venv` (`git worktree add`, then
`make setup` there): its node and ours are asked the same, in turn, in one run. Without it only
today's figures are shown.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from pathlib import Path
from urllib.request import Request, urlopen

from bench.harness import Figure, median, percentile
from bench.intake import COUNT, load
from bench.node import node
from bench.people import supervisor_cookie

ROUNDS = 3
RUNS = 2
ASKS = 100
BOARDS = {"a board of 500": "/api/board?limit=500", "a list of 50": "/api/cases?limit=50"}
DEAREST = 1.25
"""How much slower than before it may be."""
Told = dict[str, list[float]]


def bench() -> list[Figure]:
    before = os.environ.get("TRUST_BEFORE", "")
    nodes = {"now": None, **({"before": before} if before else {})}
    told: dict[str, Told] = {name: defaultdict(list) for name in nodes}
    for number in range(ROUNDS):
        # Whoever goes first finds the machine colder: they take turns in that, too.
        for name in sorted(nodes, reverse=number % 2 == 1):
            _round(told[name], nodes[name], number)
    found = [each for name in nodes for each in _figures(name, told[name])]
    return found + (_ratios(told["now"], told["before"]) if before else [])


def _round(told: Told, checkout: str | None, number: int) -> None:
    more = {} if checkout is None else {"python": str(Path(checkout) / ".venv/bin/python")}
    with node(**more) as running:
        cookie = supervisor_cookie(running)
        load(running, 1_000 + number, COUNT // 2, None)
        for seed in range(RUNS):
            cpu = running.cpu_s()
            result = load(running, number * RUNS + seed, COUNT, None)
            told["rate"].append(COUNT / result["seconds"])
            told["cpu"].append((running.cpu_s() - cpu) / COUNT * 1e6)
        for name, path in BOARDS.items():
            request = Request(f"{running.address}{path}", headers={"Cookie": cookie})
            for _ in range(ASKS):
                began = time.perf_counter()
                with urlopen(request) as answer:
                    answer.read()
                told[name].append((time.perf_counter() - began) * 1e3)


def _figures(name: str, told: Told) -> list[Figure]:
    load_now = f"load {os.getloadavg()[0]:.1f}"
    found = [
        Figure(f"{name}: intake, median", median(told["rate"]), "reports/s", note=load_now),
        Figure(f"{name}: intake, node's CPU a report", median(told["cpu"]), "us"),
    ]
    for board in BOARDS:
        found.append(Figure(f"{name}: {board}, median", median(told[board]), "ms"))
        found.append(Figure(f"{name}: {board}, p99", percentile(told[board], 99), "ms"))
    return found


def _ratios(now: Told, before: Told) -> list[Figure]:
    pairs = [("intake, time a report", median(before["rate"]) / median(now["rate"]))]
    pairs += [(board, median(now[board]) / median(before[board])) for board in BOARDS]
    return [Figure(f"now : before, {what}", ratio, "x", DEAREST, "less") for what, ratio in pairs]
