"""Signing on at a provider over real sockets, and each way in which it can go wrong."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from ipaddress import ip_network
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from tests.web.house import Node, grant
from tests.web.house import node as make_node
from tests.web.provider import CLIENT, SECRET, Provider, provider
from tocsin.app.outgoing import Caller
from tocsin.kernel.shared import ActorId
from tocsin.runtime.outgoing import Rules
from tocsin.runtime.sign_in import is_safe_address
from tocsin.stores.postgres.accounts import PostgresAccounts
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.migrate import migrate
from tocsin.web.sign_on import SignOn, SignOnFailed, SignOnOptions

HERE = Rules(networks=(ip_network("127.0.0.0/8"),))


@dataclass
class Town:
    node: Node
    provider: Provider
    sign_on: SignOn


@pytest.fixture
async def town(fresh_database: str) -> AsyncIterator[Town]:
    await migrate(fresh_database)
    readers = Readers(fresh_database)
    await readers.open()
    async with (
        make_node(account_store=PostgresAccounts(readers)) as node,
        provider(node.clock.now) as there,
    ):
        options = SignOnOptions(
            issuer=there.url,
            client=CLIENT,
            redirect=f"{node.url}/api/sign-on/return",
            secret=SECRET,
            name="Town hall",
        )
        made = SignOn(options, node.accounts, Caller(HERE), node.clock)
        node.app.state.web = replace(node.app.state.web, sign_on=made)
        yield Town(node, there, made)
    await readers.close()


async def tied(town: Town, login: str = "chen") -> ActorId:
    """An account that the provider's person is tied to."""
    await town.node.staff(login, grant("dispatcher"))
    account = await town.node.accounts.store.by_login(login)
    assert account is not None
    await town.sign_on.tie(town.provider.subject, account.id, ActorId("test"))
    return account.id


async def there_and_back(client: httpx.AsyncClient) -> str:
    """The address to which the provider sends the browser back."""
    begun = await client.post("/api/sign-on")
    assert begun.status_code == 200, begun.text
    sent = await client.get(begun.json()["url"])
    assert sent.status_code == 302, sent.text
    return sent.headers["location"]


async def arrive(client: httpx.AsyncClient, back: str) -> str | None:
    """The reason why not, or None when somebody is signed in."""
    answer = await client.get(back)
    assert answer.status_code == 303, answer.text
    where = urlsplit(answer.headers["location"])
    assert where.path == "/console/"
    reason = parse_qs(where.query).get("sign_on", [None])[0]
    is_in = (await client.get("/api/session")).status_code == 200
    assert is_in == (reason is None)
    return reason


async def test_who_is_tied_signs_on(town: Town) -> None:
    account = await tied(town)
    client = town.node.client()
    ways = (await client.get("/api/sign-in")).json()
    assert ways["provider"] == "Town hall"
    assert await arrive(client, await there_and_back(client)) is None
    me = (await client.get("/api/session")).json()
    assert me["account"] == account
    assert (await client.get("/api/sessions")).json()["sessions"][-1]["how"] == "sign_on"
    again = town.node.client()
    assert await arrive(again, await there_and_back(again)) is None
    assert town.provider.asked.count("about") == town.provider.asked.count("jwks") == 1, "cached"


async def test_who_signed_on_there_is_signed_out_there_too(town: Town) -> None:
    await tied(town)
    client = town.node.client()
    assert await arrive(client, await there_and_back(client)) is None
    csrf = (await client.get("/api/session")).json()["csrf"]
    left = await client.post("/api/logout", headers={"x-csrf-token": csrf})
    assert left.status_code == 200, left.text
    assert left.json()["provider"] == f"{town.provider.url}/leave?client_id={CLIENT}"
    assert left.headers["clear-site-data"] == '"cache"'
    assert (await client.get("/api/session")).status_code == 401
    here = await town.node.staff("anna", grant("dispatcher"))
    assert (await here.post("/api/logout")).json()["provider"] is None, "came by a password"


@pytest.mark.parametrize(
    ("told", "reason"), [("phr", None), ("pwd", "sign_on_failed"), (None, "sign_on_failed")]
)
async def test_a_sign_on_weaker_than_asked_is_refused(
    town: Town, told: str | None, reason: str | None
) -> None:
    await tied(town)
    options = replace(town.sign_on.options, strengths=("phr", "phrh"))
    made = SignOn(options, town.node.accounts, Caller(HERE), town.node.clock)
    town.node.app.state.web = replace(town.node.app.state.web, sign_on=made)
    town.provider.claims = {"acr": told}
    client = town.node.client()
    begun = (await client.post("/api/sign-on")).json()["url"]
    assert parse_qs(urlsplit(begun).query)["acr_values"] == ["phr phrh"]
    reason = await arrive(client, await there_and_back(client))
    assert reason == (None if told == "phr" else "sign_on_failed")


async def test_nobody_is_made_and_nobody_found_by_mail(town: Town) -> None:
    await town.node.staff("chen@town.example", grant("administrator"))
    town.provider.claims = {"email": "chen@town.example", "email_verified": True,
                            "preferred_username": "chen@town.example"}  # fmt: skip
    before = len(await town.node.accounts.store.accounts("", 100))
    client = town.node.client()
    assert await arrive(client, await there_and_back(client)) == "identity_unknown"
    assert len(await town.node.accounts.store.accounts("", 100)) == before


CLAIMS = {
    "wrong nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://other.example"},
    "another audience": {"aud": "another-client"},
    "no audience": {"aud": None},
    "another authorized party": {"aud": [CLIENT, "other"], "azp": "other"},
    "many audiences, no party": {"aud": [CLIENT, "other"]},
    "expired": {"exp": 1},
    "no expiry": {"exp": None},
    "from the future": {"iat": 4_000_000_000, "nbf": 4_000_000_000},
    "no subject": {"sub": None},
    "subject is no text": {"sub": 7},
    "another access token": {"at_hash": "x3oQ0Yk7m2bV9d1KqJr5tQ"},
}


@pytest.mark.parametrize("wrong", CLAIMS)
async def test_a_token_with_one_wrong_claim_opens_nothing(town: Town, wrong: str) -> None:
    await tied(town)
    town.provider.claims = CLAIMS[wrong]
    client = town.node.client()
    assert await arrive(client, await there_and_back(client)) == "sign_on_failed"


@pytest.mark.parametrize("lie", ["none", "shared", "forged", "mixed", "no_iss"])
async def test_a_lying_answer_opens_nothing(town: Town, lie: str) -> None:
    await tied(town)
    town.provider.lie = lie
    client = town.node.client()
    assert await arrive(client, await there_and_back(client)) == "sign_on_failed"
    if lie in ("mixed", "no_iss"):
        assert "token" not in town.provider.asked, "the code is not shown to the wrong one"


@pytest.mark.parametrize("lie", ["about", "plain", "pkce"])
async def test_a_provider_that_says_another_thing_is_not_asked(town: Town, lie: str) -> None:
    town.provider.lie = lie
    answer = await town.node.client().post("/api/sign-on")
    assert (answer.status_code, answer.json()["reason"]) == (409, "sign_on_failed")


async def test_an_answer_counts_once_soon_and_in_its_own_browser(town: Town) -> None:
    await tied(town)
    client, thief = town.node.client(), town.node.client()
    back = await there_and_back(client)
    assert await arrive(thief, back) == "sign_on_failed", "no cookie of the browser that began"
    assert await arrive(client, back) == "sign_on_failed", "and the state is gone with that"
    back = await there_and_back(client)
    assert await arrive(client, back) is None
    await client.post("/api/logout", headers={"X-CSRF-Token": await csrf(client)})
    assert await arrive(client, back) == "sign_on_failed", "a second time"
    back = await there_and_back(client)
    town.node.clock.move(minutes=6)
    assert await arrive(client, back) == "sign_on_failed", "too late"


async def csrf(client: httpx.AsyncClient) -> str:
    return (await client.get("/api/session")).json()["csrf"]


async def test_a_stolen_code_is_worth_nothing_in_another_flow(town: Town) -> None:
    await tied(town)
    victim, thief = town.node.client(), town.node.client()
    stolen = parse_qs(urlsplit(await there_and_back(victim)).query)["code"][0]
    own = parse_qs(urlsplit(await there_and_back(thief)).query)
    query = {"state": own["state"][0], "iss": own["iss"][0], "code": stolen}
    back = f"/api/sign-on/return?{httpx.QueryParams(query)}"
    assert await arrive(thief, back) == "sign_on_failed", "its verifier is the victim's"


async def test_keys_roll_and_a_withdrawn_one_opens_nothing(town: Town) -> None:
    await tied(town)
    client = town.node.client()
    assert await arrive(client, await there_and_back(client)) is None
    town.provider.stolen = town.provider.keys[0]
    town.provider.roll()
    town.node.clock.move(minutes=1)
    assert await arrive(client, await there_and_back(client)) is None, "the new key is fetched"
    town.node.clock.move(minutes=6)
    town.provider.lie = "withdrawn"
    thief = town.node.client()
    assert await arrive(thief, await there_and_back(thief)) == "sign_on_failed"


async def test_one_ties_oneself_in_a_fresh_session(town: Town) -> None:
    chen = await town.node.staff("chen", grant("dispatcher"))
    begun = await chen.post("/api/account/identities")
    sent = await chen.get(begun.json()["url"])
    done = await chen.get(sent.headers["location"])
    assert done.headers["location"] == "/console/account"
    shown = (await chen.get("/api/account/identities")).json()["identities"]
    assert [each["subject"] for each in shown] == [town.provider.subject]
    client = town.node.client()
    assert await arrive(client, await there_and_back(client)) is None
    li = await town.node.staff("li", grant("dispatcher"))
    begun = await li.post("/api/account/identities")
    sent = await li.get(begun.json()["url"])
    taken = await li.get(sent.headers["location"])
    assert taken.headers["location"] == "/console/?sign_on=identity_taken"
    assert (await chen.post("/api/account/identities/end", json=shown[0])).status_code == 200
    town.node.clock.move(minutes=11)
    stale = await chen.post("/api/account/identities")
    assert stale.json()["reason"] == "fresh_sign_in_needed"


async def test_an_administrator_ties_and_unties(town: Town) -> None:
    boss = await town.node.staff("boss", grant("administrator"))
    await town.node.staff("chen", grant("dispatcher"))
    account = await town.node.accounts.store.by_login("chen")
    assert account is not None
    path = f"/api/accounts/{account.id}/identities"
    assert (await boss.post(path, json={"subject": town.provider.subject})).status_code == 200
    client = town.node.client()
    assert await arrive(client, await there_and_back(client)) is None
    end = {"issuer": town.provider.url, "subject": town.provider.subject}
    assert (await boss.post(f"{path}/end", json=end)).status_code == 200
    again = town.node.client()
    assert await arrive(again, await there_and_back(again)) == "identity_unknown"


async def test_the_secret_shows_nowhere(town: Town) -> None:
    await tied(town)
    town.provider.claims = {"nonce": "another"}
    client = town.node.client()
    with capture_logs() as told:
        assert await arrive(client, await there_and_back(client)) == "sign_on_failed"
    assert {"event": "sign_on_failed", "why": "token", "log_level": "warning"} in told
    for shown in (repr(town.sign_on.options), repr(told), str(SignOnFailed("token"))):
        assert SECRET not in shown and town.provider.subject not in shown


def test_only_https_unless_all_of_it_is_this_machine() -> None:
    here, far = "http://127.0.0.1:9", "https://id.example"
    assert is_safe_address("https://id.example/token", far)
    assert not is_safe_address("http://id.example/token", far)
    assert not is_safe_address("http://127.0.0.1:9/token", far), "not from https down to here"
    assert not is_safe_address("http://id.example/token", here)
    assert is_safe_address("http://127.0.0.1:9/token", here)


class Gullible(SignOn):
    """Planted: takes the token's word for everything but its form."""

    async def _subject(self, metadata: object, tokens: object, nonce: str) -> str:
        import base64
        import json

        part = tokens.id_token.split(".")[1]  # type: ignore[attr-defined]
        return json.loads(base64.urlsafe_b64decode(part + "=="))["sub"]


@pytest.mark.parametrize("wrong", ["wrong nonce", "another audience", "expired"])
async def test_a_gullible_node_is_found(town: Town, wrong: str) -> None:
    await tied(town)
    made = Gullible(town.sign_on.options, town.node.accounts, Caller(HERE), town.node.clock)
    town.node.app.state.web = replace(town.node.app.state.web, sign_on=made)
    town.provider.claims = CLAIMS[wrong]
    client = town.node.client()
    assert await arrive(client, await there_and_back(client)) is None, "and so it lets them in"
