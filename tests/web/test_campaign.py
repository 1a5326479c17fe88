"""A thousand addresses guess at a dispatcher's name, and the dispatcher still comes in."""

from dataclasses import dataclass
from ipaddress import ip_network

import httpx
import pytest

from tests.web.authenticator import Authenticator
from tests.web.house import CHEAP, PASSWORD, Node, grant
from tests.web.house import node as make_node
from tests.web.test_passkeys import add, enter
from tocsin.web.limits import Buckets
from tocsin.web.options import WebOptions
from tocsin.web.slowing import Slowing

HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
"""The test itself is the proxy that says for whom it speaks."""
OFFICE = ip_network("198.51.100.0/24")
OPTIONS = WebOptions(trusted_proxies=HERE, sign_in_networks=(OFFICE,))
ADDRESSES = 1_000
FAR = {"X-Forwarded-For": "203.0.113.200"}


def stranger(number: int) -> dict[str, str]:
    return {"X-Forwarded-For": f"192.0.{2 + number // 250}.{number % 250 + 1}"}


@dataclass
class Outcome:
    guessed: int
    """Passwords that were really compared."""
    waits: int


async def campaign(node: Node, login: str, addresses: int = ADDRESSES) -> Outcome:
    """One wrong password from each of the addresses."""
    outcome = Outcome(0, 0)
    client = node.client()
    for number in range(addresses):
        body = {"login": login, "password": f"guess number {number}"}
        answer = await client.post("/api/login", json=body, headers=stranger(number))
        assert answer.status_code in (401, 429), answer.text
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) > 0
            outcome.waits += 1
        else:
            outcome.guessed += 1
    return outcome


async def sign_in(client: httpx.AsyncClient, headers: dict[str, str]) -> int:
    body = {"login": "chen", "password": PASSWORD}
    return (await client.post("/api/login", json=body, headers=headers)).status_code


async def test_the_dispatcher_comes_in_while_a_thousand_addresses_guess() -> None:
    async with make_node(OPTIONS) as node:
        node.url = node.url.replace("127.0.0.1", "localhost")
        chen = await node.staff("chen", grant("dispatcher"))
        key = Authenticator(node.url)
        assert (await add(chen, key, "key ring")).status_code == 201
        guard = await node.staff("guard", grant("security_administrator"))
        seen = await campaign(node, "chen")
        # Many addresses guess no faster than one allowance; the clock of a test is quick.
        assert seen.guessed <= 400 and seen.waits > 0
        assert await sign_in(chen, FAR) == 200, "a browser that is known, at any address"
        assert await sign_in(node.client(), {"X-Forwarded-For": "198.51.100.7"}) == 200
        assert (await enter(node.client(), key)).status_code == 200, "a passkey"
        link = await node.accounts.unlock("chen")
        assert isinstance(link, str)
        body = {"token": link.partition("#")[2], "password": PASSWORD}
        assert (await node.client().post("/api/password", json=body, headers=FAR)).is_success
        # Whoever stands outside all of that waits like the strangers, and is let go by a person.
        # On a slow machine the allowance has come back by now, and is guessed away once more.
        while (await campaign(node, "chen", 20)).waits == 0:
            pass
        told = (await guard.get("/api/slowed")).json()["slowed"]
        assert [each["login"] for each in told] == ["chen"]
        freed = await guard.post("/api/slowed/forget", json={"login": "Chen"})
        assert freed.json() == {"done": True}
        assert await sign_in(node.client(), FAR) == 200


async def test_a_name_that_nobody_has_is_slowed_alike() -> None:
    async with make_node(OPTIONS) as node:
        await node.staff("chen", grant("dispatcher"))
        known, unknown = await campaign(node, "chen"), await campaign(node, "nobody")
        assert known.waits > 0 and unknown.waits > 0


async def test_a_browser_is_known_for_its_own_account_only() -> None:
    async with make_node(OPTIONS) as node:
        await node.staff("chen", grant("dispatcher"))
        eve = await node.staff("eve", grant("call_taker"))
        await campaign(node, "chen")
        for number in range(30):
            await eve.post("/api/login", json={"login": "chen", "password": f"guess {number}"})
        body = {"login": "chen", "password": PASSWORD}
        assert (await eve.post("/api/login", json=body)).status_code == 429, "eve's is not chen's"


async def test_a_known_browser_guesses_slowly_too() -> None:
    async with make_node(OPTIONS) as node:
        chen = await node.staff("chen", grant("dispatcher"))
        codes = [
            (await chen.post("/api/login", json={"login": "chen", "password": "no"})).status_code
            for _ in range(14)
        ]
        assert 429 in codes and codes[0] == 401


async def test_a_morning_at_the_town_hall_is_one_address() -> None:
    async with make_node(OPTIONS, account_options=CHEAP) as node:
        office = {"X-Forwarded-For": "198.51.100.7"}
        codes: set[int] = set()
        for number in range(90):  # more than one address may try elsewhere
            body = {"login": f"name{number}", "password": "wrong"}
            answer = await node.client().post("/api/login", json=body, headers=office)
            codes.add(answer.status_code)
        assert codes == {401}


class NaiveLock(Slowing):
    """Planted: ten wrong passwords lock the name, whoever typed them."""

    def __init__(self, options: WebOptions) -> None:
        super().__init__(options)
        self._locks = Buckets(0.001, 10)

    def wait_s(self, login: str, address: str, browser: bytes | None) -> int:
        return self._locks.take(login)

    def was_right(self, login: str, address: str, browser: bytes | None) -> None:
        self._locks.give_back(login)


@pytest.mark.parametrize("headers", [FAR, {"X-Forwarded-For": "198.51.100.7"}])
async def test_a_naive_lock_is_found(headers: dict[str, str]) -> None:
    async with make_node(OPTIONS) as node:
        chen = await node.staff("chen", grant("dispatcher"))
        node.accounts.slowing = NaiveLock(OPTIONS)
        await campaign(node, "chen")
        assert await sign_in(chen, headers) == 429, "locked out from afar"
