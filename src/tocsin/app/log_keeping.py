"""`tocsin log`: a bundle for auditors, their key, its rotation, a new beginning."""

from __future__ import annotations

import argparse

from tocsin.app.asking import settings_of
from tocsin.app.clock import SteadyClock
from tocsin.app.keeping import with_database
from tocsin.app.node import Dsn, keys_of
from tocsin.app.sealing import FOLDER, log_keys
from tocsin.runtime.log_ports import LogBroken
from tocsin.stores.log.notes import KEY_FILE, rotate
from tocsin.stores.postgres.connections import connect, translated
from tocsin.stores.postgres.log_bundle import write_bundle
from tocsin.stores.postgres.sequencer import Sequencer
from tocsin.stores.postgres.store import PostgresStore


def export(asked: argparse.Namespace) -> int:
    """Exit 0 with a bundle, 1 where the database is not what this node signed: the bundle is
    written all the same, for whoever is to look into it."""
    settings = settings_of(asked)

    async def work(dsn: Dsn) -> int:
        store = PostgresStore(dsn, keys_of(settings))
        await store.open()
        keys = log_keys(settings)
        sequencer = Sequencer(dsn, store.readers, settings.data / FOLDER, keys, SteadyClock())
        broken = None
        try:
            try:
                await sequencer.catch_up()
            except LogBroken as found:
                broken = str(found)
            written = await write_bundle(dsn, asked.file, keys, sequencer.hashes)
        finally:
            await sequencer.close()
            await store.close()
        print(
            f"{written.entries} entries and {written.checkpoints} checkpoints written "
            f"to {asked.file}"
        )
        if broken is not None:
            print(f"This database is not what the node signed: {broken}")
        return 0 if broken is None else 1

    return with_database(settings, work)


def key(asked: argparse.Namespace) -> int:
    """The verifier keys, one a line."""
    for each in log_keys(settings_of(asked)).public:
        print(each)
    return 0


def rotate_key(asked: argparse.Namespace) -> int:
    """Adds a key to the file. A running node signs with it from its next start on."""
    settings = settings_of(asked)
    keys = rotate(settings.data / KEY_FILE)
    print("From the next start on these keys sign:")
    for each in keys.public:
        print(each)
    print(f"Take the old one out of {settings.data / KEY_FILE} once every auditor has the new one.")
    return 0


def restart(asked: argparse.Namespace) -> int:
    """Exit 0 once the next start begins a new log. The old key file and hashes are put aside."""
    if not asked.yes:
        print("A new log has a new name: every auditor sees that the old one ends. Add --yes.")
        return 2
    settings = settings_of(asked)

    async def work(dsn: Dsn) -> None:
        store = PostgresStore(dsn, keys_of(settings))
        await store.open()
        await store.close()
        connection = await translated(connect(dsn, statement_timeout="0"))
        try:
            await connection.execute("TRUNCATE log.leaves, log.checkpoints, log.stamps")
        finally:
            await connection.close()

    with_database(settings, work)
    at = f"{SteadyClock().now():%Y%m%d-%H%M%S}"
    for name in (KEY_FILE, FOLDER):
        path = settings.data / name
        if path.exists():
            path.rename(path.with_name(f"{name}.{at}"))
    print("The next start begins a new log. Give auditors its key: tocsin log key")
    return 0
