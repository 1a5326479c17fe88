"""Panic buttons over HTTP: silent or loud, taken back with a code, drilled, and tested weekly."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.house import INSIDE, Node, grant
from tocsin.kernel.shared import Actor, ActorId, CaseId
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.site_codes import is_weak
from tocsin.web.api.drills import ButtonReport, DrillsView
from tocsin.web.live import View

INTAKE = Actor(ActorId("intake"), "integration")
SOURCE = "signed-json"
CODE = "blue 4471"


class School:
    """A site with two buttons."""

    def __init__(self, node: Node, name: str = "School") -> None:
        self.node = node
        self.name = name
        self.site = ""
        self.buttons: dict[str, str] = {}

    async def build(self, area: str = "t0", **more: Any) -> School:
        self.admin = await self.node.staff(f"admin-{self.name}", grant("administrator"))
        self.chief = await self.node.staff(f"chief-{self.name}", grant("supervisor"))
        self.site = await self.add(self.name, "panel", area)
        for each in ("office", "gate"):
            wires = [{"source": SOURCE, "address": f"{self.name}/{each}"}]
            self.buttons[each] = await self.add(
                each, "button", area, gateway=self.site, wires=wires, **more
            )
        return self

    async def add(self, name: str, kind: str, area: str, **more: Any) -> str:
        body = {"name": name, "kind": kind, "area": area, "place": INSIDE, **more}
        answer = await self.admin.post("/api/assets", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def press(
        self, button: str = "office", kind: str = "panic", signal: Any = "raised", **how: Any
    ) -> str:
        incoming = IncomingAlarm(SOURCE, f"{self.name}/{button}", kind, signal, **how)
        answer = await self.node.services.alarms.receive(incoming, INTAKE)
        assert isinstance(answer, AlarmReceived), answer
        return answer.alarm

    async def alarm(self, alarm: str) -> Any:
        return (await self.chief.get(f"/api/alarms/{alarm}")).json()

    async def case(self, alarm: str) -> Any:
        case = (await self.alarm(alarm))["case"]
        return (await self.chief.get(f"/api/cases/{case}")).json()

    async def drill(self, **where: Any) -> httpx.Response:
        body = {"for_s": 1800, "reason": "yearly exercise", **(where or {"site": self.site})}
        return await self.chief.post("/api/drills", json=body)

    async def wake(self, **by: float) -> None:
        self.node.clock.move(**by)
        for _ in range(3):
            await self.node.services.alarms.wake_due()


@pytest.fixture
async def school(node: Node) -> School:
    return await School(node).build()


async def test_a_press_is_a_case_at_once_and_a_silent_one_is_told_nowhere(node: Node) -> None:
    school = await School(node).build(is_silent=True)
    pressed = await school.alarm(await school.press())
    assert pressed["is_silent"] and pressed["case"] and pressed["priority"] == 1
    case = await school.case(pressed["id"])
    assert case["is_silent"] and not case["is_drill"]
    path = f"/api/cases/{case['id']}"
    refused = await school.chief.post(f"{path}/publish", json={"publish": True})
    assert refused.json()["reason"] == "case_silent"
    asked = {"report": case["reports"][0]["id"], "text": "are you safe"}
    refused = await school.chief.post(f"{path}/ask-reporter", json=asked)
    assert refused.json()["reason"] == "case_silent"
    body = {"level": 3, "evidence": "call_back"}
    refused = await school.chief.post(f"/api/alarms/{pressed['id']}/verify", json=body)
    assert refused.json()["reason"] == "alarm_silent"
    row = (await school.chief.get("/api/board")).json()["rows"][0]
    assert row["silent"] and "drill" not in row
    loud = await School(node, "Clinic").build()
    other = await loud.alarm(await loud.press())
    assert not other["is_silent"] and other["case"] != pressed["case"]
    merge = {"duplicate": case["id"]}
    refused = await loud.chief.post(f"/api/cases/{other['case']}/merge", json=merge)
    assert refused.json()["reason"] == "case_silent"


async def test_the_code_of_the_site_lowers_the_case_and_the_next_press_is_a_new_one(
    school: School,
) -> None:
    path = f"/api/assets/{school.site}/code"
    assert (await school.admin.post(path, json={"code": "1234567"})).status_code == 409
    assert (await school.admin.post(path, json={"code": CODE})).status_code == 200
    alarm = await school.press()
    first = await school.case(alarm)
    wrong = await school.chief.post(f"/api/alarms/{alarm}/cancel", json={"code": "blue 4472"})
    assert (wrong.status_code, wrong.json()["reason"]) == (409, "code_wrong")
    noted = await school.alarm(alarm)
    assert noted["wrong_codes"] == 1 and noted["cancelled_at"] is None and noted["case"]
    await school.press(signal="cancelled", code=" BLUE 4471 ")
    back = await school.alarm(alarm)
    assert back["cancelled_at"] and back["condition"] == "cleared" and back["is_announced"]
    assert (back["case"], back["handled"], back["outcome"]) == (None, [first["id"]], "false")
    lowered = (await school.chief.get(f"/api/cases/{first['id']}")).json()
    assert lowered["is_open"] and lowered["priority"] == 2 and lowered["cancels"] == 1
    story = (await school.chief.get(f"/api/cases/{first['id']}/story")).json()["entries"]
    assert any(each["event"] == "alarm_cancel_noted" for each in story)
    again = await school.case(await school.press())
    assert again["id"] != first["id"] and again["priority"] == 1


async def test_neither_a_guesser_nor_one_who_is_late_takes_an_alarm_back(school: School) -> None:
    await school.admin.post(f"/api/assets/{school.site}/code", json={"code": CODE})
    alarm = await school.press()
    for _ in range(3):
        await school.press(signal="cancelled", code="no idea")
    await school.press(signal="cancelled", code=CODE)
    shown = await school.alarm(alarm)
    assert shown["wrong_codes"] == 3 and shown["cancelled_at"] is None and shown["case"]
    other = await school.press("gate")
    school.node.clock.move(seconds=181)
    await school.press("gate", signal="cancelled", code=CODE)
    assert (await school.alarm(other))["cancelled_at"] is None
    silent = await school.press(kind="duress")
    await school.press(kind="duress", signal="cancelled", code=CODE)
    assert (await school.alarm(silent))["cancelled_at"] is None, "a code can be forced"
    assert is_weak("000000") and is_weak("654321") and not is_weak(CODE)


async def test_one_button_taken_back_leaves_the_case_of_the_other_as_it_was(school: School) -> None:
    await school.admin.post(f"/api/assets/{school.site}/code", json={"code": CODE})
    one, other = await school.press(), await school.press("gate")
    assert (await school.case(one))["id"] == (await school.case(other))["id"]
    await school.press(signal="cancelled", code=CODE)
    case = await school.case(other)
    assert case["priority"] == 1 and case["cancels"] == 1 and case["is_open"]


async def test_a_drill_is_kept_apart_and_ends_by_itself(school: School) -> None:
    begun = await school.drill()
    assert begun.status_code == 201, begun.text
    DrillsView.model_validate_json(begun.content)
    (drill,) = begun.json()["drills"]
    assert (drill["scope_name"], drill["assets"], drill["is_area"]) == ("School", 3, False)
    hub = school.node.app.state.web.hub
    told = hub.join(View("all", lambda areas, agencies: True))
    alarm = await school.press()
    shown, case = await school.alarm(alarm), await school.case(alarm)
    assert shown["standing"] == "drill" and shown["in_drill"] and not shown["is_announced"]
    assert case["is_drill"]
    await hub.tick()
    assert b'"drill":true' in b"".join(told.queue)
    board = (await school.chief.get("/api/board")).json()["rows"]
    assert [row["drill"] for row in board] == [True]
    publish = f"/api/cases/{case['id']}/publish"
    refused = await school.chief.post(publish, json={"publish": True})
    assert refused.json()["reason"] == "case_drill"
    await school.wake(seconds=1801)
    ended = (await school.chief.get(f"/api/cases/{case['id']}")).json()
    assert (ended["status"], ended["disposition"]) == ("void", "drill_over")
    assert (await school.chief.get("/api/drills")).json() == {"drills": []}
    real = await school.press()
    assert not (await school.case(real))["is_drill"], "what comes after it is real"
    assert (await school.case(real))["status"] == "dispatched"


async def test_what_is_real_in_a_drill_leaves_it_by_a_word(school: School) -> None:
    await school.drill()
    alarm = await school.press()
    drilled = await school.case(alarm)
    path = f"/api/alarms/{alarm}/declare-real"
    shown = (await school.chief.post(path, json={"reason": "an intruder"})).json()
    assert shown["standing"] == "normal" and shown["is_announced"] and not shown["in_drill"]
    assert shown["case"] not in (None, drilled["id"])
    real = await school.case(alarm)
    assert not real["is_drill"] and real["priority"] == 1
    left = (await school.chief.get(f"/api/cases/{drilled['id']}")).json()
    assert (left["status"], left["disposition"]) == ("void", "turned_real")
    again = await school.chief.post(path, json={"reason": "an intruder"})
    assert again.json()["reason"] == "alarm_no_drill"


async def test_a_press_while_a_real_alarm_is_open_stays_real_in_a_drill(school: School) -> None:
    alarm = await school.press()
    await school.drill()
    assert await school.press() == alarm
    shown = await school.alarm(alarm)
    assert not shown["is_drill"] and shown["occurrences"] == 2


async def test_a_real_unit_drives_to_a_drill_only_when_that_is_said_twice(school: School) -> None:
    await school.drill()
    case = await school.case(await school.press())
    agency = case["lead"]
    body = {"name": "P1", "agency": agency, "kind": "patrol-car", "area": "county"}
    made = await school.admin.post("/api/units", json=body)
    assert made.status_code == 201, made.text
    unit = f"/api/units/{made.json()['id']}"
    assert (await school.chief.post(f"{unit}/start-duty", json={})).status_code == 200
    send = {"case": case["id"], "reason": "by_hand"}
    refused = await school.chief.post(f"{unit}/send", json=send)
    assert (refused.status_code, refused.json()["reason"]) == (409, "drill_unconfirmed")
    sent = await school.chief.post(f"{unit}/send", json={**send, "is_drill_confirmed": True})
    assert sent.status_code == 200, sent.text


async def test_a_town_is_drilled_by_those_who_reach_all_of_it(node: Node, school: School) -> None:
    elsewhere = await School(node, "Other").build("t1")
    local = await node.staff("local", grant("dispatcher", "t0"))
    body = {"area": "county", "for_s": 600, "reason": "exercise"}
    assert (await local.post("/api/drills", json=body)).status_code == 403
    begun = await local.post("/api/drills", json={**body, "area": "t0"})
    (drill,) = begun.json()["drills"]
    assert drill["is_area"] and drill["assets"] == 3
    assert not (await elsewhere.case(await elsewhere.press()))["is_drill"]
    both = await local.post("/api/drills", json={**body, "area": "t0", "site": school.site})
    assert both.status_code == 422
    ended = await local.post(f"/api/drills/{drill['id']}/end", json={})
    assert ended.json() == {"drills": []}
    assert (await local.post(f"/api/drills/{drill['id']}/end", json={})).status_code == 404
    long = await school.chief.post("/api/drills", json={**body, "for_s": 5 * 3_600})
    assert long.status_code == 422


async def test_the_report_says_which_school_was_not_tested_and_which_did_not_answer(
    node: Node, school: School
) -> None:
    async def told() -> dict[str, str]:
        answer = await school.chief.get("/api/button-tests")
        ButtonReport.model_validate_json(answer.content)
        (site,) = answer.json()["sites"]
        assert site["bad"] == sum(
            e["answer"] in ("no_answer", "not_tested") for e in site["devices"]
        )
        return {each["name"]: each["answer"] for each in site["devices"]}

    assert await told() == {"office": "not_tested", "gate": "not_tested"}
    for each in school.buttons.values():
        await school.chief.post(f"/api/assets/{each}/start-test", json={"for_s": 600})
    assert await told() == {"office": "waiting", "gate": "waiting"}
    alarm = await school.press()
    assert (await school.alarm(alarm))["case"] is None, "it was pressed on test"
    assert await told() == {"office": "answered", "gate": "waiting"}
    await school.wake(seconds=601)
    assert await told() == {"office": "answered", "gate": "no_answer"}
    csv = (await school.chief.get("/api/button-tests.csv")).text.splitlines()
    assert len(csv) == 3 and any("Did not answer" in line for line in csv)
    history = await school.chief.get(f"/api/assets/{school.buttons['office']}/history")
    events = [each["event"] for each in history.json()["entries"]]
    assert {"asset_tested", "asset_test_started", "alarm_opened", "asset_added"} <= set(events)
    await school.wake(days=8)
    school.chief = await node.staff("late", grant("supervisor"))
    assert await told() == {"office": "not_tested", "gate": "not_tested"}


async def test_a_press_before_the_end_of_its_case_was_told_is_another_matter(
    school: School,
) -> None:
    alarm = await school.press()
    case = await school.case(alarm)
    ended = await school.chief.post(f"/api/cases/{case['id']}/void", json={"reason": "mistake"})
    assert ended.status_code == 200, ended.text
    again = await school.case(await school.press())
    assert again["id"] != case["id"] and again["is_open"]


async def test_no_code_is_kept_in_clear(school: School) -> None:
    await school.admin.post(f"/api/assets/{school.site}/code", json={"code": CODE})
    await school.press(signal="cancelled", code=CODE)
    store: Any = school.node.services.store
    kept = str(vars(store))
    assert "4471" not in kept and CODE not in repr(
        IncomingAlarm(SOURCE, "x", "panic", "cancelled", code=CODE)
    )
    assert (await store.case(CaseId("nothing"))) is None
