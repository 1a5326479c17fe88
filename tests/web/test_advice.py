"""Whom to send, over HTTP: real roads, a real PostgreSQL, and everything that may go wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.house import Node, grant
from tests.web.house import node as make_node
from tests.web.road_town import case, corner, lay_roads, unit
from tocsin.kernel.shared import CaseId, UnitId
from tocsin.kernel.units.vocabulary import SendUnit
from tocsin.runtime.recommending.keeping import ADVICE_KEEP_S
from tocsin.runtime.verify import verify
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys
from tocsin.web.advising import AdviceView


@pytest.fixture
async def town(fresh_database: str, tmp_path: Path) -> AsyncIterator[Node]:
    store = PostgresStore(fresh_database, load_master_keys(tmp_path / "vault.key"))
    await store.open()
    async with make_node(store=store) as made:
        made.services.advice.net = lay_roads(tmp_path)
        yield made
    await store.close()


async def people(town: Node) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    return await town.staff("dora", grant("dispatcher")), await town.staff(
        "taker", grant("call_taker")
    )


async def asked(client: httpx.AsyncClient, case_id: str, **how: Any) -> dict[str, Any]:
    answer = await client.get(f"/api/cases/{case_id}/advice", params=how)
    assert answer.status_code == 200, answer.text
    AdviceView.model_validate_json(answer.content)
    return answer.json()


def codes(advice: dict[str, Any]) -> list[str]:
    return [each["code"] for each in advice["notes"]]


async def test_the_nearest_by_road_is_recommended_and_sent_with_its_table(town: Node) -> None:
    desk, taker = await people(town)
    far, near = await unit(town, "E7", 5, 5), await unit(town, "E36", 1, 0)
    burning = await case(taker, 0, 0)
    for policy in ("closest", "coverage"):
        advice = await asked(desk, burning, policy=policy)
        assert advice["recommended"] == [near], policy
        assert [each["name"] for each in advice["ranked"]] == ["E36", "E7"]
        first = advice["ranked"][0]
        assert first["time_s"] < advice["ranked"][1]["time_s"] and first["p90_s"] > first["time_s"]
        assert first["codes"][:2] == ["in_time", "fastest"] and first["standing"] == "sound"
        assert "straight_line" not in codes(advice) and "target" in codes(advice)
    assert advice["needs"][0]["met"] == 0
    body = {"case": burning, "reason": "recommended", "advice": advice["id"]}
    answer = await desk.post(f"/api/units/{far}/send", json=body)
    assert answer.status_code == 200, answer.text
    assert (await asked(desk, burning))["ranked"] == [], "its need is met by the one that goes"
    (entry,) = [
        each
        for each in await town.services.store.unit_journal(UnitId(far))
        if isinstance(each.command, SendUnit)
    ]
    assert isinstance(entry.command, SendUnit) and entry.command.kept is not None
    assert entry.command.choice is not None and entry.command.choice.rank == 2
    told = (await desk.get(f"/api/cases/{burning}/story")).json()["entries"]
    (sent,) = [each["words"] for each in told if each["event"] == "unit_sent"]
    assert "not the first: E36 was" in sent and "in 9 of 10" in sent
    for entry in await town.services.store.journal(CaseId(burning)):
        if isinstance(entry.command, SendUnit):
            assert entry.command.kept is None, "the table is kept once"
    assert (await verify(town.services.store)).is_clean  # type: ignore[arg-type]


async def test_an_id_that_is_too_old_or_of_another_case_sends_nothing(town: Node) -> None:
    desk, taker = await people(town)
    engine = await unit(town, "E36", 1, 0)
    burning, other = await case(taker, 0, 0), await case(taker, 4, 4, "medical-emergency")
    advice = await asked(desk, burning)
    for advice_id, case_id in (("0" * 64, burning), (advice["id"], other)):
        body = {"case": case_id, "reason": "recommended", "advice": advice_id}
        answer = await desk.post(f"/api/units/{engine}/send", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (409, "advice_unknown")
    town.clock.move(seconds=ADVICE_KEEP_S + 1)
    body = {"case": burning, "reason": "recommended", "advice": advice["id"]}
    answer = await desk.post(
        f"/api/units/{engine}/send", json=body, headers={"Accept-Language": "zh-CN"}
    )
    assert answer.json()["reason"] == "advice_unknown" and "推荐" in answer.json()["detail"]
    assert (await desk.get(f"/api/units/{engine}")).json()["status"] == "available"
    del body["advice"]
    assert (await desk.post(f"/api/units/{engine}/send", json=body)).status_code == 200


async def test_bad_questions_are_refused_in_words(town: Node) -> None:
    desk, taker = await people(town)
    burning = await case(taker, 0, 0)
    for how, status in (({"policy": "luck"}, 422), ({"level": 0}, 422), ({"level": 9}, 200)):
        answer = await desk.get(f"/api/cases/{burning}/advice", params=how)
        assert answer.status_code == status, answer.text
    answer = await desk.get("/api/cases/ghost/advice")
    assert (answer.status_code, answer.json()["reason"]) == (404, "case_unknown")
    assert (await taker.get(f"/api/cases/{burning}/advice")).json()["reason"] == "role_missing"
    body = {"case": burning, "reason": "x", "advice": "not-a-hash"}
    engine = await unit(town, "E1", 0, 0)
    assert (await desk.post(f"/api/units/{engine}/send", json=body)).status_code == 422


async def test_an_empty_fleet_an_impossible_card_and_unknown_places(town: Node) -> None:
    desk, taker = await people(town)
    burning = await case(taker, 0, 0, "building-fire")
    advice = await asked(desk, burning)
    assert advice["ranked"] == [] and "no_units" in codes(advice)
    assert {each["code"] for each in advice["shortfalls"]} == {"no_such_unit"}
    nowhere = await unit(town, "E9", 0, 0, post=None, is_seen=False)
    posted = await unit(town, "E8", 2, 0, is_seen=False)
    advice = await asked(desk, burning)
    standing = {each["unit"]: (each["standing"], each["time_s"]) for each in advice["ranked"]}
    assert standing[posted][0] == "unplaced" and standing[posted][1] > 0
    assert standing[nowhere] == ("unknown", None)
    missing = {each["capability"]: each["missing"] for each in advice["shortfalls"]}
    assert missing["ladder"] == 1 and "engine" not in missing
    lamp = await case(taker, 1, 1, "street-light-out")
    assert codes(await asked(desk, lamp))[0] == "no_run_card"


async def test_without_roads_it_says_so(town: Node) -> None:
    desk, taker = await people(town)
    await unit(town, "E36", 1, 0)
    burning = await case(taker, 0, 0)
    by_road = await asked(desk, burning)
    town.services.advice.net = None
    advice = await asked(desk, burning)
    assert "straight_line" in codes(advice)
    assert "1.3" in next(each for each in advice["notes"])["text"]
    assert advice["ranked"][0]["time_s"] != by_road["ranked"][0]["time_s"]


async def test_a_drone_flies_there_and_back_or_says_why_not(town: Node) -> None:
    import shapely

    desk, taker = await people(town)
    drone = await unit(town, "D1", 0, 2, "drone", agency="command-centre@county")
    burning = await case(taker, 4, 2, "building-fire")
    advice = await asked(desk, burning)
    assert drone in advice["recommended"] and advice["ranked"][0]["is_assisting"]
    wall = corner(2, 2)
    town.services.advice.no_fly = (
        shapely.box(wall["lon"] - 1e-4, wall["lat"] - 1e-3, wall["lon"], wall["lat"] + 1e-3),
    )
    advice = await asked(desk, burning)
    assert advice["ranked"] == [] and "no_fly" in codes(advice)
    assert any("D1" in each["text"] for each in advice["notes"])


async def test_cases_that_wait_are_solved_together(town: Node) -> None:
    desk, taker = await people(town)
    one, two = await unit(town, "E1", 0, 0), await unit(town, "E2", 5, 0)
    first, second = await case(taker, 1, 0), await case(taker, 1, 5, "vehicle-fire")
    assert first != second
    sent = [(await asked(desk, each))["recommended"] for each in (first, second)]
    assert sent == [[one], [two]]
    assert "solved_together" in codes(await asked(desk, first))


async def test_verify_finds_a_table_that_was_changed(town: Node) -> None:
    from dataclasses import replace

    from tocsin.kernel.units.vocabulary import KeptAdvice
    from tocsin.runtime import codec
    from tocsin.runtime.recommending.keeping import opened, packed
    from tocsin.stores.postgres.connections import connect

    desk, taker = await people(town)
    engine = await unit(town, "E36", 1, 0)
    burning = await case(taker, 0, 0)
    advice = await asked(desk, burning, policy="coverage")
    body = {"case": burning, "reason": "recommended", "advice": advice["id"]}
    assert (await desk.post(f"/api/units/{engine}/send", json=body)).status_code == 200
    store = town.services.store
    assert isinstance(store, PostgresStore)
    assert (await verify(store)).is_clean
    (command,) = [
        each.command
        for each in await store.unit_journal(UnitId(engine))
        if isinstance(each.command, SendUnit)
    ]
    assert command.kept is not None
    table, problem = opened(command.kept.table), opened(command.kept.problem)
    assert b"24.9" not in table and b"60.1" not in table, "times and ages, never places"
    assert b"24.9" not in problem and b"60.1" not in problem
    time_s = str(advice["ranked"][0]["time_s"]).encode()
    for planted in (
        packed(table.replace(time_s, b"9.9"), problem),
        packed(table, problem.replace(b'"engine"', b'"ladder"')),
        KeptAdvice(b"no such thing", command.kept.problem),
        KeptAdvice(command.kept.table[:-9], command.kept.problem),
    ):
        data = codec.encode_command(replace(command, kept=planted))
        sql = "UPDATE unit_journal SET command = $1 WHERE unit_id = $2 AND version = 3"
        vandal = await connect(store.doors.owner)  # the node's own role may not
        try:
            await vandal.execute(sql, data, engine)
        finally:
            await vandal.close()
        report = await verify(store)
        assert [each.case_id for each in report.shown] == [engine], planted
        assert "recommendation" in report.shown[0].what
