"""Reads a dump of the database: the file of `tocsin backup`, or what `pg_dump` writes as text.

Both hold tables in COPY's text format. Rows go into a table of SQLite in a temporary file first, so
that a large town needs no more memory than a small one.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import sqlite3
import tarfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from tocsin_verify.bundle import Unreadable
from tocsin_verify.leaves import DIGESTS, FIELDS, TABLES, Entry

_COPY = re.compile(r'^COPY ("?[\w]+"?)\.("?[\w]+"?) \((.*)\) FROM stdin;$')
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPED = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)")
_LOG = ("log.leaves", "log.checkpoints", "log.stamps")
Row = dict[str, "str | None"]


def tables_of(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    """(schema.table, rows) for each table of the dump. Raises Unreadable."""
    if tarfile.is_tarfile(path):
        yield from _of_backup(path)
    else:
        yield from _of_text(path)


def _of_backup(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    try:
        with tarfile.open(path) as tar:
            first = tar.next()
            told = tar.extractfile(first) if first and first.name == "manifest.json" else None
            if told is None:
                raise Unreadable("it is no backup")
            for member in json.load(told)["members"]:
                name = f"{member['schema']}.{member['name']}"
                file = tar.extractfile(f"{name}.copy.gz")
                if file is None:
                    raise Unreadable(f"it lacks {name}")
                with gzip.open(file, "rt", encoding="utf-8", newline="\n") as text:
                    yield name, _rows(member["columns"], text)
    except (OSError, KeyError, TypeError, tarfile.TarError, json.JSONDecodeError) as error:
        raise Unreadable(f"it cannot be read: {error}") from error


def _of_text(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    try:
        with path.open(encoding="utf-8", newline="\n") as text:
            for line in text:
                found = _COPY.match(line.rstrip("\n"))
                if found is not None:
                    schema, name, columns = found.groups()
                    names = [each.strip().strip('"') for each in columns.split(",")]
                    table = f"{schema}.{name}".replace('"', "")
                    rows = _rows(names, iter(text.readline, "\\.\n"))
                    yield table, rows
                    for _ in rows:  # whoever did not want them
                        pass
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"it cannot be read: {error}") from error


def _rows(columns: list[str], text: Iterable[str]) -> Iterator[Row]:
    for line in text:
        values = line.rstrip("\n").split("\t")
        if len(values) != len(columns):
            raise Unreadable("a row has another number of columns than its table")
        yield dict(zip(columns, map(_unescaped, values), strict=True))


def _unescaped(value: str) -> str | None:
    if value == "\\N":
        return None
    return _ESCAPED.sub(_character, value) if "\\" in value else value


def _character(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code[0] in "01234567":
        return chr(int(code, 8))
    return _ESCAPES.get(code, code)


def plain(source: str, name: str, value: str | None) -> bytes | None:
    """A column as the log commits to it."""
    if value is None:
        return None
    if value.startswith("\\x") and name in ("actor", "command", "events", "nonce", "ciphertext",
                                            "before", "after"):  # fmt: skip
        data = bytes.fromhex(value[2:])
        return sha256(data).hexdigest().encode() if (source, name) in DIGESTS else data
    if name in ("at", "expires_at"):
        at = datetime.fromisoformat(value).astimezone(UTC)
        return at.isoformat(timespec="microseconds").encode()
    if name in ("refs", "holders", "needs"):
        listed = json.dumps(_array(value), ensure_ascii=False, separators=(",", ":"))
        return listed.encode()
    return value.encode()


def _array(text: str) -> list[str]:
    """A list of texts as PostgreSQL prints it: {one,"two, three"}."""
    found: list[str] = []
    word, is_quoted, any_of_it = "", False, False
    characters = iter(text[1:-1])
    for each in characters:
        if each == "\\":
            word += next(characters, "")
        elif each == '"':
            is_quoted, any_of_it = not is_quoted, True
        elif each == "," and not is_quoted:
            found.append(word)
            word, any_of_it = "", False
        else:
            word += each
    return [*found, word] if word or any_of_it or found else found


class Dump:
    """A dump, taken apart. Close it: its temporary file goes then."""

    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect("")  # a temporary file of its own
        run = self._base.execute
        run("CREATE TABLE rows (source TEXT, id INTEGER, fields BLOB, PRIMARY KEY (source, id))")
        run("CREATE TABLE leaves (idx INTEGER, source TEXT, id INTEGER, seed BLOB, kept TEXT)")
        run("CREATE TABLE checkpoints (size INTEGER, note TEXT)")
        run("CREATE TABLE stamps (size INTEGER, token BLOB)")
        there: set[str] = set()
        for table, rows in tables_of(path):
            there.add(table)
            self._take(table, rows)
        lacking = sorted({*_LOG, *TABLES} - there)
        if lacking:
            raise Unreadable(f"it lacks the table {lacking[0]}")
        run("CREATE INDEX by_index ON leaves (idx, source, id)")
        run("CREATE INDEX by_row ON leaves (source, id)")

    def close(self) -> None:
        self._base.close()

    def entries(self) -> Iterator[Entry]:
        """All entries in their order."""
        sql = (
            "SELECT l.idx, l.source, l.id, l.seed, l.kept, r.fields FROM leaves l "
            "LEFT JOIN rows r ON r.source = l.source AND r.id = l.id ORDER BY l.idx, l.rowid"
        )
        for index, source, number, seed, kept, fields in self._base.execute(sql):
            yield Entry(
                index, source, number, seed,
                json.loads(kept) if kept is not None else None,
                _unpacked(source, fields) if fields is not None else None,
            )  # fmt: skip

    def checkpoints(self) -> list[tuple[int, str]]:
        """(size, note), the smallest first."""
        return list(self._base.execute("SELECT size, note FROM checkpoints ORDER BY size"))

    def stamps(self) -> list[tuple[int, bytes]]:
        """(size, answer of the authority)."""
        return list(self._base.execute("SELECT size, token FROM stamps ORDER BY size"))

    def unlogged(self) -> Iterator[tuple[str, int]]:
        """Rows without an entry."""
        yield from self._base.execute(
            "SELECT source, id FROM rows r WHERE NOT EXISTS "
            "(SELECT 1 FROM leaves l WHERE l.source = r.source AND l.id = r.id) ORDER BY 1, 2"
        )

    def _take(self, table: str, rows: Iterator[Row]) -> None:
        many, source = self._base.executemany, TABLES.get(table)
        if source is not None:
            many("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", _packed(source, rows))
        elif table == "log.leaves":
            many("INSERT INTO leaves VALUES (?, ?, ?, ?, ?)", map(_leaf, rows))
        elif table == "log.checkpoints":
            many("INSERT INTO checkpoints VALUES (?, ?)",
                 ((int(row["size"] or 0), row["note"]) for row in rows))  # fmt: skip
        elif table == "log.stamps":
            many("INSERT INTO stamps VALUES (?, ?)",
                 ((int(row["size"] or 0), _bytes(row["token"])) for row in rows))  # fmt: skip


def _leaf(row: Row) -> tuple[Any, ...]:
    kept = _bytes(row["kept"])
    text = kept.decode("utf-8", "replace") if kept is not None else None
    return int(row["idx"] or 0), row["source"], int(row["id"] or 0), _bytes(row["seed"]), text


def _bytes(value: str | None) -> bytes | None:
    return bytes.fromhex(value[2:]) if value is not None else None


def _packed(source: str, rows: Iterator[Row]) -> Iterator[tuple[str, int, bytes]]:
    """Each field as its length and bytes: a million rows of JSON would be slower."""
    names = FIELDS[source]
    for row in rows:
        out = io.BytesIO()
        for name in names:
            value = plain(source, name, row.get(name))
            out.write((0 if value is None else len(value) + 1).to_bytes(4, "big"))
            out.write(value or b"")
        yield source, int(row[names[0]] or 0), out.getvalue()


def _unpacked(source: str, packed: bytes) -> dict[str, bytes | None]:
    file, found = io.BytesIO(packed), dict[str, bytes | None]()
    for name in FIELDS.get(source, ()):
        size = int.from_bytes(file.read(4), "big")
        found[name] = file.read(size - 1) if size else None
    return found
