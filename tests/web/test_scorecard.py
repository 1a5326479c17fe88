"""The card through the API: each number opens exactly its alarms; the night orders work, once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from tests.web.house import Node, grant
from tests.web.test_alarms import INTAKE, add, raised
from tocsin.kernel.shared import AssetId
from tocsin.runtime.alarm_following import follow_alarms
from tocsin.runtime.alarm_ports import IncomingAlarm
from tocsin.runtime.following import follow
from tocsin.runtime.ports import AlarmQuery
from tocsin.runtime.quality import COOL_DOWN, ORDERS_MAX, Quality
from tocsin.runtime.runner import Runner
from tocsin.web.api.upkeep import DeviceHealthView, DevicesHealthView, label_of
from tocsin.web.scorecard_views import BehindCardView, CardView, NightsView, SourcesView


def quality_of(node: Node) -> Quality:
    quality = node.services.quality
    assert quality is not None
    return quality


async def told(node: Node) -> None:
    await follow_alarms(node.services.store, quality_of(node).store)


async def night(node: Node) -> int:
    """The card of the day that is over, an hour after midnight of the town's own clock."""
    quality, now = quality_of(node), node.clock.now()
    await told(node)
    return await quality.night(now.astimezone(quality.zone).date(), now)


async def orders(node: Node, kind: str = "nuisance") -> list[Any]:
    rows = await node.services.store.alarms(AlarmQuery(kinds=(kind,), limit=1_000))
    return [row.alarm for row in rows]


async def test_a_number_opens_exactly_its_alarms(node: Node) -> None:
    await add(node, name="a", wires=[{"source": "sia-dc09", "address": "1/1"}], model="SD-2")
    await add(node, name="b", area="t1", place=None,
              wires=[{"source": "sia-dc09", "address": "1/2"}])  # fmt: skip
    chief = await node.staff("chief", grant("supervisor"))
    mine = await raised(node, "130", "1/1")
    other = await raised(node, "130", "1/2")
    drill = await raised(node, "110", "1/1", is_drill=True)
    node.clock.move(seconds=40)
    assert (await chief.post(f"/api/alarms/{mine}/acknowledge", json={})).status_code == 200
    await told(node)
    shown = await chief.get("/api/alarms/scorecard", params={"by": "seat"})
    card = CardView.model_validate_json(shown.content)
    assert [group.name for group in card.groups] == ["t0", "t1"]
    whole = (await chief.get("/api/alarms/scorecard")).json()
    (group,) = whole["groups"]
    numbers = {each["code"]: each for each in group["readings"]}
    assert numbers["alarms_per_day"]["value"] == 2 and numbers["alarms_per_day"]["is_met"]
    assert numbers["acknowledge_p2"]["value"] == 40
    for code in numbers:
        found = await chief.get(f"/api/alarms/scorecard/{code}/alarms")
        behind = BehindCardView.model_validate_json(found.content)
        assert behind.count == len(behind.ids) == numbers[code]["alarms"]
        assert drill not in behind.ids
    seen = (await chief.get("/api/alarms/scorecard/alarms_per_day/alarms")).json()
    assert sorted(seen["ids"]) == sorted([mine, other])
    assert {each["id"] for each in seen["alarms"]} == {mine, other}
    part = {"by": "model", "of": "SD-2"}
    one = await chief.get("/api/alarms/scorecard/alarms_per_day/alarms", params=part)
    assert one.json()["ids"] == [mine]
    rest = {"part": "rest"}
    left = await chief.get("/api/alarms/scorecard/acknowledge_p2/alarms", params=rest)
    assert left.json()["ids"] == [other]
    narrow = await node.staff("narrow", grant("supervisor", "t1"))
    seen = (await narrow.get("/api/alarms/scorecard/alarms_per_day/alarms")).json()
    assert seen["ids"] == [other], "only what one may see is counted"
    chinese = await chief.get("/api/alarms/scorecard", headers={"accept-language": "zh-CN"})
    assert "每名值班员每日告警数" in chinese.text
    table = await chief.get("/api/alarms/scorecard/table")
    assert table.headers["content-type"].startswith("text/html") and "<td>" in table.text
    assert (await chief.get("/api/alarms/scorecard/nothing/alarms")).status_code == 404


async def test_false_dispatches_are_known_by_model_and_source(node: Node) -> None:
    """The end of the case flows back to the device, its model and its site."""
    await add(node, name="a", model="SD-2")
    alarm = await raised(node)
    chief = await node.staff("chief", grant("supervisor"))
    case = (await chief.get(f"/api/alarms/{alarm}")).json()["case"]
    row = await node.services.store.case(case)
    assert row is not None
    for number, task in enumerate(row.case.tasks):
        crew = await node.staff(f"crew{number}", grant("agency_handler", "county", task.agency))
        for verb in ("acknowledge-task", "start-task", "claim-task-done"):
            done = await crew.post(f"/api/cases/{case}/{verb}", json={"task": task.id})
            assert done.status_code == 200, done.text
    over = await chief.post(f"/api/cases/{case}/verify", json={"disposition": "false_alarm"})
    assert over.status_code == 200, over.text
    await Runner(node.services.engine).run_errands()
    assert node.services.stories is not None
    await follow(node.services.store, node.services.stories)
    await told(node)
    node.clock.move(seconds=1)
    for by, name in (("model", "SD-2"), ("all", "")):
        shown = (await chief.get("/api/alarms/scorecard", params={"by": by})).json()
        (group,) = [each for each in shown["groups"] if each["name"] == name]
        numbers = {each["code"]: each for each in group["readings"]}
        assert numbers["false_dispatch"]["value"] == 1.0 and not numbers["false_dispatch"]["is_met"]
        assert numbers["verified_first"]["value"] == 0.0


async def test_the_worst_sources_get_a_work_order_once_with_a_cool_down(node: Node) -> None:
    asset, _ = await add(node, name="a", kind="intrusion-detector")
    node.clock.move(hours=12)
    for number in range(12):
        await raised(node, "130", "1/1", session=f"s{number}")
        node.clock.move(minutes=5)
    node.clock.move(hours=12)
    assert await night(node) == 1
    (order,) = await orders(node)
    assert order.about.asset == asset and order.case is not None
    case = await node.services.store.case(order.case)
    assert case is not None and case.case.case_type == "device-fault" and case.case.clocks
    week = {"since": (node.clock.now() - timedelta(days=7)).isoformat()}
    boss = await node.staff("boss", grant("supervisor"))
    answer = await boss.get("/api/alarms/scorecard/sources", params=week)
    told_of = SourcesView.model_validate_json(answer.content)
    (source,) = told_of.sources
    assert (source.asset, source.announcements, source.share) == (asset, 12, 1.0)
    assert [(each.kind, each.case, each.is_open) for each in source.orders] == [
        ("nuisance", order.case, True)
    ]
    elsewhere = await node.staff("elsewhere", grant("supervisor", "t1"))
    none = await elsewhere.get("/api/alarms/scorecard/sources", params=week)
    assert none.json()["sources"] == [] and none.json()["announcements"] == 0
    crew = await node.staff("crew", grant("agency_handler"))
    assert (await crew.get("/api/alarms/scorecard/sources")).status_code == 403
    assert await night(node) == 0, "once a night"
    node.clock.move(hours=24)
    assert await night(node) == 0, "and not again while it cools down"
    chief = await node.staff("chief", grant("supervisor"))
    nights = NightsView.model_validate_json(
        (await chief.get("/api/alarms/scorecard/nights")).content
    )
    assert len(nights.nights) == 2
    gone = await chief.post(f"/api/cases/{order.case}/void", json={"reason": "mistake"})
    assert gone.status_code == 200, gone.text
    await Runner(node.services.engine).run_errands()
    assert [each.is_open for each in await orders(node)] == [False], "it ends with its case"
    node.clock.move(days=COOL_DOWN.days)
    for number in range(12):
        await raised(node, "130", "1/1", session=f"later{number}")
        node.clock.move(minutes=5)
    node.clock.move(hours=24)
    assert await night(node) == 1, "still one of the worst after the cool-down"
    assert len(await orders(node)) == 2


async def test_a_night_orders_no_more_than_its_limit(node: Node) -> None:
    soon = (node.clock.now() + timedelta(days=3)).isoformat()
    for number in range(ORDERS_MAX + 4):
        await add(node, name=f"d{number}", inspection_at=soon,
                  wires=[{"source": "sia-dc09", "address": f"1/{number}"}])  # fmt: skip
    assert await night(node) == ORDERS_MAX
    assert len(await orders(node, "upkeep")) == ORDERS_MAX
    node.clock.move(hours=24)
    assert await night(node) == 4, "the rest comes the next night"


async def test_devices_tell_how_they_are(node: Node) -> None:
    asset, admin = await add(node, name="a", owner="housing", supervision="SP6",
                             certificate_until="2026-12-01T00:00:00+00:00")  # fmt: skip
    quality, services = quality_of(node), node.services

    async def turn(seconds: int, is_heard: bool) -> None:
        for _ in range(seconds):
            node.clock.move(seconds=1)
            if is_heard:
                alive = IncomingAlarm(
                    "sia-dc09", "1/1", "", "heard", values={"battery_percent": 80.0}
                )
                await services.alarms.receive(alive, INTAKE)
            await services.supervision.turn()

    await turn(50, True)
    await turn(50, False)  # silent from the 20th second on
    await turn(20, True)
    await quality.keep_up()
    shown = await admin.get("/api/asset-health", params={"by": "owner"})
    found = DevicesHealthView.model_validate_json(shown.content)
    (rate,) = found.online
    assert rate.group == "housing" and rate.devices == 1
    assert 110 <= rate.service_s <= 120 and 25 <= rate.service_s - rate.heard_s <= 32
    assert [(each.asset, each.what) for each in found.due] == [(asset, "certificate")]
    node.clock.move(hours=1)  # we were away
    await turn(2, True)
    await quality.keep_up()
    (again,) = (await admin.get("/api/asset-health", params={"by": "owner"})).json()["online"]
    assert again["service_s"] < 130, "an outage of ours is neither"
    today = node.clock.now().date()
    for n in range(20):
        await quality.store.put_batteries(today - timedelta(days=n), {AssetId(asset): 60.0 + n})
    one = DeviceHealthView.model_validate_json(
        (await admin.get(f"/api/assets/{asset}/health")).content
    )
    assert one.battery is not None and one.battery.state == "falls" and len(one.days) == 20
    order = await admin.post(f"/api/assets/{asset}/work-order", json={"reason": "loose"})
    assert order.status_code == 403
    chief = await node.staff("chief", grant("supervisor"))
    key = {"idempotency-key": "k1"}
    order = await chief.post(
        f"/api/assets/{asset}/work-order", json={"reason": "loose"}, headers=key
    )
    assert order.status_code == 201 and order.json()["case"] is not None, order.text
    twice = await chief.post(
        f"/api/assets/{asset}/work-order", json={"reason": "loose"}, headers=key
    )
    named = ("id", "occurrences")
    assert [twice.json()[each] for each in named] == [order.json()[each] for each in named]


async def test_a_label_can_be_printed(node: Node) -> None:
    asset, admin = await add(node, name="Hall <2> & stairs, second floor, left")
    label = await admin.get(f"/api/assets/{asset}/label.svg")
    assert label.headers["content-type"] == "image/svg+xml"
    assert label.text.startswith("<svg") and "&lt;2&gt;" in label.text and asset in label.text
    assert 'width="62mm"' in label.text and "<path" in label.text
    other = await node.staff("other", grant("call_taker", "t1"))
    assert (await other.get(f"/api/assets/{asset}/label.svg")).status_code == 403


def test_a_name_stays_on_its_label() -> None:
    for name in (
        "School, Pohjoisesplanadi",
        "中心小学校教学楼三层东侧走廊尽头",
        "W" * 200,
        "a b " * 60,
    ):
        drawn = label_of(name, "01m8j54n06t9et7ckmtc9wzv9p", "http://127.0.0.1/console/device/1")
        lines = re.findall(r'font-size="3.0">([^<]*)<', drawn)
        assert 1 <= len(lines) <= 5
        # Of a wide sans-serif: 31 mm are ten Chinese characters, or as many capital W.
        assert all(len(line) <= (10 if line[0] in "W中层" else 22) for line in lines), lines
        assert name.startswith(lines[0])
        assert ("…" in lines[-1]) == (len(name) > 100)
