"""`runtime.sign_in.SignInStore` on PostgreSQL: what must happen at once is one statement or one
transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from tocsin.kernel.shared import ActorId, Instant
from tocsin.runtime.accounts import Account, Change
from tocsin.runtime.rights import THREE
from tocsin.runtime.sign_in import (
    Challenge,
    Identity,
    KnownBrowser,
    Left,
    Passkey,
    Proposal,
)
from tocsin.stores.postgres.account_rows import (
    ACCOUNT,
    UPDATE,
    Nothing,
    Rows,
    account_of,
    as_json,
    end_all,
    grants_of,
    values_of,
)
from tocsin.stores.postgres.connections import Connection, Row

_PASSKEY: Final = "id, account, credential, public_key, sign_count, name, made_at, used_at"
_PROPOSAL: Final = (
    "id, kind, account, before, was_active, grants, is_active, proposer, at, expires_at, "
    "decider, decided_at, outcome"
)
_HOLDERS: Final = " OR ".join(f"""a.grants @> '[{{"role": "{role}"}}]'""" for role in THREE)
# Other ways in than the one that is taken away. The account's row is locked first: of two who take
# away the last two ways, one sees what the other did.
_WAYS: Final = """
SELECT (SELECT count(*) FROM account_passkeys WHERE account = a.id)
     + (SELECT count(*) FROM account_identities WHERE account = a.id)
     + (a.password IS NOT NULL)::int
  FROM accounts a WHERE id = $1 FOR UPDATE"""


class SignInRows(Rows):
    """Shares the pool of the readers. Every method may raise `Unavailable`."""

    # -- passkeys ----------------------------------------------------------------------

    async def passkeys(self, account: ActorId) -> Sequence[Passkey]:
        rows = await self._readers.fetch(
            f"SELECT {_PASSKEY} FROM account_passkeys WHERE account = $1 ORDER BY made_at, id",
            account,
        )
        return [Passkey(*row) for row in rows]

    async def passkey(self, credential: bytes) -> Passkey | None:
        row = await self._readers.fetchrow(
            f"SELECT {_PASSKEY} FROM account_passkeys WHERE credential = $1", credential
        )
        return None if row is None else Passkey(*row)

    async def has_passkeys(self) -> bool:
        return await self._readers.fetchval("SELECT EXISTS (SELECT 1 FROM account_passkeys)")

    async def add_passkey(self, passkey: Passkey, change: Change) -> bool:
        async with self._writing(change) as connection:
            made = await connection.fetchval(
                f"INSERT INTO account_passkeys ({_PASSKEY}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
                " ON CONFLICT DO NOTHING RETURNING id",
                passkey.id,
                passkey.account,
                passkey.credential,
                passkey.public_key,
                passkey.sign_count,
                passkey.name,
                passkey.made_at,
                passkey.used_at,
            )
            if made is None:
                raise Nothing
            return True
        return False

    async def rename_passkey(self, account: ActorId, id: str, name: str, change: Change) -> bool:
        async with self._writing(change) as connection:
            done = await connection.fetchval(
                "UPDATE account_passkeys SET name = $3 WHERE account = $1 AND id = $2 RETURNING id",
                account,
                id,
                name,
            )
            if done is None:
                raise Nothing
            return True
        return False

    async def remove_passkey(self, account: ActorId, id: str, change: Change) -> Left:
        return await self._take_away(
            account, "DELETE FROM account_passkeys WHERE account = $1 AND id = $2 RETURNING id",
            (id,), change,
        )  # fmt: skip

    async def use_passkey(self, id: str, sign_count: int, at: Instant) -> bool:
        done = await self._readers.fetchval(
            "UPDATE account_passkeys SET sign_count = $2, used_at = $3 WHERE id = $1 "
            "AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0)) RETURNING id",
            id,
            sign_count,
            at,
        )
        return done is not None

    # -- challenges and browsers -------------------------------------------------------

    async def put_challenge(self, challenge: Challenge) -> None:
        await self._readers.fetchval(
            "INSERT INTO sign_in_challenges (hash, kind, account, content, expires_at) "
            "VALUES ($1, $2, $3, $4, $5) RETURNING 1",
            challenge.hash,
            challenge.kind,
            challenge.account,
            challenge.content,
            challenge.expires_at,
        )

    async def take_challenge(self, hash: bytes) -> Challenge | None:
        row = await self._readers.fetchrow(
            "DELETE FROM sign_in_challenges WHERE hash = $1 "
            "RETURNING hash, kind, account, content, expires_at",
            hash,
        )
        return None if row is None else Challenge(*row)

    async def put_browser(self, browser: KnownBrowser) -> None:
        await self._readers.fetchval(
            "INSERT INTO account_browsers (hash, account, expires_at) VALUES ($1, $2, $3) "
            "ON CONFLICT (hash) DO UPDATE SET account = excluded.account, "
            "expires_at = excluded.expires_at RETURNING 1",
            browser.hash,
            browser.account,
            browser.expires_at,
        )

    async def browser(self, hash: bytes) -> KnownBrowser | None:
        row = await self._readers.fetchrow(
            "SELECT hash, account, expires_at FROM account_browsers WHERE hash = $1", hash
        )
        return None if row is None else KnownBrowser(*row)

    # -- identities --------------------------------------------------------------------

    async def identities(self, account: ActorId) -> Sequence[Identity]:
        rows = await self._readers.fetch(
            "SELECT issuer, subject, account, made_at FROM account_identities "
            "WHERE account = $1 ORDER BY made_at, issuer, subject",
            account,
        )
        return [Identity(*row) for row in rows]

    async def by_identity(self, issuer: str, subject: str) -> Account | None:
        row = await self._readers.fetchrow(
            f"SELECT {ACCOUNT} FROM accounts a JOIN account_identities i ON i.account = a.id "
            "WHERE issuer = $1 AND subject = $2",
            issuer,
            subject,
        )
        return None if row is None else account_of(row)

    async def put_identity(self, identity: Identity, change: Change) -> bool:
        async with self._writing(change) as connection:
            made = await connection.fetchval(
                "INSERT INTO account_identities (issuer, subject, account, made_at) "
                "VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING account",
                identity.issuer,
                identity.subject,
                identity.account,
                identity.made_at,
            )
            if made is None:
                raise Nothing
            return True
        return False

    async def remove_identity(
        self, account: ActorId, issuer: str, subject: str, change: Change
    ) -> Left:
        return await self._take_away(
            account,
            "DELETE FROM account_identities WHERE account = $1 AND issuer = $2 AND subject = $3 "
            "RETURNING account",
            (issuer, subject), change,
        )  # fmt: skip

    async def _take_away(
        self, account: ActorId, sql: str, values: tuple[str, ...], change: Change
    ) -> Left:
        left: Left = "unknown"
        async with self._writing(change) as connection:
            ways = await connection.fetchval(_WAYS, account)
            gone = await connection.fetchval(sql, account, *values)
            if gone is None:
                raise Nothing
            if ways <= 1:
                left = "last"
                raise Nothing
            left = "done"
        return left

    # -- sessions ----------------------------------------------------------------------

    async def end_others(self, account: ActorId, keep: str | None, change: Change) -> int:
        async with self._writing(change) as connection:
            return await _end_but(connection, account, keep)
        return 0

    async def living(
        self, sessions: Collection[str], seen_after: Instant, now: Instant
    ) -> set[str]:
        rows = await self._readers.fetch(
            "SELECT s.id FROM account_sessions s JOIN accounts a ON a.id = s.account "
            "WHERE s.id = ANY($1::text[]) AND a.is_active AND expires_at > $3 AND seen_at > $2",
            list(sessions),
            seen_after,
            now,
        )
        return {row[0] for row in rows}

    # -- rights ------------------------------------------------------------------------

    async def holders(self) -> Sequence[Account]:
        rows = await self._readers.fetch(
            f"SELECT {ACCOUNT} FROM accounts a WHERE is_active AND ({_HOLDERS}) ORDER BY a.id"
        )
        return [account_of(row) for row in rows]

    async def put_proposal(self, proposal: Proposal, change: Change) -> None:
        async with self._writing(change) as connection:
            await connection.execute(
                f"INSERT INTO rights_proposals ({_PROPOSAL}) VALUES "
                "($1, $2, $3, $4::text::jsonb, $5, $6::text::jsonb, $7, $8, $9, $10, $11, $12, "
                "$13)",
                proposal.id,
                proposal.kind,
                proposal.account,
                as_json(proposal.before),
                proposal.was_active,
                as_json(proposal.grants),
                proposal.is_active,
                proposal.by,
                proposal.at,
                proposal.expires_at,
                proposal.decided_by,
                proposal.decided_at,
                proposal.outcome,
            )

    async def proposal(self, id: str) -> Proposal | None:
        row = await self._readers.fetchrow(
            f"SELECT {_PROPOSAL} FROM rights_proposals WHERE id = $1", id
        )
        return None if row is None else _proposal(row)

    async def proposals(self, now: Instant) -> Sequence[Proposal]:
        rows = await self._readers.fetch(
            f"SELECT {_PROPOSAL} FROM rights_proposals "
            "WHERE outcome IS NULL AND expires_at > $1 ORDER BY at, id",
            now,
        )
        return [_proposal(row) for row in rows]

    async def decide(self, decided: Proposal, account: Account | None, change: Change) -> bool:
        async with self._writing(change) as connection:
            done = await connection.fetchval(
                "UPDATE rights_proposals SET decider = $2, decided_at = $3, outcome = $4 "
                "WHERE id = $1 AND outcome IS NULL RETURNING id",
                decided.id,
                decided.decided_by,
                decided.decided_at,
                decided.outcome,
            )
            if done is None:
                raise Nothing
            if account is not None:
                if await connection.fetchval(UPDATE, *values_of(account)) is None:
                    raise Nothing
                await end_all(connection, account.id)
                # A link made by one person before would hand the new rights to that person alone.
                await connection.execute("DELETE FROM account_links WHERE account = $1", account.id)
            return True
        return False


async def _end_but(connection: Connection, account: ActorId, keep: str | None) -> int:
    return await connection.fetchval(
        "WITH gone AS (DELETE FROM account_sessions WHERE account = $1 "
        "AND id IS DISTINCT FROM $2 RETURNING 1) SELECT count(*) FROM gone",
        account,
        keep,
    )


def _proposal(row: Row) -> Proposal:
    id, kind, account, before, was_active, grants, *rest = row
    return Proposal(id, kind, account, grants_of(before), was_active, grants_of(grants), *rest)
