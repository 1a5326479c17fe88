"""`runtime.accounts.AccountStore` on PostgreSQL: rows and their change in one transaction."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from tocsin.kernel.shared import ActorId, Instant
from tocsin.runtime.accounts import Account, ApiKey, Change, Grant, Link, Session
from tocsin.stores.postgres.connections import Connection, Readers, Row

_ACCOUNT: Final = "a.id, login, name, language, grants, created_at, is_active, password, version"
_SESSION: Final = "s.id, hash, account, started_at, seen_at, expires_at"
_KEY: Final = "id, name, hash, scopes, grants, created_at, revoked_at"
_CHANGE: Final = """
INSERT INTO account_changes (at, actor, what, subject, detail) VALUES ($1, $2, $3, $4, $5)"""
_INSERT: Final = """
INSERT INTO accounts (id, login, name, language, grants, created_at, is_active, password, version)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id"""
_UPDATE: Final = """
UPDATE accounts SET login = $2, name = $3, language = $4, grants = $5::text::jsonb,
       created_at = $6, is_active = $7, password = $8, version = $9
 WHERE id = $1 AND version = $9 - 1 RETURNING id"""
_PUT_LINK: Final = """
INSERT INTO account_links (hash, account, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at"""

_grants: Final = msgspec.json.Decoder(tuple[Grant, ...])


class PostgresAccounts:
    """Shares the pool of the readers. Every method may raise `Unavailable`."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    # -- accounts ----------------------------------------------------------------------

    async def account(self, account: ActorId) -> Account | None:
        row = await self._readers.fetchrow(
            f"SELECT {_ACCOUNT} FROM accounts a WHERE id = $1", account
        )
        return None if row is None else _account(row)

    async def by_login(self, login: str) -> Account | None:
        row = await self._readers.fetchrow(
            f"SELECT {_ACCOUNT} FROM accounts a WHERE login = $1", login
        )
        return None if row is None else _account(row)

    async def accounts(self, after: str, limit: int) -> Sequence[Account]:
        rows = await self._readers.fetch(
            f"SELECT {_ACCOUNT} FROM accounts a WHERE login > $1 ORDER BY login LIMIT $2",
            after,
            limit,
        )
        return [_account(row) for row in rows]

    async def has_administrator(self) -> bool:
        return await self._readers.fetchval(
            "SELECT EXISTS (SELECT 1 FROM accounts WHERE is_active "
            """AND grants @> '[{"role": "administrator"}]')"""
        )

    async def insert(self, account: Account, link: Link | None, change: Change) -> bool:
        async with self._writing(change) as connection:
            made = await connection.fetchval(_INSERT, *_values(account))
            if made is None:
                raise _Nothing
            if link is not None:
                await connection.execute(_PUT_LINK, link.hash, link.account, link.expires_at)
            return True
        return False

    async def update(self, account: Account, change: Change, *, end_sessions: bool) -> bool:
        async with self._writing(change) as connection:
            if await connection.fetchval(_UPDATE, *_values(account)) is None:
                raise _Nothing
            if end_sessions:
                await _end_all(connection, account.id)
            return True
        return False

    # -- links -------------------------------------------------------------------------

    async def put_link(self, link: Link, change: Change) -> None:
        async with self._writing(change) as connection:
            await connection.execute(_PUT_LINK, link.hash, link.account, link.expires_at)

    async def link(self, hash: bytes) -> Link | None:
        row = await self._readers.fetchrow(
            "SELECT hash, account, expires_at FROM account_links WHERE hash = $1", hash
        )
        return None if row is None else Link(*row)

    async def use_link(self, hash: bytes, account: Account, change: Change) -> bool:
        async with self._writing(change) as connection:
            # The row's lock makes two users of one link wait for each other: one of them loses.
            gone = await connection.fetchval(
                "DELETE FROM account_links WHERE hash = $1 RETURNING hash", hash
            )
            statement = _INSERT if account.version == 1 else _UPDATE
            if gone is None or await connection.fetchval(statement, *_values(account)) is None:
                raise _Nothing
            await _end_all(connection, account.id)
            return True
        return False

    # -- sessions ----------------------------------------------------------------------

    async def put_session(self, session: Session, ends: bytes | None, change: Change) -> None:
        async with self._writing(change) as connection:
            if ends is not None:
                await connection.execute("DELETE FROM account_sessions WHERE hash = $1", ends)
            await connection.execute(
                "INSERT INTO account_sessions "
                "(id, hash, account, started_at, seen_at, expires_at) "
                "VALUES ($1, $2, $3, $4, $5, $6)",
                session.id,
                session.hash,
                session.account,
                session.started_at,
                session.seen_at,
                session.expires_at,
            )

    async def session(self, hash: bytes) -> tuple[Session, Account] | None:
        row = await self._readers.fetchrow(
            f"SELECT {_SESSION}, {_ACCOUNT} FROM account_sessions s "
            "JOIN accounts a ON a.id = s.account WHERE hash = $1",
            hash,
        )
        if row is None:
            return None
        values = tuple(row)
        return Session(*values[:6]), _account(values[6:])

    async def touch_session(self, hash: bytes, seen_at: Instant) -> None:
        await self._readers.fetchval(
            "UPDATE account_sessions SET seen_at = $2 WHERE hash = $1 RETURNING 1", hash, seen_at
        )

    async def sessions(self, account: ActorId) -> Sequence[Session]:
        rows = await self._readers.fetch(
            f"SELECT {_SESSION} FROM account_sessions s WHERE account = $1 ORDER BY started_at, id",
            account,
        )
        return [Session(*row) for row in rows]

    async def end_session(self, account: ActorId, session: str, change: Change) -> bool:
        async with self._writing(change) as connection:
            ended = await connection.fetchval(
                "DELETE FROM account_sessions WHERE account = $1 AND id = $2 RETURNING id",
                account,
                session,
            )
            if ended is None:
                raise _Nothing
            return True
        return False

    async def prune_sessions(self, seen_before: Instant, now: Instant) -> int:
        async with self._readers.acquire() as connection, connection.transaction():
            await connection.execute("DELETE FROM account_links WHERE expires_at <= $1", now)
            return await connection.fetchval(
                "WITH gone AS (DELETE FROM account_sessions "
                "WHERE expires_at <= $2 OR seen_at <= $1 RETURNING 1) SELECT count(*) FROM gone",
                seen_before,
                now,
            )

    # -- keys --------------------------------------------------------------------------

    async def keys(self) -> Sequence[ApiKey]:
        rows = await self._readers.fetch(f"SELECT {_KEY} FROM api_keys ORDER BY created_at, id")
        return [_key(row) for row in rows]

    async def key(self, hash: bytes) -> ApiKey | None:
        row = await self._readers.fetchrow(f"SELECT {_KEY} FROM api_keys WHERE hash = $1", hash)
        return None if row is None else _key(row)

    async def put_key(self, key: ApiKey, change: Change) -> None:
        async with self._writing(change) as connection:
            await connection.execute(
                f"INSERT INTO api_keys ({_KEY}) VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7)",
                key.id,
                key.name,
                key.hash,
                list(key.scopes),
                msgspec.json.encode(key.grants).decode(),
                key.created_at,
                key.revoked_at,
            )

    async def revoke_key(self, key: ActorId, at: Instant, change: Change) -> bool:
        async with self._writing(change) as connection:
            done = await connection.fetchval(
                "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL "
                "RETURNING id",
                key,
                at,
            )
            if done is None:
                raise _Nothing
            return True
        return False

    async def changes(self, before: int | None, limit: int) -> Sequence[tuple[int, Change]]:
        rows = await self._readers.fetch(
            "SELECT id, at, actor, what, subject, detail FROM account_changes "
            "WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2",
            before,
            limit,
        )
        return [(row[0], Change(*tuple(row)[1:])) for row in rows]

    @asynccontextmanager
    async def _writing(self, change: Change) -> AsyncGenerator[Connection]:
        """One transaction that ends with the change row; `_Nothing` undoes it quietly."""
        try:
            async with self._readers.acquire() as connection, connection.transaction():
                yield connection
                await connection.execute(
                    _CHANGE, change.at, change.by, change.what, change.subject, change.detail
                )
        except _Nothing:
            pass


class _Nothing(Exception):
    """Nothing was there to be written: the transaction is given up."""


async def _end_all(connection: Connection, account: ActorId) -> None:
    await connection.execute("DELETE FROM account_sessions WHERE account = $1", account)


def _values(account: Account) -> tuple[object, ...]:
    return (
        account.id,
        account.login,
        account.name,
        account.language,
        msgspec.json.encode(account.grants).decode(),
        account.created_at,
        account.is_active,
        account.password,
        account.version,
    )


def _account(row: Row | tuple[Any, ...]) -> Account:
    id, login, name, language, grants, created_at, is_active, password, version = row
    return Account(
        id, login, name, language, _grants.decode(grants), created_at, is_active, password, version
    )


def _key(row: Row) -> ApiKey:
    id, name, hash, scopes, grants, created_at, revoked_at = row
    return ApiKey(id, name, hash, tuple(scopes), _grants.decode(grants), created_at, revoked_at)
