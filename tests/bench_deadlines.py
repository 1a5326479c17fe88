"""Deadlines per second on one core, over a mix of calendars, kinds and lengths."""

from __future__ import annotations

import time

from tests.kernel.deadline_oracle import mix

from tocsin.kernel.deadlines import due

GOAL_PER_S = 20_000


def bench_due(n: int = 100_000, seed: int = 1) -> float:
    """Computations of `due` a second, the building of the calendars' tables included.

    Only the first run of a process builds tables; give a node's first minute its due, too.
    """
    promises = mix(seed, n)
    began = time.perf_counter()
    for calendar, start, promise in promises:
        due(calendar, start, promise)
    return n / (time.perf_counter() - began)


if __name__ == "__main__":
    for label in ("cold", "warm"):
        print(f"{label}: {bench_due():,.0f} due/s (goal {GOAL_PER_S:,})")
