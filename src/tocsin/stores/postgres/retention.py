"""`runtime.retention.Retention` on PostgreSQL.

Each thing goes in a transaction of its own, with its tombstone: a run that is killed has done some
of them wholly and the others not at all, and the next run goes on. Before anything goes its day is
found out anew under the writer's lock, so that a case that was opened again, or put under a hold,
since the plan was made keeps everything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId, Instant
from tocsin.packs.registry import Registry
from tocsin.runtime import codec
from tocsin.runtime.alarm_opening import scope_of
from tocsin.runtime.retention import KEEPER, Due, day_of, latest
from tocsin.stores.log.notes import LogKeys
from tocsin.stores.log.tombstones import tombstone
from tocsin.stores.postgres.connections import Connection, Readers
from tocsin.stores.postgres.holds import is_held
from tocsin.stores.postgres.timed import Timed, by_relation, timed
from tocsin.stores.postgres.vault import erase_in, hold_still

PAGE: Final = 200
"""Cases looked at together."""
KIN_MAX: Final = 50
"""Cases that need the values of one: its parts, and what it was merged into, and theirs."""
POSITIONS_KEPT: Final = timedelta(hours=48)
"""The charter's word; a setting may only shorten it."""
DAYS: Final = 365
"""Where a case was opened under a pack that nobody knows any more: what a pack says by default."""
CONTACT: Final = "contact"
PHOTO: Final = "media"
_CASES: Final = """
SELECT c.updated_at, c.id, c.state FROM cases c
 WHERE NOT c.is_open AND c.updated_at < $1
   AND (c.updated_at, c.id) > (coalesce($2::timestamptz, '-infinity'), $3)
   AND (EXISTS (SELECT 1 FROM vault.keys k WHERE k.case_id = c.id)
        OR EXISTS (SELECT 1 FROM receipts r WHERE r.case_id = c.id))
 ORDER BY c.updated_at, c.id LIMIT $4"""
_HELD_VALUES: Final = """
SELECT k.subject, v.kind, count(v.ref) FROM vault.keys k
  LEFT JOIN vault.values v ON v.case_id = k.case_id AND v.subject = k.subject
 WHERE k.case_id = $1 GROUP BY 1, 2 ORDER BY 1, 2"""
_ORPHANS: Final = """
SELECT DISTINCT k.subject FROM vault.keys k
 WHERE NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = k.case_id) ORDER BY 1"""
_SPOKEN: Final = """
SELECT a.id, a.state, j.events FROM alarms a JOIN alarm_journal j ON j.alarm_id = a.id
 WHERE a.asset_id = $1 AND NOT a.is_open AND ($2::text IS NULL OR a.id = $2)
 ORDER BY a.id, j.seq"""
_GONE_ACCOUNTS: Final = """
SELECT a.id, c.at FROM accounts a
  JOIN LATERAL (SELECT max(at) AS at FROM account_changes c WHERE c.subject = a.id) c ON true
 WHERE NOT a.is_active AND a.login <> 'gone-' || a.id AND c.at < $1
   AND ($2::text IS NULL OR a.id = $2) ORDER BY a.id"""
_FORGET_ACCOUNT: Final = """
UPDATE accounts SET name = '-', login = 'gone-' || id, password = NULL, grants = '[]',
       version = version + 1 WHERE id = $1"""
_OF_ACCOUNTS: Final = (
    "account_sessions", "account_links", "account_browsers", "account_passkeys",
    "account_identities", "sign_in_challenges",
)  # fmt: skip
_TOMBSTONE: Final = """
INSERT INTO vault.tombstones (at, rule, class, what, due_at, gone, note)
VALUES ($1, $2, $3, $4, $5, $6, $7)"""
CLEANED: Final = (
    "vault.keys", "vault.values", "receipts", "accounts", "account_passkeys", "account_identities",
)  # fmt: skip


class Found(NamedTuple):
    """Values of one scope and kind."""

    subject: str
    kind: str | None
    size: int


class PostgresRetention:
    """See `runtime.retention.Retention`. `between` is told each step; a test ends the process
    there. `positions` and the pack's spans decide; nothing here is a limit of its own."""

    def __init__(
        self,
        readers: Readers,
        packs: Registry,
        keys: LogKeys,
        positions: timedelta = POSITIONS_KEPT,
        between: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._readers = readers
        self._packs = packs
        self._keys = keys
        self._terms = packs.current_pack.retention
        self._timed = timed(min(positions, POSITIONS_KEPT), timedelta(days=self._terms.errands))
        self._between = between

    # -- the plan

    async def plan(self, now: Instant) -> AsyncIterator[Due]:
        """See the port. A page at a time, so that a first run over years fits into memory."""
        async for due in self._cases(now):
            yield due
        async with self._readers.acquire() as connection:
            found = await self._alarms(connection, now)
            found += [each for rule in self._timed for each in await _rows(connection, rule, now)]
            # Last: with an account go its sessions, which the line of the sessions counts.
            found += await self._accounts(connection, now, None)
        for due in found:
            yield due

    async def _cases(self, now: Instant) -> AsyncIterator[Due]:
        after_at, after = None, ""
        while True:
            async with self._readers.acquire() as connection:
                rows = await connection.fetch(
                    _CASES,
                    now - timedelta(days=1), after_at, after, PAGE,
                )  # fmt: skip
                found: list[Due] = []
                for row in rows:
                    found += await self._of_case(connection, codec.decode_case(row[2]), now)
            for due in found:
                yield due
            if len(rows) < PAGE:
                return
            after_at, after = rows[-1][0], rows[-1][1]

    async def _of_case(self, connection: Connection, case: Case, now: Instant) -> list[Due]:
        """What of one case is due. Nothing is asked about a case too young for the shortest of its
        spans: others can only make its days later, and a year's cases are looked at each night."""
        first = self._day((case,), min(self._terms.contacts, self._terms.photos))
        if first is not None and first > now:
            return []
        kin = await _kin(connection, case)
        if await is_held(connection, [each.id for each in kin], now):
            return []
        values = [Found(*row) for row in await connection.fetch(_HELD_VALUES, case.id)]
        day = self._day(kin)
        if day is not None and day <= now:
            codes = await connection.fetchval(
                "SELECT count(*) FROM receipts WHERE case_id = $1", case.id
            )
            whole = [Due("case.sealed", case.id, day, _sum(values))] if values else []
            return whole + ([Due("case.code", case.id, day, codes)] if codes else [])
        found: list[Due] = []
        for rule, kind, days in (
            ("case.contact", CONTACT, self._terms.contacts),
            ("case.photo", PHOTO, self._terms.photos),
        ):
            day, some = self._day(kin, days), [each for each in values if each.kind == kind]
            if some and day is not None and day <= now:
                found.append(Due(rule, case.id, day, _sum(some)))
        return found

    def _day(self, kin: Sequence[Case], at_most: int | None = None) -> Instant | None:
        """The day of a case: that of the last one that still shows its values."""
        days: list[Instant | None] = []
        for case in kin:
            policy: CasePolicy | None = self._packs.policy(case.pack_version, case.case_type)
            kept = policy.retention_days if policy is not None else DAYS
            if case.status == "merged":
                continue  # it has no close of its own: that of the case it was merged into
            closed = None if case.is_open else case.closed_at
            days.append(day_of(closed, kept if at_most is None else min(kept, at_most)))
        return latest(days)

    async def _alarms(self, connection: Connection, now: Instant) -> list[Due]:
        found: list[Due] = []
        for (asset,) in await connection.fetch(_ORPHANS):
            for alarm, scopes in await _spoken(connection, asset, None):
                due = await self._of_alarm(connection, alarm, scopes, now)
                found += [due] if due is not None else []
        return found

    async def _of_alarm(
        self, connection: Connection, alarm: Alarm, scopes: Sequence[CaseId], now: Instant
    ) -> Due | None:
        """The words of an alarm; each case that they came into shows them, too."""
        sql = "SELECT count(*) FROM vault.values WHERE case_id = ANY($1::text[])"
        count = await connection.fetchval(sql, list(scopes))
        if not count:
            return None
        names = {alarm.case, alarm.first_case, *alarm.handled} - {None}
        days = [day_of(alarm.closed_at, self._terms.alarms)]
        cases: list[CaseId] = []
        for case in await _by_id(connection, sorted(str(each) for each in names)):
            kin = await _kin(connection, case)
            cases += [each.id for each in kin]
            days.append(self._day(kin))
        day = latest(days)
        if day is None or day > now or await is_held(connection, cases, now):
            return None
        return Due("alarm.sealed", alarm.id, day, count)

    async def _accounts(self, connection: Connection, now: Instant, only: str | None) -> list[Due]:
        kept = timedelta(days=self._terms.accounts)
        rows = await connection.fetch(_GONE_ACCOUNTS, now - kept, only)
        return [Due("account.gone", row[0], row[1] + kept, 1) for row in rows]

    # -- the end

    async def destroy(self, due: Due, now: Instant) -> int | None:
        """See the port."""
        async with self._readers.acquire() as connection, connection.transaction():
            await hold_still(connection)
            still = await self._still(connection, due, now)
            if still is None:
                return None
            gone = await self._carry_out(connection, still, now)
            self._between("gone")
            note = tombstone(self._keys, still, gone, now)
            await connection.execute(
                _TOMBSTONE, now, still.rule, still.kept_as, still.what, still.due_at, gone, note
            )
            self._between("signed")
        self._between("committed")
        return gone

    async def _still(self, connection: Connection, due: Due, now: Instant) -> Due | None:
        """The same thing as it is now, if its day has come."""
        found: list[Due] = []
        if due.rule.startswith("case."):
            for case in await _by_id(connection, [due.what]):
                found = await self._of_case(connection, case, now)
        elif due.rule == "alarm.sealed":
            asset = await connection.fetchval("SELECT asset_id FROM alarms WHERE id = $1", due.what)
            for alarm, scopes in await _spoken(connection, asset, due.what):
                again = await self._of_alarm(connection, alarm, scopes, now)
                found += [again] if again is not None else []
        elif due.rule == "account.gone":
            found = await self._accounts(connection, now, due.what)
        else:
            found = await _rows(connection, by_relation(self._timed)[due.what], now)
        return next((each for each in found if each.rule == due.rule), None)

    async def _carry_out(self, connection: Connection, due: Due, now: Instant) -> int:
        """Values and rows that went. The caller's transaction holds everybody still."""
        kinds = {"case.contact": [CONTACT], "case.photo": [PHOTO]}.get(due.rule)
        if due.rule in ("case.sealed", "case.contact", "case.photo"):
            return await _erase(connection, [CaseId(due.what)], kinds, now)
        if due.rule == "alarm.sealed":
            asset = await connection.fetchval("SELECT asset_id FROM alarms WHERE id = $1", due.what)
            ((_, scopes),) = await _spoken(connection, asset, due.what)
            return await _erase(connection, scopes, None, now)
        if due.rule == "case.code":
            sql = "DELETE FROM receipts WHERE case_id = $1"
            return _counted(await connection.execute(sql, due.what))
        if due.rule == "account.gone":
            for table in _OF_ACCOUNTS:
                await connection.execute(f"DELETE FROM {table} WHERE account = $1", due.what)
            return _counted(await connection.execute(_FORGET_ACCOUNT, due.what))
        rule = by_relation(self._timed)[due.what]
        sql = f"DELETE FROM {rule.relation} WHERE {rule.where}"
        return _counted(await connection.execute(sql, now - rule.kept))

    async def ended(self, now: Instant, gone: int) -> None:
        """See the port. What went is also swept out of the tables' files where the database lets
        this role do it; else its own housekeeping does, later."""
        async with self._readers.acquire() as connection:
            if gone:
                for table in CLEANED:
                    await connection.execute(f"VACUUM {table}")
            await connection.execute(
                "INSERT INTO retention_runs (ended_at, gone) VALUES ($1, $2)", now, gone
            )

    async def sweep(self) -> None:
        """Writes the tables anew from which something went, so that no byte of it is left in their
        files. Everybody waits meanwhile, about a second for each gigabyte: for a quiet hour."""
        async with self._readers.acquire() as connection:
            for table in CLEANED:
                await connection.execute(f"VACUUM FULL {table}", timeout=None)
            await connection.execute("CHECKPOINT", timeout=None)

    async def last_run(self) -> Instant | None:
        return await self._readers.fetchval("SELECT max(ended_at) FROM retention_runs")


async def _by_id(connection: Connection, ids: Sequence[str]) -> list[Case]:
    sql = "SELECT state FROM cases WHERE id = ANY($1::text[]) ORDER BY id"
    return [codec.decode_case(row[0]) for row in await connection.fetch(sql, list(ids))]


async def _kin(connection: Connection, case: Case) -> list[Case]:
    """The case, its parts, what it was merged into, and theirs: all that show its values."""
    found = {case.id: case}
    fresh = [case]
    while fresh and len(found) < KIN_MAX:
        wanted = {
            name
            for each in fresh
            for name in (*each.links.children, each.links.merged_into)
            if name is not None and name not in found
        }
        fresh = await _by_id(connection, sorted(wanted)) if wanted else []
        found.update({each.id: each for each in fresh})
    return list(found.values())


async def _spoken(
    connection: Connection, asset: str | None, only: str | None
) -> list[tuple[Alarm, list[CaseId]]]:
    """Alarms of a device that are over, with the scopes in which its words lie in the vault."""
    found: dict[str, tuple[Alarm, list[CaseId]]] = {}
    for alarm_id, state, events in await connection.fetch(_SPOKEN, asset, only):
        entry = found.setdefault(alarm_id, (codec.decode_alarm(state), []))
        for event in codec.decode_alarm_events(events):
            signal = getattr(event, "signal", None)
            if signal is not None and signal.text is not None:
                scope = scope_of(signal.text)
                if scope not in entry[1]:
                    entry[1].append(scope)
    return [each for each in found.values() if each[1]]


async def _erase(
    connection: Connection, cases: Sequence[CaseId], kinds: list[str] | None, now: Instant
) -> int:
    gone = 0
    for case_id in cases:
        rows = await connection.fetch(_HELD_VALUES, case_id)
        subjects = dict.fromkeys(row[0] for row in rows if kinds is None or row[1] in kinds)
        for subject in subjects:
            gone += await erase_in(
                connection, case_id, subject, at=now, by=KEEPER, reason="retention", kinds=kinds
            )
    return gone


async def _rows(connection: Connection, rule: Timed, now: Instant) -> list[Due]:
    before = now - rule.kept
    count = await connection.fetchval(
        f"SELECT count(*) FROM {rule.relation} WHERE {rule.where}", before
    )
    return [Due(rule.rule, rule.relation, before, count)] if count else []


def _sum(values: Sequence[Found]) -> int:
    return sum(each.size for each in values)


def _counted(status: str) -> int:
    """Rows of a command, as the server says it: `DELETE 3`."""
    return int(status.rpartition(" ")[2])


__all__ = ["CLEANED", "POSITIONS_KEPT", "PostgresRetention"]
