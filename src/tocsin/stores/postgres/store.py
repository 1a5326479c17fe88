"""`ports.Store` on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import MAXYEAR
from typing import Final

from tocsin.geography.distance import short_distance_m
from tocsin.geography.squares import keys_around
from tocsin.kernel.shared import (
    ActorId,
    CaseId,
    Instant,
    Place,
    Refused,
    ReportId,
    UnitId,
)
from tocsin.runtime import codec
from tocsin.runtime.onlooking import onlooker
from tocsin.runtime.ports import (
    BoardRow,
    CaseQuery,
    Committed,
    Entry,
    JournalEntry,
    Message,
    Order,
    Page,
    Position,
    RoadClosure,
    UnitEntry,
    UnitRow,
)
from tocsin.runtime.rosters import PlannedDuty
from tocsin.runtime.verify import Audit, UnitAudit
from tocsin.stores.postgres.auditing import audit, entry_of
from tocsin.stores.postgres.chores import Chores
from tocsin.stores.postgres.connections import Connection, Dsn, Readers, Row, connect, translated
from tocsin.stores.postgres.device_reads import DeviceReads
from tocsin.stores.postgres.doors import Doors
from tocsin.stores.postgres.lists import count_statement, page_statement
from tocsin.stores.postgres.migrate import migrate
from tocsin.stores.postgres.owed import OwedWrites
from tocsin.stores.postgres.roads import Roads
from tocsin.stores.postgres.rosters import Rosters
from tocsin.stores.postgres.units import Units, audit_units
from tocsin.stores.postgres.walls import raise_walls
from tocsin.stores.postgres.writer import GROUP_COMMIT_MAX, QUEUE_MAX, Writer
from tocsin.stores.querying import cursor_of, page_size
from tocsin.stores.vault import MasterKeys, Sealer, WrongMasterKey

ENTRIES_CHUNK = 2_000  # journal entries held in memory while streaming: about 8 MB
NEAR_SPARE = 20  # rows beyond the limit: the database's distance is a little coarser than ours

_ENTRY: Final = "seq, case_id, version, at, actor, command, events"
# Nobody who is still writing can come in between: see the journal's lock in `writer`.
_SETTLED: Final = "xid < pg_snapshot_xmin(pg_current_snapshot())"
_BETWEEN: Final = f"""
WITH span AS MATERIALIZED (
  SELECT min(seq) AS first, max(seq) AS last
  FROM (SELECT seq FROM journal WHERE at >= $1 AND at < $2 OFFSET 0) AS inside
)
SELECT {_ENTRY} FROM journal
WHERE seq >= (SELECT first FROM span) AND seq <= (SELECT last FROM span)
  AND at >= $1 AND at < $2 AND seq > $3 AND {_SETTLED}
ORDER BY seq LIMIT $4"""
# The span is first found by the index of instants: with a limit on the order alone, the planner
# would walk the journal from its first day.

_NEAR: Final = """
SELECT id, lon, lat FROM (
  SELECT id, lon, lat FROM cases
   WHERE cell_key = ANY($1::bigint[]) AND closed_at IS NULL AND is_open
  UNION ALL
  SELECT id, lon, lat FROM cases
   WHERE cell_key = ANY($1::bigint[]) AND closed_at > $4
) there
ORDER BY ((lon - $2) * cos(radians($3))) ^ 2 + (lat - $3) ^ 2, id
LIMIT $5"""


class PostgresStore(DeviceReads, OwedWrites):
    """Board, journal, errands and messages in PostgreSQL 15 or newer.

    `keys` are the vault's master keys: sealed values are written in the transaction of their
    order. `faults` counts orders that failed by a bug of ours: a node with faults is unwell.
    Every method may raise Unavailable; the store connects again by itself.
    """

    def __init__(
        self,
        dsn: Dsn | Doors,
        keys: MasterKeys,
        *,
        group_commit_max: int = GROUP_COMMIT_MAX,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self.doors = dsn if isinstance(dsn, Doors) else Doors(dsn)
        self._dsn = dsn = self.doors.node
        self.readers = Readers(dsn, persons=self.doors.reader)
        super().__init__(dsn, self.readers)
        self.keys = keys
        seals = Sealer(keys)
        self._writer = Writer(dsn, seals, group_commit_max=group_commit_max, queue_max=queue_max)
        self.when_committed = self._writer.told.append  # quick things: the next commit waits
        self._chores = Chores(dsn, self.readers)
        self._units = Units(self.readers)
        self._roads = Roads(self.readers.own)
        self._rosters = Rosters(self.readers)

    async def open(self) -> list[str]:
        """Migrates, checks that the master keys are this database's, and connects.

        Returns the names of the migrations applied. Raises MigrationError, WrongMasterKey,
        Unavailable.
        """
        applied: list[str] = await translated(migrate(self.doors.owner))
        await translated(_prepare(self.doors.owner, self.keys))
        await translated(raise_walls(self.doors))
        await self.readers.open(is_walled=self.doors.is_walled)
        await self._writer.open()
        return applied

    async def close(self) -> None:
        """Finishes what was queued, then lets go of every connection."""
        await self._writer.close()
        await self._signs.close()
        await self._chores.close()
        await self.readers.close()

    @property
    def faults(self) -> int:
        """Orders that failed by a bug of ours since the start."""
        return self._writer.faults

    @property
    def is_connected(self) -> bool:
        """Whether orders can be taken now."""
        return self._writer.is_connected

    @property
    def figures(self) -> dict[str, int]:
        """For the metrics: transactions and orders so far, orders waiting, faults."""
        writer = self._writer
        return {
            "commits": writer.commits,
            "orders": writer.orders,
            "queued": writer.queued,
            "faults": writer.faults,
            "sign_commits": self._signs.commits,
            "signs": self._signs.kept,
        }

    async def commit(self, order: Order) -> Committed | Refused:
        """See `ports.Order`. The answer means that COMMIT has returned."""
        return await self._writer.commit(order)

    # -- board

    async def case(self, case_id: CaseId) -> BoardRow | None:
        sql = "SELECT id, state, version, updated_at FROM cases WHERE id = $1"
        row = await self.readers.fetchrow(sql, case_id) if _is_text(case_id) else None
        return _board_row(row) if row is not None else None

    async def cases(self, query: CaseQuery) -> Page:
        """One page; the order of lists is in `stores.querying`. Raises BadCursor."""
        sql, values = page_statement(query)
        rows = await self.readers.fetch(sql, *values)
        size = page_size(query)
        following = None
        if len(rows) > size:
            last = rows[size - 1]
            is_never = query.order == "due" and last["sort"].year == NEVER_YEAR
            following = cursor_of(None if is_never else last["sort"], last["id"])
        return Page(tuple(_board_row(row) for row in rows[:size]), following)

    async def count(self, query: CaseQuery) -> int:
        sql, values = count_statement(query)
        # Over a whole area of the onlooker's every row is theirs: then the count needs the index
        # alone, and not each row for the policy.
        who = onlooker()
        is_theirs = who is not None and query.area in who.areas
        return await (self.readers.own if is_theirs else self.readers).fetchval(sql, *values)

    async def near(
        self, place: Place, radius_m: float, since: Instant, limit: int
    ) -> Sequence[BoardRow]:
        """See `ports.Store.near`. Raises ValueError for a radius above 10 km."""
        keys = keys_around(place.lon, place.lat, radius_m)
        spots = await self.readers.fetch(
            _NEAR, keys, place.lon, place.lat, since, limit + NEAR_SPARE
        )
        found = [(short_distance_m(place.lon, place.lat, row[1], row[2]), row[0]) for row in spots]
        chosen = [case_id for distance, case_id in sorted(found) if distance <= radius_m][:limit]
        if not chosen:
            return []
        sql = "SELECT id, state, version, updated_at FROM cases WHERE id = ANY($1::text[])"
        rows = {row["id"]: row for row in await self.readers.fetch(sql, chosen)}
        return [_board_row(rows[case_id]) for case_id in chosen if case_id in rows]

    async def receipt(self, code_hash: bytes) -> tuple[CaseId, ReportId] | None:
        sql = "SELECT case_id, report FROM receipts WHERE code_hash = $1"
        row = await self.readers.own.fetchrow(sql, code_hash)
        return (CaseId(row[0]), ReportId(row[1])) if row is not None else None

    # -- journal

    async def journal(self, case_id: CaseId) -> Sequence[JournalEntry]:
        sql = f"SELECT {_ENTRY} FROM journal WHERE case_id = $1 ORDER BY version"
        rows = await self.readers.fetch(sql, case_id) if _is_text(case_id) else []
        return [entry_of(row) for row in rows]

    async def tail(self, after_seq: int, limit: int) -> Sequence[JournalEntry]:
        return [entry_of(row) for row in await self._tail(after_seq, limit)]

    async def _tail(self, after_seq: int, limit: int) -> list[Row]:
        sql = f"SELECT {_ENTRY} FROM journal WHERE seq > $1 AND {_SETTLED} ORDER BY seq LIMIT $2"
        return await self.readers.fetch(sql, after_seq, limit)

    async def between(
        self, since: Instant, until: Instant, limit: int, after_seq: int = 0
    ) -> Sequence[JournalEntry]:
        rows = await self.readers.fetch(_BETWEEN, since, until, after_seq, limit)
        return [entry_of(row) for row in rows]

    async def entries(self, after_seq: int = 0) -> AsyncIterator[JournalEntry]:
        while rows := await self._tail(after_seq, ENTRIES_CHUNK):
            for row in rows:
                yield entry_of(row)
            after_seq = rows[-1][0]

    async def last_seq(self) -> int:
        return await self._units.last_seq()

    def audit(self) -> AsyncIterator[Audit]:
        """Board and journal side by side, from one snapshot; see `runtime.verify`."""
        return audit(self._dsn)

    # -- units and their positions

    async def unit(self, unit_id: UnitId) -> UnitRow | None:
        return await self._units.unit(unit_id)

    async def units(self) -> Sequence[UnitRow]:
        return await self._units.units()

    async def unit_journal(self, unit_id: UnitId) -> Sequence[UnitEntry]:
        return await self._units.unit_journal(unit_id)

    async def tail_of_all(self, after_seq: int, limit: int) -> Sequence[Entry]:
        """See `ports.Store`: all journals from one snapshot."""
        return await self._units.tail_of_all(after_seq, limit)

    async def put_position(self, position: Position) -> bool:
        """See `ports.Store.put_position`."""
        return await self._units.put_position(position)

    async def positions(self, since: Instant) -> Sequence[Position]:
        return await self._units.positions(since)

    async def forget_positions(self, before: Instant) -> int:
        return await self._units.forget_positions(before)

    async def set_unit_key(self, unit_id: UnitId, key_hash: bytes | None) -> None:
        await self._units.set_unit_key(unit_id, key_hash)

    async def unit_of_key(self, key_hash: bytes) -> UnitId | None:
        return await self._units.unit_of_key(key_hash)

    # -- changes of roads

    async def put_closure(self, closure: RoadClosure) -> None:
        await self._roads.put_closure(closure)

    async def take_back_closure(
        self, closure_id: str, by: ActorId, at: Instant
    ) -> RoadClosure | None:
        return await self._roads.take_back_closure(closure_id, by, at)

    async def closures(self, at: Instant) -> Sequence[RoadClosure]:
        return await self._roads.closures(at)

    async def forget_closures(self, before: Instant) -> int:
        return await self._roads.forget_closures(before)

    async def road_changes(self) -> Sequence[tuple[Instant, ActorId, str, bool]]:
        """See `roads.Roads.road_changes`."""
        return await self._roads.road_changes()

    # -- the roster

    async def planned_duties(self, since: Instant, until: Instant) -> Sequence[PlannedDuty]:
        return await self._rosters.planned_duties(since, until)

    async def plan_duty(self, duty: PlannedDuty, at: Instant, by: ActorId) -> bool:
        return await self._rosters.plan_duty(duty, at, by)

    async def drop_duty(self, duty_id: str, unit: UnitId, at: Instant, by: ActorId) -> bool:
        return await self._rosters.drop_duty(duty_id, unit, at, by)

    def audit_units(self) -> AsyncIterator[UnitAudit]:
        """Units and their journal side by side; see `runtime.verify`."""
        return audit_units(self._dsn)

    # -- timers and errands

    async def waking(self, now: Instant, limit: int) -> Sequence[CaseId]:
        sql = "SELECT id FROM cases WHERE next_wake <= $1 ORDER BY next_wake, id LIMIT $2"
        return [CaseId(row[0]) for row in await self.readers.own.fetch(sql, now, limit)]

    async def oldest_wake(self) -> Instant | None:
        sql = "SELECT next_wake FROM cases WHERE next_wake IS NOT NULL ORDER BY next_wake LIMIT 1"
        return await self.readers.own.fetchval(sql)

    # -- messages

    async def thread(self, report: ReportId) -> Sequence[Message]:
        """Oldest first."""
        return await self._chores.thread(report)

    async def told(self, case_id: CaseId) -> Sequence[Message]:
        return await self._chores.told(case_id) if _is_text(case_id) else []

    async def inbox(
        self, audiences: Sequence[str], after: str | None, limit: int
    ) -> Sequence[Message]:
        """Newest first; `after` is the key of the last message of the page before."""
        return await self._chores.inbox(audiences, after, limit)

    async def forget_keys(self, before: Instant) -> int:
        """Drops idempotency keys older than `before`: a repeat after that is a new request."""
        sql = (
            "WITH gone AS (DELETE FROM idempotency WHERE at < $1 RETURNING 1) "
            "SELECT count(*) FROM gone"
        )
        return await self.readers.own.fetchval(sql, before)


NEVER_YEAR = MAXYEAR
"""The driver reads PostgreSQL's 'infinity' as the last instant it knows."""


_NEEDS = "SELECT EXISTS (SELECT FROM vault.keys WHERE master = $1)"


async def _prepare(dsn: Dsn, keys: MasterKeys) -> None:
    connection = await connect(dsn, statement_timeout="0")
    try:
        await register_keys(connection, keys)
        await _settle(connection)
    finally:
        await connection.close()


async def _settle(connection: Connection) -> None:
    """Rows that another tool brought from another cluster bear numbers of transactions that have
    yet to come here: the tail would wait for them. Only looked for at the newest row."""
    is_foreign = await connection.fetchval(
        "SELECT xid > pg_current_xact_id() FROM journal ORDER BY seq DESC LIMIT 1"
    )
    if is_foreign:
        await connection.execute(
            "UPDATE journal SET xid = pg_current_xact_id() WHERE xid > pg_current_xact_id()"
        )


async def register_keys(connection: Connection, keys: MasterKeys) -> None:
    """Remembers the fingerprints of the master keys; raises WrongMasterKey where the database
    knows another one, or needs one that is not here, so that nothing is ever sealed under a key
    that will be missed. One that wraps nothing any more is not asked for by a file of which keys
    were retired."""
    rows = await connection.fetch("SELECT id, fingerprint FROM vault.masters ORDER BY id")
    known = {row[0]: row[1] for row in rows}
    for number, fingerprint in known.items():
        if number in keys.by_id:
            if keys.fingerprint(number) != fingerprint:
                raise WrongMasterKey(f"vault key {number} belongs to another database")
        elif keys.codes is None or await connection.fetchval(_NEEDS, number):
            raise WrongMasterKey(f"the database needs vault key {number}: restore vault.key")
    new = [(number, keys.fingerprint(number)) for number in keys.by_id if number not in known]
    sql = "INSERT INTO vault.masters (id, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    await connection.executemany(sql, new)


def _board_row(row: Row) -> BoardRow:
    return BoardRow(codec.decode_case(row["state"]), row["version"], row["updated_at"])


def _is_text(value: str) -> bool:
    """PostgreSQL's text has no NUL: such an id names nothing."""
    return "\0" not in value


__all__ = ["PostgresStore", "register_keys"]
