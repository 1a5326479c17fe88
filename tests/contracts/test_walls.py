"""The second wall, on a real server: roles that own nothing, rows that only an onlooker sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest

from tests.conftest import TEST_SETTINGS
from tests.contracts.town import PLACE, Town
from tocsin.kernel.shared import ActorId, AgencyId, AreaId, AreaPath, CaseId, Refused
from tocsin.runtime.accounts import Grant
from tocsin.runtime.board import parties_of
from tocsin.runtime.onlooking import NOBODY, Onlooker, looking_as
from tocsin.runtime.ports import CaseQuery
from tocsin.stores.postgres.connections import Readers, connect
from tocsin.stores.postgres.doors import NODE, READER, Doors, becoming, signed_in_as
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.migrate import Migration, MigrationError, migrate, migrations
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.wall_rows import ADDED, WALLS
from tocsin.stores.postgres.walls import raise_walls
from tocsin.stores.vault import MasterKeys
from tocsin.web.permissions import CASE_ROLES, RULES, Principal, onlooker_of, reach

ONLY_ADDED = sorted(name for name, wall in WALLS.items() if wall.node == ADDED)
TABLES = """
SELECT n.nspname || '.' || c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
       pg_get_userbyid(c.relowner)::text AS owner
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'vault', 'log') AND c.relkind IN ('r', 'p') ORDER BY 1"""
COLUMN = """
SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum = 2"""
DENIED = (asyncpg.InsufficientPrivilegeError,)


@asynccontextmanager
async def session(dsn: str) -> AsyncIterator[Any]:
    connection: Any = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def ask(dsn: str, sql: str, *values: Any) -> list[Any]:
    async with session(dsn) as connection:
        return await connection.fetch(sql, *values)


async def walled(dsn: str) -> Doors:
    await migrate(dsn)
    doors = Doors(dsn)
    assert await raise_walls(doors) == "logins"
    return doors


# -- the roles ---------------------------------------------------------------------------


async def without_a_wall(dsn: str) -> list[str]:
    """Tables that nobody thought about, in words; a new one is named here."""
    found = {row["name"]: row for row in await ask(dsn, TABLES)}
    told = [f"{name}: no row in wall_rows" for name in sorted(found.keys() - WALLS.keys())]
    told += [f"{name}: no table" for name in sorted(WALLS.keys() - found.keys())]
    told += [f"{name}: not forced" for name, row in found.items() if not row["forced"]]
    told += [f"{name}: owned by a role" for name, row in found.items()
             if row["owner"] in (NODE, READER)]  # fmt: skip
    return told


async def test_every_table_has_a_row_and_a_forced_wall(fresh_database: str) -> None:
    await walled(fresh_database)
    assert await without_a_wall(fresh_database) == []


async def test_a_table_that_nobody_thought_about_is_named_and_shown_to_nobody(
    fresh_database: str,
) -> None:
    planted = Migration("9998_planted.sql", "CREATE TABLE neighbours (id text)")
    await migrate(fresh_database, (*migrations(), planted))
    doors = Doors(fresh_database)
    await raise_walls(doors)
    assert await without_a_wall(fresh_database) == ["public.neighbours: no row in wall_rows"]
    await ask(doors.node(), "INSERT INTO neighbours VALUES ('a')")
    with pytest.raises(DENIED):
        await ask(doors.reader(), "SELECT * FROM neighbours")


async def test_a_wall_that_is_not_forced_is_found(fresh_database: str) -> None:
    await walled(fresh_database)
    await ask(fresh_database, "ALTER TABLE cases NO FORCE ROW LEVEL SECURITY")
    assert await without_a_wall(fresh_database) == ["public.cases: not forced"]


async def test_the_roles_own_nothing_and_are_nobody_special(fresh_database: str) -> None:
    await walled(fresh_database)
    sql = """SELECT rolname::text, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls
                    OR rolreplication, (SELECT count(*) FROM pg_class WHERE relowner = r.oid)
                    + (SELECT count(*) FROM pg_auth_members WHERE member = r.oid)
               FROM pg_roles r WHERE rolname IN ('tocsin_node', 'tocsin_reader') ORDER BY 1"""
    rows = [tuple(row) for row in await ask(fresh_database, sql)]
    assert rows == [(NODE, False, 0), (READER, False, 0)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id text)",
        "CREATE SCHEMA mine",
        "DROP TABLE errands",
        "ALTER TABLE cases DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE cases NO FORCE ROW LEVEL SECURITY",
        "CREATE POLICY mine ON cases USING (true)",
        "DROP POLICY keeping ON cases",
        "TRUNCATE errands",
        "SET ROLE tocsin",
        "SET SESSION AUTHORIZATION tocsin",
        "ALTER ROLE tocsin_node SUPERUSER",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "UPDATE migrations SET sha256 = ''",
    ],
)
async def test_neither_role_can_change_the_walls(module_walled_once: Doors, statement: str) -> None:
    for door in (module_walled_once.node(), module_walled_once.reader()):
        with pytest.raises(DENIED):
            await ask(door, statement)


# -- what is only added to ---------------------------------------------------------------


async def rewritten(door: str) -> list[str]:
    """Tables of which a row can be changed or taken away through this door."""
    found: list[str] = []
    async with session(door) as connection:
        for table in ONLY_ADDED:
            column = await connection.fetchval(COLUMN, table)
            for each in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}",
                         f"TRUNCATE {table} CASCADE"):  # fmt: skip
                try:
                    done = await connection.execute(each)
                except DENIED:
                    continue
                if done.rpartition(" ")[2] != "0":
                    found.append(each)
    return found


async def test_the_node_cannot_rewrite_what_is_only_added_to(
    fresh_database: str, master_keys: MasterKeys
) -> None:
    async with opened(fresh_database, master_keys) as (store, town):
        await store.commit(town.opening())
        assert "public.journal" in ONLY_ADDED and "vault.openings" in ONLY_ADDED
        assert len(await store.tail(0, 10)) == 1
        assert await rewritten(store.doors.node()) == []
        assert await rewritten(store.doors.reader()) == []


async def test_a_right_given_by_hand_opens_no_row(
    fresh_database: str, master_keys: MasterKeys
) -> None:
    """Each right has a policy of its own: the other half is still missing."""
    async with opened(fresh_database, master_keys) as (store, town):
        await store.commit(town.opening())
        await ask(fresh_database, f"GRANT UPDATE, DELETE ON journal TO {NODE}")
        assert await rewritten(store.doors.node()) == []
        # Planted: the policy as well. Now it is found.
        await ask(fresh_database, f"CREATE POLICY hole ON journal TO {NODE} USING (true)")
        assert "DELETE FROM public.journal" in await rewritten(store.doors.node())


async def test_a_seed_can_only_be_taken_away(fresh_database: str) -> None:
    doors = await walled(fresh_database)
    await ask(fresh_database, "INSERT INTO log.leaves VALUES (0, 'journal', 1, 'seed', NULL)")
    for change in ("seed = 'other'", "idx = 7", "source = 'messages'"):
        with pytest.raises(DENIED):
            await ask(doors.node(), f"UPDATE log.leaves SET {change}")
    await ask(doors.node(), "UPDATE log.leaves SET seed = NULL, kept = '{}'")


async def test_the_owner_sees_a_row_only_when_it_says_that_it_keeps(empty_database: str) -> None:
    """Forced: also where the owner is no superuser, as in a town's own database."""
    await ask(empty_database, "DROP ROLE IF EXISTS keeper")
    await ask(empty_database, "CREATE ROLE keeper")
    await ask(empty_database, "GRANT CREATE ON SCHEMA public TO keeper")
    name = empty_database.rpartition("?")[0].rpartition("/")[2]
    await ask(empty_database, f"GRANT CREATE ON DATABASE {name} TO keeper")
    owner = becoming(empty_database, "keeper")
    await migrate(owner)
    doors = Doors(owner)
    await raise_walls(doors)
    await ask(empty_database, "INSERT INTO story_cursor VALUES (true, 7) ON CONFLICT DO NOTHING")
    assert await ask(owner, "SELECT * FROM story_cursor") == []
    keeping = await connect(owner)
    try:
        assert len(await keeping.fetch("SELECT * FROM story_cursor")) == 1
    finally:
        await keeping.close()
    await ask(empty_database, "DROP OWNED BY keeper CASCADE")


# -- what a person is shown --------------------------------------------------------------


@asynccontextmanager
async def opened(dsn: str, keys: MasterKeys) -> AsyncIterator[tuple[PostgresStore, Town]]:
    store = PostgresStore(dsn, keys)
    await store.open()
    try:
        yield store, Town()
    finally:
        await store.close()


async def test_nobody_is_shown_nothing(fresh_database: str, master_keys: MasterKeys) -> None:
    async with opened(fresh_database, master_keys) as (store, town):
        order = town.opening()
        await store.commit(order)
        case_id = order.cases[0]
        assert await store.case(case_id) is not None, "the node sees its own"
        with looking_as(NOBODY):
            assert await store.case(case_id) is None
            assert (await store.cases(CaseQuery())).rows == ()
            assert await store.count(CaseQuery()) == 0
            assert await store.near(PLACE, 500, town.at, 9) == []
            assert await store.journal(case_id) == []
            assert await store.tail(0, 10) == []
            assert await store.told(case_id) == []
        raw = await ask(store.doors.reader(), "SELECT * FROM cases")
        assert raw == [], "a session that was told nothing sees nothing"


@pytest.mark.parametrize(
    "table",
    sorted(name for name, wall in WALLS.items() if wall.reader is None),
)
async def test_the_reader_has_no_right_to_what_no_person_reads(
    module_walled_once: Doors, table: str
) -> None:
    with pytest.raises(DENIED):
        await ask(module_walled_once.reader(), f"SELECT 1 FROM {table}")


@pytest.fixture(scope="module")
def module_walled_once(postgres_server: EmbeddedPostgres) -> Iterator[Doors]:
    async def make() -> Doors:
        await ask(postgres_server.dsn("postgres"), "CREATE DATABASE walls_once")
        return await walled(postgres_server.dsn("walls_once"))

    yield asyncio.run(make())
    asyncio.run(ask(postgres_server.dsn("postgres"), "DROP DATABASE walls_once WITH (FORCE)"))


AREAS = [
    AreaPath(AreaId(county), AreaId(f"{county}-{t}"), AreaId(f"{county}-{t}-{v}"),
             AreaId(f"{county}-{t}-{v}-{c}"))
    for county in ("east", "west") for t in "ab" for v in "ab" for c in "ab"
]  # fmt: skip
AGENCIES = ["roads@east", "water@east", "fire@west", 'o"dd\\, {one}@west']


def some_grants(chance: Random) -> tuple[Grant, ...]:
    def one() -> Grant:
        agency = AgencyId(chance.choice(AGENCIES)) if chance.random() < 0.5 else None
        area = chance.choice(chance.choice(AREAS))
        return Grant(chance.choice(CASE_ROLES), area, agency)

    return tuple(one() for _ in range(chance.randint(0, 3)))


async def test_both_walls_agree_about_every_case(
    fresh_database: str, master_keys: MasterKeys
) -> None:
    """The policy says of every case what `reach` says, for 300 random principals: neither wall is
    narrower than the other, so what the web shows is shown, and what it forgets is not."""
    chance = Random(28)
    rule = RULES["case.show"]
    seen = 0
    async with opened(fresh_database, master_keys) as (store, town):
        for number in range(60):
            agencies = chance.sample(AGENCIES, chance.randint(0, 2))
            await store.commit(town.opening(areas=chance.choice(AREAS), agencies=agencies))
            town.wait(number)
        cases = [row.case for row in (await store.cases(CaseQuery(limit=200))).rows]
        assert len(cases) == 60
        for _ in range(300):
            who = Principal(ActorId("a"), "staff", some_grants(chance))
            wanted = {
                case.id
                for case in cases
                if case.areas is not None
                and not isinstance(reach(rule, who, case.areas, parties_of(case)), Refused)
            }
            with looking_as(onlooker_of(rule, who)):
                page = await store.cases(CaseQuery(limit=200))
                entries = await store.tail(0, 500)
            assert {row.case.id for row in page.rows} == wanted, who
            assert {entry.case_id for entry in entries} == wanted, who
            seen += len(wanted)
    assert 1_000 < seen < 17_000, "neither everything nor nothing"


async def test_what_a_code_a_type_or_a_publication_opens(
    fresh_database: str, master_keys: MasterKeys
) -> None:
    async with opened(fresh_database, master_keys) as (store, town):
        one, two = town.opening(), town.opening(case_type="flooding")
        await store.commit(one)
        await store.commit(two)
        a, b = one.cases[0], two.cases[0]
        for who, wanted in (
            (Onlooker(cases=frozenset({a})), {a}),
            (Onlooker(types=frozenset({"flooding"})), {b}),
            (Onlooker(published=True), set[CaseId]()),
            (Onlooker(desks=frozenset({"somebody"})), set[CaseId]()),
        ):
            with looking_as(who):
                assert {row.case.id for row in (await store.cases(CaseQuery())).rows} == wanted
        await store.commit(town.publishing(a))
        with looking_as(Onlooker(published=True)):
            assert {row.case.id for row in (await store.cases(CaseQuery())).rows} == {a}


async def test_a_session_is_told_once_and_anew_when_somebody_else_looks(
    fresh_database: str, master_keys: MasterKeys
) -> None:
    async with opened(fresh_database, master_keys) as (store, town):
        await store.commit(town.opening())
        readers = Readers(store.doors.node, size=1, persons=store.doors.reader)
        await readers.open(is_walled=True)
        sql = "SELECT count(*) FROM cases"
        try:
            for who, count in ((NOBODY, 0), (county(), 1), (county(), 1), (NOBODY, 0)):
                with looking_as(who):
                    assert await readers.fetchval(sql) == count
            with looking_as(county()):
                # Whoever is cut off while telling leaves nothing to be trusted.
                telling = asyncio.create_task(readers.fetchval(sql))
                await asyncio.sleep(0)
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)
                assert await readers.fetchval(sql) == 1
            with looking_as(NOBODY):
                assert await readers.fetchval(sql) == 0
        finally:
            await readers.close()


def county() -> Onlooker:
    return Onlooker(areas=frozenset({AreaId("county")}))


# -- a town's own PostgreSQL --------------------------------------------------------------


class OwnServer(EmbeddedPostgres):
    """A server that is nobody's child of ours: every login is let in, and no role is made."""

    def _write_access(self) -> None:
        super()._write_access()
        (self.cluster / "pg_hba.conf").write_text("local all all trust\n", encoding="utf-8")


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    folder = Path(tmp_path_factory.mktemp("own")) / "postgres"
    server = OwnServer(folder, settings={**TEST_SETTINGS, "tocsin.logins": "off"})
    server.start()
    yield server
    server.stop()


async def test_an_owner_that_may_not_make_roles_works_without_walls(
    own_server: EmbeddedPostgres, master_keys: MasterKeys
) -> None:
    admin = own_server.dsn("postgres")
    await ask(admin, "CREATE ROLE plain LOGIN")
    await ask(admin, "CREATE DATABASE plain OWNER plain")
    dsn = signed_in_as(own_server.dsn("plain"), "plain")
    async with opened(dsn, master_keys) as (store, town):
        assert store.doors.state == "open" and not store.doors.is_walled
        await store.commit(town.opening())
        with looking_as(NOBODY):
            assert await store.count(CaseQuery()) == 1, "the web's wall alone: health says so"


async def test_the_statements_of_the_guide_raise_the_walls(
    own_server: EmbeddedPostgres, master_keys: MasterKeys
) -> None:
    guide = Path(__file__).parents[2] / "docs" / "guides" / "your-own-postgresql.md"
    sql = guide.read_text(encoding="utf-8").partition("```text\n")[2].partition("```")[0]
    database, roles = "CREATE DATABASE", [each for each in sql.split(";\n") if each.strip()]
    admin = own_server.dsn("postgres")
    await ask(admin, "DROP DATABASE tocsin")  # the embedded server's own
    for each in roles:
        await ask(admin, each)
    assert any(each.startswith(database) for each in roles)
    owner = signed_in_as(own_server.dsn("tocsin"), "tocsin_owner")
    login = signed_in_as(own_server.dsn("tocsin"), "tocsin_login")
    store = PostgresStore(Doors(owner, login), master_keys)
    await store.open()
    town = Town()
    try:
        assert store.doors.state == "roles"
        await store.commit(town.opening())
        with looking_as(NOBODY):
            assert await store.count(CaseQuery()) == 0
        assert await store.count(CaseQuery()) == 1
        assert await without_a_wall(own_server.dsn("tocsin")) == []
        assert await rewritten(store.doors.node()) == []
        with pytest.raises(DENIED):
            await ask(login, "SELECT * FROM cases")  # by itself the login has no right at all
        with pytest.raises(DENIED):
            await ask(login, "SET ROLE tocsin_owner")
    finally:
        await store.close()
    lonely = "CREATE ROLE lonely LOGIN"
    await ask(admin, lonely)
    with pytest.raises(MigrationError, match="tocsin_node"):
        await raise_walls(Doors(owner, signed_in_as(own_server.dsn("tocsin"), "lonely")))
