from collections.abc import AsyncIterator

import pytest

from tests.web.house import Node
from tests.web.house import node as make_node
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import MasterKeys


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with make_node() as made:
        yield made


@pytest.fixture
async def postgres_store(fresh_database: str) -> AsyncIterator[PostgresStore]:
    """A store of its own on a real PostgreSQL, with the walls of its doors."""
    made = PostgresStore(fresh_database, MasterKeys({1: b"k" * 32}, 1))
    await made.open()
    try:
        yield made
    finally:
        await made.close()
