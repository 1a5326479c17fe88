"""Sessions rotate with rights, carry no more than they were opened with, and end their streams."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from tests.web.house import PASSWORD, Node, grant
from tests.web.house import node as make_node
from tocsin.kernel.shared import ActorId, Refused
from tocsin.runtime.accounts import Grant
from tocsin.stores.postgres.accounts import PostgresAccounts
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.migrate import migrate

BOSS = ActorId("test")


@pytest.fixture
async def node(fresh_database: str) -> AsyncIterator[Node]:
    await migrate(fresh_database)
    readers = Readers(fresh_database)
    await readers.open()
    async with make_node(account_store=PostgresAccounts(readers)) as made:
        yield made
    await readers.close()


async def give(node: Node, login: str, *grants: Grant) -> None:
    account = await node.accounts.store.by_login(login)
    assert account is not None
    done = await node.accounts.change(replace(account, grants=grants), BOSS)
    assert not isinstance(done, Refused), done


async def test_rights_that_are_gained_come_with_a_new_token(node: Node) -> None:
    chen = await node.staff("chen", grant("call_taker"))
    old = chen.cookies["tocsin_session"]
    await give(node, "chen", grant("call_taker"), grant("dispatcher"))
    me = (await chen.get("/api/session")).json()
    assert me["renewal_due"] is True
    assert [each["role"] for each in me["grants"]] == ["call_taker"], "not under the old token"
    assert (await chen.get("/api/history")).json()["reason"] == "role_missing"
    renewed = await chen.post("/api/session/renew")
    assert renewed.status_code == 200, renewed.text
    chen.headers["X-CSRF-Token"] = renewed.json()["csrf"]
    assert chen.cookies["tocsin_session"] != old
    assert len(renewed.json()["grants"]) == 2 and renewed.json()["renewal_due"] is False
    assert (await chen.get("/api/history")).status_code == 200
    stolen = node.client(Cookie=f"tocsin_session={old}")
    assert (await stolen.get("/api/session")).status_code == 401, "the old token ended"
    listed = (await chen.get("/api/sessions")).json()["sessions"]
    assert len(listed) == 1


async def test_renewing_does_not_lengthen_a_session(node: Node) -> None:
    chen = await node.staff("chen", grant("call_taker"))
    for _ in range(4):
        node.clock.move(hours=5.9)
        answer = await chen.post("/api/session/renew")
        assert answer.status_code == 200
        assert answer.json()["is_fresh"] is False, "renewing is no signing in"
        chen.headers["X-CSRF-Token"] = answer.json()["csrf"]
    node.clock.move(hours=0.5)
    assert (await chen.post("/api/session/renew")).status_code == 401


async def test_all_others_end_at_once(node: Node) -> None:
    chen = await node.staff("chen", grant("call_taker"))
    body = {"login": "chen", "password": PASSWORD}
    others = [node.client() for _ in range(3)]
    for each in others:
        await each.post("/api/login", json=body)
    assert (await chen.post("/api/session/end-others")).json() == {"ended": 3}
    assert [(await each.get("/api/session")).status_code for each in others] == [401] * 3
    assert (await chen.get("/api/session")).status_code == 200


async def lines(client: httpx.AsyncClient, seen: asyncio.Event) -> None:
    """Reads the stream to its end."""
    headers = {"Accept": "text/event-stream"}
    async with client.stream("GET", "/api/live", headers=headers) as answer:
        assert answer.status_code == 200
        async for _ in answer.aiter_bytes():
            seen.set()


@pytest.mark.parametrize("way", ["logout", "others", "switched_off", "lost", "idle", "key"])
async def test_a_stream_ends_with_its_session(node: Node, way: str) -> None:
    chen = await node.staff("chen", grant("dispatcher"), grant("verifier"))
    li = await node.staff("li", grant("dispatcher"))
    watching = chen
    if way == "key":
        watching = await node.key(grant("dispatcher"), scopes=("cases:read",))
    hub = node.app.state.web.hub
    running = asyncio.create_task(hub.run())
    one, two = asyncio.Event(), asyncio.Event()
    mine = asyncio.create_task(lines(watching, one))
    hers = asyncio.create_task(lines(li, two))
    await asyncio.gather(one.wait(), two.wait())
    assert await hub.end_dead() == 0
    account = await node.accounts.store.by_login("chen")
    assert account is not None
    match way:
        case "logout":
            await chen.post("/api/logout")
        case "others":
            await node.accounts.end_sessions(account.id, BOSS)
        case "switched_off":
            await node.accounts.change(replace(account, is_active=False), BOSS)
        case "lost":
            await give(node, "chen", grant("dispatcher"))
        case "key":
            key = (await node.accounts.store.keys())[0]
            await node.accounts.revoke_key(key.id, BOSS)
        case _:
            node.clock.move(hours=7)
            await li.get("/api/session")  # she is at work, chen is not
            node.clock.move(hours=2)
    async with asyncio.timeout(20):
        await mine
    assert not hers.done(), "only that one"
    for task in (hers, running):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_hub_that_never_looks_is_found(node: Node) -> None:
    """Planted: without the look a stream outlives its session."""
    chen = await node.staff("chen", grant("dispatcher"))
    hub = node.app.state.web.hub
    hub.living = None
    seen = asyncio.Event()
    mine = asyncio.create_task(lines(chen, seen))
    await seen.wait()
    await chen.post("/api/logout")
    assert await hub.end_dead() == 0
    assert hub.listeners == 1, "the stream of a session that ended is still open"
    mine.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await mine
