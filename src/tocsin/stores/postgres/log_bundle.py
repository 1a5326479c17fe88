"""Writes the whole log to one file for auditors: entries with their rows, checkpoints, stamps.

The format is described in `docs/guides/check-a-town.md`. Sealed values and large contents of the
directory are in it as digests only; everything else is what the journals hold.
"""

from __future__ import annotations

import base64
import gzip
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from tocsin.stores.log.leaves import as_shown, plain
from tocsin.stores.log.notes import LogKeys
from tocsin.stores.postgres import log_rows
from tocsin.stores.postgres.connections import Connection, Dsn, connect

FORMAT: Final = "tocsin-bundle/1"
CHUNK: Final = 1_000
"""Entries held in memory at a time: a few megabytes."""
UNLOGGED_MAX: Final = 1_000
"""Rows without an entry that a bundle names, of each kind: one is a finding already."""
GZIP_LEVEL: Final = 6  # JSON shrinks to a tenth, and an auditor may have to carry it
_json = msgspec.json.Encoder()
_MARKS: Final = "SELECT size, note FROM log.checkpoints ORDER BY size"
_STAMPS: Final = (
    "SELECT s.size, s.token, c.note FROM log.stamps s JOIN log.checkpoints c USING (size) "
    "ORDER BY s.size"
)


@dataclass(slots=True)
class Written:
    """What a bundle holds."""

    entries: int = 0
    checkpoints: int = 0


async def write_bundle(
    dsn: Dsn, target: Path, keys: LogKeys, hashes: Callable[[int, int], list[bytes]]
) -> Written:
    """Writes a bundle from one snapshot. `hashes` are the leaf hashes of the node's files.

    The file is private (0600) and complete when it has its name. Raises FileExistsError, and what
    the database raises.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    part = target.with_name(f".{target.name}.part")
    connection = await connect(dsn, statement_timeout="0", idle_in_transaction_session_timeout="0")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            with gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as out:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    written = await _write(connection, out, keys, hashes)
            raw.flush()
            os.fsync(raw.fileno())
        os.link(part, target)
    finally:
        part.unlink(missing_ok=True)
        await connection.close()
    return written


async def _write(
    connection: Connection, out: Any, keys: LogKeys, hashes: Callable[[int, int], list[bytes]]
) -> Written:
    def line(content: dict[str, Any]) -> None:
        out.write(_json.encode(content) + b"\n")

    line({"format": FORMAT, "origin": keys.origin, "keys": keys.public})
    marks = deque((row[0], row[1]) for row in await connection.fetch(_MARKS))
    written = Written(checkpoints=len(marks))

    def passed(size: int) -> Iterator[dict[str, Any]]:
        while marks and marks[0][0] <= size:
            yield {"checkpoint": marks.popleft()[1]}

    for each in passed(0):
        line(each)
    first = 0
    while entries := await log_rows.leaves(connection, first, CHUNK):
        rows = await log_rows.rows_of(connection, entries)
        given = hashes(written.entries, len(entries))
        for number, leaf in enumerate(entries):
            row = rows.get((leaf.source.name, leaf.id))
            line(_entry(leaf, row, given[number] if number < len(given) else None))
            written.entries += 1
            for each in passed(written.entries):
                line(each)
        first = entries[-1].number + 1
    for _, note in marks:  # of entries that are not there: the auditor shall see it
        line({"checkpoint": note})
    for source, number in await log_rows.unlogged(connection, UNLOGGED_MAX):
        line({"unlogged": [source, number]})
    for size, token, note in await connection.fetch(_STAMPS):
        line({"stamp": {"size": size, "token": token.hex(), "note": note}})
    line({"end": written.entries})
    return written


def _entry(leaf: log_rows.Leaf, row: tuple[Any, ...] | None, given: bytes | None) -> dict[str, Any]:
    told: dict[str, Any] = {"n": leaf.number, "source": leaf.source.name, "id": leaf.id}
    if leaf.seed is not None:
        told["seed"] = leaf.seed.hex()
    if leaf.kept is not None:
        told["kept"] = msgspec.json.decode(leaf.kept)
    if row is not None:
        told["fields"] = as_shown(plain(leaf.source, row), leaf.source)
    if given is not None:
        told["h"] = base64.b64encode(given).decode()
    return told
