"""OwnTracks posts; the node keeps the newest position of a duty unit and nothing else."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.intakes.node import make_services
from tocsin.intakes.owntracks.parse import BODY_MAX
from tocsin.intakes.owntracks.serve import PATH, routes
from tocsin.kernel.shared import SYSTEM, AgencyId, AreaId, Place, UnitId
from tocsin.kernel.units import vocabulary as words
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.runtime.ports import Committed
from tocsin.runtime.services import Services

E36 = UnitId("e36")
KEY = "k" * 43


class Truck:
    """A node with one unit, and the telephone in it."""

    def __init__(self) -> None:
        self.services: Services = make_services(load_pack(builtin("county")))
        app = Starlette(routes=routes(self.services))
        transport = httpx.ASGITransport(app=app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://node")

    async def press(self, command: words.Command) -> None:
        outcome = await self.services.engine.handle_unit(E36, command, by=SYSTEM)
        assert isinstance(outcome, Committed), outcome

    async def ready(self) -> Truck:
        agency = AgencyId("fire-rescue@county")
        await self.press(words.AddUnit("E36", agency, (AreaId("county"),), "engine"))
        await self.services.store.set_unit_key(E36, hashlib.sha256(KEY.encode()).digest())
        await self.press(words.StartDuty())
        return self

    async def post(self, key: str = KEY, ago_s: float = 0.0, **message: Any) -> httpx.Response:
        at = self.services.clock.now() - timedelta(seconds=ago_s)
        body = {"_type": "location", "lat": 41.8, "lon": -87.6, "tst": at.timestamp(), **message}
        basic = b64encode(f"anybody:{key}".encode()).decode()
        headers = {"authorization": f"Basic {basic}"}
        return await self.client.post(PATH, json=body, headers=headers)

    async def places(self) -> list[Place]:
        return [each.position.place for each in (await self.services.positions.now()).values()]


@pytest.fixture
async def truck() -> Truck:
    return await Truck().ready()


async def test_a_position_of_a_duty_unit_is_kept(truck: Truck) -> None:
    answer = await truck.post(acc=8, vel=36, cog=90, SSID="Ada-WLAN")
    assert (answer.status_code, answer.json()) == (200, [])
    seen = (await truck.services.positions.now())[E36]
    assert seen.position.speed_mps == pytest.approx(10.0)
    assert (seen.position.accuracy_m, seen.position.heading_deg) == (8.0, 90.0)
    assert not seen.is_stale and seen.age_s >= 0


async def test_off_duty_it_is_refused_in_words(truck: Truck) -> None:
    await truck.post()
    await truck.press(words.EndDuty("shift_over"))
    answer = await truck.post()
    assert (answer.status_code, answer.json()["reason"]) == (409, "unit_off_duty")
    assert "on duty" in answer.json()["detail"]
    assert await truck.places() == []
    await truck.press(words.StartDuty())
    answer = await truck.post(ago_s=600)
    assert answer.status_code == 409, "kept by the telephone while off duty"
    assert await truck.places() == []


@pytest.mark.parametrize("key", ["", "wrong", "k" * 500, "k" * 42])
async def test_without_the_key_nothing_is_taken(truck: Truck, key: str) -> None:
    answer = await truck.post(key)
    assert (answer.status_code, answer.json()["reason"]) == (401, "unit_key_unknown")
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert await truck.places() == []


@pytest.mark.parametrize(
    "header", [b"Basic", b"Basic !!!", b"Basic /w==", b"Bearer x", b"Basic a\xe4"]
)
async def test_odd_headers_are_no_key(truck: Truck, header: bytes) -> None:
    given = [(b"authorization", header)]
    answer = await truck.client.post(PATH, content=b"{}", headers=given)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("message", "status", "reason"),
    [
        ({"lat": 91.0}, 400, "bad_coordinates"),
        ({"lat": "north"}, 400, "unreadable"),
        ({"tst": 1}, 400, "bad_time"),
        ({"tst": 4_000_000_000}, 400, "position_from_future"),
        ({"tst": 1_000_000_000}, 400, "position_too_old"),
    ],
)
async def test_bad_input_is_refused_in_words(
    truck: Truck, message: dict[str, Any], status: int, reason: str
) -> None:
    answer = await truck.post(**message)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert answer.json()["detail"] != reason, "there are words for it"


async def test_too_much_is_too_large(truck: Truck) -> None:
    answer = await truck.post(filler="x" * BODY_MAX)
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")
    assert answer.json()["detail"] != "too_large"


async def test_what_is_no_position_is_dropped(truck: Truck) -> None:
    answer = await truck.post(_type="waypoint", desc="Home of Ada")
    assert (answer.status_code, answer.json()) == (200, [])
    assert await truck.places() == []
