"""One suite, every store: `store` is first the reference in memory, then PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contracts.town import Town
from tocsin.runtime.ports import Store, Vault
from tocsin.runtime.redactions import Redactions
from tocsin.runtime.retention import Holds
from tocsin.stores.memory import MemoryStore, MemoryVault
from tocsin.stores.memory.holds import MemoryHolds
from tocsin.stores.memory.redactions import MemoryRedactions
from tocsin.stores.postgres.holds import PostgresHolds
from tocsin.stores.postgres.redactions import PostgresRedactions
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.stores.vault import MasterKeys, load_master_keys


@dataclass(frozen=True, slots=True)
class Node:
    """A store, its vault, and a town that makes orders for it."""

    store: Store
    vault: Vault
    town: Town
    redactions: Redactions
    holds: Holds


@pytest.fixture
def master_keys(tmp_path: Path) -> MasterKeys:
    return load_master_keys(tmp_path / "vault.key")


@pytest.fixture
async def postgres_store(
    fresh_database: str, master_keys: MasterKeys
) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(fresh_database, master_keys)
    await store.open()
    yield store
    await store.close()


@pytest.fixture(params=["memory", "postgres"])
def database(request: pytest.FixtureRequest) -> str | None:
    """None for the store in memory, else an empty database."""
    return None if request.param == "memory" else request.getfixturevalue("fresh_database")


@pytest.fixture
async def node(database: str | None, master_keys: MasterKeys) -> AsyncIterator[Node]:
    town = Town()
    if database is None:
        vault = MemoryVault(town)
        redactions = MemoryRedactions(vault, town)
        yield Node(MemoryStore(vault), vault, town, redactions, MemoryHolds(town))
        return
    store = PostgresStore(database, master_keys)
    await store.open()
    readers = store.readers
    yield Node(
        store,
        PostgresVault(readers, master_keys, town),
        town,
        PostgresRedactions(readers, master_keys, town),
        PostgresHolds(readers, town),
    )
    await store.close()
