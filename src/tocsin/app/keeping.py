"""`tocsin verify`, `backup` and `restore`: what an operator rehearses before it is needed."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import TypeVar

import uvloop

from tocsin.app.asking import settings_of
from tocsin.app.clock import SteadyClock
from tocsin.app.node import Dsn, keys_of, start_database
from tocsin.app.settings import Settings
from tocsin.runtime.verify import Report
from tocsin.runtime.verify import verify as compare
from tocsin.stores.log.notes import KEY_FILE
from tocsin.stores.postgres.backup import backup as write_backup
from tocsin.stores.postgres.backup import restore as read_backup
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


def backup(asked: argparse.Namespace) -> int:
    settings = settings_of(asked)
    key = settings.vault_key_file or settings.data / "vault.key"
    log_key = settings.data / KEY_FILE

    async def work(dsn: Dsn) -> int:
        where, manifest = await write_backup(
            dsn,
            asked.file,
            at=SteadyClock().now(),
            with_key=key if asked.with_key else None,
            with_log_key=log_key if asked.with_key and log_key.exists() else None,
        )
        print(f"{manifest.rows} rows of {len(manifest.members)} tables written to {where}")
        if not asked.with_key:
            print(f"The vault's key is not in it: keep a copy of {key} in another safe place.")
            if log_key.exists():
                print(f"Nor is the key of the log: keep a copy of {log_key} with it.")
        return 0

    return with_database(settings, work)


def restore(asked: argparse.Namespace) -> int:
    settings = settings_of(asked)
    settings.data.mkdir(parents=True, exist_ok=True)
    key = settings.vault_key_file or settings.data / "vault.key"
    log_key = settings.data / KEY_FILE

    async def work(dsn: Dsn) -> int:
        manifest = await read_backup(dsn, asked.file, key_file=key, log_key_file=log_key)
        print(f"{manifest.rows} rows of {len(manifest.members)} tables restored")
        if not key.exists():
            print(f"Put the vault's key at {key}: without it no sealed value can be read.")
        if settings.seal_log and not log_key.exists():
            print(f"Put the log's key at {log_key}, or begin a new log: tocsin log restart")
        return 0

    return with_database(settings, work)
