"""Purpose before sight at the API: the second person, break-glass, the receipt, the auditor."""

from __future__ import annotations

from typing import Any

import httpx

from tests.web.house import BODY, Node, grant
from tests.web.residents import Resident
from tests.web.test_alarms import add, raised
from tocsin.runtime.runner import Runner

GUARDED = {**BODY, "case_type": "wage-arrears"}
ASK = {"purpose": "contact_reporter", "reason": "needed_now"}


async def said(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_guarded_contact_needs_another_person(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    boss = await node.staff("boss", grant("supervisor"))
    far = await node.staff("far", grant("supervisor", "t1"))
    desk = await node.staff("desk", grant("dispatcher"), grant("supervisor"))
    case = (await said(await taker.post("/api/reports", json=GUARDED), 201))["case_id"]
    path = f"/api/cases/{case}"
    opened = await said(await taker.post(f"{path}/sealed", json={"purpose": "handling"}))
    assert [each["kind"] for each in opened["values"]] == ["description"]
    held = await said(await taker.post(f"{path}/sealed", json={"purpose": "contact_reporter"}), 409)
    assert (held["reason"], held["hint"]) == ("second_person_needed", "contact")

    asked = await said(await taker.post(f"{path}/sight", json=ASK))
    assert asked["is_mine"] and not asked["may_decide"] and asked["needs"] == ["contact"]
    yes = {"reason": "needed_for_the_case"}
    approve = f"/api/sight/asks/{asked['id']}/approve"
    assert (await said(await taker.post(approve, json=yes), 403))["reason"] == "role_missing"
    assert (await said(await far.post(approve, json=yes), 403))["reason"] == "outside_scope"
    (waiting,) = (await said(await boss.get("/api/sight/asks")))["asks"]
    assert waiting["may_decide"] and waiting["by_name"] == "Taker"
    assert (await said(await far.get("/api/sight/asks")))["asks"] == []
    approved = await said(await boss.post(approve, json=yes))
    assert approved["answer"] == "approved" and approved["second_name"] == "Boss"
    assert (await said(await desk.post(approve, json=yes), 409))["reason"] == "ask_over"
    opened = await said(await taker.post(f"{path}/sealed", json={"purpose": "contact_reporter"}))
    assert "CANARY-PHONE" in opened["values"][0]["text"]
    node.clock.move(minutes=60)
    await said(await taker.post(f"{path}/sealed", json={"purpose": "contact_reporter"}), 409)

    own = await said(await desk.post(f"{path}/sight", json=ASK))
    again = f"/api/sight/asks/{own['id']}/approve"
    assert (await said(await desk.post(again, json=yes), 409))["reason"] == "second_is_asker"
    denied = await boss.post(f"/api/sight/asks/{own['id']}/deny", json={"reason": "not_needed"})
    assert (await said(denied))["answer"] == "denied"
    ordinary = (await said(await taker.post("/api/reports", json=BODY), 201))["case_id"]
    refused = await said(await taker.post(f"/api/cases/{ordinary}/sight", json=ASK), 409)
    assert refused["reason"] == "not_needed_here"
    await said(await boss.post("/api/sight/asks/999/approve", json=yes), 404)


async def test_the_reporter_reads_who_opened_what_and_why(node: Node) -> None:
    resident = Resident(node)
    _, code = await resident.report()
    page = await resident.look_up(code)
    assert "Nobody has opened it so far." in page.text
    taker = await node.staff("taker", grant("call_taker"))
    case = (await said(await taker.get("/api/cases")))["cases"][0]["id"]
    await said(await taker.post(f"/api/cases/{case}/sealed", json={"purpose": "handling"}))
    page = await resident.look_up(code)
    assert "Call taker: description" in page.text and "To handle the case." in page.text
    assert "Taker (" not in page.text and "taker" not in page.text.replace("Call taker", "")
    chinese = await Resident(node, "zh-CN").look_up(code)
    assert "接线员：描述" in chinese.text and "处置案件" in chinese.text
    told = await said(await node.client().get(f"/api/receipts/{code}"))
    assert [(each["role"], each["purpose"], each["name"]) for each in told["openings"]] == [
        ("call_taker", "handling", None)
    ]


async def test_glass_is_broken_by_two_for_an_hour_and_never_in_silence(node: Node) -> None:
    runner = Runner(node.services.engine)
    taker = await node.staff("taker", grant("call_taker"))
    cell = await node.staff("cell", grant("grid_worker", "t1"))
    desk = await node.staff("desk", grant("dispatcher"))
    boss = await node.staff("boss", grant("supervisor"))
    audit = await node.staff("audit", grant("audit_administrator"))
    case = (await said(await taker.post("/api/reports", json=BODY), 201))["case_id"]
    await said(await cell.post(f"/api/cases/{case}/sealed", json={"purpose": "handling"}), 403)
    body = {"case_id": case, "reason": "danger_to_life"}
    asked = await said(await cell.post("/api/sight/break-glass", json=body))
    assert asked["needs"] == ["break_glass"]
    assert (await said(await taker.get("/api/sight/broken")))["broken"] == []
    yes = {"reason": "danger_to_life"}
    opened = await said(await desk.post(f"/api/sight/asks/{asked['id']}/approve", json=yes))
    permit = opened["permit"]

    for who in (taker, boss, audit):
        (broken,) = (await said(await who.get("/api/sight/broken")))["broken"]
        assert broken["case_id"] == case and broken["reason"] == "danger_to_life"
    story = (await said(await taker.get(f"/api/cases/{case}/journal")))["entries"]
    assert (
        story[-1]["command"] == "break_glass" and story[-1]["events"][0]["event"] == "glass_broken"
    )
    while await runner.run_errands():
        pass
    for who in (boss, audit):
        inbox = (await said(await who.get("/api/inbox")))["messages"]
        assert {each["template"] for each in inbox} == {"glass_broken"}
    path = f"/api/sight/permits/{permit}"
    values = (await said(await cell.post(f"{path}/open", json={})))["values"]
    assert {each["kind"] for each in values} == {"description", "contact"}
    assert (await said(await taker.post(f"{path}/open", json={}), 409))["reason"] == "permit_over"
    await said(await taker.post(f"{path}/end", json={}), 409)
    records = (await said(await audit.get("/api/sight/records")))["records"]
    assert {(each["by_name"], each["second_name"], each["purpose"]) for each in records} == {
        ("Cell", "Desk", "break_glass")
    }
    assert len(records) == 2 and "CANARY" not in str(records)
    await said(await boss.get("/api/sight/records"), 403)
    await said(await audit.get("/api/cases"), 403)
    node.clock.move(minutes=30)
    await said(await boss.post(f"{path}/end", json={}))
    await said(await cell.post(f"{path}/open", json={}), 409)
    assert (await said(await taker.get("/api/sight/broken")))["broken"] == []


async def test_an_old_case_and_a_sensitive_type_need_another_person(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    boss = await node.staff("boss", grant("supervisor"))
    body = {**BODY, "case_type": "school-concern"}
    case = (await said(await taker.post("/api/reports", json=body), 201))["case_id"]
    purpose = {"purpose": "handling"}
    held = await said(await taker.post(f"/api/cases/{case}/sealed", json=purpose), 409)
    assert held["hint"] == "sensitive"
    old = (await said(await taker.post("/api/reports", json=BODY), 201))["case_id"]
    void = await boss.post(f"/api/cases/{old}/void", json={"reason": "test"})
    assert void.status_code == 200, void.text
    await said(await taker.post(f"/api/cases/{old}/sealed", json=purpose))
    node.clock.move(days=31)
    boss = await node.staff("later", grant("supervisor"))
    held = await said(
        await boss.post(f"/api/cases/{old}/sealed", json={"purpose": "supervision"}), 409
    )
    assert held["hint"] == "closed"


async def test_the_words_of_an_alarm_open_in_its_case(node: Node) -> None:
    """They are sealed before there is a case, in the name of the alarm."""
    await add(node)
    await raised(node, text="CANARY-ZONE")
    desk = await node.staff("desk", grant("dispatcher"))
    case = (await said(await desk.get("/api/cases")))["cases"][0]["id"]
    opened = await said(await desk.post(f"/api/cases/{case}/sealed", json={"purpose": "handling"}))
    assert "CANARY-ZONE" in opened["values"][0]["text"]
