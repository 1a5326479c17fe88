"""Shared fixtures: one real PostgreSQL for each test process, one empty database for each test."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tocsin.stores.postgres.embedded import EmbeddedPostgres

# Only for tests: a power cut may lose their data.
TEST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "100"}

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One embedded server for this test process (each xdist worker has its own)."""
    server = EmbeddedPostgres(
        Path(tmp_path_factory.mktemp("node")) / "postgres", settings=TEST_SETTINGS
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres_dsn(postgres_server: EmbeddedPostgres) -> str:
    """The DSN of the server's own database; tests that write want `fresh_database`."""
    return postgres_server.dsn()


async def create_database(server: EmbeddedPostgres) -> str:
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy")
    finally:
        await connection.close()
    return name


async def drop_database(server: EmbeddedPostgres, name: str) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture
async def fresh_database(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The DSN of an empty database, dropped after the test."""
    name = await create_database(postgres_server)
    yield postgres_server.dsn(name)
    await drop_database(postgres_server, name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_database(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The DSN of an empty database that the tests of one module share."""
    name = await create_database(postgres_server)
    yield postgres_server.dsn(name)
    await drop_database(postgres_server, name)
