"""A second school of the demo: its weekly test, with a button that stays silent, and its drill."""

from __future__ import annotations

from typing import Any, Final

from tocsin.app.demo_carriers import Sites
from tocsin.app.demo_client import Unreachable
from tocsin.simulation.arrivals import Spot

BUTTONS: Final = 4
TEST_FROM_MIN, TEST_MIN = 0.5, 5
"""When two of its buttons are put on test, and for how many town minutes: one is pressed."""
DRILL_FROM_MIN: Final = 8.0
DRILL_SHOWN_S: Final = 240.0
"""Real seconds for which the drill is on, so that somebody who has just signed in sees it."""
DRILL_MIN_S, DRILL_MAX_S = 1_200, 4 * 3_600
"""And town seconds: no drill is shorter, and the node allows none that is longer."""


class Exercises:
    """One school. Nothing of it is real but its sockets."""

    def __init__(self, devices: Sites, spot: Spot) -> None:
        self._devices = devices
        self._spot = spot

    async def begin(self) -> None:
        """Registers the school and notes its day. Raises `Unreachable`."""
        name = f"School, {self._spot.name} (2)"
        hub = await self._devices.add("school", "x0", name, "gateway", self._spot)
        for n in range(1, BUTTONS + 1):
            button = f"{name}: button {n}"
            await self._devices.add("school", f"x{n}", button, "button", self._spot, hub)
        self._devices.at(TEST_FROM_MIN, self._test)
        self._devices.at(DRILL_FROM_MIN, self._drill)

    async def _test(self) -> None:
        for n in (2, 3):
            asset = self._devices.assets[f"school/x{n}"]
            await self._ask(f"/api/assets/{asset}/start-test", {"for_s": TEST_MIN * 60})
        self._devices.at(1.0, self._press(2))

    async def _drill(self) -> None:
        devices = self._devices
        for_s = min(DRILL_MAX_S, max(DRILL_MIN_S, round(DRILL_SHOWN_S * devices.town.clock.speed)))
        site = devices.assets["school/x0"]
        body = {"site": site, "for_s": for_s, "reason": "yearly exercise"}
        if await self._ask("/api/drills", body):
            devices.counts["drills"] += 1
        devices.at(1.0, self._press(1))
        devices.at(3.0, self._press(4))

    def _press(self, button: int):
        async def press() -> None:
            item = {"device": f"x{button}", "kind": "panic", "key": self._devices.key()}
            await self._devices.say("school", [item])

        return press

    async def _ask(self, path: str, body: dict[str, Any]) -> bool:
        town = self._devices.town
        chief = await town.staff.get("supervisor", town.staff.county, None, 1)
        try:
            answer = await town.client.ask("POST", path, headers=chief.headers, json=body)
        except Unreachable:
            return False
        return answer.is_ok


__all__ = ["Exercises"]
