"""Sign-in, sessions, links and keys over HTTP, on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.web.house import BODY, PASSWORD, Node, grant
from tests.web.house import node as make_node
from tocsin.kernel.shared import ActorId, Refused
from tocsin.stores.postgres.accounts import PostgresAccounts
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.migrate import migrate
from tocsin.web.options import AccountOptions, WebOptions
from tocsin.web.passwords import Passwords

GOOD = "neljä punaista omenaa"


@pytest.fixture
async def accounts_in_postgres(fresh_database: str) -> AsyncIterator[PostgresAccounts]:
    await migrate(fresh_database)
    readers = Readers(fresh_database)
    await readers.open()
    yield PostgresAccounts(readers)
    await readers.close()


@pytest.fixture
async def node(accounts_in_postgres: PostgresAccounts) -> AsyncIterator[Node]:
    async with make_node(account_store=accounts_in_postgres) as made:
        yield made


async def first(node: Node) -> tuple[httpx.AsyncClient, str]:
    link = await node.accounts.first_link()
    assert link is not None
    token = link.partition("#")[2]
    client = node.client()
    body = {"token": token, "login": "Boss", "name": "The Boss", "password": GOOD}
    answer = await client.post("/api/first", json=body)
    assert answer.status_code == 200, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf"]
    return client, token


async def reason(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.json()["reason"]


async def test_the_first_link_makes_one_administrator_once(node: Node) -> None:
    weak = {"token": "x" * 43, "login": "boss", "name": "Boss", "password": GOOD}
    assert await reason(await node.client().post("/api/first", json=weak)) == "link_used"
    boss, token = await first(node)
    assert await node.accounts.first_link() is None
    again = {**weak, "token": token, "login": "eve"}
    assert await reason(await node.client().post("/api/first", json=again)) == "link_used"
    listed = (await boss.get("/api/accounts")).json()["accounts"]
    assert [each["login"] for each in listed] == ["boss"]
    assert listed[0]["grants"] == [{"role": "administrator", "area": "county", "agency": None}]
    assert "argon2" not in (await boss.get("/api/accounts")).text


async def test_a_new_first_link_ends_the_older_and_it_grows_old(node: Node) -> None:
    old = await node.accounts.first_link()
    new = await node.accounts.first_link()
    assert old is not None and new is not None
    body = {"login": "boss", "name": "Boss", "password": GOOD}
    for token in (old, new):
        node.clock.move(hours=1 if token == old else 80)
        answer = await node.client().post(
            "/api/first", json={**body, "token": token.partition("#")[2]}
        )
        assert await reason(answer) == "link_used"


async def test_an_account_gets_its_password_by_link_and_works(node: Node) -> None:
    boss, _ = await first(node)
    body = {
        "login": "Chen.Li",
        "name": "Chen Li",
        "language": "zh-CN",
        "grants": [{"role": "call_taker", "area": "t0"}],
    }
    made = await boss.post("/api/accounts", json=body)
    assert made.status_code == 201, made.text
    token = made.json()["link"].partition("#")[2]
    taken = await boss.post("/api/accounts", json={**body, "login": "chen.li "})
    assert await reason(taken) == "login_taken"
    chen = node.client()
    set_ = await chen.post("/api/password", json={"token": token, "password": GOOD})
    assert set_.status_code == 200, set_.text
    chen.headers["X-CSRF-Token"] = set_.json()["csrf"]
    assert (await chen.post("/api/reports", json=BODY)).status_code == 201
    again = await chen.post("/api/password", json={"token": token, "password": GOOD})
    assert await reason(again) == "link_used"
    refused = await chen.get("/api/accounts")
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "您的账户没有可执行此操作的角色。",
    )


async def test_wrong_names_and_wrong_passwords_look_alike(node: Node) -> None:
    await node.staff("chen", grant("call_taker"))
    client = node.client()
    answers = [
        await client.post("/api/login", json={"login": login, "password": "not the password"})
        for login in ("chen", "nobody")
    ]
    assert [each.status_code for each in answers] == [401, 401]
    first_, second = ({**each.json(), "request_id": ""} for each in answers)
    assert first_ == second
    assert "set-cookie" not in answers[0].headers


async def test_the_same_work_is_done_for_an_unknown_account() -> None:
    """Not by the clock: the thread's own processor time, on a cost that outweighs all else."""
    passwords = Passwords(AccountOptions(argon2_memory_kib=32_768, argon2_time=3, argon2_pool=1))
    stored = await passwords.hash(GOOD)
    assert await passwords.check(stored, GOOD)
    assert not await passwords.check(None, GOOD)
    import time

    async def cost(hashed: str | None) -> int:
        before = time.process_time_ns()
        await passwords.check(hashed, "wrong")
        return time.process_time_ns() - before

    known, unknown = await cost(stored), await cost(None)
    assert unknown > known / 10, "an unknown account answers at once"
    passwords.close()


async def test_the_cookie_is_hardened_and_rotates(node: Node) -> None:
    await node.accounts.create("chen", "Chen", (), ActorId("t"), password=PASSWORD)
    client = node.client()
    body = {"login": "chen", "password": PASSWORD}
    first_ = await client.post("/api/login", json=body)
    for cookie in first_.headers.get_list("set-cookie"):
        assert cookie.startswith(("tocsin_session=", "tocsin_browser="))
    cookie = first_.headers.get_list("set-cookie")[0]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
    assert "Secure" not in cookie
    old = client.cookies["tocsin_session"]
    assert len(old) == 43
    await client.post("/api/login", json=body)
    assert client.cookies["tocsin_session"] != old
    stale = await node.client(Cookie=f"tocsin_session={old}").get("/api/session")
    assert stale.status_code == 401


async def test_the_cookie_is_secure_where_the_public_url_is_https() -> None:
    options = WebOptions(public_url="https://tocsin.example")
    async with make_node(options) as node:
        await node.accounts.create("chen", "Chen", (), ActorId("t"), password=PASSWORD)
        body = {"login": "chen", "password": PASSWORD}
        answer = await node.client().post("/api/login", json=body)
        told = answer.headers.get_list("set-cookie")
        assert [each.partition("=")[0] for each in told] == [
            "__Host-tocsin_session",
            "__Host-tocsin_browser",
        ]
        for each in told:
            assert "; Secure" in each and "; Path=/;" in each and "Domain" not in each
        token = told[0].partition(";")[0]
        assert (await node.client(Cookie=token).get("/api/session")).is_success
        planted = token.removeprefix("__Host-")
        assert (await node.client(Cookie=planted).get("/api/session")).status_code == 401
        foreign = node.client(Origin="http://tocsin.example")
        assert await reason(await foreign.post("/api/login", json=body)) == "wrong_origin"
        own = node.client(Origin="https://tocsin.example")
        assert (await own.post("/api/login", json=body)).status_code == 200


async def test_sessions_end_idle_absolutely_by_logout_and_by_hand(node: Node) -> None:
    chen = await node.staff("chen", grant("call_taker"))
    for _ in range(3):
        node.clock.move(hours=7.5)
        assert (await chen.get("/api/session")).status_code == 200
    node.clock.move(hours=2)  # never idle for eight hours, but signed in for more than 24
    assert (await chen.get("/api/session")).status_code == 401
    login = {"login": "chen", "password": PASSWORD}
    answer = await chen.post("/api/login", json=login)
    chen.headers["X-CSRF-Token"] = answer.json()["csrf"]
    node.clock.move(hours=8.1)
    assert (await chen.get("/api/session")).status_code == 401
    answer = await chen.post("/api/login", json=login)
    chen.headers["X-CSRF-Token"] = answer.json()["csrf"]
    other = node.client()
    await other.post("/api/login", json=login)
    listed = (await chen.get("/api/sessions")).json()["sessions"]
    ended = [each["id"] for each in listed if not each["is_this"]]
    for each in ended:
        assert (await chen.delete(f"/api/sessions/{each}")).status_code == 200
    assert (await other.get("/api/session")).status_code == 401
    assert (await chen.post("/api/logout")).status_code == 200
    assert (await chen.get("/api/session")).status_code == 401
    node.clock.move(hours=30)
    await node.accounts.prune()
    assert not await node.accounts.store.sessions(ActorId("anyone"))


async def test_a_browser_must_prove_each_write(node: Node) -> None:
    chen = await node.staff("chen", grant("call_taker"))
    token = chen.headers.pop("X-CSRF-Token")
    assert await reason(await chen.post("/api/reports", json=BODY)) == "csrf_missing"
    wrong = {"X-CSRF-Token": "0" * 64}
    answer = await chen.post("/api/reports", json=BODY, headers=wrong)
    assert await reason(answer) == "csrf_missing"
    for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await chen.post(
            "/api/reports", json=BODY, headers={"X-CSRF-Token": token, **foreign}
        )
        assert await reason(answer) == "wrong_origin"
    fine = {"X-CSRF-Token": token, "Origin": node.url, "Sec-Fetch-Site": "same-origin"}
    assert (await chen.post("/api/reports", json=BODY, headers=fine)).status_code == 201
    other = await node.staff("eve", grant("call_taker"))
    stolen = {"X-CSRF-Token": other.headers["X-CSRF-Token"]}
    answer = await chen.post("/api/reports", json=BODY, headers=stolen)
    assert await reason(answer) == "csrf_missing", "the token is bound to its session"


async def test_losing_a_grant_or_being_switched_off_ends_sessions(node: Node) -> None:
    boss, _ = await first(node)
    chen = await node.staff("chen", grant("call_taker"), grant("dispatcher", "t0"))
    found = (await boss.get("/api/accounts")).json()["accounts"]
    mine = next(each for each in found if each["login"] == "chen")
    path = f"/api/accounts/{mine['id']}"
    fewer = {"version": mine["version"], "grants": mine["grants"][:1]}
    assert (await boss.patch(path, json=fewer)).status_code == 200
    assert (await chen.get("/api/session")).status_code == 401
    stale = await boss.patch(path, json=fewer)
    assert (stale.status_code, await reason(stale)) == (412, "stale_version")
    off = {"version": mine["version"] + 1, "is_active": False}
    assert (await boss.patch(path, json=off)).status_code == 200
    login = {"login": "chen", "password": PASSWORD}
    assert await reason(await chen.post("/api/login", json=login)) == "wrong_login"


async def test_the_last_administrator_stays(node: Node) -> None:
    boss, _ = await first(node)
    me = (await boss.get("/api/accounts")).json()["accounts"][0]
    off = {"version": me["version"], "is_active": False}
    answer = await boss.patch(f"/api/accounts/{me['id']}", json=off)
    assert await reason(answer) == "last_administrator"


async def test_grants_are_checked(node: Node) -> None:
    boss, _ = await first(node)
    for bad in (
        {"role": "dispatcher", "area": "atlantis"},
        {"role": "agency_handler", "area": "county"},
        {"role": "agency_handler", "area": "county", "agency": "nobody@county"},
        {"role": "agency_handler", "area": "county", "agency": "lighting@t0v0-0000"},
    ):
        body = {"login": "x.y", "name": "X", "grants": [bad]}
        assert await reason(await boss.post("/api/accounts", json=body)) == "grant_invalid"
    body = {"login": "x.y", "name": "X", "grants": [{"role": "king", "area": "county"}]}
    assert await reason(await boss.post("/api/accounts", json=body)) == "invalid"


async def test_guessing_is_slowed_for_the_account_and_for_the_address() -> None:
    async with make_node(WebOptions()) as node:
        await node.accounts.create("chen", "Chen", (), ActorId("t"), password=PASSWORD)
        client = node.client()
        seen = [
            await client.post("/api/login", json={"login": "chen", "password": f"wrong {n}"})
            for n in range(12)
        ]
        assert [each.status_code for each in seen] == [401] * 10 + [429] * 2
        assert int(seen[-1].headers["retry-after"]) > 0
        many = [
            await client.post("/api/login", json={"login": f"name{n}", "password": "wrong"})
            for n in range(60)
        ]
        assert many[-1].status_code == 429


async def test_a_flood_of_logins_is_answered_busy_and_not_queued_for_ever() -> None:
    slow = AccountOptions(argon2_pool=1, argon2_queue=1, argon2_memory_kib=65_536, argon2_time=4)
    async with make_node(account_options=slow) as node:
        client = node.client()
        answers = await asyncio.gather(
            *(
                client.post("/api/login", json={"login": f"name{n}", "password": "wrong"})
                for n in range(12)
            )
        )
        codes = {each.status_code for each in answers}
        assert codes == {401, 503}
        busy = next(each for each in answers if each.status_code == 503)
        assert busy.json()["reason"] == "busy"
        assert busy.headers["retry-after"] == "1"
        late = await client.post("/api/login", json={"login": "name", "password": "wrong"})
        assert late.status_code == 401, "the room came back"


async def test_a_key_works_until_it_is_revoked(node: Node) -> None:
    boss, _ = await first(node)
    body = {
        "name": "drains",
        "scopes": ["reports:write"],
        "grants": [{"role": "call_taker", "area": "county"}],
    }
    made = await boss.post("/api/keys", json=body)
    assert made.status_code == 201, made.text
    text = made.json()["text"]
    assert text not in (await boss.get("/api/keys")).text
    for headers in ({"X-API-Key": text}, {"Authorization": f"Bearer {text}"}):
        client = node.client(**headers)
        assert (await client.post("/api/reports", json=BODY)).status_code == 201
        urgent = await client.post("/api/reports", json={**BODY, "dispatch_now": True})
        assert await reason(urgent) == "key_scope_missing"
    actor = await node.accounts.actor(text, "reports:write")
    assert actor is not None and actor.kind == "integration"
    assert await node.accounts.actor(text, "cases:read") is None
    assert await node.accounts.actor("tok_wrong", "reports:write") is None
    key_id = made.json()["key"]["id"]
    assert (await boss.delete(f"/api/keys/{key_id}")).status_code == 200
    assert (await client.post("/api/reports", json=BODY)).status_code == 401
    assert await node.accounts.actor(text, "reports:write") is None


async def test_changes_tell_what_but_no_names(node: Node) -> None:
    boss, _ = await first(node)
    await node.staff("canary-login", grant("call_taker"))
    told = await boss.get("/api/account-changes")
    what = {each["what"] for each in told.json()["changes"]}
    assert {"first_administrator_made", "account_created", "signed_in"} <= what
    assert "canary" not in told.text.lower()


async def test_ones_own_password_is_changed_with_the_old_one(node: Node) -> None:
    chen = await node.staff("chen", grant("call_taker"))
    old, other = chen.cookies["tocsin_session"], node.client()
    await other.post("/api/login", json={"login": "chen", "password": PASSWORD})
    wrong = await chen.post("/api/account/password", json={"old": "x", "new": GOOD})
    assert await reason(wrong) == "wrong_login"
    weak = await chen.post("/api/account/password", json={"old": PASSWORD, "new": "short"})
    assert await reason(weak) == "password_weak"
    done = await chen.post("/api/account/password", json={"old": PASSWORD, "new": GOOD})
    assert done.status_code == 200
    assert (await other.get("/api/session")).status_code == 401, "the others end"
    assert chen.cookies["tocsin_session"] != old, "this one goes on under a new token"
    assert (await chen.get("/api/session")).json()["csrf"] == done.json()["csrf"]
    assert (await node.client(Cookie=f"tocsin_session={old}").get("/api/session")).is_error
    assert (await other.post("/api/login", json={"login": "chen", "password": GOOD})).is_success


async def test_a_lost_database_is_told_and_nobody_gets_in(fresh_database: str) -> None:
    await migrate(fresh_database)
    readers = Readers(fresh_database)
    await readers.open()
    async with make_node(account_store=PostgresAccounts(readers)) as node:
        chen = await node.staff("chen", grant("call_taker"))
        await readers.close()
        login = {"login": "chen", "password": PASSWORD}
        for answer in (
            await chen.get("/api/session"),
            await chen.post("/api/reports", json=BODY),
            await node.client().post("/api/login", json=login),
        ):
            assert (answer.status_code, await reason(answer)) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
        await readers.open()
        assert (await chen.get("/api/session")).status_code == 200
        await readers.close()


async def test_a_password_counts_as_it_is_typed_to_its_last_character(node: Node) -> None:
    """Blanks and capitals count, sixty-four characters and more are taken, nothing is cut off."""
    typed = " Neljä Punaista Omenaa " + "ja yksi vihreä" * 8
    assert 64 < len(typed) < 200
    made = await node.accounts.create("chen", "Chen", (), ActorId("t"), password=typed)
    assert not isinstance(made, Refused)
    for other in (typed.strip(), typed.lower(), typed[:72], typed[:-1], f"{typed} "):
        answer = await node.client().post("/api/login", json={"login": "chen", "password": other})
        assert answer.status_code == 401, other
    right = {"login": "chen", "password": typed}
    assert (await node.client().post("/api/login", json=right)).status_code == 200
