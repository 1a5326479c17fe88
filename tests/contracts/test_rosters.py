"""What every store promises of planned duties: none overlaps, and each change leaves its trace."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.conftest import Node
from tests.contracts.test_units import ADD, E36, on_duty, press
from tests.contracts.town import START
from tocsin.kernel.shared import ActorId, Instant, UnitId
from tocsin.kernel.units.state import Unit
from tocsin.runtime.rosters import DUTY_MAX, LATE_AFTER, OVER_AFTER, PlannedDuty, gaps, unsound

PLANNER = ActorId("petra")
HOUR = timedelta(hours=1)


def duty(first: float, last: float, name: str = "d1", unit: UnitId = E36) -> PlannedDuty:
    return PlannedDuty(name, unit, START + first * HOUR, START + last * HOUR, 4, "day")


async def planned(node: Node, each: PlannedDuty) -> bool:
    return await node.store.plan_duty(each, START, PLANNER)


async def test_a_planned_duty_is_read_back_and_dropped_once(
    node: Node, database: str | None
) -> None:
    await press(node, ADD)
    assert await planned(node, duty(1, 3))
    assert list(await node.store.planned_duties(START, START + 2 * HOUR)) == [duty(1, 3)]
    assert list(await node.store.planned_duties(START + 3 * HOUR, START + 4 * HOUR)) == []
    assert not await node.store.drop_duty("d1", UnitId("other"), START, PLANNER)
    assert await node.store.drop_duty("d1", E36, START, PLANNER)
    assert not await node.store.drop_duty("d1", E36, START, PLANNER)
    if database is not None:
        connection = await asyncpg.connect(database)
        try:
            sql = "SELECT actor, id_of, before IS NULL, after IS NULL FROM directory_changes"
            rows = await connection.fetch(f"{sql} WHERE what = 'roster' ORDER BY id")
        finally:
            await connection.close()
        assert [tuple(row) for row in rows] == [
            ("petra", "d1", True, False),
            ("petra", "d1", False, True),
        ]


@pytest.mark.parametrize(
    ("first", "last", "is_free"),
    [(0, 1, True), (3, 4, True), (0, 1.5, False), (2.5, 4, False), (0, 4, False), (1.5, 2, False)],
)
async def test_duties_of_a_unit_do_not_overlap(
    node: Node, first: float, last: float, is_free: bool
) -> None:
    await press(node, ADD)
    assert await planned(node, duty(1, 3))
    assert await planned(node, duty(first, last, "d2")) is is_free
    assert len(await node.store.planned_duties(START, START + 9 * HOUR)) == 1 + is_free


async def test_an_unknown_unit_is_not_planned(node: Node) -> None:
    assert not await planned(node, duty(1, 3))
    assert list(await node.store.planned_duties(START, START + 9 * HOUR)) == []


async def test_of_two_planners_at_once_one_is_refused(node: Node) -> None:
    await on_duty(node)
    tries = (planned(node, duty(n * 0.1, 2 + n * 0.1, f"d{n}")) for n in range(8))
    assert sorted(await asyncio.gather(*tries)) == [False] * 7 + [True]


# -- the rules, which need no store


def a_unit(began: Instant | None) -> Unit:
    return Unit(E36, "available" if began else "off_duty", duty_started_at=began)


@pytest.mark.parametrize(
    ("began_h", "now_s", "expected"),
    [
        (None, 3_600, None),
        (None, 3_600 + LATE_AFTER.total_seconds(), "missing"),
        (0.9, 5_400, None),
        (0.9, 3 * 3_600 + 60, None),
        (0.9, 3 * 3_600 + OVER_AFTER.total_seconds(), "overdue"),
        (3.5, 4 * 3_600, None),  # it came back, unplanned
        (None, 4 * 3_600, None),
    ],
)
def test_who_is_missing_and_who_is_over(
    began_h: float | None, now_s: float, expected: str | None
) -> None:
    unit = a_unit(None if began_h is None else START + began_h * HOUR)
    found = gaps([unit], [duty(1, 3)], START + timedelta(seconds=now_s))
    assert [each.gap for each in found] == ([expected] if expected else [])
    assert gaps([unit], [], START + timedelta(seconds=now_s)) == []


def test_a_crew_that_relieves_at_once_leaves_no_gap() -> None:
    duties = [duty(0, 2), duty(2, 4, "d2")]
    unit = a_unit(START)
    for minute in range(0, 240, 5):
        assert gaps([unit], duties, START + timedelta(minutes=minute)) == []


@given(st.integers(-200, 200), st.integers(-200, 200))
def test_an_impossible_period_is_refused(first: int, last: int) -> None:
    refused = unsound(duty(first, last))
    assert (refused is None) is (timedelta() < (last - first) * HOUR <= DUTY_MAX)
