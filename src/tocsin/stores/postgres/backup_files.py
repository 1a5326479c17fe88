"""What both files of a backup are made of: a tar of gzipped COPY texts behind a manifest."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import asyncpg
import msgspec

from tocsin.stores.postgres.connections import Connection

MANIFEST: Final = "manifest.json"
MANIFEST_MAX_BYTES: Final = 4_000_000  # a few hundred bytes a table; more is no manifest
CHUNK_BYTES: Final = 1 << 20  # held in memory while hashing
GZIP_LEVEL: Final = 3  # sealed values do not shrink; JSON does at any level
PART: Final = ".tocsin-backup-"
"""Begins the name of the folder of a backup that is being made."""

Told = TypeVar("Told")


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
    def path(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def file(self) -> str:
        return f"{self.path}.copy.gz"


# -- writing


async def dump(connection: Connection, empty: Member, folder: Path) -> Member:
    """Writes a table's rows to its file in `folder`; returns it with its count and hash."""
    path = folder / empty.file
    with gzip.GzipFile(path, "wb", GZIP_LEVEL, mtime=0) as out:

        async def write(data: bytes) -> None:
            await asyncio.to_thread(out.write, data)

        status = await connection.copy_from_table(
            empty.name, schema_name=empty.schema, columns=empty.columns, output=write
        )
    sha256 = await asyncio.to_thread(hash_of, path)
    return replace(empty, rows=int(status.split()[-1]), bytes=path.stat().st_size, sha256=sha256)


def pack(folder: Path, name: str, manifest: bytes, files: Sequence[str]) -> Path:
    """One private file (0600), on disk, from the members in `folder`, which go into it; the
    manifest, called `name`, is first. It has no name of its own yet: `put` gives it."""
    part = folder / "part.tar"
    (folder / name).write_bytes(manifest)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for each in (name, *files):
                tar.add(folder / each, each)
                (folder / each).unlink()  # a large town fits once on the disk, not twice
        out.flush()
        os.fsync(out.fileno())
    return part


def put(parts: Mapping[Path, Path]) -> None:
    """Gives each file (value) its name (key), never over another. All of them, or none."""
    done: list[Path] = []
    try:
        for target, part in parts.items():
            os.link(part, target)
            done.append(target)
            sync_folder(target.parent)
    except BaseException:
        for target in done:
            target.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Names in it are on disk afterwards."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# -- reading


def read_first(source: Path, name: str, kind: type[Told], what: str) -> tuple[Told, str]:
    """The manifest of a file and its hash. Raises BackupError where the file is no `what`."""
    try:
        with tarfile.open(source) as tar:
            member = tar.next()
            if member is None or member.name != name or member.size > MANIFEST_MAX_BYTES:
                raise BackupError(f"{source} is not {what} of Tocsin")
            content = file_in(tar, member).read()
            return msgspec.json.decode(content, type=kind), hashlib.sha256(content).hexdigest()
    except (OSError, tarfile.TarError, msgspec.MsgspecError) as error:
        raise BackupError(f"{source} cannot be read as {what}: {error}") from error


def check_hashes(source: Path, members: Sequence[Member]) -> None:
    """Every member is there as it was written. Raises BackupError."""
    expected = {member.file: member for member in members}
    with tarfile.open(source) as tar:
        for entry in tar:
            member = expected.pop(entry.name, None)
            if member is None:
                continue
            found = digest_of(file_in(tar, entry))
            if entry.size != member.bytes or found != member.sha256:
                raise BackupError(f"{entry.name} in {source.name} is damaged")
    if expected:
        raise BackupError(f"{source.name} lacks {', '.join(sorted(expected))}")


async def fill(
    connection: Connection, tar: tarfile.TarFile, member: Member, table: str, schema: str
) -> None:
    """Copies a member into a table. Raises BackupError."""
    with gzip.GzipFile(fileobj=file_in(tar, tar.getmember(member.file))) as rows:
        source: Any = rows
        try:
            status = await connection.copy_to_table(
                table, schema_name=schema, columns=member.columns, source=source
            )
        except asyncpg.DataError as error:
            raise BackupError(f"{member.file} does not fit its table: {error}") from error
    if status != f"COPY {member.rows}":
        raise BackupError(f"{member.file} has another number of rows than the manifest says")


def file_in(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    """The content of a member. Raises BackupError."""
    found = tar.extractfile(member)
    if found is None:
        raise BackupError(f"{member.name} in the backup is no file")
    return found


def hash_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as content:
        return digest_of(content)


def digest_of(content: IO[bytes]) -> str:
    """SHA-256 of what is left to read, in hexadecimal."""
    digest = hashlib.sha256()
    while chunk := content.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
