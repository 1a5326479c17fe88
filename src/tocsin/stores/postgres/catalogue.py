"""Which tables are ours, and in which order they can be filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tocsin.stores.postgres.connections import Connection

SCHEMAS: Final = ("public", "vault", "log")
LEDGER: Final = "migrations"
"""Written by `migrate`, never copied."""

# Transaction numbers mean something in their own cluster only: a restored row gets a new one.
_COLUMNS: Final = """
SELECT n.nspname, c.relname, a.attname, a.attidentity <> ''
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attgenerated = '' AND a.atttypid <> 'xid8'::regtype
 WHERE n.nspname = ANY($1::text[]) AND c.relkind = 'r'
 ORDER BY n.nspname, c.relname, a.attnum"""
_REFERENCES: Final = """
SELECT DISTINCT n.nspname || '.' || c.relname, rn.nspname || '.' || r.relname
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
 WHERE k.contype = 'f' AND c.oid <> r.oid"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with the columns that are copied; `identity` counts up by itself."""

    schema: str
    name: str
    columns: tuple[str, ...]
    identity: str | None

    @property
    def path(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def quoted(self) -> str:
        return f'"{self.schema}"."{self.name}"'


async def tables(connection: Connection) -> list[Table]:
    """All tables of our schemas but the ledger of migrations, by schema and name."""
    found: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for schema, name, column, is_identity in await connection.fetch(_COLUMNS, list(SCHEMAS)):
        columns, identities = found.setdefault((schema, name), ([], []))
        if column is not None:
            columns.append(column)
            if is_identity:
                identities.append(column)
    return [
        Table(schema, name, tuple(columns), identities[0] if identities else None)
        for (schema, name), (columns, identities) in found.items()
        if name != LEDGER
    ]


async def fill_order(connection: Connection) -> list[Table]:
    """The same tables, each after those it refers to."""
    waiting = {table.path: table for table in await tables(connection)}
    needs: dict[str, set[str]] = {path: set() for path in waiting}
    for path, other in await connection.fetch(_REFERENCES):
        if path in needs:
            needs[path].add(other)
    ordered: list[Table] = []
    while waiting:
        ready = [path for path in waiting if not needs[path] & waiting.keys()]
        assert ready, "tables refer to each other in a circle"
        ordered += [waiting.pop(path) for path in ready]
    return ordered
