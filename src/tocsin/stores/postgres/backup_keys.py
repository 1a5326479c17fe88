"""The keys' file of a backup: the wrapped data keys, apart from the values that they open.

Values and keys have different days. The data is kept for years; a data key that lies beside it
opens an erased person for as long. So the keys are a file of their own (`town.keys` beside
`town.tar`), and only the newest of these has to be kept: it opens all older data, but for what was
erased since. Older ones go after `KEYS_KEPT_DAYS` (`prune`).

It holds what it takes to carry out again, in older data, what was erased since: the keys, the
names of all values that were there, and the record of erasures. Nothing of it is personal, and
without the master key it opens nothing.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from tocsin.kernel.shared import Instant
from tocsin.stores.postgres.backup_files import (
    MANIFEST,
    PART,
    BackupError,
    Member,
    dump,
    pack,
    read_first,
    sync_folder,
)
from tocsin.stores.postgres.connections import Connection

KEYS_FORMAT: Final = 1
KEYS_MANIFEST: Final = "keys.json"
SUFFIX: Final = ".keys"
KEYS: Final = "vault.keys"
"""What is in the keys' file and not in the data's."""
MASTERS: Final = "vault.masters"
LEDGER: Final = "vault.erasures"
LIVING: Final = "vault.values"
"""The values that were there, by name: a key may stay when some of its values go."""
COLUMNS: Final = {
    KEYS: ("case_id", "subject", "master", "wrapped_key"),
    MASTERS: ("id", "fingerprint"),
    LEDGER: ("id", "at", "actor", "case_id", "subject", "reason", "values"),
    LIVING: ("ref",),
}
"""Fixed by the format of the file and not by the schema: keys of today have to fit data of years
ago, which is filled into the schema of then."""
KEYS_KEPT_DAYS: Final = 14  # an erased person is out of every backup well within a month's notice
KEYS_KEPT_DAYS_MAX: Final = 366  # more is not a horizon
_MASTERS_IN_USE: Final = "SELECT DISTINCT master FROM vault.keys ORDER BY master"
_NODE: Final = "SELECT encode(fingerprint, 'hex') FROM vault.masters ORDER BY id LIMIT 1"


@dataclass(frozen=True, slots=True)
class KeysManifest:
    """What a keys' file holds. `backup` names the data's file of the same moment, `data_sha256` is
    the hash of its manifest; `node` is the fingerprint of the node's first master key. `masters`
    are the numbers of the master keys that the keys are wrapped under, so that are needed to read
    anything; empty in a file of before this was said."""

    format: int
    backup: str
    at: Instant
    node: str
    data_sha256: str
    members: tuple[Member, ...]
    masters: tuple[int, ...] = ()

    def member(self, path: str) -> Member:
        """Raises BackupError where there is none."""
        for each in self.members:
            if each.path == path:
                return each
        raise BackupError(f"the keys' file lacks {path}")


def keys_beside(data: Path, wanted: Path | None = None) -> Path:
    """The keys' file that belongs to a data's file of this name, in the same folder or in
    `wanted`, a folder or a file. Raises BackupError for a name that is a keys' file's own."""
    if data.suffix == SUFFIX:
        raise BackupError(f"{data} is the name of a keys' file: name the data's")
    name = f"{data.stem if data.suffix == '.tar' else data.name}{SUFFIX}"
    if wanted is None:
        return data.with_name(name)
    if wanted.is_dir():
        return wanted / name
    if wanted.suffix != SUFFIX:
        raise BackupError(f"{wanted} is neither a folder nor ends in {SUFFIX}")
    return wanted


async def node_of(connection: Connection) -> str:
    """Whose keys these are; empty where nothing was ever sealed."""
    return await connection.fetchval(_NODE) or ""


async def masters_of(connection: Connection) -> tuple[int, ...]:
    """Under which master keys something is wrapped."""
    return tuple(row[0] for row in await connection.fetch(_MASTERS_IN_USE))


async def dump_keys(connection: Connection, folder: Path) -> tuple[Member, ...]:
    """The members of the keys' file, in the caller's snapshot."""
    found: list[Member] = []
    for path, columns in COLUMNS.items():
        schema, _, name = path.partition(".")
        found.append(await dump(connection, Member(schema, name, columns, 0, 0, ""), folder))
    return tuple(found)


def digest_of_members(members: Sequence[Member]) -> str:
    """One hash for all of a file's members."""
    return hashlib.sha256(msgspec.json.encode(members)).hexdigest()


def pack_keys(folder: Path, manifest: KeysManifest) -> Path:
    """See `backup_files.pack`."""
    content = msgspec.json.format(msgspec.json.encode(manifest))
    return pack(folder, KEYS_MANIFEST, content, [each.file for each in manifest.members])


def read_keys(source: Path) -> KeysManifest:
    """The manifest of a keys' file. Raises BackupError where the file is none."""
    manifest, _ = read_first(source, KEYS_MANIFEST, KeysManifest, "a keys' file")
    if manifest.format != KEYS_FORMAT:
        raise BackupError(
            f"{source} is of format {manifest.format}; this version reads {KEYS_FORMAT}"
        )
    return manifest


def newest_keys(folder: Path, node: str) -> tuple[Path, KeysManifest] | None:
    """The last keys' file of a node in a folder. Raises BackupError where one cannot be read: it
    may be the newest, and an older one opens what was erased since."""
    mine = [
        (path, manifest)
        for path in sorted(folder.glob(f"*{SUFFIX}"))
        if (manifest := read_keys(path)).node == node
    ]
    return max(mine, key=lambda each: (each[1].at, each[0].name), default=None)


# -- the horizon


@dataclass(frozen=True, slots=True)
class Pruned:
    """What became of the files of a folder."""

    removed: tuple[Path, ...]
    stays: tuple[Path, ...]
    overdue: tuple[Path, ...]
    """The newest of their node, past the horizon all the same: no backup was made since."""
    unread: tuple[Path, ...]
    """They may hold keys, and are not touched."""
    inside: tuple[Path, ...]
    """Data past the horizon that holds its keys (a backup of an earlier version). Not touched: it
    may be the only one."""


class _Data(msgspec.Struct):
    """So much of the manifest of a data's file as this needs."""

    at: Instant
    members: tuple[Member, ...]


def prune(folder: Path, *, now: Instant, kept: timedelta, is_rehearsal: bool = False) -> Pruned:
    """Removes the keys' files of a folder that were written more than `kept` before `now`, but
    never the newest of a node, and what a backup that was killed has left. With `is_rehearsal`
    nothing is removed. Raises OSError."""
    files: dict[Path, KeysManifest] = {}
    unread: list[Path] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            files[path] = read_keys(path)
        except BackupError:
            unread.append(path)
    newest: dict[str, Path] = {}
    for path, manifest in sorted(files.items(), key=lambda each: (each[1].at, each[0].name)):
        newest[manifest.node] = path
    old = [path for path, manifest in files.items() if now - manifest.at > kept]
    removed = [path for path in old if newest[files[path].node] != path]
    left = [path for path in sorted(folder.glob(f"{PART}*")) if now - _written(path) > kept]
    inside = [path for path in sorted(folder.glob("*.tar")) if _holds_keys(path, now - kept)]
    if not is_rehearsal:
        for path in removed:
            path.unlink()
        for path in left:
            shutil.rmtree(path)
        sync_folder(folder)
    return Pruned(
        tuple(removed + left),
        tuple(path for path in files if path not in removed),
        tuple(path for path in old if path not in removed),
        tuple(unread),
        tuple(inside),
    )


def _holds_keys(path: Path, before: Instant) -> bool:
    try:
        data, _ = read_first(path, MANIFEST, _Data, "a backup")
    except BackupError:
        return False  # some other tar
    return data.at < before and any(each.path == KEYS for each in data.members)


def _written(path: Path) -> Instant:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
