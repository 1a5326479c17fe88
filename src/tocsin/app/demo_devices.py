"""The devices of the demo: schools, a block of flats, a shop, the river, cameras; real sockets.

Everything goes the way it would go in a town: signed messages over HTTP, the block over MQTT, a
panel over DC-09. By which protocol a site speaks is behind `demo_carriers.Carrier`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

from tocsin.app.demo_agenda import Action
from tocsin.app.demo_cameras import Cameras
from tocsin.app.demo_carriers import SEND_TRIES, SHOP, Carrier, Item, Signed, Wiring
from tocsin.app.demo_client import Person, Unreachable
from tocsin.app.demo_exercises import Exercises
from tocsin.app.demo_town import DemoTown
from tocsin.intakes.sia_dc09.dialler import Dialler
from tocsin.simulation.arrivals import Spot

BUTTONS: Final = 6
DETECTORS: Final = 24
ZONES: Final = 4
GAUGES: Final = 3
BEAT_MIN: Final = 10.0
"""Minutes of town time between two signs of life; supervision SP3 waits three times as long."""
DEAD_FROM_MIN, DEAD_TO_MIN = 5.0, 50.0
"""When the block's gateway dies and comes back: long enough to be missed."""
MODELS: Final = {"button": "PB-1", "smoke-detector": "SD-2", "gauge": "WG-5", "camera": "CAM-4"}
"""By kind of device, made up: the scorecard tells models apart."""
HIGH_M: Final = 3.0
"""The level at which the pack calls it high water."""
LOOK_EVERY_S: Final = 1.0
"""Real seconds between two looks of a dispatcher at what is announced."""
PAGE: Final = 500


@dataclass(slots=True)
class DemoDevices:
    """The sites, and what became of what they said."""

    town: DemoTown
    wiring: Wiring
    rng: Random
    counts: Counter[str] = field(default_factory=Counter[str])
    raised: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(asset, kind) of what was acknowledged on the wire: it must be there at the end."""
    assets: dict[str, str] = field(default_factory=dict[str, str])
    _carriers: dict[str, Carrier] = field(default_factory=dict[str, Carrier])
    _is_dead: bool = False
    _level_m: float = 1.8
    _panel: Dialler | None = None
    _line: asyncio.Lock = field(default_factory=asyncio.Lock)
    _cameras: Cameras = field(init=False)

    # -- registering

    async def begin(self) -> None:
        """The administrator registers everything, and the day is noted. Raises `Unreachable`."""
        for name, secret in self.wiring.secrets.items():
            self._carriers[name] = Signed(self.town, name, secret)
        self._carriers["block"] = self.wiring.block
        self._cameras = Cameras(self)
        self._panel = Dialler(
            SHOP, self.town.clock.now, self.rng.randbytes, bytes.fromhex(self.wiring.panel_key)
        )
        school, block, shop = (self.rng.choice(self.town.spots) for _ in range(3))
        hub = await self.add("school", "hub", f"School, {school.name}", "gateway", school)
        for n in range(1, BUTTONS + 1):
            name = f"School, {school.name}: button {n}"
            await self.add("school", f"b{n}", name, "button", school, hub)
        gate = await self.add(
            "block", "gw", f"Block, {block.name}: gateway", "gateway", block, is_watched=True
        )
        for n in range(1, DETECTORS + 1):
            name = f"Block, {block.name}: flat {n}"
            await self.add("block", f"s{n}", name, "smoke-detector", block, gate, is_watched=True)
        await self._add_panel(shop)
        for n in range(1, GAUGES + 1):
            name = f"River gauge {n}"
            await self.add("river", f"g{n}", name, "gauge", self.rng.choice(self.town.spots))
        await self._cameras.begin()
        await Exercises(self, self.rng.choice(self.town.spots)).begin()
        for carrier in self._carriers.values():
            await carrier.open()
        self._note_the_day()

    async def add(
        self, site: str, device: str, name: str, kind: str, spot: Spot,
        gateway: str | None = None, is_watched: bool = False,
    ) -> str:  # fmt: skip
        carrier = self._carriers[site]
        wire = {"source": carrier.source, "address": carrier.address(device)}
        return await self.register(f"{site}/{device}", name, kind, spot, wire, gateway, is_watched)

    async def _add_panel(self, spot: Spot) -> None:
        wire = {"source": "sia-dc09", "address": SHOP}
        panel = await self.register("shop", f"Shop, {spot.name}", "panel", spot, wire)
        for n in range(1, ZONES + 1):
            zone = {"source": "sia-dc09", "address": f"{SHOP}/0/{n}"}
            name = f"Shop, {spot.name}: zone {n}"
            await self.register(f"shop/{n}", name, "intrusion-detector", spot, zone, panel)

    async def register(
        self, key: str, name: str, kind: str, spot: Spot, wire: dict[str, str],
        gateway: str | None = None, is_watched: bool = False, supervision: str = "",
        model: str = "",
    ) -> str:  # fmt: skip
        """The id of an asset that the administrator registers; `wire` is by what it speaks."""
        place = {"lon": spot.place.lon, "lat": spot.place.lat, "datum": "wgs84"}
        body = {
            "name": name[:120],
            "kind": kind,
            "area": spot.area or self.town.staff.county,
            "place": place,
            "gateway": gateway,
            "wires": [wire],
            "supervision": supervision or ("SP3" if is_watched else "none"),
            "model": model or MODELS.get(kind, ""),
        }
        admin = self.town.staff.admin
        made = await self.town.client.ask("POST", "/api/assets", headers=admin.headers, json=body)
        if not made.is_ok:
            raise Unreachable(f"no asset {name}: {made.status} {made.reason}")
        self.assets[key] = made.json()["id"]
        return self.assets[key]

    # -- the day

    def _note_the_day(self) -> None:
        self.at(DEAD_FROM_MIN, self._die(True))
        self.at(DEAD_TO_MIN, self._die(False))
        self.at(0.5, self._beat)
        self.at(self.rng.uniform(1, 3), self._press("b1", is_drill=True))
        self.at(self.rng.uniform(4, 8), self._press(f"b{self.rng.randint(2, BUTTONS)}"))
        self.at(self.rng.uniform(2, 6), self._smoke(self.rng.randint(1, DETECTORS)))
        self.at(self.rng.uniform(3, 9), self._break_in(self.rng.randint(1, ZONES)))

    def at(self, minutes: float, action: Action) -> None:
        """Town minutes from now, while the day lasts."""

        async def act() -> None:
            if self.town.is_open:
                await action()

        self.town.agenda.at(self.town.clock.now() + timedelta(minutes=minutes), act)

    def _die(self, is_dead: bool) -> Action:
        async def act() -> None:
            self._is_dead = is_dead
            await (self.wiring.block.vanish() if is_dead else self.wiring.block.open())
            self.counts["gateway_died" if is_dead else "gateway_back"] += 1

        return act

    async def _beat(self) -> None:
        """Signs of life and readings of all sites, again and again."""
        self.at(BEAT_MIN, self._beat)
        self._level_m += 0.5 if self._level_m < HIGH_M + 0.6 else -2.0
        await self.say("river", [
            {"device": f"g{n}", "signal": "heard", "key": self.key(),
             "level_m": round(self._level_m - 0.05 * (n - 1), 2)}
            for n in range(1, GAUGES + 1)
        ])  # fmt: skip
        await self.say("school", [self._alive("hub")])
        if not self._is_dead:
            alive = [self._alive("gw"), *(self._alive(f"s{n}") for n in range(1, DETECTORS + 1))]
            await self.say("block", alive)
        await self._dial("NULL")

    def _alive(self, device: str) -> Item:
        battery = round(self.rng.uniform(60, 95), 1)
        return {
            "device": device,
            "signal": "heard",
            "key": self.key(),
            "battery_percent": battery,
        }

    def key(self) -> str:
        """One that marks a message."""
        return f"{self.rng.getrandbits(64):016x}"

    def _press(self, button: str, is_drill: bool = False) -> Action:
        async def press() -> None:
            item = {"device": button, "kind": "panic", "key": self.key(), "drill": is_drill}
            if await self.say("school", [item]):
                self.raised.append((self.assets[f"school/{button}"], "panic"))
            if not is_drill:
                self.at(self.rng.uniform(60, 120), self._press(f"b{self.rng.randint(1, BUTTONS)}"))

        return press

    def _smoke(self, number: int) -> Action:
        async def smoke() -> None:
            device = f"s{number}"
            if not self._is_dead and await self.say(
                "block", [{"device": device, "kind": "smoke", "key": self.key()}]
            ):
                self.raised.append((self.assets[f"block/{device}"], "smoke"))

                async def clear() -> None:
                    if self._is_dead:  # it says so again once the gateway is back
                        self.at(BEAT_MIN, clear)
                        return
                    over = {"device": device, "kind": "smoke", "signal": "cleared"}
                    await self.say("block", [{**over, "key": self.key()}])

                self.at(self.rng.uniform(5, 15), clear)
            self.at(self.rng.uniform(60, 150), self._smoke(self.rng.randint(1, DETECTORS)))

        return smoke

    def _break_in(self, zone: int) -> Action:
        async def break_in() -> None:
            if await self._dial("130", zone):
                self.raised.append((self.assets[f"shop/{zone}"], "intrusion"))
                self.at(self.rng.uniform(3, 8), self._restore(zone))
            self.at(self.rng.uniform(40, 90), self._break_in(self.rng.randint(1, ZONES)))

        return break_in

    def _restore(self, zone: int) -> Action:
        async def restore() -> None:
            await self._dial("130", zone, "3")

        return restore

    async def say(self, site: str, items: Sequence[Item]) -> bool:
        """Whether the node acknowledged these messages of a site."""
        self.counts["sent"] += len(items)
        is_kept = await self._carriers[site].send(items)
        self.counts["acknowledged" if is_kept else "unanswered"] += len(items)
        return is_kept

    async def _dial(self, code: str, zone: int = 0, qualifier: str = "1") -> bool:
        """One frame over the panel's own socket, again until it is acknowledged, as panels do."""
        assert self._panel is not None, "it was made when the day began"
        panel, port = self._panel, self.wiring.panel_port
        self.counts["sent"] += 1
        async with self._line:
            is_poll = code == "NULL"
            frame = panel.poll() if is_poll else panel.contact_id(code, zone, 0, qualifier)
            for _ in range(SEND_TRIES):
                try:
                    answer = await asyncio.to_thread(panel.send, frame, "127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.2)
                    continue
                if answer.said == "ACK" and answer.is_ours:
                    self.counts["acknowledged"] += 1
                    return True
        self.counts["unanswered"] += 1
        return False

    # -- the desk

    async def run(self) -> None:
        """Until cancelled: a dispatcher sees what is announced."""
        while True:
            try:
                await self._acknowledge()
            except Unreachable:
                self.town.agenda.failures += 1
            await asyncio.sleep(LOOK_EVERY_S)

    async def _acknowledge(self) -> None:
        desk = await self.town.staff.get("dispatcher", self.town.staff.county, None, 1)
        for alarm in await self._alarms(desk, "which=announced"):
            path = f"/api/alarms/{alarm['id']}/acknowledge"
            answer = await self.town.client.ask("POST", path, headers=desk.headers, json={})
            self.counts["seen_by_the_desk"] += answer.is_ok

    async def _alarms(self, person: Person, query: str) -> list[Item]:
        path = f"/api/alarms?limit={PAGE}&{query}"
        answer = await self.town.client.ask("GET", path, headers=person.headers)
        if answer.status == 401:
            await self.town.staff.sign_in_again(person)
            answer = await self.town.client.ask("GET", path, headers=person.headers)
        return list(answer.json()["alarms"]) if answer.is_ok else []

    # -- the reckoning

    async def reckon(self) -> tuple[dict[str, Any], list[str]]:
        """The figures of the devices, and what was acknowledged on a wire and is not there."""
        await self._cameras.close()
        for carrier in self._carriers.values():
            await carrier.close()
        chief = await self.town.staff.get("supervisor", self.town.staff.county, None, 1)
        lost: list[str] = []
        kinds: Counter[str] = Counter()
        kept: dict[str, list[Item]] = {}
        for key, asset in self.assets.items():
            kept[asset] = await self._alarms(chief, f"which=all&asset={asset}")
            kinds.update(f"{key.partition('/')[0]}: {each['kind']}" for each in kept[asset])
        for asset, kind in self.raised:
            if all(each["kind"] != kind for each in kept[asset]):
                lost.append(f"alarm {kind} of device {asset}: acknowledged, and not there")
        silent = [
            each for found in kept.values() for each in found if each["kind"] == "supervision"
        ]
        members = [each for each in silent if each["cause"] is not None]
        figures = {
            **dict(sorted(self.counts.items())),
            "devices": len(self.assets),
            "alarms": dict(sorted(kinds.items())),
            "silent": len(silent),
            "folded_under_the_gateway": len(members),
            "cases_of_the_silence": len({each["case"] or str(each["handled"]) for each in silent}),
        }
        return figures, lost


__all__ = ["DemoDevices"]
