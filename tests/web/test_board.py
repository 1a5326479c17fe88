"""The board of a screen: small, in order of deadline, only one's own, and going on as a stream."""

import asyncio
import json

import pytest

from tests.web.house import BODY, ELSEWHERE, Node, grant
from tocsin.web.api import board


async def test_the_board_says_who_acts_next(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    case = (await taker.post("/api/reports", json=BODY)).json()["case_id"]
    page = (await taker.get("/api/board")).json()
    assert [row["case"] for row in page["rows"]] == [case] and page["next"] is None
    row = page["rows"][0]
    assert row["expects"] == {"action": "accept", "who": "call_taker", "agency": None}
    assert row["due_clock"] == "accept" and row["due_at"] > row["clock_started_at"]
    assert row["reports"] == 1 and len(row["areas"]) == 4
    assert "CANARY" not in json.dumps(page)
    await taker.post(f"/api/cases/{case}/accept", json={})
    row = (await taker.get("/api/board")).json()["rows"][0]
    assert row["status"] == "accepted" and row["expects"]["action"] == "file"


async def test_pages_follow_each_other(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    wanted = set[str]()
    for number in range(7):
        body = {**BODY, "text": f"lamp {number}"}
        wanted.add((await taker.post("/api/reports", json=body)).json()["case_id"])
    found, after = list[str](), ""
    while True:
        page = (await taker.get(f"/api/board?limit=3{after}")).json()
        found += [row["case"] for row in page["rows"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert len(found) == 7 and set(found) == wanted
    assert (await taker.get("/api/board?limit=6000")).status_code == 422
    assert (await taker.get("/api/board?after=nonsense")).status_code == 409
    assert (await taker.get("/api/board?area=nowhere")).status_code == 404


async def test_one_answer_is_read_in_small_pages(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    for number in range(7):
        await taker.post("/api/reports", json={**BODY, "text": f"lamp {number}"})
    whole = (await taker.get("/api/board")).json()
    monkeypatch.setattr(board, "CHUNK", 3)
    assert (await taker.get("/api/board")).json()["rows"] == whole["rows"]
    first = (await taker.get("/api/board?limit=5")).json()
    rest = (await taker.get(f"/api/board?limit=5&after={first['next']}")).json()
    assert first["rows"] + rest["rows"] == whole["rows"] and rest["next"] is None


async def test_nobody_sees_beyond_their_area(node: Node) -> None:
    county = await node.staff("taker", grant("call_taker"))
    await county.post("/api/reports", json={**BODY, "place": ELSEWHERE})
    town = await node.staff("town", grant("dispatcher", "t0"))
    assert (await town.get("/api/board")).json()["rows"] == []
    assert len((await county.get("/api/board")).json()["rows"]) == 1


async def test_the_stream_goes_on_from_the_board(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    seq = (await taker.get("/api/board")).json()["seq"]
    case = (await taker.post("/api/reports", json=BODY)).json()["case_id"]
    hub = node.app.state.web.hub
    running = asyncio.create_task(hub.run())
    told: dict[str, dict[str, object]] = {}
    headers = {"accept": "text/event-stream"}
    async with asyncio.timeout(10):
        async with taker.stream("GET", f"/api/live?after={seq}", headers=headers) as stream:
            name = ""
            async for line in stream.aiter_lines():
                kind, _, value = line.partition(": ")
                if kind == "event":
                    name = value
                elif kind == "data":
                    told[name] = json.loads(value)
                if "case" in told and "hello" in told:
                    break
    running.cancel()
    assert told["case"]["case"] == case and told["case"]["status"] == "received"
    assert told["case"]["events"] and told["case"]["expects"]
    assert told["hello"]["now"] and told["hello"]["rate"] == 1.0


@pytest.mark.parametrize("kind", ["statuses", "clocks", "verbs", "events", "purposes", "reasons"])
async def test_words_are_in_both_languages(node: Node, kind: str) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    words = (await taker.get("/api/words")).json()[kind]
    assert len(words) > 3 and all({"en", "zh-CN"} <= set(each) for each in words.values())
