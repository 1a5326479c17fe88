"""What a writer remembers of assets: never older than the row it locked, and never for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tocsin.app.clock import SteadyClock, TimeIds
from tocsin.kernel.assets import vocabulary as words
from tocsin.kernel.assets.state import About, Asset
from tocsin.kernel.shared import Actor, ActorId, AreaId, AssetId
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.registry import Registry
from tocsin.runtime import codec
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import Committed
from tocsin.stores.postgres.device_writing import ReadAssets
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import MasterKeys

KEEPER = Actor(ActorId("keeper"), "staff", ("administrator",))
DEVICE = AssetId("detector")


def _row(number: int, version: int = 1, name: str = "") -> tuple[object, ...]:
    asset = Asset(AssetId(f"a{number}"), "in_service", about=About(name or f"d{number}", "sensor"))
    return asset.id, codec.encode_asset(asset), version, None


def test_a_version_is_read_once_and_another_anew() -> None:
    read = ReadAssets()
    first = read.row(_row(1))
    assert read.row(_row(1)) is first
    second = read.row(_row(1, 2, "moved"))
    assert second is not first and second.asset.about.name == "moved"
    # What an older transaction left behind is not what the row says.
    assert read.row(_row(1)).asset.about.name == "d1"


def test_no_more_are_kept_than_there_is_room_for() -> None:
    read = ReadAssets(most=10)
    for number in range(1_000):
        read.row(_row(number))
    kept = read._rows  # pyright: ignore[reportPrivateUsage]
    assert list(kept) == [f"a{number}" for number in range(990, 1_000)]
    for version in range(2, 100):
        read.row(_row(995, version))
    assert len(kept) == 10


@pytest.fixture
async def nodes(
    fresh_database: str, master_keys: MasterKeys
) -> AsyncIterator[tuple[Engine, Engine]]:
    """Two nodes on one database."""
    pack = load_pack(builtin("county"))
    stores = [PostgresStore(fresh_database, master_keys) for _ in range(2)]
    for each in stores:
        await each.open()
    clock, ids = SteadyClock(), TimeIds()
    yield (
        Engine(stores[0], Registry(pack), clock, ids),
        Engine(stores[1], Registry(pack), clock, ids),
    )
    for each in stores:
        await each.close()


async def test_what_another_node_changed_is_seen(nodes: tuple[Engine, Engine]) -> None:
    one, other = nodes
    about = About("Detector", "smoke-detector", (AreaId("county"),))
    added = await one.handle_asset(DEVICE, words.AddAsset(about), by=KEEPER)
    assert isinstance(added, Committed), added
    for engine, reason in ((one, "paint"), (other, "dust"), (one, "floor"), (other, "roof")):
        out = words.TakeAssetOutOfService("W-1", reason)
        told = await engine.handle_asset(DEVICE, out, by=KEEPER)
        assert isinstance(told, Committed) and told.asset is not None, told
        assert told.asset.asset.status == "out_of_service"
        back = await (other if engine is one else one).handle_asset(
            DEVICE, words.ReturnAssetToService(), by=KEEPER
        )
        assert isinstance(back, Committed) and back.asset is not None, back
        assert back.asset.asset.status == "in_service"
    assert back.asset.version == 9
