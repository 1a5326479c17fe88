"""`runtime.account_ports.AccountStore` on PostgreSQL: rows and their change in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tocsin.kernel.shared import ActorId, Instant
from tocsin.runtime.accounts import Account, ApiKey, Change, Link, Session
from tocsin.stores.postgres.account_rows import (
    ACCOUNT,
    INSERT,
    UPDATE,
    Nothing,
    account_of,
    as_json,
    end_all,
    grants_of,
    values_of,
)
from tocsin.stores.postgres.connections import Row
from tocsin.stores.postgres.sign_in import SignInRows

_SESSION: Final = "s.id, hash, account, started_at, seen_at, expires_at, s.grants, how"
_KEY: Final = "id, name, hash, scopes, grants, created_at, revoked_at"
_PUT_LINK: Final = """
INSERT INTO account_links (hash, account, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at"""


class PostgresAccounts(SignInRows):
    """Shares the pool of the readers. Every method may raise `Unavailable`."""

    # -- accounts ----------------------------------------------------------------------

    async def account(self, account: ActorId) -> Account | None:
        row = await self._readers.fetchrow(
            f"SELECT {ACCOUNT} FROM accounts a WHERE id = $1", account
        )
        return None if row is None else account_of(row)

    async def by_login(self, login: str) -> Account | None:
        row = await self._readers.fetchrow(
            f"SELECT {ACCOUNT} FROM accounts a WHERE login = $1", login
        )
        return None if row is None else account_of(row)

    async def accounts(self, after: str, limit: int) -> Sequence[Account]:
        rows = await self._readers.fetch(
            f"SELECT {ACCOUNT} FROM accounts a WHERE login > $1 ORDER BY login LIMIT $2",
            after,
            limit,
        )
        return [account_of(row) for row in rows]

    async def has_administrator(self) -> bool:
        return await self._readers.fetchval(
            "SELECT EXISTS (SELECT 1 FROM accounts WHERE is_active "
            """AND grants @> '[{"role": "administrator"}]')"""
        )

    async def insert(self, account: Account, link: Link | None, change: Change) -> bool:
        async with self._writing(change) as connection:
            made = await connection.fetchval(INSERT, *values_of(account))
            if made is None:
                raise Nothing
            if link is not None:
                await connection.execute(_PUT_LINK, link.hash, link.account, link.expires_at)
            return True
        return False

    async def update(self, account: Account, change: Change, *, end_sessions: bool) -> bool:
        async with self._writing(change) as connection:
            if await connection.fetchval(UPDATE, *values_of(account)) is None:
                raise Nothing
            if end_sessions:
                await end_all(connection, account.id)
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
            statement = INSERT if account.version == 1 else UPDATE
            if gone is None or await connection.fetchval(statement, *values_of(account)) is None:
                raise Nothing
            await end_all(connection, account.id)
            return True
        return False

    # -- sessions ----------------------------------------------------------------------

    async def put_session(self, session: Session, ends: bytes | None, change: Change) -> None:
        async with self._writing(change) as connection:
            if ends is not None:
                await connection.execute("DELETE FROM account_sessions WHERE hash = $1", ends)
            await connection.execute(
                "INSERT INTO account_sessions "
                "(id, hash, account, started_at, seen_at, expires_at, grants, how) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8)",
                session.id,
                session.hash,
                session.account,
                session.started_at,
                session.seen_at,
                session.expires_at,
                as_json(session.grants),
                session.how,
            )

    async def session(self, hash: bytes) -> tuple[Session, Account] | None:
        row = await self._readers.fetchrow(
            f"SELECT {_SESSION}, {ACCOUNT} FROM account_sessions s "
            "JOIN accounts a ON a.id = s.account WHERE hash = $1",
            hash,
        )
        if row is None:
            return None
        values = tuple(row)
        return _session(values[:8]), account_of(values[8:])

    async def touch_session(self, hash: bytes, seen_at: Instant) -> None:
        await self._readers.fetchval(
            "UPDATE account_sessions SET seen_at = $2 WHERE hash = $1 RETURNING 1", hash, seen_at
        )

    async def sessions(self, account: ActorId) -> Sequence[Session]:
        rows = await self._readers.fetch(
            f"SELECT {_SESSION} FROM account_sessions s WHERE account = $1 ORDER BY started_at, id",
            account,
        )
        return [_session(row) for row in rows]

    async def end_session(self, account: ActorId, session: str, change: Change) -> bool:
        async with self._writing(change) as connection:
            ended = await connection.fetchval(
                "DELETE FROM account_sessions WHERE account = $1 AND id = $2 RETURNING id",
                account,
                session,
            )
            if ended is None:
                raise Nothing
            return True
        return False

    async def prune_sessions(self, seen_before: Instant, now: Instant) -> int:
        async with self._readers.acquire() as connection, connection.transaction():
            for table in ("account_links", "sign_in_challenges", "account_browsers"):
                await connection.execute(f"DELETE FROM {table} WHERE expires_at <= $1", now)
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
                as_json(key.grants),
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
                raise Nothing
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


def _session(row: Row | tuple[Any, ...]) -> Session:
    id, hash, account, started_at, seen_at, expires_at, grants, how = row
    return Session(id, hash, account, started_at, seen_at, expires_at, grants_of(grants), how)


def _key(row: Row) -> ApiKey:
    id, name, hash, scopes, grants, created_at, revoked_at = row
    return ApiKey(id, name, hash, tuple(scopes), grants_of(grants), created_at, revoked_at)
