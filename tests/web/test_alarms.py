"""Alarms and assets over HTTP: seen by those they concern, and what people do with them."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.web.house import INSIDE, Node, grant
from tocsin.kernel.assets.state import About, Asset
from tocsin.kernel.shared import Actor, ActorId, AreaId, AssetId, Place
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.ports import AssetRow
from tocsin.web.alarm_views import AlarmsView, AlarmView, AssetsView, AssetView
from tocsin.web.asset_csv import COLUMNS, read, written
from tocsin.web.live import View

INTAKE = Actor(ActorId("intake"), "integration")
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DETECTOR = {
    "name": "Hall",
    "kind": "smoke-detector",
    "area": "t0",
    "place": INSIDE,
    "wires": [{"source": "sia-dc09", "address": "1/1"}],
    "supervision": "SP3",
}


async def add(node: Node, **more: Any) -> tuple[str, httpx.AsyncClient]:
    admin = await node.staff(f"admin{more.get('name', '')}", grant("administrator"))
    answer = await admin.post("/api/assets", json={**DETECTOR, **more})
    assert answer.status_code == 201, answer.text
    AssetView.model_validate_json(answer.content)
    return answer.json()["id"], admin


async def raised(node: Node, kind: str = "110", device: str = "1/1", **how: Any) -> str:
    incoming = IncomingAlarm("sia-dc09", device, kind, "raised", **how)
    answer = await node.services.alarms.receive(incoming, INTAKE)
    assert isinstance(answer, AlarmReceived), answer
    return answer.alarm


async def test_an_alarm_is_seen_acknowledged_and_shelved(node: Node) -> None:
    await add(node)
    chief = await node.staff("chief", grant("supervisor"))
    taker = await node.staff("taker", grant("call_taker"))
    other = await node.staff("other", grant("call_taker", "t1"))
    alarm = await raised(node)
    listed = await chief.get("/api/alarms")
    AlarmsView.model_validate_json(listed.content)
    (shown,) = listed.json()["alarms"]
    assert shown["id"] == alarm and shown["asset_name"] == "Hall" and not listed.json()["is_flood"]
    assert shown["kind_name"] == listed.json()["kind_names"]["smoke"] == "Smoke"
    chinese = await chief.get("/api/alarms", headers={"Accept-Language": "zh-CN"})
    assert chinese.json()["alarms"][0]["kind_name"] == "烟雾"
    assert chinese.json()["kind_names"]["panic"] == "紧急求助"
    assert (await other.get("/api/alarms")).json()["alarms"] == []
    assert (await other.get(f"/api/alarms/{alarm}")).status_code == 403
    done = await taker.post(f"/api/alarms/{alarm}/acknowledge", json={})
    AlarmView.model_validate_json(done.content)
    assert done.json()["is_acknowledged"]
    path, body = f"/api/alarms/{alarm}/shelve", {"for_s": 600, "reason": "roof works"}
    refused = await taker.post(path, json=body)
    assert refused.status_code == 403 and refused.json()["reason"] == "shelf_not_allowed"
    shelved = await chief.post(path, json=body)
    assert shelved.json()["standing"] == "shelved"
    long = await chief.post(path, json={**body, "for_s": 99_999})
    assert (long.status_code, long.json()["reason"]) == (409, "shelf_too_long")
    assert (await chief.post(f"/api/alarms/{alarm}/unshelve", json={})).json()["is_announced"]
    german = await chief.post(
        f"/api/alarms/{alarm}/reset", json={}, headers={"accept-language": "zh-CN"}
    )
    assert german.status_code == 409 and "案件" in german.json()["detail"]


async def test_the_stream_carries_alarms_and_assets_to_those_they_concern(node: Node) -> None:
    hub = node.app.state.web.hub
    mine = hub.join(View("all", lambda areas, agencies: True))
    other = hub.join(View("t1", lambda areas, agencies: "t1" in areas))
    await add(node)
    await raised(node, text="CANARY-WORDS")
    await hub.tick()
    data = b"".join(mine.queue)
    assert b"event: alarm" in data and b"event: asset" in data and b"event: case" in data
    assert b"CANARY" not in data and not other.queue


async def test_more_than_ten_in_ten_minutes_are_a_flood(node: Node) -> None:
    for n in range(11):
        await add(node, name=f"d{n}", wires=[{"source": "sia-dc09", "address": f"1/{n}"}])
        await raised(node, device=f"1/{n}")
    chief = await node.staff("chief", grant("supervisor"))
    shown = (await chief.get("/api/alarms")).json()
    assert shown["is_flood"] and shown["recent"] == 11
    node.clock.move(minutes=11)
    assert not (await chief.get("/api/alarms")).json()["is_flood"]


async def test_verification_makes_the_case_that_the_pack_waits_for(node: Node) -> None:
    await add(node, kind="intrusion-detector")
    chief = await node.staff("chief", grant("supervisor"))
    alarm = await raised(node, "130")
    assert (await chief.get(f"/api/alarms/{alarm}")).json()["case"] is None
    body = {"level": 3, "evidence": "key_holder"}
    shown = (await chief.post(f"/api/alarms/{alarm}/verify", json=body)).json()
    case = (await chief.get(f"/api/cases/{shown['case']}")).json()
    assert case["case_type"] == "public-disturbance"
    again = await chief.post(f"/api/alarms/{alarm}/verify", json={"level": 7, "evidence": "signal"})
    assert again.status_code == 422


async def test_a_test_mutes_and_ends_and_repairs_need_a_work_order(node: Node) -> None:
    asset, _ = await add(node)
    chief = await node.staff("chief", grant("supervisor"))
    path = f"/api/assets/{asset}"
    long = await chief.post(f"{path}/start-test", json={"for_s": 9 * 3_600})
    assert long.status_code == 422
    shown = (await chief.post(f"{path}/start-test", json={"for_s": 3_600})).json()
    assert shown["status"] == "on_test"
    alarm = await raised(node)
    assert (await chief.get(f"/api/alarms/{alarm}")).json()["standing"] == "on_test"
    node.clock.move(hours=1, seconds=1)
    await node.services.alarms.wake_due()
    await node.services.alarms.wake_due()
    assert (await chief.get(path)).json()["status"] == "in_service"
    assert (await chief.get(f"/api/alarms/{alarm}")).json()["case"] is not None
    out = await chief.post(f"{path}/take-out", json={"work_order": "wo-1", "reason": "broken"})
    assert out.json()["status"] == "out_of_service" and out.json()["work_order"] == "wo-1"
    assert (await chief.post(f"{path}/return", json={})).json()["status"] == "in_service"


def test_whatever_an_asset_is_stands_in_its_line() -> None:
    """A member that is forgotten here would be lost by who takes the file in again."""
    shown = {each.name for each in fields(About)} - {"areas", "place"}
    assert shown | {"id", "area", "lon", "lat", "status"} == set(COLUMNS)
    about = About(
        "Hall", "camera", (AreaId("t0"), AreaId("county")), Place(24.9, 60.1), "o", "k", "m",
        AssetId("p"), AssetId("g"), (("mqtt", "a/b"), ("cap", "c")), "SP3", NOW, NOW, ("d", "e"),
        is_silent=True,
    )  # fmt: skip
    row = AssetRow(Asset(AssetId("hall-1"), "in_service", about=about), 1, NOW)
    (line,) = read(written([row]), [AreaId("t0")], lambda area: (AreaId("county"),))
    assert (line.asset, line.about) == ("hall-1", about), line.problem


async def test_assets_go_out_as_csv_and_come_in_again(node: Node) -> None:
    asset, admin = await add(node, name="=cmd()")
    out = await admin.get("/api/assets.csv")
    assert out.headers["content-type"].startswith("text/csv") and "'=cmd()" in out.text
    csv = {"content-type": "text/csv"}
    same = (await admin.post("/api/assets.csv", content=out.text, headers=csv)).json()
    assert (same["same"], same["wrong"]) == (1, 0)
    lines = out.text.replace("Hall", "Cellar").splitlines()
    more = "\r\n".join(
        [
            lines[0],
            "new-1,Roof,panel,t0,24.901,60.101,,,,,,,none,,,,true,",
            "new-2,X,panel,nowhere,,,,,,,,,,,,,,",
            "new-3,X,panel,t0,,,,,,,,,,,,,perhaps,",
        ]
    )
    told = (await admin.post("/api/assets.csv", content=more, headers=csv)).json()
    assert (told["added"], told["wrong"]) == (1, 2)
    assert told["errors"] == [
        {"line": 3, "problem": "area: unknown"},
        {"line": 4, "problem": "is_silent: neither true nor false"},
    ]
    older = "id,name,kind,area\r\nnew-1,Roof,panel,t0\r\n"  # a file from before there was silence
    assert (await admin.post("/api/assets.csv", content=older, headers=csv)).json()["wrong"] == 0
    assert (await admin.get("/api/assets/new-1")).json()["is_silent"]
    listed = await admin.get("/api/assets")
    AssetsView.model_validate_json(listed.content)
    assert {each["id"] for each in listed.json()["assets"]} == {asset, "new-1"}
    torn = await admin.post("/api/assets.csv", content="id,name\r\0", headers=csv)
    assert torn.status_code == 400
    broken = await admin.post("/api/assets.csv", content="a,b\r\n1,2", headers=csv)
    assert broken.status_code == 400
    changed = await admin.patch(f"/api/assets/{asset}", json={"name": "Cellar", "keeper": "x"})
    assert (changed.json()["name"], changed.json()["keeper"]) == ("Cellar", "x")
