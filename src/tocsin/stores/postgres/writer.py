"""The group-commit writer: whatever queues while a commit is in flight goes into the next one.

One transaction at a time in the whole database: the first statement takes an advisory lock, so
journal numbers are given in the order of commits and no reader of the tail can skip one, also
when several nodes write. The rows are locked as well, in the order of ids, for everyone who does
not know about the advisory lock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec

from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId, Refused, UnitId
from tocsin.runtime import codec
from tocsin.runtime.lanes import LANES, SHARES, Lane, lane_of
from tocsin.runtime.ports import Committed, Order, Unavailable, UnitRow
from tocsin.stores.applying import Applied, apply, apply_device
from tocsin.stores.postgres.batch import WRITE, Batch, fingerprint_of
from tocsin.stores.postgres.connections import (
    BROKEN,
    Connection,
    Dsn,
    connect,
    translated,
    trouble_of,
)
from tocsin.stores.postgres.device_writing import KnownDevices, ReadAssets
from tocsin.stores.postgres.key_fence import KeyHold
from tocsin.stores.postgres.units import LOCK_UNITS, unit_row
from tocsin.stores.vault import Chance, KeyRow, Sealer
from tocsin.stores.vault.sealing import Scope

GROUP_COMMIT_MAX = 256  # orders of one transaction: at 0.2 ms each a commit stays near 50 ms
QUEUE_MAX = 4_000  # waiting orders: a few seconds of work; more would only time out in the queue
RECONNECT_FIRST_S = 0.02  # the embedded server starts again in 35 to 85 ms
RECONNECT_MAX_S = 1.0  # so that a node is back a second after its database
JOURNAL_LOCK = 0x70C50
YIELD_EVERY = 16  # orders planned between two looks at the event loop

HOLD_WRITERS = f"SELECT pg_advisory_xact_lock({JOURNAL_LOCK})"
"""In a transaction: nobody else writes cases until it ends."""
_BEGIN = f"BEGIN; {HOLD_WRITERS}"
_LOCK_CASES = (
    "SELECT id, state, version FROM cases WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
)
_FIND_KEYS = "SELECT key, fingerprint, answer FROM idempotency WHERE key = ANY($1::text[])"
_FIND_DATA_KEYS = """
SELECT k.case_id, k.subject, k.master, k.wrapped_key
  FROM unnest($1::text[], $2::text[]) AS wanted (case_id, subject)
  JOIN vault.keys k USING (case_id, subject)"""

Outcome = Committed | Refused | Exception
Answer = tuple[bytes, bytes]
"""(fingerprint, answer as JSON) kept with an idempotency key."""


@dataclass(slots=True)
class _Waiting:
    order: Order
    future: asyncio.Future[Committed | Refused]

    def answer(self, outcome: Outcome) -> None:
        if self.future.done():  # the caller went away; what was written stays written
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


@dataclass(slots=True)
class _Known:
    """What the transaction has read, and what its own orders made of it so far."""

    devices: KnownDevices
    cases: dict[CaseId, Case] = field(default_factory=dict[CaseId, Case])
    versions: dict[CaseId, int] = field(default_factory=dict[CaseId, int])
    units: dict[UnitId, UnitRow] = field(default_factory=dict[UnitId, UnitRow])
    keys: dict[str, Answer] = field(default_factory=dict[str, Answer])
    data_keys: dict[Scope, KeyRow] = field(default_factory=dict[Scope, KeyRow])
    chance: Chance = field(default_factory=Chance)


class Writer:
    """Owns the one connection that writes cases. Figures: `commits`, `orders`, `faults`."""

    def __init__(
        self,
        dsn: Dsn,
        sealer: Sealer,
        *,
        group_commit_max: int = GROUP_COMMIT_MAX,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self.commits = 0
        self.orders = 0
        self.faults = 0
        self._dsn = dsn
        self._sealer = sealer
        self._key = KeyHold(sealer)
        self._assets = ReadAssets()
        self.told: list[Callable[[], None]] = []  # called after each commit
        self._group_commit_max = group_commit_max
        self._queue_max = queue_max
        self._lanes: dict[Lane, deque[_Waiting]] = {lane: deque() for lane in LANES}
        self._news = asyncio.Event()
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    @property
    def queued(self) -> int:
        """Orders that wait for their turn."""
        return sum(len(lane) for lane in self._lanes.values())

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def open(self) -> None:
        """Raises Unavailable where there is no database."""
        await self._connect()
        self._task = asyncio.create_task(self._run(), name="store-writer")

    async def close(self) -> None:
        """Finishes what is queued, then ends. Later orders are refused as Unavailable."""
        self._is_closing = True
        self._news.set()
        if self._task is not None:
            await self._task
            self._task = None
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close(timeout=5)

    async def commit(self, order: Order) -> Committed | Refused:
        """See `ports.Store.commit`. Returns after COMMIT has returned."""
        if self._connection is None or self._is_closing:
            raise Unavailable("the database connection was lost")
        lane = self._lanes[lane_of(order)]
        if len(lane) >= self._queue_max:
            raise Unavailable("too many orders are waiting", 1)
        waiting = _Waiting(order, asyncio.get_running_loop().create_future())
        lane.append(waiting)
        self._news.set()
        return await waiting.future

    # -- the loop

    async def _run(self) -> None:
        while True:
            if self._connection is not None:
                await self._key.follow(self._connection)
            if self.queued and self._connection is not None:
                group = self._next_group()
                try:
                    await self._serve(group)
                except Exception as error:
                    # A bug of ours: it goes to the callers, and the loop goes on.
                    self.faults += 1
                    for waiting in group:
                        waiting.answer(error)
            elif self._is_closing:
                for waiting in self._drained():
                    waiting.answer(Unavailable("the store is closed"))
                return
            elif self._connection is None:
                await self._reconnect()
            else:
                self._news.clear()
                await self._key.pause(self._news)

    def _next_group(self) -> list[_Waiting]:
        """Lane after lane (`runtime.lanes`). The first that has orders fills the commit; of the
        others only few go along, which would make it longer. Those few go along every time, so
        that a flood of alarms does not stop the people who answer it, nor both everything else."""
        group: list[_Waiting] = []
        for name, lane in self._lanes.items():
            room = self._group_commit_max // SHARES[name] if group else self._group_commit_max
            group += [lane.popleft() for _ in range(min(room, len(lane)))]
        return group

    def _drained(self) -> list[_Waiting]:
        waiting = [each for lane in self._lanes.values() for each in lane]
        for lane in self._lanes.values():
            lane.clear()
        return waiting

    async def _serve(self, group: Sequence[_Waiting]) -> None:
        """One transaction for the group; one each where the data of one of them is at fault."""
        try:
            outcomes = await self._transact([waiting.order for waiting in group])
        except Exception as error:
            trouble = trouble_of(error)
            await self._tidy(lost=trouble is not None)
            if trouble is not None:
                for waiting in group:
                    waiting.answer(_fresh(trouble))
            elif len(group) > 1:
                for waiting in group:
                    await self._serve([waiting])
            else:
                await self._serve_alone(group[0], error)
            return
        self.commits += 1
        self.orders += len(group)
        for waiting, outcome in zip(group, outcomes, strict=True):
            self.faults += isinstance(outcome, Exception)
            waiting.answer(outcome)
        for tell in self.told:
            tell()

    async def _serve_alone(self, waiting: _Waiting, error: Exception) -> None:
        """The order failed by itself. A taken id or key is looked at once more: another order
        may have been quicker, or the target of an `opens` exists already."""
        if isinstance(error, asyncpg.UniqueViolationError) and self._connection is not None:
            try:
                outcomes = await self._transact([waiting.order], trust_opens=False)
            except Exception as second:
                trouble = trouble_of(second)
                await self._tidy(lost=trouble is not None)
                error = trouble or second
            else:
                self.faults += isinstance(outcomes[0], Exception)
                waiting.answer(outcomes[0])
                return
        self.faults += not isinstance(error, Unavailable)
        waiting.answer(error)

    # -- one transaction

    async def _transact(self, orders: Sequence[Order], trust_opens: bool = True) -> list[Outcome]:
        connection = self._connection
        if connection is None:
            raise Unavailable("the database connection was lost")
        await connection.execute(_BEGIN)
        known = await self._look_up(connection, orders, trust_opens)
        batch = Batch()
        outcomes: list[Outcome] = []
        for number, order in enumerate(orders, 1):
            outcomes.append(self._plan(order, known, batch))
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        if batch.is_empty:
            await connection.execute("ROLLBACK")
        else:
            await batch.units.write(connection)
            await batch.devices.write(connection)
            await connection.fetchval(WRITE, *batch.arguments())
            await connection.execute("COMMIT")
        return outcomes

    async def _look_up(
        self, connection: Connection, orders: Sequence[Order], trust_opens: bool
    ) -> _Known:
        """Locks every case of the group in id order, and reads it; keys and data keys too."""
        known = _Known(KnownDevices(self._assets))
        wanted: set[CaseId] = set()
        for order in orders:
            wanted.update(order.cases)
            if order.opens and trust_opens:
                wanted.discard(order.target)
        if wanted:
            for row in await connection.fetch(_LOCK_CASES, sorted(wanted)):
                known.cases[row[0]] = codec.decode_case(row[1])
                known.versions[row[0]] = row[2]
        if units := {order.unit for order in orders if order.unit is not None}:
            for row in await connection.fetch(LOCK_UNITS, sorted(units)):
                known.units[row[0]] = unit_row(row)
        if devices := [order.device for order in orders if order.device is not None]:
            await known.devices.look_up(connection, devices)
        if keys := {key for order in orders for key in _keys_of(order)}:
            for row in await connection.fetch(_FIND_KEYS, list(keys)):
                known.keys[row[0]] = row[1], row[2]
        scopes = {
            (value.case_id, value.subject)
            for order in orders
            if not (order.opens and trust_opens)
            for value in order.sealed
        }
        if scopes:
            ids, subjects = zip(*scopes, strict=True)
            for row in await connection.fetch(_FIND_DATA_KEYS, ids, subjects):
                known.data_keys[row[0], row[1]] = KeyRow(*row)
        return known

    def _plan(self, order: Order, known: _Known, batch: Batch) -> Outcome:
        """One order against what is known; nothing of it stays behind when it fails."""
        try:
            for key in _keys_of(order):
                if (kept := known.keys.get(key)) is not None:
                    return _repeated(order, kept)
            cases = {case_id: known.cases.get(case_id) or Case(case_id) for case_id in order.cases}
            versions = {case_id: known.versions.get(case_id, 0) for case_id in order.cases}
            unit = known.units.get(order.unit) if order.unit is not None else None
            if order.device is not None:
                found = known.devices.found(order.device)
                applied = apply_device(order, found, cases, versions)
            else:
                applied = apply(order, cases, versions, unit)
            if isinstance(applied, Refused):
                return applied
            sealed = self._sealer.seal(order.sealed, known.data_keys, known.chance)
            batch.add(order, applied)
        except Exception as error:
            return error  # for its own caller; counted when it is answered
        if order.device is not None:
            known.devices.note(order, applied)
        if _keeps_sealed(order, applied):
            batch.data_keys.extend(sealed[0])
            batch.values.extend(sealed[1])
            for row in sealed[0]:
                known.data_keys[row.case_id, row.subject] = row
        if applied.committed.unit is not None:
            known.units[applied.committed.unit.unit.id] = applied.committed.unit
        for change in applied.changes:
            known.cases[change.case_id] = change.case
            known.versions[change.case_id] = change.version
        if order.key is not None:
            fingerprint, answer, _ = batch.keys[order.key]
            known.keys[order.key] = fingerprint, answer
        return applied.committed

    # -- the connection

    async def _tidy(self, *, lost: bool) -> None:
        """After a failed transaction: roll back, or let go of a connection that cannot."""
        connection = self._connection
        if connection is None:
            return
        if not connection.is_closed():
            try:
                await connection.execute("ROLLBACK")
                return
            except (asyncpg.PostgresError, *BROKEN):
                lost = True
        if lost or connection.is_closed():
            connection.terminate()
            self._connection = None

    async def _connect(self) -> None:
        connection: Connection = await translated(connect(self._dsn))
        await translated(self._key.take(connection))
        connection.add_termination_listener(self._lose)
        self._assets = ReadAssets()
        self._connection = connection

    def _lose(self, connection: Any) -> None:
        """The server closed the connection, perhaps while nobody was writing."""
        if self._connection is connection:
            self._connection = None
            self._news.set()

    async def _reconnect(self) -> None:
        """Tries until there is a connection again. What was queued waits for the first attempt
        only; every caller after that is told to come back."""
        wait_s = RECONNECT_FIRST_S
        while self._connection is None and not self._is_closing:
            try:
                await self._connect()
            except Exception as error:
                # Whatever it is (also a password that was changed): the operator may mend it.
                trouble = trouble_of(error) or Unavailable("the database refuses connections")
                for waiting in self._drained():
                    waiting.answer(_fresh(trouble))
                await asyncio.sleep(wait_s)
                wait_s = min(RECONNECT_MAX_S, wait_s * 2)


def _keeps_sealed(order: Order, applied: Applied) -> bool:
    """What is sealed stays with what it belongs to: a case, or the alarm a device told."""
    return bool(applied.changes or (order.device is not None and applied.alarms))


def _keys_of(order: Order) -> tuple[str, ...]:
    return () if order.key is None else (order.key, *order.earlier_keys)


def _repeated(order: Order, kept: Answer) -> Committed | Refused:
    fingerprint, answer = kept
    if fingerprint != fingerprint_of(order):
        return Refused("key_reused", "the same key came with another request")
    stored: Mapping[str, Any] = msgspec.json.decode(answer, type=dict[str, Any])
    return Committed({}, {}, {}, stored, repeated=True)


def _fresh(trouble: Unavailable) -> Unavailable:
    """One exception for each caller: a shared one would grow a traceback with every raise."""
    return Unavailable(str(trouble), trouble.retry_after_s, trouble.state)
