"""What each column of the schema may hold, and for how long: the table `classes.toml`, read.

Retention, erasure, the data-protection page and the tests of leaks all ask here, so that a new
column is thought about once. It is a table of the schema, not of people: nothing is found by it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

FILE: Final = Path(__file__).with_name("classes.toml")
KINDS: Final = ("none", "staff", "personal", "sealed", "secret")
"""From what says nothing of anybody to what opens everything."""
COLUMNS: Final = """
SELECT table_schema || '.' || table_name AS relation, column_name::text AS name
  FROM information_schema.columns
 WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_schema !~ '^pg_'
 ORDER BY 1, ordinal_position"""
"""Every column of a live database, views with them."""


class ClassError(ValueError):
    """The table contradicts itself."""


@dataclass(frozen=True, slots=True)
class ColumnClass:
    """One column: `relation` is `schema.table`, `kind` one of KINDS, `retention` a class."""

    relation: str
    name: str
    kind: str
    retention: str


@dataclass(frozen=True, slots=True)
class Classes:
    """Every column's class, and the words of each class of retention by language."""

    columns: tuple[ColumnClass, ...]
    retention: Mapping[str, Mapping[str, str]]

    def of(self, relation: str) -> tuple[ColumnClass, ...]:
        """The columns of one table, as the file orders them."""
        return tuple(each for each in self.columns if each.relation == relation)

    def missing(self, live: Iterable[tuple[str, str]]) -> list[str]:
        """What a live schema has and the table does not, and the other way round, in words."""
        there, known = set(live), {(each.relation, each.name) for each in self.columns}
        without = [f"{relation}.{name}: no class" for relation, name in sorted(there - known)]
        return without + [f"{relation}.{name}: no column" for relation, name in
                          sorted(known - there)]  # fmt: skip


@cache
def classes() -> Classes:
    """The shipped table. Raises ClassError."""
    return read_classes(FILE.read_text(encoding="utf-8"))


def read_classes(text: str) -> Classes:
    """The classes in a text of the file's form; raises ClassError where a column has two kinds, or
    a kind or a class of retention is not known."""
    document: dict[str, Any] = tomllib.loads(text)
    retention = cast(dict[str, dict[str, str]], document["retention"])
    found: list[ColumnClass] = []
    for relation, rows in cast(dict[str, dict[str, str]], document["table"]).items():
        kept = rows.get("retention", "")
        if kept not in retention:
            raise ClassError(f"{relation}: no class of retention {kept!r}")
        taken: set[str] = set()
        for kind, names in rows.items():
            if kind == "retention":
                continue
            if kind not in KINDS:
                raise ClassError(f"{relation}: no kind {kind!r}")
            for name in names.split():
                if name in taken:
                    raise ClassError(f"{relation}.{name}: two kinds")
                taken.add(name)
                found.append(ColumnClass(relation, name, kind, kept))
    return Classes(tuple(found), retention)
