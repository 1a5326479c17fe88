"""Who falls silent: told by class, once, under its cause, and never for an outage of ours."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.conftest import Node
from tests.contracts.devices import KEEPER, County, county_of
from tocsin.kernel.alarms import vocabulary as alarm_words
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.assets import vocabulary as asset_words
from tocsin.kernel.cases import vocabulary as case_words
from tocsin.kernel.cases.react import EndAlarms
from tocsin.kernel.shared import AlarmId, AssetId, CaseId
from tocsin.runtime.ports import AlarmQuery, Committed
from tocsin.runtime.runner import Runner
from tocsin.runtime.supervision import Wheel
from tocsin.runtime.verify import verify

MEMBERS = 800


@pytest.fixture
def county(node: Node) -> County:
    return county_of(node)


async def silent(county: County) -> list[Alarm]:
    found = await county.open_alarms()
    return [each for each in found if each.about is not None and each.about.kind == "supervision"]


async def ends_of(county: County, alarm: AlarmId) -> tuple[int, int]:
    """How often the journal has the end of its case, and its own."""
    entries = await county.node.store.alarm_journal(alarm)
    events = [event for entry in entries for event in entry.events]
    kinds = alarm_words.AlarmOutcomeRecorded, alarm_words.AlarmClosed
    told, closed = (sum(isinstance(event, kind) for event in events) for kind in kinds)
    return told, closed


async def test_the_errand_of_an_end_that_runs_twice_ends_nobody_twice(county: County) -> None:
    """A runner that dies between the work and its note: another does the whole of it again."""
    gateway = await county.add("g", "gateway", supervision="SP5")
    for n in range(3):
        await county.add(f"d{n}", gateway=gateway, supervision="SP5")
    await county.told("g", "", "heard")
    await county.turn(1)
    for _ in range(100):
        await county.turn(1)
    alarms = await silent(county)
    (case,) = {each.case for each in alarms}
    assert case is not None and len(alarms) == 4
    for address in ("g", "d0", "d1", "d2"):
        await county.told(address, "", "heard")
    ended = await county.desk.engine.handle(case, case_words.VoidCase("mistake"), by=KEEPER)
    assert isinstance(ended, Committed), ended
    now = county.node.town.now()
    due = await county.node.store.take_errands(now, 60.0, 100)
    (end,) = [each for each in due if isinstance(each.errand, EndAlarms)]
    for _ in range(2):
        await Runner(county.desk.engine)._do(end, now)  # pyright: ignore[reportPrivateUsage]
    assert [await ends_of(county, each.id) for each in alarms] == [(1, 1)] * 4


async def test_a_silent_device_is_told_by_its_class_and_once(county: County) -> None:
    asset = await county.add("1", supervision="SP6")
    await county.told("1", "", "heard")
    assert await county.turn(19) == 0
    await county.told("1", "", "heard")
    assert await county.turn(19) == 0 and await silent(county) == []
    assert await county.turn(4) == 1
    (alarm,) = await silent(county)
    assert alarm.about is not None and alarm.about.asset == asset and alarm.is_announced
    now = county.node.town.now()
    assert county.supervision.reach(await county.asset(asset), now) == "offline"
    assert await county.turn(60) == 0, "it is told once"
    await county.told("1", "", "heard")
    (alarm,) = await silent(county)
    assert alarm.condition == "cleared"
    assert county.supervision.reach(await county.asset(asset), now) == "online"


async def test_unknown_after_our_own_outage_is_not_offline(county: County) -> None:
    asset = await county.add("1", supervision="SP6")
    await county.told("1", "", "heard")
    await county.turn(5)
    county.node.town.wait(3_600)  # nobody turned the wheel: we were away
    assert await county.turn(10) == 0
    now = county.node.town.now()
    assert county.supervision.reach(await county.asset(asset), now) == "unknown"
    assert county.supervision.outages == 1
    assert await county.turn(15) == 1, "and from then on its time runs"


async def test_planned_work_mutes_the_silence_and_the_recovery(county: County) -> None:
    asset = await county.add("1", supervision="SP6")
    now = county.node.town.now()
    work = asset_words.PlanAssetWork(now, now + timedelta(seconds=60), "battery")
    assert isinstance(await county.on_asset(asset, work), Committed)
    await county.told("1", "", "heard")
    assert await county.turn(25) == 1
    (alarm,) = await silent(county)
    assert alarm.standing == "planned_work" and alarm.case is None and not alarm.is_announced
    await county.told("1", "", "heard")
    assert await silent(county) == [], "it closed without anybody hearing of it"


async def test_eight_hundred_behind_a_dead_gateway_are_one_case(county: County) -> None:
    gateway = await county.add("g", "gateway", supervision="SP5")
    for n in range(MEMBERS):
        await county.add(f"d{n:03d}", gateway=gateway, supervision="SP5")
    await county.told("g", "", "heard")
    await county.turn(1)
    late = 0
    for _ in range(100):
        late += await county.turn(1)
    assert late == MEMBERS + 1
    alarms = await silent(county)
    assert len(alarms) == MEMBERS + 1
    cases = {each.case for each in alarms}
    assert len(cases) == 1 and None not in cases
    (root,) = [each for each in alarms if each.cause is None]
    assert root.about is not None and root.about.asset == gateway
    members = [each for each in alarms if each.cause == gateway]
    assert len(members) == MEMBERS and all(each.standing == "suppressed" for each in members)
    assert all(each.about is not None and each.about.is_life_safety for each in members)
    (case,) = cases
    assert case is not None
    for n in range(MEMBERS):
        await county.told(f"d{n:03d}", "", "heard")
    await county.told("g", "", "heard")
    assert len(await silent(county)) == MEMBERS + 1, "they end together, with their case"
    ended = await county.desk.engine.handle(case, case_words.VoidCase("mistake"), by=KEEPER)
    assert isinstance(ended, Committed), ended
    # Two processes look for errands at once, and one of them comes again.
    runners = Runner(county.desk.engine), Runner(county.desk.engine)
    await asyncio.gather(*(each.run_errands() for each in runners))
    await runners[0].run_errands()
    assert await silent(county) == []
    rows = await county.node.store.alarms(AlarmQuery(limit=2_000))
    assert len(rows) == MEMBERS + 1
    assert {row.alarm.condition for row in rows} == {"closed"}
    assert {row.alarm.handled for row in rows} == {(CaseId(case),)}
    for row in rows:
        assert await ends_of(county, row.alarm.id) == (1, 1), "the end is told once"
    report = await verify(county.node.store)  # pyright: ignore[reportArgumentType]
    assert report.is_clean, report.shown[:3]


async def test_silence_behind_a_gateway_without_supervision_names_it(county: County) -> None:
    gateway = await county.add("g", "gateway")
    for n in range(6):
        await county.add(f"d{n}", gateway=gateway, supervision="SP6")
    await county.turn(30)
    roots = [each for each in await silent(county) if each.cause is None]
    assert [each.about.asset for each in roots if each.about is not None] == [gateway]


# -- the wheel -------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 30), st.floats(0, 500)), max_size=60),
    st.lists(st.floats(0.1, 40), min_size=1, max_size=60),
)
def test_the_wheel_gives_out_each_once_and_never_early(
    laid: list[tuple[int, float]], steps: list[float]
) -> None:
    wheel, due, now = Wheel(), dict[AssetId, float](), 1_000.0
    wheel.turn(now)
    for number, after_s in laid:
        due[AssetId(f"a{number}")] = now + after_s
        wheel.lay(AssetId(f"a{number}"), now + after_s)
    found: list[AssetId] = []
    for step in (*steps, 1_000.0):
        now += step
        given_out = wheel.turn(now)
        assert all(due[each] <= now for each in given_out)
        found += given_out
    assert sorted(found) == sorted(due) and len(wheel) == 0
