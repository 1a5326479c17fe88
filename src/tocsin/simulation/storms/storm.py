"""One seed, one storm: ten bad minutes, a span to come to rest, and a quiet day of promises."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, Final, cast

from structlog.testing import capture_logs

from tocsin.kernel.assets.state import About
from tocsin.kernel.assets.vocabulary import AddAsset
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.shared import Actor, ActorId, AgencyId, AreaId, AssetId, Refused, UnitId
from tocsin.kernel.units import vocabulary as units
from tocsin.simulation.arrivals import Arrivals, Spot
from tocsin.simulation.behaviour import Behaviour
from tocsin.simulation.checkers import Evidence, Finding
from tocsin.simulation.clock import SeededIds
from tocsin.simulation.faults import Faults, FaultShares
from tocsin.simulation.habits import WILD, Habits
from tocsin.simulation.plain_town import spot
from tocsin.simulation.sim import digest, ground
from tocsin.simulation.storms.checks import StormEvidence, examine
from tocsin.simulation.storms.clearing import Clerks
from tocsin.simulation.storms.disk import Disk
from tocsin.simulation.storms.loop import run
from tocsin.simulation.storms.network import Network
from tocsin.simulation.storms.people import SOURCE, Crews, Devices, FarNode, Outside, StormTown
from tocsin.simulation.storms.process import Process, StormParts, World
from tocsin.simulation.storms.weather import NO_TROUBLE, Climate, Weather, drawn
from tocsin.stores.memory import MemoryVault
from tocsin.stores.memory.quality import MemoryQuality
from tocsin.stores.memory.stories import MemoryStories

STARTS: Final = (
    datetime(2026, 9, 7, 6, 0, tzinfo=UTC),
    datetime(2026, 9, 11, 12, 50, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 55, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 55, tzinfo=UTC),
    datetime(2026, 10, 24, 13, 0, tzinfo=UTC),
)
"""A Monday morning, a Friday before the close, both nights in which the clocks of Helsinki are
changed, and the day before one."""
STORM_S: Final = 300.0
ANSWERS_S: Final = 240.0
"""Within which everybody outside has an answer once the faults have stopped: a client that was
turned away seven times waits for 128 s."""
SPAN_S: Final = 900.0
"""Within which everything that is owed has happened once the faults have stopped: an errand that
failed four times is tried again after 512 s, and another runner waits for a lease of 60 s."""
SETTLES_S: Final = 3.0
"""What a clock said a moment before the span ended is not owed yet: a turn of each loop."""
QUIET_S: Final = 26 * 3_600.0
"""A day in which nobody does anything and every promise comes due by itself."""
PER_HOUR: Final = 90.0
DEVICES: Final = 4
UNITS: Final = 3
UP_MEAN_S: Final = 80.0
DOWN_MAX_S: Final = 15.0
AWAY_MAX_S: Final = 20.0
HASTY: Final[Habits] = replace(WILD, pace=0.12)
KEEPER: Final = Actor(ActorId("keeper"), "staff", ("supervisor", "administrator"))


@dataclass(frozen=True, slots=True)
class StormReport:
    """What happened in one storm. The same seed gives the same `digest` on every machine."""

    seed: int
    reports: int
    alarms: int
    sent_units: int
    cases: int
    missed: int
    entries: int
    deaths: int
    repeats: int
    struck: tuple[tuple[str, int], ...]
    passed: tuple[tuple[str, int], ...]
    digest: str
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        return not self.findings


@dataclass(frozen=True, slots=True)
class Plan:
    """How much happens in a storm; smaller while a failing seed is made simple."""

    per_hour: float = PER_HOUR
    devices: int = DEVICES
    units: int = UNITS
    processes: int = 2
    climate: Climate | None = None
    """None: drawn from the seed."""
    storm_s: float = STORM_S
    quiet_s: float = QUIET_S


def storm(seed: int, parts: StormParts | None = None, plan: Plan | None = None) -> StormReport:
    """Run one seed: storm, span, quiet day, and every checker. The same arguments give the same
    report."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    return run(_Storm(seed, parts or StormParts(), plan or Plan()).run())


@cache
def _spots() -> list[Spot]:
    rng = Random(40)
    return [
        Spot(f"Koekatu {n}", spot(0.02 + 0.96 * rng.random(), 0.02 + 0.96 * rng.random()))
        for n in range(1, 41)
    ]


class _Storm:
    """The pieces of one run. Every part that draws has a generator of its own."""

    def __init__(self, seed: int, parts: StormParts, plan: Plan) -> None:
        self.seed = seed
        self.plan = plan
        self.rng = Random(seed)
        pack, atlas = ground()
        start = self.rng.choice(STARTS)
        weather_rng = self._fork()
        climate = plan.climate or drawn(weather_rng)
        self.weather = Weather(weather_rng, climate, lambda: world.now().timestamp())
        vault = MemoryVault(cast(Any, self))
        world = self.world = World(
            parts,
            pack,
            atlas,
            start,
            self.weather,
            self._fork(),
            vault,
            parts.disk(vault, lambda: world.now()),
            MemoryStories(),
            MemoryQuality(),
            self.rng.randbytes(32),
        )
        self.processes: list[Process] = []
        self.outside = Outside()
        self.network = Network(self.weather, self._fork(), self.processes)

    def _fork(self) -> Random:
        return Random(self.rng.getrandbits(64))

    def now(self) -> datetime:
        return self.world.now()

    # -- the course of it

    async def run(self) -> StormReport:
        world, weather = self.world, self.weather
        with capture_logs() as logs:
            climate, weather.climate = weather.climate, NO_TROUBLE
            for number in range(self.plan.processes):
                self.processes.append(Process(world, f"p{number}"))
            names, ids = await self._furnish()
            town = self._people(names, ids)
            weather.climate = climate
            tending = [self._background(self._tend(n)) for n in range(self.plan.processes)]
            tending += [
                self._background(self._cut_the_store()),
                self._background(self._set_clock()),
            ]
            await asyncio.sleep(self.plan.storm_s)
            weather.stop()
            world.is_store_away = False
            for task in tending:
                task.cancel()
            for number, process in enumerate(self.processes):
                if not process.is_alive:
                    self.processes[number] = Process(world, process.name)
            await asyncio.sleep(ANSWERS_S)
            silent = self._unanswered(town)
            await town.storm_agenda.close()
            world.has_devices = False
            await asyncio.sleep(SPAN_S - ANSWERS_S)
            seen = await self._come_to_rest(silent)
            await asyncio.sleep(self.plan.quiet_s)
        return await self._report(town, seen, logs)

    def _background(self, work: Any) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)

    async def _furnish(self) -> tuple[list[str], list[UnitId]]:
        """Registered devices and units, before the storm."""
        process, pack = self.processes[0], self.world.pack
        names = [f"d{number}" for number in range(self.plan.devices)]
        county = AreaId("county")
        for number, name in enumerate(names[: self.plan.devices // 2 + 1]):
            about = About(
                name,
                "smoke-detector",
                (county,),
                spot(0.2 + 0.1 * number, 0.4),
                wires=((SOURCE, name),),
                supervision="SP5",
            )
            outcome = await process.engine.handle_asset(
                AssetId(f"asset-{name}"), AddAsset(about), by=KEEPER
            )
            assert not isinstance(outcome, Refused), outcome
        ids = [UnitId(f"unit-{number}") for number in range(self.plan.units)]
        agency = AgencyId(pack.agency_id("fire-rescue", _path(self.world)))
        for unit in ids:
            add = units.AddUnit(unit, agency, (county,), "engine")
            for command in (add, units.StartDuty(4)):
                outcome = await process.engine.handle_unit(unit, command, by=KEEPER)
                assert not isinstance(outcome, Refused), outcome
        return names, ids

    def _people(self, names: list[str], ids: list[UnitId]) -> StormTown:
        world = self.world
        node_ids = SeededIds(cast(Any, self), self._fork())
        far = FarNode(world, self.network, node_ids)
        arrivals = Arrivals(world.pack, _spots(), self._fork(), world.start, self.plan.per_hour)
        faults = Faults(self._fork(), FaultShares(0, 0, 0, 0.05, 0))
        behaviour = Behaviour(world.pack, HASTY, self._fork())
        town = StormTown(far, arrivals, behaviour, self._fork(), faults)
        until_s = asyncio.get_running_loop().time() + self.plan.storm_s
        town.open_doors(world.start + timedelta(seconds=until_s))
        Devices(far, town.storm_agenda, self.outside, self._fork(), names).open(until_s)
        if ids:
            Crews(far, town.storm_agenda, self.outside, self._fork(), ids).open(until_s)
        if names:
            Clerks(far, town.storm_agenda, self._fork()).open(until_s)
        return town

    # -- what goes wrong by itself

    async def _tend(self, number: int) -> None:
        """One process lives and dies, and somebody starts it again."""
        rng, world = self._fork(), self.world
        while True:
            lives_s = rng.expovariate(1 / UP_MEAN_S)
            process = self.processes[number]
            await asyncio.wait([process.death], timeout=lives_s)
            if process.is_alive:
                process.die()
                self.weather.struck["killed"] += 1
            down_s = rng.uniform(0.2, DOWN_MAX_S)
            if not any(process.is_alive for process in self.processes):
                self.weather.note(down_s)
            await asyncio.sleep(down_s)
            self.processes[number] = Process(world, f"p{number}")

    async def _cut_the_store(self) -> None:
        rng = self._fork()
        while True:
            await asyncio.sleep(rng.expovariate(1 / (2 * UP_MEAN_S)))
            away_s = rng.uniform(0.5, AWAY_MAX_S)
            self.world.is_store_away = True
            self.weather.struck["store_away"] += 1
            await self.weather.stand_still(away_s)
            self.world.is_store_away = False

    async def _set_clock(self) -> None:
        """In some seeds the wall clock is an hour off for a while; processes that start then
        believe it, so all of them are started anew."""
        rng = self._fork()
        if rng.random() > 0.3:
            return
        off_s = rng.choice((3_600.0, -3_600.0, 90.0, -90.0))
        await asyncio.sleep(rng.uniform(60.0, 0.7 * self.plan.storm_s))
        before = self.world.now().timestamp()
        self.world.wall_off_s += off_s
        self.weather.struck["clock_set"] += 1
        after = self.world.now().timestamp()
        self.weather.troubles.append((min(before, after), max(before, after) + DOWN_MAX_S))
        for process in list(self.processes):
            process.die()

    # -- what is left

    def _unanswered(self, town: StormTown) -> list[str]:
        silent = [
            key for key, sent in town.ledger.sent.items() if not sent.receipts and not sent.refused
        ]
        silent += [
            told.incoming.key for told in self.outside.told if not told.answers and not told.refused
        ]
        return silent

    async def _come_to_rest(self, silent: list[str]) -> StormEvidence:
        """What is still owed at the end of the span."""
        disk, now = self.world.disk, self.world.now()
        due = await disk.oldest_wake()
        return StormEvidence(
            base=cast(Evidence, None),
            disk=disk,
            stories=self.world.stories,
            outside=self.outside,
            weather=self.weather,
            everything=(),
            unanswered=silent,
            owed=disk.owed_for(SETTLES_S),
            overdue=due if due is not None and due < now - timedelta(seconds=1.5) else None,
            behind=len(disk.untold_for(SETTLES_S, self.world.stories.seq)),
        )

    async def _report(self, town: StormTown, rest: StormEvidence, logs: list[Any]) -> StormReport:
        world, disk = self.world, self.world.disk
        journal = await disk.tail(0, disk.newest)
        base = Evidence(
            ledger=town.ledger,
            store=disk,
            vault=world.vault,
            pack=world.pack,
            reception=self.processes[0].reception,
            journal=journal,
            messages=list(disk.messages.values()),
            logs=[repr(sorted(line.items())).encode() for line in logs],
            now=world.now() - timedelta(seconds=2),
            late_max_s=0.0,
        )
        everything = await disk.tail_of_all(0, disk.newest)
        seen = replace(rest, base=base, everything=everything)
        events: list[Any] = [event for entry in journal for event in entry.events]
        return StormReport(
            seed=self.seed,
            reports=len(town.ledger.sent),
            alarms=len(self.outside.told),
            sent_units=self.outside.sent,
            cases=sum(isinstance(each, words.CaseOpened) for each in events),
            missed=sum(isinstance(each, words.DeadlineMissed) for each in events),
            entries=disk.newest,
            deaths=world.deaths,
            repeats=disk.repeats,
            struck=tuple(sorted(self.weather.struck.items())),
            passed=tuple(sorted(self.weather.passed.items())),
            digest=digest(journal),
            findings=tuple(await examine(seen)),
        )


def _path(world: World) -> Any:
    return world.atlas.locate(*_middle(world))


def _middle(world: World) -> tuple[float, float]:
    west, south, east, north = world.atlas.bounds
    return (west + east) / 2 + 0.001, (south + north) / 2 + 0.001


__all__ = ["Disk", "Plan", "StormReport", "storm"]
