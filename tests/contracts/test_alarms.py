"""What every store promises of alarms: on disk before the answer, once, and never swallowed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest
from msgspec.structs import replace as with_

from tests.contracts.conftest import Node
from tests.contracts.devices import INTAKE, KEEPER, SOURCE, County, county_of
from tests.contracts.seeing import look
from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.decide import REPEAT_BLIND_S, REPEAT_S
from tocsin.kernel.alarms.evolve import fold
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.assets import vocabulary as asset_words
from tocsin.kernel.cases import vocabulary as case_words
from tocsin.kernel.shared import SYSTEM, AlarmId, AssetId, CaseId, Place, Refused
from tocsin.runtime import codec
from tocsin.runtime.alarm_opening import scope_of
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.ports import AlarmEntry, AlarmQuery, AssetQuery, Committed, JournalEntry
from tocsin.runtime.runner import Runner
from tocsin.runtime.verify import verify
from tocsin.stores.postgres.store import PostgresStore


@pytest.fixture
def county(node: Node) -> County:
    return county_of(node)


async def clean(county: County) -> bool:
    report = await verify(county.node.store)  # pyright: ignore[reportArgumentType]
    assert report.is_clean, report.shown
    return report.alarms > 0


async def cases_of(county: County) -> list[str]:
    entries = await county.node.store.tail(0, 10_000)
    return sorted({entry.case_id for entry in entries})


async def test_an_alarm_and_its_case_are_written_together(county: County) -> None:
    asset = await county.add("1234/5")
    answer = await county.told("1234/5", "110", session="a", sequence=7, text="zone five")
    alarm = await county.alarm(answer.alarm)
    assert (alarm.condition, alarm.is_latched, alarm.level) == ("active", True, 1)
    assert alarm.about is not None and alarm.about.kind == "smoke" and alarm.about.asset == asset
    board = await county.node.store.case(alarm.case or CaseId(""))
    assert board is not None and board.case.case_type == "smoke-alarm"
    assert board.case.status == "dispatched", "an emergency is sent at once"
    everything = await county.node.store.tail_of_all(0, 100)
    kinds = sorted(type(each).__name__ for each in everything)
    assert kinds == ["AlarmEntry", "AssetEntry", "JournalEntry"]
    assert alarm.signal is not None and alarm.signal.text is not None
    opened = await look(
        county.node.vault, [alarm.signal.text], scope_of(alarm.signal.text), by=KEEPER
    )
    (text, _) = opened[alarm.signal.text]
    assert b"zone five" in text and b"1234/5" in text
    assert board.case.reports[0].description == alarm.signal.text
    entries = await county.node.store.alarm_journal(alarm.id)
    assert fold(Alarm(alarm.id), (e for entry in entries for e in entry.events)) == alarm
    assert await clean(county)


async def test_a_repeat_is_one_within_its_session_and_window(county: County) -> None:
    await county.add("1")
    first = await county.told("1", "110", session="a", sequence=1)
    again = await county.told("1", "110", session="a", sequence=1)
    assert again.repeated and again.alarm == first.alarm
    assert (await county.alarm(first.alarm)).occurrences == 1
    county.node.town.wait(REPEAT_S + 1)
    late = await county.told("1", "110", session="a", sequence=1)
    assert not late.repeated and (await county.alarm(first.alarm)).occurrences == 2


async def test_a_restarted_panel_reports_a_second_fire(county: County) -> None:
    """The same number, the same words: another session is another fire."""
    await county.add("1")
    first = await county.told("1", "110", session="a", sequence=1)
    await county.command(first.alarm, words.AcknowledgeAlarm())
    second = await county.told("1", "110", session="b", sequence=1)
    assert not second.repeated and second.alarm == first.alarm
    alarm = await county.alarm(second.alarm)
    assert alarm.occurrences == 2 and not alarm.is_acknowledged
    assert len(await cases_of(county)) == 1, "it is linked to the case that is open"


async def test_without_a_session_only_a_retry_at_once_is_a_repeat(county: County) -> None:
    await county.add("1")
    first = await county.told("1", "110", sequence=1)
    county.node.town.wait(REPEAT_BLIND_S - 1)
    assert (await county.told("1", "110", sequence=1)).repeated
    county.node.town.wait(2)
    assert not (await county.told("1", "110", sequence=1)).repeated
    assert (await county.alarm(first.alarm)).occurrences == 2


async def test_what_is_said_to_be_new_is_new_and_what_follows_may_be_a_repeat_of_it(
    county: County,
) -> None:
    """The number of a delivery is used again; the protocol says whether it was sent before."""
    await county.add("1")
    first = await county.told("1", "110", key="7-on", is_new=True)
    assert (await county.told("1", "110", key="7-on")).repeated
    county.node.town.wait(REPEAT_BLIND_S - 1)
    assert not (await county.told("1", "110", key="7-on", is_new=True)).repeated
    county.node.town.wait(2)  # the first would be out of the window by now; the second is not
    assert (await county.told("1", "110", key="7-on")).repeated
    assert (await county.alarm(first.alarm)).occurrences == 2


async def test_a_message_that_tells_nothing_apart_is_never_a_repeat(county: County) -> None:
    await county.add("1", "button")
    first = await county.told("1", "panic")
    second = await county.told("1", "panic")
    assert not second.repeated and second.alarm == first.alarm
    assert (await county.alarm(first.alarm)).occurrences == 2


async def test_what_nobody_knows_is_kept_and_shown(county: County) -> None:
    answer = await county.told("9/9", "ZZ9", text="what?")
    alarm = await county.alarm(answer.alarm)
    assert alarm.about is not None and alarm.about.kind == "unclear" and alarm.is_announced
    assert alarm.about.areas == (county.desk.openings.county,)
    asset = await county.asset(AssetId(answer.asset))
    assert asset.status == "found" and asset.about.wires == ((SOURCE, "9/9"),)
    smoke = await county.told("9/9", "110")
    found = await county.alarm(smoke.alarm)
    assert found.case is None and found.case_missing == "place_missing" and found.is_announced
    assert await clean(county)


async def test_a_found_device_is_registered_and_keeps_its_alarms(county: County) -> None:
    answer = await county.told("9/9", "110")
    other = county.desk.engine
    about = (await county.asset(AssetId(answer.asset))).about
    taken = await other.handle_asset(
        AssetId("new"),
        asset_words.AddAsset(replace(about, kind="panel", areas=(county.desk.openings.county,))),
        by=KEEPER,
    )
    assert isinstance(taken, Refused) and taken.reason == "asset_wire_taken"
    named = asset_words.AddAsset(
        replace(about, name="Hall", kind="panel", areas=(county.desk.openings.county,))
    )
    assert isinstance(await county.on_asset(AssetId(answer.asset), named), Committed)
    again = await county.told("9/9", "110", session="x")
    assert again.alarm == answer.alarm


async def test_one_open_alarm_of_a_kind_and_device(county: County) -> None:
    """Many at once, over one desk and over two: one alarm, one case."""
    await county.add("1")
    other = county_of(county.node)
    messages = [
        (county if n % 2 else other).told("1", "110", session=f"s{n}", sequence=1)
        for n in range(40)
    ]
    answers = await asyncio.gather(*messages)
    assert len({each.alarm for each in answers}) == 1
    assert (await county.alarm(answers[0].alarm)).occurrences == 40
    assert len(await cases_of(county)) == 1
    assert await clean(county)


async def test_the_database_holds_the_constraint_too(
    county: County, fresh_database: str, request: pytest.FixtureRequest
) -> None:
    """A rule with a bug fails its transaction; it does not make a second open alarm."""
    if not isinstance(county.node.store, PostgresStore):
        pytest.skip("the reference has its own check, below")
    await county.add("1")
    answer = await county.told("1", "110")
    connection = await asyncpg.connect(fresh_database)
    try:
        with pytest.raises(asyncpg.UniqueViolationError, match="alarm_open_once"):
            await connection.execute(
                "INSERT INTO alarms SELECT 'twin', state, version, updated_at, asset_id, kind,"
                " condition, standing, is_open, is_announced, site, case_id, cause, opened_at,"
                " next_wake FROM alarms WHERE id = $1",
                answer.alarm,
            )
    finally:
        await connection.close()


async def test_a_plan_that_opens_a_second_alarm_fails(county: County) -> None:
    """The planted bug: it looks for no open alarm."""
    await county.add("1")
    first = await county.told("1", "110")
    row = await county.node.store.alarm(AlarmId(first.alarm))
    assert row is not None and row.alarm.about is not None and row.alarm.signal is not None
    raised = words.RaiseAlarm(row.alarm.about, row.alarm.signal)
    from tocsin.kernel.alarming import DeviceFacts
    from tocsin.runtime.device_ports import DeviceOrder

    def never(scene: object) -> object:
        raise AssertionError

    twin = DeviceOrder(AssetId("asset-1"), never, alarm=AlarmId("twin"))  # pyright: ignore[reportArgumentType]
    with pytest.raises((ValueError, asyncpg.UniqueViolationError)):
        await county.desk.engine.commit_device(twin, raised, DeviceFacts(), by=INTAKE)
    assert [alarm.id for alarm in await county.open_alarms()] == [first.alarm]


async def test_alarms_of_one_site_share_a_case(county: County) -> None:
    gateway = await county.add("panel", "panel")
    for zone in range(12):
        await county.add(f"z{zone}", gateway=gateway)
    answers = await asyncio.gather(
        *(county.told(f"z{zone}", "110", sequence=zone) for zone in range(12))
    )
    assert len({each.alarm for each in answers}) == 12
    assert len(await cases_of(county)) == 1
    (case,) = await cases_of(county)
    rows = await county.node.store.alarms(AlarmQuery(case=CaseId(case)))
    assert len(rows) == 12
    opened = [row for row in rows if row.alarm.first_case == case]
    assert len(opened) == 12 and await clean(county)


async def test_the_end_of_the_case_flows_back(county: County) -> None:
    await county.add("1")
    answer = await county.told("1", "110")
    alarm = await county.alarm(answer.alarm)
    await county.told("1", "110", "cleared")
    cleared = await county.alarm(answer.alarm)
    assert cleared.condition == "cleared" and cleared.is_open, "its case is still open"
    assert alarm.case is not None
    engine = county.desk.engine
    ended = await engine.handle(alarm.case, case_words.VoidCase("mistake"), by=KEEPER)
    assert isinstance(ended, Committed), ended
    await Runner(engine).run_errands()
    after = await county.alarm(answer.alarm)
    assert (after.condition, after.outcome, after.handled) == ("closed", "unknown", (alarm.case,))
    await county.told("1", "110", session="later")
    assert len(await cases_of(county)) == 2, "a new fire is a new case"
    assert await clean(county)


async def _close(county: County, case: str) -> None:
    ended = await county.desk.engine.handle(CaseId(case), case_words.VoidCase("mistake"), by=KEEPER)
    assert isinstance(ended, Committed), ended


async def test_a_fire_between_the_end_of_its_case_and_the_errand_has_a_case(
    county: County,
) -> None:
    """The case is over and its alarm has not heard of it: the second fire is a matter of its own,
    whatever comes first, and the errand that comes late changes nothing of it."""
    await county.add("1")
    first = await county.told("1", "110", session="a", sequence=1)
    case = (await county.alarm(first.alarm)).case
    assert case is not None
    await _close(county, case)
    again = await county.told("1", "110", session="b", sequence=1)
    alarm = await county.alarm(again.alarm)
    assert alarm.case not in (None, case) and alarm.handled == (case,)
    board = await county.node.store.case(alarm.case or CaseId(""))
    assert board is not None and board.case.is_open
    await Runner(county.desk.engine).run_errands()
    after = await county.alarm(again.alarm)
    assert after.case == alarm.case and not after.is_acknowledged and after.is_announced
    assert await clean(county)


async def test_a_button_pressed_in_that_moment_is_no_part_of_the_end(county: County) -> None:
    await county.add("1", "button")
    first = await county.told("1", "panic")
    case = (await county.alarm(first.alarm)).case
    assert case is not None
    await _close(county, case)
    again = await county.told("1", "panic")
    await Runner(county.desk.engine).run_errands()
    alarm = await county.alarm(again.alarm)
    assert alarm.condition == "active" and alarm.case not in (None, case)
    assert await clean(county)


async def test_nobody_joins_a_case_that_is_over(county: County) -> None:
    """Many at once, over one commit: one of them touches an alarm whose case has just ended."""
    gateway = await county.add("panel", "panel")
    for zone in range(12):
        await county.add(f"z{zone}", gateway=gateway)
    first = await county.told("z0", "110", sequence=0)
    case = (await county.alarm(first.alarm)).case
    assert case is not None
    await _close(county, case)
    row = await county.node.store.alarm(AlarmId(first.alarm))
    assert row is not None
    answers = await asyncio.gather(
        county.desk.command(row, words.AcknowledgeAlarm(), by=KEEPER),
        *(county.told(f"z{zone}", "110", sequence=zone) for zone in range(1, 12)),
    )
    cases = {(await county.alarm(each.alarm)).case for each in answers[1:]}
    assert len(cases) == 1 and case not in cases and None not in cases
    assert await clean(county)


async def test_an_alarm_that_follows_its_case_too_late_hears_of_the_end(county: County) -> None:
    """Its case was merged, and the other one ended before the errand of the merge came."""
    await county.add("1")
    await county.add("2", place=Place(24.909, 60.101), areas=("t1", "county"))
    one = await county.alarm((await county.told("1", "110")).alarm)
    two = await county.alarm((await county.told("2", "110")).alarm)
    assert one.case is not None and two.case is not None and one.case != two.case
    engine = county.desk.engine
    merged = await engine.handle(
        one.case, case_words.MergeCase(two.case, 1.0, ("by_hand",)), by=KEEPER
    )
    assert isinstance(merged, Committed), merged
    board = await engine.store.case(one.case)
    assert board is not None
    for task in board.case.tasks:
        for step in (case_words.AcknowledgeTask, case_words.StartTask, case_words.ClaimTaskDone):
            done = await engine.handle(one.case, step(task.id), by=SYSTEM)
            assert isinstance(done, Committed), done
    over = await engine.handle(one.case, case_words.VerifyCase("false_alarm"), by=KEEPER)
    assert isinstance(over, Committed), over
    followed = await county.command(two.id, words.FollowAlarmCase(one.case), SYSTEM)
    assert isinstance(followed, Committed), followed
    alarm = await county.alarm(two.id)
    assert alarm.case is None and one.case in alarm.handled and alarm.is_announced
    await Runner(engine).run_errands()
    assert (await county.alarm(two.id)).handled == alarm.handled
    assert await clean(county)


async def test_a_gap_is_counted_as_possibly_lost(county: County) -> None:
    await county.add("1")
    await county.told("1", "", "heard", session="a", sequence=10)
    gap = await county.told("1", "", "heard", session="a", sequence=14)
    assert gap.lost == 3
    assert (await county.told("1", "110", session="a", sequence=16)).lost == 1
    assert (await county.told("1", "", "heard", session="b", sequence=1)).lost == 0
    await county.desk.flush()
    (sign,) = await county.node.store.signs()
    assert (sign.lost, sign.messages, sign.sequence) == (4, 4, 1)
    again = county_of(county.node)
    await again.desk.load()
    assert again.desk.book.track(AssetId("asset-1")).lost == 4, "also after a restart"


async def test_signs_of_life_leave_the_journal_alone(county: County) -> None:
    await county.add("1")
    before = await county.node.store.last_seq()
    for n in range(20):
        await county.told("1", "", "heard", sequence=n, values={"battery_percent": 90.0 - n})
    assert await county.node.store.last_seq() == before
    (sign,) = await county.node.store.signs()
    assert sign.readings == {"battery_percent": 71.0}


async def test_a_reading_beyond_its_limit_is_an_alarm_with_a_dead_band(county: County) -> None:
    await county.add("1", "gas-detector")
    for value in (3.0, 9.9, 10.5, 9.0, 11.0, 8.5):
        await county.told("1", "", "heard", values={"gas_lel_percent": value})
    (alarm,) = await county.open_alarms()
    assert alarm.about is not None and (alarm.about.kind, alarm.condition) == ("gas", "active")
    assert alarm.occurrences == 1, "on the edge it is one alarm and not three"
    await county.told("1", "", "heard", values={"gas_lel_percent": 7.0})
    (alarm,) = await county.open_alarms()
    assert alarm.condition == "cleared", "and still its case is open"


async def test_bad_messages_are_refused_and_leave_nothing(county: County) -> None:
    await county.add("1")
    before = await county.node.store.last_seq()
    for bad in (
        {"device": ""},
        {"kind": ""},
        {"signal": "shouted"},
        {"device": "x" * 500},
        {"text": "nul\0"},
        {"text": "\ud800"},
        {"sequence": -1},
        {"values": {"level_m": float("nan")}},
        {"zone": "z" * 100},
    ):
        message = with_(IncomingAlarm(SOURCE, "1", "110", "raised"), **bad)
        answer = await county.desk.receive(message, INTAKE)
        assert isinstance(answer, Refused) and answer.reason == "alarm_bad_value", bad
    assert await county.node.store.last_seq() == before


async def test_what_is_stored_is_read_again(county: County) -> None:
    asset = await county.add("1")
    answer = await county.told("1", "110", session="a", sequence=1, zone="5")
    alarm = await county.alarm(answer.alarm)
    assert codec.decode_alarm(codec.encode_alarm(alarm)) == alarm
    kept = await county.asset(asset)
    assert codec.decode_asset(codec.encode_asset(kept)) == kept
    assert await county.node.store.wires() == {(SOURCE, "1"): asset}
    listed = await county.node.store.assets(AssetQuery(kinds=("smoke-detector",)))
    assert [row.asset.id for row in listed] == [asset]
    (entry,) = [e for e in await county.node.store.tail_of_all(0, 50) if isinstance(e, AlarmEntry)]
    assert entry.alarm_id == alarm.id and isinstance(entry.command, words.RaiseAlarm)
    told = [e for e in await county.node.store.tail_of_all(0, 50) if isinstance(e, JournalEntry)]
    assert told[0].command == entry.command


async def test_a_tested_device_answers_and_raises_nothing(county: County) -> None:
    asset = await county.add("1", "button")
    answer = await county.told("1", "panic", "tested")
    assert isinstance(answer, AlarmReceived) and answer.alarm == ""
    assert (await county.asset(asset)).last_tested_at == county.node.town.now()
    assert await county.open_alarms() == []
