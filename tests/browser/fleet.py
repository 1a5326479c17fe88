"""Units of the browser tests: made by the administrator, signed on, moved by their keys."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any
from urllib.request import Request, urlopen

from tests.browser.town import HOME, Staff, Town

FIRE = "fire-rescue"
_numbers = count(1)


@dataclass
class Rig:
    """One unit of the town with its key."""

    town: Town
    id: str
    name: str
    agency: str
    key: str

    @property
    def desk(self) -> Staff:
        return self.town.person("dispatcher")

    def press(self, verb: str, **body: Any) -> Any:
        return self.desk.must("POST", f"/api/units/{self.id}/{verb}", body)

    def now(self) -> Any:
        return self.desk.must("GET", f"/api/units/{self.id}")

    def drive(self, lon: float, lat: float, heading: float | None = None) -> None:
        """Its telephone tells where it is, as OwnTracks sends it."""
        told = self.desk.must("GET", "/api/board?limit=1")["now"]
        at = datetime.fromisoformat(told).timestamp()
        body: dict[str, Any] = {
            "_type": "location",
            "lat": lat,
            "lon": lon,
            "tst": at,
            "acc": 5,
        }
        if heading is not None:
            body |= {"cog": heading, "vel": 40}
        basic = base64.b64encode(f"{self.name}:{self.key}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
        request = Request(
            f"{self.town.origin}/intakes/owntracks", json.dumps(body).encode(), headers
        )
        with urlopen(request, timeout=30) as answer:
            assert answer.status == 200


def agency_of(town: Town, code: str = FIRE) -> str:
    return f"{code}@{town.county}"


def rig(town: Town, kind: str = "engine", code: str = FIRE, *, on_duty: bool = True) -> Rig:
    """A new unit, on duty unless told otherwise, at the corner of the tests' box."""
    name = f"T{next(_numbers)}"
    agency = agency_of(town, code)
    lon, lat = HOME
    body = {
        "name": name,
        "agency": agency,
        "area": town.county,
        "kind": kind,
        "post": {"lon": lon, "lat": lat},
        "crew_size": 4,
    }
    made = town.admin.must("POST", "/api/units", body)
    key = town.admin.must("POST", f"/api/units/{made['id']}/key")["text"]
    found = Rig(town, made["id"], name, agency, key)
    town.person("dispatcher")
    if on_duty:
        found.press("start-duty", shift="day")
    return found


def fire(town: Town, text: str = "Smoke from the roof") -> str:
    """A case at work that units may be sent to."""
    calls = town.person("call_taker")
    body = {"dispatch_now": True}
    return calls.report("building-fire", text, **body)["case_id"]
