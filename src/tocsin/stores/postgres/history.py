"""Cases of the time before Tocsin, imported from elsewhere: beside the board, never on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tocsin.kernel.shared import AreaPath, Instant, Place
from tocsin.stores.postgres.connections import Readers

BATCH_MAX = 10_000  # rows of one transaction: about 10 MB
DETAIL_MAX = 300  # characters of a reject's detail

_json = msgspec.json.Encoder()
_PUT = """
INSERT INTO history (source, external_id, case_type, status, opened_at, updated_at, closed_at,
                     due_at, lon, lat, county, town, village, cell, attributes)
SELECT DISTINCT ON (source, external_id) *
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[],
              $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::float8[],
              $10::float8[], $11::text[], $12::text[], $13::text[], $14::text[],
              $15::text[]::jsonb[])
       AS t (source, external_id, case_type, status, opened_at, updated_at, closed_at, due_at,
             lon, lat, county, town, village, cell, attributes)
 ORDER BY source, external_id
ON CONFLICT (source, external_id) DO UPDATE
  SET case_type = excluded.case_type, status = excluded.status, opened_at = excluded.opened_at,
      updated_at = excluded.updated_at, closed_at = excluded.closed_at, due_at = excluded.due_at,
      lon = excluded.lon, lat = excluded.lat, county = excluded.county, town = excluded.town,
      village = excluded.village, cell = excluded.cell, attributes = excluded.attributes
RETURNING xmax = 0"""
_REJECT = """
INSERT INTO history_rejects (source, line, reason, detail)
SELECT DISTINCT ON (source, line) * FROM unnest($1::text[], $2::int8[], $3::text[], $4::text[])
       AS t (source, line, reason, detail) ORDER BY source, line
ON CONFLICT (source, line) DO UPDATE SET reason = excluded.reason, detail = excluded.detail"""
_SUMMARY = """
SELECT source, count(*), min(opened_at), max(opened_at), count(closed_at)
  FROM history GROUP BY source ORDER BY source"""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One case as another system knew it. `attributes` are plain JSON values without names,
    contacts or free text: those of strangers are not ours to keep."""

    source: str
    external_id: str
    case_type: str
    status: str
    opened_at: Instant
    updated_at: Instant | None = None
    closed_at: Instant | None = None
    due_at: Instant | None = None
    place: Place | None = None
    areas: AreaPath | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that could not be taken, and why. `reason` is a stable word; `detail` names fields,
    never what was in them."""

    source: str
    line: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """What is known from one source."""

    source: str
    rows: int
    first_opened_at: Instant
    last_opened_at: Instant
    closed: int
    rejected: int


class History:
    """Shares the pool of the readers. Every method may raise Unavailable."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers.own

    async def put_rows(self, rows: Sequence[HistoryRow], rejects: Sequence[Reject] = ()) -> int:
        """Keeps a batch in one transaction; returns how many rows were new.

        The same row again changes nothing, a newer version of it replaces it: an import may be
        repeated as often as wanted. Raises ValueError above BATCH_MAX rows.
        """
        if len(rows) + len(rejects) > BATCH_MAX:
            raise ValueError(f"at most {BATCH_MAX} rows at once")
        columns = list(zip(*map(_columns, rows), strict=True)) if rows else [()] * 15
        refused = [(r.source, r.line, r.reason, _clean(r.detail)[:DETAIL_MAX]) for r in rejects]
        async with self._readers.acquire() as connection, connection.transaction():
            kept = await connection.fetch(_PUT, *columns)
            if refused:
                await connection.execute(_REJECT, *zip(*refused, strict=True))
        return sum(row[0] for row in kept)

    async def summary(self) -> Sequence[SourceSummary]:
        """One line for each source, by name."""
        counts = {
            row[0]: row[1]
            for row in await self._readers.fetch(
                "SELECT source, count(*) FROM history_rejects GROUP BY source"
            )
        }
        return [
            SourceSummary(row[0], row[1], row[2], row[3], row[4], counts.get(row[0], 0))
            for row in await self._readers.fetch(_SUMMARY)
        ]

    async def rejects(self, source: str, after_line: int = -1, limit: int = 100) -> list[Reject]:
        """The lines of a source that were not taken, by line."""
        rows = await self._readers.fetch(
            "SELECT source, line, reason, detail FROM history_rejects "
            "WHERE source = $1 AND line > $2 ORDER BY line LIMIT $3",
            source,
            after_line,
            limit,
        )
        return [Reject(row[0], row[1], row[2], row[3]) for row in rows]


def _columns(row: HistoryRow) -> tuple[Any, ...]:
    areas = row.areas or (None, None, None, None)
    lon, lat = (row.place.lon, row.place.lat) if row.place is not None else (None, None)
    return (
        row.source,
        row.external_id,
        row.case_type,
        row.status,
        row.opened_at,
        row.updated_at,
        row.closed_at,
        row.due_at,
        lon,
        lat,
        *areas,
        _json.encode(row.attributes).decode(),
    )


def _clean(text: str) -> str:
    return text.replace("\0", "")
