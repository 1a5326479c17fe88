"""`tocsin serve` with a bug that was put in on purpose, named in PLANTED. For the checkers only.

- `early_answer`: the writer answers before its transaction is committed.
- `lazy_disk`: COMMIT does not wait for the disk.
- `no_fsync`: the embedded server does not wait for the disk at all.
- `forgotten_key`: idempotency keys are not written.
- `stalled_errands`: what is owed is taken and never done. People are told of it after 6 seconds
  instead of two minutes, so that a test need not wait.
- `chatty_log`: the description of each report is logged.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Any

import structlog

from tocsin.app import synthetic
from tocsin.app.cli import main
from tocsin.runtime import reception, runner
from tocsin.stores.postgres import batch, embedded, writer

DELAY_S = 0.1


def early_answer() -> None:
    def transact(self: Any, orders: Sequence[Any], trust_opens: bool = True) -> Any:
        return _answer_early(self, orders, trust_opens)

    writer.Writer._transact = transact  # pyright: ignore


async def _answer_early(self: Any, orders: Sequence[Any], trust_opens: bool) -> list[Any]:
    late = getattr(self, "_late", None)
    if late is not None:
        await late
    connection = self._connection
    await connection.execute(writer._BEGIN)  # pyright: ignore
    known = await self._look_up(connection, orders, trust_opens)
    rows = batch.Batch()
    outcomes = [self._plan(order, known, rows) for order in orders]

    async def finish() -> None:
        await asyncio.sleep(DELAY_S)
        if rows.is_empty:
            await connection.execute("ROLLBACK")
        else:
            await connection.fetchval(writer.WRITE, *rows.arguments())
            await connection.execute("COMMIT")

    self._late = asyncio.create_task(finish())
    return outcomes


def lazy_disk() -> None:
    connect = writer.connect

    async def connect_lazily(dsn: Any, **settings: str) -> Any:
        return await connect(dsn, synchronous_commit="off", **settings)

    writer.connect = connect_lazily  # pyright: ignore


def no_fsync() -> None:
    embedded.DEFAULT_SETTINGS = {**embedded.DEFAULT_SETTINGS, "fsync": "off"}  # pyright: ignore


def forgotten_key() -> None:
    arguments = batch.Batch.arguments

    def forget(self: batch.Batch) -> Any:
        self.keys.clear()
        return arguments(self)

    batch.Batch.arguments = forget


def chatty_log() -> None:
    receive = reception.Reception.receive

    async def tell(self: Any, incoming: Any, by: Any) -> Any:
        structlog.get_logger("tocsin").warning("report_taken", first_line=incoming.text)
        return await receive(self, incoming, by)

    reception.Reception.receive = tell


def stalled_errands() -> None:
    async def sleep(self: Any, due: Any, now: Any) -> None:
        await asyncio.sleep(0)

    runner.Runner._run = sleep  # pyright: ignore
    synthetic.MISSING_AFTER_S = 6.0  # pyright: ignore
    synthetic.STEP_S = 2.0  # pyright: ignore


PLANTS = {
    "stalled_errands": stalled_errands,
    "early_answer": early_answer,
    "lazy_disk": lazy_disk,
    "no_fsync": no_fsync,
    "forgotten_key": forgotten_key,
    "chatty_log": chatty_log,
}

if __name__ == "__main__":
    PLANTS[os.environ["PLANTED"]]()
    raise SystemExit(main(sys.argv[1:]))
