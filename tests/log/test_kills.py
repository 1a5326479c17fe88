"""kill -9 between any two steps loses nothing, doubles nothing, and forks nothing."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import asyncpg

from tests.log.conftest import Sealed, verify
from tests.log.killed import STEPS

ROOT = Path(__file__).resolve().parents[2]
GRANTS = (
    "INSERT INTO vault.grants (at, actor, kind, purpose, refs) "
    "SELECT now(), 'x', 'staff', 'y', '{}' FROM generate_series(1, $1)"
)


async def killed(sealed: Sealed, step: str, times: int) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.log.killed", sealed.dsn, str(sealed.folder), step, str(times),
        cwd=ROOT,
    )  # fmt: skip
    return await process.wait()


async def test_killed_at_every_step(sealed: Sealed) -> None:
    chance = random.Random(21)
    state = sealed.folder / "state.json"
    connection = await asyncpg.connect(sealed.dsn)
    ends: list[int] = []
    try:
        for step in STEPS * 2:
            await connection.execute(GRANTS, chance.randint(120, 400))
            ends.append(await killed(sealed, step, chance.randint(1, 2)))
            # What an auditor sees of the crashed node: nothing that was signed is missing.
            note = sealed.folder / "log" / "checkpoint"
            known = ["--checkpoint", note] if note.exists() else []
            sealed.log = sealed.again()
            bundle = await sealed.bundle()
            assert verify(bundle, "--key", sealed.keys.public[0], "--state", state, *known) == 0
        total = await connection.fetchval("SELECT count(*) FROM vault.grants")
        assert await sealed.log.catch_up() == total
        numbers = await connection.fetch("SELECT idx, id FROM log.leaves ORDER BY idx")
        assert [row[0] for row in numbers] == list(range(total))
        assert sorted(row[1] for row in numbers) == list(range(1, total + 1))
    finally:
        await connection.close()
    assert ends == [-9] * len(ends), "each one was really killed"
    assert verify(await sealed.bundle(), "--state", state, "--complete") == 0
