"""Sealing and opening, without a database: AES-256-GCM, one data key for each case and person.

Every ciphertext is bound to where it belongs (case, person, reference, kind, media type): a value
moved to another row does not open. A data key seals few values, each under a random 96-bit nonce,
far below the 2^32 of NIST SP 800-38D, section 8.3.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tocsin.kernel.shared import CaseId
from tocsin.runtime.ports import SealedValue
from tocsin.stores.vault.master import (
    KEY_BYTES,
    MasterKeys,
    WrongMasterKey,
    load_master_keys,
    stamp_of,
)

NONCE_BYTES = 12  # 96 bits, what GCM is made for: NIST SP 800-38D, section 8.2

CHANCE_BYTES = 56 * 16  # at worst each value takes a key, the wrap's nonce and its own: sixteen

Scope = tuple[CaseId, str]
"""(case, subject): whose data key."""


class KeyRow(NamedTuple):
    """One wrapped data key: `master` is the number of the master key, the nonce comes first."""

    case_id: CaseId
    subject: str
    master: int
    wrapped_key: bytes


class ValueRow(NamedTuple):
    """One sealed value."""

    ref: str
    case_id: CaseId
    subject: str
    kind: str
    media_type: str
    nonce: bytes
    ciphertext: bytes


class Sealer:
    """Seals values under the node's master keys, and learns of new ones from their file: a key that
    was rotated while this runs. What it knew once it does not forget."""

    def __init__(self, keys: MasterKeys) -> None:
        self.keys = keys
        self.current = keys.current
        """The number under which new data keys are wrapped; only `use` changes it."""
        self._stamp = keys.stamp
        self._masters = {number: AESGCM(key) for number, key in keys.by_id.items()}

    @property
    def newest(self) -> int:
        """The highest number of a key that is known."""
        return max(self._masters)

    def look_again(self) -> bool:
        """Reads the file again where it is another one than before; costs one question to the
        system where it is not. Returns whether there was a key to learn. A file that cannot be
        read now, or holds another key of a known number, changes nothing."""
        path = self.keys.path
        stamp = stamp_of(path) if path is not None else None
        if path is None or stamp is None or stamp == self._stamp:
            return False
        try:
            read = load_master_keys(path, may_create=False)
        except (WrongMasterKey, OSError):
            return False
        self._stamp = read.stamp
        fresh = {n: key for n, key in read.by_id.items() if n not in self._masters}
        self._masters.update({number: AESGCM(key) for number, key in fresh.items()})
        return bool(fresh)

    def use(self, number: int) -> None:
        """Wrap new data keys under this master key from now on."""
        assert number in self._masters, "a key is known before it is used"
        self.current = number

    def seal(
        self,
        values: Sequence[SealedValue],
        known: Mapping[Scope, KeyRow],
        chance: Chance | None = None,
    ) -> tuple[list[KeyRow], list[ValueRow]]:
        """New key rows and value rows for one order. `known` holds the data keys that exist
        already; a scope that is missing there gets a fresh one. `chance` may be shared by the
        orders of one transaction."""
        chance = chance or Chance()
        ciphers: dict[Scope, AESGCM] = {}
        key_rows: list[KeyRow] = []
        value_rows: list[ValueRow] = []
        for value in values:
            scope = value.case_id, value.subject
            cipher = ciphers.get(scope)
            if cipher is None:
                row = known.get(scope)
                if row is not None:
                    data_key = self.unwrap(row)
                else:
                    data_key = chance.take(KEY_BYTES)
                    key_rows.append(self.wrap(scope, data_key, chance.take(NONCE_BYTES)))
                cipher = ciphers[scope] = AESGCM(data_key)
            nonce = chance.take(NONCE_BYTES)
            bound = _bound(value.case_id, value.subject, value.ref, value.kind, value.media_type)
            value_rows.append(
                ValueRow(
                    value.ref,
                    value.case_id,
                    value.subject,
                    value.kind,
                    value.media_type,
                    nonce,
                    cipher.encrypt(nonce, value.value, bound),
                )
            )
        return key_rows, value_rows

    def unwrap(self, row: KeyRow) -> bytes:
        """The data key. Raises WrongMasterKey where the master key is missing or another."""
        master = self._masters.get(row.master)
        if master is None and self.look_again():
            master = self._masters.get(row.master)
        if master is None:
            raise WrongMasterKey(f"the vault needs master key {row.master}, which is not here")
        nonce, wrapped = row.wrapped_key[:NONCE_BYTES], row.wrapped_key[NONCE_BYTES:]
        try:
            return master.decrypt(nonce, wrapped, _bound(row.case_id, row.subject, "key"))
        except InvalidTag:
            raise WrongMasterKey(f"master key {row.master} does not fit this database") from None

    def open(self, row: ValueRow, key: KeyRow) -> bytes:
        """The value. Raises InvalidTag where the row was changed or moved."""
        bound = _bound(row.case_id, row.subject, row.ref, row.kind, row.media_type)
        return AESGCM(self.unwrap(key)).decrypt(row.nonce, row.ciphertext, bound)

    def rewrap(self, row: KeyRow, chance: Chance) -> KeyRow:
        """The same data key under the current master key. Raises WrongMasterKey."""
        return self.wrap((row.case_id, row.subject), self.unwrap(row), chance.take(NONCE_BYTES))

    def wrap(self, scope: Scope, data_key: bytes, nonce: bytes) -> KeyRow:
        """The row of a data key of this scope, under the current master key. No nonce twice."""
        number = self.current
        bound = _bound(*scope, "key")
        wrapped = nonce + self._masters[number].encrypt(nonce, data_key, bound)
        return KeyRow(*scope, number, wrapped)


def _bound(*parts: str) -> bytes:
    """Authenticated, not stored: the parts cannot hold NUL (PostgreSQL's text cannot)."""
    return "\0".join(parts).encode()


class Chance:
    """Random bytes from the system's generator, many at a call: a call costs more than the sealing.

    Lives no longer than a transaction: what was not used is dropped with it, never used twice.
    """

    def __init__(self) -> None:
        self._bytes = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > len(self._bytes):
            self._bytes = os.urandom(max(CHANCE_BYTES, size))
            start, self._at = 0, size
        return self._bytes[start : self._at]
