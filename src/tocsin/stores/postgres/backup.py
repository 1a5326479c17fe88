"""Backup and restore: every table, from one snapshot, checked when it comes back.

A logical copy rather than the server's own dump: it reads any PostgreSQL 15 or newer (also one
that is newer than the embedded programs, or behind TLS) and fills any other, each table has its
count and hash, and what was left out is known. Two files, each a tar of gzipped COPY texts with
its manifest first:

- the data (`town.tar`): everything but the wrapped data keys of the vault;
- the keys (`town.keys`, see `backup_keys`), with days of their own. Without them nothing sealed in
  the data can be read, so an erased person is gone from all backups once the keys' files from
  before the erasure are.

The master key is in neither, unless asked for, and with it goes the key that signs the log.
Without the vault's key a restored database cannot open a single sealed value; without the log's
key a restored node cannot go on with its own log.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from tocsin.kernel.shared import Instant
from tocsin.stores.postgres.backup_files import (
    MANIFEST,
    PART,
    BackupError,
    Member,
    check_hashes,
    dump,
    file_in,
    fill,
    pack,
    put,
    read_first,
)
from tocsin.stores.postgres.backup_keys import (
    KEYS,
    KEYS_FORMAT,
    KeysManifest,
    digest_of_members,
    dump_keys,
    keys_beside,
    masters_of,
    newest_keys,
    node_of,
    pack_keys,
    read_keys,
)
from tocsin.stores.postgres.catalogue import LEDGER, fill_order, tables
from tocsin.stores.postgres.connections import Connection, Dsn, connect, translated
from tocsin.stores.postgres.erased_again import fill_keys, fill_without_keys
from tocsin.stores.postgres.migrate import migrate, migrations
from tocsin.stores.vault import WrongMasterKey, load_master_keys, retired_beside

FORMAT: Final = 2
FORMATS: Final = (1, FORMAT)
"""The first had the keys inside."""
KEY_MEMBER: Final = "vault.key"
LOG_KEY_MEMBER: Final = "log.key"
# The journals share their numbers: the next one comes after the last of all of them.
_NUMBERS: Final = """
SELECT setval('journal_seq_seq', 1 + max(seq), false) FROM (
  SELECT 0 AS seq UNION ALL SELECT seq FROM journal UNION ALL SELECT seq FROM unit_journal
  UNION ALL SELECT seq FROM asset_journal UNION ALL SELECT seq FROM alarm_journal) AS numbers"""
_MASTERS: Final = """
SELECT m.id, m.fingerprint, EXISTS (SELECT FROM vault.keys k WHERE k.master = m.id)
  FROM vault.masters m ORDER BY m.id"""
_NO_LIMITS: Final = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the data's file holds. `migrations` are (name, sha256) of the schema it was made from.
    `id` is also in the keys' file of the same moment, `keys_sha256` is the hash of what that one
    holds, `node` the fingerprint of the node's first master key; a backup of format 1 has neither,
    and one of an earlier version never holds the log's key."""

    format: int
    at: Instant
    server: str
    migrations: tuple[tuple[str, str], ...]
    members: tuple[Member, ...]
    holds_key: bool
    holds_log_key: bool = False
    id: str = ""
    node: str = ""
    keys_sha256: str = ""

    @property
    def rows(self) -> int:
        return sum(member.rows for member in self.members)

    @property
    def has_keys_inside(self) -> bool:
        """A backup of format 1."""
        return any(member.path == KEYS for member in self.members)


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: the data, from which keys' file, and how many sealed values stayed away
    because they were erased since (or, without keys, because nobody can open them)."""

    manifest: Manifest
    keys_file: Path | None
    keys_at: Instant | None
    gone: int


# -- backup


async def backup(
    dsn: Dsn,
    target: Path,
    *,
    at: Instant,
    keys: Path | None = None,
    with_key: Path | None = None,
    with_log_key: Path | None = None,
) -> tuple[Path, Manifest]:
    """Writes a backup to `target` (a file, or a folder that gets a file named by time) and
    returns where. The node may run meanwhile. The keys' file goes to `keys` (a file, or a folder),
    else beside (`backup_keys.keys_beside` tells where). `with_key` and `with_log_key` are the key
    files to include in the data's.

    Files are private (0600), and complete when they have their names. Raises BackupError,
    Unavailable.
    """
    if target.is_dir():
        target = target / f"tocsin-{at:%Y%m%d-%H%M%S}.tar"
    keys_target = keys_beside(target, keys)
    for each in (target, keys_target):
        if each.exists():
            raise BackupError(f"{each} exists already")
    connection = await translated(connect(dsn, **_NO_LIMITS))
    folder = Path(tempfile.mkdtemp(prefix=PART, dir=target.parent))
    keys_folder = Path(tempfile.mkdtemp(prefix=PART, dir=keys_target.parent))
    given = {KEY_MEMBER: with_key, LOG_KEY_MEMBER: with_log_key}
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            manifest, of_keys, masters = await _dump_all(connection, folder, keys_folder, at, given)
        content = msgspec.json.format(msgspec.json.encode(manifest))
        files = [member.file for member in manifest.members]
        for name, path in given.items():
            if path is not None:
                shutil.copy2(path, folder / name)
                files.append(name)
        data = await asyncio.to_thread(pack, folder, MANIFEST, content, files)
        named = KeysManifest(
            KEYS_FORMAT, manifest.id, at, manifest.node,
            hashlib.sha256(content).hexdigest(), of_keys, masters,
        )  # fmt: skip
        packed = await asyncio.to_thread(pack_keys, keys_folder, named)
        put({keys_target: packed, target: data})
    finally:
        await connection.close()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(keys_folder, ignore_errors=True)
    return target, manifest


async def _dump_all(
    connection: Connection, folder: Path, keys_folder: Path, at: Instant,
    given: dict[str, Path | None],
) -> tuple[Manifest, tuple[Member, ...], tuple[int, ...]]:  # fmt: skip
    """The files of both, from one snapshot; the manifest of the data, the members of the keys'
    file and the master keys that it needs."""
    ledger = await connection.fetch("SELECT name, sha256 FROM migrations ORDER BY name")
    members = [
        await dump(connection, Member(each.schema, each.name, each.columns, 0, 0, ""), folder)
        for each in await tables(connection)
        if each.path != KEYS
    ]
    of_keys = await dump_keys(connection, keys_folder)
    digest = digest_of_members(of_keys)
    held = [name for name, path in given.items() if path is not None]
    told = f"{at.isoformat()} {digest_of_members(members)} {digest} {held}"
    manifest = Manifest(
        FORMAT,
        at,
        await connection.fetchval("SHOW server_version"),
        tuple((row[0], row[1]) for row in ledger),
        tuple(members),
        KEY_MEMBER in held,
        LOG_KEY_MEMBER in held,
        hashlib.sha256(told.encode()).hexdigest()[:32],
        await node_of(connection),
        digest,
    )
    return manifest, of_keys, await masters_of(connection)


# -- restore


def read_manifest(source: Path) -> Manifest:
    """The manifest of a backup. Raises BackupError where the file is none."""
    return _read_manifest(source)[0]


def _read_manifest(source: Path) -> tuple[Manifest, str]:
    manifest, sha256 = read_first(source, MANIFEST, Manifest, "a backup")
    if manifest.format not in FORMATS:
        raise BackupError(f"{source} is of format {manifest.format}; this version reads {FORMATS}")
    return manifest, sha256


async def restore(
    dsn: Dsn,
    source: Path,
    *,
    key_file: Path,
    log_key_file: Path | None = None,
    keys: Path | None = None,
    lost_at: Instant | None = None,
) -> Restored:
    """Fills an empty database from a backup and brings it to this version's schema.

    `keys` is the keys' file, or a folder whose newest keys' file of this node is taken; without it
    the folder of `source` is looked at. Newer keys than the data are right: what was erased since
    is erased again. With `lost_at`, now, no keys are taken and every sealed value is gone.

    All hashes are checked before the first row is written, all counts before the commit.
    `key_file` is the node's key file: written when the backup holds the key, else compared when
    it exists. `log_key_file` is written when the backup holds that key and there is none.
    Raises BackupError (also where the database is not empty), WrongMasterKey, MigrationError,
    Unavailable.
    """
    manifest, sha256 = await asyncio.to_thread(_read_manifest, source)
    await asyncio.to_thread(check_hashes, source, manifest.members)
    _check_schema(manifest)
    chosen = None
    if lost_at is None:
        chosen = await asyncio.to_thread(_choose_keys, source, manifest, sha256, keys)
    connection = await translated(connect(dsn, **_NO_LIMITS))
    try:
        if await tables(connection):
            raise BackupError("the database is not empty: restore into a new --data folder")
        wanted = {name for name, _ in manifest.migrations}
        await migrate(dsn, tuple(step for step in migrations() if step.name in wanted))
        try:
            async with connection.transaction():
                are_inside = chosen is None and lost_at is None
                await _fill(connection, source, manifest, are_inside)
                gone = 0
                if chosen is not None:
                    is_pair = chosen[1].backup == manifest.id
                    gone = await fill_keys(connection, *chosen, is_pair=is_pair)
                elif lost_at is not None:
                    gone = await fill_without_keys(connection, lost_at)
                await _check_key(connection, source, manifest, key_file)
        except BaseException:
            await _empty(connection)
            raise
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    if manifest.holds_key and not key_file.exists():
        await asyncio.to_thread(_write_key, source, KEY_MEMBER, key_file)
    if manifest.holds_log_key and log_key_file is not None and not log_key_file.exists():
        await asyncio.to_thread(_write_key, source, LOG_KEY_MEMBER, log_key_file)
    await migrate(dsn)
    await _number_on(dsn)
    if chosen is None:
        return Restored(manifest, None, None, gone)
    return Restored(manifest, chosen[0], chosen[1].at, gone)


def _choose_keys(
    source: Path, manifest: Manifest, sha256: str, keys: Path | None
) -> tuple[Path, KeysManifest] | None:
    """The keys' file to take, checked; None where the data has its keys inside and no other file
    was named. Raises BackupError."""
    if manifest.has_keys_inside and keys is None:
        return None
    if keys is not None and not keys.is_dir():
        found = keys, read_keys(keys)
    else:
        folder = keys or source.parent
        found = newest_keys(folder, manifest.node)
        if found is None:
            raise BackupError(
                f"no keys' file of this node is in {folder}: name it with --keys, or restore "
                "--without-keys, and everything sealed is gone for good"
            )
    path, named = found
    if not manifest.has_keys_inside and named.node != manifest.node:
        raise BackupError(f"{path} has the keys of another node")
    check_hashes(path, named.members)
    is_pair = named.backup == manifest.id
    if is_pair and named.data_sha256 != sha256:
        raise BackupError(f"{source} was changed since its keys were written")
    if is_pair and manifest.keys_sha256 != digest_of_members(named.members):
        raise BackupError(f"{path} was changed since its data was written")
    return found


async def _number_on(dsn: Dsn) -> None:
    connection = await translated(connect(dsn, **_NO_LIMITS))
    try:
        await connection.execute(_NUMBERS)
    finally:
        await connection.close()


def _check_schema(manifest: Manifest) -> None:
    known = {step.name: step.sha256 for step in migrations()}
    for name, sha256 in manifest.migrations:
        if name not in known:
            raise BackupError(f"the backup has migration {name}: restore it with a newer Tocsin")
        if known[name] != sha256:
            raise BackupError(f"migration {name} of the backup is another one")


async def _fill(
    connection: Connection, source: Path, manifest: Manifest, are_keys_inside: bool
) -> None:
    members = {(member.schema, member.name): member for member in manifest.members}
    there = await fill_order(connection)
    missing = members.keys() - {(table.schema, table.name) for table in there}
    if missing:
        raise BackupError(f"no table for {', '.join('.'.join(key) for key in sorted(missing))}")
    # Migrations may have put rows of their own in.
    await connection.execute(f"TRUNCATE {', '.join(table.quoted for table in there)}")
    with tarfile.open(source) as tar:
        for table in there:
            if table.path == KEYS and not are_keys_inside:
                continue
            member = members.get((table.schema, table.name))
            if member is None:
                raise BackupError(f"the backup has nothing for table {table.path}")
            await fill(connection, tar, member, table.name, table.schema)
            if table.identity is not None:
                await connection.execute(
                    f"SELECT setval(pg_get_serial_sequence($1, $2), "
                    f'coalesce(max("{table.identity}"), 0) + 1, false) FROM {table.quoted}',
                    table.quoted,
                    table.identity,
                )


async def _check_key(
    connection: Connection, source: Path, manifest: Manifest, key_file: Path
) -> None:
    """The node's key file must be the one that sealed what the backup holds."""
    if not key_file.exists():
        return
    keys = load_master_keys(key_file, may_create=False)
    for number, fingerprint, is_needed in await connection.fetch(_MASTERS):
        if number in keys.by_id and keys.fingerprint(number) != fingerprint:
            raise WrongMasterKey(
                f"{key_file} did not seal this backup: move it away, or find its own"
            )
        if number not in keys.by_id and is_needed:
            raise WrongMasterKey(
                f"this backup needs vault key {number}: add its line to {key_file}, from "
                f"{retired_beside(key_file)} or a copy of that time"
            )


async def _empty(connection: Connection) -> None:
    """After a restore that failed the database is as empty as before."""
    if connection.is_closed():
        return
    # Ours only: extensions and other people's things may live in `public`, too.
    mine = [table.quoted for table in await tables(connection)] + [LEDGER]
    await connection.execute(f"DROP TABLE IF EXISTS {', '.join(mine)} CASCADE")
    await connection.execute("DROP SCHEMA IF EXISTS vault, log CASCADE")


def _write_key(source: Path, member: str, key_file: Path) -> None:
    with tarfile.open(source) as tar:
        content = file_in(tar, tar.getmember(member)).read()
    descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


__all__ = ["BackupError", "Manifest", "Restored", "backup", "read_manifest", "restore"]
