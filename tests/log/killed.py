"""A process that feeds the log and ends itself with SIGKILL at the n-th time of a step."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.contracts.self_killing import killed_at
from tests.contracts.town import Town
from tocsin.stores.log.notes import load_log_keys
from tocsin.stores.postgres import sequencer
from tocsin.stores.postgres.connections import Readers

STEPS = ("leaves", "levels", "hashes", "signed", "kept")


async def main(dsn: str, folder: Path, step: str, times: int) -> None:
    keys = load_log_keys(folder / "log.key")
    between = killed_at(step, times)
    log = sequencer.Sequencer(dsn, Readers(dsn), folder / "log", keys, Town(), between)
    sequencer.BATCH = 100  # many steps of few rows
    for _ in range(100):
        if await log.step(sign=True) == 0 and step != "none":
            break
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
