"""Reading the journal back: decode and fold, every event checked against the board's rows."""

from __future__ import annotations

import time
from pathlib import Path

from bench.filled import filled, on_fresh_database
from bench.harness import Figure, median
from tocsin.kernel.cases.evolve import fold
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId
from tocsin.stores.postgres.embedded import EmbeddedPostgres

CASES = 20_000
RUNS = 3


def bench() -> list[Figure]:
    return on_fresh_database(_bench)


async def _bench(embedded: EmbeddedPostgres, folder: Path) -> list[Figure]:
    async with filled(embedded, folder) as full:
        await full.send_many(0, CASES, 1)
        rates: list[float] = []
        for _ in range(RUNS):
            cases: dict[CaseId, Case] = {}
            count = 0
            began = time.perf_counter()
            async for entry in full.store.entries():
                before = cases.get(entry.case_id) or Case(entry.case_id)
                cases[entry.case_id] = fold(before, entry.events)
                count += len(entry.events)
            rates.append(count / (time.perf_counter() - began))
        assert len(cases) == CASES
    return [Figure("journal rebuild", median(rates), "events/s", 40_000)]
