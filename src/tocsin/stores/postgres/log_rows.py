"""What the log reads and writes in the database: new rows in order, entries, rows of entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tocsin.kernel.shared import Instant
from tocsin.stores.log.leaves import BY_NAME, SOURCES, Source, new_seeds
from tocsin.stores.postgres.connections import Connection

LOG_LOCK: Final = 0x70C52  # the log adds entries, or an erasure takes them apart; never both
LEADER_LOCK: Final = 0x70C53  # of several nodes on a database, one adds entries

_PUT: Final = """
INSERT INTO log.leaves (idx, source, id, seed)
SELECT * FROM unnest($1::int8[], $2::text[], $3::int8[], $4::bytea[])"""
_XMIN: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::numeric::int8"
_COUNT: Final = "SELECT coalesce(max(idx) + 1, 0) FROM log.leaves"
_LEAVES: Final = (
    "SELECT idx, source, id, seed, kept FROM log.leaves WHERE idx >= $1 ORDER BY idx LIMIT $2"
)


class Leaf(NamedTuple):
    """One entry as the database has it."""

    number: int
    source: Source
    id: int
    seed: bytes | None
    kept: bytes | None


class Found(NamedTuple):
    """A row that is no entry yet."""

    xid: int
    source: Source
    id: int
    row: tuple[Any, ...]


@dataclass(slots=True)
class Place:
    """How far the log has read. Never kept: it is found again at the start."""

    numbers: dict[str, int] = field(default_factory=dict[str, int])
    """By source: the last row that is an entry, where numbers are in the order of commits."""
    horizons: dict[str, int] = field(default_factory=dict[str, int])
    """By source: transactions below are done with. From 0 on it looks at everything once."""


def _quoted(source: Source) -> str:
    return ", ".join(f't."{name}"' for name in source.fields)


def _number(name: str) -> str:
    return f"{name}::text::numeric::int8"


_NEW_IN_ORDER: Final = {
    source.name: f"SELECT {_number('t.xid')}, {_quoted(source)} FROM {source.table} t "
    "WHERE t.seq > $1 AND t.xid < pg_snapshot_xmin(pg_current_snapshot()) "
    "ORDER BY t.seq LIMIT $2"
    for source in SOURCES
    if source.in_order
}
_NEW_BY_TRANSACTION: Final = {
    source.name: f"SELECT {_number('t.xid')}, {_quoted(source)} FROM {source.table} t "
    "WHERE t.xid >= $1::text::xid8 AND t.xid < pg_snapshot_xmin(pg_current_snapshot()) "
    f"AND NOT EXISTS (SELECT 1 FROM log.leaves l WHERE l.source = '{source.name}' "
    "AND l.id = t.id) ORDER BY t.xid, t.id LIMIT $2"
    for source in SOURCES
    if not source.in_order
}
_ROWS: Final = {
    source.name: f"SELECT {_quoted(source)} FROM {source.table} t "
    f"WHERE t.{source.key} = ANY($1::int8[])"
    for source in SOURCES
}
_UNLOGGED: Final = {
    source.name: f"SELECT t.{source.key} FROM {source.table} t WHERE NOT EXISTS (SELECT 1 "
    f"FROM log.leaves l WHERE l.source = '{source.name}' AND l.id = t.{source.key}) "
    f"ORDER BY 1 LIMIT $1"
    for source in SOURCES
}


async def count(connection: Connection) -> int:
    """Entries in the database; one more than the last."""
    return await connection.fetchval(_COUNT)


async def place(connection: Connection) -> Place:
    """How far the log has read, as its entries say."""
    sql = "SELECT coalesce(max(id), 0) FROM log.leaves WHERE source = $1"
    return Place(
        {
            source.name: await connection.fetchval(sql, source.name)
            for source in SOURCES
            if source.in_order
        }
    )


async def new_rows(connection: Connection, where: Place, limit: int) -> list[Found]:
    """Committed rows that are no entries yet, up to `limit`, in the order of commits, and `where`
    moved on.

    Call in a transaction with one snapshot. Whoever writes a journal holds the writer's lock, so
    that transactions and the numbers of rows are in one order; everything else comes in the order
    of its transactions. What is not taken now is found again.
    """
    xmin: int = await connection.fetchval(_XMIN)
    found: list[Found] = []
    for name, sql in _NEW_IN_ORDER.items():
        rows = await connection.fetch(sql, where.numbers.get(name, 0), limit)
        found += [_found(BY_NAME[name], tuple(row)) for row in rows]
    for name, sql in _NEW_BY_TRANSACTION.items():
        rows = await connection.fetch(sql, str(where.horizons.get(name, 0)), limit)
        found += [_found(BY_NAME[name], tuple(row)) for row in rows]
        where.horizons[name] = rows[-1][0] if len(rows) == limit else xmin
    found.sort(key=lambda each: (each.xid, not each.source.in_order, each.id, each.source.name))
    for left in found[limit:]:
        name = left.source.name
        where.horizons[name] = min(where.horizons.get(name, left.xid), left.xid)
    for each in found[:limit]:
        if each.source.in_order:
            where.numbers[each.source.name] = each.id
    return found[:limit]


def _found(source: Source, row: tuple[Any, ...]) -> Found:
    """Every source has its number first."""
    return Found(row[0], source, row[1], row[1:])


async def put(connection: Connection, first: int, found: Sequence[Found]) -> list[bytes]:
    """Makes entries of rows; returns their seeds."""
    seeds = new_seeds(len(found))
    await connection.execute(
        _PUT,
        list(range(first, first + len(found))),
        [each.source.name for each in found],
        [each.id for each in found],
        seeds,
    )
    return seeds


async def leaves(connection: Connection, first: int, limit: int) -> list[Leaf]:
    """Entries from `first` on, in order."""
    rows = await connection.fetch(_LEAVES, first, limit)
    return [Leaf(row[0], BY_NAME[row[1]], row[2], row[3], row[4]) for row in rows]


async def rows_of(
    connection: Connection, entries: Iterable[Leaf]
) -> Mapping[tuple[str, int], tuple[Any, ...]]:
    """The rows of entries, by source and number; those that are gone are left out."""
    wanted: dict[str, list[int]] = {}
    for each in entries:
        wanted.setdefault(each.source.name, []).append(each.id)
    found: dict[tuple[str, int], tuple[Any, ...]] = {}
    for name, numbers in wanted.items():
        for row in await connection.fetch(_ROWS[name], numbers):
            found[name, row[0]] = tuple(row)
    return found


async def unlogged(connection: Connection, limit: int) -> list[tuple[str, int]]:
    """Rows without an entry."""
    found: list[tuple[str, int]] = []
    for name, sql in _UNLOGGED.items():
        found += [(name, row[0]) for row in await connection.fetch(sql, limit)]
    return found


async def put_checkpoints(
    connection: Connection, sizes: Sequence[int], at: Instant, notes: Sequence[str]
) -> None:
    """Keeps signed checkpoints; the first of a size stays."""
    await connection.execute(
        "INSERT INTO log.checkpoints (size, at, note) "
        "SELECT size, $3, note FROM unnest($1::int8[], $2::text[]) t(size, note) "
        "ON CONFLICT DO NOTHING",
        sizes,
        notes,
        at,
    )
