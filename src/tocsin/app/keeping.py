"""A verb on the node's database, and `tocsin verify`."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import TypeVar

import uvloop

from tocsin.app.asking import settings_of
from tocsin.app.node import Dsn, keys_of, start_database
from tocsin.app.settings import Settings
from tocsin.runtime.verify import Report
from tocsin.runtime.verify import verify as compare
from tocsin.stores.postgres.store import PostgresStore

Answer = TypeVar("Answer")


def with_database(settings: Settings, work: Callable[[Dsn], Awaitable[Answer]]) -> Answer:
    """Run `work` on the node's database; the embedded one is started for it and stopped after.

    A node that is running holds its embedded database: then this is refused in one line, and
    the work is done with TOCSIN_DATABASE_URL, or when the node is down.
    """
    embedded, dsn = start_database(settings)

    async def run() -> Answer:
        return await work(dsn)

    try:
        return uvloop.run(run())
    finally:
        if embedded is not None:
            embedded.stop()


def verify(asked: argparse.Namespace) -> int:
    """Exit 0 when the board is what the journal says, 1 with the differences."""
    settings = settings_of(asked)

    async def work(dsn: Dsn) -> Report:
        store = PostgresStore(dsn, keys_of(settings))
        await store.open()
        try:
            return await compare(store)
        finally:
            await store.close()

    report = with_database(settings, work)
    for difference in report.shown:
        print(f"{difference.case_id}: {difference.what}")
    print(
        f"{report.cases} cases, {report.units} units, {report.entries} journal entries, "
        f"{report.events} events: {report.differences} differences"
    )
    return 0 if report.is_clean else 1
