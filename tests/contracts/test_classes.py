"""Every column of the real schema has a class of personal data and of retention."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from tocsin.stores.postgres.classes import (
    COLUMNS,
    KINDS,
    ClassError,
    classes,
    read_classes,
)
from tocsin.stores.postgres.migrate import Migration, migrate, migrations


async def live_columns(dsn: str) -> list[tuple[str, str]]:
    connection: Any = await asyncpg.connect(dsn)
    try:
        return [(row["relation"], row["name"]) for row in await connection.fetch(COLUMNS)]
    finally:
        await connection.close()


async def test_every_column_of_the_schema_has_a_class(fresh_database: str) -> None:
    await migrate(fresh_database)
    columns = await live_columns(fresh_database)
    assert len(columns) > 300
    assert classes().missing(columns) == []


async def test_a_planted_column_is_found(empty_database: str) -> None:
    """A table, a column and a view that nobody thought about."""
    planted = Migration(
        "9998_planted.sql",
        "CREATE TABLE neighbours (id text); ALTER TABLE cases ADD COLUMN phone text;"
        "CREATE VIEW vault.open AS SELECT ref FROM vault.values;"
        "ALTER TABLE stories DROP COLUMN lead;",
    )
    await migrate(empty_database, (*migrations(), planted))
    assert classes().missing(await live_columns(empty_database)) == [
        "public.cases.phone: no class",
        "public.neighbours.id: no class",
        "vault.open.ref: no class",
        "public.stories.lead: no column",
    ]


def test_the_table_speaks_of_every_kind_and_both_languages() -> None:
    table = classes()
    assert {each.kind for each in table.columns} == set(KINDS)
    assert {each.retention for each in table.columns} == set(table.retention)
    assert all(set(words) == {"en", "zh-CN"} for words in table.retention.values())


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ('retention = "gone"\nnone = "a"', "no class of retention"),
        ('retention = "short"\nnone = "a"\nstaff = "b a"', "two kinds"),
        ('retention = "short"\nrumour = "a"', "no kind"),
        ('none = "a"', "no class of retention"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(rows: str, said: str) -> None:
    text = f'[retention.short]\nen = "soon"\n[table."public.x"]\n{rows}\n'
    with pytest.raises(ClassError, match=said):
        read_classes(text)
