"""Shared fixtures: one real PostgreSQL a process of tests, a database of its own a test."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tocsin.stores.postgres.doors import Doors
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.migrate import migrate
from tocsin.stores.postgres.walls import raise_walls

# Only for tests: a power cut may lose their data.
TEST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "100"}

_numbers = count(1)
_templates: dict[EmbeddedPostgres, str] = {}


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


async def create_database(server: EmbeddedPostgres, template: str = "template1") -> str:
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    finally:
        await connection.close()
    return name


async def _migrated(server: EmbeddedPostgres) -> str:
    """A database as a node finds it at its second start, to copy from: migrating each test's anew
    would take longer than most tests."""
    if server not in _templates:
        name = await create_database(server)
        await migrate(server.dsn(name))
        await raise_walls(Doors(server.dsn(name)))
        _templates[server] = name
    return _templates[server]


async def drop_database(server: EmbeddedPostgres, name: str) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture
async def fresh_database(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The DSN of a database with our tables and nothing in them, dropped after the test."""
    name = await create_database(postgres_server, await _migrated(postgres_server))
    yield postgres_server.dsn(name)
    await drop_database(postgres_server, name)


@pytest.fixture
async def empty_database(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The DSN of a database without even our tables, dropped after the test."""
    name = await create_database(postgres_server)
    yield postgres_server.dsn(name)
    await drop_database(postgres_server, name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_database(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The DSN of such a database that the tests of one module share."""
    name = await create_database(postgres_server, await _migrated(postgres_server))
    yield postgres_server.dsn(name)
    await drop_database(postgres_server, name)
