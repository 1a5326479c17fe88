"""Who was somebody, at the side doors: streams that are open already, what was permitted before,
and whoever came back with a right elsewhere. Each with the planted hole that is found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.web.house import BODY, PASSWORD, Node, grant
from tests.web.test_matrix import gone
from tests.web.test_side_doors import DOORS, Matter, sent
from tests.web.test_sight import said
from tocsin.kernel.shared import Actor, ActorId, Refused
from tocsin.runtime.sight_ports import Permit
from tocsin.stores.memory.vault import MemoryVault

BY = ActorId("test")
QUIET = {key: value for key, value in BODY.items() if key != "contact"}
"""A report without a contact: all that is sealed in it opens for handling."""


@pytest.fixture
async def matter(node: Node) -> Matter:
    made = Matter(node)
    await made.make()
    await sent(made)
    return made


async def test_who_is_gone_meets_nothing_at_any_door(matter: Matter) -> None:
    """Lists, board and print, search, exports, labels, drill-downs, inbox, streams anew."""
    for name, client in await gone(matter.node):
        assert await matter.met(client) == set(), name
        stream = {"accept": "text/event-stream", "last-event-id": "1"}
        answer = await client.get("/api/live", headers=stream)
        assert answer.status_code == 401, name


# -- streams that are open -----------------------------------------------------------------


async def switched_off(node: Node) -> None:
    account = await node.accounts.store.by_login("leaving")
    assert account is not None
    assert not isinstance(
        await node.accounts.change(replace(account, is_active=False), BY), Refused
    )


async def moved_away(node: Node) -> None:
    account = await node.accounts.store.by_login("leaving")
    assert account is not None
    elsewhere = replace(account, grants=(grant("supervisor", "t1"),))
    assert not isinstance(await node.accounts.change(elsewhere, BY), Refused)


async def revoked(node: Node) -> None:
    key = (await node.accounts.store.keys())[0]
    assert await node.accounts.revoke_key(key.id, BY)


async def signed_out(node: Node) -> None:
    """In the same browser, in another window."""
    await said(await node.closing[-1].post("/api/logout"))


WAYS: dict[str, Callable[[Node], Awaitable[None]]] = {
    "an account that is switched off": switched_off,
    "a right that moves to another town": moved_away,
    "a key that is revoked": revoked,
    "a session that is ended": signed_out,
}


async def check_an_open_stream(matter: Matter, way: str) -> None:
    """It hears of the case while it may, and not a word of what is done after."""
    node, case = matter.node, matter.ids["case"]
    boss = await node.staff("boss", grant("supervisor"))
    held = grant("supervisor", "t0")
    client = (
        await node.key(held, scopes=("cases:read",))
        if "key" in way
        else await node.staff("leaving", held)
    )
    hub = node.app.state.web.hub

    async def noted() -> None:
        await said(await boss.post(f"/api/cases/{case}/add-note", json={"text": "seen"}))

    await hub.tick()  # what was before is no news
    async with client.stream("GET", "/api/live", headers={"accept": "text/event-stream"}) as stream:
        lines = stream.aiter_lines()
        await until(lines, "event: hello")
        await noted()
        await hub.tick()
        await until(lines, "event: case")
        await WAYS[way](node)
        await noted()
        await hub.end_dead()
        await hub.tick()
        left: list[str] = []
        async with asyncio.timeout(30):
            async for line in lines:
                left.append(line)
                assert "event: case" not in left, f"{way}: it hears on"


async def until(lines: AsyncIterator[str], wanted: str) -> None:
    async with asyncio.timeout(30):
        async for line in lines:
            if line == wanted:
                return
    raise AssertionError(f"the stream ended before {wanted}")


@pytest.mark.parametrize("way", WAYS)
async def test_an_open_stream_ends_with_its_right(matter: Matter, way: str) -> None:
    await check_an_open_stream(matter, way)


async def test_a_stream_that_outlives_its_key_is_found(
    matter: Matter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: sessions are asked whether they live, and keys are forgotten."""
    hub = matter.node.app.state.web.hub

    async def all_live(holders: Any) -> set[str]:
        return set(holders)

    monkeypatch.setattr(hub, "living", all_live)
    with pytest.raises(AssertionError, match="it hears on"):
        await check_an_open_stream(matter, "a key that is revoked")


# -- came back with a right elsewhere ------------------------------------------------------


async def check_who_moved_on(node: Node) -> None:
    """A dispatcher of t0 opens a case there, moves to t1, and signs in anew."""
    taker = await node.staff("taker", grant("call_taker"))
    case = (await said(await taker.post("/api/reports", json=QUIET), 201))["case_id"]
    client = await node.staff("leaving", grant("dispatcher", "t0"))
    opened = await client.post(f"/api/cases/{case}/sealed", json={"purpose": "handling"})
    assert "CANARY-WORDS" in opened.text
    await moved_away(node)
    answer = await client.post("/api/login", json={"login": "leaving", "password": PASSWORD})
    client.headers["X-CSRF-Token"] = (await said(answer))["csrf"]
    for path, mark in DOORS.values():
        if mark in ("case", "{", "messages"):
            shown = await client.get(path.format(case=case, unit="u", alarm="a", asset="s"))
            assert case not in shown.text, path
    for path, body in (
        (f"/api/cases/{case}/sealed", {"purpose": "supervision"}),
        (f"/api/cases/{case}/redaction/open", {}),
        (f"/api/cases/{case}/sight", {"purpose": "supervision", "reason": "needed_now"}),
        *((f"/api/sight/permits/{number}/open", {}) for number in range(1, 5)),
    ):
        answer = await client.post(path, json=body)
        assert answer.status_code in (403, 409), f"{path} opens"
        assert "CANARY" not in answer.text, path


async def test_who_moved_on_opens_nothing_with_what_was_permitted_before(node: Node) -> None:
    await check_who_moved_on(node)


async def test_a_permit_that_outlives_the_right_is_found(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: at the door of break-glass any permit will do."""
    real = MemoryVault.live_permit

    async def any_permit(vault: MemoryVault, permit: int, *, by: Actor) -> Permit | None:
        found = await real(vault, permit, by=by)
        return None if found is None else replace(found, purpose="break_glass")

    monkeypatch.setattr(MemoryVault, "live_permit", any_permit)
    with pytest.raises(AssertionError, match="opens"):
        await check_who_moved_on(node)
