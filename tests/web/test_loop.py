"""One report from the first call to the verified close, by the people who would do it; and what
each of them may see of the words in it."""

import asyncio
import base64
import io
import json

import httpx
import pytest
from PIL import Image
from structlog.testing import capture_logs

from tests.web.house import BODY, ELSEWHERE, Node, grant
from tocsin.runtime.runner import Runner


def photo() -> str:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


async def post(client: httpx.AsyncClient, path: str, body: dict[str, object]) -> dict[str, object]:
    answer = await client.post(path, json=body)
    assert answer.is_success, (path, answer.text)
    assert "CANARY" not in answer.text, path
    return answer.json()


async def test_from_a_call_to_the_verified_close(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    desk = await node.staff("desk", grant("dispatcher", "t0"))
    boss = await node.staff("boss", grant("supervisor"))
    eyes = await node.staff("eyes", grant("verifier", "t0"))
    judge = await node.staff("judge", grant("evaluator"))
    public = node.client()
    runner = Runner(node.services.engine)

    with capture_logs() as logs:
        received = await post(taker, "/api/reports", BODY)
        case, code, report = (received[name] for name in ("case_id", "code", "report_id"))
        path = f"/api/cases/{case}"
        await post(desk, f"{path}/accept", {})
        asked = {"report": report, "text": "CANARY-QUESTION which lamp?"}
        await post(desk, f"{path}/ask-reporter", asked)
        receipt = (await public.get(f"/api/receipts/{code}")).json()
        assert receipt["question"]["text"] == "CANARY-QUESTION which lamp?"
        answer = await public.post(
            f"/api/receipts/{code}/answer", json={"text": "CANARY-ANSWER the left one"}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["question"] is None
        await post(desk, f"{path}/file", {})
        sent = await post(desk, f"{path}/dispatch", {"reason": "routine"})
        task, lead = sent["tasks"][0]["id"], sent["lead"]  # pyright: ignore
        hand = await node.staff("hand", grant("agency_handler", "county", str(lead)))
        mine = (await hand.get("/api/tasks")).json()["tasks"]
        assert [each["case_id"] for each in mine] == [case]
        await post(hand, f"{path}/acknowledge-task", {"task": task})
        await post(hand, f"{path}/start-task", {"task": task})
        urged = await post(boss, f"{path}/urge", {"level": 1, "reason": "slow"})
        urge = urged["urges"][0]["id"]  # pyright: ignore
        await post(hand, f"{path}/answer-urge", {"urge": urge, "text": "CANARY-URGE"})
        claim = {"task": task, "photos": [photo()], "note": "CANARY-NOTE"}
        claimed = await post(hand, f"{path}/claim-task-done", claim)
        assert claimed["status"] == "claimed_done"
        await post(eyes, f"{path}/verify", {"disposition": "repaired"})
        vote = {"solved": True, "treated_well": True, "comment": "CANARY-COMMENT thanks"}
        voted = await public.post(f"/api/receipts/{code}/feedback", json=vote)
        assert voted.json()["solved"] is True
        await post(judge, f"{path}/evaluate", {"score": 90, "reason": "quick"})
        while await runner.run_errands():
            pass

        told = (await public.get(f"/api/receipts/{code}")).json()
        assert told["status"] == "verified"
        assert told["words"] == "Done and checked."
        assert told["messages"], "the reporter was told"
        assert all("{" not in each["text"] for each in told["messages"])
        chinese = await public.get(f"/api/receipts/{code}", headers={"Accept-Language": "zh"})
        assert chinese.json()["words"] == "已完成并经核查。"
        assert chinese.headers["content-language"] == "zh-CN"
        for reader in (taker, desk, boss, eyes, judge, hand):
            for part in ("", "/journal", "/why", "/thread"):
                shown = await reader.get(f"{path}{part}")
                assert shown.status_code == 200, (part, shown.text)
                assert "CANARY" not in shown.text, part
        inbox = (await desk.get("/api/inbox")).json()["messages"]
        assert all(each["text"] and "{" not in each["text"] for each in inbox)
    assert "CANARY" not in json.dumps(logs, default=str)
    assert str(code) not in json.dumps(logs, default=str)


async def opened(client: httpx.AsyncClient, case: object, purpose: str) -> dict[str, str]:
    answer = await client.post(f"/api/cases/{case}/sealed", json={"purpose": purpose})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return {each["kind"]: each["text"] or each["data"] for each in answer.json()["values"]}


async def test_sealed_values_open_for_a_purpose_and_leave_a_trace(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    judge = await node.staff("judge", grant("evaluator"))
    case = (await taker.post("/api/reports", json=BODY)).json()["case_id"]
    handling = await opened(taker, case, "handling")
    assert "CANARY-WORDS" in handling["description"]
    assert "contact" not in handling
    contact = await opened(taker, case, "contact_reporter")
    assert "CANARY-PHONE" in contact["contact"]
    wrong = await judge.post(f"/api/cases/{case}/sealed", json={"purpose": "handling"})
    assert (wrong.status_code, wrong.json()["reason"]) == (403, "purpose_not_yours")
    purposes = [(each.purpose, each.by.kind) for each in node.vault.grants]
    assert purposes == [("handling", "staff"), ("contact_reporter", "staff")]
    other = (await taker.post("/api/reports", json={**BODY, "text": "another"})).json()
    foreign = {"purpose": "handling", "refs": [f"{other['report_id']}.description"]}
    answer = await taker.post(f"/api/cases/{case}/sealed", json=foreign)
    assert answer.json() == {"values": []}, "a reference of another case opens nothing here"


async def test_duplicates_are_found_merged_and_taken_out_again(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    one = (await taker.post("/api/reports", json=BODY)).json()
    near = {
        **BODY,
        "text": "the lamp at the school is dark",
        "place": {"lon": 24.9011, "lat": 60.101},
    }
    two = (await taker.post("/api/reports", json=near)).json()
    far = (await taker.post("/api/reports", json={**BODY, "place": ELSEWHERE})).json()
    found = (await taker.get(f"/api/cases/{one['case_id']}/duplicates")).json()["candidates"]
    assert [each["case_id"] for each in found] == [two["case_id"]]
    assert {each["part"] for each in found[0]["reasons"]} == {"distance", "time", "type", "words"}
    before = (await taker.get(f"/api/cases/{two['case_id']}")).json()
    body = {"duplicate": two["case_id"]}
    path = f"/api/cases/{one['case_id']}"
    merged = await taker.post(f"{path}/merge", json=body)
    assert merged.status_code == 200, merged.text
    assert merged.json()["links"]["absorbed"] == [two["case_id"]]
    assert (await node.client().get(f"/api/receipts/{two['code']}")).json()["status"] == "received"
    out = await taker.post(f"{path}/unmerge", json={**body, "reason": "two_lamps"})
    assert out.status_code == 200, out.text
    after = (await taker.get(f"/api/cases/{two['case_id']}")).json()
    moving = ("version", "updated_at")
    assert {k: v for k, v in after.items() if k not in moving} == {
        k: v for k, v in before.items() if k not in moving
    }
    local = await node.staff("local", grant("dispatcher", "t0"))
    outside = await local.post(f"{path}/merge", json={"duplicate": far["case_id"]})
    assert outside.json()["reason"] == "outside_scope", "both cases must be within reach"


async def test_lists_show_the_scope_and_page_through_it(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    for number in range(7):
        place = BODY["place"] if number % 2 else ELSEWHERE
        body = {**BODY, "text": f"lamp {number}", "place": place}
        assert (await taker.post("/api/reports", json=body)).status_code == 201
        node.clock.move(seconds=30)

    async def listed(client: httpx.AsyncClient, **query: str) -> list[str]:
        found: list[str] = []
        after: str | None = ""
        while after is not None:
            page = await client.get(
                "/api/cases", params={**query, "limit": "2", **({"after": after} if after else {})}
            )
            assert page.status_code == 200, page.text
            found += [each["id"] for each in page.json()["cases"]]
            after = page.json()["next"]
        return found

    everything = await listed(taker)
    assert len(everything) == len(set(everything)) == 7
    one = await node.staff("one", grant("dispatcher", "t0"))
    two = await node.staff("two", grant("dispatcher", "t1"))
    both = await node.staff("both", grant("dispatcher", "t0"), grant("dispatcher", "t1"))
    none = await node.staff("none", grant("agency_handler", "county", "roads@county"))
    assert len(await listed(one)) == 3
    assert len(await listed(two)) == 4
    assert await listed(none) == []
    for order in ("due", "opened", "updated"):
        assert await listed(both, order=order) == await listed(taker, order=order)
    assert await listed(one, area="t1") == []
    assert len(await listed(taker, area="t1v1", open_only="true", status="received")) == 4
    assert await listed(taker, priority="1") == []
    assert (await both.get("/api/case-count")).json() == {"count": 7}
    assert (await one.get("/api/case-count", params={"area": "t1"})).json() == {"count": 0}


async def test_photos_come_in_by_multipart(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    data = base64.b64decode(photo())
    parts = [
        ("report", (None, json.dumps(BODY), "application/json")),
        ("photos", ("a.png", data, "image/png")),
    ]
    made = await taker.post("/api/reports/upload", files=parts)
    assert made.status_code == 201, made.text
    values = await opened(taker, made.json()["case_id"], "handling")
    picture = Image.open(io.BytesIO(base64.b64decode(values["media"])))
    assert (picture.format, picture.size) == ("JPEG", (40, 30))
    parts[1] = ("photos", ("a.png", b"CANARY no picture", "image/png"))
    wrong = await taker.post("/api/reports/upload", files=parts)
    assert (wrong.status_code, wrong.json()["reason"]) == (409, "photo_type")
    missing = await taker.post("/api/reports/upload", files=parts[1:])
    assert (missing.status_code, missing.json()["reason"]) == (422, "invalid")


async def test_the_same_photo_twice_is_kept_once(node: Node) -> None:
    """A photo is known by its content: twice in one report, the second would be in its place."""
    taker = await node.staff("taker", grant("call_taker"), grant("dispatcher"))
    part = ("photos", ("a.png", base64.b64decode(photo()), "image/png"))
    parts = [("report", (None, json.dumps(BODY), "application/json")), part, part]
    made = await taker.post("/api/reports/upload", files=parts)
    assert made.status_code == 201, made.text
    case = made.json()["case_id"]
    opened = await taker.post(f"/api/cases/{case}/sealed", json={"purpose": "handling"})
    kinds = [each["kind"] for each in opened.json()["values"]]
    assert kinds.count("media") == 1
    for verb, body in (("accept", {}), ("file", {}), ("dispatch", {"reason": "routine"})):
        await post(taker, f"/api/cases/{case}/{verb}", body)
    boss = await node.staff("boss", grant("supervisor"))
    task = (await boss.get(f"/api/cases/{case}")).json()["tasks"][0]["id"]
    claim: dict[str, object] = {"task": task, "photos": [photo(), photo()]}
    await post(boss, f"/api/cases/{case}/claim-task-done", claim)


async def test_the_catalogue_is_enough_to_build_a_form(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    types = (await taker.get("/api/case-types")).json()["case_types"]
    assert len(types) >= 40
    one = (await taker.get("/api/case-types/building-fire")).json()
    assert one["fast_path"] is True and one["clocks"]
    guesses = (await taker.post("/api/guess", json={"text": "路灯不亮"})).json()["guesses"]
    assert guesses[0]["case_type"] == "street-light-out"
    asked = {"case_type": "building-fire", "place": BODY["place"]}
    told = (await taker.post("/api/explain", json=asked)).json()
    assert told["lead"] and told["areas"]["town"] == "t0" and told["promises"]
    areas = (await taker.get("/api/areas")).json()["areas"]
    assert areas[0]["tier"] == "county"
    outlines = (await taker.get("/api/areas.geojson", params={"tier": "town"})).json()
    assert len(outlines["features"]) == 2
    agencies = (await taker.get("/api/agencies")).json()["agencies"]
    assert told["lead"] in {each["id"] for each in agencies}


async def test_an_emergency_is_sent_in_one_command(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    fire = {**BODY, "case_type": "building-fire", "dispatch_now": True}
    case = (await taker.post("/api/reports", json=fire)).json()["case_id"]
    assert (await taker.get(f"/api/cases/{case}")).json()["status"] == "dispatched"
    entries = (await taker.get(f"/api/cases/{case}/journal")).json()["entries"]
    names = [event["event"] for event in entries[0]["events"]]
    assert names.index("case_opened") < names.index("case_filed") < names.index("case_dispatched")


async def test_the_live_stream_shows_the_scope_only(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    local = await node.staff("local", grant("dispatcher", "t1"))
    stands = await local.get("/api/live")
    assert stands.json() == {"seq": 0}
    hub = node.app.state.web.hub
    pump = asyncio.create_task(hub.run())
    headers = {"Accept": "text/event-stream"}
    seen = ""
    async with asyncio.timeout(10), local.stream("GET", "/api/live", headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        chunks = stream.aiter_text()
        seen += await anext(chunks)
        here = (await taker.post("/api/reports", json=BODY)).json()["case_id"]
        there = (await taker.post("/api/reports", json={**BODY, "place": ELSEWHERE})).json()
        while there["case_id"] not in seen:
            seen += await anext(chunks)
    pump.cancel()
    assert here not in seen
    assert "CANARY" not in seen


@pytest.mark.parametrize("code", ["ABCDEFGHJKMN", "abcd-efgh-jkmn", "00000000"])
async def test_a_forged_code_opens_nothing(node: Node, code: str) -> None:
    public = node.client()
    answer = await public.get(f"/api/receipts/{code}")
    assert (answer.status_code, answer.json()["reason"]) == (404, "receipt_unknown")
    body = {"solved": True, "treated_well": True}
    answer = await public.post(f"/api/receipts/{code}/feedback", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (404, "receipt_unknown")
