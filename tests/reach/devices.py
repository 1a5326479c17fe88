"""What there is to be done with units, rosters, roads, alarms, assets and drills."""

from __future__ import annotations

from typing import Any

from tests.reach.good import READ_ONLY, Good, person_for, recipe
from tests.reach.stage import CODE, FIRE, Stage, fresh, place, soon

WEST, SOUTH, STEP = 24.9, 60.1, 0.002


def _hours(first: float, last: float) -> dict[str, str]:
    return {"starts_at": soon(first), "ends_at": soon(last)}


def _about(**more: Any) -> dict[str, Any]:
    return {"name": fresh("E"), "area": "county", "kind": "engine", "post": place(), **more}


@recipe("unit.create")
def unit_create(stage: Stage) -> Good:
    return Good(stage.admin, {}, _about(agency=FIRE))


@recipe("unit.change")
def unit_change(stage: Stage) -> Good:
    return Good(stage.admin, {"unit_id": stage.unit(False)}, _about())


@recipe("unit.show", "unit.alerts")
def unit_show(stage: Stage) -> Good:
    return Good(stage.all, {"unit_id": stage.unit()})


@recipe("unit.key")
def unit_key(stage: Stage) -> Good:
    return Good(stage.admin, {"unit_id": stage.unit(False)})


@recipe("unit.end_key")
def unit_end_key(stage: Stage) -> Good:
    unit = stage.unit(False)
    stage.admin.must("POST", f"/api/units/{unit}/key")
    return Good(stage.admin, {"unit_id": unit})


@recipe("unit.start_duty")
def start_duty(stage: Stage) -> Good:
    return Good(stage.all, {"unit_id": stage.unit(False)}, {"crew_size": 4})


@recipe("unit.end_duty")
def end_duty(stage: Stage) -> Good:
    return Good(stage.all, {"unit_id": stage.unit()}, {"reason": "shift_over"})


@recipe("unit.report_status")
def report_status(stage: Stage) -> Good:
    unit, case = stage.sent()
    return Good(stage.all, {"unit_id": unit}, {"status": "en_route", "case": case})


@recipe("unit.send")
def send(stage: Stage) -> Good:
    body = {"case": stage.fire(), "reason": "nearest"}
    return Good(stage.all, {"unit_id": stage.unit()}, body)


@recipe("unit.stack")
def stack(stage: Stage) -> Good:
    unit, _ = stage.sent()
    return Good(stage.all, {"unit_id": unit}, {"case": stage.fire(), "reason": "same_street"})


@recipe("unit.recall")
def recall(stage: Stage) -> Good:
    unit, case = stage.sent()
    return Good(stage.all, {"unit_id": unit}, {"case": case, "reason": "other_unit_nearer"})


@recipe("unit.redispatch")
def redispatch(stage: Stage) -> Good:
    unit, case = stage.sent()
    body = {"from_case": case, "to_case": stage.fire(), "reason": "more_urgent"}
    return Good(stage.all, {"unit_id": unit}, body)


@recipe("unit.move")
def move(stage: Stage) -> Good:
    post = stage.all.must("GET", f"/api/units/{stage.unit()}")["post"]
    where = {name: post[name] for name in ("lon", "lat")}
    return Good(stage.all, {"unit_id": stage.unit()}, {"place": where, "reason": "cover"})


@recipe("roster.plan")
def plan(stage: Stage) -> Good:
    return Good(stage.all, {"unit_id": stage.unit(False)}, _hours(1, 9))


@recipe("roster.drop")
def drop(stage: Stage) -> Good:
    unit = stage.unit(False)
    made = stage.all.must("POST", f"/api/units/{unit}/plan-duty", _hours(1, 9))
    return Good(stage.all, {"unit_id": unit}, {"duty": made["id"]})


# -- roads


def _closure() -> dict[str, Any]:
    points = [{"lon": WEST + STEP * x, "lat": SOUTH, "datum": "wgs84"} for x in (1.2, 1.8)]
    return {"reason": "burst_main", "points": points, **_hours(0.5, 2)}


@recipe("ring.show")
def ring(stage: Stage) -> Good:
    return Good(stage.all, query={"unit": stage.unit()})


@recipe("road.change")
def road_change(stage: Stage) -> Good:
    return Good(person_for(stage, "road.change"), {}, _closure())


@recipe("road.take_back")
def take_back(stage: Stage) -> Good:
    who = person_for(stage, "road.take_back")
    made = who.must("POST", "/api/roads/changes", _closure())
    return Good(who, {"change_id": made["change"]["id"]})


@recipe("place.search")
def place_search(stage: Stage) -> Good:
    return Good(stage.all, query={"q": "First"})


@recipe("place.near")
def place_near(stage: Stage) -> Good:
    return Good(stage.all, query={"lon": 24.905, "lat": 60.105})


# -- alarms and assets


@recipe("alarm.show")
def alarm_show(stage: Stage) -> Good:
    return Good(stage.all, {"alarm_id": stage.alarm()[0]})


def _alarm(verb: str, body: Any = None, kind: str = "panic") -> None:
    @recipe(f"alarm.{verb}")
    def _(stage: Stage) -> Good:
        return Good(stage.all, {"alarm_id": stage.alarm(kind)[0]}, body or {})


_alarm("acknowledge")
_alarm("shelve", {"for_s": 600, "reason": "roof works"}, "smoke")
_alarm("verify", {"level": 3, "evidence": "call_back"})


@recipe("alarm.reset")
def alarm_reset(stage: Stage) -> Good:
    _, button, address = stage.button()
    for signal in ("raised", "cleared"):
        stage.press(address, "intrusion", signal=signal)
    alarm = stage.all.must("GET", f"/api/alarms?which=all&asset={button}")["alarms"][0]
    return Good(stage.all, {"alarm_id": alarm["id"]}, {"reason": "a cat"})


@recipe("alarm.unshelve")
def unshelve(stage: Stage) -> Good:
    alarm = stage.alarm("smoke")[0]
    stage.all.must("POST", f"/api/alarms/{alarm}/shelve", {"for_s": 600, "reason": "roof"})
    return Good(stage.all, {"alarm_id": alarm}, {})


@recipe("alarm.cancel")
def cancel(stage: Stage) -> Good:
    alarm, site, _ = stage.alarm()
    stage.admin.must("POST", f"/api/assets/{site}/code", {"code": CODE})
    return Good(stage.all, {"alarm_id": alarm}, {"code": CODE})


def _drilled(stage: Stage) -> tuple[str, str]:
    """An alarm in a drill, and the drill."""
    site, button, address = stage.button()
    body = {"for_s": 1800, "reason": "exercise", "site": site}
    drills = stage.all.must("POST", "/api/drills", body)["drills"]
    drill = next(each["id"] for each in drills if each["scope"] == site)
    stage.press(address)
    alarm = stage.all.must("GET", f"/api/alarms?which=all&asset={button}")["alarms"][0]["id"]
    return alarm, drill


@recipe("alarm.declare_real")
def declare_real(stage: Stage) -> Good:
    return Good(stage.all, {"alarm_id": _drilled(stage)[0]}, {"reason": "an intruder"})


@recipe("alarm.behind")
def behind(stage: Stage) -> Good:
    stage.alarm()
    shown = stage.all.must("GET", "/api/alarms/scorecard")
    return Good(stage.all, {"code": shown["groups"][0]["readings"][0]["code"]})


@recipe("asset.create")
def asset_create(stage: Stage) -> Good:
    body = {"name": fresh("Hall"), "kind": "smoke-detector", "area": "county", "place": place()}
    return Good(stage.admin, {}, body)


@recipe("asset.show", "asset.upkeep", "asset.label", "asset.history")
def asset_show(stage: Stage) -> Good:
    return Good(stage.all, {"asset_id": stage.asset()})


@recipe("asset.change")
def asset_change(stage: Stage) -> Good:
    return Good(stage.admin, {"asset_id": stage.asset()}, {"name": fresh("Hall")})


@recipe("asset.import")
def asset_import(stage: Stage) -> Good:
    text = f"id,name,kind,area,lon,lat\r\n,{fresh('Hall')},smoke-detector,county,24.901,60.101\r\n"
    return Good(stage.admin, {}, text, media_type="text/csv")


@recipe("asset.retire")
def asset_retire(stage: Stage) -> Good:
    return Good(stage.admin, {"asset_id": stage.asset()}, {})


@recipe("asset.code")
def asset_code(stage: Stage) -> Good:
    return Good(stage.admin, {"asset_id": stage.asset("panel")}, {"code": CODE})


@recipe("asset.start_test")
def start_test(stage: Stage) -> Good:
    return Good(stage.all, {"asset_id": stage.asset()}, {"for_s": 600})


@recipe("asset.end_test")
def end_test(stage: Stage) -> Good:
    asset = stage.asset()
    stage.all.must("POST", f"/api/assets/{asset}/start-test", {"for_s": 600})
    return Good(stage.all, {"asset_id": asset}, {})


@recipe("asset.take_out")
def take_out(stage: Stage) -> Good:
    body = {"work_order": stage.case(), "reason": "housing broken"}
    return Good(stage.all, {"asset_id": stage.asset()}, body)


@recipe("asset.return")
def asset_return(stage: Stage) -> Good:
    asset = stage.asset()
    body = {"work_order": stage.case(), "reason": "housing broken"}
    stage.all.must("POST", f"/api/assets/{asset}/take-out", body)
    return Good(stage.all, {"asset_id": asset}, {})


@recipe("asset.plan_work")
def plan_work(stage: Stage) -> Good:
    body = {"reason": "new battery", **_hours(1, 3)}
    return Good(stage.all, {"asset_id": stage.asset()}, body)


@recipe("asset.work_order")
def work_order(stage: Stage) -> Good:
    return Good(stage.all, {"asset_id": stage.asset()}, {"reason": "housing loose"})


@recipe("drill.start")
def drill_start(stage: Stage) -> Good:
    body = {"for_s": 1800, "reason": "exercise", "site": stage.asset("panel")}
    return Good(stage.all, {}, body)


@recipe("drill.end")
def drill_end(stage: Stage) -> Good:
    return Good(stage.all, {"drill_id": _drilled(stage)[1]}, {})


READ_ONLY.update(
    {"unit.show", "unit.alerts", "ring.show", "place.search", "place.near", "alarm.show",
     "alarm.behind", "asset.show", "asset.upkeep", "asset.label", "asset.history"}
)  # fmt: skip
