"""`ports.Vault` on PostgreSQL: permit, record, reading, each committed before the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tocsin.kernel.shared import Actor, ActorId, AgencyId, CaseId, Instant, SealedRef
from tocsin.runtime.onlooking import onlooker, seeing_also
from tocsin.runtime.ports import Clock, Reading
from tocsin.runtime.sight_ports import NotPermitted
from tocsin.stores.log.leaves import BY_NAME, without_seed
from tocsin.stores.postgres.connections import Connection, Readers
from tocsin.stores.postgres.log_rows import LOG_LOCK
from tocsin.stores.postgres.permits import HOLDS, Permits
from tocsin.stores.postgres.writer import HOLD_WRITERS
from tocsin.stores.vault import KeyRow, MasterKeys, Sealer, ValueRow

REFS_MAX = 1_000  # values of one reading: a page of cases with everything on it

_RECORD = f"""
WITH wanted AS (
  SELECT DISTINCT ON (v.ref) v.ref, v.case_id, v.kind, p.id, u.reader
    FROM vault.values v JOIN vault.permits p ON v.case_id = ANY(p.holders)
    JOIN vault.purposes u ON u.code = p.purpose AND v.kind = ANY(u.kinds)
   WHERE v.ref = ANY($3::text[]) AND p.id = ANY($4::bigint[]) AND {HOLDS}
   ORDER BY v.ref, p.id),
known AS (
  SELECT o.id, o.ref FROM wanted w JOIN vault.openings o ON o.permit = w.id AND o.ref = w.ref
   WHERE w.reader <> 'person'),
fresh AS (
  INSERT INTO vault.openings (at, permit, ref, case_id, field)
  SELECT $2, w.id, w.ref, w.case_id, w.kind FROM wanted w
   WHERE NOT EXISTS (SELECT 1 FROM known k WHERE k.ref = w.ref)
  RETURNING id, ref)
SELECT id, ref FROM fresh UNION ALL SELECT id, ref FROM known"""
_SEEN = "SELECT p.id FROM vault.permits p WHERE p.id = ANY($1::bigint[])"
_LEFT_OUT = "SELECT ref FROM vault.values WHERE ref = ANY($1::text[]) LIMIT 1"
_READ = f"""
SELECT DISTINCT ON (v.ref) v.ref, v.case_id, v.subject, v.kind, v.media_type, v.nonce, v.ciphertext,
       k.master, k.wrapped_key
  FROM vault.openings o JOIN vault.permits p ON p.id = o.permit
  JOIN vault.purposes u ON u.code = p.purpose AND o.field = ANY(u.kinds)
  JOIN vault.values v ON v.ref = o.ref AND v.case_id = o.case_id
  JOIN vault.keys k ON k.case_id = v.case_id AND k.subject = v.subject
 WHERE o.id = ANY($3::bigint[]) AND o.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
   AND {HOLDS}"""
"""Only what has its record, and a permit that holds, both of transactions that are over."""
_OLD_READINGS = """
SELECT at, actor, kind, purpose, refs, '' AS role, NULL AS agency, 0 AS permit, '{}'::text[],
       NULL AS second, 0 AS number FROM vault.grants
 WHERE refs && $1::text[] ORDER BY at, id LIMIT $2"""
_READINGS = """
SELECT o.at, p.actor, p.kind, p.purpose, array_agg(o.ref ORDER BY o.id), p.role, p.agency, p.id,
       array_agg(o.field ORDER BY o.id), p.second, min(o.id)
  FROM vault.openings o JOIN vault.permits p ON p.id = o.permit
 WHERE o.ref = ANY($1::text[]) GROUP BY p.id, o.at
 ORDER BY 1, 11 LIMIT $2"""
READINGS_MAX = 1_000  # of one case: more than anybody reads
_ERASE = """
WITH key AS (DELETE FROM vault.keys WHERE case_id = $1 AND subject = $2 AND $6::text[] IS NULL
             RETURNING 1),
     gone AS (DELETE FROM vault.values WHERE case_id = $1 AND subject = $2
                 AND ($6::text[] IS NULL OR kind = ANY($6::text[])) RETURNING 1)
INSERT INTO vault.erasures (at, actor, case_id, subject, reason, "values")
SELECT $3, $4, $1, $2, $5, (SELECT count(*) FROM gone) + 0 * (SELECT count(*) FROM key)
RETURNING "values" """
_VALUE = BY_NAME["value"]
_ENTRIES = f"""
SELECT l.idx, l.seed, {", ".join(f'v."{name}"' for name in _VALUE.fields)}
  FROM vault.values v JOIN log.leaves l ON l.source = 'value' AND l.id = v.seq"""
_LOGGED = f"""{_ENTRIES}
 WHERE v.case_id = $1 AND v.subject = $2 AND ($3::text[] IS NULL OR v.kind = ANY($3::text[]))
   AND l.seed IS NOT NULL ORDER BY l.idx"""
_LOGGED_REFS = f"""{_ENTRIES}
 WHERE v.ref = ANY($1::text[]) AND l.seed IS NOT NULL ORDER BY l.idx"""
_UNSEED = "UPDATE log.leaves SET seed = NULL, kept = $2 WHERE idx = $1"


class PostgresVault(Permits):
    """Opens sealed values. Writing them is the store's, inside the transaction of their order."""

    def __init__(self, readers: Readers, keys: MasterKeys, clock: Clock) -> None:
        super().__init__(readers, clock)
        self._sealer = Sealer(keys)

    async def read(
        self, refs: Sequence[SealedRef], permits: Sequence[int], *, by: Actor
    ) -> Mapping[SealedRef, tuple[bytes, str]]:
        """See `ports.Vault.read`. Raises ValueError for more than REFS_MAX references, InvalidTag
        where a sealed row was tampered with; the records stay then."""
        wanted = list(dict.fromkeys(refs))
        if len(wanted) > REFS_MAX:
            raise ValueError(f"at most {REFS_MAX} values at once")
        if not wanted:
            return {}
        with seeing_also(account=by.id):
            await self._check_seen(permits)
            # Its own transaction: whatever happens to the reader, the records stay.
            async with self._readers.acquire() as connection, connection.transaction():
                records = await self._record(connection, wanted, permits, by)
            rows = await self._shown.fetch(_READ, by.id, self._clock.now(), records)
        found: dict[SealedRef, tuple[bytes, str]] = {}
        for row in rows:
            value = ValueRow(*tuple(row)[:7])
            key = KeyRow(value.case_id, value.subject, row["master"], row["wrapped_key"])
            found[SealedRef(value.ref)] = self._sealer.open(value, key), value.media_type
        return found

    async def _check_seen(self, permits: Sequence[int]) -> None:
        """The second wall, before anything is recorded: where somebody looks, the permits are on
        what they see. Raises NotPermitted."""
        if onlooker() is None or not permits:
            return
        seen = {row[0] for row in await self._shown.fetch(_SEEN, list(permits))}
        if not seen.issuperset(permits):
            raise NotPermitted

    async def _record(
        self,
        connection: Connection,
        refs: Sequence[SealedRef],
        permits: Sequence[int],
        by: Actor,
    ) -> list[int]:
        """The numbers of the records, one for each value that is there. Raises NotPermitted."""
        now = self._clock.now()
        rows = await connection.fetch(_RECORD, by.id, now, refs, list(permits))
        recorded = {row[1] for row in rows}
        left = [ref for ref in refs if ref not in recorded]
        if left and await connection.fetchval(_LEFT_OUT, left) is not None:
            raise NotPermitted
        return [row[0] for row in rows]

    async def readings(self, refs: Sequence[SealedRef]) -> Sequence[Reading]:
        """See `ports.Vault.readings`."""
        # What was opened before there were permits names no case to go by: it is the node's.
        rows = await self._readers.fetch(_OLD_READINGS, list(refs), READINGS_MAX)
        rows += await self._shown.fetch(_READINGS, list(refs), READINGS_MAX - len(rows))
        return [
            Reading(
                *(row[0], ActorId(row[1]), row[2], row[3], tuple(map(SealedRef, row[4]))),
                role=row[5],
                agency=AgencyId(row[6]) if row[6] is not None else None,
                permit=row[7],
                fields=tuple(row[8]),
                second=ActorId(row[9]) if row[9] is not None else None,
            )
            for row in rows
        ]

    async def erase(self, case_id: CaseId, subject: str, *, by: Actor, reason: str) -> int:
        """Deletes one person's data key and values in one case, and records that it was done
        (never what). Returns how many values there were; journal and board stay whole."""
        async with self._readers.acquire() as connection, connection.transaction():
            await hold_still(connection)
            at = self._clock.now()
            return await erase_in(connection, case_id, subject, at=at, by=by, reason=reason)


async def hold_still(connection: Connection) -> None:
    """In a transaction, before values go. After whatever is being written: no value can come in
    under a key that goes; and the log adds no entry meanwhile."""
    await connection.execute(HOLD_WRITERS)
    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOG_LOCK)


async def erase_in(
    connection: Connection,
    case_id: CaseId,
    subject: str,
    *,
    at: Instant,
    by: Actor,
    reason: str,
    kinds: Sequence[str] | None = None,
) -> int:
    """The erasure itself, in the caller's transaction, after `hold_still`. With `kinds` only values
    of these kinds go, and the key stays for the others. Returns how many values went."""
    only = None if kinds is None else list(kinds)
    await _unseed(connection, case_id, subject, only)
    row = await connection.fetchrow(_ERASE, case_id, subject, at, by.id, reason, only)
    assert row is not None, "an insert returns its row"
    return row[0]


async def _unseed(
    connection: Connection, case_id: CaseId, subject: str, kinds: list[str] | None
) -> None:
    """The salts of the values go with them; their commitments stay, so that proofs stay valid."""
    await _keep(connection, await connection.fetch(_LOGGED, case_id, subject, kinds))


async def unseed_refs(connection: Connection, refs: Sequence[str]) -> None:
    """The same for these values, before the caller's transaction deletes them."""
    await _keep(connection, await connection.fetch(_LOGGED_REFS, list(refs)))


async def _keep(connection: Connection, rows: Sequence[Any]) -> None:
    kept = [(row[0], without_seed(_VALUE, tuple(row)[2:], row[1])) for row in rows]
    await connection.executemany(_UNSEED, kept)
