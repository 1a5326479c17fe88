"""A town with real roads over the chessboard county: six streets each way, a spur, an island."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tests.geography.roads.towns_with_roads import SOUTH, STEP, WEST, Ways, write_roads
from tests.web.house import BODY, Node, grant
from tocsin.geography.roads.cch import CchTimes
from tocsin.geography.roads.keeping import kept_roads
from tocsin.kernel.shared import Place, UnitId
from tocsin.runtime.positions import IncomingPosition
from tocsin.runtime.recommending.net import RoadNet

SIZE = 6
FIRE = "fire-rescue@county"
NAMES = ("First", "Second", "", "Fourth", "Fifth", "Sixth")
"""Of the streets to the east; the third has none."""


def streets() -> Ways:
    """A grid of streets: rows from the south, columns from the west."""
    found: Ways = {}
    for number in range(SIZE):
        east = {"name": NAMES[number]} if NAMES[number] else {}
        found[10 + number] = ([10 * number + x for x in range(SIZE)], east)
        found[20 + number] = ([10 * y + number for y in range(SIZE)], {})
    return found


def lay_roads(folder: Path, ways: Ways | None = None) -> RoadNet:
    """Reads a real file of these streets, as a node does."""
    graph = kept_roads(write_roads(folder / "town.osm.pbf", ways or streets()), folder)
    return RoadNet(CchTimes(graph, folder=folder))


def corner(x: float, y: float) -> dict[str, Any]:
    """The place of a crossing."""
    return {"lon": WEST + STEP * x, "lat": SOUTH + STEP * y, "datum": "wgs84"}


async def unit(node: Node, name: str, x: float, y: float, kind: str = "engine", **more: Any) -> str:
    """A unit on duty at its post on a crossing, seen there just now unless `is_seen` is False."""
    is_seen = more.pop("is_seen", True)
    admin = await node.staff(f"admin-{name.lower()}", grant("administrator"))
    body = {
        "name": name,
        "agency": more.pop("agency", FIRE),
        "area": more.pop("area", "county"),
        "kind": kind,
        "post": more.pop("post", corner(x, y)),
        **more,
    }
    answer = await admin.post("/api/units", json=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()["id"]
    desk = await node.staff(f"desk-{name.lower()}", grant("dispatcher"))
    answer = await desk.post(f"/api/units/{made}/start-duty", json={})
    assert answer.status_code == 200, answer.text
    if is_seen:
        at = corner(x, y)
        incoming = IncomingPosition(node.clock.now(), Place(at["lon"], at["lat"]))
        assert await node.services.positions.receive(UnitId(made), incoming) is None
    return made


async def case(
    taker: httpx.AsyncClient, x: float, y: float, case_type: str = "vehicle-fire"
) -> str:
    """An emergency at a crossing, dispatched."""
    body = {**BODY, "place": corner(x, y), "case_type": case_type, "dispatch_now": True}
    answer = await taker.post("/api/reports", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["case_id"]
