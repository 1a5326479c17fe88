"""Lists and intake with a million cases on the board, beside the same with ten thousand."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.filled import Filled, filled, multiply, on_fresh_database
from bench.harness import Figure, median, percentile
from tocsin.runtime.ports import CaseQuery
from tocsin.stores.postgres.embedded import EmbeddedPostgres

FIRST = 10_000
MILLION = 1_000_000
QUERIES = 400
SENT = 6_000
RUNS = 3


def bench() -> list[Figure]:
    return on_fresh_database(_bench)


async def _bench(embedded: EmbeddedPostgres, folder: Path) -> list[Figure]:
    async with filled(embedded, folder) as full:
        await full.send_many(0, FIRST, 1)
        small = [await _cost(full, FIRST + run * SENT) for run in range(RUNS)]
        await multiply(full.dsn, MILLION)
        large = [await _cost(full, MILLION + run * SENT) for run in range(RUNS)]
        waits = await _lists(full)
    ratio = median(large) / median(small)
    return [
        Figure("list of open cases at 1 M, median", median(waits) * 1e3, "ms"),
        Figure("list of open cases at 1 M, p95", percentile(waits, 95) * 1e3, "ms", 50, "less"),
        Figure("list of open cases at 1 M, p99", percentile(waits, 99) * 1e3, "ms"),
        Figure("a report at 10 k cases", median(small) * 1e6, "us"),
        Figure("a report at 1 M cases", median(large) * 1e6, "us"),
        Figure("a report, 1 M : 10 k", ratio, "ratio", 1.2, "less"),
    ]


async def _cost(full: Filled, first: int) -> float:
    """Seconds of wall time a report, 64 lines at once, the store alone."""
    began = time.perf_counter()
    await full.send_many(first, SENT, first)
    return (time.perf_counter() - began) / SENT


async def _lists(full: Filled) -> list[float]:
    chance = random.Random(7)
    areas = [(tier, area.id) for tier in ("town", "village", "cell") for area in
             full.reception.atlas.tier(tier)]  # fmt: skip
    statuses = (("received",), ("received", "accepted"), ("dispatched", "in_work"), ())
    waits: list[float] = []
    for _ in range(QUERIES):
        tier, area = chance.choice([*areas, (None, None), (None, None)])
        due = datetime.now(UTC) + timedelta(days=chance.uniform(0, 40))
        query = CaseQuery(
            tier=tier,
            area=area,
            statuses=chance.choice(statuses),
            open_only=True,
            due_before=chance.choice((None, due)),
        )
        began = time.perf_counter()
        page = await full.store.cases(query)
        waits.append(time.perf_counter() - began)
        if page.next is not None and chance.random() < 0.5:
            began = time.perf_counter()
            await full.store.cases(CaseQuery(**{**_fields(query), "after": page.next}))
            waits.append(time.perf_counter() - began)
    return waits


def _fields(query: CaseQuery) -> dict[str, object]:
    return {name: getattr(query, name) for name in CaseQuery.__dataclass_fields__}
