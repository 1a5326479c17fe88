"""One contract for every store of accounts: memory is the reference, PostgreSQL is like it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import create_database, drop_database
from tests.web.house import grant
from tocsin.kernel.shared import ActorId
from tocsin.runtime.account_ports import AccountStore
from tocsin.runtime.accounts import Account, ApiKey, Change, Link, Session
from tocsin.stores.memory.accounts import MemoryAccounts
from tocsin.stores.postgres.accounts import PostgresAccounts
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.migrate import migrate

AT = datetime(2026, 11, 23, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[AccountStore]:
    if request.param == "memory":
        yield MemoryAccounts()
        return
    server: EmbeddedPostgres = request.getfixturevalue("postgres_server")
    name = await create_database(server)
    await migrate(server.dsn(name))
    readers = Readers(server.dsn(name))
    await readers.open()
    yield PostgresAccounts(readers)
    await readers.close()
    await drop_database(server, name)


def account(number: int, **changes: object) -> Account:
    made = Account(
        id=ActorId(f"a{number}"),
        login=f"login{number}",
        name="李晨",
        language="zh-CN",
        grants=(grant("dispatcher", "t0"), grant("agency_handler", "county", "roads@county")),
        created_at=AT,
        password="$argon2id$x",
    )
    return replace(made, **changes)  # pyright: ignore[reportArgumentType]


def change(what: str = "test") -> Change:
    return Change(AT, ActorId("admin"), what, "subject", "detail")


async def changes(store: AccountStore) -> list[str]:
    return [each.what for _, each in await store.changes(None, 100)]


async def test_what_is_written_is_read(store: AccountStore) -> None:
    first = account(1)
    assert await store.insert(first, None, change("made"))
    assert await store.account(first.id) == first
    assert await store.by_login("login1") == first
    assert await store.by_login("nobody") is None
    assert await store.account(ActorId("nobody")) is None
    assert await changes(store) == ["made"]


async def test_a_login_is_taken_once_and_nothing_is_half_written(store: AccountStore) -> None:
    assert await store.insert(account(1), None, change("made"))
    link = Link(b"h" * 32, ActorId("a2"), AT + DAY)
    assert not await store.insert(account(2, login="login1"), link, change("lost"))
    assert await store.account(ActorId("a2")) is None
    assert await store.link(link.hash) is None
    assert await changes(store) == ["made"]


async def test_an_update_needs_the_version_before_it(store: AccountStore) -> None:
    await store.insert(account(1), None, change("made"))
    await store.put_session(session(1), None, change("in"))
    newer = account(1, version=2, name="Li Chen")
    assert await store.update(newer, change("renamed"), end_sessions=False)
    assert await store.session(b"s1") is not None
    assert not await store.update(newer, change("lost"), end_sessions=True)
    assert await store.session(b"s1") is not None
    assert await store.account(newer.id) == newer
    off = account(1, version=3, is_active=False)
    assert await store.update(off, change("off"), end_sessions=True)
    assert await store.session(b"s1") is None
    assert await changes(store) == ["off", "renamed", "in", "made"]


async def test_accounts_come_in_the_order_of_logins(store: AccountStore) -> None:
    for number in (3, 1, 2):
        await store.insert(account(number), None, change())
    assert [each.login for each in await store.accounts("", 2)] == ["login1", "login2"]
    assert [each.login for each in await store.accounts("login2", 2)] == ["login3"]


async def test_an_administrator_counts_while_active(store: AccountStore) -> None:
    await store.insert(account(1), None, change())
    assert not await store.has_administrator()
    boss = account(2, grants=(grant("administrator"),))
    await store.insert(boss, None, change())
    assert await store.has_administrator()
    off = replace(boss, is_active=False, version=2)
    await store.update(off, change(), end_sessions=True)
    assert not await store.has_administrator()


async def test_a_link_is_used_once(store: AccountStore) -> None:
    first = Link(b"1" * 32, None, AT + DAY)
    second = Link(b"2" * 32, None, AT + DAY)
    await store.put_link(first, change())
    await store.put_link(second, change())
    assert await store.link(first.hash) is None, "a newer link replaces the older"
    assert await store.link(second.hash) == second
    assert await store.use_link(second.hash, account(1), change("used"))
    assert not await store.use_link(second.hash, account(2), change("lost"))
    assert await store.account(ActorId("a2")) is None
    third = Link(b"3" * 32, ActorId("a1"), AT + DAY)
    await store.put_link(third, change())
    newer = account(1, password="other", version=2)
    assert await store.use_link(third.hash, newer, change())
    assert await store.account(ActorId("a1")) == newer
    assert "lost" not in await changes(store)


def session(number: int, **changes: object) -> Session:
    made = Session(f"id{number}", f"s{number}".encode(), ActorId("a1"), AT, AT, AT + DAY)
    return replace(made, **changes)  # pyright: ignore[reportArgumentType]


async def test_sessions_rotate_are_listed_touched_ended_and_pruned(store: AccountStore) -> None:
    await store.insert(account(1), None, change())
    await store.put_session(session(1), None, change())
    await store.put_session(session(2, started_at=AT + DAY / 2), b"s1", change())
    assert await store.session(b"s1") is None
    found = await store.session(b"s2")
    assert found is not None
    assert found[1] == account(1)
    await store.touch_session(b"s2", AT + DAY / 4)
    await store.put_session(session(3), None, change())
    listed = await store.sessions(ActorId("a1"))
    assert [each.id for each in listed] == ["id3", "id2"]
    assert listed[1].seen_at == AT + DAY / 4
    assert not await store.end_session(ActorId("other"), "id2", change())
    assert await store.end_session(ActorId("a1"), "id2", change())
    assert await store.prune_sessions(AT - DAY, AT) == 0
    assert await store.prune_sessions(AT, AT) == 1
    assert not await store.sessions(ActorId("a1"))


async def test_keys_are_found_by_hash_and_revoked_once(store: AccountStore) -> None:
    key = ApiKey(ActorId("k1"), "drains", b"k" * 32, ("reports:write",), (grant("call_taker"),), AT)
    await store.put_key(key, change())
    assert await store.key(key.hash) == key
    assert await store.keys() == [key]
    assert await store.revoke_key(key.id, AT + DAY, change("revoked"))
    assert not await store.revoke_key(key.id, AT + DAY, change("lost"))
    assert await store.key(key.hash) == replace(key, revoked_at=AT + DAY)
    assert "lost" not in await changes(store)


async def test_changes_come_latest_first_and_page(store: AccountStore) -> None:
    for number in range(5):
        await store.insert(account(number), None, change(f"made{number}"))
    page = await store.changes(None, 2)
    assert [each.what for _, each in page] == ["made4", "made3"]
    page = await store.changes(page[-1][0], 2)
    assert [each.what for _, each in page] == ["made2", "made1"]
