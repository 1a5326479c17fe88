"""Whose units go unasked, who is asked, who is left alone; and what a shortfall says of each."""

from __future__ import annotations

import json

from tests.dispatching.towns import engine, fire, snapshot
from tocsin.dispatching.policies import POLICIES
from tocsin.dispatching.problem import Engagement, Need
from tocsin.dispatching.table import problem_bytes, problem_of, recomputed, table_bytes
from tocsin.dispatching.wording import reason_words, repair_words
from tocsin.kernel.shared import AreaId, CaseId, UnitId

closest = POLICIES["closest"]
HERE, THERE = AreaId("t0"), AreaId("t1")
CALL = fire(
    needs=(Need("engine", 3),),
    tiers=("county", "town"),
    on_request=("other-town",),
    areas=(AreaId("county"), HERE, AreaId("t0v0"), AreaId("t0v0c0")),
    ask_s=90.0,
)


def fleet() -> list[object]:
    return [
        engine("E1", tier="town", home_area=HERE, agency="fire-station@t0"),
        engine("E2", tier="town", home_area=THERE, agency="fire-station@t1"),
        engine("E3", tier="village", home_area=AreaId("t1v1"), agency="village-committee@t1v1"),
    ]


def test_an_own_one_goes_another_towns_is_asked_and_the_rest_is_left_alone() -> None:
    (advice,) = closest(snapshot(fleet(), [CALL], [[60.0], [120.0], [30.0]])).advice  # type: ignore[arg-type]
    assert [each.unit for each in advice.sent] == ["E1"]
    assert [each.unit for each in advice.ranked] == ["E1"], "nobody else is a candidate"
    (short,) = advice.shortfalls
    (repair,) = short.repairs
    assert (repair.code, repair.unit, repair.delay_s) == ("other_tier", "E2", 210.0)
    (why,) = repair.reasons
    assert dict(why.facts)["agency"] == "fire-station@t1"
    assert "must be asked (1:30)" in reason_words(why, "en")
    assert "须先请求" in reason_words(why, "zh-CN")


def test_an_agency_that_is_named_goes_before_its_tier() -> None:
    for name, sent in (("fire-station", ["E1", "E2"]), ("fire-station@t1", ["E1", "E2"])):
        call = fire(needs=CALL.needs, tiers=(*CALL.tiers, name), areas=CALL.areas, on_request=())
        (advice,) = closest(snapshot(fleet(), [call], [[60.0], [120.0], [30.0]])).advice  # type: ignore[arg-type]
        assert sorted(each.unit for each in advice.sent) == sent
        assert [each.code for each in advice.shortfalls[0].repairs] == ["none"]
    call = fire(needs=CALL.needs, tiers=("town",), areas=CALL.areas, on_request=("fire-station",))
    (advice,) = closest(snapshot(fleet(), [call], [[60.0], [120.0], [30.0]])).advice  # type: ignore[arg-type]
    assert advice.sent == (), "its own agency wants to be asked"


def test_a_wait_is_offered_where_it_is_the_cheapest_and_says_from_what() -> None:
    busy = Engagement(CaseId("x"), 3, free_in_s=300.0, status_s=750.0)
    units = [*fleet(), engine("E4", status="on_scene", is_available=False, engagement=busy)]
    near = snapshot(units, [CALL], [[60.0], [900.0], [30.0], [40.0]])  # type: ignore[arg-type]
    (advice,) = closest(near).advice
    repair = advice.shortfalls[0].repairs[0]
    assert (repair.code, repair.unit, repair.delay_s, repair.wait_s) == ("wait", "E4", 340.0, 300.0)
    assert repair_words(repair, "en") == "wait 5 min for E4, there in 5:40"
    assert repair_words(repair, "zh-CN") == "等待 E4 约 5 分钟，5:40 到达"
    assert "on scene for 12:30" in reason_words(repair.reasons[0], "en")
    far = snapshot(units, [CALL], [[60.0], [90.0], [30.0], [40.0]])  # type: ignore[arg-type]
    (advice,) = closest(far).advice
    assert advice.shortfalls[0].repairs[0].unit == "E2", "asking is quicker"


def test_both_recompute_to_the_last_byte() -> None:
    busy = Engagement(CaseId("x"), 3, free_in_s=300.0, status_s=750.0)
    units = [*fleet(), engine("E4", status="on_scene", is_available=False, engagement=busy)]
    problem = snapshot(units, [CALL], [[60.0], [120.0], [30.0], [40.0]])  # type: ignore[arg-type]
    kept = problem_bytes(problem)
    table = table_bytes(problem, closest(problem))
    assert recomputed(kept, table) == table
    assert problem_bytes(problem_of(kept)) == kept
    told = json.loads(table)["calls"][0]["shortfalls"][0]["repairs"]
    assert {each["code"] for each in told} == {"wait", "other_tier"}
    assert all(each["reasons"] for each in told)
    planted = table.replace(b'"free_in_s"', b'"free_in_s"').replace(b"340.0", b"341.0")
    assert recomputed(kept, planted) != planted


def test_a_snapshot_from_before_stays_as_it_was_written() -> None:
    problem = snapshot([engine("E1")], [fire()], [[60.0]])
    row = json.loads(problem_bytes(problem))
    later = {"agency", "status_s", "on_request", "ask_s", "areas"}
    assert later.isdisjoint(row["units"][0]) and later.isdisjoint(row["calls"][0])
    assert problem_of(problem_bytes(problem)).units[0].id == UnitId("E1")
