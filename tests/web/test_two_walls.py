"""The second wall behind the first: with the web's filters taken out, the database shows nothing.

Each mutant is what a change could forget. That it is a hole is shown by the same requests with the
second wall taken down: then the strangers' case comes out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.web.house import BODY, Node, grant
from tests.web.house import node as make_node
from tocsin.kernel.shared import Actor, AgencyId, AreaId
from tocsin.runtime.ports import CaseQuery
from tocsin.stores.postgres.store import PostgresStore
from tocsin.web import gate, regions
from tocsin.web.permissions import Principal, Rule

STRANGER = grant("dispatcher", "t1")


@pytest.fixture
async def node(postgres_store: PostgresStore) -> AsyncIterator[Node]:
    async with make_node(store=postgres_store) as made:
        yield made


async def a_case(node: Node) -> str:
    taker = await node.staff("taker", grant("call_taker"))
    answer = await taker.post("/api/reports", json=BODY)
    assert answer.status_code == 201, answer.text
    return answer.json()["case_id"]


def without_filters(patch: pytest.MonkeyPatch) -> None:
    """The first wall is gone: everybody reaches everything, and no list is narrowed."""

    def anywhere(
        rule: Rule, who: Principal, areas: Sequence[AreaId], agencies: Sequence[AgencyId]
    ) -> Actor:
        return Actor(who.id, who.kind, tuple(each.role for each in who.grants))

    def whole(query: CaseQuery, *_: Any) -> CaseQuery:
        return replace(query, area=None, tier=None)

    patch.setattr(gate, "reach", anywhere)
    patch.setattr(regions, "narrowed", whole)


async def shown(node: Node, login: str, case_id: str) -> list[str]:
    """The reads that show a stranger something of the case."""
    stranger = await node.staff(login, STRANGER)
    found: list[str] = []
    for path in (
        "/api/cases?open=true",
        "/api/cases",
        "/api/cases?order=updated",
        "/api/board",
        f"/api/cases/{case_id}",
        f"/api/cases/{case_id}/journal",
        f"/api/cases/{case_id}/why",
        f"/api/cases/{case_id}/story",
        f"/api/cases/{case_id}/thread",
        f"/api/cases/{case_id}/duplicates",
        "/api/history",
    ):
        answer = await stranger.get(path)
        assert answer.status_code < 500, answer.text
        if answer.status_code == 200 and case_id in answer.text:
            found.append(path)
    count = await stranger.get("/api/case-count")
    if count.json()["count"] != 0:
        found.append("/api/case-count")
    return found


async def test_with_the_first_wall_gone_the_second_shows_nothing(
    node: Node, postgres_store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = await a_case(node)
    assert await shown(node, "honest", case_id) == []
    without_filters(monkeypatch)
    assert await shown(node, "mutant", case_id) == []
    # The mutant is one: without the second wall the same reads show the case.
    postgres_store.readers._persons = None  # pyright: ignore[reportPrivateUsage]
    leaked = await shown(node, "leak", case_id)
    assert f"/api/cases/{case_id}" in leaked
    assert "/api/cases" in leaked and "/api/case-count" in leaked


async def test_a_route_that_says_nobody_asks_shows_nothing(
    node: Node, postgres_store: PostgresStore
) -> None:
    """A door past the gate: it reads the store as if it were alone."""
    case_id = await a_case(node)

    async def open_door() -> dict[str, int]:
        return {"count": await postgres_store.count(CaseQuery())}

    node.app.add_api_route("/api/back-door", open_door)
    answer = await node.client().get("/api/back-door")
    assert answer.json() == {"count": 0}
    assert await postgres_store.count(CaseQuery()) == 1, case_id


async def test_whoever_may_see_it_does(node: Node) -> None:
    case_id = await a_case(node)
    own = await node.staff("own", grant("dispatcher", "t0"))
    assert (await own.get(f"/api/cases/{case_id}")).status_code == 200
    assert (await own.get("/api/case-count")).json() == {"count": 1}
    stranger = await node.staff("stranger", STRANGER)
    answer = await stranger.get(f"/api/cases/{case_id}")
    assert (answer.status_code, answer.json()["reason"]) == (403, "outside_scope")
    assert (await own.get("/api/cases/nothing-here")).json()["reason"] == "case_unknown"
