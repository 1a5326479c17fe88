"""Backup and restore: every table in one file, from one snapshot, checked when it comes back.

A logical copy rather than the server's own dump: it reads any PostgreSQL 15 or newer (also one
that is newer than the embedded programs, or behind TLS) and fills any other, each table has its
count and hash, and what was left out is known. The file is a tar of gzipped COPY texts with
`manifest.json` first.

The vault's rows are sealed and included; the master key is not, unless asked for, and with it goes
the key that signs the log. Without the vault's key a restored database cannot open a single sealed
value; without the log's key a restored node cannot go on with its own log. With the keys inside,
the file is as secret as everything in it. An erased person is gone from new backups, but a backup
made before still holds the data key: keep backups no longer than the retention allows.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

import asyncpg
import msgspec

from tocsin.kernel.shared import Instant
from tocsin.stores.postgres.catalogue import LEDGER, Table, fill_order, tables
from tocsin.stores.postgres.connections import Connection, Dsn, connect, translated
from tocsin.stores.postgres.migrate import migrate, migrations
from tocsin.stores.vault import WrongMasterKey, load_master_keys

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
KEY_MEMBER: Final = "vault.key"
LOG_KEY_MEMBER: Final = "log.key"
MANIFEST_MAX_BYTES: Final = 4_000_000  # a few hundred bytes a table; more is no manifest
CHUNK_BYTES: Final = 1 << 20  # held in memory while hashing
GZIP_LEVEL: Final = 3  # sealed values do not shrink; JSON does at any level
# The journals share their numbers: the next one comes after the last of all of them.
_NUMBERS: Final = """
SELECT setval('journal_seq_seq', 1 + max(seq), false) FROM (
  SELECT 0 AS seq UNION ALL SELECT seq FROM journal UNION ALL SELECT seq FROM unit_journal
  UNION ALL SELECT seq FROM asset_journal UNION ALL SELECT seq FROM alarm_journal) AS numbers"""
_NO_LIMITS: Final = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}


class BackupError(RuntimeError):
    """The backup cannot be made, or must not be restored. One line for the operator."""


@dataclass(frozen=True, slots=True)
class Member:
    """One table: where it belongs, how many rows, and the hash of its file in the tar."""

    schema: str
    name: str
    columns: tuple[str, ...]
    rows: int
    bytes: int
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.schema}.{self.name}.copy.gz"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `migrations` are (name, sha256) of the schema it was made from. A
    backup of an earlier version never holds the log's key."""

    format: int
    at: Instant
    server: str
    migrations: tuple[tuple[str, str], ...]
    members: tuple[Member, ...]
    holds_key: bool
    holds_log_key: bool = False

    @property
    def rows(self) -> int:
        return sum(member.rows for member in self.members)


# -- backup


async def backup(
    dsn: Dsn,
    target: Path,
    *,
    at: Instant,
    with_key: Path | None = None,
    with_log_key: Path | None = None,
) -> tuple[Path, Manifest]:
    """Writes a backup to `target` (a file, or a folder that gets a file named by time) and
    returns where. The node may run meanwhile. `with_key` and `with_log_key` are the
    key files to include.

    The file is private (0600) and complete when it has its name. Raises BackupError, Unavailable.
    """
    if target.is_dir():
        target = target / f"tocsin-{at:%Y%m%d-%H%M%S}.tar"
    if target.exists():
        raise BackupError(f"{target} exists already")
    connection = await translated(connect(dsn, **_NO_LIMITS))
    folder = Path(tempfile.mkdtemp(prefix=".tocsin-backup-", dir=target.parent))
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            ledger = await connection.fetch("SELECT name, sha256 FROM migrations ORDER BY name")
            members = [await _dump(connection, table, folder) for table in await tables(connection)]
            server = await connection.fetchval("SHOW server_version")
        steps = tuple((row[0], row[1]) for row in ledger)
        keys = {KEY_MEMBER: with_key, LOG_KEY_MEMBER: with_log_key}
        given = {name: path for name, path in keys.items() if path is not None}
        manifest = Manifest(
            FORMAT, at, server, steps, tuple(members), KEY_MEMBER in given, LOG_KEY_MEMBER in given
        )
        await asyncio.to_thread(_pack, folder, target, manifest, given)
    finally:
        await connection.close()
        shutil.rmtree(folder, ignore_errors=True)
    return target, manifest


async def _dump(connection: Connection, table: Table, folder: Path) -> Member:
    empty = Member(table.schema, table.name, table.columns, 0, 0, "")
    path = folder / empty.file
    with gzip.GzipFile(path, "wb", GZIP_LEVEL, mtime=0) as out:

        async def write(data: bytes) -> None:
            await asyncio.to_thread(out.write, data)

        status = await connection.copy_from_table(
            table.name, schema_name=table.schema, columns=table.columns, output=write
        )
    sha256 = await asyncio.to_thread(_hash, path)
    return replace(empty, rows=int(status.split()[-1]), bytes=path.stat().st_size, sha256=sha256)


def _pack(folder: Path, target: Path, manifest: Manifest, keys: Mapping[str, Path]) -> None:
    part = folder / "part.tar"
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in (MANIFEST, *(member.file for member in manifest.members)):
                tar.add(folder / name, name)
                (folder / name).unlink()  # a large town fits once on the disk, not twice
            for name, path in keys.items():
                tar.add(path, name)
        out.flush()
        os.fsync(out.fileno())
    os.link(part, target)  # never over another backup


# -- restore


def read_manifest(source: Path) -> Manifest:
    """The manifest of a backup. Raises BackupError where the file is none."""
    try:
        with tarfile.open(source) as tar:
            member = tar.next()
            if member is None or member.name != MANIFEST or member.size > MANIFEST_MAX_BYTES:
                raise BackupError(f"{source} is not a backup of Tocsin")
            manifest = msgspec.json.decode(_file(tar, member).read(), type=Manifest)
    except (OSError, tarfile.TarError, msgspec.MsgspecError) as error:
        raise BackupError(f"{source} cannot be read as a backup: {error}") from error
    if manifest.format != FORMAT:
        raise BackupError(f"{source} is of format {manifest.format}; this version reads {FORMAT}")
    return manifest


async def restore(
    dsn: Dsn, source: Path, *, key_file: Path, log_key_file: Path | None = None
) -> Manifest:
    """Fills an empty database from a backup and brings it to this version's schema.

    All hashes are checked before the first row is written, all counts before the commit.
    `key_file` is the node's key file: written when the backup holds the key, else compared when
    it exists. `log_key_file` is written when the backup holds that key and there is none.
    Raises BackupError (also where the database is not empty), WrongMasterKey, MigrationError,
    Unavailable.
    """
    manifest = await asyncio.to_thread(read_manifest, source)
    await asyncio.to_thread(_check_hashes, source, manifest)
    _check_schema(manifest)
    connection = await translated(connect(dsn, **_NO_LIMITS))
    try:
        if await tables(connection):
            raise BackupError("the database is not empty: restore into a new --data folder")
        wanted = {name for name, _ in manifest.migrations}
        await migrate(dsn, tuple(step for step in migrations() if step.name in wanted))
        try:
            async with connection.transaction():
                await _fill(connection, source, manifest)
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
    return manifest


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


def _check_hashes(source: Path, manifest: Manifest) -> None:
    expected = {member.file: member for member in manifest.members}
    with tarfile.open(source) as tar:
        for entry in tar:
            member = expected.pop(entry.name, None)
            if member is None:
                continue
            found = _digest(_file(tar, entry))
            if entry.size != member.bytes or found != member.sha256:
                raise BackupError(f"{entry.name} in the backup is damaged")
    if expected:
        raise BackupError(f"the backup lacks {', '.join(sorted(expected))}")


async def _fill(connection: Connection, source: Path, manifest: Manifest) -> None:
    members = {(member.schema, member.name): member for member in manifest.members}
    there = await fill_order(connection)
    missing = members.keys() - {(table.schema, table.name) for table in there}
    if missing:
        raise BackupError(f"no table for {', '.join('.'.join(key) for key in sorted(missing))}")
    # Migrations may have put rows of their own in.
    await connection.execute(f"TRUNCATE {', '.join(table.quoted for table in there)}")
    with tarfile.open(source) as tar:
        for table in there:
            member = members.get((table.schema, table.name))
            if member is None:
                raise BackupError(f"the backup has nothing for table {table.path}")
            with gzip.GzipFile(fileobj=_file(tar, tar.getmember(member.file))) as rows:
                await _copy(connection, member, rows)
            if table.identity is not None:
                await connection.execute(
                    f"SELECT setval(pg_get_serial_sequence($1, $2), "
                    f'coalesce(max("{table.identity}"), 0) + 1, false) FROM {table.quoted}',
                    table.quoted,
                    table.identity,
                )


async def _copy(connection: Connection, member: Member, rows: Any) -> None:
    try:
        status = await connection.copy_to_table(
            member.name, schema_name=member.schema, columns=member.columns, source=rows
        )
    except asyncpg.DataError as error:
        raise BackupError(f"{member.file} does not fit its table: {error}") from error
    if status != f"COPY {member.rows}":
        raise BackupError(f"{member.file} has another number of rows than the manifest says")


async def _check_key(
    connection: Connection, source: Path, manifest: Manifest, key_file: Path
) -> None:
    """The node's key file must be the one that sealed what the backup holds."""
    if not key_file.exists():
        return
    keys = load_master_keys(key_file, may_create=False)
    for number, fingerprint in await connection.fetch("SELECT id, fingerprint FROM vault.masters"):
        if number not in keys.by_id or keys.fingerprint(number) != fingerprint:
            raise WrongMasterKey(
                f"{key_file} did not seal this backup: move it away, or find its own"
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
        content = _file(tar, tar.getmember(member)).read()
    descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    found = tar.extractfile(member)
    if found is None:
        raise BackupError(f"{member.name} in the backup is no file")
    return found


def _hash(path: Path) -> str:
    with path.open("rb") as content:
        return _digest(content)


def _digest(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
