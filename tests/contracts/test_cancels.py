"""Taking alarms back on every store: two at once, against everybody else, too late, and by a panel.

Whatever the order, nothing is lost: the case stands or was ended by the pack's rule, the story says
who took what back, and the board is what the journal says.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contracts.conftest import Node
from tests.contracts.devices import INTAKE, KEEPER, County, county_of
from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.state import CODES_MAX, Alarm
from tocsin.kernel.cases import vocabulary as case_words
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import AlarmId, AssetId, CaseId, Refused
from tocsin.runtime.alarm_ports import AlarmReceived
from tocsin.runtime.ports import Committed
from tocsin.runtime.runner import Runner
from tocsin.runtime.verify import verify

CODE = "blue 4471"


@pytest.fixture
async def county(node: Node) -> County:
    made = county_of(node)
    site = await made.add("school", "panel")
    for each in ("office", "gate"):
        await made.add(each, "button", gateway=site)
    await set_code(made, site)
    return made


async def set_code(county: County, site: AssetId) -> None:
    codes = county.desk.codes
    assert await codes.set(site, CODE, at=county.node.town.now(), by=KEEPER) is None


async def take_back(county: County, alarm: str, code: str = CODE) -> Committed | Refused:
    row = await county.node.store.alarm(AlarmId(alarm))
    assert row is not None
    return await county.desk.take_back(row, code, by=INTAKE)


async def case_of(county: County, case: str | None) -> Case:
    row = await county.node.store.case(CaseId(case or ""))
    assert row is not None
    return row.case


async def told(county: County, alarm: str) -> list[type[Any]]:
    entries = await county.node.store.alarm_journal(AlarmId(alarm))
    return [type(event) for entry in entries for event in entry.events]


async def clean(county: County) -> None:
    report = await verify(county.node.store)  # pyright: ignore[reportArgumentType]
    assert report.is_clean and report.alarms > 0, report.shown


async def press(county: County, button: str = "office", **how: Any) -> Alarm:
    answer = await county.told(button, "panic", **how)
    return await county.alarm(answer.alarm)


async def test_two_who_take_it_back_at_once_are_one(county: County) -> None:
    alarm = await press(county)
    other = county_of(county.node)  # another node on the same store
    await other.desk.load()
    outcomes = await asyncio.gather(
        *(take_back(each, alarm.id) for each in (county, other) for _ in range(8))
    )
    assert all(isinstance(each, Committed) for each in outcomes), outcomes
    events = await told(county, alarm.id)
    assert events.count(words.AlarmCancelled) == 1 and words.AlarmCancelRefused not in events
    case = await case_of(county, alarm.case)
    assert (case.is_open, case.priority, case.cancels) == (True, 2, 1)
    await clean(county)


@pytest.mark.parametrize("turn", range(6))
async def test_against_whoever_verifies_and_whoever_drives(county: County, turn: int) -> None:
    """In whatever order they come, the case stands, and everybody's word is in the story."""
    alarm = await press(county)
    assert alarm.case is not None
    engine = county.desk.engine
    board = await case_of(county, alarm.case)
    work = [
        take_back(county, alarm.id),
        county.command(alarm.id, words.VerifyAlarm(4, "call_back")),
        county.command(alarm.id, words.AcknowledgeAlarm()),
        engine.handle(alarm.case, case_words.AcknowledgeTask(board.tasks[0].id), by=KEEPER),
        engine.handle(alarm.case, case_words.StartTask(board.tasks[0].id), by=KEEPER),
        county.told("gate", "panic"),
    ]
    outcomes = await asyncio.gather(*(work[turn:] + work[:turn]))
    refused = [each.reason for each in outcomes if isinstance(each, Refused)]
    assert set(refused) <= {"not_from_here", "alarm_not_from_here", "case_closed"}, refused
    events = await told(county, alarm.id)
    assert words.AlarmCancelled in events and words.AlarmVerified in events
    gate = next(each for each in await county.open_alarms() if each.about.asset == "asset-gate")  # pyright: ignore[reportOptionalMemberAccess]
    assert gate.case is not None and (await case_of(county, gate.case)).is_open
    assert gate.cancelled_at is None and gate.condition == "active"
    await Runner(engine).run_errands()
    await clean(county)


async def test_after_the_end_of_its_case_it_changes_nothing_of_that(county: County) -> None:
    alarm = await press(county)
    assert alarm.case is not None
    engine = county.desk.engine
    ended = await engine.handle(alarm.case, case_words.VoidCase("mistake"), by=KEEPER)
    assert isinstance(ended, Committed), ended
    before = await case_of(county, alarm.case)
    assert isinstance(await take_back(county, alarm.id), Committed)  # its errand has not run
    after = await case_of(county, alarm.case)
    assert (after.status, after.disposition) == (before.status, before.disposition)
    await Runner(engine).run_errands()
    late = await take_back(county, alarm.id)
    assert not isinstance(late, Refused) or late.reason == "alarm_not_from_here"
    again = await press(county)
    assert again.case not in (None, alarm.case), "the next press is a matter of its own"
    assert again.condition == "active" and (await case_of(county, again.case)).is_open
    await clean(county)


async def test_many_wrong_codes_are_told_and_never_hold_the_button(county: County) -> None:
    alarm = await press(county)
    row = await county.node.store.alarm(alarm.id)
    assert row is not None
    for _ in range(2):
        tries = (take_back(county, alarm.id, f"wrong {n}") for n in range(5))
        assert all(isinstance(each, Committed) for each in await asyncio.gather(*tries))
    locked = await county.alarm(alarm.id)
    assert locked.wrong_codes == CODES_MAX and not locked.is_acknowledged
    await take_back(county, alarm.id)
    assert (await county.alarm(alarm.id)).cancelled_at is None, "no code is taken any more"
    assert (await told(county, alarm.id)).count(words.AlarmCancelRefused) == 11
    pressed = await press(county)
    assert pressed.occurrences == 2 and not pressed.is_acknowledged
    other = await press(county, "gate")
    assert isinstance(await take_back(county, other.id), Committed)
    assert (await county.alarm(other.id)).cancelled_at is not None, "another button's is"
    await clean(county)


# -- by a panel


async def panel(county: County) -> None:
    shop = await county.add("0123", "panel")
    for zone in ("1/5", "2/6"):
        await county.add(f"0123/{zone}", "intrusion-detector", gateway=shop)
    await county.add("01234/1/5", "intrusion-detector")


async def say(county: County, code: str, device: str = "0123", vouched: Any = "proven") -> str:
    answer = await county.say(device, code, "cancelled", vouched=vouched, sender="0123")
    assert isinstance(answer, AlarmReceived), answer
    return answer.alarm


async def burglar(county: County, at: str = "0123/1/5", level: int = 2) -> Alarm:
    answer = await county.told(at, "130")
    if level > 1:
        await county.command(answer.alarm, words.VerifyAlarm(level, "key_holder"))
    return await county.alarm(answer.alarm)


@pytest.mark.parametrize("code", ["406", "BC", "OC", "OR"])
async def test_a_panel_takes_back_its_own_and_the_rule_of_the_pack_closes(
    county: County, code: str
) -> None:
    await panel(county)
    mine, other = await burglar(county), await burglar(county, "01234/1/5")
    assert mine.case is not None and other.case is not None
    assert await say(county, code) == mine.id
    after = await county.alarm(mine.id)
    assert after.cancelled_at is not None and after.outcome == "false" and after.case is None
    assert not (await case_of(county, mine.case)).is_open
    assert (await county.alarm(other.id)).cancelled_at is None, "that of another account is not"
    await say(county, code)
    assert (await told(county, mine.id)).count(words.AlarmCancelled) == 1, "said again it is heard"
    await clean(county)


async def test_in_clear_it_is_linked_and_a_person_looks(county: County) -> None:
    await panel(county)
    alarm = await burglar(county)
    await county.command(alarm.id, words.AcknowledgeAlarm())
    await say(county, "406", vouched="said")
    after = await county.alarm(alarm.id)
    assert after.cancelled_at is not None and not after.is_acknowledged
    assert (after.condition, after.case) == ("active", alarm.case), "what goes on goes on"
    case = await case_of(county, alarm.case)
    assert case.is_open and case.cancels == 1
    await clean(county)


async def test_an_area_takes_back_its_own_and_only_notes_what_names_none(county: County) -> None:
    await panel(county)
    one, two = await burglar(county, level=1), await burglar(county, "0123/2/6", level=1)
    keypad = await county.told("0123", "120")
    await say(county, "406", "0123/1")
    assert (await county.alarm(one.id)).cancelled_at is not None
    assert (await county.alarm(two.id)).cancelled_at is None
    noted = await county.alarm(keypad.alarm)
    assert noted.cancelled_at is not None and noted.case is not None, "linked, and it stands"
    assert (await case_of(county, noted.case)).priority == 1
    await clean(county)


async def test_late_of_another_kind_and_under_duress_it_takes_nothing_back(county: County) -> None:
    await panel(county)
    alarm = await burglar(county)
    fire = await county.told("0123/1/5", "110")
    silent = await county.told("0123/1/5", "121")
    await say(county, "BC")
    assert (await county.alarm(fire.alarm)).cancelled_at is None
    assert (await county.alarm(silent.alarm)).cancelled_at is None
    await say(county, "406")
    smoke = await county.alarm(fire.alarm)
    assert smoke.cancelled_at is not None and smoke.case and smoke.condition == "active"
    assert (await county.alarm(silent.alarm)).cancelled_at is None
    late = await burglar(county, "0123/2/6")
    county.node.town.wait(301)
    await say(county, "406")
    after = await county.alarm(late.id)
    assert after.cancelled_at is None and not after.is_acknowledged and after.case == late.case
    assert (await told(county, late.id))[-1] is words.AlarmCancelRefused
    assert (await county.alarm(alarm.id)).cancelled_at is not None
    await clean(county)


async def test_one_that_comes_with_everything_else_ends_no_case_with_a_unit(county: County) -> None:
    """Many at once: the cancel, a second raise, and a person who verifies."""
    await panel(county)
    alarm = await burglar(county)
    outcomes = await asyncio.gather(
        say(county, "406"),
        county.told("0123/1/5", "130", session="later"),
        county.command(alarm.id, words.VerifyAlarm(4, "call_back")),
        say(county, "406"),
        return_exceptions=True,
    )
    assert not [each for each in outcomes if isinstance(each, BaseException)], outcomes
    events = await told(county, alarm.id)
    assert events.count(words.AlarmRaisedAgain) + events.count(words.AlarmOpened) == 2
    after = await county.alarm(alarm.id)
    is_raised_last = events[::-1].index(words.AlarmRaisedAgain) < events[::-1].index(
        words.AlarmCancelled
    )
    assert not is_raised_last or after.condition == "active"
    await clean(county)
