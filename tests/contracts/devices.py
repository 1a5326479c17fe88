"""A small county of devices over any store: the real desk, the real pack, a clock that waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.contracts.conftest import Node
from tests.geography.towns import chessboard
from tocsin.geography.areas import Atlas
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.assets.state import About, Asset
from tocsin.kernel.assets.vocabulary import AddAsset
from tocsin.kernel.shared import Actor, ActorId, AlarmId, AreaId, AssetId, Place
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack
from tocsin.packs.registry import Registry
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import AlarmQuery, Committed
from tocsin.runtime.reception import Reception
from tocsin.runtime.supervision import Supervision

PACK = load_pack(Path(__file__).parents[2] / "packs" / "county")
INTAKE = Actor(ActorId("intake"), "integration")
KEEPER = Actor(ActorId("keeper"), "staff", ("supervisor",))
HERE = Place(24.901, 60.101)
SOURCE = "sia-dc09"


class Ids:
    def __init__(self, node: Node) -> None:
        self.new = node.town.new_id


@dataclass
class County:
    """The parts of a node that devices need."""

    node: Node
    desk: AlarmDesk
    supervision: Supervision
    pack: Pack
    numbers: dict[str, int] = field(default_factory=dict[str, int])

    async def add(self, address: str, kind: str = "smoke-detector", **about: Any) -> AssetId:
        """A registered asset that speaks under an address of the panel protocol."""
        asset_id = AssetId(f"asset-{address}")
        described: dict[str, Any] = {
            "areas": (AreaId("t0"), AreaId("county")),
            "place": HERE,
            "wires": ((SOURCE, address),),
            **about,
        }
        outcome = await self.desk.engine.handle_asset(
            asset_id, AddAsset(About(address, kind, **described)), by=KEEPER
        )
        assert isinstance(outcome, Committed), outcome
        self.desk.learn(outcome)
        return asset_id

    async def say(self, address: str, kind: str, signal: Any = "raised", **how: Any):
        """One message, answered."""
        incoming = IncomingAlarm(SOURCE, address, kind, signal, **how)
        return await self.desk.receive(incoming, INTAKE)

    async def told(self, address: str, kind: str, signal: Any = "raised", **how: Any):
        """One message that must be kept."""
        answer = await self.say(address, kind, signal, **how)
        assert isinstance(answer, AlarmReceived), answer
        return answer

    async def alarm(self, alarm_id: str) -> Alarm:
        row = await self.node.store.alarm(AlarmId(alarm_id))
        assert row is not None, "it is on the board"
        return row.alarm

    async def command(self, alarm_id: str, command: Any, by: Actor = KEEPER) -> Any:
        row = await self.node.store.alarm(AlarmId(alarm_id))
        assert row is not None
        return await self.desk.command(row, command, by=by)

    async def on_asset(self, asset: AssetId, command: Any, by: Actor = KEEPER) -> Any:
        outcome = await self.desk.engine.handle_asset(asset, command, by=by)
        if isinstance(outcome, Committed):
            self.desk.learn(outcome)
        return outcome

    async def open_alarms(self) -> list[Alarm]:
        rows = await self.node.store.alarms(
            AlarmQuery(open_only=True, newest_first=False, limit=5_000)
        )
        return [row.alarm for row in rows]

    async def wait(self, seconds: float) -> None:
        """Time passes, and clocks speak."""
        self.node.town.wait(seconds)
        while await self.desk.wake_due():
            pass

    async def turn(self, seconds: float = 1.0) -> int:
        """Time passes second by second, and the wheel turns."""
        late = 0
        for _ in range(int(seconds)):
            self.node.town.wait(1)
            late += await self.supervision.turn()
        return late

    async def asset(self, asset_id: AssetId) -> Asset:
        row = await self.node.store.asset(asset_id)
        assert row is not None
        return row.asset


def county_of(node: Node, pack: Pack = PACK) -> County:
    """A county on a store that may have one already: as after a restart."""
    engine = Engine(node.store, Registry(pack), node.town, Ids(node))
    reception = Reception(engine, pack, Atlas(chessboard()), b"code key")
    desk = AlarmDesk(engine, pack, reception)
    return County(node, desk, Supervision(desk), pack)


def readings(**values: float) -> Mapping[str, float]:
    return values
