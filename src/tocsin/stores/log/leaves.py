"""What an entry of the log says about a row: a salted commitment of each of its fields.

A leaf's data is `tocsin leaf 1`, the source, and the commitments in the order of the source's
fields. Salts come from a seed of the entry (SHAKE-256, 16 bytes a field). With row and seed anybody
can compute the leaf; once both are destroyed the commitments alone stay, which keeps every proof
valid and lets nobody try out what a field may have said.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256, shake_256
from typing import Any, Final, NamedTuple

import msgspec

from tocsin.stores.log.tree import leaf_hash

SEED_BYTES: Final = 16  # nobody guesses it, and it is all that is kept of an entry's salts
SALT_BYTES: Final = 16  # as much as the seed: more would not be harder to guess
_FIELD: Final = b"tocsin field\0"
_LEAF: Final = b"tocsin leaf 1\n"


class Source(NamedTuple):
    """A table whose rows are entries, and the column that numbers them."""

    name: str
    table: str
    key: str
    fields: tuple[str, ...]
    digests: tuple[str, ...] = ()
    """Fields that are committed by their SHA-256, so that a bundle need not hold them."""

    @property
    def in_order(self) -> bool:
        """Whether numbers are given in the order of commits."""
        return self.key == "seq"


_STORY: Final = ("version", "at", "actor", "command", "events")
SOURCES: Final[tuple[Source, ...]] = (
    Source("case", "public.journal", "seq", ("seq", "case_id", *_STORY)),
    Source("unit", "public.unit_journal", "seq", ("seq", "unit_id", *_STORY)),
    Source("asset", "public.asset_journal", "seq", ("seq", "asset_id", *_STORY)),
    Source("alarm", "public.alarm_journal", "seq", ("seq", "alarm_id", *_STORY)),
    Source(
        "value", "vault.values", "seq",
        ("seq", "ref", "case_id", "subject", "kind", "media_type", "nonce", "ciphertext"),
        ("ciphertext",),
    ),
    Source(
        "directory", "public.directory_changes", "id",
        ("id", "at", "actor", "what", "id_of", "before", "after"), ("before", "after"),
    ),
    Source(
        "account", "public.account_changes", "id",
        ("id", "at", "actor", "what", "subject", "detail"),
    ),
    Source("access", "vault.grants", "id", ("id", "at", "actor", "kind", "purpose", "refs")),
    Source(
        "ask", "vault.asks", "id",
        ("id", "at", "actor", "kind", "role", "agency", "purpose", "case_id", "holders", "needs",
         "reason", "expires_at"),
    ),
    Source(
        "decision", "vault.decisions", "id",
        ("id", "at", "ask", "asker", "actor", "role", "answer", "reason"),
    ),
    Source(
        "permit", "vault.permits", "id",
        ("id", "at", "actor", "kind", "role", "agency", "purpose", "case_id", "holders", "needs",
         "ask", "second", "expires_at"),
    ),
    Source("revocation", "vault.revocations", "id", ("id", "at", "permit", "actor")),
    Source(
        "opening", "vault.openings", "id", ("id", "at", "permit", "ref", "case_id", "field"),
    ),
    Source(
        "erasure", "vault.erasures", "id",
        ("id", "at", "actor", "case_id", "subject", "reason", "values"),
    ),
    Source(
        "tombstone", "vault.tombstones", "id",
        ("id", "at", "rule", "class", "what", "due_at", "gone", "note"),
    ),
    Source("hold", "vault.holds", "id", ("id", "at", "actor", "case_id", "reason", "until")),
    Source("hold_word", "vault.hold_words", "id", ("id", "at", "hold", "asker", "actor", "answer")),
    Source(
        "redaction", "vault.redactions", "id",
        ("id", "at", "actor", "role", "case_id", "source", "version", "decision", "value"),
    ),
)  # fmt: skip
"""Everything that is only ever added to. Roads, roster, areas, agencies and packs are changes of
the directory; vault.openings are the access records, vault.grants those from before permits."""
BY_NAME: Final = {source.name: source for source in SOURCES}
STAYS: Final = ("seq", "ref", "case_id", "subject")
"""What is still known of a sealed value after its erasure: the record of it names the same."""

_json = msgspec.json.Encoder()


class Kept(msgspec.Struct, frozen=True):
    """What is left of an erased entry: all commitments, and salt and value of what stays."""

    commitments: str
    salts: dict[str, str]
    fields: dict[str, str]


def new_seeds(count: int) -> list[bytes]:
    """Fresh seeds."""
    chance = os.urandom(count * SEED_BYTES)
    return [chance[i : i + SEED_BYTES] for i in range(0, len(chance), SEED_BYTES)]


def plain(source: Source, row: Sequence[Any]) -> list[bytes | None]:
    """The fields of a row as bytes: numbers in decimal, instants in ISO 8601 with microseconds and
    +00:00, lists as JSON, digests in hexadecimal, everything else as it is."""
    found: list[bytes | None] = []
    for name, value in zip(source.fields, row, strict=True):
        if value is None:
            found.append(None)
        elif isinstance(value, bytes):
            found.append(sha256(value).hexdigest().encode() if name in source.digests else value)
        elif isinstance(value, str):
            found.append(value.encode())
        elif isinstance(value, int):
            found.append(b"%d" % value)
        elif isinstance(value, datetime):
            found.append(value.astimezone(UTC).isoformat(timespec="microseconds").encode())
        else:
            found.append(_json.encode(list(value)))
    return found


def commitments(source: Source, fields: Sequence[bytes | None], seed: bytes) -> bytes:
    """The commitments of all fields, end to end."""
    salts = shake_256(seed).digest(SALT_BYTES * len(fields))
    found = bytearray()
    for number, (name, value) in enumerate(zip(_names(source), fields, strict=True)):
        salt = salts[number * SALT_BYTES : (number + 1) * SALT_BYTES]
        said = b"\0" if value is None else b"\1" + value
        found += sha256(_FIELD + salt + name + said).digest()
    return bytes(found)


def hash_of(source: Source, committed: bytes) -> bytes:
    """The leaf of an entry."""
    return leaf_hash(_LEAF + source.name.encode() + b"\n" + committed)


def entry_hash(source: Source, row: Sequence[Any], seed: bytes) -> bytes:
    """The leaf of a row under its seed."""
    return hash_of(source, commitments(source, plain(source, row), seed))


def without_seed(source: Source, row: Sequence[Any], seed: bytes) -> bytes:
    """What is kept of an entry that is erased: `Kept` as JSON."""
    fields = plain(source, row)
    salts = shake_256(seed).digest(SALT_BYTES * len(fields))
    stays = [number for number, name in enumerate(source.fields) if name in STAYS]
    kept = Kept(
        base64.b64encode(commitments(source, fields, seed)).decode(),
        {
            source.fields[each]: salts[each * SALT_BYTES : (each + 1) * SALT_BYTES].hex()
            for each in stays
        },
        {source.fields[each]: (fields[each] or b"").decode() for each in stays},
    )
    return _json.encode(kept)


def kept_hash(source: Source, kept: bytes) -> bytes:
    """The leaf of an erased entry. Raises ValueError where what is kept of it is damaged."""
    told = msgspec.json.decode(kept, type=Kept)
    return hash_of(source, base64.b64decode(told.commitments, validate=True))


def as_shown(fields: Sequence[bytes | None], source: Source) -> Mapping[str, Any]:
    """Fields for a bundle: text where it is UTF-8, else base64."""
    return {
        name: value if value is None else _shown(value)
        for name, value in zip(source.fields, fields, strict=True)
    }


def _shown(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def _names(source: Source) -> tuple[bytes, ...]:
    found = _NAMES.get(source.name)
    if found is None:
        found = _NAMES[source.name] = tuple(name.encode() + b"\0" for name in source.fields)
    return found


_NAMES: dict[str, tuple[bytes, ...]] = {}
