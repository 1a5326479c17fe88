"""Changes of roads, in every store: kept until they end, with a row that says who changed what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.contracts.conftest import Node
from tocsin.kernel.shared import ActorId, Place
from tocsin.runtime.road_ports import RoadClosure
from tocsin.stores.memory.store import MemoryStore
from tocsin.stores.postgres.store import PostgresStore

AT = datetime(2026, 11, 23, 2, 0, 0, 250_000, tzinfo=UTC)
ADA, BEA = ActorId("ada"), ActorId("bea")
WHOLE = RoadClosure(
    *("r1", AT, ADA, "burst_main", None, AT, AT + timedelta(hours=1)),
    (Place(24.9, 60.1), Place(24.91, 60.1)),
    *(True, (3, 4, 9), "digest"),
)


def store_of(node: Node) -> MemoryStore | PostgresStore:
    assert isinstance(node.store, MemoryStore | PostgresStore)
    return node.store


async def test_a_change_is_read_as_it_was_kept_until_it_ends(node: Node) -> None:
    store = store_of(node)
    later = replace(WHOLE, id="r0", factor=1.5, starts_at=AT + timedelta(days=1), ends_at=None)
    for each in (WHOLE, later, WHOLE):
        await store.put_closure(each)
    assert list(await store.closures(AT)) == [later, WHOLE], "by id, each once"
    assert [each.holds(AT) for each in (WHOLE, later)] == [True, False]
    assert list(await store.closures(AT + timedelta(hours=1))) == [later]
    assert not WHOLE.holds(AT + timedelta(hours=1)) and WHOLE.holds(AT)
    told = list(await store.road_changes())
    assert told == [(AT, ADA, "r1", True), (AT, ADA, "r0", True)]


async def test_taking_back_has_its_row_too(node: Node) -> None:
    store = store_of(node)
    await store.put_closure(WHOLE)
    assert await store.take_back_closure("r1", BEA, AT + timedelta(minutes=1)) == WHOLE
    for unknown in ("r1", "ghost", "\0"):
        assert await store.take_back_closure(unknown, BEA, AT) is None
    assert list(await store.closures(AT)) == []
    told = list(await store.road_changes())
    assert told == [(AT, ADA, "r1", True), (AT + timedelta(minutes=1), BEA, "r1", False)]


async def test_what_has_ended_is_forgotten_and_its_row_stays(node: Node) -> None:
    store = store_of(node)
    await store.put_closure(WHOLE)
    await store.put_closure(replace(WHOLE, id="r2", ends_at=None))
    assert await store.forget_closures(AT + timedelta(hours=1)) == 0
    assert await store.forget_closures(AT + timedelta(days=31)) == 1
    assert [each.id for each in await store.closures(AT)] == ["r2"]
    assert len(list(await store.road_changes())) == 2
