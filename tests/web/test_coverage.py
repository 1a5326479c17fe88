"""What the fleet covers and reaches, and turning a unit: over HTTP, on real roads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from shapely.geometry import Point, shape

from tests.web.house import Node, grant
from tests.web.house import node as make_node
from tests.web.road_town import case, corner, lay_roads, unit
from tocsin.kernel.shared import Place, UnitId
from tocsin.runtime.positions import IncomingPosition
from tocsin.runtime.verify import verify
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys
from tocsin.web.api.coverage import CoverageView, RingsView
from tocsin.web.api.moving import MovesView


@pytest.fixture
async def town(fresh_database: str, tmp_path: Path) -> AsyncIterator[Node]:
    store = PostgresStore(fresh_database, load_master_keys(tmp_path / "vault.key"))
    await store.open()
    async with make_node(store=store) as made:
        made.services.advice.net = lay_roads(tmp_path)
        yield made
    await store.close()


SMALL = {
    "case_type": "vehicle-fire",
    "profile": "emergency",
    "priority": 4,
    "reason": "small",
}


async def test_coverage_with_and_without_a_unit(town: Node) -> None:
    desk = await town.staff("dora", grant("dispatcher"))
    empty = await desk.get("/api/coverage")
    assert empty.status_code == 200 and empty.json()["covered"] == 0
    one = await unit(town, "E1", 0, 0)
    await unit(town, "A1", 5, 5, "ambulance", agency="ambulance@county")
    answer = await desk.get("/api/coverage", params={"without": one})
    CoverageView.model_validate_json(answer.content)
    found = answer.json()
    assert found["capability"] == "engine" and found["target_s"] == 300
    assert found["covered"] > 0 and found["covered_without"] == 0
    assert abs(sum(each["share"] for each in found["zones"]) - 1) < 1e-2
    assert "without E1" in found["text"] and found["is_by_road"]
    other = (await desk.get("/api/coverage", params={"capability": "ambulance"})).json()
    assert other["capability"] == "ambulance" and other["covered"] > 0
    for how, reason in (({"without": "ghost"}, "unit_unknown"),
                        ({"capability": "magic"}, "unknown_capability")):  # fmt: skip
        assert (await desk.get("/api/coverage", params=how)).json()["reason"] == reason


async def test_rings_are_what_a_unit_reaches(town: Node) -> None:
    desk = await town.staff("dora", grant("dispatcher"))
    one = await unit(town, "E1", 0, 0)
    answer = await desk.get("/api/rings", params={"post": one})
    RingsView.model_validate_json(answer.content)
    (ring,) = answer.json()["features"]
    assert ring["properties"]["bound_s"] == 300 and ring["properties"]["class"] == "engine"
    here = corner(0, 0)
    assert shape(ring["geometry"]).contains(Point(here["lon"] + 1e-4, here["lat"] + 1e-4))
    town.services.advice.net = None
    (straight,) = (await desk.get("/api/rings", params={"unit": one})).json()["features"]
    assert not straight["properties"]["is_by_road"]
    assert (await desk.get("/api/rings")).json()["reason"] == "unit_unknown"
    crew = await unit(town, "R1", 1, 1, "repair-crew", agency="roads@county")
    assert (await desk.get("/api/rings", params={"unit": crew})).json()["features"] == []


async def test_moves_fill_a_hole(town: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = await town.staff("dora", grant("dispatcher"))
    pack = town.services.advice.pack
    engine = next(each for each in pack.rings if each.capability == "engine" and each.in_force)
    monkeypatch.setattr(pack, "rings", (replace(engine, bound_s=60),))
    await unit(town, "E1", 0, 0)
    await unit(town, "E2", 0, 0)
    gone = await unit(town, "E3", 5, 5)
    assert (
        await desk.post(f"/api/units/{gone}/end-duty", json={"reason": "shift_over"})
    ).status_code == 200
    answer = await desk.get("/api/dispatch/moves")
    MovesView.model_validate_json(answer.content)
    found = answer.json()
    assert found["moves"] and found["moves"][0]["to"] == "E3"
    assert found["moves"][0]["gain"] > 0 and "E3" in found["moves"][0]["text"]
    assert found["redispatches"] == []


async def test_a_move_is_confirmed_by_a_person_and_not_advised_again(
    town: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await town.staff("dora", grant("dispatcher"))
    taker = await town.staff("taker", grant("call_taker"))
    pack = town.services.advice.pack
    engine = next(each for each in pack.rings if each.capability == "engine" and each.in_force)
    monkeypatch.setattr(pack, "rings", (replace(engine, bound_s=60),))
    await unit(town, "E1", 0, 0)
    await unit(town, "E2", 0, 0)
    gone = await unit(town, "E3", 5, 5)
    await desk.post(f"/api/units/{gone}/end-duty", json={"reason": "shift_over"})
    (advised,) = (await desk.get("/api/dispatch/moves")).json()["moves"]
    path = f"/api/units/{advised['unit']}/move"
    assert (await taker.post(path, json={"place": advised["place"], "reason": "cover"})).json()[
        "reason"
    ] == "role_missing"
    nowhere = {"place": {"lon": 24.0, "lat": 60.0}, "reason": "cover"}
    answer = await desk.post(path, json=nowhere, headers={"Accept-Language": "zh-CN"})
    assert (answer.status_code, answer.json()["reason"]) == (404, "unknown_post")
    assert "驻点" in answer.json()["detail"]
    body = {"place": advised["place"], "reason": "cover"}
    answer = await desk.post(path, json=body)
    assert answer.status_code == 200, answer.text
    moved = answer.json()
    assert (moved["status"], moved["move_up"]["name"]) == ("returning", "E3")
    assert moved["is_free"], "it may be sent on the way"
    assert (await desk.get("/api/dispatch/moves")).json()["moves"] == []
    journal = await town.services.store.unit_journal(UnitId(advised["unit"]))
    assert type(journal[-1].events[0]).__name__ == "UnitMoved" and journal[-1].by.id
    again = await desk.post(path, json=body)
    assert again.json()["version"] == moved["version"], "a repeat is harmless"
    arrived = await desk.post(
        f"/api/units/{advised['unit']}/report-status", json={"status": "available"}
    )
    assert arrived.json()["move_up"]["name"] == "E3", "it waits there"
    burning = await case(taker, 0, 0)
    sent = {"case": burning, "reason": "nearest"}
    answer = await desk.post(f"/api/units/{advised['unit']}/send", json=sent)
    assert answer.json()["move_up"] is None
    late = await desk.post(path, json=body)
    assert (late.status_code, late.json()["reason"]) == (409, "unit_on_case")
    assert (await verify(town.services.store)).is_clean  # type: ignore[arg-type]


async def test_a_unit_is_turned_once_and_not_at_the_door(town: Node) -> None:
    desk = await town.staff("dora", grant("dispatcher"))
    taker = await town.staff("taker", grant("call_taker"))
    one, two = await unit(town, "E1", 0, 0), await unit(town, "E2", 0, 5)
    low, high = await case(taker, 5, 5), await case(taker, 1, 0, "building-fire")
    await desk.post(f"/api/cases/{low}/triage", json=SMALL)
    for each in (one, two):
        body = {"case": low, "reason": "nearest"}
        assert (await desk.post(f"/api/units/{each}/send", json=body)).status_code == 200
    moves = (await desk.get("/api/dispatch/moves")).json()["redispatches"]
    assert [(each["name"], each["to_case"]) for each in moves] == [("E1", high)]
    body = {"from_case": low, "to_case": high, "reason": "more_urgent"}
    near = IncomingPosition(
        town.clock.now(), Place(**{k: v for k, v in corner(4.9, 5).items() if k != "datum"})
    )
    town.clock.move(seconds=1)
    near = IncomingPosition(town.clock.now(), near.place)
    assert await town.services.positions.receive(UnitId(two), near) is None
    answer = await desk.post(f"/api/units/{two}/redispatch", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (409, "almost_there")
    answer = await desk.post(f"/api/units/{one}/redispatch", json=body)
    assert answer.status_code == 200, answer.text
    assert [each["case"] for each in answer.json()["cases"]] == [high]
    turned = answer.json()["version"]
    shares = (await desk.get(f"/api/cases/{low}")).json()["units"]
    assert [each["released_why"] for each in shares if each["unit"] == one] == ["redispatched"]
    town.clock.move(seconds=1)
    back = IncomingPosition(town.clock.now(), Place(24.9, 60.1))
    assert await town.services.positions.receive(UnitId(two), back) is None
    answer = await desk.post(f"/api/units/{two}/redispatch", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (409, "lost_a_unit_already")
    again = await desk.post(f"/api/units/{one}/redispatch", json=body)
    assert again.status_code == 200, "it is there already: a repeat is harmless"
    assert again.json()["version"] == turned
