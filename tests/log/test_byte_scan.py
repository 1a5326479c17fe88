"""After retention and erasure every byte on disk is looked at: data files, write-ahead log, server
log, the node's own files, a bundle for auditors, and a backup.

Plaintext is never there, before or after, because only sealed values reach the database; the
wrapped keys, with which an old copy could be opened, are gone once the tables were swept and the
write-ahead log has turned over, and from backups once the keys' files from before are past their
horizon. A column in plain sight, and keys beside the data that they open, are found by the same
scan.
"""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.contracts.seeing import look
from tests.contracts.test_backup_keys import as_before
from tests.contracts.town import Town
from tests.house.test_leaks import spellings
from tests.log.conftest import BY
from tests.log.conftest import verify as checked
from tests.log.retaining import CANARY, desk_of, open_case
from tocsin.kernel.shared import CaseId, SealedRef
from tocsin.runtime.verify import verify
from tocsin.stores.log.notes import LogKeys, load_log_keys
from tocsin.stores.postgres.backup import backup, restore
from tocsin.stores.postgres.backup_keys import KEYS_KEPT_DAYS, prune
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.log_bundle import write_bundle
from tocsin.stores.postgres.sequencer import Sequencer
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.stores.vault import load_master_keys

TURNS = 8
"""Segments of 16 MB written between two checkpoints, more than the server keeps for reuse."""


@dataclass
class Own:
    """A node's files: a server of its own, the log, its key."""

    folder: Path
    dsn: str
    store: PostgresStore
    vault: PostgresVault
    log: Sequencer
    keys: LogKeys
    town: Town
    keeper: Readers
    spare: str
    """Where a database of another node may be."""

    async def tell(self, sql: str, *values: Any) -> list[Any]:
        connection: Any = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    async def turn_over(self) -> None:
        """What traffic does in hours: the write-ahead log comes round."""
        for _ in range(2):
            await self.tell("CHECKPOINT")
            for _ in range(TURNS):
                await self.tell("SELECT pg_logical_emit_message(false, 'x', repeat('0', 15000000))")
                await self.tell("SELECT pg_switch_wal()")
        await self.tell("CHECKPOINT")


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Own]:
    settings = {"fsync": "off", "max_wal_size": "128MB", "min_wal_size": "32MB"}
    server = EmbeddedPostgres(tmp_path / "postgres", settings=settings)
    server.start()
    try:
        keys, master = load_log_keys(tmp_path / "log.key"), load_master_keys(tmp_path / "vault.key")
        store, town = PostgresStore(server.dsn(), master), Town()
        await store.open()
        log = Sequencer(server.dsn(), store.readers, tmp_path / "log", keys, town)
        vault = PostgresVault(store.readers, master, town)
        keeper = Readers(server.dsn(), 2)
        await keeper.open()
        yield Own(
            tmp_path, server.dsn(), store, vault, log, keys, town, keeper, server.dsn("spare")
        )  # fmt: skip
        await keeper.close()
        await log.close()
        await store.close()
    finally:
        server.stop()


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, and what is packed in it."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        name = str(path.relative_to(folder))
        yield name, path.read_bytes()
        if path.suffix in (".tar", ".keys"):
            with tarfile.open(path) as tar:
                for member in tar:
                    found = tar.extractfile(member)
                    data = found.read() if found is not None else b""
                    if member.name.endswith(".gz"):
                        data = gzip.decompress(data)
                    yield f"{name}:{member.name}", data
        elif path.suffix == ".bundle":
            yield f"{name}:lines", gzip.decompress(path.read_bytes())


def scan(folder: Path, needles: list[bytes]) -> list[str]:
    """Files in which one of them is."""
    lowered = [each.lower() for each in needles]
    return [
        name
        for name, data in contents(folder)
        if any(needle in whole for whole in (data.lower(),) for needle in lowered)
    ]


async def test_no_byte_is_left(own: Own) -> None:
    marks = list(spellings(CANARY))
    erased = await open_case(own.store, own.town, "pothole")
    aged = await open_case(own.store, own.town, "missing-child")
    stays = await open_case(own.store, own.town, "pothole")
    await own.store.commit(own.town.refusing(aged))
    await own.log.catch_up()
    await write_bundle(own.dsn, own.folder / "a.bundle", own.keys, own.log.hashes)
    before, _ = await backup(own.dsn, own.folder / "before.tar", at=own.town.at)
    await own.tell("CHECKPOINT")
    assert scan(own.folder, marks) == [], "sealed before it reaches the database or its log"

    rows = await own.tell("SELECT case_id, wrapped_key FROM vault.keys")
    wrapped: dict[str, list[bytes]] = {row[0]: [row[1], row[1].hex().encode()] for row in rows}
    assert scan(own.folder, wrapped[erased]), "the scan finds a key that is there"
    own.town.wait(86_400 * 100)
    subject = (await own.tell("SELECT subject FROM vault.keys WHERE case_id = $1", erased))[0][0]
    assert await own.vault.erase(erased, subject, by=BY, reason="request") == 3
    desk = desk_of(own.keeper, own.keys, own.town)
    assert await desk.run() == 2
    await desk.retention.sweep()
    await own.turn_over()
    await own.log.catch_up()
    await write_bundle(own.dsn, own.folder / "b.bundle", own.keys, own.log.hashes)
    await backup(own.dsn, own.folder / "after.tar", at=own.town.at)
    gone = [*wrapped[erased], *wrapped[aged]]
    assert scan(own.folder, gone) == ["before.keys:vault.keys.copy.gz"], "until its day has come"
    planted = own.folder / "planted.tar"
    as_before(before, own.folder / "before.keys", planted)
    pruned = prune(own.folder, now=own.town.at, kept=timedelta(days=KEYS_KEPT_DAYS))
    assert pruned.removed == (own.folder / "before.keys",) and pruned.inside == (planted,)
    assert scan(own.folder, gone) == ["planted.tar:vault.keys.copy.gz"], "keys beside their data"
    planted.unlink()
    assert scan(own.folder, gone) == []
    assert scan(own.folder, wrapped[stays]), "and what stays is there"
    assert scan(own.folder, marks) == []
    await comes_back_without(own, before, [erased, aged], stays)


async def comes_back_without(own: Own, before: Path, gone: list[CaseId], stays: CaseId) -> None:
    """The data of before, with the keys of after: on a node of its own it opens what stays, shows
    nothing of who went, and its log has every proof."""
    await own.tell("CREATE DATABASE spare")
    dsn, spare = own.spare, own.folder / "spare"
    spare.mkdir()
    done = await restore(dsn, before, key_file=own.folder / "vault.key")
    assert done.keys_file == own.folder / "after.keys" and done.gone == 6
    master = load_master_keys(own.folder / "vault.key")
    store = PostgresStore(dsn, master)
    await store.open()
    log = Sequencer(dsn, store.readers, spare / "log", own.keys, own.town)
    try:
        assert (await verify(store)).is_clean
        vault = PostgresVault(store.readers, master, own.town)
        for case in (*gone, stays):
            refs = [SealedRef(f"{kind}-{case}") for kind in "dcm"]
            seen = await look(vault, refs, case, by=BY)
            assert [each[0].decode() for each in seen.values()] == [CANARY] * 3 * (case == stays)
            assert await store.receipt(sha256(case.encode()).digest()) is not None
        assert await log.catch_up() > 0
        await write_bundle(dsn, spare / "c.bundle", own.keys, log.hashes)
        assert checked(spare / "c.bundle", "--key", own.keys.public[0], "--complete") == 0
    finally:
        await log.close()
        await store.close()


async def test_a_column_in_plain_sight_is_found(own: Own) -> None:
    """The planted bug: in the table, in the write-ahead log, in the backup."""
    await own.tell("CREATE TABLE contacts (phone text)")
    await own.tell("INSERT INTO contacts VALUES ($1)", CANARY)
    await own.tell("CHECKPOINT")
    await backup(own.dsn, own.folder / "planted.tar", at=own.town.at)
    found = scan(own.folder, list(spellings(CANARY)))
    assert any("/base/" in name for name in found)
    assert any("/pg_wal/" in name for name in found)
    assert any(name.startswith("planted.tar:public.contacts") for name in found)
