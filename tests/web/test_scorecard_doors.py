"""The scorecard, its drill-down and its prints for a narrow and for a foreign role: nothing of what
they do not see is counted, named, grouped or opened. With the planted hole that is found."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.house import Node, grant
from tests.web.test_alarms import add, raised
from tests.web.test_scorecard import night, told
from tocsin.analytics.scorecard import MEASURES
from tocsin.web.api import scorecards

GROUPS = ("all", "seat", "agency", "site", "model")
PARTS = ("alarms", "among", "rest")
NUMBERS = "/api/alarms/scorecard"


class Card:
    """An alarm of a device in t0 and one in t1, each with a site, a model and an owner."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.marks: dict[str, tuple[str, ...]] = {}

    async def make(self) -> None:
        for town, more in (("t0", {}), ("t1", {"place": None})):
            wire = f"1/{town[1]}"
            wires = [{"source": "sia-dc09", "address": wire}]
            about = {"name": f"Hall-{town}", "model": f"MODEL-{town}", "owner": f"owner-{town}"}
            site, _ = await add(self.node, area=town, wires=wires, **about, **more)
            alarm = await raised(self.node, "130", wire)
            self.marks[town] = (site, alarm, *about.values())
        self.node.clock.move(seconds=40)
        await told(self.node)
        self.node.clock.move(hours=24)
        await night(self.node)

    async def answers(self, client: httpx.AsyncClient) -> dict[str, httpx.Response]:
        """Every door of the card, with every group, number and part that there is."""
        found: dict[str, httpx.Response] = {}
        week = {"since": "2026-11-20T00:00:00+00:00"}

        async def ask(path: str, **query: str) -> None:
            answer = await client.get(path, params={**week, **query})
            found[f"{path} {query}"] = answer

        names = {name for marks in self.marks.values() for name in (*marks, *self.marks)} | {""}
        for by in GROUPS:
            await ask(NUMBERS, by=by)
            await ask(f"{NUMBERS}/table", by=by)
            for name in sorted(names) if by != "all" else ("",):
                of = {"of": name} if name else {}
                await ask(f"{NUMBERS}/alarms_per_day/alarms", by=by, **of)
        for each in MEASURES:
            for part in PARTS:
                await ask(f"{NUMBERS}/{each.code}/alarms", part=part)
        await ask(f"{NUMBERS}/sources")
        found["nights"] = await client.get(f"{NUMBERS}/nights")
        return found

    async def met(self, client: httpx.AsyncClient) -> dict[str, set[str]]:
        """By town, the doors at which somebody meets what is there."""
        found: dict[str, set[str]] = {town: set() for town in self.marks}
        for door, answer in (await self.answers(client)).items():
            assert answer.status_code in (200, 401, 403, 404), (door, answer.text)
            for town, marks in self.marks.items():
                if answer.status_code == 200 and any(each in answer.text for each in marks):
                    found[town].add(door)
        return found


async def check_the_card(node: Node) -> None:
    card = Card(node)
    await card.make()
    chief = await card.met(await node.staff("chief", grant("supervisor")))
    assert all(len(doors) > 8 for doors in chief.values()), chief
    for login, each, own in (
        ("town", grant("supervisor", "t1"), "t1"),
        ("here", grant("dispatcher", "t0"), "t0"),
        ("owner", grant("supervisor", "county", "owner-t1"), "t1"),
        ("village", grant("dispatcher", "t0v1"), None),
        ("cell", grant("evaluator", "t0v0-0000"), None),
        ("foreign", grant("supervisor", "county", "someone-else@county"), None),
        ("elsewhere", grant("supervisor", "t0", "owner-t1"), None),
        ("handler", grant("agency_handler"), None),
        ("keeper", grant("administrator"), None),
    ):
        seen = await card.met(await node.staff(login, each))
        for town, doors in seen.items():
            wanted = chief[town] if town == own else set[str]()
            assert doors == wanted, f"{login} meets {town} at {sorted(doors ^ wanted)}"
    key = await node.key(grant("supervisor", "t1"), scopes=("measures:read",))
    assert (await card.met(key)) == {"t0": set(), "t1": chief["t1"]}
    stranger = await node.key(grant("supervisor"), scopes=("cases:read",))
    assert not any((await card.met(stranger)).values()), "a key without the scope"
    assert not any((await card.met(node.client())).values()), "nobody"


async def test_who_sees_a_part_is_told_that_part(node: Node) -> None:
    await check_the_card(node)


async def test_a_card_that_forgets_who_asks_is_found(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything(*_: Any) -> bool:
        return True

    monkeypatch.setattr(scorecards, "sees", everything)
    with pytest.raises(AssertionError, match="meets t0"):
        await check_the_card(node)
