"""What has had its day goes, once, with a signed record; what is held or open stays."""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import replace as changed
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.log.conftest import BY, Sealed, verify
from tests.log.retaining import CANARY, DISPATCHER, STEPS, a_town, desk_of, open_case
from tocsin.kernel.shared import CaseId
from tocsin.packs.retention import RetentionTerms
from tocsin.runtime.ports import Committed
from tocsin.runtime.retention import RULES, RetentionDesk, SamePerson
from tocsin.stores.postgres import retention as kept
from tocsin.stores.postgres.classes import classes

ROOT = Path(__file__).resolve().parents[2]
LONG = timedelta(days=1_200)


async def told(sealed: Sealed, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    connection: Any = await asyncpg.connect(sealed.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql, *values)]
    finally:
        await connection.close()


async def values_of(sealed: Sealed, case: CaseId) -> int:
    sql = (
        "SELECT count(*) FROM vault.values v JOIN vault.keys k USING (case_id, subject) "
        "WHERE case_id = $1"
    )
    return (await told(sealed, sql, case))[0][0]


def desk(sealed: Sealed) -> RetentionDesk:
    return desk_of(sealed.keeper, sealed.keys, sealed.town)


async def run(found: RetentionDesk) -> list[str]:
    lines: list[str] = []
    await found.run(lambda due: lines.append(str(due)))
    return lines


@pytest.mark.parametrize("seed", range(4))
async def test_a_dry_run_says_what_the_run_then_does(sealed: Sealed, seed: int) -> None:
    """Over random towns and several instants: the same lines, and then nothing is left to do."""
    chance = random.Random(seed)
    ids = await a_town(sealed.dsn, sealed.store, sealed.town, chance)
    found = desk(sealed)
    lines_in_all = 0
    for days in (0, 100, 300, 900):
        sealed.town.wait(86_400 * days)
        if chance.random() < 0.5:
            until = sealed.town.at + timedelta(days=200)
            await found.holds.ask(chance.choice(ids), "court", until, by=BY)
        before = await told(sealed, "SELECT count(*) FROM vault.tombstones")
        dry = [str(due) for due in await found.due()]
        assert await told(sealed, "SELECT count(*) FROM vault.tombstones") == before
        assert await run(found) == dry
        assert await found.due() == [], "a repeat finds nothing"
        assert await told(sealed, "SELECT count(*) FROM vault.tombstones") == [
            (before[0][0] + len(dry),)
        ]
        lines_in_all += len(dry)
    assert lines_in_all > 3
    open_left = await told(
        sealed, "SELECT count(*) FROM cases c WHERE is_open AND NOT EXISTS "
        "(SELECT 1 FROM vault.keys k WHERE k.case_id = c.id)",
    )  # fmt: skip
    assert open_left == [(0,)], "an open case loses nothing"
    await sealed.log.catch_up()
    bundle = await sealed.bundle()
    assert verify(bundle, "--key", sealed.keys.public[0], "--complete") == 0


async def test_each_type_has_its_own_day_and_an_open_one_none(sealed: Sealed) -> None:
    town, found = sealed.town, desk(sealed)
    ids = [await open_case(sealed.store, town, each) for each in ("missing-child", "pothole")]
    still = await open_case(sealed.store, town, "missing-child")
    for case in ids:
        await sealed.store.commit(town.refusing(case))
    town.wait(86_400 * 90 - 1)
    assert await run(found) == []
    town.wait(1)
    assert [line.split()[:2] for line in await run(found)] == [
        ["case.sealed", ids[0]], ["case.code", ids[0]],
    ]  # fmt: skip
    assert [await values_of(sealed, each) for each in (*ids, still)] == [0, 3, 3]
    town.wait(86_400 * 2_000)
    await run(found)
    assert [await values_of(sealed, each) for each in (*ids, still)] == [0, 0, 3]


async def test_contacts_and_photos_may_go_earlier_and_the_words_stay(sealed: Sealed) -> None:
    town, found = sealed.town, desk(sealed)
    found.retention._terms = RetentionTerms(contacts=10, photos=20)  # pyright: ignore
    case = await open_case(sealed.store, town, "pothole")
    await sealed.log.catch_up()
    await sealed.store.commit(town.refusing(case))
    kinds = "SELECT kind FROM vault.values WHERE case_id = $1 ORDER BY kind"
    for days, left in ((9, 3), (1, 2), (10, 1), (345, 0)):
        town.wait(86_400 * days)
        await run(found)
        assert len(await told(sealed, kinds, case)) == left, days
        if left == 1:
            assert await told(sealed, kinds, case) == [("description",)]
    await sealed.log.catch_up()
    assert verify(await sealed.bundle(), "--complete") == 0


async def test_what_a_merged_case_told_stays_as_long_as_the_other_is_open(sealed: Sealed) -> None:
    town, found = sealed.town, desk(sealed)
    leading = await open_case(sealed.store, town, "pothole")
    double = await open_case(sealed.store, town, "pothole")
    assert isinstance(await sealed.store.commit(town.merging(leading, double)), Committed)
    town.wait(86_400 * 1_000)
    assert await run(found) == [] and await values_of(sealed, double) == 3
    await sealed.store.commit(town.refusing(leading))
    town.wait(86_400 * 366)
    assert len(await run(found)) == 4
    assert await values_of(sealed, double) == await values_of(sealed, leading) == 0


async def test_a_hold_needs_a_second_person_and_keeps_everything(sealed: Sealed) -> None:
    town, found = sealed.town, desk(sealed)
    case = await open_case(sealed.store, town, "missing-child")
    await sealed.store.commit(town.refusing(case))
    town.wait(86_400 * 89)
    until = town.at + timedelta(days=300)
    hold = await found.holds.ask(case, "court", until, by=BY)
    with pytest.raises(SamePerson):
        await found.holds.answer(hold.id, "confirmed", by=BY)
    town.wait(86_400 * 13)
    assert await run(found) == [], "it holds while the second person is asked"
    other = changed(BY, id="staff-2")
    assert await found.holds.answer(hold.id, "confirmed", by=other) is not None
    assert await found.holds.answer(hold.id, "denied", by=other) is None, "one word"
    town.wait(86_400 * 200)
    assert await run(found) == [] and await values_of(sealed, case) == 3
    with pytest.raises(SamePerson):
        await found.holds.answer(hold.id, "ended", by=BY)
    assert await found.holds.answer(hold.id, "ended", by=other) is not None
    assert len(await run(found)) == 2
    (kept_hold,) = await found.holds.of([case])
    assert kept_hold.answer == "ended" and kept_hold.until == until


async def test_a_hold_nobody_confirms_ends(sealed: Sealed) -> None:
    town, found = sealed.town, desk(sealed)
    case = await open_case(sealed.store, town, "missing-child")
    await sealed.store.commit(town.refusing(case))
    town.wait(86_400 * 100)
    await found.holds.ask(case, "claim", town.at + timedelta(days=300), by=BY)
    town.wait(86_400 * 13)
    assert await run(found) == []
    town.wait(86_400)
    assert len(await run(found)) == 2


async def test_a_run_without_holds_is_found(
    sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: who forgets to ask about holds destroys what a court wants to see."""

    async def never(*_: Any) -> bool:
        return False

    monkeypatch.setattr(kept, "is_held", never)
    with pytest.raises(AssertionError):
        await test_a_hold_needs_a_second_person_and_keeps_everything(sealed)


async def test_a_case_that_is_opened_again_meanwhile_keeps_everything(sealed: Sealed) -> None:
    """The plan is not believed: the day is found out anew before anything goes."""
    town, found = sealed.town, desk(sealed)
    case = await open_case(sealed.store, town, "missing-child")
    await sealed.store.commit(town.refusing(case))
    town.wait(86_400 * 100)
    plan = await found.due()
    assert len(plan) == 2
    await found.holds.ask(case, "audit", town.at + timedelta(days=9), by=DISPATCHER)
    assert [await found.retention.destroy(due, town.at) for due in plan] == [None, None]
    assert await values_of(sealed, case) == 3


async def test_killed_at_every_step_and_gone_on_with(sealed: Sealed) -> None:
    chance = random.Random(6)
    ids = [await open_case(sealed.store, sealed.town, "missing-child") for _ in range(12)]
    for case in ids:
        await sealed.store.commit(sealed.town.refusing(case))
    await sealed.log.catch_up()
    sealed.town.wait(86_400 * 100)
    whole = [str(due) for due in await desk(sealed).due()]
    assert len(whole) == 24
    for step in STEPS:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.log.retaining", sealed.dsn, str(sealed.folder),
            sealed.town.at.isoformat(), step, str(chance.randint(2, 5)), cwd=ROOT,
        )  # fmt: skip
        assert await process.wait() == -9
        halves = await told(
            sealed, "SELECT case_id FROM vault.keys k WHERE NOT EXISTS (SELECT 1 FROM vault.values "
            "v WHERE v.case_id = k.case_id) UNION SELECT case_id FROM vault.values v WHERE NOT "
            "EXISTS (SELECT 1 FROM vault.keys k WHERE v.case_id = k.case_id)",
        )  # fmt: skip
        assert halves == []
    assert 0 < len(await run(desk(sealed))) < 24
    said = await told(sealed, "SELECT rule, what FROM vault.tombstones ORDER BY id")
    assert len(said) == len(set(said)) == 24, "each went once, and each has its record"
    await sealed.log.catch_up()
    assert verify(await sealed.bundle(), "--complete") == 0


@pytest.mark.parametrize(
    "column", ["gone = gone + 1", "what = 'c-9'", "note = replace(note, '-', '+')"]
)
async def test_a_tombstone_that_was_rewritten_is_found(sealed: Sealed, column: str) -> None:
    """Even by whoever owns the database, and before any checkpoint covers it: it is signed."""
    case = await open_case(sealed.store, sealed.town, "missing-child")
    await sealed.store.commit(sealed.town.refusing(case))
    sealed.town.wait(86_400 * 100)
    await run(desk(sealed))
    await told(sealed, f"UPDATE vault.tombstones SET {column} RETURNING id")
    await sealed.log.catch_up()
    assert verify(await sealed.bundle()) == 1


async def test_tombstones_name_nobody_and_every_rule_has_a_class(sealed: Sealed) -> None:
    await a_town(sealed.dsn, sealed.store, sealed.town, random.Random(3))
    sealed.town.wait(LONG.total_seconds())
    lines = await run(desk(sealed))
    assert {line.split()[0] for line in lines} >= {"case.sealed", "account.gone"}
    rows = await told(sealed, "SELECT * FROM vault.tombstones")
    assert rows and CANARY not in str(rows)
    assert await told(sealed, "SELECT count(*) FROM accounts WHERE name = $1", CANARY) == [(0,)]
    assert set(RULES.values()) <= set(classes().retention)
