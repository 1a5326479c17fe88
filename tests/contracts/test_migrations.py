"""Migrations: from nothing, from a filled database, from two nodes at once, and never twice."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from tests.contracts.town import Town
from tocsin.runtime.ports import Committed
from tocsin.runtime.verify import verify
from tocsin.stores.postgres.migrate import Migration, MigrationError, migrate, migrations
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import MasterKeys


async def test_an_empty_database_gets_everything_once(empty_database: str) -> None:
    names = [migration.name for migration in migrations()]
    assert names[:3] == ["0001_board.sql", "0002_vault.sql", "0003_directory.sql"]
    assert await migrate(empty_database) == names
    assert await migrate(empty_database) == []


async def test_two_nodes_that_start_at_once_migrate_once(empty_database: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database) for _ in range(4)))
    assert sorted(map(len, applied)) == [0, 0, 0, len(migrations())]


async def test_a_filled_database_keeps_what_it_has(
    empty_database: str, master_keys: MasterKeys
) -> None:
    """Filled by the first migrations, brought to the last, and one step that is yet to come."""
    town = Town()
    store = PostgresStore(empty_database, master_keys)
    await store.open()
    orders = [town.opening(key=f"k{n}") for n in range(20)]
    for outcome in await asyncio.gather(*map(store.commit, orders)):
        assert isinstance(outcome, Committed)
    before = [await store.case(order.target) for order in orders]
    await store.close()

    late = Migration(
        "9998_test.sql",
        "ALTER TABLE cases ADD COLUMN test text NOT NULL DEFAULT 'x';"
        "CREATE INDEX cases_test ON cases (test);",
    )
    assert await migrate(empty_database, (*migrations(), late)) == ["9998_test.sql"]
    connection = await asyncpg.connect(empty_database)
    assert await connection.fetchval("SELECT count(*) FROM cases WHERE test = 'x'") == 20
    # This version does not know the step: it must not write into what it cannot understand.
    with pytest.raises(MigrationError, match="9998_test"):
        await PostgresStore(empty_database, master_keys).open()
    await connection.execute("DELETE FROM migrations WHERE name = '9998_test.sql'")
    await connection.close()

    again = PostgresStore(empty_database, master_keys)
    assert await again.open() == []
    assert [await again.case(order.target) for order in orders] == before
    assert isinstance(await again.commit(town.opening()), Committed)
    assert (await verify(again)).is_clean
    await again.close()


async def test_every_migration_alone_follows_a_filled_board(
    empty_database: str, master_keys: MasterKeys
) -> None:
    """The board of the first release, with rows in it, takes all later steps one by one."""
    first, *rest = migrations()
    assert await migrate(empty_database, (first,)) == [first.name]
    connection = await asyncpg.connect(empty_database)
    await connection.execute(
        "INSERT INTO idempotency VALUES ('k', '\\x00', '{}', now()); "
        "INSERT INTO receipts VALUES ('\\x01', 'c', 'r')"
    )
    done = [first]
    for step in rest:
        done.append(step)
        assert await migrate(empty_database, tuple(done)) == [step.name]
    assert await connection.fetchval("SELECT count(*) FROM idempotency") == 1
    await connection.close()


async def test_a_changed_migration_refuses_to_start(empty_database: str) -> None:
    await migrate(empty_database)
    first, *rest = migrations()
    changed = replace(first, sql=first.sql + "\n-- a small change")
    with pytest.raises(MigrationError, match="0001_board.sql was changed"):
        await migrate(empty_database, (changed, *rest))


async def test_a_step_that_fails_leaves_nothing(empty_database: str) -> None:
    await migrate(empty_database)
    broken = Migration("9999_broken.sql", "CREATE TABLE half (id int); SELECT 1/0;")
    with pytest.raises(MigrationError, match="9999_broken"):
        await migrate(empty_database, (*migrations(), broken))
    connection = await asyncpg.connect(empty_database)
    assert await connection.fetchval("SELECT to_regclass('half')") is None
    await connection.close()
    assert await migrate(empty_database) == []
