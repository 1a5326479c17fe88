"""A new master key under load: nothing is lost by a kill at any step, what was erased stays erased,
and the old key goes only when nothing needs it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import create_database, drop_database
from tests.contracts.seeing import look
from tests.contracts.town import DISPATCHER, Town
from tocsin.kernel.shared import CaseId, SealedRef
from tocsin.runtime.ports import Committed, Unavailable
from tocsin.stores.postgres import rotation
from tocsin.stores.postgres.backup import backup, restore
from tocsin.stores.postgres.backup_keys import keys_beside, read_keys
from tocsin.stores.postgres.connections import connect
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.key_fence import KeyHold
from tocsin.stores.postgres.rotation import Rotated, RotationRefused, keys_in_use, rotate
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.stores.vault import MasterKeys, WrongMasterKey, load_master_keys, retired_beside

ROOT = Path(__file__).parents[2]


@dataclass
class Filled:
    """A store that people write to, and what they wrote that nobody erased."""

    store: PostgresStore
    dsn: str
    path: Path
    town: Town
    words: dict[CaseId, bytes] = field(default_factory=dict[CaseId, bytes])
    erased: list[CaseId] = field(default_factory=list[CaseId])

    async def open_case(self) -> None:
        order = self.town.opening(words=f"words {len(self.words)}")
        assert isinstance(await self.store.commit(order), Committed)
        self.words[order.target] = order.sealed[0].value

    async def erase_one(self) -> None:
        case = next(iter(self.words))
        vault = PostgresVault(self.store.readers, self.store.keys, self.town)
        assert await vault.erase(case, f"r-{case}", by=DISPATCHER, reason="request") == 2
        del self.words[case]
        self.erased.append(case)

    async def rotate(
        self, wait_s: float = 10.0, tell: Callable[[int], object] = lambda _: None
    ) -> Rotated:
        connection = await connect(self.dsn)
        try:
            return await rotate(connection, self.path, wait_s=wait_s, tell=tell)
        finally:
            await connection.close()

    async def used(self) -> dict[int, int]:
        connection = await connect(self.dsn)
        try:
            return dict(await keys_in_use(connection))
        finally:
            await connection.close()

    async def faults(self, dsn: str | None = None) -> list[str]:
        """What a node that starts now with this file would not read, or read and must not."""
        try:
            keys = load_master_keys(self.path, may_create=False)
            again = PostgresStore(dsn or self.dsn, keys)
            await again.open()
        except WrongMasterKey as error:
            return [str(error)]
        vault, found = PostgresVault(again.readers, keys, self.town), list[str]()
        try:
            for case, words in self.words.items():
                ref = SealedRef(f"d-{case}")
                try:
                    seen = await look(vault, [ref], case, by=DISPATCHER)
                except WrongMasterKey as error:
                    found.append(f"{case}: {error}")
                    continue
                if seen.get(ref, (b"", ""))[0] != words:
                    found.append(f"{case}: other words")
            for case in self.erased:
                if await look(vault, [SealedRef(f"d-{case}")], case, by=DISPATCHER):
                    found.append(f"{case}: is read after it was erased")
        finally:
            await again.close()
        return found


@pytest.fixture
async def filled(
    postgres_store: PostgresStore, fresh_database: str, tmp_path: Path
) -> AsyncIterator[Filled]:
    made = Filled(postgres_store, fresh_database, tmp_path / "vault.key", Town())
    for _ in range(60):
        await made.open_case()
    yield made


async def test_a_rotation_beside_a_node_that_writes(filled: Filled) -> None:
    before = load_master_keys(filled.path)
    is_over = asyncio.Event()

    async def work() -> None:
        while not is_over.is_set():
            await filled.open_case()
            await filled.open_case()
            await filled.erase_one()

    writing = asyncio.create_task(work())
    done = await filled.rotate()
    is_over.set()
    await writing
    await filled.open_case()
    assert (done.current, done.retired, done.was_begun) == (2, (1,), False)
    assert done.wrapped >= 30 and set(await filled.used()) == {2}
    after = load_master_keys(filled.path)
    assert set(after.by_id) == {2} and after.code_key() == before.code_key()
    assert load_master_keys(retired_beside(filled.path)).by_id == before.by_id
    assert filled.path.stat().st_mode & 0o777 == 0o600
    assert filled.erased and await filled.faults() == []
    assert (await filled.rotate()).current == 3  # and once more
    third = load_master_keys(filled.path)
    assert third.code_key() == before.code_key()
    assert set(load_master_keys(retired_beside(filled.path)).by_id) == {1, 2}
    assert await filled.faults() == []


async def test_a_key_that_somebody_holds_is_wrapped_in_the_next_round(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "PAGE", 10)
    connection, wrapped = await connect(filled.dsn), list[int]()
    turn = connection.transaction()
    await turn.start()
    first = "SELECT case_id FROM vault.keys ORDER BY case_id, subject LIMIT 1 FOR UPDATE"
    assert await connection.fetchval(first) in filled.words
    rotating = asyncio.create_task(filled.rotate(tell=wrapped.append))
    while sum(count for key, count in (await filled.used()).items() if key != 2) != 1:
        await asyncio.sleep(0.05)
    assert not rotating.done() and len(wrapped) == len(filled.words) // 10
    await turn.rollback()
    await connection.close()
    assert (await rotating).wrapped == len(filled.words) == wrapped[-1]
    assert set(await filled.used()) == {2} and await filled.faults() == []


async def killed(filled: Filled, step: str, times: int) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.contracts.rotating",
        filled.dsn, str(filled.path), step, str(times), cwd=ROOT,
    )  # fmt: skip
    return await process.wait()


@pytest.mark.parametrize(
    ("step", "times"),
    [("written", 1), ("known", 1), ("known", 2), ("waited", 1), ("page", 1), ("page", 4),
     ("wrapped", 1), ("written", 2), ("written", 3), ("retired", 1)],
)  # fmt: skip
async def test_a_kill_at_any_step_loses_nothing(filled: Filled, step: str, times: int) -> None:
    code_key = load_master_keys(filled.path).code_key()
    rows = len(filled.words)
    assert await killed(filled, step, times) == -9
    # The node that runs goes on meanwhile, writes and forgets.
    await filled.erase_one()
    for _ in range(5):
        await filled.open_case()
    assert await filled.faults() == []
    if step == "page":
        assert (await filled.used())[2] >= 10 * times
    done = await filled.rotate()
    is_new = (step, times) in (("known", 1), ("written", 3), ("retired", 1))
    assert done.was_begun is not is_new
    assert done.wrapped <= rows + 5
    assert set(await filled.used()) == {done.current}
    assert set(load_master_keys(filled.path).by_id) == {done.current}
    assert load_master_keys(filled.path).code_key() == code_key
    assert await filled.faults() == []


async def test_a_node_that_does_not_know_the_new_key_is_waited_for(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine with its own copy of the file."""

    async def stay(self: KeyHold, connection: object) -> None:
        pass

    monkeypatch.setattr(KeyHold, "follow", stay)
    with pytest.raises(RotationRefused, match="still seals under key 1"):
        await filled.rotate(wait_s=0.5)
    assert set(await filled.used()) == {1}
    await filled.open_case()
    assert await filled.faults() == []
    monkeypatch.undo()  # it was given the file
    assert (await filled.rotate()).was_begun and await filled.faults() == []


async def test_a_node_with_the_old_file_can_not_come_back(filled: Filled, tmp_path: Path) -> None:
    """Neither a start nor a writer that connects again seals anything under a retired key."""
    old = tmp_path / "old"
    old.mkdir()
    (old / "vault.key").write_bytes(filled.path.read_bytes())
    (old / "vault.key").chmod(0o600)
    keys = load_master_keys(old / "vault.key")
    is_away = False

    def way() -> str:
        if is_away:
            raise ConnectionError("no way to the database")
        return filled.dsn

    other = PostgresStore(way, keys)
    await other.open()
    is_away = True
    other._writer._connection.terminate()  # pyright: ignore
    await filled.rotate()
    is_away = False
    for _ in range(5):
        with pytest.raises(Unavailable):
            await other.commit(filled.town.opening())
        await asyncio.sleep(0.2)
    await other.close()
    with pytest.raises(WrongMasterKey, match="needs vault key 2"):
        await PostgresStore(filled.dsn, keys).open()
    assert set(await filled.used()) == {2} and await filled.faults() == []


async def test_two_rotations_at_once_are_one(filled: Filled) -> None:
    first = asyncio.create_task(filled.rotate())
    await asyncio.sleep(0)
    done = await asyncio.gather(first, filled.rotate(), return_exceptions=True)
    assert sum(isinstance(each, RotationRefused) for each in done) == 1
    assert await filled.faults() == []


async def test_a_key_of_another_database_is_not_rotated(filled: Filled) -> None:
    filled.path.unlink()
    load_master_keys(filled.path)
    with pytest.raises(WrongMasterKey, match="another database"):
        await filled.rotate()


# -- planted: a rotation that does one thing too early


async def test_a_rotation_that_waits_for_nobody_is_found(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stay(self: KeyHold, connection: object) -> None:
        pass

    async def nobody(connection: object, old: object, wait_s: float) -> None:
        pass

    monkeypatch.setattr(KeyHold, "follow", stay)
    monkeypatch.setattr(rotation, "_wait_for_writers", nobody)
    await filled.rotate()
    await filled.open_case()
    assert await filled.faults()


async def test_a_rotation_that_retires_too_early_is_found(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(*given: object) -> int:
        return 0

    monkeypatch.setattr(rotation, "_wrap_all", none)
    with pytest.raises(RotationRefused, match="came in under an old"):
        await filled.rotate()
    monkeypatch.setattr(rotation, "_left", none)
    await filled.rotate()
    assert await filled.faults()


# -- backups


async def test_which_key_a_backup_needs(
    filled: Filled, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    before, _ = await backup(filled.dsn, tmp_path / "before.tar", at=filled.town.at)
    await filled.rotate()
    later = filled.town.wait(60)
    after, _ = await backup(filled.dsn, tmp_path / "after.tar", at=later)
    assert read_keys(keys_beside(before)).masters == (1,)
    assert read_keys(keys_beside(after)).masters == (2,)

    async def restored(source: Path, keys: Path) -> list[str]:
        name = await create_database(postgres_server)
        try:
            dsn = postgres_server.dsn(name)
            await restore(dsn, source, key_file=filled.path, keys=keys)
            return await filled.faults(dsn)
        finally:
            await drop_database(postgres_server, name)

    assert await restored(after, keys_beside(after)) == []
    # Old data under the keys' file of today needs the key of today alone.
    assert await restored(before, keys_beside(after)) == []
    with pytest.raises(WrongMasterKey, match="needs vault key 1"):
        await restored(before, keys_beside(before))
    retired = retired_beside(filled.path).read_text("ascii").splitlines()[-1]
    with filled.path.open("a") as file:
        file.write(f"{retired}\n")
    assert await restored(before, keys_beside(before)) == []
    assert (await filled.rotate()).was_begun  # the line that was put back goes again
    assert set(load_master_keys(filled.path).by_id) == {2}


def test_keys_without_a_file_are_never_looked_for() -> None:
    assert MasterKeys({1: b"1" * 32}, 1).path is None
