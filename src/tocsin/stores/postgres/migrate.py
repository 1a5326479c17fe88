"""Migrations: numbered SQL files, forward only, each in one transaction and recorded by hash."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import asyncpg

from tocsin.stores.postgres.connections import Connection, Dsn, connect

LOCK = 0x70C51  # an advisory lock: of two nodes that start at once, one migrates
OLDEST_SERVER = 150_000  # PostgreSQL 15
_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")
_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (
  name       text PRIMARY KEY,
  sha256     text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)"""


class MigrationError(RuntimeError):
    """The database cannot be brought to this version. One line for the operator."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> tuple[Migration, ...]:
    """All migrations of this version, in order. Two files may not share a number."""
    folder = resources.files("tocsin.stores.postgres") / "migrations"
    found = sorted(
        (
            Migration(file.name, file.read_text(encoding="utf-8"))
            for file in folder.iterdir()
            if _NAME.match(file.name)
        ),
        key=lambda migration: migration.name,
    )
    numbers = [migration.name[:4] for migration in found]
    assert len(set(numbers)) == len(numbers), "two migrations share a number"
    return tuple(found)


async def migrate(dsn: Dsn, wanted: tuple[Migration, ...] | None = None) -> list[str]:
    """Applies what is missing and returns its names. Safe to call from several nodes at once.

    Raises MigrationError where an applied migration was changed, or where the database is of a
    newer version than this program.
    """
    steps = migrations() if wanted is None else wanted
    # Indexes on a filled database take their time.
    connection = await connect(
        dsn, statement_timeout="0", lock_timeout="60s", idle_in_transaction_session_timeout="0"
    )
    try:
        if connection.get_server_version()[0] * 10_000 < OLDEST_SERVER:
            raise MigrationError("the database is too old: Tocsin needs PostgreSQL 15 or newer")
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK, timeout=None)
        await connection.execute(_LEDGER)
        applied = await _applied(connection)
        _check(applied, steps)
        missing = [step for step in steps if step.name not in applied]
        for step in missing:
            await _apply(connection, step)
        return [step.name for step in missing]
    finally:
        await connection.close()


async def _applied(connection: Connection) -> dict[str, str]:
    rows = await connection.fetch("SELECT name, sha256 FROM migrations")
    return {row["name"]: row["sha256"] for row in rows}


def _check(applied: dict[str, str], steps: tuple[Migration, ...]) -> None:
    known = {step.name: step.sha256 for step in steps}
    for name, sha256 in sorted(applied.items()):
        if name not in known:
            raise MigrationError(
                f"the database has migration {name}, which this version does not know: "
                "run the newer Tocsin"
            )
        if known[name] != sha256:
            raise MigrationError(f"migration {name} was changed after it was applied")


async def _apply(connection: Connection, step: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(step.sql, timeout=None)
            await connection.execute(
                "INSERT INTO migrations (name, sha256) VALUES ($1, $2)", step.name, step.sha256
            )
    except asyncpg.PostgresError as error:
        raise MigrationError(f"migration {step.name} failed: {error}") from error
