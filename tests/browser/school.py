"""Schools of the browser tests: their buttons are pressed over the signed intake, as devices do."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.request import Request, urlopen

from tests.browser.town import HOME, Town, key

SECRET = "a secret of the browser tests"
INTAKES = f"""
[[signed-json.sender]]
name = "school"
secret = "{SECRET}"
"""
_numbers = count(1)


@dataclass
class School:
    """A site and its buttons, by name."""

    town: Town
    name: str
    site: str = ""
    buttons: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, name: str, kind: str, **more: Any) -> str:
        place = {"lon": HOME[0] + 0.004, "lat": HOME[1] + 0.004}
        body = {"name": name, "kind": kind, "area": self.town.county, "place": place, **more}
        return self.town.admin.must("POST", "/api/assets", body)["id"]

    def press(self, button: str, kind: str = "panic", **more: Any) -> None:
        """One press on the wire. Returns once the node has acknowledged it."""
        told = {"device": f"{self.name}/{button}", "kind": kind, "key": key(), **more}
        body, stamp = json.dumps(told).encode(), str(int(time.time()))
        mark = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"X-Tocsin-Timestamp": stamp, "X-Tocsin-Signature": f"sha256={mark}"}
        address = f"{self.town.origin}/intakes/signed/school"
        with urlopen(Request(address, body, headers, method="POST"), timeout=60) as answer:
            assert answer.status == 204

    def alarm(self, button: str) -> Any:
        """The open alarm of a button."""
        asked = f"/api/alarms?asset={self.buttons[button]}"
        return self.town.person("supervisor").must("GET", asked)["alarms"][0]


def school(town: Town, *buttons: str, **more: Any) -> School:
    """A fresh school with these buttons."""
    made = School(town, f"School {next(_numbers)}")
    made.site = made.add(made.name, "panel")
    for each in buttons or ("Office",):
        wires = [{"source": "signed-json", "address": f"school/{made.name}/{each}"}]
        made.buttons[each] = made.add(each, "button", gateway=made.site, wires=wires, **more)
    return made
