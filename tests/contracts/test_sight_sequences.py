"""Ten thousand random steps of many who look, against the real database: with rollbacks, cancels,
expiries, permits given back, and backends killed. Nothing is shown that had no permit and no record
before; and every bug that is planted is found."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

import asyncpg
import pytest

from tests.contracts.town import Town
from tocsin.kernel.shared import Actor, ActorId, CaseId, Refused, SealedRef
from tocsin.runtime.ports import Unavailable
from tocsin.runtime.sight import KINDS, PERMIT_LIVES
from tocsin.runtime.sight_ports import NotPermitted, SecondPerson, Wish
from tocsin.stores.postgres import permits, vault
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.stores.vault import MasterKeys

SEQUENCES: Final = 10_000
PLANTED_SEQUENCES: Final = 600
"""Enough for each planted bug to show more than once; it stops at the first finding."""
AT_ONCE: Final = 4
PEOPLE: Final = tuple(
    Actor(ActorId(f"staff-{n}"), "staff", ("dispatcher", "supervisor")) for n in range(4)
)


class TestClock(Town):
    """Also jumps, so that permits expire."""

    __test__ = False


@dataclass
class World:
    """What the sequences act on, and what they saw."""

    dsn: str
    vault: PostgresVault
    town: TestClock
    chance: Random
    refs: dict[SealedRef, tuple[CaseId, str]]
    guarded: frozenset[CaseId]
    checker: Any
    faults: list[str] = field(default_factory=list[str])
    did: Counter[str] = field(default_factory=Counter[str])
    known: list[int] = field(default_factory=list[int])
    over: set[int] = field(default_factory=set[int])
    """Permits whose giving back was acknowledged."""

    async def look(self, records_before: int, shown: Mapping[SealedRef, object], by: Actor) -> None:
        """Judges a reading by the tables alone: the checker shares no SQL with the vault."""
        for ref in shown:
            self.did["shown"] += 1
            case_id, kind = self.refs[ref]
            rows = await self.checker.fetch(
                "SELECT o.id, o.at AS seen, p.*, d.answer, d.actor AS decided "
                "FROM vault.openings o JOIN vault.permits p ON p.id = o.permit "
                "LEFT JOIN vault.decisions d ON d.ask = p.ask WHERE o.ref = $1 AND o.id > $2",
                ref,
                records_before,
            )
            mine = [row for row in rows if row["actor"] == by.id]
            if not mine:
                self.faults.append(f"{ref} shown to {by.id} without a record")
            elif not any(self._is_good(row, case_id, kind) for row in mine):
                self.faults.append(f"{ref} shown to {by.id} without a permit that held")

    def _is_good(self, row: Mapping[str, Any], case_id: CaseId, kind: str) -> bool:
        in_time = row["at"] <= row["seen"] < row["expires_at"]
        short = row["expires_at"] - row["at"] <= timedelta(minutes=60)
        ours = case_id in row["holders"] and kind in KINDS[row["purpose"]]
        second = row["answer"] == "approved" and row["decided"] != row["actor"]
        agreed = second or not (case_id in self.guarded and "contact" in KINDS[row["purpose"]])
        return in_time and short and ours and agreed


async def sequence(world: World) -> None:
    """One person's few steps. Whatever breaks off, what was shown is judged."""
    chance, town = world.chance, world.town
    by = chance.choice(PEOPLE)
    ref = chance.choice(sorted(world.refs))
    case_id, kind = world.refs[ref]
    purpose = chance.choice(("handling", "contact_reporter", "supervision"))
    needs = ("contact",) if case_id in world.guarded and purpose == "contact_reporter" else ()
    wish = Wish(case_id, (case_id,), "dispatcher", needs=needs)  # pyright: ignore[reportArgumentType]
    step = chance.random()
    if step < 0.08:
        await world.checker.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
            "current_database() AND pid <> pg_backend_pid() AND application_name = 'tocsin' "
            "AND random() < 0.3"
        )
        world.did["killed"] += 1
    elif step < 0.16:
        town.wait(PERMIT_LIVES.total_seconds() * chance.choice((0.3, 1, 2.1)))
        world.did["waited"] += 1
    before = await world.checker.fetchval("SELECT coalesce(max(id), 0) FROM vault.openings")
    shown: dict[SealedRef, object] = {}

    async def act() -> None:
        found = await world.vault.permit([wish], by=by, purpose=purpose)
        if isinstance(found, SecondPerson):
            world.did["held"] += 1
            asked = await world.vault.ask(wish, by=by, purpose=purpose, reason="needed_now")
            second = chance.choice(PEOPLE)
            answer = "approved" if chance.random() < 0.7 else "denied"
            said = await world.vault.decide(
                asked.id, by=second, role="supervisor", answer=answer, reason="x"
            )
            number = None if isinstance(said, Refused) else said.permit
        else:
            number = found[0].id
        if number is not None:
            world.known.append(number)
            if chance.random() < 0.08:
                await world.vault.give_back(number, by=by)
                world.over.add(number)
                world.did["given_back"] += 1
            if chance.random() < 0.08:
                town.wait(PERMIT_LIVES.total_seconds() + 1)
        if chance.random() < 0.25 and world.known:
            number = chance.choice(world.known[-40:])  # anybody's, perhaps long over
        if number is not None:
            was_over = number in world.over
            opened = await world.vault.read([ref], [number], by=by)
            shown.update(opened)
            if opened and was_over:
                world.faults.append(f"{ref} shown without a permit that held: {number} is over")

    task = asyncio.create_task(act())
    try:
        if chance.random() < 0.15:
            await asyncio.sleep(chance.random() * 0.004)
            task.cancel()
            world.did["cancelled"] += 1
        await task
    except asyncio.CancelledError:
        pass
    except NotPermitted:
        world.did["refused"] += 1
    except Unavailable:
        world.did["unavailable"] += 1
    except asyncpg.CheckViolationError:
        world.did["constraint"] += 1
    await world.look(before, shown, by)


async def play(world: World, count: int) -> World:
    """`count` sequences, a few at once; stops at the first fault. One clock moves for all."""
    left = iter(range(count))

    async def one(left: Iterator[int]) -> None:
        for _ in left:
            if world.faults:
                return
            await sequence(world)

    await asyncio.gather(*(one(left) for _ in range(AT_ONCE)))
    world.did["permits"] = await world.checker.fetchval("SELECT count(*) FROM vault.permits")
    world.did["records"] = await world.checker.fetchval("SELECT count(*) FROM vault.openings")
    return world


@pytest.fixture
async def world(postgres_store: PostgresStore, fresh_database: str, master_keys: MasterKeys):
    town = TestClock()
    refs: dict[SealedRef, tuple[CaseId, str]] = {}
    cases: list[CaseId] = []
    for _ in range(12):
        order = town.opening()
        await postgres_store.commit(order)
        cases.append(order.target)
        refs |= {each.ref: (order.target, each.kind) for each in order.sealed}
    readers = Readers(fresh_database, 5)
    await readers.open()
    driver: Any = asyncpg
    checker = await driver.create_pool(
        fresh_database, min_size=1, max_size=3, server_settings={"application_name": "checker"}
    )
    made = PostgresVault(readers, master_keys, town)
    yield World(
        fresh_database, made, town, Random(20_261_128), refs, frozenset(cases[::3]), checker
    )
    await readers.close()
    await checker.close()


async def test_nothing_is_shown_without_a_permit_and_a_record(world: World) -> None:
    did = (await play(world, SEQUENCES)).did
    assert world.faults == []
    print(dict(did))
    for what in ("shown", "refused", "held", "killed", "cancelled", "waited", "given_back"):
        assert did[what] > 100, f"{what} happened {did[what]} times: the dice test nothing"
    assert did["records"] >= did["shown"], "a record without a reading may be, not the other way"


# -- planted bugs


class RecordsAfterwards(PostgresVault):
    """Reads first, records then, in the transaction that its reader may break off."""

    async def read(
        self, refs: Sequence[SealedRef], permits: Sequence[int], *, by: Actor
    ) -> Mapping[SealedRef, tuple[bytes, str]]:
        async with self._readers.acquire() as connection:
            rows = await connection.fetch(
                "SELECT ref, ciphertext, media_type FROM vault.values WHERE ref = ANY($1::text[])",
                list(refs),
            )
            shown = {SealedRef(row[0]): (row[1], row[2]) for row in rows}
            try:
                async with connection.transaction():
                    await self._record(connection, list(refs), permits, by)
                    if by.id in ("staff-0", "staff-2"):
                        raise ValueError("the reader rolls back")
            except ValueError:
                pass
            return shown


class GrantsInTheReading(PostgresVault):
    """The permit is made in the transaction of the reading, which rolls back."""

    async def read(
        self, refs: Sequence[SealedRef], permits: Sequence[int], *, by: Actor
    ) -> Mapping[SealedRef, tuple[bytes, str]]:
        shown: dict[SealedRef, tuple[bytes, str]] = {}
        try:
            async with self._readers.acquire() as connection, connection.transaction():
                row = await connection.fetchrow(
                    "INSERT INTO vault.permits (at, actor, kind, role, purpose, case_id, holders, "
                    "needs, expires_at) SELECT $2::timestamptz, $1, 'staff', 'x', 'handling', "
                    "case_id, ARRAY[case_id], '{}', $2::timestamptz + interval '5 minutes' "
                    "FROM vault.values "
                    "WHERE ref = $3 AND kind = 'description' RETURNING id",
                    *(by.id, self._clock.now(), refs[0]),
                )
                if row is None:
                    return {}
                records = await self._record(connection, list(refs), [row[0]], by)
                rows = await connection.fetch(vault._READ, by.id, self._clock.now(), records)  # pyright: ignore[reportPrivateUsage]
                shown = {SealedRef(row[0]): (row[6], row[4]) for row in rows}
                raise ValueError("rolled back")
        except ValueError:
            return shown


EXPIRY = " AND p.expires_at > $2"
OWN_XID = "AND p.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()"
READ_XID = "AND o.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()"
GIVEN_BACK = "AND NOT EXISTS (SELECT 1 FROM vault.revocations r WHERE r.permit = p.id)"
OTHER = " AND d.actor <> p.actor"


def plant(patch: pytest.MonkeyPatch, *texts: str) -> None:
    """Takes checks out of the SQL of record and reading."""
    for name in ("_RECORD", "_READ"):
        sql = getattr(vault, name)
        for text in texts:
            sql = sql.replace(text, "")
        patch.setattr(vault, name, sql)
    for text in texts:
        assert text in permits.HOLDS or text == READ_XID, "the bug has its place"


@pytest.mark.parametrize("bug", [RecordsAfterwards, GrantsInTheReading])
async def test_a_reader_that_goes_before_its_permit_or_record_is_found(
    world: World, bug: type[PostgresVault], monkeypatch: pytest.MonkeyPatch
) -> None:
    if bug is GrantsInTheReading:
        held = world.vault
        made = bug(held._readers, MasterKeys({1: b"k" * 32}, 1), world.town)  # pyright: ignore[reportPrivateUsage]
        world.vault = made
        # While the checks of transactions are there, it shows nothing at all.
        assert (await play(world, 60)).did["shown"] == 0 and world.faults == []
        plant(monkeypatch, OWN_XID, READ_XID)
    else:
        world.vault = bug(world.vault._readers, MasterKeys({1: b"k" * 32}, 1), world.town)  # pyright: ignore[reportPrivateUsage]
    await play(world, PLANTED_SEQUENCES)
    assert any("without a record" in each for each in world.faults)


@pytest.mark.parametrize("check", [EXPIRY, GIVEN_BACK], ids=["expiry", "given_back"])
async def test_a_check_that_is_missing_is_found(
    world: World, check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, check)
    await play(world, PLANTED_SEQUENCES)
    assert any("without a permit that held" in each for each in world.faults)


async def test_an_asker_who_agrees_with_oneself_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three walls: the code, the constraint, the check at the reading. Each alone holds."""

    async def alone(self: PostgresVault, ask: int, *, by: Actor, **more: Any) -> Any:
        asked = await self.one_ask(ask)
        assert asked is not None
        now = self._clock.now()  # pyright: ignore[reportPrivateUsage]
        try:
            async with self._readers.acquire() as connection, connection.transaction():  # pyright: ignore[reportPrivateUsage]
                await connection.execute(
                    permits._DECIDE,  # pyright: ignore[reportPrivateUsage]
                    *(now, ask, asked.actor, asked.actor, "supervisor", "approved", "x"),
                )
                await connection.execute(
                    permits._PUT,  # pyright: ignore[reportPrivateUsage]
                    *(now, asked.actor, asked.kind, asked.role, None, asked.purpose, asked.case_id),
                    *([asked.case_id], list(asked.needs), ask, asked.actor),
                    now + timedelta(minutes=60),
                )
        except asyncpg.UniqueViolationError:  # another of the asker's own was quicker
            return Refused("ask_over", "")
        return await self.one_ask(ask)

    monkeypatch.setattr(PostgresVault, "decide", alone)
    await play(world, 200)
    assert world.did["constraint"] > 0 and world.faults == [], "the constraint held"
    for table in ("decisions", "permits"):
        await world.checker.execute(f"ALTER TABLE vault.{table} DROP CONSTRAINT another_person")
    await play(world, 200)
    assert world.faults == [], "the check at the reading held"
    plant(monkeypatch, OTHER)
    await play(world, PLANTED_SEQUENCES)
    assert any("without a permit that held" in each for each in world.faults)
