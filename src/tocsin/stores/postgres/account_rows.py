"""How accounts are read and written, and the one transaction that ends with its change row."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from tocsin.kernel.shared import ActorId
from tocsin.runtime.accounts import Account, Change, Grant
from tocsin.stores.postgres.connections import Connection, Readers, Row

ACCOUNT: Final = "a.id, login, name, language, a.grants, created_at, is_active, password, version"
CHANGE: Final = """
INSERT INTO account_changes (at, actor, what, subject, detail) VALUES ($1, $2, $3, $4, $5)"""
INSERT: Final = """
INSERT INTO accounts (id, login, name, language, grants, created_at, is_active, password, version)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id"""
UPDATE: Final = """
UPDATE accounts SET login = $2, name = $3, language = $4, grants = $5::text::jsonb,
       created_at = $6, is_active = $7, password = $8, version = $9
 WHERE id = $1 AND version = $9 - 1 RETURNING id"""

grants_of: Final = msgspec.json.Decoder(tuple[Grant, ...]).decode


class Rows:
    """What the parts of the store share: the pool of the readers, and how a change is written."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers.own

    @asynccontextmanager
    async def _writing(self, change: Change) -> AsyncGenerator[Connection]:
        """One transaction that ends with the change row; `Nothing` undoes it quietly."""
        try:
            async with self._readers.acquire() as connection, connection.transaction():
                yield connection
                await connection.execute(
                    CHANGE, change.at, change.by, change.what, change.subject, change.detail
                )
        except Nothing:
            pass


class Nothing(Exception):
    """Nothing was there to be written: the transaction is given up."""


async def end_all(connection: Connection, account: ActorId) -> None:
    """End every session of an account."""
    await connection.execute("DELETE FROM account_sessions WHERE account = $1", account)


def as_json(grants: tuple[Grant, ...]) -> str:
    """Grants as the text of a jsonb column."""
    return msgspec.json.encode(grants).decode()


def values_of(account: Account) -> tuple[object, ...]:
    """The parameters of `INSERT` and `UPDATE`."""
    return (
        account.id,
        account.login,
        account.name,
        account.language,
        as_json(account.grants),
        account.created_at,
        account.is_active,
        account.password,
        account.version,
    )


def account_of(row: Row | tuple[Any, ...]) -> Account:
    """The account of a row of `ACCOUNT`."""
    id, login, name, language, grants, created_at, is_active, password, version = row
    return Account(
        id, login, name, language, grants_of(grants), created_at, is_active, password, version
    )
