"""Units on duty on a running node, made over its API as a roster and crews' telephones would."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpx

from bench.node import Running
from bench.people import PASSWORD, supervisor_cookie
from tocsin.kernel.shared import Place

KINDS: Final = (
    ("engine", "fire-rescue"), ("truck", "fire-rescue"), ("ambulance", "ambulance"),
    ("patrol-car", "police-command"),
)  # fmt: skip
SENDERS: Final = 8
DRIVING: Final = {"vel": 20, "cog": 90}
SETTLE_S: Final = 1.5
"""A telephone says when in whole seconds, and what it says of before the duty is not kept."""


def signed_in(running: Running, *, is_new: bool = True) -> httpx.Client:
    """A client of the bench's supervisor; made first on a node that has none (`is_new`)."""
    if is_new:
        supervisor_cookie(running, "dispatcher", "call_taker", "administrator")
    client = httpx.Client(base_url=running.address, timeout=60)
    answer = client.post("/api/login", json={"login": "sam", "password": PASSWORD})
    client.headers["X-CSRF-Token"] = answer.json()["csrf"]
    return client


def add_units(client: httpx.Client, places: Sequence[Place], *, with_positions: bool) -> None:
    """A unit on duty for each place, at home there; its telephone says so too, if asked."""
    county = client.get("/api/areas").json()["areas"][0]["id"]

    def add(number: int) -> str:
        kind, agency = KINDS[number % len(KINDS)]
        body = {
            "name": f"U{number}",
            "agency": f"{agency}@{county}",
            "area": county,
            "kind": kind,
            "post": {**at(places[number]), "datum": "wgs84"},
        }
        made = client.post("/api/units", json=body)
        assert made.status_code == 201, made.text
        unit = str(made.json()["id"])
        on = client.post(f"/api/units/{unit}/start-duty", json={})
        assert on.status_code == 200, on.text
        return unit

    def place(unit: str, where: Place) -> None:
        key = client.post(f"/api/units/{unit}/key", json={}).json()["text"]
        said = {"_type": "location", "lon": where.lon, "lat": where.lat, **DRIVING}
        said["tst"] = int(time.time())
        sent = client.post("/intakes/owntracks", json=said, headers={"X-API-Key": key})
        assert sent.status_code == 200, sent.text

    with ThreadPoolExecutor(SENDERS) as pool:
        units = list(pool.map(add, range(len(places))))
        if with_positions:
            time.sleep(SETTLE_S)
            list(pool.map(place, units, places))


def at(place: Place) -> dict[str, float]:
    """As the API takes it."""
    return {"lon": place.lon, "lat": place.lat}
