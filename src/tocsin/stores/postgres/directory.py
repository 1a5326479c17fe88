"""Packs, areas and agencies: plain tables, each change with its own row in the same transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from tocsin.kernel.shared import ActorId, AgencyId, Instant
from tocsin.runtime.ports import Clock
from tocsin.stores.postgres.connections import Connection, Readers

ATLAS: Final = "atlas"
PROGRAM: Final = ActorId("system")
"""Who changes a directory when the node starts: its settings, not a person."""

CHANGE: Final = """
INSERT INTO directory_changes (at, actor, what, id_of, before, after)
VALUES ($1, $2, $3, $4, $5, $6)"""


class PackChanged(RuntimeError):
    """A pack version that cases are pinned to came again with other content: give it a new
    version. One line for the operator."""


class Directory:
    """Shares the pool of the readers. Every method may raise Unavailable."""

    def __init__(self, readers: Readers, clock: Clock) -> None:
        self._readers = readers.own
        self._clock = clock

    # -- packs: a version never changes, because cases are pinned to it

    async def save_pack(self, version: str, content: bytes, by: ActorId = PROGRAM) -> bool:
        """Keeps a pack's content for ever; says whether it was new. Raises PackChanged."""
        sha256, now = hashlib.sha256(content).digest(), self._clock.now()
        async with self._readers.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                "INSERT INTO packs (version, content, sha256, saved_at) VALUES ($1, $2, $3, $4) "
                "ON CONFLICT (version) DO NOTHING RETURNING version",
                version,
                content,
                sha256,
                now,
            )
            if row is not None:
                # The content is in `packs` for ever: the trace needs its hash only.
                await connection.execute(CHANGE, now, by, "pack", version, None, sha256)
                return True
            known = await connection.fetchval(
                "SELECT sha256 FROM packs WHERE version = $1", version
            )
        if known != sha256:
            raise PackChanged(f"pack {version} was changed: give it a new version")
        return False

    async def packs(self) -> Mapping[str, bytes]:
        """Every pack version this database has ever known, the oldest first."""
        rows = await self._readers.fetch(
            "SELECT version, content FROM packs ORDER BY saved_at, version"
        )
        return {row[0]: row[1] for row in rows}

    # -- areas: one GeoJSON with every tier

    async def put_areas(self, content: bytes, by: ActorId = PROGRAM) -> bool:
        """Replaces the atlas; says whether it is another one than before."""
        async with self._readers.acquire() as connection, connection.transaction():
            return await _put(
                connection, ("areas", "name"), ATLAS, content, (self._clock.now(), by)
            )

    async def areas(self) -> bytes | None:
        """The atlas as it was put; None where there is none yet."""
        return await self._readers.fetchval("SELECT content FROM areas WHERE name = $1", ATLAS)

    # -- agencies

    async def put_agencies(
        self, agencies: Mapping[AgencyId, bytes], by: ActorId = PROGRAM
    ) -> list[AgencyId]:
        """Makes the directory exactly these (content is JSON); returns what changed, by id."""
        changed: list[AgencyId] = []
        now = self._clock.now()
        async with self._readers.acquire() as connection, connection.transaction():
            rows = await connection.fetch("SELECT id, content FROM agencies ORDER BY id")
            for row in rows:
                if row[0] not in agencies:
                    await connection.execute("DELETE FROM agencies WHERE id = $1", row[0])
                    await connection.execute(CHANGE, now, by, "agencies", row[0], row[1], None)
                    changed.append(row[0])
            for agency_id in sorted(agencies):
                table = ("agencies", "id")
                if await _put(connection, table, agency_id, agencies[agency_id], (now, by)):
                    changed.append(agency_id)
        return sorted(changed)

    async def agencies(self) -> Mapping[AgencyId, bytes]:
        """Every agency's content by id, in the order of ids."""
        rows = await self._readers.fetch("SELECT id, content FROM agencies ORDER BY id")
        return {AgencyId(row[0]): row[1] for row in rows}


async def _put(
    connection: Connection,
    table: tuple[str, str],
    key: str,
    content: bytes,
    who: tuple[Instant, ActorId],
) -> bool:
    name, column = table
    before = await connection.fetchval(
        f"SELECT content FROM {name} WHERE {column} = $1 FOR UPDATE", key
    )
    if before == content:
        return False
    await connection.execute(
        f"INSERT INTO {name} ({column}, content) VALUES ($1, $2) "
        f"ON CONFLICT ({column}) DO UPDATE SET content = excluded.content",
        key,
        content,
    )
    await connection.execute(CHANGE, *who, name, key, before, content)
    return True
