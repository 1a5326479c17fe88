"""What every store promises of units: one transaction with their cases, and one case a unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.contracts.conftest import Node
from tests.contracts.town import DISPATCHER, START, Town
from tests.kernel.towns import FIRE_ALARM
from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import VoidCase
from tocsin.kernel.coordination import JointDecision
from tocsin.kernel.shared import SYSTEM, AgencyId, AreaId, CaseId, Place, Refused, UnitId
from tocsin.kernel.units import vocabulary as words
from tocsin.kernel.units.evolve import fold
from tocsin.kernel.units.react import Alert
from tocsin.kernel.units.state import Unit, UnitFacts, UnitKind
from tocsin.runtime import codec
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import Committed, JournalEntry, Order, Position, UnitEntry
from tocsin.runtime.runner import Runner
from tocsin.runtime.verify import verify
from tocsin.stores.memory import MemoryVault
from tocsin.stores.memory.holds import MemoryHolds
from tocsin.stores.memory.redactions import MemoryRedactions
from tocsin.stores.postgres.store import PostgresStore

E36 = UnitId("e36")
ADD = words.AddUnit("E36", AgencyId("fire"), (AreaId("town-1"), AreaId("county")), "engine")


class Policies:
    """One policy for every case, one kind of unit."""

    def policy(self, pack_version: str, case_type: str) -> CasePolicy | None:
        return replace(FIRE_ALARM, clocks=())

    def current(self, case_type: str) -> CasePolicy | None:
        return FIRE_ALARM

    def unit_facts(self, agency: AgencyId | None) -> UnitFacts:
        return UnitFacts((UnitKind("engine"),))


class Ids:
    def __init__(self, node: Node) -> None:
        self.new = node.town.new_id


def engine_of(node: Node) -> Engine:
    return Engine(node.store, Policies(), node.town, Ids(node))


async def press(node: Node, command: words.Command, **how: Any) -> Committed:
    outcome = await engine_of(node).handle_unit(E36, command, by=DISPATCHER, **how)
    assert isinstance(outcome, Committed), outcome
    return outcome


async def on_duty(node: Node) -> None:
    await press(node, ADD)
    await press(node, words.StartDuty())


async def at_work(node: Node, agencies: Sequence[str] = ("fire",)) -> CaseId:
    order = node.town.opening(agencies=agencies, due_s=None)
    assert isinstance(await node.store.commit(order), Committed)
    return order.target


async def clean(node: Node) -> bool:
    report = await verify(node.store)  # pyright: ignore[reportArgumentType]
    return report.is_clean


async def test_unit_and_case_are_written_together(node: Node) -> None:
    await on_duty(node)
    case_id = await at_work(node)
    node.town.wait(30)
    sent = await press(node, words.SendUnit(case_id, "nearest"), expected_version=2, key="k")
    assert sent.unit is not None and sent.unit.unit.status == "dispatched"
    row = await node.store.unit(E36)
    assert row == sent.unit and row.version == 3
    board = await node.store.case(case_id)
    assert board is not None and board.case == sent.cases[case_id]
    (share,) = board.case.units
    assert (share.unit, share.name, share.status) == (E36, "E36", "dispatched")

    entries = await node.store.unit_journal(E36)
    assert [entry.version for entry in entries] == [1, 2, 3]
    events = tuple(event for entry in entries for event in entry.events)
    assert fold(Unit(E36), events) == row.unit
    *_, told = await node.store.journal(case_id)
    assert told.command == entries[-1].command
    assert await clean(node)

    again = await press(node, words.SendUnit(case_id, "nearest"), key="k")
    assert again.repeated and len(await node.store.unit_journal(E36)) == 3


async def test_both_journals_are_one_order(node: Node) -> None:
    await on_duty(node)
    case_id = await at_work(node)
    await press(node, words.SendUnit(case_id, "nearest"))
    everything = await node.store.tail_of_all(0, 100)
    kinds = [type(entry) for entry in everything]
    assert kinds.count(UnitEntry) == 3 and kinds.count(JournalEntry) == 2
    numbers = [entry.seq for entry in everything]
    assert numbers == sorted(set(numbers))
    assert await node.store.last_seq() == numbers[-1]
    cut = await node.store.tail_of_all(numbers[1], 2)
    assert [entry.seq for entry in cut] == numbers[2:4]
    assert [entry.seq for entry in await node.store.tail(0, 100)] == [
        entry.seq for entry in everything if isinstance(entry, JournalEntry)
    ]


async def test_refusals_change_nothing(node: Node) -> None:
    await on_duty(node)
    before = await node.store.last_seq()
    engine = engine_of(node)
    ghost = words.SendUnit(CaseId("ghost"), "nearest")
    outcome = await engine.handle_unit(E36, ghost, by=DISPATCHER)
    assert isinstance(outcome, Refused) and outcome.reason == "case_unknown"
    stale = await engine.handle_unit(E36, words.EndDuty("over"), by=DISPATCHER, expected_version=1)
    assert isinstance(stale, Refused) and stale.reason == "stale_version"
    unknown = await engine.handle_unit(UnitId("x"), words.EndDuty("over"), by=DISPATCHER)
    assert isinstance(unknown, Refused) and unknown.reason == "unit_unknown"
    assert await node.store.last_seq() == before
    assert await node.store.unit(UnitId("x")) is None


async def test_a_stacked_case_follows_the_first(node: Node) -> None:
    await on_duty(node)
    first, second = await at_work(node), await at_work(node)
    await press(node, words.SendUnit(first, "nearest"))
    await press(node, words.StackUnit(second, "same_street"))
    done = await press(node, words.ReportStatus("clear"))
    assert done.unit is not None and done.unit.unit.case == second
    assert {key for key, events in done.events.items() if events} == {first, second}
    assert await clean(node)


def stuck(case_id: CaseId) -> Any:
    """A plan with a bug: it sends a unit wherever it is asked to."""

    def plan(cases: Mapping[CaseId, Case], unit: Unit) -> JointDecision:
        return JointDecision(
            (words.UnitDispatched(START, DISPATCHER.id, case_id, "by_mistake"),), {}
        )

    return plan


async def test_the_store_itself_refuses_a_second_case(node: Node) -> None:
    await on_duty(node)
    first, second = await at_work(node), await at_work(node)
    await press(node, words.SendUnit(first, "nearest"))
    before = await node.store.last_seq()
    order = Order(
        (second,),
        CaseId(""),
        words.SendUnit(second, "by_mistake"),
        node.town.now(),
        DISPATCHER,
        lambda _: {},
        unit=E36,
        joint=stuck(second),
    )
    with pytest.raises((ValueError, asyncpg.UniqueViolationError)):
        await node.store.commit(order)
    assert await node.store.last_seq() == before
    assert await clean(node)


async def test_alerts_reach_a_crew_and_end_with_its_duty(node: Node) -> None:
    await on_duty(node)
    case_id = await at_work(node)
    await press(node, words.SendUnit(case_id, "nearest"))
    owed = await node.store.take_errands(node.town.now(), 0, 100)
    assert Alert(E36, case_id, "unit_sent") in [each.errand for each in owed]
    runner = Runner(engine_of(node))
    await runner.run_errands()
    (message,) = await node.store.inbox((f"unit:{E36}",), None, 10)
    assert (message.case_id, message.template) == (case_id, "unit_sent")
    node.town.wait(1)
    await press(node, words.RecallUnit(case_id, "not_needed"))
    await press(node, words.EndDuty("shift_over"))
    await runner.run_errands()
    assert len(await node.store.inbox((f"unit:{E36}",), None, 10)) == 1, "revoked before it came"


async def test_a_void_case_recalls_its_units(node: Node) -> None:
    await on_duty(node)
    case_id = await at_work(node)
    await press(node, words.SendUnit(case_id, "nearest"))
    engine = engine_of(node)
    outcome = await engine.handle(case_id, VoidCase("exercise"), by=DISPATCHER)
    assert isinstance(outcome, Committed)
    for _ in range(2):
        await Runner(engine).run_errands()
    row = await node.store.unit(E36)
    assert row is not None and (row.unit.status, row.unit.cases) == ("clear", ())
    recalled = (await node.store.unit_journal(E36))[-1]
    assert recalled.by.kind == SYSTEM.kind
    assert await clean(node)


# -- positions


def at(node: Node, lon: float = 24.94, ago_s: float = 0.0, unit: UnitId = E36) -> Position:
    now = node.town.now()
    return Position(unit, now - timedelta(seconds=ago_s), now, Place(lon, 60.17), 8.0, 90.0, 12.5)


async def test_only_the_newest_position_of_a_duty_unit_is_kept(node: Node) -> None:
    await on_duty(node)
    node.town.wait(60)
    assert await node.store.put_position(at(node, 24.95))
    assert await node.store.put_position(at(node, 24.00, ago_s=30)), "late, and older"
    assert await node.store.positions(node.town.at) == [at(node, 24.95)]
    node.town.wait(10)
    assert await node.store.put_position(at(node, 24.96))
    assert [each.place.lon for each in await node.store.positions(START)] == [24.96]
    assert await node.store.positions(node.town.wait(1)) == []


async def test_off_duty_nothing_is_taken_and_nothing_shown(node: Node) -> None:
    await press(node, ADD)
    assert not await node.store.put_position(at(node))
    assert not await node.store.put_position(at(node, unit=UnitId("ghost")))
    await press(node, words.StartDuty())
    assert not await node.store.put_position(at(node, ago_s=1)), "from before the duty"
    assert await node.store.put_position(at(node))
    await press(node, words.EndDuty("shift_over"))
    assert await node.store.positions(START) == []
    assert not await node.store.put_position(at(node))
    await press(node, words.StartDuty())
    assert await node.store.positions(START) == [], "the last shift's is gone, not hidden"


async def test_positions_expire(node: Node) -> None:
    await on_duty(node)
    await node.store.put_position(at(node))
    assert await node.store.forget_positions(node.town.now()) == 0
    assert await node.store.forget_positions(node.town.wait(1)) == 1
    assert await node.store.positions(START) == []


async def test_a_key_names_its_unit_until_it_is_revoked(node: Node) -> None:
    await press(node, ADD)
    await node.store.set_unit_key(E36, b"one")
    await node.store.set_unit_key(E36, b"two")
    assert await node.store.unit_of_key(b"one") is None
    assert await node.store.unit_of_key(b"two") == E36
    await node.store.set_unit_key(E36, None)
    assert await node.store.unit_of_key(b"two") is None


async def leaks(node: Node) -> list[str]:
    """Where a position shows that should not: in a journal or state, or of a unit off duty."""
    found: list[str] = []
    for entry in await node.store.tail_of_all(0, 1_000):
        said = codec.encode_events(entry.events) + codec.encode_command(entry.command)
        if b"24.9876" in said:
            found.append(f"journal {entry.seq}")
    for row in await node.store.units():
        if b"24.9876" in codec.encode_unit(row.unit):
            found.append(f"state {row.unit.id}")
    for shown in await node.store.positions(START):
        row = await node.store.unit(shown.unit)
        if row is None or not row.unit.is_on_duty:
            found.append(f"position of {shown.unit}")
    return found


async def test_positions_leak_nowhere_and_planted_leaks_are_found(node: Node) -> None:
    await on_duty(node)
    node.town.wait(1)
    case_id = await at_work(node)
    assert await node.store.put_position(at(node, 24.9876))
    await press(node, words.SendUnit(case_id, "nearest"))
    assert await leaks(node) == []
    await press(node, words.RecallUnit(case_id, "lon_24.9876"))
    assert len(await leaks(node)) >= 1, "planted in the journal"


async def test_a_planted_position_of_an_off_duty_unit_is_found(
    postgres_store: PostgresStore,
) -> None:
    """The read asks for the duty; here the unit's row is bent so that the question lets it pass."""
    town = Town()
    vault = MemoryVault(town)
    node = Node(postgres_store, vault, town, MemoryRedactions(vault, town), MemoryHolds(town))
    await on_duty(node)
    await node.store.put_position(at(node))
    await press(node, words.EndDuty("shift_over"))
    sql = "INSERT INTO unit_positions (unit_id, at, received_at, lon, lat) SELECT $1, $2, $2, 1, 1"
    await postgres_store.readers.fetchval(sql, E36, town.now())
    assert await node.store.positions(START) == [] and await leaks(node) == []
    await postgres_store.readers.fetchval("UPDATE units SET duty_started_at = $1", START)
    assert await leaks(node) == [f"position of {E36}"]
