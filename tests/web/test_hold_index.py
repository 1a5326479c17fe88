"""The index of legal holds: everything in reach, nothing out of it, page by page."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.house import BODY, ELSEWHERE, Node, grant
from tests.web.test_sight import said
from tocsin.web.api import holds

BODY_OF_HOLD = {"reason": "court", "days": 30}


async def held(taker: httpx.AsyncClient, boss: httpx.AsyncClient, **more: Any) -> str:
    """A case with a hold that waits."""
    case = (await said(await taker.post("/api/reports", json={**BODY, **more}), 201))["case_id"]
    await said(await boss.post(f"/api/cases/{case}/holds", json=BODY_OF_HOLD))
    return case


async def listed(client: httpx.AsyncClient, **query: Any) -> list[str]:
    found = await said(await client.get("/api/holds", params=query))
    return [each["case_id"] for each in found["holds"]]


async def test_an_auditor_finds_and_answers_what_waits(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    boss = await node.staff("boss", grant("supervisor"))
    audit = await node.staff("audit", grant("audit_administrator"))
    assert await listed(audit) == []
    case = await held(taker, boss)
    (own,) = (await said(await boss.get("/api/holds")))["holds"]
    assert (own["is_mine"], own["may"], own["standing"]) == (True, [], "waiting")
    (seen,) = (await said(await audit.get("/api/holds")))["holds"]
    assert (seen["by_name"], seen["case_type"]) == ("Boss", BODY["case_type"])
    assert seen["may"] == ["confirmed", "denied"] and "CANARY" not in str(seen)
    path = f"/api/cases/{case}/holds/{seen['id']}"
    await said(await audit.post(f"{path}/confirm", json={}))
    assert await listed(audit) == [] and await listed(audit, standing="standing") == [case]
    (stands,) = (await said(await audit.get("/api/holds?standing=standing")))["holds"]
    assert stands["may"] == ["ended"]
    await said(await audit.post(f"{path}/end", json={}))
    assert await listed(boss, standing="standing") == []
    assert await listed(boss, standing="released") == [case]


async def test_what_nobody_answered_in_time_is_released(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    boss = await node.staff("boss", grant("supervisor"))
    case = await held(taker, boss)
    node.clock.move(days=15)
    audit = await node.staff("audit", grant("audit_administrator"))
    assert await listed(audit) == [] and await listed(audit, standing="released") == [case]


async def test_who_reaches_a_case_and_nobody_else(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    boss = await node.staff("boss", grant("supervisor"))
    here, there = await held(taker, boss), await held(taker, boss, place=ELSEWHERE)
    near = await node.staff("near", grant("supervisor", "t0"))
    far = await node.staff("far", grant("audit_administrator", "t1"))
    assert await listed(boss) == [here, there]
    assert await listed(near) == [here] and await listed(far) == [there]
    desk = await node.staff("desk", grant("dispatcher"))
    for other in (taker, desk):
        assert (await said(await other.get("/api/holds"), 403))["reason"] == "role_missing"
    assert (await node.client().get("/api/holds")).status_code == 401
    await said(await boss.get("/api/holds?standing=any"), 422)
    await said(await boss.get("/api/holds?after=0"), 422)


async def test_pages_have_every_hold_once(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for somebody who reaches few of them, and whose pages come out empty."""
    monkeypatch.setattr(holds, "PAGE", 2)
    monkeypatch.setattr(holds, "LOOKED_AT_MAX", 2)
    taker = await node.staff("taker", grant("call_taker"))
    boss = await node.staff("boss", grant("supervisor"))
    far = await node.staff("far", grant("supervisor", "t1"))
    made = [await held(taker, boss, text=f"dark {n}") for n in range(4)]
    away = await held(taker, boss, place=ELSEWHERE)
    for reader, wanted in ((boss, [*made, away]), (far, [away])):
        found: list[str] = []
        after: dict[str, int] = {}
        while True:
            page = await said(await reader.get("/api/holds", params=after))
            found += [each["case_id"] for each in page["holds"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert found == wanted
