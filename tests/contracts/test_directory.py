"""Directories and imported history, against a real PostgreSQL."""

from datetime import UTC, datetime

import asyncpg
import pytest

from tests.contracts.town import Town
from tocsin.kernel.shared import ActorId, AgencyId, Place
from tocsin.stores.postgres.directory import Directory, PackChanged
from tocsin.stores.postgres.history import History, HistoryRow, Reject
from tocsin.stores.postgres.store import PostgresStore

CLERK = ActorId("staff-7")


async def changes(dsn: str) -> list[tuple[str, str, bytes | None, bytes | None]]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT what, id_of, before, after FROM directory_changes ORDER BY id"
        )
        return [tuple(row) for row in rows]
    finally:
        await connection.close()


async def test_a_pack_version_is_kept_and_never_changes(postgres_store: PostgresStore) -> None:
    directory = Directory(postgres_store.readers, Town())
    assert await directory.save_pack("county@1", b"one")
    assert not await directory.save_pack("county@1", b"one")
    assert await directory.save_pack("county@2", b"two")
    with pytest.raises(PackChanged, match="county@1"):
        await directory.save_pack("county@1", b"other")
    assert await directory.packs() == {"county@1": b"one", "county@2": b"two"}


async def test_every_change_of_areas_and_agencies_is_traced(
    postgres_store: PostgresStore, fresh_database: str
) -> None:
    directory = Directory(postgres_store.readers, Town())
    assert await directory.areas() is None
    assert await directory.put_areas(b"{}", CLERK)
    assert not await directory.put_areas(b"{}", CLERK)
    assert await directory.put_areas(b"{1}", CLERK)
    assert await directory.areas() == b"{1}"
    one, two = AgencyId("fire"), AgencyId("police")
    assert await directory.put_agencies({two: b"2", one: b"1"}, CLERK) == [one, two]
    assert await directory.put_agencies({one: b"1", two: b"2b"}, CLERK) == [two]
    assert await directory.put_agencies({one: b"1"}, CLERK) == [two]
    assert await directory.agencies() == {one: b"1"}
    assert await changes(fresh_database) == [
        ("areas", "atlas", None, b"{}"),
        ("areas", "atlas", b"{}", b"{1}"),
        ("agencies", "fire", None, b"1"),
        ("agencies", "police", None, b"2"),
        ("agencies", "police", b"2", b"2b"),
        ("agencies", "police", b"2b", None),
    ]


async def test_history_may_be_imported_again(postgres_store: PostgresStore) -> None:
    history = History(postgres_store.readers)
    at = datetime(2024, 5, 1, tzinfo=UTC)
    rows = [
        HistoryRow("sf", str(n), "lighting", "closed", at, closed_at=at, place=Place(-122.4, 37.7))
        for n in range(5)
    ]
    rejects = [Reject("sf", 9, "bad_date", "opened"), Reject("sf", 3, "no_id", "")]
    assert await history.put_rows(rows + rows[:2], rejects) == 5
    later = HistoryRow("sf", "2", "lighting", "open", at, attributes={"colour": "\u0007 red"})
    assert await history.put_rows([*rows[:2], later], rejects) == 0
    (summary,) = await history.summary()
    assert (summary.rows, summary.closed, summary.rejected) == (5, 4, 2)
    assert summary.first_opened_at == at
    assert [reject.line for reject in await history.rejects("sf")] == [3, 9]
    assert await history.rejects("sf", after_line=3) == rejects[:1]
    assert await history.put_rows([]) == 0
