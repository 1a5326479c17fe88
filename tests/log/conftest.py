"""A store with a town, its log, and a program beside it that checks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contracts.town import Town
from tocsin.kernel.shared import Actor, ActorId, CaseId
from tocsin.runtime.ports import Committed
from tocsin.stores.log.notes import LogKeys, load_log_keys
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.log_bundle import write_bundle
from tocsin.stores.postgres.sequencer import Sequencer
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.stores.vault import load_master_keys
from tocsin_verify import cli

BY = Actor(ActorId("staff-1"), "staff", ("dispatcher",))


@dataclass
class Sealed:
    """A node's store and its log."""

    dsn: str
    folder: Path
    store: PostgresStore
    vault: PostgresVault
    keys: LogKeys
    town: Town
    log: Sequencer
    keeper: Readers
    """Connections of the tables' owner."""

    async def some_cases(self, count: int, prefix: str = "k") -> list[CaseId]:
        """Opens cases with sealed words."""
        ids: list[CaseId] = []
        for number in range(count):
            order = self.town.opening(key=f"{prefix}{number}", words=f"back\\slash\t{number}\n鸟")
            assert isinstance(await self.store.commit(order), Committed)
            ids.append(order.target)
        return ids

    async def bundle(self, name: str = "town.bundle") -> Path:
        path = self.folder / name
        path.unlink(missing_ok=True)
        await write_bundle(self.dsn, path, self.keys, self.log.hashes)
        return path

    def again(self) -> Sequencer:
        """The same log after a restart."""
        return Sequencer(self.dsn, self.store.readers, self.folder / "log", self.keys, self.town)


@pytest.fixture
async def sealed(fresh_database: str, tmp_path: Path) -> AsyncIterator[Sealed]:
    keys, master = load_log_keys(tmp_path / "log.key"), load_master_keys(tmp_path / "vault.key")
    store, town = PostgresStore(fresh_database, master), Town()
    await store.open()
    vault = PostgresVault(store.readers, master, town)
    log = Sequencer(fresh_database, store.readers, tmp_path / "log", keys, town)
    keeper = Readers(fresh_database, 2)
    await keeper.open()
    made = Sealed(fresh_database, tmp_path, store, vault, keys, town, log, keeper)
    yield made
    await made.log.close()
    await keeper.close()
    await store.close()


def verify(*arguments: object) -> int:
    """The program's exit code."""
    return cli.main([str(each) for each in arguments])
