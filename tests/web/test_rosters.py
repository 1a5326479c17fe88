"""The roster over HTTP: planned, missed, called off, and refused with a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.web.house import Node, grant
from tests.web.test_units import FIRE, made, press
from tocsin.web.api.rosters import DutyView, RosterView


def period(node: Node, first_h: float, last_h: float) -> dict[str, Any]:
    now = node.clock.now()
    return {
        "starts_at": (now + timedelta(hours=first_h)).isoformat(),
        "ends_at": (now + timedelta(hours=last_h)).isoformat(),
    }


async def test_a_unit_that_nobody_signed_on_is_missing(node: Node) -> None:
    unit = await made(node)
    desk = await node.staff("dora", grant("dispatcher"))
    answer = await desk.post(f"/api/units/{unit}/plan-duty", json=period(node, -0.5, 8))
    assert answer.status_code == 201, answer.text
    DutyView.model_validate_json(answer.content)
    answer = await desk.get("/api/roster")
    RosterView.model_validate_json(answer.content)
    (gap,) = answer.json()["gaps"]
    assert (gap["name"], gap["gap"]) == ("E36", "missing")
    assert gap["text"] == "Planned on duty, but nobody has signed on."
    await press(desk, unit, "start-duty")
    seen = (await desk.get("/api/roster")).json()
    assert seen["gaps"] == [] and [each["unit"] for each in seen["duties"]] == [unit]
    node.clock.move(hours=9)
    later = await node.staff("dan", grant("dispatcher"))
    (gap,) = (await later.get("/api/roster")).json()["gaps"]
    assert gap["gap"] == "overdue"


async def test_a_duty_is_called_off(node: Node) -> None:
    unit = await made(node)
    desk = await node.staff("dora", grant("dispatcher"))
    made_ = await desk.post(f"/api/units/{unit}/plan-duty", json=period(node, 1, 8))
    body = {"duty": made_.json()["id"]}
    assert (await desk.post(f"/api/units/{unit}/drop-duty", json=body)).status_code == 200
    again = await desk.post(f"/api/units/{unit}/drop-duty", json=body)
    assert (again.status_code, again.json()["reason"]) == (404, "duty_unknown")
    assert (await desk.get("/api/roster")).json() == {"duties": [], "gaps": []}


async def test_what_cannot_be_planned_is_said(node: Node) -> None:
    unit = await made(node)
    desk = await node.staff("dora", grant("dispatcher"))
    path = f"/api/units/{unit}/plan-duty"
    assert (await desk.post(path, json=period(node, 1, 8))).status_code == 201
    for first, last, reason in (
        (7, 9, "duty_overlaps"),
        (9, 9, "duty_period_wrong"),
        (9, 100, "duty_period_wrong"),
    ):
        answer = await desk.post(path, json=period(node, first, last))
        assert (answer.status_code, answer.json()["reason"]) == (409, reason)
    far = {"since": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    assert (await desk.get("/api/roster", params=far)).json()["reason"] == "duty_period_wrong"
    chinese = {"accept-language": "zh-CN"}
    answer = await desk.post(path, json=period(node, 7, 9), headers=chinese)
    assert answer.json()["detail"]


async def test_an_agency_plans_its_own_units_only(node: Node) -> None:
    unit = await made(node)
    own = await node.staff("fiona", grant("agency_handler", "county", FIRE))
    other = await node.staff("rosa", grant("agency_handler", "county", "roads@county"))
    path = f"/api/units/{unit}/plan-duty"
    assert (await other.post(path, json=period(node, 1, 8))).status_code == 403
    assert (await other.get("/api/roster")).json()["duties"] == []
    assert (await own.post(path, json=period(node, 1, 8))).status_code == 201
    assert len((await own.get("/api/roster")).json()["duties"]) == 1
