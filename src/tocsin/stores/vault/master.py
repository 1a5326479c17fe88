"""The master key: a file beside the database, never in it. One without the other reads nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32  # AES-256
FILE_NAME = "vault.key"
CODES = "codes"
"""The word before the line that tracking codes hang on."""
_HEADER = "# Tocsin vault. Keep a copy in a safe place: without it no sealed value can be read.\n"
_RETIRED_HEADER = (
    "# Retired keys of a Tocsin vault. They wrap nothing in the database any more, but what is in\n"
    "# keys' files of backups from before they were retired. Destroy this file with the last.\n"
)

Stamp = tuple[int, int, int]
"""(inode, time in ns, size) of a file."""


class WrongMasterKey(RuntimeError):
    """The key file is damaged, or belongs to another database. One line for the operator."""


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """Every master key of this node by number; `current` wraps new data keys.

    Numbers only grow: a rotation adds one, and old data keys stay readable under their own until
    they are wrapped anew. `codes` is what tracking codes hang on once the first key has gone.
    `path` is the file they were read from, and `stamp` which state of it; None for none.
    """

    by_id: Mapping[int, bytes] = field(repr=False)
    current: int
    codes: bytes | None = field(default=None, repr=False)
    path: Path | None = field(default=None, compare=False)
    stamp: Stamp | None = field(default=None, repr=False, compare=False)

    def fingerprint(self, number: int) -> bytes:
        """Tells whether two files hold the same key, without telling the key."""
        return hashlib.sha256(b"tocsin vault master key\0" + self.by_id[number]).digest()[:16]

    def code_key(self) -> bytes:
        """What tracking codes are made with (HKDF-SHA256, RFC 5869): of the first master key there
        ever was, so that codes which people hold stay valid over every rotation."""
        if self.codes is not None:
            return self.codes
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tocsin tracking codes")
        return derive.derive(self.by_id[min(self.by_id)])


def stamp_of(path: Path) -> Stamp | None:
    """Which state of the file this is; None where it is not there. Another file in its place has
    another number, also within one tick of the clock."""
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_ino, told.st_mtime_ns, told.st_size


def load_master_keys(path: Path, *, may_create: bool = True) -> MasterKeys:
    """Reads the key file; makes one (0600, on disk before it is used) where there is none.

    With `may_create` False a missing file is an error: a database with sealed values needs its
    own key, not a new one. Raises WrongMasterKey.
    """
    if may_create and not path.exists():
        _create(path)
    stamp = stamp_of(path)  # before it is read: what comes between is seen as news
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise WrongMasterKey(f"the vault's key file {path} is missing") from None
    except UnicodeDecodeError:
        raise WrongMasterKey(f"the vault's key file {path} is damaged") from None
    if path.stat().st_mode & 0o077:
        raise WrongMasterKey(f"others may read {path}: chmod 600 it")
    keys: dict[int, bytes] = {}
    codes: bytes | None = None
    for line in text.splitlines():
        if line.startswith(f"{CODES} "):
            _, codes = _read_line(line.replace(CODES, "1", 1), path)
        elif line and not line.startswith("#"):
            number, key = _read_line(line, path)
            keys[number] = key
    if not keys:
        raise WrongMasterKey(f"the vault's key file {path} holds no key")
    return MasterKeys(keys, max(keys), codes, path, stamp)


def add_master_key(keys: MasterKeys) -> MasterKeys:
    """A new key in the file of these, on disk before it is used; it is the current one from then
    on. Raises OSError; the file is then as it was."""
    assert keys.path is not None, "keys without a file are of a test"
    number = max(keys.by_id) + 1
    made = {**keys.by_id, number: os.urandom(KEY_BYTES)}
    write_private(keys.path, _text_of(made, keys.codes))
    return load_master_keys(keys.path, may_create=False)


def retire_master_keys(keys: MasterKeys) -> MasterKeys:
    """Takes every key but the current one out of the file, and puts them into `retired_beside`:
    the keys' files of earlier backups are wrapped under them. Done again, it does no harm: killed
    in between, a key is in both files. Raises OSError."""
    assert keys.path is not None, "keys without a file are of a test"
    beside = retired_beside(keys.path)
    gone = {number: key for number, key in keys.by_id.items() if number != keys.current}
    if beside.exists():
        gone = {**load_master_keys(beside, may_create=False).by_id, **gone}
    if gone:
        write_private(beside, _text_of(gone, None, _RETIRED_HEADER), like=keys.path)
    left = {keys.current: keys.by_id[keys.current]}
    write_private(keys.path, _text_of(left, keys.code_key()))
    return load_master_keys(keys.path, may_create=False)


def retired_beside(path: Path) -> Path:
    """Where the keys of a file go that wrap nothing any more."""
    return path.with_name(f"{path.name}.retired")


def write_private(path: Path, text: str, *, like: Path | None = None) -> None:
    """The whole text in the place of a file that only its owner reads, or nothing of it: written
    beside, synced and put in its place. It belongs to whom the file before belonged, or `like`:
    an operator who is root must not shut the node out. Raises OSError."""
    path = path.resolve()  # a link stays one, and its target is replaced
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(part, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(text.encode("ascii"))
            out.flush()
            os.fsync(out.fileno())
            before = (like or path).stat() if (like or path).exists() else None
            if before is not None and before.st_uid != os.geteuid():
                os.fchown(out.fileno(), before.st_uid, before.st_gid)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _text_of(keys: Mapping[int, bytes], codes: bytes | None, header: str | None = None) -> str:
    lines = [header or _HEADER]
    if codes is not None:
        lines.append(f"{CODES} {base64.b64encode(codes).decode('ascii')}\n")
    lines += [f"{n} {base64.b64encode(keys[n]).decode('ascii')}\n" for n in sorted(keys)]
    return "".join(lines)


def _read_line(line: str, path: Path) -> tuple[int, bytes]:
    number, _, encoded = line.partition(" ")
    try:
        key = base64.b64decode(encoded, validate=True)
        if len(key) != KEY_BYTES or int(number) < 1:
            raise ValueError("wrong size or number")
        return int(number), key
    except (binascii.Error, ValueError):
        # The line itself is a secret: it is not shown, and not kept as a cause.
        raise WrongMasterKey(f"the vault's key file {path} is damaged") from None


def _create(path: Path) -> None:
    """Written beside and linked into place: never half a key, and never over another one."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    descriptor = os.open(part, flags, 0o600)
    try:
        os.write(descriptor, _text_of({1: os.urandom(KEY_BYTES)}, None).encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(part, path)
    except FileExistsError:
        pass  # another process of this node was quicker; its key is the one
    finally:
        part.unlink()
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
