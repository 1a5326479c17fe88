"""Older data under newer keys: what was erased in between is erased again.

Called in the transaction that fills the database, so that nobody ever sees a restored node that
can open what it must not. The keys' file says which values were there when it was written. A value
of the data that was not has to have a record of its erasure that the data does not know yet; it
goes, and the record comes in. A value that is missing without a record means that the keys' file is
of another past: then nothing is restored.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Final

from tocsin.kernel.shared import Instant
from tocsin.stores.postgres.backup_files import BackupError, fill
from tocsin.stores.postgres.backup_keys import KEYS, LEDGER, LIVING, MASTERS, KeysManifest
from tocsin.stores.postgres.connections import Connection
from tocsin.stores.postgres.vault import unseed_refs

PAGE: Final = 2_000  # values taken apart at a time: a few megabytes
NO_KEYS: Final = "keys_gone"
"""The ground that is recorded where a restore had no keys."""
OPERATOR: Final = "operator"
_MAKE: Final = (
    'CREATE TEMP TABLE living (ref text COLLATE "C" PRIMARY KEY) ON COMMIT DROP',
    "CREATE TEMP TABLE masters_then ON COMMIT DROP AS SELECT * FROM vault.masters WITH NO DATA",
    "CREATE TEMP TABLE erased_then ON COMMIT DROP AS "
    'SELECT id, at, actor, case_id, subject, reason, "values" FROM vault.erasures WITH NO DATA',
    'CREATE TEMP TABLE gone (ref text COLLATE "C" PRIMARY KEY, case_id text COLLATE "C", '
    'subject text COLLATE "C") ON COMMIT DROP',
)
_OTHER_MASTERS: Final = """
SELECT count(*) FROM vault.masters m JOIN masters_then t USING (id)
 WHERE m.fingerprint <> t.fingerprint"""
_NEW_MASTERS: Final = (
    "INSERT INTO vault.masters SELECT * FROM masters_then ON CONFLICT (id) DO NOTHING"
)
_OTHER_PAST: Final = """
SELECT count(*) FROM vault.erasures e WHERE NOT EXISTS (
  SELECT 1 FROM erased_then t
   WHERE t.id = e.id AND t.at = e.at AND t.case_id = e.case_id AND t.subject = e.subject)"""
_ONLY_SINCE: Final = (
    "DELETE FROM erased_then t WHERE EXISTS (SELECT 1 FROM vault.erasures e WHERE e.id = t.id)"
)
_GONE: Final = """
INSERT INTO gone SELECT v.ref, v.case_id, v.subject FROM vault.values v
 WHERE NOT EXISTS (SELECT 1 FROM living l WHERE l.ref = v.ref)
    OR NOT EXISTS (SELECT 1 FROM vault.keys k
                    WHERE k.case_id = v.case_id AND k.subject = v.subject)"""
_UNEXPLAINED: Final = """
SELECT count(*) FROM gone g WHERE NOT EXISTS (
  SELECT 1 FROM erased_then t WHERE t.case_id = g.case_id AND t.subject = g.subject)"""
_RECORDS: Final = """
INSERT INTO vault.erasures (id, at, actor, case_id, subject, reason, "values")
OVERRIDING SYSTEM VALUE
SELECT t.id, t.at, t.actor, t.case_id, t.subject, t.reason, t."values" FROM erased_then t
 WHERE EXISTS (SELECT 1 FROM gone g WHERE g.case_id = t.case_id AND g.subject = t.subject)
 ORDER BY t.id"""
_NUMBER_ON: Final = """
SELECT setval(pg_get_serial_sequence('vault.erasures', 'id'), coalesce(max(id), 0) + 1, false)
  FROM vault.erasures"""
_LATER_KEYS: Final = """
DELETE FROM vault.keys k WHERE NOT EXISTS (
  SELECT 1 FROM vault.values v WHERE v.case_id = k.case_id AND v.subject = k.subject)"""
_ALL: Final = "INSERT INTO gone SELECT ref, case_id, subject FROM vault.values"
_RECORD_ALL: Final = """
INSERT INTO vault.erasures (at, actor, case_id, subject, reason, "values")
SELECT $1, $2, case_id, subject, $3, count(*) FROM gone
 GROUP BY case_id, subject ORDER BY case_id, subject"""
_HAS_LOG: Final = "SELECT to_regclass('log.leaves') IS NOT NULL"


async def fill_keys(
    connection: Connection, source: Path, keys: KeysManifest, *, is_pair: bool
) -> int:
    """Fills `vault.keys` and erases again what was erased since the data was written. Returns how
    many values went. `is_pair`: keys and data are of one moment. Raises BackupError where the
    keys do not fit the data; the caller's transaction then leaves nothing."""
    for sql in _MAKE:
        await connection.execute(sql)
    with tarfile.open(source) as tar:
        await fill(connection, tar, keys.member(KEYS), "keys", "vault")
        await fill(connection, tar, keys.member(LIVING), "living", "pg_temp")
        await fill(connection, tar, keys.member(MASTERS), "masters_then", "pg_temp")
        await fill(connection, tar, keys.member(LEDGER), "erased_then", "pg_temp")
    if await connection.fetchval(_OTHER_MASTERS):
        raise BackupError(f"{source} has the keys of another node")
    await connection.execute(_NEW_MASTERS)
    if await connection.fetchval(_OTHER_PAST):
        raise BackupError(
            f"{source} does not know of erasures that the data knows: it is older, or of a node "
            "that was restored since"
        )
    await connection.execute(_ONLY_SINCE)
    await connection.execute(_GONE)
    lost = await connection.fetchval(_UNEXPLAINED)
    if lost:
        raise BackupError(
            f"{source} lacks the keys of {lost} values that nobody erased: it is older than the "
            "data, or of a node that was restored since"
        )
    await connection.execute(_RECORDS)
    gone = await _let_go(connection)
    if not is_pair:
        await connection.execute(_LATER_KEYS)
    await connection.execute(_NUMBER_ON)
    return gone


async def fill_without_keys(connection: Connection, at: Instant) -> int:
    """Lets every sealed value of the data go, each scope with a record: nobody can open them, and
    a new key of the same scope must not meet old values. Returns how many went."""
    for sql in _MAKE:
        await connection.execute(sql)
    await connection.execute(_ALL)
    await connection.execute(_RECORD_ALL, at, OPERATOR, NO_KEYS)
    return await _let_go(connection)


async def _let_go(connection: Connection) -> int:
    """The values in `gone`, as an erasure does it: their salts first, so that proofs stay valid."""
    has_log = await connection.fetchval(_HAS_LOG)
    count, after = 0, ""
    while True:
        rows = await connection.fetch(
            "SELECT ref FROM gone WHERE ref > $1 ORDER BY ref LIMIT $2", after, PAGE
        )
        refs = [row[0] for row in rows]
        if not refs:
            return count
        if has_log:
            await unseed_refs(connection, refs)
        await connection.execute("DELETE FROM vault.values WHERE ref = ANY($1::text[])", refs)
        count, after = count + len(refs), refs[-1]
