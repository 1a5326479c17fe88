"""`tocsin demo`: a town's day on a fresh node, lived through the public interfaces only.

A real node runs beside it, in a folder of its own, with time that runs faster. At the end the
demo asks the node for every receipt that it was given and for every promise that was missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from tocsin.app.demo_agenda import TownTime
from tocsin.app.demo_client import PASSWORD, Client, Person, Staff, Unreachable
from tocsin.app.demo_devices import DemoDevices
from tocsin.app.demo_node import CALENDAR, DemoError, DemoNode, DemoOptions
from tocsin.app.demo_screen import Screen
from tocsin.app.demo_summary import PROBLEMS_SHOWN, Reckoning, reckon
from tocsin.app.demo_town import DemoTown
from tocsin.app.demo_units import DemoUnits
from tocsin.app.ground import town_from_map
from tocsin.geography.areas import Atlas, Outside
from tocsin.kernel.shared import AgencyId, Instant, Place
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack
from tocsin.runtime.accounts import Role
from tocsin.simulation.arrivals import Arrivals, Spot
from tocsin.simulation.behaviour import Behaviour
from tocsin.simulation.habits import NORMAL, WILLING
from tocsin.simulation.town_files import Town

MAPS: Final = Path("build/maps")
FAVOURITE: Final = "helsinki.osm.pbf"
SETTLE_MIN: Final = 30.0
"""Town minutes in which everyone works on after the last report."""
SETTLE_S: Final = 60.0
"""And never more real seconds than this."""
EDGE: Final = 0.0006
"""Degrees of latitude, some 65 metres: three times the spread of what people point at."""
RUNNER_S: Final = 3.0  # real seconds in which the node's clocks surely speak
HABITS: Final = (NORMAL, WILLING)
DESKS: Final[tuple[Role, ...]] = (
    *("call_taker", "dispatcher", "verifier"),
    *("supervisor", "evaluator", "arbiter"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Read the options and run; 0 when nothing was lost and every miss was escalated once."""
    try:
        return asyncio.run(run_demo(_options(argv)))
    except (DemoError, Unreachable) as error:
        print(f"tocsin demo: {error}", file=sys.stderr)
        return 2


def _options(argv: Sequence[str] | None) -> DemoOptions:
    parser = argparse.ArgumentParser(prog="tocsin demo", description=__doc__)
    parser.add_argument("--speed", type=float, help="town seconds a second (60; headless: 240)")
    parser.add_argument("--minutes", type=float, help="of town time (endless; headless: 240)")
    parser.add_argument("--headless", action="store_true", help="end with a JSON summary")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--map", type=Path, help="a town's map as .osm.pbf")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--data", type=Path, help="an empty folder; else a temporary one")
    parser.add_argument("--rate", type=float, default=120.0, help="reports a town hour")
    asked = parser.parse_args(argv)
    speed = asked.speed if asked.speed is not None else 240.0 if asked.headless else 60.0
    minutes = asked.minutes
    if minutes is None and asked.headless:
        minutes = 240.0
    if speed <= 0 or asked.rate <= 0 or (minutes is not None and minutes <= 0):
        parser.error("--speed, --minutes and --rate must be greater than nothing")
    return DemoOptions(
        speed, minutes, asked.headless, asked.seed, asked.map, asked.port, asked.data, asked.rate
    )


async def run_demo(options: DemoOptions) -> int:
    """Start a node, live in the town, reckon. Returns the exit code; raises `DemoError` with one
    line where it cannot begin."""
    map_file = find_map(options.map)
    with tempfile.TemporaryDirectory(prefix="tocsin-demo-") as temporary:
        data = options.data or Path(temporary)
        if options.data is not None:
            data.mkdir(parents=True, exist_ok=True)
            if any(data.iterdir()):
                raise DemoError(f"{data} is not empty: a demo begins on a fresh folder")
        node = DemoNode(options, map_file, data)
        print(f"A node starts on {map_file.name}; the first start makes its database.", flush=True)
        try:
            await node.start()
            return await _live(options, node, map_file, data)
        finally:
            await node.stop()


def find_map(given: Path | None) -> Path:
    """The map to live on: the one given, Helsinki's, or any that the set-up made."""
    if given is not None:
        if not given.is_file():
            raise DemoError(f"there is no map at {given}")
        return given
    for folder in (MAPS, Path(__file__).resolve().parents[3] / MAPS):
        found = sorted(folder.glob("*.osm.pbf"))
        for each in found:
            if each.name == FAVOURITE:
                return each
        if found:
            return found[0]
    raise DemoError("there is no map: run `make demo`, or give --map FILE.osm.pbf")


async def _live(options: DemoOptions, node: DemoNode, map_file: Path, data: Path) -> int:
    client = Client(node.address)
    try:
        people = await move_in(options, node, client, map_file, data)
        screen = Screen(people, is_tty=sys.stdout.isatty() and not options.headless)
        if not options.headless:
            screen.greet(node.address, people.staff, PASSWORD)
        units = DemoUnits(people, people.posts, Random(options.seed), card_types=people.card_types)
        await units.begin()
        devices = DemoDevices(people, node.wiring, Random(options.seed))
        await devices.begin()
        return await _day(options, node, people, units, devices, screen)
    finally:
        await client.close()


async def move_in(
    options: DemoOptions, node: DemoNode, client: Client, map_file: Path, data: Path
) -> DemoTown:
    """The people of a fresh node: its administrator, the first accounts, residents to come."""
    pack = load_pack(builtin("county"), calendar=CALENDAR)
    town = await asyncio.to_thread(town_from_map, map_file, data)
    atlas = Atlas(town.areas)
    staff = Staff(client, atlas.tier("county")[0].id)
    await staff.begin(node.token)
    clock = TownTime(await _node_time(client, staff.admin), options.speed)
    await _invite(staff, pack, atlas)
    rng = Random(options.seed)
    spots = spots_of(town, atlas)
    arrivals = Arrivals(pack, spots, Random(rng.getrandbits(64)), clock.now(), options.rate)
    behaviour = Behaviour(pack, HABITS[0], Random(rng.getrandbits(64)))
    people = DemoTown(client, staff, clock, pack, arrivals, behaviour, Random(rng.getrandbits(64)))
    people.posts = [spot.place for spot in spots]
    people.spots = spots
    return people


def spots_of(town: Town, atlas: Atlas) -> list[Spot]:
    """Places well inside the town that people can name: addresses of the map, else points of its
    streets. Nearer to the edge, half of the people would point across it."""
    extract = town.extract
    found = [Spot(each.street, each.place) for each in extract.addresses if each.street]
    if not found:
        found = [
            Spot(dict(each.name).get("local") or dict(each.name)["en"], each.line[0])
            for each in extract.streets
        ]
    found = [each for each in found if _is_inside(each.place, atlas)]
    if not found:
        raise DemoError("the map has neither addresses nor streets")
    return [replace(each, area=_cell_of(each.place, atlas)) for each in found]


def _cell_of(place: Place, atlas: Atlas) -> str:
    path = atlas.locate(place.lon, place.lat)
    assert not isinstance(path, Outside), "only places inside were kept"
    return path.cell


def _is_inside(place: Place, atlas: Atlas) -> bool:
    around = [(-EDGE, -EDGE), (-EDGE, EDGE), (EDGE, -EDGE), (EDGE, EDGE)]
    return all(
        not isinstance(atlas.locate(place.lon + 2 * east, place.lat + north), Outside)
        for east, north in around
    )


async def _node_time(client: Client, person: Person) -> Instant:
    """The node's time, as its answer to a sign-in says."""
    answer = await client.ask("GET", "/api/sessions", headers=person.headers)
    return max(datetime.fromisoformat(each["seen_at"]) for each in answer.json()["sessions"])


async def _invite(staff: Staff, pack: Pack, atlas: Atlas) -> None:
    """The people everybody meets first; the others get their accounts when they are needed."""
    county = staff.county
    for role in DESKS:
        await staff.get(role, county, None, 1)
    await staff.get("grid_worker", atlas.tier("town")[0].id, None, 1)
    for code in ("fire-rescue", "roads"):
        agency = pack.agencies.get(code)
        if agency is not None and agency.tier == "county":
            await staff.get("agency_handler", county, AgencyId(f"{code}@{county}"), 1)


async def _day(
    options: DemoOptions,
    node: DemoNode,
    town: DemoTown,
    units: DemoUnits,
    devices: DemoDevices,
    screen: Screen,
) -> int:
    """Arrivals, then the settling, then the reckoning."""
    asked = _Interrupts()
    begun = town.clock.now()
    end = begun + timedelta(minutes=options.minutes) if options.minutes is not None else None
    work = [
        asyncio.create_task(town.run()),
        asyncio.create_task(town.watch()),
        asyncio.create_task(units.run()),
        asyncio.create_task(devices.run()),
    ]
    try:
        while not asked.to_end.is_set() and (end is None or town.clock.now() < end):
            _look_after(node, work)
            screen.show("reports come in")
            await _pause(asked.to_end)
        ended = town.clock.now()
        await _settle(town, screen, asked.to_hurry)
        _look_after(node, work)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    until = town.clock.now()
    screen.show("counting", last=True)
    await asyncio.sleep(RUNNER_S)
    found = await reckon(town, until)
    of_devices, lost = await devices.reckon()
    found.lost += lost
    found.figures |= {
        "lost": len(found.lost),
        "devices": of_devices,
        "seed": options.seed,
        "speed": options.speed,
        "minutes": round((ended - begun) / timedelta(minutes=1), 1),
        "settling_minutes": round((until - ended) / timedelta(minutes=1), 1),
    }
    return _say(found)


def _look_after(node: DemoNode, work: Sequence[asyncio.Task[None]]) -> None:
    """Raises what ended before its time: the node, or the town by a fault of ours."""
    if not node.is_running:
        raise DemoError("the node has ended")
    for task in work:
        if task.done():
            task.result()


async def _settle(town: DemoTown, screen: Screen, hurry: asyncio.Event) -> None:
    """No new reports; everyone works on, and every clock that came due has spoken. Whoever is in
    a `hurry` does not wait for that: the reckoning is the same, with more cases left open."""
    town.is_open = False
    ended = town.clock.now()
    town.behaviour.mind.habits = HABITS[1]
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SETTLE_S
    quiet = ended + timedelta(minutes=SETTLE_MIN)
    while loop.time() < deadline and not hurry.is_set():
        screen.show("everyone works on; Ctrl-C counts now")
        if town.clock.now() >= quiet:
            await town.look(everything=True)
            if not _silent(town, ended):
                break
        await _pause(hurry)
    await town.rest()


async def _pause(ends: asyncio.Event) -> None:
    """Half a second, or less when `ends` is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            await ends.wait()


def _silent(town: DemoTown, ended: Instant) -> bool:
    """Whether a clock that came due before `ended` has not spoken yet."""
    return any(
        clock.paused_at is None and not clock.missed and clock.due_at <= ended
        for _, case in town.board.values()
        for clock in case.clocks
        if case.is_open
    )


class _Interrupts:
    """Ctrl-C or a polite kill: the first ends the day, which then settles and is reckoned; the
    second ends the settling."""

    def __init__(self) -> None:
        self.to_end = asyncio.Event()
        self.to_hurry = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._next)

    def _next(self) -> None:
        (self.to_hurry if self.to_end.is_set() else self.to_end).set()


def _say(found: Reckoning) -> int:
    for line in (*found.lost, *found.wrong)[:PROBLEMS_SHOWN]:
        print(f"broken promise: {line}")
    print(json.dumps(found.figures, separators=(",", ":")), flush=True)
    return 0 if found.is_good else 1


__all__ = ["DemoError", "DemoNode", "DemoOptions", "find_map", "main", "move_in", "run_demo"]
