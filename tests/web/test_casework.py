"""Beside a case: its story, what one may do, who else is there, what looks alike; and the day."""

import base64
import io
import json

from PIL import Image

from tests.web.house import BODY, ELSEWHERE, Node, grant
from tocsin.kernel.shared import ActorId, SealedRef
from tocsin.web.read_words import ReadWords


def _photo() -> str:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "grey").save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


PHOTO = _photo()


async def opened(node: Node):
    taker = await node.staff("taker", grant("call_taker"), grant("dispatcher"))
    case = (await taker.post("/api/reports", json=BODY)).json()["case_id"]
    return taker, case


async def test_the_next_action_is_what_the_case_waits_for(node: Node) -> None:
    taker, case = await opened(node)
    found = (await taker.get(f"/api/cases/{case}/actions")).json()
    assert found["next"] == {"verb": "accept", "task": None}
    by_verb = {each["verb"]: each for each in found["actions"]}
    assert by_verb["accept"]["may"] and by_verb["refuse"]["reasons"]
    assert "verify" not in by_verb, "not a verifier, and not from here"
    await taker.post(f"/api/cases/{case}/accept", json={})
    assert (await taker.get(f"/api/cases/{case}/actions")).json()["next"]["verb"] == "file"
    await taker.post(f"/api/cases/{case}/file", json={})
    assert (await taker.get(f"/api/cases/{case}/actions")).json()["next"]["verb"] == "dispatch"
    await taker.post(f"/api/cases/{case}/dispatch", json={"reason": "routine"})
    found = (await taker.get(f"/api/cases/{case}/actions")).json()
    assert found["next"]["verb"] == "acknowledge_task" and found["next"]["task"]


async def test_what_depends_on_a_choice_is_offered_while_the_state_takes_it(node: Node) -> None:
    taker, case = await opened(node)
    chosen = {"triage", "correct_place", "split"}

    async def offered() -> set[str]:
        found = (await taker.get(f"/api/cases/{case}/actions")).json()
        return {each["verb"] for each in found["actions"] if each["may"]} & chosen

    assert await offered() == {"triage", "correct_place"}, "a split is for an accepted case"
    await taker.post(f"/api/cases/{case}/accept", json={})
    assert await offered() == chosen
    await taker.post(f"/api/cases/{case}/void", json={"reason": "test"})
    assert await offered() == set()


async def test_what_is_offered_is_granted_and_what_is_not_is_refused(node: Node) -> None:
    """The dry run and the real command never differ on who claimed it."""
    taker, case = await opened(node)
    for verb, body in (("accept", {}), ("file", {}), ("dispatch", {"reason": "routine"})):
        assert (await taker.post(f"/api/cases/{case}/{verb}", json=body)).status_code == 200
    both = await node.staff("both", grant("supervisor"))
    task = (await both.get(f"/api/cases/{case}")).json()["tasks"][0]["id"]
    done = await both.post(
        f"/api/cases/{case}/claim-task-done", json={"task": task, "photos": [PHOTO]}
    )
    assert done.status_code == 200, done.text
    found = (await both.get(f"/api/cases/{case}/actions")).json()
    verify = next(each for each in found["actions"] if each["verb"] == "verify")
    assert not verify["may"] and verify["why"]
    refused = await both.post(f"/api/cases/{case}/verify", json={"disposition": "solved"})
    assert refused.json()["reason"] == "same_person"
    assert refused.json()["detail"] == verify["why"]
    other = await node.staff("other", grant("verifier"))
    found = (await other.get(f"/api/cases/{case}/actions")).json()
    assert found["next"] == {"verb": "verify", "task": None}
    seen = {"disposition": "solved", "photos": [PHOTO]}
    answer = await other.post(f"/api/cases/{case}/verify", json=seen)
    assert answer.status_code == 200


async def test_the_story_tells_names_reasons_and_openings_but_no_words(node: Node) -> None:
    taker, case = await opened(node)
    await taker.post(f"/api/cases/{case}/accept", json={})
    await taker.post(f"/api/cases/{case}/sealed", json={"purpose": "handling"})
    story = (await taker.get(f"/api/cases/{case}/story")).json()["entries"]
    events = [each["event"] for each in story]
    assert events[0] == "case_opened" and "case_accepted" in events
    opening = next(each for each in story if each["kind"] == "sealed")
    assert opening["by"]["name"] == "Taker" and opening["reason"] == "handling"
    assert "CANARY" not in json.dumps(story)
    chinese = await taker.get(f"/api/cases/{case}/story", headers={"accept-language": "zh-CN"})
    assert any("受理" in each["words"] for each in chinese.json()["entries"])
    assert [each["at"] for each in story] == sorted(each["at"] for each in story)


async def test_the_story_tells_whom_the_case_told(node: Node) -> None:
    from tocsin.runtime.runner import Runner

    taker, case = await opened(node)
    for verb, body in (("accept", {}), ("file", {}), ("dispatch", {"reason": "routine"})):
        assert (await taker.post(f"/api/cases/{case}/{verb}", json=body)).status_code == 200
    services = node.services
    runner = Runner(services.engine)
    while await runner.run_errands():
        pass
    story = (await taker.get(f"/api/cases/{case}/story")).json()["entries"]
    said = [each["words"] for each in story if each["kind"] == "message"]
    assert any(each.startswith("To the reporter: ") for each in said)
    agencies = (await taker.get("/api/agencies")).json()["agencies"]
    names = {each["name"]["en"] for each in agencies}
    assert any(each.startswith(f"To {name}: New task") for each in said for name in names)
    for each in story:
        if each["kind"] == "message":
            to_reporter = each["words"].startswith("To the reporter: ")
            assert each["delivered"] == ("shown" if to_reporter else "inbox")
    assert not any("@" in each for each in said), "no address of the house"


async def test_two_people_see_each_other(node: Node) -> None:
    taker, case = await opened(node)
    other = await node.staff("other", grant("supervisor"))
    await taker.post(f"/api/cases/{case}/presence", json={"doing": "writing"})
    seen = (await other.post(f"/api/cases/{case}/presence", json={"doing": "reading"})).json()
    assert {(each["name"], each["doing"]) for each in seen["people"]} == {
        ("Taker", "writing"),
        ("Other", "reading"),
    }
    away = await node.staff("away", grant("dispatcher", "t1"))
    refused = await away.post(f"/api/cases/{case}/presence", json={"doing": "reading"})
    assert refused.status_code == 403


async def test_a_report_being_told_finds_its_twin_and_is_not_kept(node: Node) -> None:
    taker, case = await opened(node)
    body = {"text": BODY["text"], "case_type": BODY["case_type"], "place": BODY["place"]}
    found = (await taker.post("/api/likely", json=body)).json()["candidates"]
    assert found[0]["case_id"] == case and found[0]["likeness"] > 0.8
    assert {each["part"] for each in found[0]["reasons"]} >= {"distance", "type", "words"}
    far = {**body, "place": ELSEWHERE}
    assert (await taker.post("/api/likely", json=far)).json()["candidates"] == []
    page = (await taker.get("/api/board")).json()
    assert len(page["rows"]) == 1, "asking opens nothing"


async def test_the_day_is_replayed_from_the_journal(node: Node) -> None:
    from tocsin.runtime.following import follow

    boss = await node.staff("boss", grant("supervisor"), grant("call_taker"))
    first = (await boss.post("/api/reports", json=BODY)).json()["case_id"]
    node.clock.move(hours=2)
    await boss.post(f"/api/cases/{first}/accept", json={})
    node.clock.move(hours=1)
    await follow(node.services.store, node.services.stories)
    day = (await boss.get("/api/history")).json()
    events = [each["event"] for each in day["steps"]]
    assert events[0] == "case_opened" and "case_accepted" in events
    assert day["start"] == [] and day["is_whole"]
    assert sum(each["opened"] for each in day["buckets"]) == 1 and len(day["buckets"]) == 96
    since = "2026-11-23T03:00:00Z"
    until = "2026-11-23T05:00:01Z"
    later = (await boss.get("/api/history", params={"from": since, "to": until})).json()
    assert [(each["status"], each["late"]) for each in later["start"]] == [("received", False)]
    accepted = next(each for each in later["steps"] if each["event"] == "case_accepted")
    assert accepted["status"] == "accepted"
    assert [each["late"] for each in later["steps"] if each["event"] == "deadline_missed"] == [True]
    assert not later["steps"][-1]["late"], "the clock that ran out is over"
    turned = await boss.get("/api/history", params={"from": until, "to": since})
    assert turned.status_code == 409


async def test_the_replay_begins_and_ends_as_the_board_stood(node: Node) -> None:
    """Whatever was done meanwhile, after the last step the map shows what the board shows."""
    from tocsin.runtime.following import follow

    boss = await node.staff("boss", grant("supervisor"), grant("call_taker"))
    cases = list[str]()
    for number in range(4):
        body = {**BODY, "text": f"lamp {number}"}
        cases.append((await boss.post("/api/reports", json=body)).json()["case_id"])
    for case, steps in zip(cases, (["accept"], ["accept", "file"], [], []), strict=True):
        for verb in steps:
            await boss.post(f"/api/cases/{case}/{verb}", json={})
    node.clock.move(hours=1)
    since = node.clock.now()
    before = (await boss.get("/api/board")).json()["rows"]
    node.clock.move(minutes=1)
    await boss.post(f"/api/cases/{cases[0]}/file", json={})
    await boss.post(f"/api/cases/{cases[1]}/dispatch", json={"reason": "routine"})
    refused = {"reason": "not_ours"}
    gone = await boss.post(f"/api/cases/{cases[2]}/refuse", json=refused)
    assert gone.status_code == 200, gone.text
    await boss.post(f"/api/cases/{cases[2]}/add-note", json={"text": "said on the phone"})
    new = (await boss.post("/api/reports", json={**BODY, "text": "new"})).json()["case_id"]
    node.clock.move(minutes=1)
    await follow(node.services.store, node.services.stories)
    params = {"from": since.isoformat(), "to": node.clock.now().isoformat()}
    day = (await boss.get("/api/history", params=params)).json()

    def stands(rows: list[dict[str, str]], name: str = "case") -> dict[str, str]:
        return {each[name]: each["status"] for each in rows}

    assert stands(day["start"]) == stands(before)
    shown = stands(day["start"])
    for step in day["steps"]:
        shown[step["case"]] = step["status"]
        if step["status"] == "refused":
            del shown[step["case"]]
    assert shown == stands((await boss.get("/api/board")).json()["rows"])
    assert new in shown and cases[2] not in shown
    assert sum(each["closed"] for each in day["buckets"]) == 1
    elsewhere = await node.staff("elsewhere", grant("supervisor", "t1"))
    theirs = (await elsewhere.get("/api/history", params=params)).json()
    assert theirs["start"] == [] and theirs["steps"] == []


async def test_the_people_of_a_case_are_those_of_its_agencies(node: Node) -> None:
    taker, case = await opened(node)
    for verb, body in (("accept", {}), ("file", {}), ("dispatch", {"reason": "routine"})):
        assert (await taker.post(f"/api/cases/{case}/{verb}", json=body)).status_code == 200
    task = (await taker.get(f"/api/cases/{case}")).json()["tasks"][0]
    await node.staff("crew", grant("agency_handler", agency=task["agency"]))
    await node.staff("others", grant("agency_handler", agency="nobody@nowhere"))
    found = (await taker.get(f"/api/cases/{case}/colleagues")).json()["people"]
    assert [(each["agency"], each["may_take"]) for each in found] == [(task["agency"], True)]
    crew = found[0]["id"]
    given = {"task": task["id"], "to": crew}
    done = await taker.post(f"/api/cases/{case}/assign-task", json=given)
    assert done.status_code == 200, done.text
    assert done.json()["tasks"][0]["assigned_to"] == crew

    # Somebody of no agency who has a part in it is named, and not offered.
    me = (await taker.get("/api/session")).json()["account"]
    await taker.post(f"/api/cases/{case}/assign-task", json={"task": task["id"], "to": me})
    found = (await taker.get(f"/api/cases/{case}/colleagues")).json()["people"]
    assert {each["id"]: each["may_take"] for each in found} == {me: False, crew: True}
    assert not any("password" in each or "login" in each for each in found)


async def test_one_call_is_one_reading_however_often_its_form_asks(node: Node) -> None:
    taker, case = await opened(node)
    body = {"text": BODY["text"], "case_type": BODY["case_type"], "place": BODY["place"]}

    async def readings() -> int:
        story = (await taker.get(f"/api/cases/{case}/story")).json()["entries"]
        return sum(1 for each in story if each["kind"] == "sealed")

    assert await readings() == 0
    for text in (BODY["text"], f"{BODY['text']} now", f"{BODY['text']} and more"):
        found = await taker.post("/api/likely", json=body | {"text": text})
        assert [each["case_id"] for each in found.json()["candidates"]] == [case]
    assert await readings() == 1
    # What one opened serves nobody else: the other's reading is a reading.
    other = await node.staff("other", grant("supervisor"))
    assert (await other.post("/api/likely", json=body)).status_code == 200
    assert await readings() == 2


def test_what_was_read_is_forgotten_after_its_time() -> None:
    now = 0.0
    read = ReadWords(lives_s=300, clock=lambda: now)
    mine, ref = ActorId("a"), SealedRef("r")
    read.keep(mine, {ref: frozenset({"hole"})})
    now = 200.0
    assert read.known(mine, [ref]) == {ref: frozenset({"hole"})}
    assert read.known(ActorId("b"), [ref]) == {}
    now = 301.0
    assert read.known(mine, [ref]) == {}, "using it does not make it live longer"
