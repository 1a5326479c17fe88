"""Schools whose buttons are pressed in exercises and in earnest, and taken back.

Seeded, on the real desk over the store in memory. A ledger notes what people did; the checkers
beside it (`check_buttons`) ask the journals whether anything of it was taken for something else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from tocsin.geography.areas import Atlas
from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.assets import vocabulary as asset_words
from tocsin.kernel.assets.state import About
from tocsin.kernel.shared import Actor, ActorId, AlarmId, AreaId, AssetId, Instant, Place, Refused
from tocsin.packs.model import Pack
from tocsin.packs.registry import Registry
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import AlarmQuery
from tocsin.runtime.reception import Reception
from tocsin.runtime.runner import Runner
from tocsin.simulation.clock import SeededIds, VirtualClock
from tocsin.stores.memory import MemoryStore, MemoryVault

SOURCE: Final = "signed-json"
START: Final = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
CODE: Final = "blue 4471"
WRONG: Final = ("", "blue 4472", "4471")
PAUSES_S: Final = (1, 5, 30, 170, 200, 600)
"""What passes between two moves: within and beyond what a pack allows for taking back."""
WAKES_MAX: Final = 20
"""Rounds of clocks at one instant: what they say may make others due."""
DRILLS_S: Final = (120, 600)
INTAKE: Final = Actor(ActorId(SOURCE), "integration")
KEEPER: Final = Actor(ActorId("keeper"), "staff", ("supervisor",))


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody pressed a button; `in_drill` by the ledger's own book of exercises."""

    key: str
    button: AssetId
    at: Instant
    in_drill: bool
    alarm: AlarmId


@dataclass(frozen=True, slots=True)
class Back:
    """Somebody took the alarm of a button back."""

    button: AssetId
    at: Instant
    is_right: bool


@dataclass
class Ledger:
    """What people did, in its order."""

    presses: list[Press] = field(default_factory=list[Press])
    backs: list[Back] = field(default_factory=list[Back])
    refused: list[str] = field(default_factory=list[str])
    """Reasons why an exercise could not begin or end: none, by this ledger."""


class ButtonTown:
    """Some schools with three buttons each. A planted bug is another `desk`."""

    def __init__(
        self, seed: int, pack: Pack, atlas: Atlas, desk: type[AlarmDesk] = AlarmDesk
    ) -> None:
        self.rng = Random(seed)
        self.clock = VirtualClock(START)
        self.ids = SeededIds(self.clock, self.rng)
        self.store = MemoryStore(MemoryVault(self.clock))
        self.engine = Engine(self.store, Registry(pack), self.clock, self.ids)
        self.desk = desk(self.engine, pack, Reception(self.engine, pack, atlas, b"key"))
        self.runner = Runner(self.engine)
        self.ledger = Ledger()
        self.schools: dict[AssetId, list[AssetId]] = {}
        self.drills: dict[AssetId, tuple[str, Instant]] = {}
        cell = atlas.tier("cell")[0]
        self._areas = (cell.id, *atlas.parents(cell.id))
        point = cell.polygon.representative_point()
        self._place = Place(point.x, point.y)

    async def run(self, moves: int, schools: int = 2) -> Ledger:
        """Builds the schools and makes so many moves; then every exercise ends."""
        for number in range(schools):
            await self._build(number)
        deeds = (self._press, self._press, self._press, self._start, self._end, self._back,
                 self._back, self._acknowledge)  # fmt: skip
        for _ in range(moves):
            await self.rng.choice(deeds)()
            await self._wait(self.rng.choice(PAUSES_S))
        await self._wait(2 * max(DRILLS_S))
        return self.ledger

    async def _build(self, number: int) -> None:
        site = await self._add(f"school-{number}", "panel", None)
        refused = await self.desk.codes.set(site, CODE, at=self.clock.now(), by=KEEPER)
        assert refused is None
        names = [f"school-{number}-button-{each}" for each in range(3)]
        self.schools[site] = [await self._add(each, "button", site) for each in names]

    async def _add(self, name: str, kind: str, gateway: AssetId | None) -> AssetId:
        wires = ((SOURCE, name),)
        areas: tuple[AreaId, ...] = self._areas
        about = About(name, kind, areas, self._place, gateway=gateway, wires=wires)
        await self._on(AssetId(name), asset_words.AddAsset(about))
        return AssetId(name)

    async def _on(self, asset: AssetId, command: asset_words.Command) -> None:
        outcome = await self.engine.handle_asset(asset, command, by=KEEPER)
        if isinstance(outcome, Refused):
            self.ledger.refused.append(outcome.reason)
        else:
            self.desk.learn(outcome)

    async def _wait(self, seconds: float) -> None:
        self.clock.advance(self.clock.now() + timedelta(seconds=seconds))
        for _ in range(WAKES_MAX):  # a clock with a bug may never be done
            if not await self.desk.wake_due():
                break
        await self.runner.run_errands()

    # -- moves

    def _a_button(self) -> tuple[AssetId, AssetId]:
        site = self.rng.choice(sorted(self.schools))
        return site, self.rng.choice(self.schools[site])

    async def _press(self) -> None:
        site, button = self._a_button()
        key = f"press-{len(self.ledger.presses)}"
        now = self.clock.now()
        in_drill = site in self.drills and now < self.drills[site][1]
        pressed = IncomingAlarm(SOURCE, button, "panic", "raised", session="run", key=key)
        answer = await self.desk.receive(pressed, INTAKE)
        assert isinstance(answer, AlarmReceived), answer
        alarm = AlarmId(answer.alarm)
        self.ledger.presses.append(Press(key, button, now, in_drill, alarm))

    async def _start(self) -> None:
        site, _ = self._a_button()
        now = self.clock.now()
        if site in self.drills and now < self.drills[site][1]:
            return
        drill, length_s = self.ids.new(), self.rng.choice(DRILLS_S)
        self.drills[site] = drill, now + timedelta(seconds=length_s)
        for each in (site, *self.schools[site]):
            await self._on(each, asset_words.StartAssetDrill(drill, site, length_s, "exercise"))

    async def _end(self) -> None:
        site, _ = self._a_button()
        drill, until = self.drills.pop(site, ("", START))
        if self.clock.now() < until:
            for each in (site, *self.schools[site]):
                await self._on(each, asset_words.EndAssetDrill(drill))

    async def _back(self) -> None:
        _, button = self._a_button()
        code = CODE if self.rng.random() < 0.5 else self.rng.choice(WRONG)
        self.ledger.backs.append(Back(button, self.clock.now(), code == CODE))
        said = IncomingAlarm(SOURCE, button, "panic", "cancelled", code=code)
        answer = await self.desk.receive(said, INTAKE)
        assert isinstance(answer, AlarmReceived), answer

    async def _acknowledge(self) -> None:
        rows = await self.store.alarms(AlarmQuery(open_only=True, limit=100))
        if rows:
            row = self.rng.choice(rows)
            await self.desk.command(row, words.AcknowledgeAlarm(), by=KEEPER)


__all__ = ["Back", "ButtonTown", "Ledger", "Press"]
