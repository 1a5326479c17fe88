"""What a live node says where a town is not as it should be: clear words, never a silent choice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.geography.roads.towns_with_roads import Ways
from tests.web.house import Node
from tests.web.house import node as make_node
from tests.web.road_town import case, lay_roads, unit
from tests.web.test_advice import asked, codes, people
from tocsin.packs.units import RunCard
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

ISLAND: Ways = {
    **{10 + number: ([10 * number + x for x in range(3)], {}) for number in range(3)},
    **{20 + number: ([10 * y + number for y in range(3)], {}) for number in range(3)},
    30: ([45, 55], {}),
}
"""Three streets each way in one corner, and one street in another that nothing leads to."""


def small(folder: Path) -> Path:
    """A folder of its own for these roads."""
    made = folder / "small"
    made.mkdir()
    return made


@pytest.fixture
async def town(fresh_database: str, tmp_path: Path) -> AsyncIterator[Node]:
    store = PostgresStore(fresh_database, load_master_keys(tmp_path / "vault.key"))
    await store.open()
    async with make_node(store=store) as made:
        made.services.advice.net = lay_roads(tmp_path)
        yield made
    await store.close()


async def test_a_place_that_no_road_leads_to_is_said_and_ranked_behind(
    town: Node, tmp_path: Path
) -> None:
    desk, taker = await people(town)
    town.services.advice.net = lay_roads(small(tmp_path), ISLAND)
    engine = await unit(town, "E1", 0, 0)
    island = await case(taker, 5, 5)
    advice = await asked(desk, island)
    assert "off_roads" in codes(advice) and "cut_off" in codes(advice)
    (only,) = advice["ranked"]
    assert (only["unit"], only["standing"]) == (engine, "cut_off")
    assert only["time_s"] > 0 and "no_way" in only["codes"]
    assert "no way by the open roads" in "; ".join(only["reasons"])


async def test_a_unit_off_the_roads_is_ranked_behind_one_far_away(
    town: Node, tmp_path: Path
) -> None:
    desk, taker = await people(town)
    town.services.advice.net = lay_roads(small(tmp_path), ISLAND)
    lost, far = await unit(town, "E1", 5, 4), await unit(town, "E2", 2, 2)
    advice = await asked(desk, await case(taker, 0, 0))
    assert [each["unit"] for each in advice["ranked"]] == [far, lost]
    assert advice["ranked"][1]["standing"] == "cut_off"


async def test_a_fleet_that_is_out_of_service_is_no_fleet(town: Node) -> None:
    desk, taker = await people(town)
    engine = await unit(town, "E1", 0, 0)
    body = {"status": "out_of_service"}
    assert (await desk.post(f"/api/units/{engine}/report-status", json=body)).status_code == 200
    advice = await asked(desk, await case(taker, 0, 0))
    assert advice["ranked"] == [] and advice["recommended"] == []
    short = next(each for each in advice["shortfalls"] if each["capability"] == "engine")
    assert (short["code"], short["repairs"][0]["code"]) == ("all_busy", "none")
    assert "all are busy" in short["text"] and "nothing at hand mends it" in short["text"]
    moves = (await desk.get("/api/dispatch/moves")).json()
    assert moves["moves"] == [] and moves["redispatches"] == []


async def test_a_run_card_that_nobody_can_serve(
    town: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, taker = await people(town)
    await unit(town, "E1", 0, 0)
    pack = town.services.advice.pack
    card = RunCard(1, (("engine", 100), ("submarine", 1)))
    types = dict(pack.case_types)
    types["vehicle-fire"] = replace(types["vehicle-fire"], run_cards=(card,))
    monkeypatch.setattr(pack, "case_types", types)
    burning = await case(taker, 0, 0)
    for policy in ("closest", "coverage"):
        advice = await asked(desk, burning, policy=policy)
        missing = {each["capability"]: each for each in advice["shortfalls"]}
        assert len(advice["recommended"]) == 1, "whoever there is goes"
        assert (missing["engine"]["missing"], missing["engine"]["code"]) == (99, "too_few")
        assert (missing["submarine"]["missing"], missing["submarine"]["code"]) == (
            1,
            "no_such_unit",
        )


async def test_moves_to_nowhere_are_refused_in_words(town: Node) -> None:
    desk, _ = await people(town)
    engine = await unit(town, "E1", 0, 0)
    path = f"/api/units/{engine}/move"
    for place in ({"lon": 999, "lat": 0}, {"lon": 24.9}, {"lon": "24.9", "lat": 60.1}, None):
        answer = await desk.post(path, json={"place": place, "reason": "cover"})
        assert answer.status_code == 422, place
    answer = await desk.post(
        "/api/units/ghost/move", json={"place": {"lon": 1, "lat": 1}, "reason": "x"}
    )
    assert (answer.status_code, answer.json()["reason"]) == (404, "unit_unknown")
    assert (await desk.get(f"/api/units/{engine}")).json()["status"] == "available"
