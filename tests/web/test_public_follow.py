"""With the code: state, promise, proof, question, one tap; and nobody without it."""

from __future__ import annotations

import pytest

from tests.web.house import Node, grant
from tests.web.house import node as make_node
from tests.web.residents import Resident
from tocsin.kernel.cases.vocabulary import (
    AcceptCase,
    AcknowledgeTask,
    ClaimTaskDone,
    Command,
    DispatchCase,
    FileCase,
    PublishCase,
    Route,
    SetConsent,
    StartTask,
    VerifyCase,
)
from tocsin.kernel.shared import Actor, ActorId, AgencyId, CaseId, Refused, SealedRef
from tocsin.runtime.ports import CaseQuery, Message
from tocsin.web.options import WebOptions

DISPATCHER = Actor(ActorId("dora"), "staff", ("dispatcher", "call_taker", "supervisor"))
LIGHTING = AgencyId("lighting@county")


async def tell(node: Node, *commands: Command, by: Actor = DISPATCHER) -> CaseId:
    case_id = (await node.services.store.cases(CaseQuery())).rows[0].case.id
    for command in commands:
        outcome = await node.services.engine.handle(case_id, command, by=by)
        assert not isinstance(outcome, Refused), outcome
        node.clock.move(minutes=1)
    return case_id


async def finish(node: Node, evidence: tuple[SealedRef, ...] = (SealedRef("seen"),)) -> CaseId:
    """Through dispatch and work to a verified close."""
    route = Route("lighting", LIGHTING)
    case_id = await tell(node, AcceptCase(), FileCase(route), DispatchCase("routine"))
    row = await node.services.store.case(case_id)
    assert row is not None
    (task,) = row.case.tasks
    worker = Actor(ActorId("wim"), "staff", ("agency_handler",), LIGHTING)
    steps = (AcknowledgeTask(task.id), StartTask(task.id), ClaimTaskDone(task.id, evidence))
    await tell(node, *steps, by=worker)
    verifier = Actor(ActorId("vera"), "staff", ("verifier",))
    return await tell(node, VerifyCase("repaired", evidence), by=verifier)


async def status(node: Node) -> str:
    return (await node.services.store.cases(CaseQuery())).rows[0].case.status


async def test_a_code_opens_its_receipt_however_it_is_typed(node: Node) -> None:
    resident = Resident(node)
    _, code = await resident.report()
    for typed in (code, code.lower(), code.replace("-", ""), code.replace("-", " ")):
        page = await resident.look_up(typed)
        assert "Received. It will be looked at." in page.text
        assert "Street light out" in page.text and "Asia/Shanghai" in page.text
        assert code not in str(page.answer.url)
    page = await Resident(node, "zh-CN").look_up(code)
    assert "已收到" in page.text and "路灯不亮" in page.text


@pytest.mark.parametrize("code", ["AAAA-BBBB-CCCC", "", "x" * 300, "<script>alert(1)</script>"])
async def test_a_wrong_code_is_told_and_stays_in_its_field(node: Node, code: str) -> None:
    page = await Resident(node).look_up(code)
    assert page.answer.status_code == 404 and "There is no report with this code" in page.text
    assert page.forms["follow"]["code"] == code[:40] and page.focused == "code"
    assert "<script>alert" not in page.html


async def test_guessing_codes_is_slowed_down() -> None:
    async with make_node(WebOptions(anonymous_burst=3, anonymous_per_minute=1)) as node:
        resident = Resident(node)
        codes = [(await resident.look_up("AAAABBBBCCC2")).answer.status_code for _ in range(4)]
        assert codes == [404, 404, 404, 429]


async def test_the_close_is_proved_and_its_photo_stays_sealed(node: Node) -> None:
    resident = Resident(node)
    _, code = await resident.report()
    await finish(node, (SealedRef("CANARY-PHOTO"),))
    page = await resident.look_up(code)
    assert "Done and checked." in page.text
    assert "Somebody who did not do the work looked at it on 23 November 2026" in page.text
    assert "They took a photo." in page.text
    assert "<img" not in page.html and "CANARY-PHOTO" not in page.html
    assert "wim" not in page.text and "vera" not in page.text


async def test_not_solved_is_one_tap_and_reopens(node: Node) -> None:
    resident = Resident(node)
    _, code = await resident.report()
    await finish(node)
    page = await resident.look_up(code)
    page = await resident.press(page, "vote-form", "vote:00", {"comment": "Still dark."})
    assert "goes back to work" in page.text
    assert await status(node) not in ("verified", "claimed_done")
    assert "Still dark." not in page.html


async def test_solved_is_one_tap_and_a_second_tap_changes_nothing(node: Node) -> None:
    resident = Resident(node, "zh-CN")
    _, code = await resident.report("门口的路灯不亮")
    await finish(node)
    page = await resident.look_up(code)
    for _ in range(2):
        again = await resident.press(page, "vote-form", "vote:11")
        assert again.answer.status_code == 200 and "已解决，服务满意" in again.text
    assert await status(node) == "verified"


async def test_an_open_question_is_answered_on_the_page(node: Node) -> None:
    resident = Resident(node)
    _, code = await resident.report()
    case_id = (await node.services.store.cases(CaseQuery())).rows[0].case.id
    staff = await node.staff("dora", grant("dispatcher"))
    assert (await staff.post(f"/api/cases/{case_id}/accept", json={})).status_code == 200
    report = f"{case_id}-r1"
    body = {"report": report, "text": "Which <b>lamp</b> is it?"}
    assert (await staff.post(f"/api/cases/{case_id}/ask-reporter", json=body)).status_code == 200
    page = await resident.look_up(code)
    assert "Which <b>lamp</b> is it?" in page.text
    empty = await resident.press(page, "answer-form", "answer")
    assert empty.answer.status_code == 422 and empty.focused == "answer"
    done = await resident.press(page, "answer-form", "answer", {"answer": "The left one."})
    assert "Your answer has arrived" in done.text and "Which" not in done.text
    late = await resident.press(page, "answer-form", "answer", {"answer": "Or the right one."})
    assert late.answer.status_code in (200, 409)


async def test_consent_is_given_and_taken_back(node: Node) -> None:
    resident = Resident(node)
    _, code = await resident.report()
    page = await resident.look_up(code)
    assert "You did not agree" in page.text
    page = await resident.press(page, "follow", "consent:yes")
    assert "You agreed" in page.text
    page = await resident.press(page, "follow", "consent:no")
    assert "You did not agree" in page.text


async def test_messages_are_told_in_the_readers_language(node: Node) -> None:
    resident = Resident(node)
    _, code = await resident.report()
    case = (await node.services.store.cases(CaseQuery())).rows[0].case
    report = case.reports[0].id
    message = Message("m1", case.id, node.clock.now(), "", "reporter_accepted", report)
    await node.services.store.deliver(message)
    page = await resident.look_up(code)
    assert "has been accepted" in page.text
    page = await resident.press(page, "follow", "lang:zh-CN")
    assert "已受理" in page.text and code in page.text


# -- published -------------------------------------------------------------------------


async def publish(node: Node) -> CaseId:
    case = (await node.services.store.cases(CaseQuery(order="opened"))).rows[0].case
    for command in (SetConsent(case.reports[0].id, True), PublishCase(True)):
        outcome = await node.services.engine.handle(case.id, command, by=DISPATCHER)
        assert not isinstance(outcome, Refused)
    return case.id


async def test_only_published_cases_are_shown_and_no_words_of_anybody(node: Node) -> None:
    resident = Resident(node)
    page = await resident.open("/published")
    assert "Nothing is published yet." in page.text
    text = "CANARY-WORDS the street light is dark"
    contact = {"name": "CANARY-NAME", "phone": "CANARY-PHONE"}
    _, _ = await resident.report(text, **contact)
    assert "Street light" not in (await resident.open("/published")).text
    case_id = await publish(node)
    for path in ("/published", f"/published/{case_id}", "/published?lang=zh-CN"):
        page = await resident.open(path)
        assert "CANARY" not in page.html and len(page.answer.content) < 50_000
        assert "Street light out" in page.text or "路灯不亮" in page.text
    unknown = await resident.open("/published/nothing")
    assert unknown.answer.status_code == 404


async def test_places_are_neighbourhoods_the_same_for_every_case(node: Node) -> None:
    resident = Resident(node)
    spots = [("60.10113", "24.90117"), ("60.10127", "24.90131"), ("60.10141", "24.90109")]
    for lat, lon in spots:
        node.clock.move(minutes=11)
        await resident.report(address=f"{lat}, {lon}")
        await publish(node)
    answer = await node.client().get("/published.json")
    (place,) = answer.json()["places"]
    assert len(place["cases"]) == 3
    page = await resident.open("/published")
    for lat, lon in spots:
        for shown in (answer.text, page.html):
            assert lat not in shown and lon not in shown
    again = await node.client().get("/published.json")
    assert again.json() == answer.json()


async def test_the_list_goes_on_page_by_page(node: Node) -> None:
    resident = Resident(node)
    for number in range(27):
        await resident.report(f"The street light number {number} is dark")
        await publish(node)
        node.clock.move(minutes=1)
    page = await resident.open("/published")
    assert page.html.count("<li>") == 25
    (older,) = [link for link in page.links if "after=" in link]
    page = await resident.open(older)
    assert page.html.count("<li>") == 2
    page = await resident.open("/published?after=%00")
    assert page.answer.status_code == 409


@pytest.mark.parametrize(("header", "says"), [("en", "Report a problem"), ("zh", "上报问题")])
async def test_the_front_door_leads_everywhere(node: Node, header: str, says: str) -> None:
    page = await Resident(node, header).open("/")
    assert says in page.text
    assert {"/report", "/r", "/published", "/console", "tel:119"} <= set(page.links)
    chosen = await Resident(node, header).open("/?lang=zh-CN")
    assert "/report?lang=zh-CN" in chosen.links
    style = page.html.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = await node.client().get(style)
    assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
    assert (await node.client().get("/public/none.css")).status_code == 404
    for each in (page, chosen):
        assert "http://" not in each.html and "https://" not in each.html
