"""Backup and restore, rehearsed on a filled node."""

import asyncio
import io
import json
import stat
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import create_database, drop_database
from tests.contracts.seeing import look
from tests.contracts.town import DISPATCHER, Town
from tocsin.kernel.shared import CaseId, SealedRef
from tocsin.runtime.ports import Committed, Message
from tocsin.runtime.verify import verify
from tocsin.stores.postgres.backup import (
    BackupError,
    Restored,
    backup,
    read_manifest,
    restore,
)
from tocsin.stores.postgres.directory import Directory
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.stores.vault import MasterKeys, WrongMasterKey, load_master_keys


@pytest.fixture
async def empty_database(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    name = await create_database(postgres_server)
    yield postgres_server.dsn(name)
    await drop_database(postgres_server, name)


async def filled(store: PostgresStore, town: Town) -> list[CaseId]:
    orders = [town.opening(key=f"k{n}", words="back\\slash\ttab\n鸟") for n in range(30)]
    await asyncio.gather(*map(store.commit, orders))
    ids = [order.target for order in orders]
    for one, two in zip(ids[:5], ids[5:10], strict=True):
        assert isinstance(await store.commit(town.merging(one, two)), Committed)
    for case_id in ids[10:20]:
        await store.commit(town.accepting(case_id))
    await store.deliver(Message("m1", ids[0], town.at, "role:dispatcher", "opened"))
    await Directory(store.readers, town).save_pack("county@1", b"\x00\xff pack")
    return ids


async def dump_of(dsn: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table but the ledger's and the transaction numbers."""
    connection = await asyncpg.connect(dsn)
    names = await connection.fetch(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'vault') "
        "AND tablename <> 'migrations'"
    )
    found: dict[str, list[tuple[object, ...]]] = {}
    for schema, name in names:
        rows = await connection.fetch(f'SELECT * FROM "{schema}"."{name}"')
        found[f"{schema}.{name}"] = sorted(
            (tuple(value for key, value in row.items() if key != "xid") for row in rows), key=repr
        )
    await connection.close()
    return found


async def test_a_restored_node_is_the_same_and_goes_on(
    postgres_store: PostgresStore,
    fresh_database: str,
    empty_database: str,
    master_keys: MasterKeys,
    tmp_path: Path,
) -> None:
    town = Town()
    ids = await filled(postgres_store, town)
    path, manifest = await backup(fresh_database, tmp_path, at=town.at)
    assert path.name == "tocsin-20260302-080000.tar"
    keys = tmp_path / "tocsin-20260302-080000.keys"
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert list(tmp_path.glob(".tocsin-*")) == []
    assert manifest == read_manifest(path)
    assert {m.name: m.rows for m in manifest.members}["journal"] == 50

    restored = await restore(empty_database, path, key_file=tmp_path / "vault.key")
    assert restored == Restored(manifest, keys, town.at, 0)
    assert await dump_of(empty_database) == await dump_of(fresh_database)
    again = PostgresStore(empty_database, master_keys)
    assert await again.open() == []
    report = await verify(again)
    assert report.is_clean and report.cases == 30 and report.entries == 50
    assert [entry.seq for entry in await again.tail(0, 100)] == list(range(1, 51))
    vault = PostgresVault(again.readers, master_keys, town)
    found = await look(vault, [SealedRef(f"d-{ids[0]}")], ids[0], by=DISPATCHER)
    assert list(found.values())[0][0] == "back\\slash\ttab\n鸟".encode()
    # Work goes on: numbers continue, keys are remembered.
    committed = await again.commit(town.opening())
    assert isinstance(committed, Committed)
    assert await again.last_seq() == 51
    repeated = await again.commit(town.opening(key="k1"))
    assert isinstance(repeated, Committed) and repeated.repeated
    await again.close()


async def test_a_backup_is_one_moment_while_the_node_works(
    postgres_store: PostgresStore,
    fresh_database: str,
    empty_database: str,
    master_keys: MasterKeys,
    tmp_path: Path,
) -> None:
    town = Town()
    await filled(postgres_store, town)
    stop = False

    async def work() -> None:
        while not stop:
            order = town.opening()
            await postgres_store.commit(order)
            await postgres_store.commit(town.noting(order.target))

    workers = [asyncio.create_task(work()) for _ in range(4)]
    path, _ = await backup(fresh_database, tmp_path / "now.tar", at=town.at)
    stop = True
    await asyncio.gather(*workers)
    await restore(empty_database, path, key_file=tmp_path / "vault.key")
    again = PostgresStore(empty_database, master_keys)
    await again.open()
    assert (await verify(again)).is_clean
    await again.close()


async def test_the_key_travels_only_when_asked(
    postgres_store: PostgresStore, fresh_database: str, empty_database: str, tmp_path: Path
) -> None:
    town = Town()
    await filled(postgres_store, town)
    without, _ = await backup(fresh_database, tmp_path / "without.tar", at=town.at)
    key = (tmp_path / "vault.key").read_bytes()
    secret = key.splitlines()[-1].split()[-1]
    assert secret not in without.read_bytes()
    with pytest.raises(WrongMasterKey):
        stranger = tmp_path / "stranger.key"
        load_master_keys(stranger)
        await restore(empty_database, without, key_file=stranger)
    inside, manifest = await backup(
        fresh_database, tmp_path / "inside.tar", at=town.at, with_key=tmp_path / "vault.key"
    )
    assert manifest.holds_key and secret in inside.read_bytes()
    # The failed restore left an empty database behind: the next one may use it.
    target = tmp_path / "new.key"
    await restore(empty_database, inside, key_file=target)
    assert target.read_bytes() == key and stat.S_IMODE(target.stat().st_mode) == 0o600


async def test_a_database_that_is_not_empty_is_never_touched(
    postgres_store: PostgresStore, fresh_database: str, tmp_path: Path
) -> None:
    town = Town()
    await filled(postgres_store, town)
    path, _ = await backup(fresh_database, tmp_path / "b.tar", at=town.at)
    before = await dump_of(fresh_database)
    with pytest.raises(BackupError, match="not empty"):
        await restore(fresh_database, path, key_file=tmp_path / "vault.key")
    assert await dump_of(fresh_database) == before
    with pytest.raises(BackupError, match="exists already"):
        await backup(fresh_database, path, at=town.at)


def rewritten(source: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A copy of a backup with members changed, or left out."""
    target = source.with_suffix(".changed")
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for member in old:
            content = old.extractfile(member)
            assert content is not None
            data = change(member.name, content.read())
            if data is not None:
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
    return target


def flip(name: str, data: bytes) -> bytes | None:
    return data[:-1] + bytes([data[-1] ^ 1]) if name.startswith("public.journal") else data


def leave_out(name: str, data: bytes) -> bytes | None:
    return None if name.startswith("vault.values") else data


def miscount(name: str, data: bytes) -> bytes | None:
    if name != "manifest.json":
        return data
    manifest = json.loads(data)
    for member in manifest["members"]:
        member["rows"] += member["name"] == "cases"
    return json.dumps(manifest).encode()


def from_the_future(name: str, data: bytes) -> bytes | None:
    if name != "manifest.json":
        return data
    manifest = json.loads(data)
    manifest["migrations"].append(["9999_future.sql", "00"])
    return json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (flip, "damaged"),
        (leave_out, "lacks vault.values"),
        (miscount, "changed since"),
        (from_the_future, "newer Tocsin"),
        (lambda name, data: b"{}" if name == "manifest.json" else data, "cannot be read"),
        (lambda name, data: None if name == "manifest.json" else data, "not a backup"),
    ],
)
async def test_a_changed_backup_is_refused_and_leaves_nothing(
    postgres_store: PostgresStore,
    fresh_database: str,
    empty_database: str,
    tmp_path: Path,
    change: Callable[[str, bytes], bytes | None],
    why: str,
) -> None:
    town = Town()
    await filled(postgres_store, town)
    path, _ = await backup(fresh_database, tmp_path / "b.tar", at=town.at)
    with pytest.raises(BackupError, match=why):
        await restore(empty_database, rewritten(path, change), key_file=tmp_path / "vault.key")
    assert await dump_of(empty_database) == {}


async def test_what_is_no_backup_is_refused(empty_database: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(b"not a tar at all")
    with pytest.raises(BackupError):
        await restore(empty_database, path, key_file=tmp_path / "vault.key")
    with pytest.raises(BackupError):
        await restore(empty_database, tmp_path / "missing", key_file=tmp_path / "vault.key")
