"""Everything that is written is in the log once, in order, whatever happens in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from tests.contracts.seeing import look, permit_for
from tests.log.conftest import BY, Sealed, verify
from tocsin.kernel.shared import CaseId, SealedRef
from tocsin.runtime.log_ports import LogBroken
from tocsin.runtime.ports import Unavailable
from tocsin.runtime.sight_ports import Wish
from tocsin.stores.log.leaves import SOURCES
from tocsin.stores.postgres.backup import backup
from tocsin.stores.postgres.directory import Directory


async def rows(dsn: str, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def run(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for each in statements:
            await connection.execute(each)
    finally:
        await connection.close()


async def test_every_table_that_is_only_added_to_is_a_source(sealed: Sealed) -> None:
    named = await rows(
        sealed.dsn,
        "SELECT DISTINCT table_schema || '.' || table_name FROM information_schema.columns "
        "WHERE table_schema IN ('public', 'vault') AND (column_name = 'xid' "
        "OR table_name ~ '(journal|changes|grants|erasures)$')",
    )
    plain = {"public.road_changes"}  # those in force; who changed them is in the directory's
    assert {row[0] for row in named} - plain == {source.table for source in SOURCES}


async def test_a_town_is_sealed_and_checked(
    sealed: Sealed, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = await sealed.some_cases(30)
    await Directory(sealed.store.readers, sealed.town).save_pack("county@1", b"\x00\xff pack")
    await look(sealed.vault, [SealedRef(f"d-{ids[0]}")], ids[0], by=BY)
    assert await sealed.log.catch_up() == 30 + 60 + 1 + 3
    bundle, state = await sealed.bundle(), sealed.folder / "state.json"
    assert verify(bundle, "--state", state, "--complete") == 0
    told = capsys.readouterr().out
    assert sealed.keys.public[0] in told, "the first time it says whose key it believes"
    assert "94 entries, 94 of them signed" in told

    for case_id in ids[:10]:
        await sealed.store.commit(sealed.town.accepting(case_id))
    await sealed.log.catch_up()
    assert verify(await sealed.bundle(), "--state", state) == 0
    order = await rows(sealed.dsn, "SELECT id FROM log.leaves WHERE source = 'case' ORDER BY idx")
    assert order == sorted(order), "the order of commits"


async def test_a_backup_and_a_dump_as_text_are_checked_too(
    sealed: Sealed, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = await sealed.some_cases(12)
    await look(sealed.vault, [SealedRef(f"d-{ids[0]}")], ids[0], by=BY)
    odd = Wish(ids[1], (ids[1], CaseId('odd, "{id}\\ one')), "test")
    await sealed.vault.permit([odd], by=BY, purpose="handling")
    await sealed.vault.ask(
        replace(odd, needs=("broad", "closed")), by=BY, purpose="handling", reason="needed_now"
    )
    await sealed.log.catch_up()
    path, _ = await backup(sealed.dsn, sealed.folder / "town.tar", at=sealed.town.at)
    key, hashes = sealed.keys.public[0], sealed.folder / "log" / "tiles.0"
    assert verify(path, "--key", key, "--hashes", hashes, "--complete") == 0
    assert verify(path) == 2, "a dump says no key"
    await run(sealed.dsn, "UPDATE journal SET at = at + interval '1 s' WHERE seq = 5")
    other, _ = await backup(sealed.dsn, sealed.folder / "other.tar", at=sealed.town.at)
    assert verify(other, "--key", key, "--hashes", hashes) == 1
    assert "(case 5, case " in capsys.readouterr().out
    assert verify(other, "--key", key) == 1
    assert "entries 0 to 40" in capsys.readouterr().out, "without the hashes it names the span"


async def test_an_erasure_leaves_every_proof_valid(sealed: Sealed) -> None:
    ids = await sealed.some_cases(5)
    await sealed.log.catch_up()
    note = sealed.folder / "before"
    note.write_text(sealed.log.checkpoint() or "")
    state = sealed.folder / "state.json"
    assert verify(await sealed.bundle(), "--state", state) == 0
    subject = (await rows(sealed.dsn, "SELECT subject FROM vault.keys ORDER BY case_id"))[0][0]
    erased = await sealed.vault.erase(ids[0], str(subject), by=BY, reason="request")
    assert erased == 2
    gone = await rows(sealed.dsn, "SELECT seed, kept FROM log.leaves WHERE kept IS NOT NULL")
    assert len(gone) == 2 and gone[0][0] is None
    await sealed.log.catch_up()
    bundle = await sealed.bundle()
    assert verify(bundle, "--state", state, "--checkpoint", note, "--complete") == 0
    await sealed.log.close()
    for each in (sealed.folder / "log").glob("tiles.*"):
        each.unlink()
    sealed.log = sealed.again()
    await sealed.log.catch_up()  # the hashes are made again from what is left


async def test_salts_that_went_without_a_record_are_found(sealed: Sealed) -> None:
    ids = await sealed.some_cases(5)
    await sealed.log.catch_up()
    subject = (await rows(sealed.dsn, "SELECT subject FROM vault.keys ORDER BY case_id"))[0][0]
    await sealed.vault.erase(ids[0], str(subject), by=BY, reason="request")
    await run(sealed.dsn, "DELETE FROM vault.erasures")
    assert verify(await sealed.bundle()) == 1
    await run(
        sealed.dsn,
        "UPDATE log.leaves SET seed = NULL, kept = (SELECT kept FROM log.leaves "
        "WHERE kept IS NOT NULL LIMIT 1) WHERE idx = 3",
    )
    assert verify(await sealed.bundle()) == 1


async def test_commits_out_of_order_leave_no_gap(sealed: Sealed) -> None:
    """Numbers of grants are given out before their transactions end, in any order."""
    sql = (
        "INSERT INTO vault.grants (at, actor, kind, purpose, refs) "
        "VALUES (now(), $1, 'staff', 'handling', '{}')"
    )
    slow = await asyncpg.connect(sealed.dsn)
    quick = await asyncpg.connect(sealed.dsn)
    try:
        held = slow.transaction()
        await held.start()
        await slow.execute(sql, "slow")
        await quick.execute(sql, "quick")
        await sealed.log.step()
        assert sealed.log.size == 0, "a transaction that began before is still open"
        await held.commit()
        await quick.execute(sql, "third")
        await sealed.log.catch_up()
    finally:
        await slow.close()
        await quick.close()
    logged = await rows(sealed.dsn, "SELECT id FROM log.leaves ORDER BY idx")
    assert [row[0] for row in logged] == [1, 2, 3]


async def test_many_writers_and_a_log_at_once(sealed: Sealed) -> None:
    async def seal() -> None:
        for _ in range(40):
            await sealed.log.step()
            await asyncio.sleep(0.01)

    async def permits(who: str) -> None:
        for number in range(60):
            await permit_for(sealed.vault, CaseId(f"{who}{number}"), by=BY)

    await asyncio.gather(
        seal(), permits("a"), permits("b"), *(sealed.some_cases(25, f"w{n}-") for n in range(4))
    )
    assert await sealed.log.catch_up() == 100 + 200 + 120
    assert verify(await sealed.bundle(), "--complete") == 0


async def test_checkpoints_come_by_number_and_by_time(
    sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed.some_cases(2)
    await sealed.log.step()
    assert sealed.log.checkpoint() is None, "neither a thousand entries nor five seconds"
    monkeypatch.setattr("tocsin.stores.postgres.sequencer.SIGN_EVERY_S", 0.0)
    await sealed.log.step()
    assert sealed.log.signed_size == 6
    await run(
        sealed.dsn,
        "INSERT INTO vault.grants (at, actor, kind, purpose, refs) "
        "SELECT now(), 'x', 'staff', 'y', '{}' FROM generate_series(1, 2500)",
    )
    monkeypatch.setattr("tocsin.stores.postgres.sequencer.SIGN_EVERY_S", 1e9)
    while await sealed.log.step():
        pass
    sizes = await rows(sealed.dsn, "SELECT size FROM log.checkpoints ORDER BY size")
    assert [row[0] for row in sizes] == [6, 1006, 2006]


async def test_one_node_adds_and_another_takes_over(sealed: Sealed) -> None:
    await sealed.some_cases(3)
    await sealed.log.catch_up()
    from tocsin.stores.postgres.sequencer import Sequencer

    other = Sequencer(
        sealed.dsn, sealed.store.readers, sealed.folder / "log2", sealed.keys, sealed.town
    )
    assert await other.step() == 0 and other.size == 9, "it follows"
    assert other.checkpoint() == sealed.log.checkpoint()
    with pytest.raises(Unavailable):
        await other.catch_up()
    await sealed.log.close()
    sealed.log = other
    await sealed.some_cases(1, "later")
    assert await other.catch_up() == 12
    assert verify(await sealed.bundle(), "--complete") == 0


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM log.leaves WHERE idx >= 5",
        "DELETE FROM log.leaves WHERE idx >= 5; DELETE FROM log.checkpoints",
        "DELETE FROM log.leaves; DELETE FROM log.checkpoints",
        "UPDATE log.checkpoints SET note = replace(note, E'\\n9\\n', E'\\n10\\n'), size = 10",
    ],
)
async def test_a_node_signs_nothing_over_a_past_that_was_cut(sealed: Sealed, change: str) -> None:
    await sealed.some_cases(3)
    await sealed.log.catch_up()
    await sealed.log.close()
    await run(sealed.dsn, change)
    sealed.log = sealed.again()
    with pytest.raises(LogBroken):
        await sealed.log.catch_up()


async def test_lost_hashes_are_made_again_only_from_the_same_rows(sealed: Sealed) -> None:
    await sealed.some_cases(3)
    await sealed.log.catch_up()
    await sealed.log.close()
    (sealed.folder / "log" / "tiles.0").write_bytes(b"\1" * 288)
    sealed.log = sealed.again()
    assert await sealed.log.catch_up() == 9
    await sealed.log.close()
    (sealed.folder / "log" / "tiles.0").unlink()
    await run(sealed.dsn, "UPDATE journal SET at = at + interval '1 s' WHERE seq = 2")
    sealed.log = sealed.again()
    with pytest.raises(LogBroken, match="not those that were signed"):
        await sealed.log.catch_up()


async def test_a_running_node_notices_and_says_so(sealed: Sealed) -> None:
    await sealed.some_cases(2)
    await sealed.log.catch_up()
    assert sealed.log.state == "ok"
    await run(sealed.dsn, "DELETE FROM log.leaves WHERE idx = 5")
    said: list[str] = []
    task = asyncio.create_task(sealed.log.run(said.append))
    async with asyncio.timeout(10):
        while not said:
            await asyncio.sleep(0.02)
    assert sealed.log.state == "rewritten" and "5 entries" in said[0]
    task.cancel()


async def test_a_fault_in_the_log_never_ends_the_node(sealed: Sealed) -> None:
    await sealed.some_cases(2)
    await sealed.log.catch_up()
    await sealed.log.close()
    await run(sealed.dsn, "UPDATE log.leaves SET seed = NULL, kept = 'no json' WHERE idx = 1")
    (sealed.folder / "log" / "tiles.0").unlink()
    sealed.log = sealed.again()
    said: list[str] = []
    task = asyncio.create_task(sealed.log.run(said.append))
    async with asyncio.timeout(20):
        while not said:
            await asyncio.sleep(0.02)
    assert sealed.log.state == "rewritten" and not task.done()
    task.cancel()


async def test_a_lost_database_is_waited_for(sealed: Sealed) -> None:
    await sealed.some_cases(2)
    await sealed.log.step()
    await run(
        sealed.dsn,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    with pytest.raises(Unavailable):
        await sealed.log.step()
    assert await sealed.log.catch_up() == 6
