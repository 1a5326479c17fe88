"""A unit from the administrator's form to clear, over HTTP; every reader sees the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.web.house import BODY, Node, grant
from tocsin.kernel.shared import Place, UnitId
from tocsin.runtime.positions import STALE_S, IncomingPosition
from tocsin.runtime.runner import Runner
from tocsin.web.live import View
from tocsin.web.unit_views import UnitsView, UnitView
from tocsin.web.views import CaseView

FIRE = "fire-rescue@county"
ENGINE = {
    "name": "E36",
    "agency": FIRE,
    "area": "t0",
    "kind": "engine",
    "post": {"lon": 24.901, "lat": 60.101, "datum": "wgs84"},
    "capabilities": ["ladder"],
    "crew_size": 4,
}


async def made(node: Node, **more: Any) -> str:
    admin = await node.staff(f"admin{more.get('name', '')}", grant("administrator"))
    answer = await admin.post("/api/units", json={**ENGINE, **more})
    assert answer.status_code == 201, answer.text
    UnitView.model_validate_json(answer.content)
    return answer.json()["id"]


async def burning(node: Node, taker: httpx.AsyncClient) -> str:
    body = {**BODY, "case_type": "building-fire", "text": "smoke", "dispatch_now": True}
    answer = await taker.post("/api/reports", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["case_id"]


async def press(client: httpx.AsyncClient, unit: str, verb: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"/api/units/{unit}/{verb}", json=body)
    assert answer.status_code == 200, answer.text
    UnitView.model_validate_json(answer.content)
    return answer.json()


async def test_on_duty_sent_and_followed_to_clear(node: Node) -> None:
    unit = await made(node)
    crew = await node.staff("fiona", grant("agency_handler", "county", FIRE))
    desk = await node.staff("dora", grant("dispatcher"))
    taker = await node.staff("taker", grant("call_taker"))
    case = await burning(node, taker)
    shown = await press(crew, unit, "start-duty", crew_size=5)
    assert (shown["status"], shown["crew_size"], shown["is_alerted"]) == ("available", 5, True)
    assert shown["capabilities"] == ["engine", "ladder"]
    shown = await press(desk, unit, "send", case=case, reason="nearest")
    assert [each["case"] for each in shown["cases"]] == [case]
    await Runner(node.services.engine).run_errands()
    (alert,) = (await crew.get(f"/api/units/{unit}/alerts")).json()["alerts"]
    assert alert["case_id"] == case and alert["text"].startswith("You are sent to")
    for status in ("en_route", "on_scene", "clear"):
        node.clock.move(minutes=3)
        await press(crew, unit, "report-status", status=status, case=case)
    answer = await desk.get(f"/api/cases/{case}")
    CaseView.model_validate_json(answer.content)
    (share,) = answer.json()["units"]
    assert share["status"] == "released" and share["name"] == "E36"
    assert share["sent_at"] < share["en_route_at"] < share["on_scene_at"] < share["released_at"]
    assert answer.json()["status"] == "in_work", "on scene is the start of the work"
    told = [
        each["words"] for each in (await desk.get(f"/api/cases/{case}/story")).json()["entries"]
    ]
    assert [each for each in told if "E36" in each] == [
        "A unit was sent: E36; nearest",
        "A unit reported its status: E36; En route",
        "A unit reported its status: E36; On scene",
        "A unit left the case: E36; the crew is clear",
    ]


async def test_a_late_press_keeps_when_it_was_pressed_beside_when_it_came(node: Node) -> None:
    unit = await made(node)
    crew = await node.staff("fiona", grant("agency_handler", "county", FIRE))
    desk = await node.staff("dora", grant("dispatcher"))
    case = await burning(node, await node.staff("taker", grant("call_taker")))
    await press(crew, unit, "start-duty")
    shown = await press(desk, unit, "send", case=case, reason="nearest")
    assert shown["next"] == ["en_route", "on_scene", "clear"]
    pressed = node.clock.now()
    node.clock.move(minutes=9)
    came = node.clock.now()
    late = {"case": case, "stated_at": pressed.isoformat()}
    shown = await press(crew, unit, "report-status", status="en_route", **late)
    assert datetime.fromisoformat(shown["since"]) == came, (
        "what everything counts by is the node's own"
    )
    ahead = (came + timedelta(hours=1)).isoformat()
    await press(crew, unit, "report-status", status="on_scene", case=case, stated_at=ahead)
    await press(crew, unit, "report-status", status="clear", **late)
    entries = await node.services.store.tail_of_all(0, 1_000)
    events = [event for entry in entries for event in entry.events if hasattr(event, "stated_at")]
    kept = {(type(event).__name__, getattr(event, "stated_at", None)) for event in events}
    assert kept == {
        ("StatusReported", pressed),
        ("StatusReported", None),
        ("UnitCleared", pressed),
        ("UnitReported", pressed),
        ("UnitReported", None),
        ("UnitReleased", pressed),
    }
    story = (await desk.get(f"/api/cases/{case}/story")).json()["entries"]
    assert sum("sent later" in each["words"] for each in story) == 2


async def test_the_board_and_the_stream_carry_the_units_of_a_case(node: Node) -> None:
    unit = await made(node)
    desk = await node.staff("dora", grant("dispatcher"))
    taker = await node.staff("taker", grant("call_taker"))
    case = await burning(node, taker)
    await press(desk, unit, "start-duty")
    hub = node.app.state.web.hub
    mine = hub.join(View("all", lambda areas, agencies: True))
    other = hub.join(View("t1", lambda areas, agencies: "t1" in areas))
    await press(desk, unit, "send", case=case, reason="nearest")
    await hub.tick()
    data = b"".join(mine.queue)
    assert b"event: unit" in data and b"event: case" in data and not other.queue
    (item,) = [
        each for each in (await desk.get("/api/board")).json()["rows"] if each["case"] == case
    ]
    assert item["units"] == [{"unit": unit, "name": "E36", "status": "dispatched"}]
    mine.queue.clear()
    at = node.clock.now()
    incoming = IncomingPosition(at, Place(24.9, 60.1))
    assert await node.services.positions.receive(UnitId(unit), incoming) is None
    assert b"event: position" in b"".join(mine.queue) and not other.queue
    missed = await hub.replay(0, hub.seq, View("all", lambda areas, agencies: True))
    assert not any(b"24.9," in each for each in missed), "a replay has no positions"


async def test_a_position_has_its_age_and_ends_with_the_duty(node: Node) -> None:
    unit = await made(node)
    desk = await node.staff("dora", grant("dispatcher"))
    at = node.clock.now()
    desk_of = node.services.positions
    refused = await desk_of.receive(UnitId(unit), IncomingPosition(at, Place(24.9, 60.1)))
    assert refused is not None and refused.reason == "unit_off_duty"
    await press(desk, unit, "start-duty")
    assert await desk_of.receive(UnitId(unit), IncomingPosition(at, Place(24.9, 60.1))) is None
    node.clock.move(seconds=STALE_S)
    answer = await desk.get("/api/units", params={"status": "available"})
    UnitsView.model_validate_json(answer.content)
    (shown,) = answer.json()["units"]
    assert (shown["position"]["age_s"], shown["position"]["is_stale"]) == (STALE_S, False)
    node.clock.move(seconds=1)
    shown = (await desk.get(f"/api/units/{unit}")).json()
    assert shown["position"]["is_stale"] is True
    future = IncomingPosition(node.clock.now() + timedelta(hours=1), Place(24.9, 60.1))
    refused = await desk_of.receive(UnitId(unit), future)
    assert refused is not None and refused.reason == "position_from_future"
    node.clock.move(hours=49)
    desk = await node.staff("next", grant("dispatcher"))
    shown = (await desk.get(f"/api/units/{unit}")).json()
    assert shown["position"] is None
    assert await desk_of.forget() == 1
    shown = await press(desk, unit, "end-duty", reason="shift_over")
    assert shown["position"] is None and shown["is_alerted"] is False


async def test_no_second_case_without_a_stacking(node: Node) -> None:
    unit = await made(node)
    desk = await node.staff("dora", grant("dispatcher"))
    taker = await node.staff("taker", grant("call_taker"))
    first, second = await burning(node, taker), await burning(node, taker)
    if first == second:
        node.clock.move(hours=1)
        second = await burning(node, taker)
    await press(desk, unit, "start-duty")
    await press(desk, unit, "send", case=first, reason="nearest")
    body = {"case": second, "reason": "nearest"}
    answer = await desk.post(
        f"/api/units/{unit}/send", json=body, headers={"Accept-Language": "zh-CN"}
    )
    assert (answer.status_code, answer.json()["reason"]) == (409, "unit_on_case")
    shown = await press(desk, unit, "stack", case=second, reason="same_street")
    assert [each["is_stacked"] for each in shown["cases"]] == [False, True]
    answer = await desk.post(
        f"/api/units/{unit}/recall",
        json={"case": first, "reason": "other_unit_nearer"},
        headers={"If-Match": '"1"'},
    )
    assert (answer.status_code, answer.json()["reason"]) == (412, "stale_version")
    shown = await press(desk, unit, "recall", case=first, reason="other_unit_nearer")
    assert [(each["case"], each["is_stacked"]) for each in shown["cases"]] == [(second, False)]


async def test_the_same_key_is_carried_out_once(node: Node) -> None:
    admin = await node.staff("admin", grant("administrator"))
    headers = {"Idempotency-Key": "k1"}
    one = await admin.post("/api/units", json=ENGINE, headers=headers)
    two = await admin.post("/api/units", json=ENGINE, headers=headers)
    assert one.json()["id"] == two.json()["id"]
    other = await admin.post("/api/units", json={**ENGINE, "name": "E7"}, headers=headers)
    assert other.json()["reason"] == "key_reused"
    assert len((await admin.get("/api/units")).json()["units"]) == 1


async def test_bad_wishes_are_refused_in_words(node: Node) -> None:
    admin = await node.staff("root", grant("administrator"))
    for change, reason in (
        ({"kind": "submarine"}, "unit_kind_unknown"),
        ({"area": "nowhere"}, "unknown_area"),
        ({"agency": "nobody@county"}, "grant_invalid"),
        ({"name": ""}, "invalid"),
        ({"crew_size": -1}, "invalid"),
    ):
        answer = await admin.post("/api/units", json={**ENGINE, **change})
        assert answer.json()["reason"] == reason, answer.text
        assert answer.json()["detail"]
    desk = await node.staff("dora", grant("dispatcher"))
    unit = await made(node)
    for verb, body, reason in (
        ("send", {"case": "ghost", "reason": "x"}, "case_unknown"),
        ("report-status", {"status": "asleep"}, "unit_not_ready"),
        ("end-duty", {"reason": "free words here"}, "invalid"),
    ):
        answer = await desk.post(f"/api/units/{unit}/{verb}", json=body)
        assert answer.json()["reason"] == reason, answer.text
    answer = await desk.post("/api/units/ghost/start-duty", json={})
    assert (answer.status_code, answer.json()["reason"]) == (404, "unit_unknown")


async def test_a_unit_is_seen_and_pressed_only_within_reach(node: Node) -> None:
    unit = await made(node)
    for role, area, agency, sees in (
        ("dispatcher", "t0", None, True),
        ("dispatcher", "t1", None, False),
        ("agency_handler", "county", FIRE, True),
        ("agency_handler", "county", "ambulance@county", False),
    ):
        login = f"{role}-{area}-{agency}".replace("@", "-").replace("_", "-")
        client = await node.staff(login, grant(role, area, agency))  # type: ignore[arg-type]
        listed = (await client.get("/api/units")).json()["units"]
        assert bool(listed) is sees, login
        answer = await client.post(f"/api/units/{unit}/start-duty", json={})
        assert answer.status_code == (200 if sees else 403), login


async def test_signing_out_ends_duty_or_revokes_alerts(node: Node) -> None:
    free, busy = await made(node), await made(node, name="E7")
    desk = await node.staff("dora", grant("dispatcher"))
    taker = await node.staff("taker", grant("call_taker"))
    crew = await node.staff("fiona", grant("agency_handler", "county", FIRE))
    case = await burning(node, taker)
    for unit in (free, busy):
        await press(crew, unit, "start-duty")
    await press(desk, busy, "send", case=case, reason="nearest")
    await Runner(node.services.engine).run_errands()
    assert (await desk.get(f"/api/units/{busy}/alerts")).json()["alerts"]
    assert (await crew.post("/api/logout")).status_code == 200
    shown = {each["id"]: each for each in (await desk.get("/api/units")).json()["units"]}
    assert (shown[free]["status"], shown[free]["is_alerted"]) == ("off_duty", False)
    assert (shown[busy]["status"], shown[busy]["is_alerted"]) == ("dispatched", False)
    assert (await desk.get(f"/api/units/{busy}/alerts")).json()["alerts"] == []


async def test_an_agency_uses_its_own_names(node: Node) -> None:
    unit = await made(node)
    desk = await node.staff("dora", grant("dispatcher"))
    taker = await node.staff("taker", grant("call_taker"))
    case = await burning(node, taker)
    await press(desk, unit, "start-duty")
    await press(desk, unit, "send", case=case, reason="nearest")
    for name in ("rolling", "出动"):
        shown = await press(desk, unit, "report-status", status=name)
        assert (shown["status"], shown["called"]) == ("en_route", name)


async def test_a_unit_is_described_anew_off_a_case(node: Node) -> None:
    unit = await made(node)
    admin = await node.staff("root", grant("administrator"))
    body = {"name": "E36a", "area": "t1", "kind": "drone"}
    answer = await admin.post(f"/api/units/{unit}/change", json=body, headers={"If-Match": '"1"'})
    shown = answer.json()
    assert (shown["name"], shown["areas"]) == ("E36a", ["t1", "county"])
    assert (shown["travel"], shown["endurance_s"]) == ("straight", 1_800)
    key = (await admin.post(f"/api/units/{unit}/key")).json()["text"]
    assert len(key) > 40
    assert (await admin.post(f"/api/units/{unit}/end-key")).json() == {"done": True}


async def test_an_administrator_who_ends_sessions_ends_the_duty(node: Node) -> None:
    unit = await made(node)
    crew = await node.staff("fiona", grant("agency_handler", "county", FIRE))
    admin = await node.staff("root", grant("administrator"))
    await press(crew, unit, "start-duty")
    accounts = (await admin.get("/api/accounts")).json()["accounts"]
    (who,) = [each["id"] for each in accounts if each["login"] == "fiona"]
    assert (await admin.post(f"/api/accounts/{who}/end-sessions")).status_code == 200
    shown = (await admin.get(f"/api/units/{unit}")).json()
    assert (shown["status"], shown["is_alerted"]) == ("off_duty", False)
