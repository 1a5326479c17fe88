"""Roads are closed and opened on a running node: what counts, what is cut off, what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.house import Node, grant
from tests.web.house import node as make_node
from tests.web.road_town import case, corner, lay_roads, unit
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys
from tocsin.web.advising import AdviceView
from tocsin.web.api.road_changes import MadeView, RoadChangesView


@pytest.fixture
async def town(fresh_database: str, tmp_path: Path) -> AsyncIterator[Node]:
    store = PostgresStore(fresh_database, load_master_keys(tmp_path / "vault.key"))
    await store.open()
    async with make_node(store=store) as made:
        made.services.advice.net = lay_roads(tmp_path)
        made.services.advice.road_state = "ready"
        yield made
    await store.close()


async def close(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/api/roads/changes", json={"reason": "burst_main", **body})
    assert answer.status_code == 201, answer.text
    MadeView.model_validate_json(answer.content)
    return answer.json()


async def first_of(client: httpx.AsyncClient, case_id: str) -> dict[str, Any]:
    answer = await client.get(f"/api/cases/{case_id}/advice")
    assert answer.status_code == 200, answer.text
    AdviceView.model_validate_json(answer.content)
    return {**answer.json()["ranked"][0], "notes": [e["code"] for e in answer.json()["notes"]]}


async def test_a_closure_counts_at_once_and_ends_by_itself(town: Node) -> None:
    desk = await town.staff("dora", grant("dispatcher"))
    taker = await town.staff("taker", grant("call_taker"))
    await unit(town, "E1", 0, 0)
    burning = await case(taker, 3, 0)
    before = await first_of(desk, burning)
    ends_at = town.clock.now().replace(minute=30).isoformat()
    made = await close(desk, points=[corner(1.2, 0), corner(1.8, 0)], ends_at=ends_at)
    assert made["change"]["names"] == ["First"] and made["change"]["length_m"] > 100
    assert made["change"]["is_in_force"] and made["cut_off"] == []
    after = await first_of(desk, burning)
    assert after["time_s"] > before["time_s"] and "closures" in after["notes"]
    assert after["standing"] == "sound"
    listed = await desk.get("/api/roads/changes")
    RoadChangesView.model_validate_json(listed.content)
    assert [each["id"] for each in listed.json()["changes"]] == [made["change"]["id"]]
    assert listed.json()["roads"] == "ready"
    town.clock.move(minutes=30)
    assert (await first_of(desk, burning))["notes"].count("closures") == 0
    assert (await desk.get("/api/roads/changes")).json()["changes"] == []


async def test_a_slow_down_is_taken_back(town: Node) -> None:
    desk = await town.staff("dora", grant("dispatcher"))
    taker = await town.staff("taker", grant("call_taker"))
    await unit(town, "E1", 0, 0)
    burning = await case(taker, 3, 0)
    before = await first_of(desk, burning)
    made = await close(desk, points=[corner(0, 0), corner(3, 0)], factor=1.5)
    assert (await first_of(desk, burning))["time_s"] > before["time_s"]
    path = f"/api/roads/changes/{made['change']['id']}"
    assert (await desk.delete(path)).status_code == 200
    assert (await desk.delete(path)).json()["reason"] == "unknown_road_change"
    assert (await first_of(desk, burning))["time_s"] == before["time_s"]
    store = town.services.store
    assert isinstance(store, PostgresStore)
    assert [each[3] for each in await store.road_changes()] == [True, False]


async def test_what_a_closure_cuts_off_is_said_and_recommendations_fall_back(town: Node) -> None:
    desk = await town.staff("dora", grant("dispatcher"))
    taker = await town.staff("taker", grant("call_taker"))
    await unit(town, "E1", 0, 0)
    burning = await case(taker, 5, 5)
    # All streets between the second and the third column, on every row: the east is cut off.
    lost: list[str] = []
    for row in range(6):
        made = await close(desk, points=[corner(2.4, row), corner(2.6, row)])
        lost += [each["id"] for each in made["cut_off"]]
    assert lost and all(each.startswith("t1") for each in lost), lost
    first = await first_of(desk, burning)
    assert first["standing"] == "cut_off" and "no_way" in first["codes"]
    assert "cut_off" in first["notes"] and first["time_s"] > 0


async def test_a_closure_by_edges_is_found_again_in_another_graph(
    town: Node, tmp_path: Path
) -> None:
    from tests.web.road_town import streets

    desk = await town.staff("dora", grant("dispatcher"))
    net = town.services.advice.net
    assert net is not None
    made = await close(desk, edges=[0, 1], starts_at="2030-01-01T00:00:00Z")
    assert not made["change"]["is_in_force"]
    ways = streets()
    del ways[25]
    folder = tmp_path / "other"
    folder.mkdir()
    town.services.advice.net = lay_roads(folder, ways)
    (shown,) = (await desk.get("/api/roads/changes")).json()["changes"]
    assert shown["geometry"] == made["change"]["geometry"]
    town.services.advice.net = None
    (shown,) = (await desk.get("/api/roads/changes")).json()["changes"]
    assert shown["length_m"] == 0


async def test_bad_changes_are_refused_and_nothing_is_kept(town: Node) -> None:
    desk = await town.staff("dora", grant("dispatcher"))
    taker = await town.staff("taker", grant("call_taker"))
    far = {"lon": 20.0, "lat": 60.0, "datum": "wgs84"}
    two = [corner(1, 0), corner(2, 0)]
    for body, reason in (
        ({"points": [corner(1, 0), far]}, "place_off_roads"),
        ({"edges": [10**6]}, "unknown_edge"),
        ({"points": two, "edges": [1]}, "invalid"),
        ({}, "invalid"),
        ({"points": two, "factor": 0}, "invalid"),
        ({"points": two, "factor": -1.0}, "invalid"),
        ({"points": [corner(1, 0)] * 51}, "invalid"),
        ({"points": two, "ends_at": "2020-01-01T00:00:00Z"}, "span_over"),
        ({"points": two, "ends_at": "tomorrow"}, "invalid"),
        ({"points": two, "reason": "because of the water"}, "invalid"),
        ({"points": two, "nonsense": 1}, "invalid"),
    ):
        answer = await desk.post("/api/roads/changes", json={"reason": "works", **body})
        assert answer.json()["reason"] == reason, (body, answer.text)
        assert answer.json()["detail"]
    body = {"reason": "works", "points": two}
    assert (await taker.post("/api/roads/changes", json=body)).json()["reason"] == "role_missing"
    town.services.advice.net = None
    assert (await desk.post("/api/roads/changes", json=body)).json()["reason"] == "roads_missing"
    assert (await desk.get("/api/roads/changes")).json()["changes"] == []


async def test_times_to_areas_are_remembered_only_for_the_same_roads(town: Node) -> None:
    import numpy as np

    from tocsin.kernel.shared import Place

    desk, client = town.services.advice, await town.staff("dora", grant("dispatcher"))
    places = [Place(24.9, 60.1), Place(24.904, 60.1)]
    middles = [Place(24.909, 60.1), Place(24.901, 60.109)]

    async def asked(sources: list[Place]) -> np.ndarray:
        at = town.clock.now()
        closures = await desk.closures(at)
        return await desk.beside(
            lambda: desk.travel(at, closures).to_areas("emergency", sources, middles)
        )

    first = await asked(places)
    assert np.array_equal(first, await asked(places))
    assert np.array_equal(first[::-1], await asked(places[::-1])), "each row is its own place's"
    await close(client, points=[corner(0, 0), corner(5, 0)], factor=2.0)
    after = await asked(places)
    assert (after > first).any()
    town.services.advice.net = None
    assert (await asked(places)).shape == (2, 2)
