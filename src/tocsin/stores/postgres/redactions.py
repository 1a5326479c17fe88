"""`runtime.redactions.Redactions` on PostgreSQL: the word and the text in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from tocsin.kernel.shared import Actor, ActorId, CaseId, SealedRef
from tocsin.runtime.ports import Clock, SealedValue
from tocsin.runtime.redactions import Decision, Piece, Redaction
from tocsin.stores.postgres.connections import Connection, Readers, Row
from tocsin.stores.postgres.writer import HOLD_WRITERS
from tocsin.stores.vault import KeyRow, MasterKeys, Sealer

_VERSION: Final = "encode(sha256(v.ciphertext), 'hex')"
"""Values are sealed once, under a random nonce: the digest names the text and tells nothing."""
_VERSIONS: Final = f"SELECT v.ref, {_VERSION} FROM vault.values v WHERE v.ref = ANY($1::text[])"
_LAST: Final = """
SELECT DISTINCT ON (r.case_id, r.source)
       r.id, r.at, r.actor, r.case_id, r.source, r.version, r.decision, r.value
  FROM unnest($1::text[], $2::text[], $3::text[]) w(case_id, ref, version)
  JOIN vault.redactions r
    ON r.case_id = w.case_id AND r.source = w.ref AND r.version = w.version
 ORDER BY r.case_id, r.source, r.id DESC"""
_SCOPE: Final = f"""
SELECT k.case_id, k.subject, k.master, k.wrapped_key FROM vault.values v
  JOIN vault.keys k ON k.case_id = v.case_id AND k.subject = v.subject
 WHERE v.ref = $1 AND {_VERSION} = $2"""
_COUNT: Final = "SELECT count(*) FROM vault.redactions WHERE source = $1"
_PUT: Final = """
INSERT INTO vault.values (ref, case_id, subject, kind, media_type, nonce, ciphertext)
VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_ADD: Final = """
INSERT INTO vault.redactions (at, actor, role, case_id, source, version, decision, value)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING id, at, actor, case_id, source, version, decision, value"""


class PostgresRedactions:
    """See `runtime.redactions.Redactions`."""

    def __init__(self, readers: Readers, keys: MasterKeys, clock: Clock) -> None:
        # The digest of a sealed value is compared and not shown: it is the node's to make.
        self._readers = readers.own
        self._shown = readers
        self._sealer = Sealer(keys)
        self._clock = clock

    async def versions(self, refs: Sequence[SealedRef]) -> Mapping[SealedRef, str]:
        rows = await self._readers.fetch(_VERSIONS, list(refs))
        return {SealedRef(row[0]): row[1] for row in rows}

    async def decided(self, wanted: Mapping[CaseId, SealedRef]) -> Mapping[CaseId, Redaction]:
        found = await self.last_on(list(wanted.items()))
        return {case: word for (case, _), word in found.items()}

    async def last_on(self, pieces: Collection[Piece]) -> Mapping[Piece, Redaction]:
        if not pieces:
            return {}
        versions = await self.versions([ref for _, ref in pieces])
        there = [(case, ref, versions[ref]) for case, ref in pieces if ref in versions]
        if not there:
            return {}
        rows = await self._shown.fetch(_LAST, *(list(each) for each in zip(*there, strict=True)))
        return {(word.case_id, word.source): word for word in map(_redaction, rows)}

    async def decide(
        self,
        case_id: CaseId,
        source: SealedRef,
        version: str,
        decision: Decision,
        text: str | None,
        *,
        by: Actor,
        role: str,
    ) -> Redaction | None:
        async with self._readers.acquire() as connection, connection.transaction():
            # The log takes values in the order of their numbers: nobody else writes meanwhile, and
            # no erasure comes between the look and the writing.
            await connection.execute(HOLD_WRITERS)
            row = await connection.fetchrow(_SCOPE, source, version)
            if row is None:
                return None
            ref = None
            if text is not None:
                key = KeyRow(CaseId(row[0]), row[1], row[2], bytes(row[3]))
                ref = await self._seal(connection, source, key, text)
            now = self._clock.now()
            added = await connection.fetchrow(
                _ADD, now, by.id, role, case_id, source, version, decision, ref
            )
            assert added is not None, "an insert returns its row"
            return _redaction(added)

    async def judge_photo(
        self,
        case_id: CaseId,
        source: SealedRef,
        version: str,
        *,
        is_released: bool,
        by: Actor,
        role: str,
    ) -> Redaction | None:
        async with self._readers.acquire() as connection, connection.transaction():
            await connection.execute(HOLD_WRITERS)  # no erasure between the look and the writing
            if await connection.fetchrow(_SCOPE, source, version) is None:
                return None
            word = ("accepted", source) if is_released else ("held", None)
            about = (by.id, role, case_id, source, version)
            added = await connection.fetchrow(_ADD, self._clock.now(), *about, *word)
            assert added is not None, "an insert returns its row"
            return _redaction(added)

    async def _seal(
        self, connection: Connection, source: SealedRef, key: KeyRow, text: str
    ) -> SealedRef:
        """Under the key of the words it was made from: what erases those erases it."""
        number = await connection.fetchval(_COUNT, source)
        ref = SealedRef(f"{source}.public{number + 1}")
        value = SealedValue(ref, key.case_id, key.subject, "redacted", text.encode())
        _, (sealed,) = self._sealer.seal([value], {(key.case_id, key.subject): key})
        await connection.execute(_PUT, *sealed)
        return ref


def _redaction(row: Row) -> Redaction:
    value = SealedRef(row[7]) if row[7] is not None else None
    return Redaction(
        row[0], row[1], ActorId(row[2]), CaseId(row[3]), SealedRef(row[4]), row[5], row[6], value
    )


__all__ = ["PostgresRedactions"]
