"""`tocsin vault`: a new master key for everything personal, and which keys are in use.

Works beside a running node, also one with its own database.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import uvloop

from tocsin.app.asking import settings_of
from tocsin.app.keeping import with_database
from tocsin.app.node import Dsn
from tocsin.app.settings import Settings
from tocsin.runtime.ports import Unavailable
from tocsin.stores.postgres.connections import Connection, connect, translated
from tocsin.stores.postgres.embedded import running_dsn
from tocsin.stores.postgres.rotation import RotationRefused, keys_in_use, rotate
from tocsin.stores.vault import load_master_keys, retired_beside

Work = Callable[[Connection], Awaitable[int]]


def rotate_key(asked: argparse.Namespace) -> int:
    """Exit 0 when everything is under the new key and the old one retired; 1 with what to do,
    where the same command then goes on."""
    settings = settings_of(asked)
    path = key_file(settings)

    async def work(connection: Connection) -> int:
        try:
            done = await rotate(connection, path, wait_s=asked.wait, tell=_tell)
        except RotationRefused as refused:
            print(f"Not yet: {refused}.")
            return 1
        begun = " An earlier run had begun it." if done.was_begun else ""
        print(f"{done.wrapped} data keys wrapped under master key {done.current}.{begun}")
        print(f"Keep a copy of {path} in a safe place today.")
        if done.retired:
            print(f"Retired: {_words(done.retired)}, to {retired_beside(path)}.")
            print("Backups from before need it: make one now, and destroy that file when")
            print("`tocsin backup prune` has let the last earlier keys' file go.")
        return 0

    return _beside(settings, work)


def keys(asked: argparse.Namespace) -> int:
    """One line for each master key, of the file and of the database. Exit 1 where one is needed
    that is not in the file, or a rotation waits to be ended."""
    settings = settings_of(asked)
    path = key_file(settings)
    held = load_master_keys(path, may_create=False)

    async def work(connection: Connection) -> int:
        used = await keys_in_use(connection)
        for number in sorted({*held.by_id, *used}):
            current = ", current: new data keys are wrapped under it"
            notes = current if number == held.current else ""
            notes += "" if number in held.by_id else f", NOT in {path}"
            print(f"key {number}: {used.get(number, 0)} data keys{notes}")
        is_whole = len(held.by_id) == 1 and set(used) <= set(held.by_id)
        if not is_whole:
            print("A rotation waits to be ended: tocsin vault rotate")
        return 0 if is_whole else 1

    return _beside(settings, work)


def key_file(settings: Settings) -> Path:
    return settings.vault_key_file or settings.data / "vault.key"


def _tell(wrapped: int) -> None:
    if wrapped % 50_000 == 0:
        print(f"{wrapped} data keys wrapped ...", flush=True)


def _words(numbers: tuple[int, ...]) -> str:
    return ("key " if len(numbers) == 1 else "keys ") + ", ".join(map(str, numbers))


def _beside(settings: Settings, work: Work) -> int:
    """On the owner's connection to the node's database, whether it runs now or not."""
    connected = False

    async def run(dsn: Dsn) -> int:
        nonlocal connected
        connection = await translated(connect(dsn, statement_timeout="0"))
        connected = True
        try:
            return await translated(work(connection))
        except asyncpg.UndefinedTableError:
            print("This database has no vault yet: start the node once.")
            return 1
        finally:
            await connection.close()

    running = None if settings.database_url else running_dsn(settings.data / "postgres")
    if running is not None:
        try:
            return uvloop.run(run(running))
        except Unavailable:
            if connected:
                raise
            # Nobody runs: the folder's link outlived a node that was killed.
    return with_database(settings, run)


__all__ = ["key_file", "keys", "rotate_key"]
