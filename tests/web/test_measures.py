"""A number through the API opens the cases it counts, in the reader's language and scope."""

from __future__ import annotations

from tests.web.house import BODY, Node, grant
from tocsin.runtime.following import follow


async def test_a_number_opens_its_cases(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    kept = (await taker.post("/api/reports", json=BODY)).json()["case_id"]
    waiting = (await taker.post("/api/reports", json={**BODY, "text": "Another lamp"})).json()[
        "case_id"
    ]
    assert (await taker.post(f"/api/cases/{kept}/accept", json={})).status_code == 200
    node.clock.move(seconds=1)
    stories = node.services.stories
    assert stories is not None
    await follow(node.services.store, stories)

    head = await node.staff("head", grant("supervisor"))
    shown = (await head.get("/api/measures", headers={"Accept-Language": "zh-CN"})).json()
    assert shown["cases"] == 2
    accepted = next(each for each in shown["measures"] if each["code"] == "accepted_in_time")
    assert accepted["title"] == "按时受理率"
    assert (accepted["numerator"], accepted["denominator"], accepted["share"]) == (1, 1, 1.0)
    opened = (await head.get("/api/measures/accepted_in_time/cases")).json()
    assert opened["cases"] == [kept] and waiting not in opened["cases"]
    stage = next(each for each in shown["stages"] if each["stage"] == "accept")
    assert stage["cases"] == 1 and stage["median_s"] is not None


async def test_nobody_reads_the_measures_of_elsewhere(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    await taker.post("/api/reports", json=BODY)
    node.clock.move(seconds=1)
    stories = node.services.stories
    assert stories is not None
    await follow(node.services.store, stories)
    stranger = await node.staff("stranger", grant("supervisor", "t1"))
    assert (await stranger.get("/api/measures")).json()["cases"] == 0
    assert (await taker.get("/api/measures")).status_code == 403
    head = await node.staff("head", grant("supervisor"))
    assert (await head.get("/api/measures?area=nowhere")).status_code == 404
    assert (await head.get("/api/measures/no_such_measure/cases")).status_code == 404
