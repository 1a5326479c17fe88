"""What an entry commits to, computed anew from its row.

Salts: SHAKE-256 of the seed, 16 bytes a field. A field: SHA-256 of "tocsin field", NUL, salt, name,
NUL, and then NUL alone for nothing, or 0x01 and the value. A leaf's data: "tocsin leaf 1", the
source and the fields' commitments in order.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256, shake_256
from typing import Any, NamedTuple

from tocsin_verify import merkle

_STORY = ("version", "at", "actor", "command", "events")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "case": ("seq", "case_id", *_STORY),
    "unit": ("seq", "unit_id", *_STORY),
    "asset": ("seq", "asset_id", *_STORY),
    "alarm": ("seq", "alarm_id", *_STORY),
    "value": ("seq", "ref", "case_id", "subject", "kind", "media_type", "nonce", "ciphertext"),
    "directory": ("id", "at", "actor", "what", "id_of", "before", "after"),
    "account": ("id", "at", "actor", "what", "subject", "detail"),
    "access": ("id", "at", "actor", "kind", "purpose", "refs"),
    "ask": (
        *("id", "at", "actor", "kind", "role", "agency", "purpose", "case_id", "holders"),
        *("needs", "reason", "expires_at"),
    ),
    "decision": ("id", "at", "ask", "asker", "actor", "role", "answer", "reason"),
    "permit": (
        *("id", "at", "actor", "kind", "role", "agency", "purpose", "case_id", "holders"),
        *("needs", "ask", "second", "expires_at"),
    ),
    "revocation": ("id", "at", "permit", "actor"),
    "opening": ("id", "at", "permit", "ref", "case_id", "field"),
    "erasure": ("id", "at", "actor", "case_id", "subject", "reason", "values"),
    "tombstone": ("id", "at", "rule", "class", "what", "due_at", "gone", "note"),
    "hold": ("id", "at", "actor", "case_id", "reason", "until"),
    "hold_word": ("id", "at", "hold", "asker", "actor", "answer"),
    "redaction": (
        *("id", "at", "actor", "role", "case_id", "source", "version", "decision", "value"),
    ),
}
TABLES: Mapping[str, str] = {
    "public.journal": "case",
    "public.unit_journal": "unit",
    "public.asset_journal": "asset",
    "public.alarm_journal": "alarm",
    "vault.values": "value",
    "public.directory_changes": "directory",
    "public.account_changes": "account",
    "vault.grants": "access",
    "vault.asks": "ask",
    "vault.decisions": "decision",
    "vault.permits": "permit",
    "vault.revocations": "revocation",
    "vault.openings": "opening",
    "vault.erasures": "erasure",
    "vault.tombstones": "tombstone",
    "vault.holds": "hold",
    "vault.hold_words": "hold_word",
    "vault.redactions": "redaction",
}
DIGESTS = {("value", "ciphertext"), ("directory", "before"), ("directory", "after")}
"""Fields of a row that are committed by their SHA-256 in hexadecimal."""
ERASABLE = "value"
"""Only sealed values are ever erased."""


class Bad(ValueError):
    """An entry that cannot be what was logged."""


class Entry(NamedTuple):
    """One entry as the bundle or the dump has it."""

    number: int
    source: str
    id: int
    seed: bytes | None
    kept: Mapping[str, Any] | None
    fields: Mapping[str, bytes | None] | None
    given: bytes | None = None
    """The leaf hash as the node keeps it in its files."""

    @property
    def name(self) -> str:
        """How it is named to people."""
        said = f"entry {self.number} ({self.source} {self.id}"
        for key in ("case_id", "unit_id", "asset_id", "alarm_id"):
            value = (self.fields or {}).get(key)
            if value is not None:
                said += f", {key[:-3]} {value.decode('utf-8', 'replace')}"
        version = (self.fields or {}).get("version")
        return said + (f" version {version.decode()})" if version else ")")


def leaf_of(entry: Entry) -> bytes:
    """The leaf hash, from the row or from what an erasure left. Raises Bad."""
    names = FIELDS.get(entry.source)
    if names is None:
        raise Bad("of an unknown source")
    if entry.kept is not None:
        return _hash(entry.source, _kept(entry, names))
    if entry.seed is None:
        raise Bad("has no salt and no record of an erasure")
    if entry.fields is None:
        raise Bad("has no row any more")
    if set(entry.fields) != set(names):
        raise Bad("has other fields")
    if entry.fields[names[0]] != str(entry.id).encode():
        raise Bad("has another row's number")
    salts = shake_256(entry.seed).digest(16 * len(names))
    parts = [
        _commit(salts[16 * at : 16 * at + 16], name, entry.fields[name])
        for at, name in enumerate(names)
    ]
    return _hash(entry.source, b"".join(parts))


def erased_scope(entry: Entry) -> tuple[str, str]:
    """(case, subject) of an erased entry. Raises Bad."""
    kept = entry.kept or {}
    return kept["fields"]["case_id"], kept["fields"]["subject"]


def _kept(entry: Entry, names: tuple[str, ...]) -> bytes:
    """The commitments that an erasure left, each that can still be opened checked."""
    if entry.source != ERASABLE:
        raise Bad("lost its salt, and nothing of its kind is ever erased")
    if entry.fields is not None:
        raise Bad("lost its salt, and its row is still there")
    try:
        kept = entry.kept or {}
        all_of_them = base64.b64decode(kept["commitments"], validate=True)
        opened = [
            (names.index(name), bytes.fromhex(kept["salts"][name]), name, value.encode())
            for name, value in kept["fields"].items()
        ]
        erased_scope(entry)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise Bad("has a damaged record of its erasure") from None
    if len(all_of_them) != 32 * len(names):
        raise Bad("has a damaged record of its erasure")
    for at, salt, name, value in opened:
        if _commit(salt, name, value) != all_of_them[32 * at : 32 * at + 32]:
            raise Bad("was erased, and what stayed of it is changed")
    return all_of_them


def _commit(salt: bytes, name: str, value: bytes | None) -> bytes:
    said = b"\x00" if value is None else b"\x01" + value
    return sha256(b"tocsin field\x00" + salt + name.encode() + b"\x00" + said).digest()


def _hash(source: str, commitments: bytes) -> bytes:
    return merkle.leaf(b"tocsin leaf 1\n" + source.encode() + b"\n" + commitments)
