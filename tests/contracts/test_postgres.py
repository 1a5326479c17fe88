"""What only a real database can show: lost connections, bad data, two writers, tampering."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from tests.contracts.seeing import look
from tests.contracts.town import DISPATCHER, Town
from tocsin.kernel.cases.evolve import fold
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import AgencyId, CaseId, Refused
from tocsin.runtime.ports import CaseQuery, Committed, Order, Unavailable
from tocsin.runtime.verify import verify
from tocsin.stores.postgres.connections import is_usable_after, trouble_of
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.filling import multiply
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.stores.vault import MasterKeys

PATIENCE_S = 20.0


@asynccontextmanager
async def another(dsn: str, keys: MasterKeys) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(dsn, keys)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def sql(dsn: str, statement: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *values)]
    finally:
        await connection.close()


async def until(is_so: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await asyncio.sleep(0.005)


async def kill_connections(dsn: str) -> None:
    await sql(
        dsn,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


# -- many callers


async def test_many_orders_share_a_commit(postgres_store: PostgresStore) -> None:
    town = Town()
    orders = [town.opening(key=f"k{n}") for n in range(200)]
    outcomes = await asyncio.gather(*map(postgres_store.commit, orders))
    assert all(isinstance(outcome, Committed) for outcome in outcomes)
    assert postgres_store.figures["commits"] < 20
    assert await postgres_store.count(CaseQuery(open_only=True)) == 200
    assert (await verify(postgres_store)).is_clean


async def test_the_same_key_twice_in_one_batch_is_one_report(postgres_store: PostgresStore) -> None:
    town = Town()
    orders = [town.opening(key="same", fingerprint="f") for _ in range(5)]
    orders.append(town.opening(key="same", fingerprint="g"))
    outcomes = await asyncio.gather(*map(postgres_store.commit, orders))
    first, *others, reused = outcomes
    assert isinstance(first, Committed) and not first.repeated
    for other in others:
        assert isinstance(other, Committed) and other.repeated and other.answer == first.answer
    assert isinstance(reused, Refused) and reused.reason == "key_reused"
    assert await postgres_store.last_seq() == 1


async def test_orders_on_one_case_in_one_batch_build_on_each_other(
    postgres_store: PostgresStore,
) -> None:
    town = Town()
    opening = town.opening()
    orders = [opening, town.accepting(opening.target)]
    orders += [town.noting(opening.target, f"note {n}") for n in range(5)]
    outcomes = await asyncio.gather(*map(postgres_store.commit, orders))
    assert [outcome.versions[opening.target] for outcome in outcomes] == [1, 2, 3, 4, 5, 6, 7]  # type: ignore[union-attr]
    assert (await verify(postgres_store)).is_clean


# -- one bad order among many


async def test_a_data_error_in_one_order_leaves_the_others(postgres_store: PostgresStore) -> None:
    town = Town()
    orders = [town.opening() for _ in range(9)]
    orders[4] = town.opening(agencies=("nul\0nul",))
    orders[6] = town.opening(case_type="half a \ud800 pair")
    outcomes = await asyncio.gather(*map(postgres_store.commit, orders), return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        row = await postgres_store.case(orders[number].target)
        if number in (4, 6):
            assert isinstance(outcome, Exception) and not isinstance(outcome, Unavailable)
            assert row is None
        else:
            assert isinstance(outcome, Committed) and row is not None
    assert postgres_store.faults == 2
    assert (await verify(postgres_store)).is_clean


async def test_a_bug_in_one_plan_leaves_the_others(postgres_store: PostgresStore) -> None:
    def broken(_: Any) -> Any:
        raise AssertionError("our bug")

    town = Town()
    orders = [town.opening() for _ in range(5)]
    orders[2] = replace(orders[2], plan=broken)
    outcomes = await asyncio.gather(*map(postgres_store.commit, orders), return_exceptions=True)
    assert [isinstance(outcome, Committed) for outcome in outcomes] == [
        True, True, False, True, True,
    ]  # fmt: skip
    assert postgres_store.faults == 1


async def test_an_id_that_another_node_took_is_refused_not_overwritten(
    postgres_store: PostgresStore, fresh_database: str, master_keys: MasterKeys
) -> None:
    town = Town()
    order = town.opening()
    await postgres_store.commit(order)
    async with another(fresh_database, master_keys) as second:
        others = [town.opening(), order, town.opening()]
        outcomes = await asyncio.gather(*map(second.commit, others))
    assert isinstance(outcomes[1], Refused) and outcomes[1].reason == "already_exists"
    assert isinstance(outcomes[0], Committed) and isinstance(outcomes[2], Committed)
    assert (await verify(postgres_store)).is_clean


# -- lost connections


async def test_a_killed_connection_is_unavailable_and_recovers(
    postgres_store: PostgresStore, fresh_database: str
) -> None:
    town = Town()
    kept: list[CaseId] = []
    refused = 0
    stop = False

    async def caller() -> None:
        nonlocal refused
        while not stop:
            order = town.opening()
            try:
                outcome = await postgres_store.commit(order)
            except Unavailable as trouble:
                refused += 1
                assert trouble.retry_after_s > 0
                await asyncio.sleep(0.01)
            else:
                assert isinstance(outcome, Committed)
                kept.append(order.target)

    async def looker(look: Callable[[], Any]) -> None:
        """Whatever is read meanwhile may be unavailable, and nothing else."""
        while not stop:
            try:
                await look()
            except Unavailable:
                await asyncio.sleep(0.001)

    callers = [asyncio.create_task(caller()) for _ in range(8)]
    looks = (
        lambda: postgres_store.case(CaseId("nobody")),
        lambda: postgres_store.tail(0, 5),
        lambda: postgres_store.take_errands(town.at, 30, 1),
    )
    callers += [asyncio.create_task(looker(look)) for look in looks for _ in range(3)]
    for round_ in range(3):
        before = len(kept)
        await until(lambda before=before: len(kept) > before + 20)
        await kill_connections(fresh_database)
        await until(lambda round_=round_: refused > round_ or postgres_store.is_connected)
    before = len(kept)
    await until(lambda: len(kept) > before + 20)
    stop = True
    await asyncio.gather(*callers)
    for case_id in kept:
        assert await read_patiently(postgres_store, case_id) is not None
    assert (await verify(postgres_store)).is_clean


async def read_patiently(store: PostgresStore, case_id: CaseId) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await store.case(case_id)
            except Unavailable:
                await asyncio.sleep(0.01)


async def test_a_restarted_server_is_found_again(tmp_path: Path, master_keys: MasterKeys) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    server.start()
    try:
        store = PostgresStore(server.dsn, master_keys)
        await store.open()
        town = Town()
        first = town.opening()
        await store.commit(first)
        server.stop()
        await until(lambda: not store.is_connected)
        with pytest.raises(Unavailable):
            await store.commit(town.opening())
        with pytest.raises(Unavailable):
            await store.case(first.target)
        with pytest.raises(Unavailable):
            await store.take_errands(town.at, 30, 10)
        server.start()
        await until(lambda: store.is_connected)
        assert isinstance(await store.commit(town.opening()), Committed)
        assert await store.case(first.target) is not None
        assert list(await store.take_errands(town.at, 30, 10)) == []
        await store.close()
    finally:
        server.stop()


async def test_a_full_queue_is_unavailable(fresh_database: str, master_keys: MasterKeys) -> None:
    store = PostgresStore(fresh_database, master_keys, queue_max=5, group_commit_max=2)
    await store.open()
    town = Town()
    outcomes = await asyncio.gather(
        *(store.commit(town.opening()) for _ in range(20)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Unavailable)]
    assert 0 < len(refused) < 20
    assert await store.last_seq() == 20 - len(refused)
    await store.close()
    with pytest.raises(Unavailable):
        await store.commit(town.opening())


async def test_closing_finishes_what_is_queued(
    fresh_database: str, master_keys: MasterKeys
) -> None:
    town = Town()
    store = PostgresStore(fresh_database, master_keys)
    await store.open()
    tasks = [asyncio.create_task(store.commit(town.opening())) for _ in range(50)]
    await asyncio.sleep(0)
    await store.close()
    assert all(isinstance(outcome, Committed) for outcome in await asyncio.gather(*tasks))


@pytest.mark.parametrize(
    ("error", "retry_after_s", "is_usable"),
    [
        (asyncpg.AdminShutdownError("x"), 2, False),
        (asyncpg.ConnectionDoesNotExistError("x"), 2, False),
        (asyncpg.InternalClientError("used while its server dies"), 2, False),
        (asyncpg.InterfaceError("connection is closed"), 2, False),
        (ConnectionRefusedError(), 2, False),
        (TimeoutError(), 2, False),
        (asyncpg.DiskFullError("x"), 10, True),
        (asyncpg.QueryCanceledError("x"), 1, True),
        (asyncpg.DeadlockDetectedError("x"), 1, True),
        (asyncpg.UniqueViolationError("x"), None, True),
        (asyncpg.CharacterNotInRepertoireError("x"), None, True),
        (asyncpg.DataError("a value that cannot be encoded"), None, True),
        (AssertionError("our bug"), None, True),
    ],
)
def test_trouble_of_the_database_is_told_from_bad_data_and_bugs(
    error: Exception, retry_after_s: int | None, is_usable: bool
) -> None:
    trouble = trouble_of(error)
    assert (trouble and trouble.retry_after_s) == retry_after_s
    assert is_usable_after(error) is is_usable


# -- a full disk

FULL = """
CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER is_full BEFORE INSERT ON journal EXECUTE FUNCTION is_full();
"""


async def test_a_full_disk_refuses_and_recovers(
    postgres_store: PostgresStore, fresh_database: str
) -> None:
    """The server's own error code, raised where a full disk would raise it."""
    town = Town()
    connection = await asyncpg.connect(fresh_database)
    await connection.execute(FULL)
    orders = [town.opening(key=f"k{n}") for n in range(5)]
    outcomes = await asyncio.gather(*map(postgres_store.commit, orders), return_exceptions=True)
    for outcome in outcomes:
        assert isinstance(outcome, Unavailable) and outcome.retry_after_s >= 10
    assert await postgres_store.count(CaseQuery()) == 0
    assert postgres_store.faults == 0
    await connection.execute("DROP TRIGGER is_full ON journal")
    await connection.close()
    again = await asyncio.gather(*map(postgres_store.commit, orders))
    assert all(isinstance(outcome, Committed) and not outcome.repeated for outcome in again)


# -- two nodes on one database


async def test_merges_from_two_nodes_neither_deadlock_nor_disagree(
    postgres_store: PostgresStore, fresh_database: str, master_keys: MasterKeys
) -> None:
    town = Town()
    pairs: list[tuple[CaseId, CaseId]] = []
    for _ in range(20):
        one, two = town.opening(), town.opening()
        await asyncio.gather(postgres_store.commit(one), postgres_store.commit(two))
        pairs.append((one.target, two.target))
    async with another(fresh_database, master_keys) as second:
        there = [postgres_store.commit(town.merging(one, two)) for one, two in pairs]
        back = [second.commit(town.merging(two, one)) for one, two in pairs]
        outcomes = await asyncio.gather(*there, *back)
    merged = [outcome for outcome in outcomes if isinstance(outcome, Committed)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert len(merged) == len(refused) == 20
    assert {refusal.reason for refusal in refused} == {"already_merged"}
    assert (await verify(postgres_store)).is_clean


async def test_a_reader_of_the_tail_skips_nothing_while_two_nodes_write(
    postgres_store: PostgresStore, fresh_database: str, master_keys: MasterKeys
) -> None:
    town = Town()
    seen: list[int] = []
    done = asyncio.Event()

    async def follow() -> None:
        at = 0
        while True:
            is_last = done.is_set()
            entries = await postgres_store.tail(at, 50)
            seen.extend(entry.seq for entry in entries)
            at = seen[-1] if seen else 0
            if is_last and not entries:
                return

    follower = asyncio.create_task(follow())
    async with another(fresh_database, master_keys) as second:
        for _ in range(30):
            await asyncio.gather(
                *(store.commit(town.opening()) for store in (postgres_store, second) * 3)
            )
    done.set()
    await follower
    rows = await sql(fresh_database, "SELECT seq FROM journal ORDER BY seq")
    assert seen == [seq for (seq,) in rows] and len(seen) == 180


async def test_the_tail_waits_for_a_transaction_that_is_still_open(
    postgres_store: PostgresStore, fresh_database: str
) -> None:
    """Someone who writes without the journal's lock holds a number below: nobody may pass it."""
    town = Town()
    await postgres_store.commit(town.opening())
    slow = await asyncpg.connect(fresh_database)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute(
        "INSERT INTO journal (case_id, version, at, actor, command, events) "
        "SELECT 'slow', version, at, actor, command, events FROM journal"
    )
    await postgres_store.commit(town.opening())
    assert [entry.seq for entry in await postgres_store.tail(0, 10)] == [1]
    assert await postgres_store.last_seq() == 1
    await transaction.commit()
    await slow.close()
    assert [entry.seq for entry in await postgres_store.tail(0, 10)] == [1, 2, 3]


async def test_rows_of_another_cluster_are_read_after_a_start(
    postgres_store: PostgresStore, fresh_database: str, master_keys: MasterKeys
) -> None:
    """As after a plain pg_restore: the rows bear transaction numbers from elsewhere."""
    town = Town()
    for _ in range(3):
        await postgres_store.commit(town.opening())
    await sql(fresh_database, "UPDATE journal SET xid = '4000000000'")
    assert list(await postgres_store.tail(0, 10)) == []
    async with another(fresh_database, master_keys) as second:
        assert [entry.seq for entry in await second.tail(0, 10)] == [1, 2, 3]


async def test_an_errand_is_taken_by_one_of_two_nodes(
    postgres_store: PostgresStore, fresh_database: str, master_keys: MasterKeys
) -> None:
    town = Town()
    orders = [town.opening(agencies=("brigade",)) for _ in range(30)]
    await asyncio.gather(*map(postgres_store.commit, orders))
    async with another(fresh_database, master_keys) as second:
        taken = await asyncio.gather(
            *(store.take_errands(town.at, 30, 7) for store in (postgres_store, second) * 20)
        )
    keys = [due.key for part in taken for due in part]
    assert len(keys) == len(set(keys)) >= 30


# -- many


@pytest.mark.slow
async def test_a_hundred_thousand_timers_are_found_in_order_after_a_restart(
    postgres_store: PostgresStore, fresh_database: str, master_keys: MasterKeys
) -> None:
    town = Town()
    orders = [town.opening(due_s=600.0 * (n + 1)) for n in range(50)]
    await asyncio.gather(*map(postgres_store.commit, orders))
    assert await multiply(fresh_database, 100_000) == 99_950
    assert await postgres_store.count(CaseQuery()) == 100_000
    async with another(fresh_database, master_keys) as second:
        rows = await sql(
            fresh_database, "SELECT id, next_wake FROM cases ORDER BY next_wake, id LIMIT 500"
        )
        now = rows[-1][1]
        assert await second.oldest_wake() == rows[0][1]
        assert list(await second.waking(now, 500)) == [case_id for case_id, _ in rows]
        assert list(await second.waking(rows[0][1] - timedelta(seconds=1), 500)) == []
        # The copies are whole: the journal of each folds to its row's state.
        entry = (await second.journal(rows[-1][0]))[0]
        row = await second.case(rows[-1][0])
        assert row is not None
        assert fold(Case(row.case.id), entry.events) == row.case
        # Work goes on beside them.
        assert isinstance(await second.commit(town.opening()), Committed)


# -- verify finds what was tampered with


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE cases SET version = 9", "version: board 9, journal 1"),
        ("UPDATE cases SET due_at = due_at + interval '1 hour'", "column: due_at"),
        ("UPDATE cases SET is_open = false", "column: is_open"),
        ("UPDATE cases SET updated_at = now()", "updated_at"),
        (
            "UPDATE cases SET state = convert_to(replace(convert_from(state, 'UTF8'), "
            "'\"priority\":3', '\"priority\":1'), 'UTF8')",
            "state: priority",
        ),
        ("DELETE FROM case_agencies", "column: agencies"),
        ("UPDATE case_agencies SET agency = 'other'", "column: agencies"),
        ("UPDATE case_agencies SET status = 'filed'", "column: agencies"),
        ("DELETE FROM cases", "on the journal, not on the board"),
        ("DELETE FROM journal", "on the board, not in the journal"),
        ("UPDATE journal SET version = 2", "journal versions have gaps or repeats"),
    ],
)
async def test_verify_finds_a_tampered_row(
    postgres_store: PostgresStore, fresh_database: str, statement: str, found: str
) -> None:
    town = Town()
    opening = town.opening(agencies=("brigade",))
    await postgres_store.commit(opening)
    assert (await verify(postgres_store)).is_clean
    await sql(fresh_database, statement)
    report = await verify(postgres_store)
    assert found in [difference.what for difference in report.shown]
    assert {difference.case_id for difference in report.shown} == {opening.target}


# -- what is sealed is nowhere else


def dumped(server: EmbeddedPostgres, dsn: str) -> bytes:
    command = [str(server.programs.path("pg_dump")), dsn, "--inserts"]
    return subprocess.run(command, capture_output=True, check=True).stdout


CANARY = "Canary 7f3a lives at Lintukatu 12, 鸟街十二号"


async def test_sealed_words_are_nowhere_in_the_database(
    postgres_store: PostgresStore,
    postgres_server: EmbeddedPostgres,
    fresh_database: str,
    master_keys: MasterKeys,
) -> None:
    town = Town()
    opening = town.opening(words=CANARY, contact=CANARY, key="k", fingerprint=CANARY)
    note = town.noting(opening.target, CANARY)
    for order in (opening, note):
        assert isinstance(await postgres_store.commit(order), Committed)
    vault = PostgresVault(postgres_store.readers, master_keys, town)
    refs = [value.ref for order in (opening, note) for value in order.sealed]
    found = await look(vault, refs, opening.target, by=DISPATCHER)
    assert {value for value, _ in found.values()} == {CANARY.encode()}

    dump = dumped(postgres_server, fresh_database)
    assert opening.target.encode() in dump, "the dump must hold what is not sealed"
    for part in (CANARY, "Canary 7f3a", "Lintukatu", "鸟街"):
        assert part.encode() not in dump
        assert part.encode().hex().encode() not in dump
    # The check can fail: the same words outside the vault are found.
    await sql(fresh_database, "UPDATE cases SET lead = $1", CANARY)
    assert CANARY.encode() in dumped(postgres_server, fresh_database)


async def test_an_error_never_shows_what_was_sealed(postgres_store: PostgresStore) -> None:
    town = Town()
    bad = town.opening(words=CANARY, case_type="nul\0", agencies=(AgencyId("a"),))
    with pytest.raises(Exception) as caught:
        await postgres_store.commit(bad)
    assert "Canary" not in repr(caught.value) and "Canary" not in str(caught.value)


async def test_an_alarm_does_not_wait_behind_a_flood(
    postgres_store: PostgresStore,
) -> None:
    town = Town()
    ended: list[str] = []

    async def send(name: str, order: Order) -> None:
        await postgres_store.commit(order)
        ended.append(name)

    flood = [send("report", town.opening()) for _ in range(3_000)]
    tasks = [asyncio.create_task(each) for each in flood]
    await asyncio.sleep(0)  # all of them are waiting now
    alarm = town.opening(is_urgent=True)
    tasks.append(asyncio.create_task(send("alarm", alarm)))
    await asyncio.gather(*tasks)
    # The one group that was under way, and the few that go along.
    assert ended.index("alarm") <= 3 * 256
    assert len(ended) == 3_001
