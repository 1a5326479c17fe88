"""Codes of sites in PostgreSQL: the row and its change in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tocsin.kernel.shared import ActorId, AssetId, Instant
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.directory import CHANGE

_PUT: Final = """
INSERT INTO site_codes (asset_id, hash, set_at) VALUES ($1, $2, $3)
ON CONFLICT (asset_id) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at"""
_DROP: Final = "DELETE FROM site_codes WHERE asset_id = $1"
_READ: Final = "SELECT asset_id, hash FROM site_codes WHERE asset_id = ANY($1::text[])"


async def put_site_code(
    readers: Readers, site: AssetId, hashed: str | None, at: Instant, by: ActorId
) -> None:
    """Who set it and when is told among the changes of the directory; the hash is not."""
    async with readers.acquire() as connection, connection.transaction():
        if hashed is None:
            await connection.execute(_DROP, site)
        else:
            await connection.execute(_PUT, site, hashed, at)
        after = b'{"set":true}' if hashed is not None else None
        await connection.execute(CHANGE, at, by, "site_code", site, None, after)


async def site_codes(readers: Readers, sites: Sequence[AssetId]) -> Mapping[AssetId, str]:
    return {AssetId(row[0]): row[1] for row in await readers.fetch(_READ, list(sites))}
