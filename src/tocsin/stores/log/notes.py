"""Signed checkpoints, and the key file they are signed with.

C2SP signed-note with Ed25519, C2SP tlog-checkpoint: origin, size, root in base64, a blank line, one
line for each signature. The key is a file outside the database, made at the first start like the
vault's key. A rotation adds a key: every key in the file signs, so that whoever knows only the old
one can follow, until the operator takes it out.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY_FILE: Final = "log.key"
_ED25519: Final = b"\1"  # the type of the key in signed-note
_HEADER: Final = (
    "# Tocsin log. Keep it secret: who has it can sign another past. Keep a copy: without it\n"
    "# auditors meet an unknown key.\n"
)
_DASH: Final = "\u2014 "


class WrongLogKey(RuntimeError):
    """The key file is damaged. One line for the operator."""


class NotSigned(ValueError):
    """The note is no checkpoint of this log, or none of these keys signed it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log at one size."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The keys of a log, oldest first. `origin` names the log and its keys."""

    origin: str
    seeds: tuple[bytes, ...] = field(repr=False)

    @property
    def public(self) -> tuple[str, ...]:
        """The verifier keys as auditors are given them."""
        return tuple(_vkey(self.origin, _public(seed)) for seed in self.seeds)

    def sign(self, checkpoint: Checkpoint) -> str:
        """The note, signed with every key."""
        return self.sign_text(checkpoint.text)

    def sign_text(self, text: str) -> str:
        """Any text that ends with a line, as a note signed with every key."""
        lines: list[str] = []
        for seed in self.seeds:
            key = Ed25519PrivateKey.from_private_bytes(seed)
            signed = key.sign(text.encode())
            marked = base64.b64encode(_key_id(self.origin, _public(seed)) + signed).decode()
            lines.append(f"{_DASH}{self.origin} {marked}\n")
        return f"{text}\n{''.join(lines)}"

    def read(self, note: str) -> Checkpoint:
        """The checkpoint in a note that one of these keys signed. Raises NotSigned."""
        text, parted, signatures = note.rpartition("\n\n")
        lines = text.split("\n")
        if not parted or len(lines) < 3 or lines[0] != self.origin:
            raise NotSigned("this is no checkpoint of this log")
        try:
            size, root = int(lines[1]), base64.b64decode(lines[2], validate=True)
        except ValueError:
            raise NotSigned("this is no checkpoint") from None
        if not any(self._signed(f"{text}\n", line) for line in signatures.splitlines()):
            raise NotSigned("the checkpoint was not signed with this log's key")
        return Checkpoint(lines[0], size, root)

    def _signed(self, text: str, line: str) -> bool:
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        try:
            marked = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        for seed in self.seeds:
            if name == self.origin and marked[:4] == _key_id(name, _public(seed)):
                try:
                    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
                    key.verify(marked[4:], text.encode())
                    return True
                except InvalidSignature:
                    return False
        return False


def load_log_keys(path: Path, *, may_create: bool = True) -> LogKeys:
    """Reads the key file; makes one (0600, on disk before it is used) where there is none.
    Raises WrongLogKey."""
    if may_create and not path.exists():
        _create(path)
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        if path.stat().st_mode & 0o077:
            raise WrongLogKey(f"others may read {path}: chmod 600 it")
    except FileNotFoundError:
        raise WrongLogKey(f"the log's key file {path} is missing") from None
    except UnicodeDecodeError:
        raise WrongLogKey(f"the log's key file {path} is damaged") from None
    told = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    origins = [rest for word, _, rest in told if word == "origin"]
    try:
        seeds = [base64.b64decode(rest, validate=True) for word, _, rest in told if word == "key"]
    except (binascii.Error, ValueError):
        seeds = []
    if len(origins) != 1 or not seeds or any(len(seed) != 32 for seed in seeds):
        raise WrongLogKey(f"the log's key file {path} is damaged")
    return LogKeys(origins[0], tuple(seeds))


def rotate(path: Path) -> LogKeys:
    """Adds a fresh key. From the next start on both sign. Raises WrongLogKey."""
    load_log_keys(path, may_create=False)
    text = path.read_text(encoding="ascii") + _key_line()
    part = path.with_name(f".{path.name}.{os.getpid()}")
    _write(part, text)
    part.replace(path)
    _sync_folder(path.parent)
    return load_log_keys(path, may_create=False)


def put_durably(path: Path, text: str) -> None:
    """The file has this text and survives a power cut, or still has the old one."""
    part = path.with_name(f".{path.name}.part")
    _write(part, text)
    part.replace(path)
    _sync_folder(path.parent)


def _create(path: Path) -> None:
    origin = f"tocsin/log/{os.urandom(8).hex()}"
    part = path.with_name(f".{path.name}.{os.getpid()}")
    _write(part, f"{_HEADER}origin {origin}\n{_key_line()}")
    try:
        os.link(part, path)
    except FileExistsError:
        pass  # another process of this node was quicker; its key is the one
    finally:
        part.unlink()
    _sync_folder(path.parent)


def _key_line() -> str:
    return f"key {base64.b64encode(os.urandom(32)).decode()}\n"


def _write(path: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as out:
        out.write(text.encode())
        out.flush()
        os.fsync(out.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _public(seed: bytes) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _key_id(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _vkey(name: str, public: bytes) -> str:
    return f"{name}+{_key_id(name, public).hex()}+{base64.b64encode(_ED25519 + public).decode()}"
