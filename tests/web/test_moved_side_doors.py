"""Cases that were merged, taken out again or split, and drills of elsewhere: whoever could not meet
them before does not meet them after, by neither number."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.house import BODY, ELSEWHERE, Node, grant
from tests.web.test_panic import School
from tests.web.test_side_doors import DOORS
from tests.web.test_sight import said
from tocsin.kernel.shared import Actor
from tocsin.web import gate

OF_A_CASE = [path for path, _ in DOORS.values() if "{case}" in path]
WRITES = {
    "add-note": {"text": "seen"},
    "merge": {"duplicate": "{other}"},
    "unmerge": {"duplicate": "{other}", "reason": "two_lamps"},
}


async def doors_open(client: httpx.AsyncClient, case: str) -> list[str]:
    """The doors of a case that let this client in."""
    opened = []
    for path in OF_A_CASE:
        answer = await client.get(path.format(case=case))
        assert answer.status_code in (200, 401, 403, 404), (path, answer.text)
        if answer.status_code == 200:
            opened.append(path)
    return opened


async def reported(taker: httpx.AsyncClient, **more: Any) -> str:
    return (await said(await taker.post("/api/reports", json={**BODY, **more}), 201))["case_id"]


async def check_nobody_gains_by_moving(node: Node) -> None:
    """A merge over the border of two towns, its undoing, and a split."""
    boss = await node.staff("boss", grant("supervisor"))
    taker = await node.staff("taker", grant("call_taker"))
    here = await node.staff("here", grant("supervisor", "t0"))
    there = await node.staff("there", grant("supervisor", "t1"))
    mine, theirs = await reported(taker), await reported(taker, place=ELSEWHERE)

    async def is_walled(stage: str) -> None:
        assert await doors_open(here, mine) == OF_A_CASE, stage
        assert await doors_open(there, theirs) == OF_A_CASE, stage
        assert await doors_open(there, mine) == [], f"{stage}: t1 at a case of t0"
        assert await doors_open(here, theirs) == [], f"{stage}: t0 at a case of t1"
        for verb, body in WRITES.items():
            sent = {key: value.format(other=theirs) for key, value in body.items()}
            answer = await there.post(f"/api/cases/{mine}/{verb}", json=sent)
            assert answer.status_code == 403, (stage, verb, answer.text)

    await is_walled("before")
    await said(await boss.post(f"/api/cases/{mine}/merge", json={"duplicate": theirs}))
    await is_walled("merged")
    told = (await there.get(f"/api/cases/{theirs}")).text
    assert "CANARY" not in told, "no words of anybody come along"
    undo = {"duplicate": theirs, "reason": "two_lamps"}
    await said(await boss.post(f"/api/cases/{mine}/unmerge", json=undo))
    await is_walled("taken out")
    await said(await boss.post(f"/api/cases/{mine}/accept", json={}))
    lead = f"{min(node.services.pack.agencies)}@county"
    children = {"children": [{"rule": "by_hand", "lead": lead}], "reason": "two"}
    split = await said(await boss.post(f"/api/cases/{mine}/split", json=children))
    (child,) = split["links"]["children"]
    assert await doors_open(here, child) == OF_A_CASE
    assert await doors_open(there, child) == [], "a child lies where its parent does"
    await is_walled("split")


async def test_nobody_gains_by_a_merge_its_undoing_or_a_split(node: Node) -> None:
    await check_nobody_gains_by_moving(node)


async def test_a_merge_that_opens_the_other_case_is_found(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: the areas of two cases that were merged once count for each of them."""
    real = gate.reach

    def together(rule: Any, who: Any, areas: Any, agencies: Any) -> Any:
        found = real(rule, who, areas, agencies)
        return found if isinstance(found, Actor) else real(rule, who, ("county", "t1"), agencies)

    monkeypatch.setattr(gate, "reach", together)
    with pytest.raises(AssertionError, match="t1 at a case of t0"):
        await check_nobody_gains_by_moving(node)


async def test_a_drill_is_begun_and_ended_by_those_who_reach_it(node: Node) -> None:
    school = await School(node).build()
    (drill,) = (await said(await school.drill(), 201))["drills"]
    body = {"site": school.site, "for_s": 600, "reason": "exercise"}
    for login, each in (
        ("sibling", grant("supervisor", "t1")),
        ("village", grant("dispatcher", "t0v1")),
        ("other", grant("agency_handler", "t0", "someone-else@county")),
    ):
        stranger = await node.staff(login, each)
        ended = await stranger.post(f"/api/drills/{drill['id']}/end", json={})
        assert ended.status_code in (403, 404), (login, ended.text)
        begun = await stranger.post("/api/drills", json=body)
        assert begun.status_code == 403, (login, begun.text)
        if each.role != "agency_handler":
            seen = (await stranger.get("/api/drills")).json()
            assert seen == {"drills": []}, f"{login} hears of a drill elsewhere"
    standing = (await school.chief.get("/api/drills")).json()["drills"]
    assert [each["id"] for each in standing] == [drill["id"]]
    own = await node.staff("own", grant("dispatcher", "t0"))
    assert (await said(await own.post(f"/api/drills/{drill['id']}/end", json={}))) == {"drills": []}
