"""Deadlines a second on one core, over a mix of calendars, kinds and lengths."""

from __future__ import annotations

import time

from bench.harness import Figure, median
from tests.kernel.deadline_oracle import mix
from tocsin.kernel.deadlines import due

COUNT = 100_000
RUNS = 5


def bench() -> list[Figure]:
    rates: list[float] = []
    for seed in range(1, RUNS + 1):
        promises = mix(seed, COUNT)
        began = time.perf_counter()
        for calendar, start, promise in promises:
            due(calendar, start, promise)
        rates.append(COUNT / (time.perf_counter() - began))
    return [
        Figure("deadlines", median(rates), "/s", 20_000),
        # The first run of a process builds the calendars' tables.
        Figure("deadlines, slowest run", min(rates), "/s", 20_000),
    ]
