"""The second wall before units, assets and alarms: what the web's rule says, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tests.contracts.conftest import Node
from tests.contracts.devices import County, county_of
from tests.contracts.test_units import DISPATCHER, Policies
from tests.contracts.test_walls import AGENCIES, AREAS, ask, some_grants
from tocsin.kernel.assets.vocabulary import ChangeAsset
from tocsin.kernel.shared import ActorId, AgencyId, AreaId, AssetId, Refused, UnitId
from tocsin.kernel.units import vocabulary as words
from tocsin.runtime.engine import Engine
from tocsin.runtime.onlooking import NOBODY, Onlooker, looking_as, seeing_also
from tocsin.runtime.ports import AlarmQuery, AssetQuery, Committed
from tocsin.stores.postgres.migrate import migrate, migrations
from tocsin.stores.postgres.store import PostgresStore
from tocsin.web.permissions import RULES, Principal, onlooker_of, reach

RULE = RULES["alarm.show"]
EVERY = AssetQuery(limit=500), AlarmQuery(limit=500)
Found = dict[str, set[str]]


@pytest.fixture
async def county(node: Node) -> County:
    """The county of the devices, filled by chance, on PostgreSQL only."""
    if not isinstance(node.store, PostgresStore):
        pytest.skip("the reference in memory has no second wall")
    made = county_of(node)
    await fill(made, Random(17))
    return made


async def fill(county: County, chance: Random) -> None:
    """Units, assets and alarms in areas by chance; some assets are found, moved or sold."""
    engine = Engine(county.node.store, Policies(), county.node.town, county.desk.engine.ids)
    for number in range(25):
        areas = tuple(reversed(chance.choice(AREAS)))[chance.randrange(4) :]
        agency = AgencyId(chance.choice(AGENCIES))
        add = words.AddUnit(f"E{number}", agency, areas, "engine")
        done = await engine.handle_unit(UnitId(f"unit-{number}"), add, by=DISPATCHER)
        assert isinstance(done, Committed)
        await engine.handle_unit(UnitId(f"unit-{number}"), words.StartDuty(), by=DISPATCHER)
        await county.add(f"7/{number}", areas=areas, **some_parties(chance))
        await county.told(f"7/{number}", "110")
    for number in range(0, 25, 3):
        asset = await county.node.store.asset(AssetId(f"asset-7/{number}"))
        assert asset is not None
        areas = tuple(reversed(chance.choice(AREAS)))
        about = replace(asset.asset.about, areas=areas, **some_parties(chance))
        assert isinstance(await county.on_asset(asset.asset.id, ChangeAsset(about)), Committed)
    await county.told("9/9", "110")  # nobody registered it


def some_parties(chance: Random) -> dict[str, str]:
    owner, keeper = chance.choice(["", *AGENCIES]), chance.choice(["", *AGENCIES])
    return {"owner": owner, "keeper": keeper}


async def shown(county: County) -> Found:
    """Everything that the store shows to whoever looks now."""
    store: Any = county.node.store
    assets, alarms = await store.assets(EVERY[0]), await store.alarms(EVERY[1])
    units = {row.unit.id for row in await store.units()}
    told: Found = {"unit": units, "asset": {row.asset.id for row in assets},
                   "alarm": {row.alarm.id for row in alarms}}  # fmt: skip
    entries: Found = {name: set() for name in told}
    for entry in await store.tail_of_all(0, 5_000):
        for name, kept in entries.items():
            kept |= {found} if (found := getattr(entry, f"{name}_id", None)) else set()
    return {**told, **{f"{name} entry": kept for name, kept in entries.items()}}


async def allowed(county: County, who: Principal, whole: Found) -> Found:
    """What the web's rule lets them see of it, from the states alone."""
    store: Any = county.node.store

    def may(areas: Any, agencies: Any) -> bool:
        named = tuple(dict.fromkeys(AgencyId(each) for each in agencies if each))
        return not isinstance(reach(RULE, who, areas, named), Refused)

    home = (county.desk.openings.county,)
    assets = {row.asset.id: row.asset.about for row in await store.assets(EVERY[0])}
    found: Found = {
        "unit": {r.unit.id for r in await store.units() if may(r.unit.areas, (r.unit.agency,))},
        "asset": {
            each for each, about in assets.items()
            if may(about.areas or home, (about.owner, about.keeper))
        },
        "alarm": {
            row.alarm.id for row in await store.alarms(EVERY[1])
            if may(row.alarm.about.areas,
                   (assets[row.alarm.about.asset].owner, assets[row.alarm.about.asset].keeper))
        },
    }  # fmt: skip
    return {**found, **{f"{name} entry": each for name, each in found.items()}}


async def differences(county: County, count: int) -> tuple[list[str], int]:
    """Principals by chance for whom the database says something else than the web's rule, either
    way; and how many rows were shown in all."""
    chance, wrong, seen = Random(28), list[str](), 0
    whole = await shown(county)
    home = county.desk.openings.county
    for _ in range(count):
        who = Principal(ActorId("a"), "staff", some_grants(chance))
        wanted = await allowed(county, who, whole)
        with looking_as(onlooker_of(RULE, who, home)):
            found = await shown(county)
        wrong += [f"{each} for {who.grants}" for each in wanted if wanted[each] != found[each]]
        seen += sum(map(len, found.values()))
    return wrong, seen


async def test_both_walls_agree_about_every_unit_asset_and_alarm(county: County) -> None:
    wrong, seen = await differences(county, 300)
    assert wrong == []
    assert 2_000 < seen < 40_000, "neither everything nor nothing"
    with looking_as(NOBODY):
        assert not any((await shown(county)).values())
        assert await county.node.store.positions(county.node.town.at) == []
    whole = Onlooker(areas=frozenset({AreaId("east"), AreaId("west")}))
    with looking_as(whole):
        assert len((await shown(county))["unit"]) == 25


@pytest.mark.parametrize(
    "hole",
    [
        "DROP POLICY person ON units; CREATE POLICY person ON units FOR SELECT TO tocsin_reader"
        " USING (true)",
        "DROP POLICY person ON alarms",
        "DROP POLICY person ON asset_journal",
        "UPDATE assets SET reach = '{}'",
        "UPDATE units SET reach = reach || '{east}'::text[]",
        "UPDATE alarms SET reach = reach[1:1]",
    ],
)
async def test_a_hole_in_the_second_wall_is_found(
    county: County, fresh_database: str, hole: str
) -> None:
    assert (await differences(county, 20))[0] == []
    for each in hole.split("; "):
        await ask(fresh_database, each)
    assert (await differences(county, 20))[0] != []


async def test_an_asset_in_reach_tells_what_it_said_wherever_it_stood(county: County) -> None:
    store: Any = county.node.store
    asset = AssetId("asset-7/1")
    with looking_as(NOBODY):
        assert await store.alarms(AlarmQuery(asset=asset)) == []
        with seeing_also(assets=[asset]):
            (row,) = await store.alarms(AlarmQuery(limit=500))
            assert await store.alarm_journal(row.alarm.id)
            assert await store.asset(asset) is None, "the alarms, and nothing else"


async def test_the_migration_fills_what_the_writer_would(
    county: County, fresh_database: str, empty_database: str
) -> None:
    """The states of a node of the schema before, brought to this one."""
    tables = {"units": 8, "assets": 9, "alarms": 15}
    columns = "SELECT * FROM {} ORDER BY id"
    step = "0170_reach.sql"
    await migrate(empty_database, tuple(each for each in migrations() if each.name != step))
    written = {each: await ask(fresh_database, columns.format(each)) for each in tables}
    for table, count in tables.items():
        marks = ", ".join(f"${n + 1}" for n in range(count))
        for row in written[table]:
            await ask(empty_database, f"INSERT INTO {table} VALUES ({marks})", *tuple(row)[:count])
    assert await migrate(empty_database) == [step]
    for table in tables:
        after = await ask(empty_database, columns.format(table))
        assert [dict(row) for row in after] == [dict(row) for row in written[table]]
        assert all(row["reach"] for row in after if table != "alarms")
