"""`tocsin retention run`: carries out now what a node carries out at night."""

from __future__ import annotations

import argparse

from tocsin.app.asking import settings_of
from tocsin.app.clock import SteadyClock
from tocsin.app.keeping import with_database
from tocsin.app.node import Dsn, keys_of, pack_of
from tocsin.app.retaining import KEEPERS, retention_of
from tocsin.packs.registry import Registry, restore
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.directory import Directory
from tocsin.stores.postgres.store import PostgresStore


def run(asked: argparse.Namespace) -> int:
    """Exit 0. Each line is one thing: rule, case or table, day, values or rows. A dry run prints
    the lines that the run then prints."""
    settings = settings_of(asked)

    async def work(dsn: Dsn) -> int:
        store, keeper = PostgresStore(dsn, keys_of(settings)), Readers(dsn, KEEPERS)
        await store.open()
        try:
            await keeper.open()
            clock = SteadyClock()
            pack = pack_of(settings)
            kept = await Directory(store.readers, clock).packs()
            pinned = [restore(each) for version, each in kept.items() if version != pack.version]
            registry = Registry(pack, pinned)
            desk = retention_of(settings, store.readers, keeper, registry, clock)
            if asked.dry_run:
                found = await desk.due()
                for due in found:
                    print(due)
                print(f"{len(found)} would go. Nothing was destroyed.")
            else:
                things = await desk.run(print)
                if asked.sweep:
                    await desk.retention.sweep()
                print(f"{things} gone, each with a signed record. Prune older backups' keys.")
        finally:
            await keeper.close()
            await store.close()
        return 0

    return with_database(settings, work)
