"""Signed notes and checkpoints, as C2SP signed-note and tlog-checkpoint describe them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = 1


class Key(NamedTuple):
    """A key to check signatures with."""

    name: str
    hint: bytes
    public: bytes


def key_of(text: str) -> Key:
    """A verifier key: name, hash, type and key. Raises ValueError."""
    name, hint, encoded = text.strip().split("+", 2)
    data = base64.b64decode(encoded, validate=True)
    if len(data) != 33 or data[0] != ED25519:
        raise ValueError("not an Ed25519 key")
    expected = sha256(name.encode() + b"\n" + data).digest()[:4]
    if expected.hex() != hint:
        raise ValueError("the key does not fit its own hash")
    return Key(name, expected, data[1:])


def is_signed(note: str, keys: Iterable[Key]) -> bool:
    """Whether one of the keys signed the note."""
    parts = note.rsplit("\n\n", 1)
    if len(parts) != 2:
        return False
    text = (parts[0] + "\n").encode()
    for line in parts[1].split("\n"):
        words = line.split(" ")
        if len(words) != 3 or words[0] != "\u2014":
            continue
        try:
            data = base64.b64decode(words[2], validate=True)
        except ValueError:
            continue
        for key in keys:
            if key.name == words[1] and key.hint == data[:4]:
                try:
                    Ed25519PublicKey.from_public_bytes(key.public).verify(data[4:], text)
                    return True
                except InvalidSignature:
                    pass
    return False


def checkpoint(note: str, keys: Iterable[Key]) -> tuple[str, int, bytes]:
    """(origin, size, root) of a signed checkpoint. Raises ValueError."""
    known = list(keys)
    if not is_signed(note, known):
        raise ValueError("no known key signed it")
    origin, size, root = note.split("\n")[:3]
    data = base64.b64decode(root, validate=True)
    if len(data) != 32 or not size.isdecimal() or size != str(int(size)):
        raise ValueError("it is no checkpoint")
    if origin not in {key.name for key in known}:
        raise ValueError("it is of another log")
    return origin, int(size), data


def is_tombstone(fields: Mapping[str, bytes | None], keys: Iterable[Key]) -> bool:
    """Whether the note of a tombstone says what its row says, and a known key signed it."""
    known = list(keys)
    said = {name: (value or b"").decode("utf-8", "replace") for name, value in fields.items()}
    note = said.get("note", "")
    lines = note.split("\n")
    expected = [
        f"rule {said.get('rule')}",
        f"class {said.get('class')}",
        f"what {said.get('what')}",
        f"due {said.get('due_at')}",
        f"at {said.get('at')}",
        f"gone {said.get('gone')}",
        "",
    ]
    named = lines[:1] == ["tocsin tombstone 1"] and lines[1:2] in [[key.name] for key in known]
    return named and lines[2:9] == expected and is_signed(note, known)
