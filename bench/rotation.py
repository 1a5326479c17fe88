"""A new master key: how long the data keys of a town take, at a hundred thousand and at a million,
and how long a page of them keeps its rows from everybody else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.filled import on_fresh_database
from bench.harness import Figure, percentile
from tocsin.kernel.shared import CaseId
from tocsin.stores.postgres.connections import connect
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.migrate import migrate
from tocsin.stores.postgres.rotation import PAGE, rotate
from tocsin.stores.postgres.store import register_keys
from tocsin.stores.vault import Chance, Sealer, load_master_keys
from tocsin.stores.vault.sealing import KEY_BYTES, NONCE_BYTES

SIZES = tuple(int(each) for each in os.environ.get("ROTATION_KEYS", "100000,1000000").split(","))
SUBJECTS = 4
"""Subjects of a case: its reporter, two who asked, its photos."""


def bench() -> list[Figure]:
    return [figure for size in SIZES for figure in _at(size)]


def _at(size: int) -> list[Figure]:
    async def work(embedded: EmbeddedPostgres, folder: Path) -> list[Figure]:
        return await _rotated(embedded.dsn(), folder / "vault.key", size)

    return on_fresh_database(work)


async def _rotated(dsn: str, path: Path, size: int) -> list[Figure]:
    await migrate(dsn)
    keys = load_master_keys(path)
    connection = await connect(dsn, statement_timeout="0")
    try:
        await register_keys(connection, keys)
        driver: Any = connection
        rows = _rows(Sealer(keys), size)
        await driver.copy_records_to_table("keys", schema_name="vault", records=rows)
        pages, last = list[float](), perf_counter()

        def page(_: int) -> None:
            nonlocal last
            now = perf_counter()
            pages.append(now - last)
            last = now

        begun = last
        done = await rotate(connection, path, tell=page)
        took = perf_counter() - begun
        assert done.wrapped == size, done
    finally:
        await connection.close()
    name, tenth = f"rotation of {size:,} keys", max(len(pages) // 10, 1)
    return [
        Figure(f"{name}, all", took, "s", note=f"load {os.getloadavg()[0]:.1f}"),
        Figure(f"{name}, a page of {PAGE}, p99", percentile(pages, 99) * 1e3, "ms"),
        Figure(f"{name}, last tenth against the first",
               sum(pages[-tenth:]) / sum(pages[1 : tenth + 1]), "x", 1.5, "less"),
    ]  # fmt: skip


def _rows(sealer: Sealer, size: int) -> Iterator[tuple[str, str, int, bytes]]:
    """Wrapped keys in the order in which cases come; each opens only under its own name."""
    chance = Chance()
    for number in range(size):
        scope = CaseId(f"{number // SUBJECTS:026d}"), f"s{number % SUBJECTS}"
        row = sealer.wrap(scope, chance.take(KEY_BYTES), chance.take(NONCE_BYTES))
        yield row.case_id, row.subject, row.master, row.wrapped_key
