"""Lives go first at every queue, and nobody waits for ever: on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.contracts.town import Town
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId
from tocsin.runtime.lanes import AHEAD_S, LANES, SHARES, owed_from
from tocsin.runtime.ports import Order, Unavailable
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.writer import GROUP_COMMIT_MAX, HOLD_WRITERS, QUEUE_MAX


async def _ended(store: PostgresStore, dsn: str, orders: Sequence[tuple[str, Order]]) -> list[str]:
    """The names of the orders as they were answered. All of them wait before the first commit:
    somebody else holds the writers meanwhile."""
    ended: list[str] = []

    async def send(name: str, order: Order) -> None:
        await store.commit(order)
        ended.append(name)

    holder: Any = await asyncpg.connect(dsn)
    try:
        async with holder.transaction():
            await holder.execute(HOLD_WRITERS)
            tasks = [asyncio.create_task(send(*each)) for each in orders]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
    finally:
        await holder.close()
    return ended


async def test_a_life_overtakes_everything_but_the_commit_under_way(
    postgres_store: PostgresStore, fresh_database: str
) -> None:
    town = Town()
    flood = [("routine", town.opening()) for _ in range(1_000)]
    flood += [("people", town.opening(is_urgent=True)) for _ in range(300)]
    life = ("life", town.opening(is_urgent=True, is_life_safety=True))
    ended = await _ended(postgres_store, fresh_database, [*flood, life])
    # At most one commit was under way, and its own group begins with it.
    largest = GROUP_COMMIT_MAX + GROUP_COMMIT_MAX // SHARES["routine"]
    assert ended.index("life") <= largest


async def test_a_flood_of_lives_stops_nobody(
    postgres_store: PostgresStore, fresh_database: str
) -> None:
    town = Town()
    flood = [("life", town.opening(is_life_safety=True)) for _ in range(1_200)]
    ended = await _ended(postgres_store, fresh_database, [*flood, ("routine", town.opening())])
    # The commit under way, and the next one, in which a few of every lane go along.
    assert ended.index("routine") <= 2 * GROUP_COMMIT_MAX
    assert len(ended) == 1_201


async def test_overload_turns_routine_away_and_nobody_else(
    postgres_store: PostgresStore, fresh_database: str
) -> None:
    town = Town()
    holder: Any = await asyncpg.connect(fresh_database)
    waiting: list[asyncio.Task[Any]] = []
    try:
        async with holder.transaction():
            await holder.execute(HOLD_WRITERS)
            waiting = [
                asyncio.create_task(postgres_store.commit(town.opening()))
                for _ in range(QUEUE_MAX + GROUP_COMMIT_MAX)
            ]
            await asyncio.sleep(0)
            with pytest.raises(Unavailable) as refused:
                await postgres_store.commit(town.opening())
            assert refused.value.retry_after_s >= 1
            life = asyncio.create_task(postgres_store.commit(town.opening(is_life_safety=True)))
            await asyncio.sleep(0)
            assert not life.done()
            for task in waiting:
                task.cancel()
        await life
    finally:
        await holder.close()
        await asyncio.gather(*waiting, return_exceptions=True)


def test_errands_of_lives_stand_in_line_as_if_older() -> None:
    town = Town()
    routine = Case(CaseId("a"), profile="routine", priority=4)
    life = Case(CaseId("b"), profile="emergency", priority=2)
    top = Case(CaseId("c"), profile="routine", priority=1)
    now = town.at
    assert owed_from(now, life) < owed_from(now, routine) == now
    assert owed_from(now, top) == owed_from(now, None) == owed_from(now, life)
    # What is older than that is not overtaken: routine never waits for ever.
    before = now - timedelta(seconds=AHEAD_S + 1)
    assert owed_from(before, routine) < owed_from(now, life)


async def test_errands_of_a_life_are_taken_before_a_flood_that_waited(
    postgres_store: PostgresStore,
) -> None:
    town = Town()
    for _ in range(60):
        await postgres_store.commit(town.opening(agencies=("works",)))
    town.wait(AHEAD_S / 2)
    life = town.opening(agencies=("rescue",), profile="emergency")
    await postgres_store.commit(life)
    taken = await postgres_store.take_errands(town.wait(1), 60.0, 500)
    is_life = [each.case_id == life.target for each in taken]
    first = is_life.index(False)
    assert first > 0 and len(taken) > 60
    assert all(is_life[:first]) and not any(is_life[first:])


def test_every_lane_has_a_share() -> None:
    assert tuple(SHARES) == LANES and min(SHARES.values()) >= 1


async def test_a_lease_of_a_clock_that_was_ahead_is_recalled(
    postgres_store: PostgresStore,
) -> None:
    town = Town()
    assert await postgres_store.recall_errands(town.at, 60.0) == 0
    order = town.opening(agencies=("agency",))
    await postgres_store.commit(order)
    ahead = town.at + timedelta(hours=1)
    taken = await postgres_store.take_errands(ahead, 60.0, 50)
    assert taken, "opening a case owes something"
    assert await postgres_store.take_errands(town.at, 60.0, 50) == []
    assert await postgres_store.recall_errands(ahead, 60.0) == 0
    assert await postgres_store.recall_errands(town.at, 60.0) == len(taken)
    again = await postgres_store.take_errands(town.at, 60.0, 50)
    assert {each.key for each in again} == {each.key for each in taken}
