"""The second wall: roles that own nothing, row-level security forced on every table.

Raised by the owner of the tables at each start, from `wall_rows`, in one transaction; a start that
finds it standing as it should asks one question. What it promises where `Doors.is_walled`:

- the node's role cannot change or delete what is only added to, nor make or drop a table;
- the reader's role reads what its onlooker may see, and without an onlooker nothing;
- the owner's own sessions see no row either, unless they say that they are keeping.
"""

from __future__ import annotations

import hashlib
from typing import Final

import asyncpg

from tocsin.stores.postgres.catalogue import SCHEMAS
from tocsin.stores.postgres.connections import BROKEN, KEEPING, Connection, connect
from tocsin.stores.postgres.doors import NODE, READER, Doors, State
from tocsin.stores.postgres.migrate import LOCK, MigrationError
from tocsin.stores.postgres.wall_rows import UNKNOWN, WALLS, Wall

_MARK: Final = "walls "
_TABLES: Final = """
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY($1::text[]) AND c.relkind IN ('r', 'p') ORDER BY 1"""
_STANDING: Final = """
SELECT (SELECT count(*) FROM pg_roles WHERE rolname = ANY($1::text[])),
       obj_description('public.migrations'::regclass, 'pg_class'),
       current_setting('tocsin.logins', true) = 'on',
       (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user),
       current_user::text"""
_POLICIES: Final = """
SELECT policyname::text, schemaname || '.' || tablename FROM pg_policies
 WHERE schemaname = ANY($1::text[])"""
_MAKE_ROLE: Final = """
DO $$ BEGIN CREATE ROLE {role} {login} NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"""


async def raise_walls(doors: Doors) -> State:
    """Brings roles, rights and policies to this version, and says into `doors` how it stands.

    Where the owner may not make roles and they are not there, nothing is raised: `open`. Raises
    MigrationError where the node's login could then not work at all, else what the driver raises.
    """
    owner = await connect(doors.owner, statement_timeout="0", lock_timeout="60s")
    try:
        await owner.execute("SELECT pg_advisory_lock($1)", LOCK, timeout=None)
        state = await _raise(owner)
    finally:
        await owner.close()
    if state == "roles" and not await _may_become(doors):
        state = "open"
    if state == "open" and doors.login is not doors.owner:
        raise MigrationError(
            f"the database has no roles {NODE} and {READER} that the node's login may take on: "
            "run the statements of the guide as its owner"
        )
    doors.state = state
    return state


async def _raise(owner: Connection) -> State:
    row = await owner.fetchrow(_STANDING, [NODE, READER])
    assert row is not None
    roles, mark, has_logins, may_make, me = row
    if roles < 2:
        if not may_make:
            return "open"
        await make_roles(owner, can_login=has_logins)
    tables = [name for (name,) in await owner.fetch(_TABLES, list(SCHEMAS))]
    sql = statements(tables, me)
    digest = hashlib.sha256(sql.encode()).hexdigest()
    if roles < 2 or mark != _MARK + digest:
        async with owner.transaction():
            for policy, table in await owner.fetch(_POLICIES, list(SCHEMAS)):
                await owner.execute(f"DROP POLICY {policy} ON {table}")
            await owner.execute(sql, timeout=None)
            await owner.execute(f"COMMENT ON TABLE public.migrations IS '{_MARK}{digest}'")
    return "logins" if has_logins else "roles"


async def make_roles(owner: Connection, *, can_login: bool) -> None:
    """The two roles of a cluster; those that are there stay. Several databases share them."""
    login = "LOGIN" if can_login else "NOLOGIN"
    for role in (NODE, READER):
        await owner.execute(_MAKE_ROLE.format(role=role, login=login))
        if not can_login:
            await owner.execute(f"GRANT {role} TO CURRENT_USER")


async def _may_become(doors: Doors) -> bool:
    doors.state = "roles"
    for door in (doors.node, doors.reader):
        try:
            await (await connect(door)).close()
        except (asyncpg.PostgresError, *BROKEN):
            return False
    return True


def statements(tables: list[str], owner: str) -> str:
    """All rights and policies of these tables, in one text: the only place that gives any."""
    lines = [f"GRANT USAGE ON SCHEMA {', '.join(SCHEMAS)} TO {NODE}, {READER};"]
    lines += [
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {', '.join(SCHEMAS)} TO {NODE};",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {', '.join(SCHEMAS)} FROM PUBLIC, {NODE}, {READER};",
    ]
    for table in tables:
        lines += _of_table(table, WALLS.get(table, UNKNOWN), owner)
    return "\n".join(lines)


def _of_table(table: str, wall: Wall, owner: str) -> list[str]:
    keeping = f"(current_setting('{KEEPING}', true) = 'on')"
    lines = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;",
        f'CREATE POLICY keeping ON {table} TO "{owner}" USING {keeping} WITH CHECK {keeping};',
    ]
    rights = [
        f"UPDATE ({', '.join(wall.columns)})" if verb == "UPDATE" and wall.columns else verb
        for verb in wall.node
    ]
    lines.append(f"GRANT {', '.join(rights)} ON {table} TO {NODE};")
    if len(wall.node) == 4 and not wall.columns:
        lines.append(f"CREATE POLICY node ON {table} TO {NODE} USING (true) WITH CHECK (true);")
    else:
        lines += [_policy(table, verb, wall) for verb in wall.node]
    if wall.reader is not None:
        lines += [
            f"GRANT SELECT ON {table} TO {READER};",
            f"CREATE POLICY person ON {table} FOR SELECT TO {READER} USING ({wall.reader});",
        ]
    return lines


def _policy(table: str, verb: str, wall: Wall) -> str:
    what = {
        "SELECT": "USING (true)",
        "INSERT": "WITH CHECK (true)",
        "UPDATE": f"USING (true) WITH CHECK ({wall.may_become})",
        "DELETE": "USING (true)",
    }[verb]
    return f"CREATE POLICY node_{verb.lower()} ON {table} FOR {verb} TO {NODE} {what};"


__all__ = ["make_roles", "raise_walls", "statements"]
