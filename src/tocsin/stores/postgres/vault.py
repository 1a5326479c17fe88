"""`ports.Vault` on PostgreSQL: the trace first, in its own transaction; then the read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tocsin.kernel.shared import Actor, ActorId, CaseId, SealedRef
from tocsin.runtime.ports import Clock, Reading
from tocsin.stores.log.leaves import BY_NAME, without_seed
from tocsin.stores.postgres.connections import Connection, Readers
from tocsin.stores.postgres.log_rows import LOG_LOCK
from tocsin.stores.postgres.writer import HOLD_WRITERS
from tocsin.stores.vault import KeyRow, MasterKeys, Sealer, ValueRow

REFS_MAX = 1_000  # values of one reading: a page of cases with everything on it

_GRANT = """
INSERT INTO vault.grants (at, actor, kind, purpose, refs) VALUES ($1, $2, $3, $4, $5)"""
_READ = """
SELECT v.ref, v.case_id, v.subject, v.kind, v.media_type, v.nonce, v.ciphertext,
       k.master, k.wrapped_key
  FROM vault.values v JOIN vault.keys k USING (case_id, subject)
 WHERE v.ref = ANY($1::text[])"""
_READINGS = """
SELECT at, actor, kind, purpose, refs FROM vault.grants
 WHERE refs && $1::text[] ORDER BY id LIMIT $2"""
READINGS_MAX = 1_000  # of one case: more than anybody reads
_ERASE = """
WITH key AS (DELETE FROM vault.keys WHERE case_id = $1 AND subject = $2 RETURNING 1),
     gone AS (DELETE FROM vault.values WHERE case_id = $1 AND subject = $2 RETURNING 1)
INSERT INTO vault.erasures (at, actor, case_id, subject, reason, "values")
SELECT $3, $4, $1, $2, $5, (SELECT count(*) FROM gone) + 0 * (SELECT count(*) FROM key)
RETURNING "values" """
_VALUE = BY_NAME["value"]
_LOGGED = f"""
SELECT l.idx, l.seed, {", ".join(f'v."{name}"' for name in _VALUE.fields)}
  FROM vault.values v JOIN log.leaves l ON l.source = 'value' AND l.id = v.seq
 WHERE v.case_id = $1 AND v.subject = $2 AND l.seed IS NOT NULL ORDER BY l.idx"""
_UNSEED = "UPDATE log.leaves SET seed = NULL, kept = $2 WHERE idx = $1"


class PostgresVault:
    """Opens sealed values. Writing them is the store's, inside the transaction of their order."""

    def __init__(self, readers: Readers, keys: MasterKeys, clock: Clock) -> None:
        self._readers = readers
        self._sealer = Sealer(keys)
        self._clock = clock

    async def open(
        self, refs: Sequence[SealedRef], *, by: Actor, purpose: str
    ) -> Mapping[SealedRef, tuple[bytes, str]]:
        """See `ports.Vault.open`. Raises ValueError for an empty purpose or more than REFS_MAX
        references, InvalidTag where a sealed row was tampered with."""
        wanted = list(dict.fromkeys(refs))
        if not purpose.strip():
            raise ValueError("a reading has a purpose")
        if len(wanted) > REFS_MAX:
            raise ValueError(f"at most {REFS_MAX} values at once")
        if not wanted:
            return {}
        async with self._readers.acquire() as connection:
            # Its own transaction: whatever happens to the reader, the trace stays.
            await connection.execute(
                _GRANT, self._clock.now(), by.id, by.kind, purpose, [str(ref) for ref in wanted]
            )
            rows = await connection.fetch(_READ, wanted)
        found: dict[SealedRef, tuple[bytes, str]] = {}
        for row in rows:
            value = ValueRow(*tuple(row)[:7])
            key = KeyRow(value.case_id, value.subject, row["master"], row["wrapped_key"])
            found[SealedRef(value.ref)] = self._sealer.open(value, key), value.media_type
        return found

    async def readings(self, refs: Sequence[SealedRef]) -> Sequence[Reading]:
        """See `ports.Vault.readings`."""
        rows = await self._readers.fetch(_READINGS, list(refs), READINGS_MAX)
        return [
            Reading(at, ActorId(actor), kind, purpose, tuple(map(SealedRef, read)))
            for at, actor, kind, purpose, read in rows
        ]

    async def erase(self, case_id: CaseId, subject: str, *, by: Actor, reason: str) -> int:
        """Deletes one person's data key and values in one case, and records that it was done
        (never what). Returns how many values there were; journal and board stay whole."""
        async with self._readers.acquire() as connection, connection.transaction():
            # After whatever is being written: no value can come in under the key that goes.
            await connection.execute(HOLD_WRITERS)
            await _unseed(connection, case_id, subject)
            row = await connection.fetchrow(
                _ERASE, case_id, subject, self._clock.now(), by.id, reason
            )
        assert row is not None, "an insert returns its row"
        return row[0]


async def _unseed(connection: Connection, case_id: CaseId, subject: str) -> None:
    """The salts of the values go with them; their commitments stay, so that proofs stay valid."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOG_LOCK)
    rows = await connection.fetch(_LOGGED, case_id, subject)
    kept = [(row[0], without_seed(_VALUE, tuple(row)[2:], row[1])) for row in rows]
    await connection.executemany(_UNSEED, kept)
