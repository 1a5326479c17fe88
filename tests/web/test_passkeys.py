"""Passkeys over HTTP, on PostgreSQL, with an authenticator in software that can also lie."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from tests.web.authenticator import USER_PRESENT, Authenticator
from tests.web.house import PASSWORD, Node, grant
from tests.web.house import node as make_node
from tocsin.kernel.shared import ActorId, Refused
from tocsin.stores.postgres.accounts import PostgresAccounts
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.migrate import migrate


@pytest.fixture
async def node(fresh_database: str) -> AsyncIterator[Node]:
    await migrate(fresh_database)
    readers = Readers(fresh_database)
    await readers.open()
    async with make_node(account_store=PostgresAccounts(readers)) as made:
        # Passkeys are for names: the machine's own is the one that needs no setting.
        made.url = made.url.replace("127.0.0.1", "localhost")
        yield made
    await readers.close()


async def reason(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.json()["reason"]


async def with_passkey(node: Node, login: str = "chen") -> tuple[httpx.AsyncClient, Authenticator]:
    client = await node.staff(login, grant("dispatcher"))
    made = Authenticator(node.url)
    added = await add(client, made, "key ring")
    assert added.status_code == 201, added.text
    return client, made


async def add(client: httpx.AsyncClient, key: Authenticator, name: str) -> httpx.Response:
    wish = await client.post("/api/account/passkey-wish")
    assert wish.status_code == 200, wish.text
    body = {"name": name, "credential": key.make(wish.json())}
    return await client.post("/api/account/passkeys", json=body)


async def enter(client: httpx.AsyncClient, key: Authenticator) -> httpx.Response:
    asked = await client.post("/api/passkeys/question")
    assert asked.status_code == 200, asked.text
    assert asked.json()["userVerification"] == "required"
    assert "allowCredentials" not in asked.json() or asked.json()["allowCredentials"] == []
    answer = {"credential": key.sign(asked.json())}
    return await client.post("/api/passkeys/login", json=answer)


async def test_a_passkey_signs_in_without_a_name(node: Node) -> None:
    _, key = await with_passkey(node)
    assert (await node.client().get("/api/sign-in")).json()["has_passkeys"] is True
    client = node.client()
    answer = await enter(client, key)
    assert answer.status_code == 200, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf"]
    listed = (await client.get("/api/sessions")).json()["sessions"]
    assert [each["how"] for each in listed if each["is_this"]] == ["passkey"]
    shown = (await client.get("/api/account/passkeys")).json()["passkeys"]
    assert [each["name"] for each in shown] == ["key ring"]
    assert shown[0]["used_at"] is not None
    assert (await enter(node.client(), key)).status_code == 200, "again, with a higher count"


@pytest.mark.parametrize(
    "lie", ["origin", "host", "unverified", "other_key", "other_user", "count", "replay", "late"]
)
async def test_what_is_not_the_passkey_does_not_open(node: Node, lie: str) -> None:
    _, key = await with_passkey(node)
    client = node.client()
    assert (await enter(client, key)).status_code == 200
    asked = (await client.post("/api/passkeys/question")).json()
    match lie:
        case "origin":
            liar = replace(key, origin="https://tocsin.example")
        case "host":
            liar = replace(key, host="tocsin.example")
        case "unverified":
            liar = replace(key, flags=USER_PRESENT)
        case "other_key":
            liar = replace(key, key=Authenticator(node.url).key)
        case "other_user":
            liar = replace(key, user=b"somebody else")
        case "count":
            liar = replace(key, count=key.count - 1)  # says again what was said before
        case _:
            liar = key
    answer = {"credential": liar.sign(asked)}
    if lie == "replay":
        assert (await client.post("/api/passkeys/login", json=answer)).status_code == 200
    if lie == "late":
        node.clock.move(minutes=6)
    assert await reason(await client.post("/api/passkeys/login", json=answer)) == "passkey_wrong"


async def test_a_challenge_is_for_one_purpose_and_its_account(node: Node) -> None:
    chen, key = await with_passkey(node)
    li = await node.staff("li", grant("dispatcher"))
    wish = (await chen.post("/api/account/passkey-wish")).json()
    own = Authenticator(node.url)
    stolen = await li.post(
        "/api/account/passkeys", json={"name": "x", "credential": own.make(wish)}
    )
    assert await reason(stolen) == "passkey_wrong"
    wish = (await chen.post("/api/account/passkey-wish")).json()
    used = await node.client().post("/api/passkeys/login", json={"credential": key.sign(wish)})
    assert await reason(used) == "passkey_wrong", "a wish is no question"
    for junk in ({}, {"response": {"clientDataJSON": "%%"}}, {"response": []}):
        answer = await node.client().post("/api/passkeys/login", json={"credential": junk})
        assert await reason(answer) == "passkey_wrong"


async def test_registering_needs_a_fresh_sign_in_and_a_verified_user(node: Node) -> None:
    chen = await node.staff("chen", grant("dispatcher"))
    unsure = await add(chen, Authenticator(node.url, flags=USER_PRESENT), "x")
    assert await reason(unsure) == "passkey_wrong"
    node.clock.move(minutes=11)
    stale = await chen.post("/api/account/passkey-wish")
    assert await reason(stale) == "fresh_sign_in_needed"


async def test_the_last_way_in_stays(node: Node) -> None:
    chen, key = await with_passkey(node)
    second = await add(chen, Authenticator(node.url), "phone")
    assert second.status_code == 201
    again = await add(chen, replace(key, count=0), "copy")
    assert await reason(again) == "passkey_wrong", "one credential, one passkey"
    shown = (await chen.get("/api/account/passkeys")).json()["passkeys"]
    paths = [f"/api/account/passkeys/{each['id']}" for each in shown]
    assert (await chen.patch(paths[1], json={"name": "my phone"})).status_code == 200
    li = await node.staff("li", grant("dispatcher"))
    assert await reason(await li.delete(paths[0])) == "unknown_passkey"
    assert (await chen.delete(paths[0])).status_code == 200
    # Without a password the other passkey is the last way in.
    account = await node.accounts.store.by_login("chen")
    assert account is not None
    bare = replace(account, password=None)
    assert not isinstance(await node.accounts.change(bare, ActorId("test")), Refused)
    assert await reason(await chen.delete(paths[1])) == "last_way_in"
    assert (await enter(node.client(), key)).status_code == 401, "removed"


async def test_a_switched_off_account_is_out_by_passkey_too(node: Node) -> None:
    chen, key = await with_passkey(node)
    account = await node.accounts.store.by_login("chen")
    assert account is not None
    await node.accounts.change(replace(account, is_active=False), ActorId("test"))
    assert (await chen.get("/api/session")).status_code == 401
    assert await reason(await enter(node.client(), key)) == "passkey_wrong"


async def test_an_address_that_is_no_name_has_no_passkeys(node: Node) -> None:
    node.url = node.url.replace("localhost", "127.0.0.1")
    client = await node.staff("chen", grant("dispatcher"))
    assert await reason(await node.client().post("/api/passkeys/question")) == "passkeys_off"
    assert await reason(await client.post("/api/account/passkey-wish")) == "passkeys_off"
    login = {"login": "chen", "password": PASSWORD}
    assert (await node.client().post("/api/login", json=login)).status_code == 200
