"""The master key: a file beside the database, never in it. One without the other reads nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

KEY_BYTES = 32  # AES-256
FILE_NAME = "vault.key"
_HEADER = "# Tocsin vault. Keep a copy in a safe place: without it no sealed value can be read.\n"


class WrongMasterKey(RuntimeError):
    """The key file is damaged, or belongs to another database. One line for the operator."""


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """Every master key of this node by number; `current` wraps new data keys.

    Numbers only grow: a rotation adds one, and old data keys stay readable under their own.
    """

    by_id: Mapping[int, bytes] = field(repr=False)
    current: int

    def fingerprint(self, number: int) -> bytes:
        """Tells whether two files hold the same key, without telling the key."""
        return hashlib.sha256(b"tocsin vault master key\0" + self.by_id[number]).digest()[:16]


def load_master_keys(path: Path, *, may_create: bool = True) -> MasterKeys:
    """Reads the key file; makes one (0600, on disk before it is used) where there is none.

    With `may_create` False a missing file is an error: a database with sealed values needs its
    own key, not a new one. Raises WrongMasterKey.
    """
    if may_create and not path.exists():
        _create(path)
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise WrongMasterKey(f"the vault's key file {path} is missing") from None
    except UnicodeDecodeError:
        raise WrongMasterKey(f"the vault's key file {path} is damaged") from None
    if path.stat().st_mode & 0o077:
        raise WrongMasterKey(f"others may read {path}: chmod 600 it")
    keys: dict[int, bytes] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            number, key = _read_line(line, path)
            keys[number] = key
    if not keys:
        raise WrongMasterKey(f"the vault's key file {path} holds no key")
    return MasterKeys(keys, max(keys))


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
        key = base64.b64encode(os.urandom(KEY_BYTES)).decode("ascii")
        os.write(descriptor, f"{_HEADER}1 {key}\n".encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(part, path)
    except FileExistsError:
        pass  # another process of this node was quicker; its key is the one
    finally:
        part.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
