"""What the second wall costs a reader: the same lists, counts and cases with and without it.

The same store, the same questions, in turn through the node's door and through that of persons, as
whoever sees the whole county, one town, or one agency's posts.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import asyncpg

from bench.filled import SENDER, Filled, filled, multiply, on_fresh_database
from bench.harness import Figure, median
from tocsin.kernel.alarms.state import About as AlarmAbout
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.assets.state import About, Asset
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, ActorId, AgencyId, AlarmId, AreaId, AssetId, UnitId
from tocsin.kernel.units.vocabulary import AddUnit
from tocsin.runtime import codec
from tocsin.runtime.onlooking import Onlooker, looking_as
from tocsin.runtime.ports import AlarmQuery, AssetQuery, CaseQuery
from tocsin.runtime.sight_ports import SecondPerson, Wish
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.redactions import PostgresRedactions
from tocsin.stores.postgres.vault import PostgresVault

FIRST = 3_000
TOTAL = int(os.environ.get("WALLS_CASES", "100000"))
ROUNDS = int(os.environ.get("WALLS_ROUNDS", "150"))
UNITS = 200
DEVICES = 50_000
AGENCY = AgencyId("fire-rescue@county")
Ask = Callable[[], Awaitable[object]]


def bench() -> list[Figure]:
    return on_fresh_database(_bench)


async def _bench(embedded: EmbeddedPostgres, folder: Path) -> list[Figure]:
    async with filled(embedded, folder) as full:
        await full.send_many(0, FIRST, 1)
        first = [row.case for row in (await full.store.cases(CaseQuery(limit=50))).rows]
        await multiply(full.dsn, TOTAL)
        found: list[Figure] = []
        town = full.reception.atlas.tier("town")[0].id
        everywhere = frozenset(each.id for each in full.reception.atlas.tier("county"))
        whole, part = Onlooker(areas=everywhere), Onlooker(areas=frozenset({town}))
        ids = [row.case.id for row in (await full.store.cases(CaseQuery(limit=50))).rows]
        for name, who, ask in _questions(full, whole, part, town, ids):
            found += await _compare(name, who, ask)
        found += await _changing(full, whole, part)
        for name, who, ask in _sealed(full, whole, first):
            found += await _compare(name, who, ask)
        await _stand_devices(full)
        for name, who, ask in _devices(full, whole, part):
            found += await _compare(name, who, ask)
    return found


def _questions(
    full: Filled, whole: Onlooker, part: Onlooker, town: AreaId, ids: list[str]
) -> list[tuple[str, Onlooker, Ask]]:
    store, chance = full.store, random.Random(3)
    first = CaseQuery(open_only=True, limit=50)
    own = CaseQuery(open_only=True, limit=50, area=town, tier="town")
    return [
        ("board of a county", whole, lambda: store.cases(first)),
        ("board of a town", part, lambda: store.cases(own)),
        ("count of a town", part, lambda: store.count(own)),
        ("a case", whole, lambda: store.case(chance.choice(ids))),  # pyright: ignore[reportArgumentType]
        ("a journal", whole, lambda: store.journal(chance.choice(ids))),  # pyright: ignore[reportArgumentType]
    ]


def _sealed(full: Filled, whole: Onlooker, cases: list[Case]) -> list[tuple[str, Onlooker, Ask]]:
    """What is sealed: opened under a permit that is there already, and who opened it."""
    store, chance = full.store, random.Random(7)
    clock = full.reception.engine.clock
    vault = PostgresVault(store.readers, store.keys, clock)
    words = PostgresRedactions(store.readers, store.keys, clock)
    told = {case.id: case.reports[0].description for case in cases}
    refs = {case: ref for case, ref in told.items() if ref is not None}
    by = Actor(ActorId("bench"), "staff", ("dispatcher",))

    async def opened() -> object:
        case = chance.choice(list(refs))
        permits = await vault.permit([Wish(case, (case,))], by=by, purpose="handling")
        assert not isinstance(permits, SecondPerson)
        return await vault.read([refs[case]], [permits[0].id], by=by)

    return [
        ("opening the words of a case", whole, opened),
        ("who opened them", whole, lambda: vault.readings([chance.choice(list(refs.values()))])),
        ("access records", whole, lambda: vault.opened(None, 100)),
        ("words of redaction of 50 cases", whole, lambda: words.decided(refs)),
    ]


async def _stand_devices(full: Filled) -> None:
    """Units, and devices with an alarm each, all over the county."""
    store, chance = full.store, random.Random(5)
    atlas, engine = full.reception.atlas, full.reception.engine
    cells = [each.id for each in atlas.tier("cell")]
    for number in range(UNITS):
        area = chance.choice(cells)
        add = AddUnit(f"U{number}", AGENCY, (area, *atlas.parents(area)), "engine")
        await engine.handle_unit(UnitId(f"u{number}"), add, by=SENDER)
    driver: Any = asyncpg
    connection = await driver.connect(full.dsn)
    areas = [
        [area, *atlas.parents(area)] for area in (chance.choice(cells) for _ in range(DEVICES))
    ]
    names = ["{" + ",".join(each) + "}" for each in areas]
    try:
        for statement in (_ASSETS, _ALARMS):
            await connection.execute(statement, names, _state(areas[0]), _alarm(areas[0]))
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    assert len(await store.units()) == UNITS


def _devices(full: Filled, whole: Onlooker, part: Onlooker) -> list[tuple[str, Onlooker, Ask]]:
    store = full.store
    alarms, assets = AlarmQuery(open_only=True, limit=2_000), AssetQuery(limit=200)
    every = AlarmQuery(limit=2_000)
    cell = Onlooker(areas=frozenset({full.reception.atlas.tier("cell")[0].id}))
    return [
        ("units of a county", whole, store.units),
        ("units of a town", part, store.units),
        ("open alarms of a county", whole, lambda: store.alarms(alarms)),
        ("open alarms of a town", part, lambda: store.alarms(alarms)),
        ("all alarms of a county", whole, lambda: store.alarms(every)),
        ("all alarms of a town", part, lambda: store.alarms(every)),
        ("all alarms of a cell", cell, lambda: store.alarms(every)),
        ("assets of a county", whole, lambda: store.assets(assets)),
        ("assets of a town", part, lambda: store.assets(assets)),
        ("assets of a cell", cell, lambda: store.assets(assets)),
    ]


def _state(areas: list[AreaId]) -> bytes:
    return codec.encode_asset(
        Asset(AssetId("d"), "in_service", about=About("d", "smoke-detector", tuple(areas)))
    )


def _alarm(areas: list[AreaId]) -> bytes:
    about = AlarmAbout(AssetId("d"), "smoke", "", 2, False, False, None, tuple(areas))
    return codec.encode_alarm(Alarm(AlarmId("a"), about=about))


_ASSETS = """
INSERT INTO assets (id, state, version, updated_at, kind, status, reach)
SELECT 'd' || n, $2::bytea, 1, now(), 'smoke-detector', 'in_service', areas::text[]
  FROM unnest($1::text[]) WITH ORDINALITY t (areas, n) WHERE $3::bytea IS NOT NULL"""
_ALARMS = """
INSERT INTO alarms (id, state, version, updated_at, asset_id, kind, condition, standing, is_open,
                    is_announced, site, opened_at, reach)
SELECT 'a' || n, $3::bytea, 1, now(), 'd' || n, 'smoke', 'active', 'normal', n % 40 = 0, true, 'd',
       now() - n * interval '1 minute', areas::text[]
  FROM unnest($1::text[]) WITH ORDINALITY t (areas, n) WHERE $2::bytea IS NOT NULL"""


async def _compare(name: str, who: Onlooker, ask: Ask) -> list[Figure]:
    plain: list[float] = []
    walled: list[float] = []
    for number in range(2 * ROUNDS):
        is_walled = number % 2 == 1
        with looking_as(who) if is_walled else nullcontext():
            began = time.perf_counter()
            await ask()
            (walled if is_walled else plain).append(time.perf_counter() - began)
    return [
        Figure(f"{name}, one wall", median(plain) * 1e3, "ms"),
        Figure(f"{name}, two walls", median(walled) * 1e3, "ms"),
        Figure(f"{name}, two walls : one", median(walled) / median(plain), "ratio"),
    ]


async def _changing(full: Filled, whole: Onlooker, part: Onlooker) -> list[Figure]:
    """Another onlooker each time on one connection: each is told first."""
    waits: list[float] = []
    for number in range(ROUNDS):
        with looking_as(whole if number % 2 else part):
            began = time.perf_counter()
            await full.store.readers.fetchval("SELECT 1")
            waits.append(time.perf_counter() - began)
    same: list[float] = []
    for _ in range(ROUNDS):
        with looking_as(whole):
            began = time.perf_counter()
            await full.store.readers.fetchval("SELECT 1")
            same.append(time.perf_counter() - began)
    return [Figure("telling a session who looks", (median(waits) - median(same)) * 1e6, "us")]
