"""What the second wall costs a reader: the same lists, counts and cases with and without it.

The same store, the same questions, in turn through the node's door and through that of persons, as
whoever sees the whole county, one town, or one agency's posts.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

from bench.filled import Filled, filled, multiply, on_fresh_database
from bench.harness import Figure, median
from tocsin.kernel.shared import AreaId
from tocsin.runtime.onlooking import Onlooker, looking_as
from tocsin.runtime.ports import CaseQuery
from tocsin.stores.postgres.embedded import EmbeddedPostgres

FIRST = 3_000
TOTAL = int(os.environ.get("WALLS_CASES", "100000"))
ROUNDS = 150
Ask = Callable[[], Awaitable[object]]


def bench() -> list[Figure]:
    return on_fresh_database(_bench)


async def _bench(embedded: EmbeddedPostgres, folder: Path) -> list[Figure]:
    async with filled(embedded, folder) as full:
        await full.send_many(0, FIRST, 1)
        await multiply(full.dsn, TOTAL)
        found: list[Figure] = []
        town = full.reception.atlas.tier("town")[0].id
        everywhere = frozenset(each.id for each in full.reception.atlas.tier("county"))
        whole, part = Onlooker(areas=everywhere), Onlooker(areas=frozenset({town}))
        ids = [row.case.id for row in (await full.store.cases(CaseQuery(limit=50))).rows]
        for name, who, ask in _questions(full, whole, part, town, ids):
            found += await _compare(name, who, ask)
        found += await _changing(full, whole, part)
    return found


def _questions(
    full: Filled, whole: Onlooker, part: Onlooker, town: AreaId, ids: list[str]
) -> list[tuple[str, Onlooker, Ask]]:
    store, chance = full.store, random.Random(3)
    first = CaseQuery(open_only=True, limit=50)
    own = CaseQuery(open_only=True, limit=50, area=town, tier="town")
    return [
        ("board of a county", whole, lambda: store.cases(first)),
        ("board of a town", part, lambda: store.cases(own)),
        ("count of a town", part, lambda: store.count(own)),
        ("a case", whole, lambda: store.case(chance.choice(ids))),  # pyright: ignore[reportArgumentType]
        ("a journal", whole, lambda: store.journal(chance.choice(ids))),  # pyright: ignore[reportArgumentType]
    ]


async def _compare(name: str, who: Onlooker, ask: Ask) -> list[Figure]:
    plain: list[float] = []
    walled: list[float] = []
    for number in range(2 * ROUNDS):
        is_walled = number % 2 == 1
        with looking_as(who) if is_walled else nullcontext():
            began = time.perf_counter()
            await ask()
            (walled if is_walled else plain).append(time.perf_counter() - began)
    return [
        Figure(f"{name}, one wall", median(plain) * 1e3, "ms"),
        Figure(f"{name}, two walls", median(walled) * 1e3, "ms"),
        Figure(f"{name}, two walls : one", median(walled) / median(plain), "ratio"),
    ]


async def _changing(full: Filled, whole: Onlooker, part: Onlooker) -> list[Figure]:
    """Another onlooker each time on one connection: each is told first."""
    waits: list[float] = []
    for number in range(ROUNDS):
        with looking_as(whole if number % 2 else part):
            began = time.perf_counter()
            await full.store.readers.fetchval("SELECT 1")
            waits.append(time.perf_counter() - began)
    same: list[float] = []
    for _ in range(ROUNDS):
        with looking_as(whole):
            began = time.perf_counter()
            await full.store.readers.fetchval("SELECT 1")
            same.append(time.perf_counter() - began)
    return [Figure("telling a session who looks", (median(waits) - median(same)) * 1e6, "us")]
