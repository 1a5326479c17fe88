"""Feeds the Merkle log from every journal, after commit, in the order of commits.

A step has four parts, each of which may be the last before a crash:
1. rows become entries in the database, in one transaction: a number and a seed each;
2. their hashes are appended to the files, which can always be made again from the database;
3. a checkpoint is signed over hashes that are on disk, and is on disk before anybody sees it;
4. the checkpoint is kept in the database for auditors.
At the start the files are brought up to the database, and then compared with the last checkpoint
that was signed: where they differ, somebody changed the past, and nothing more is signed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Final

import asyncpg

from tocsin.runtime.log_ports import LogBroken, LogState
from tocsin.runtime.ports import Clock, Unavailable
from tocsin.stores.log.leaves import SOURCES, entry_hash, kept_hash
from tocsin.stores.log.notes import Checkpoint, LogKeys, NotSigned, put_durably
from tocsin.stores.log.tree import Tree
from tocsin.stores.postgres import log_rows
from tocsin.stores.postgres.connections import (
    BROKEN,
    Connection,
    Dsn,
    Readers,
    connect,
    trouble_of,
)

BATCH: Final = 4_000
"""Rows that become entries at a time, some 20 MB: fewer cost a way to the database each."""
SIGN_AFTER: Final = 1_000
"""Entries under one more checkpoint, so that a change is found in a short span."""
SIGN_EVERY_S: Final = 5.0
"""The longest an entry waits for a signature while the log keeps up."""
LOOK_EVERY_S: Final = 0.5
"""Between two looks for new rows."""
STAND_BACK: Final = 3
"""While reports wait for their commit, the log rests for so many times as long as it worked."""
STAND_BACK_MAX_S: Final = 10.0
"""So far behind it may fall for that."""
HASH_CHUNK: Final = 32
"""Entries hashed between two looks at the event loop: half a millisecond. In a thread of its own
the work would take the interpreter from the loop for longer."""
LAGS_AFTER_S: Final = 30.0
"""Without being up to date for this long, the health says so."""
CHECKPOINT_FILE: Final = "checkpoint"


class Sequencer:
    """`runtime.log_ports.MerkleLog` on PostgreSQL and a folder. `between` is told each step; a
    test ends the process there."""

    def __init__(
        self,
        dsn: Dsn,
        readers: Readers,
        folder: Path,
        keys: LogKeys,
        clock: Clock,
        between: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._dsn = dsn
        self._readers = readers.own
        self._folder = folder
        self._keys = keys
        self._clock = clock
        self._between = between
        self._tree = Tree(folder, between)
        self._connection: Connection | None = None
        self._place: log_rows.Place | None = None
        self._note: str | None = None
        self._signed = 0
        self._signed_at = monotonic()
        self._current_at = monotonic()
        self.broken: str | None = None
        """What is wrong with the past, in one line for the operator."""

    # -- what the rims ask

    @property
    def size(self) -> int:
        return self._tree.size

    @property
    def signed_size(self) -> int:
        return self._signed

    @property
    def behind_s(self) -> float:
        return monotonic() - self._current_at

    @property
    def state(self) -> LogState:
        if self.broken is not None:
            return "rewritten"
        return "lags" if self.behind_s > LAGS_AFTER_S else "ok"

    @property
    def keys(self) -> LogKeys:
        return self._keys

    def checkpoint(self) -> str | None:
        return self._note

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        return self._tree.inclusion(index, size)

    def consistency(self, old: int, size: int) -> Sequence[bytes]:
        return self._tree.consistency(old, size)

    def tile(self, level: int, number: int) -> bytes:
        return self._tree.tile(level, number, self._signed)

    async def index_of(self, seq: int) -> int | None:
        sql = "SELECT idx FROM log.leaves WHERE source = ANY($1::text[]) AND id = $2"
        names = [
            source.name for source in SOURCES if source.key == "seq" and source.name != "value"
        ]
        return await self._readers.fetchval(sql, names, seq)

    def hashes(self, first: int, count: int) -> list[bytes]:
        """Leaf hashes as this node keeps them."""
        return self._tree.leaves(first, count)

    # -- the work

    async def run(
        self,
        warn: Callable[[str], None] = lambda detail: None,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """For ever. Trouble of the database is waited out; a changed past ends the signing, and so
        does a fault of ours: alarms come in all the same, and the health tells of it."""
        while True:
            begun = monotonic()
            try:
                pause = LOOK_EVERY_S if await self.step() < BATCH else 0.0
                if is_busy() and self.behind_s < STAND_BACK_MAX_S:
                    pause = max(pause, STAND_BACK * (monotonic() - begun))
            except Unavailable as trouble:
                warn(str(trouble))
                pause = LOOK_EVERY_S
            except LogBroken as found:
                break_off = str(found)
                break
            except Exception as fault:
                break_off = f"{type(fault).__name__} while reading what was logged"
                break
            await asyncio.sleep(pause)
        self.broken = break_off
        warn(break_off)
        await asyncio.Event().wait()

    async def step(self, *, sign: bool = False) -> int:
        """One step; returns how many entries were added. With `sign` a checkpoint is made whatever
        the time. Raises LogBroken, Unavailable."""
        try:
            connection = await self._ready()
            if connection is None:  # another node adds; this one keeps up with it
                return 0
            added = await self._append(connection)
            if added < BATCH:
                self._current_at = monotonic()
            await self._sign_when_due(connection, sign)
            return added
        except Exception as error:
            trouble = trouble_of(error)
            await self._let_go()
            if trouble is None:
                raise
            raise trouble from error

    async def catch_up(self) -> int:
        """Steps until nothing is left, and signs. Returns the size. Raises as `step`, and
        Unavailable where another node is at it."""
        while await self.step() >= BATCH:
            pass
        if self._connection is None:
            raise Unavailable("another node adds to the log")
        await self.step(sign=True)
        return self.size

    async def close(self) -> None:
        await self._let_go()
        self._tree.close()

    # -- starting

    async def _ready(self) -> Connection | None:
        """The leader's connection. Whoever has it has compared files, database and signature."""
        if self._connection is not None and self._place is not None:
            return self._connection
        connection = self._connection = await connect(self._dsn, statement_timeout="0")
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", log_rows.LEADER_LOCK):
            await self._follow(connection)
            await self._let_go()
            return None
        await self._bring_up(connection)
        self._place = await log_rows.place(connection)
        return connection

    async def _follow(self, connection: Connection) -> None:
        """As far as the leader has come, so that this node can prove and take over."""
        await self._bring_up(connection)
        self._current_at = monotonic()

    async def _bring_up(self, connection: Connection) -> None:
        """The files hold what the database has, and both are what was signed. Raises LogBroken."""
        signed = await self._last_signed(connection)
        there = await log_rows.count(connection)
        if signed is not None and there < signed.size:
            raise LogBroken(f"the database has {there} entries, {signed.size} were signed")
        # What came after the signature may not have reached the disk; and hashes that were lost or
        # damaged are made again from the rows, and compared below.
        is_whole = signed is not None and self._holds(signed)
        self._tree.cut(signed.size if signed is not None and is_whole else 0)
        await self._fill(connection, there)
        if signed is not None and not self._holds(signed):
            raise LogBroken(f"the first {signed.size} entries are not those that were signed")

    def _holds(self, signed: Checkpoint) -> bool:
        return self._tree.size >= signed.size and self._tree.root(signed.size) == signed.root

    async def _last_signed(self, connection: Connection) -> Checkpoint | None:
        """The newest checkpoint of the file and of the database that this key signed."""
        found: Checkpoint | None = None
        file = self._folder / CHECKPOINT_FILE
        notes = [file.read_text(encoding="utf-8")] if file.exists() else list[str]()
        rows = await connection.fetch("SELECT note FROM log.checkpoints ORDER BY size DESC LIMIT 1")
        for note in [*notes, *(row[0] for row in rows)]:
            try:
                told = self._keys.read(note)
            except NotSigned as error:
                raise LogBroken(str(error)) from error
            if found is None or told.size > found.size:
                found, self._note, self._signed = told, note, told.size
        return found

    async def _fill(self, connection: Connection, there: int) -> None:
        """Makes the hashes of entries that the files lack."""
        while self._tree.size < there:
            entries = await log_rows.leaves(connection, self._tree.size, BATCH)
            rows = await log_rows.rows_of(connection, entries)
            for first in range(0, len(entries), HASH_CHUNK):
                some = entries[first : first + HASH_CHUNK]
                self._tree.append(_hashes(some, rows, self._tree.size))
                await asyncio.sleep(0)
            if not entries:
                raise LogBroken(f"entry {self._tree.size} is missing")

    # -- a step

    async def _append(self, connection: Connection) -> int:
        """Parts 1 and 2. The lock is taken before the snapshot: an erasure comes before or after,
        never in between."""
        assert self._place is not None, "the leader is ready"
        await connection.execute("SELECT pg_advisory_lock($1)", log_rows.LOG_LOCK)
        try:
            async with connection.transaction(isolation="repeatable_read"):
                first = await log_rows.count(connection)
                if first != self._tree.size:
                    raise LogBroken(
                        f"the database has {first} entries, this node knows {self._tree.size}"
                    )
                where = log_rows.Place(dict(self._place.numbers), dict(self._place.horizons))
                found = await log_rows.new_rows(connection, where, BATCH)
                seeds = await log_rows.put(connection, first, found) if found else []
        finally:
            with contextlib.suppress(asyncpg.PostgresError, *BROKEN):
                await connection.execute("SELECT pg_advisory_unlock($1)", log_rows.LOG_LOCK)
        self._place = where
        if found:
            self._between("leaves")
            for first in range(0, len(found), HASH_CHUNK):
                last = first + HASH_CHUNK
                self._tree.append(_new_hashes(found[first:last], seeds[first:last]))
                await asyncio.sleep(0)
            self._between("hashes")
        return len(found)

    async def _sign_when_due(self, connection: Connection, now: bool) -> None:
        """Parts 3 and 4."""
        there = self._tree.size
        if there == self._signed and self._note is not None:
            self._signed_at = monotonic()
            return
        sizes = list(range(self._signed + SIGN_AFTER, there + 1, SIGN_AFTER))
        if now or monotonic() - self._signed_at >= SIGN_EVERY_S:
            sizes += [there] if there not in sizes else []
        if not sizes:
            return
        notes = await asyncio.to_thread(self._sign, sizes)
        self._between("signed")
        self._note, self._signed, self._signed_at = notes[-1], sizes[-1], monotonic()
        await log_rows.put_checkpoints(connection, sizes, self._clock.now(), notes)
        self._between("kept")

    def _sign(self, sizes: Sequence[int]) -> list[str]:
        """The largest is on disk when this returns. A smaller one that a crash takes is no loss:
        the next covers it."""
        self._tree.sync()
        marks = [Checkpoint(self._keys.origin, size, self._tree.root(size)) for size in sizes]
        notes = [self._keys.sign(mark) for mark in marks]
        put_durably(self._folder / CHECKPOINT_FILE, notes[-1])
        return notes

    async def _let_go(self) -> None:
        connection, self._connection, self._place = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(asyncpg.PostgresError, *BROKEN):
                await connection.close(timeout=5)


def _new_hashes(found: Sequence[log_rows.Found], seeds: Sequence[bytes]) -> list[bytes]:
    return [
        entry_hash(each.source, each.row, seed) for each, seed in zip(found, seeds, strict=True)
    ]


def _hashes(entries: Sequence[log_rows.Leaf], rows: Any, first: int) -> list[bytes]:
    """The hashes of entries, from their rows. Raises LogBroken where that cannot be."""
    found: list[bytes] = []
    for number, leaf in enumerate(entries, first):
        row = rows.get((leaf.source.name, leaf.id))
        if leaf.number != number:
            raise LogBroken(f"entry {number} is missing")
        if leaf.kept is not None:
            found.append(kept_hash(leaf.source, leaf.kept))
        elif row is None or leaf.seed is None:
            raise LogBroken(f"entry {number}: its row {leaf.source.name} {leaf.id} is missing")
        else:
            found.append(entry_hash(leaf.source, row, leaf.seed))
    return found
