"""Keys apart from data: what was erased stays erased, whatever backup comes back."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.conftest import create_database, drop_database
from tests.contracts.seeing import look
from tests.contracts.test_backup import dump_of, miscount, rewritten
from tests.contracts.town import DISPATCHER, Town
from tocsin.app.cli import main
from tocsin.kernel.shared import CaseId, SealedRef
from tocsin.runtime.ports import Committed
from tocsin.runtime.verify import verify
from tocsin.stores.postgres.backup import BackupError, Restored, backup, restore
from tocsin.stores.postgres.backup_keys import KEYS_KEPT_DAYS, keys_beside, prune, read_keys
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault, erase_in, hold_still
from tocsin.stores.vault import MasterKeys

KEPT = timedelta(days=KEYS_KEPT_DAYS)
WORDS = "lamp dark"


@dataclass
class Node:
    """A store that was filled, its folder of backups, and an empty database to come back in."""

    store: PostgresStore
    dsn: str
    empty: str
    folder: Path
    master: MasterKeys
    town: Town
    ids: list[CaseId]

    @property
    def key(self) -> Path:
        return self.folder / "vault.key"

    async def copy(self, name: str, **more: Any) -> Path:
        path, _ = await backup(self.dsn, self.folder / name, at=self.town.at, **more)
        self.town.wait(3_600)
        return path

    async def erase(self, case: CaseId, kinds: list[str] | None = None) -> int:
        subject = await self.tell("SELECT subject FROM vault.keys WHERE case_id = $1", case)
        connection: Any = await asyncpg.connect(self.dsn)
        try:
            async with connection.transaction():
                await hold_still(connection)
                return await erase_in(
                    connection, case, subject[0][0],
                    at=self.town.at, by=DISPATCHER, reason="request", kinds=kinds,
                )  # fmt: skip
        finally:
            await connection.close()

    async def tell(self, sql: str, *values: Any, dsn: str | None = None) -> list[Any]:
        connection: Any = await asyncpg.connect(dsn or self.dsn)
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    async def restore(self, source: Path, **more: Any) -> Restored:
        return await restore(self.empty, source, key_file=self.key, **more)

    async def refuses(self, why: str, source: Path, **more: Any) -> None:
        """It is refused in one line, and nothing is in the database."""
        with pytest.raises(BackupError, match=why):
            await self.restore(source, **more)
        assert await dump_of(self.empty) == {}

    async def readable(self) -> set[CaseId]:
        """Cases whose words a restored node opens; its board is what its journal says."""
        again = PostgresStore(self.empty, self.master)
        await again.open()
        try:
            assert (await verify(again)).is_clean
            vault = PostgresVault(again.readers, self.master, self.town)
            found: set[CaseId] = set()
            for case in self.ids:
                seen = await look(vault, [SealedRef(f"d-{case}")], case, by=DISPATCHER)
                found |= {case} if seen else set()
            return found
        finally:
            await again.close()


@pytest.fixture
async def node(
    postgres_server: EmbeddedPostgres,
    postgres_store: PostgresStore,
    fresh_database: str,
    master_keys: MasterKeys,
    tmp_path: Path,
) -> AsyncIterator[Node]:
    town = Town()
    ids: list[CaseId] = []
    for number in range(6):
        order = town.opening(key=f"k{number}", words=WORDS, contact="a@b.example")
        assert isinstance(await postgres_store.commit(order), Committed)
        ids.append(order.target)
    name = await create_database(postgres_server)
    empty = postgres_server.dsn(name)
    yield Node(postgres_store, fresh_database, empty, tmp_path, master_keys, town, ids)
    await drop_database(postgres_server, name)


def holds(path: Path, needle: bytes) -> bool:
    with tarfile.open(path) as tar:
        for member in tar:
            file = tar.extractfile(member)
            data = file.read() if file is not None else b""
            if needle in (gzip.decompress(data) if member.name.endswith(".gz") else data):
                return True
    return False


async def test_keys_are_in_their_own_file_and_each_names_the_other(node: Node) -> None:
    data = await node.copy("town.tar")
    keys = keys_beside(data)
    ((wrapped,),) = await node.tell("SELECT wrapped_key FROM vault.keys LIMIT 1")
    assert not holds(data, wrapped.hex().encode()) and holds(keys, wrapped.hex().encode())
    with tarfile.open(data) as tar:
        first = tar.extractfile("manifest.json")
        assert first is not None
        content = first.read()
    named, told = read_keys(keys), json.loads(content)
    assert (named.backup, named.node) == (told["id"], told["node"])
    assert named.data_sha256 == hashlib.sha256(content).hexdigest()
    elsewhere = node.folder / "keys"
    elsewhere.mkdir()
    other = await node.copy("other.tar", keys=elsewhere)
    assert keys_beside(other, elsewhere) == elsewhere / "other.keys"
    assert (elsewhere / "other.keys").exists() and not (node.folder / "other.keys").exists()
    (node.folder / "third.keys").write_text("somebody's")
    with pytest.raises(BackupError, match="exists already"):
        await node.copy("third.tar")
    assert not (node.folder / "third.tar").exists()
    with pytest.raises(BackupError, match="name of a keys' file"):
        await node.copy("town.keys")


async def test_without_the_keys_file_it_refuses_unless_told(node: Node) -> None:
    data = await node.copy("town.tar")
    keys_beside(data).unlink()
    await node.refuses("no keys' file of this node", data)
    done = await node.restore(data, lost_at=node.town.at)
    assert done.gone == 12 and done.keys_file is None
    assert await node.readable() == set()
    records = await node.tell('SELECT reason, "values" FROM vault.erasures', dsn=node.empty)
    assert [tuple(each) for each in records] == [("keys_gone", 2)] * 6
    assert await node.tell("SELECT FROM vault.values", dsn=node.empty) == []
    # Work goes on, also in a scope whose key is gone.
    again = PostgresStore(node.empty, node.master)
    await again.open()
    assert isinstance(await again.commit(node.town.noting(node.ids[0], "new")), Committed)
    assert isinstance(await again.commit(node.town.opening(words="new")), Committed)
    await again.close()


async def test_old_data_under_newer_keys_lacks_what_was_erased_since(node: Node) -> None:
    await node.erase(node.ids[5])
    old = await node.copy("old.tar")
    assert await node.erase(node.ids[0]) == 2
    assert await node.erase(node.ids[1], ["contact"]) == 1
    later = node.town.opening(key="later", words=WORDS)
    await node.store.commit(later)
    await node.copy("new.tar")
    done = await node.restore(old)
    assert done.keys_file == node.folder / "new.keys" and done.gone == 3
    assert await node.readable() == set(node.ids[1:5])
    left = await node.tell("SELECT ref FROM vault.values ORDER BY ref", dsn=node.empty)
    refs = {each[0] for each in left}
    assert f"d-{node.ids[1]}" in refs and f"c-{node.ids[1]}" not in refs
    sql = 'SELECT id, at, actor, case_id, subject, reason, "values" FROM vault.erasures ORDER BY id'
    assert await node.tell(sql, dsn=node.empty) == await node.tell(sql), "each with its record"
    ids = {row[0] for row in await node.tell("SELECT case_id FROM vault.keys", dsn=node.empty)}
    assert ids == set(node.ids[1:5]), "keys of later cases have nothing here to open"


async def test_keys_that_do_not_fit_are_refused(node: Node) -> None:
    old = await node.copy("old.tar")
    await node.store.commit(node.town.opening(key="later", words=WORDS))
    await node.erase(node.ids[0])
    new = await node.copy("new.tar")
    await node.refuses("does not know of erasures", new, keys=keys_beside(old))
    await node.store.commit(node.town.opening(key="last", words=WORDS))
    last = await node.copy("last.tar")
    await node.refuses("lacks the keys of 2 values", last, keys=keys_beside(new))

    def damage(name: str, data: bytes) -> bytes | None:
        return data[:-1] + bytes([data[-1] ^ 1]) if name.startswith("vault.keys") else data

    await node.refuses("damaged", last, keys=rewritten(keys_beside(last), damage))
    await node.refuses("is not a keys' file", last, keys=last)
    changed = rewritten(old, miscount)
    await node.refuses("number of rows", changed, lost_at=node.town.at)
    (node.folder / "broken.keys").write_bytes(b"it may be the newest")
    await node.refuses("cannot be read as a keys' file", last)


async def test_keys_of_another_node_are_not_taken(node: Node) -> None:
    data = await node.copy("town.tar")
    await node.tell("UPDATE vault.masters SET fingerprint = '\\x00'")
    other = await node.copy("other.tar")
    assert (await node.restore(data)).keys_file == node.folder / "town.keys", (
        "the newer is not ours"
    )
    with pytest.raises(BackupError, match="another node"):
        await node.restore(data, keys=keys_beside(other))


async def test_a_backup_of_before_comes_back_too(node: Node) -> None:
    """Format 1 had the keys inside; today's keys may be named for it all the same."""
    old = await node.copy("old.tar")
    inside = old.with_name("inside.tar")
    as_before(old, keys_beside(old), inside)
    await node.erase(node.ids[0])
    new = await node.copy("new.tar")
    # The planted fault: keys beside their data open who was erased, and this check sees it.
    assert (await node.restore(inside)).keys_file is None
    assert await node.readable() == set(node.ids)
    for schema in ("log", "vault", "public"):
        await node.tell(f"DROP SCHEMA {schema} CASCADE", dsn=node.empty)
    await node.tell("CREATE SCHEMA public", dsn=node.empty)
    done = await node.restore(inside, keys=keys_beside(new))
    assert done.gone == 2 and await node.readable() == set(node.ids[1:])
    found = prune(node.folder, now=node.town.at + 2 * KEPT, kept=KEPT)
    assert found.inside == (inside,), "and is named when its keys have had their day"


def as_before(data: Path, keys: Path, target: Path) -> None:
    """The planted fault, and what earlier versions wrote: the keys inside the data's file."""
    with tarfile.open(keys) as tar, tarfile.open(data) as old, tarfile.open(target, "w") as new:
        member = tar.getmember("vault.keys.copy.gz")
        content = tar.extractfile(member)
        named = next(each for each in read_keys(keys).members if each.path == "vault.keys")
        for each in old:
            file = old.extractfile(each)
            assert file is not None
            text = file.read()
            if each.name == "manifest.json":
                manifest = json.loads(text)
                told = {name: getattr(named, name) for name in type(named).__slots__}
                manifest["members"].append(told)
                manifest["format"] = 1
                text = json.dumps(manifest).encode()
                each.size = len(text)
            new.addfile(each, io.BytesIO(text))
        new.addfile(member, content)


async def test_pruning_takes_the_old_and_never_the_newest(node: Node) -> None:
    first = await node.copy("first.tar")
    node.town.wait(86_400 * (KEYS_KEPT_DAYS - 1))
    second = await node.copy("second.tar")
    node.town.wait(86_400 * 2)
    left = node.folder / ".tocsin-backup-killed"
    left.mkdir()
    (left / "vault.keys.copy.gz").write_bytes(b"keys")
    at = node.town.at.timestamp()
    os.utime(left, (at - 86_400 * 20, at - 86_400 * 20))
    rehearsed = prune(node.folder, now=node.town.at, kept=KEPT, is_rehearsal=True)
    assert rehearsed.removed == (keys_beside(first), left) and keys_beside(first).exists()
    assert prune(node.folder, now=node.town.at, kept=KEPT) == rehearsed
    assert not keys_beside(first).exists() and not left.exists() and first.exists()
    again = prune(node.folder, now=node.town.at + 3 * KEPT, kept=KEPT)
    assert again.removed == () and again.overdue == (keys_beside(second),), "never the newest"
    shutil.copy(second, node.folder / "copy.keys")  # no keys' file: it may hold keys
    assert prune(node.folder, now=node.town.at, kept=KEPT).unread == (node.folder / "copy.keys",)
    (node.folder / "copy.keys").unlink()
    assert (await node.restore(first)).keys_file == keys_beside(second)
    assert await node.readable() == set(node.ids), "the newest keys open the oldest data"


async def test_the_words_of_pruning(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    """The node's clock is years behind this machine's, or years ahead: named days decide."""
    node.town.wait(-86_400 * 365 * 10)
    first = keys_beside(await node.copy("first.tar"))
    second = keys_beside(await node.copy("second.tar"))
    folder = ("--folder", str(node.folder))
    assert main(["backup", "prune", *folder, "--days", "30", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert f"{first}: would be removed" in told and "1 would go, 1 keys' files stay" in told
    assert f"{second}: older than 30 days, kept because it is the newest" in told
    assert main(["backup", "prune", *folder]) == 0
    assert not first.exists() and second.exists()
    (node.folder / "odd.keys").write_text("?")
    assert main(["backup", "prune", *folder]) == 1
    assert "odd.keys: cannot be read, and may hold keys" in capsys.readouterr().out
    assert main(["backup", "prune"]) == 2
    assert main(["backup", "prune", *folder, "--days", "400"]) == 2
    assert main(["backup", "x.tar", "--dry-run"]) == 2
