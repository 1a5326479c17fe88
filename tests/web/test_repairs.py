"""What mends a shortfall on a live node: a wait that is estimated, and units of other towns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.house import Node, grant
from tests.web.house import node as make_node
from tests.web.road_town import case, lay_roads, unit
from tests.web.test_advice import asked, codes, people
from tocsin.dispatching.eta import Residuals
from tocsin.kernel.shared import UnitId
from tocsin.kernel.units.vocabulary import SendUnit
from tocsin.packs.stays import Stay, stay_of
from tocsin.runtime.recommending.bands import Fitted
from tocsin.runtime.recommending.demand import PAST_MIN
from tocsin.runtime.recommending.keeping import opened
from tocsin.runtime.verify import verify
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

CHINESE = {"Accept-Language": "zh-CN"}


@pytest.fixture
async def town(fresh_database: str, tmp_path: Path) -> AsyncIterator[Node]:
    store = PostgresStore(fresh_database, load_master_keys(tmp_path / "vault.key"))
    await store.open()
    async with make_node(store=store) as made:
        made.services.advice.net = lay_roads(tmp_path)
        yield made
    await store.close()


async def send(desk: httpx.AsyncClient, unit_id: str, case_id: str, **more: Any) -> None:
    body = {"case": case_id, "reason": "nearest", **more}
    answer = await desk.post(f"/api/units/{unit_id}/send", json=body)
    assert answer.status_code == 200, answer.text


async def press(desk: httpx.AsyncClient, unit_id: str, status: str) -> None:
    answer = await desk.post(f"/api/units/{unit_id}/report-status", json={"status": status})
    assert answer.status_code == 200, answer.text


def engines_short(advice: dict[str, Any]) -> dict[str, Any]:
    return next(each for each in advice["shortfalls"] if each["capability"] == "engine")


async def test_waiting_for_a_busy_unit_is_offered_and_kept(town: Node) -> None:
    desk, taker = await people(town)
    busy, truck = await unit(town, "E36", 1, 0), await unit(town, "T1", 2, 0, "truck")
    first, second = await case(taker, 1, 1), await case(taker, 0, 0, "building-fire")
    await send(desk, busy, first)
    await press(desk, busy, "on_scene")
    town.clock.move(minutes=10)
    advice = await asked(desk, second)
    short = engines_short(advice)
    wait = short["repairs"][0]
    assert (wait["code"], wait["unit"]) == ("wait", busy)
    stay = stay_of(town.services.pack.stays, "engine", "on_scene")
    assert stay is not None and 0 < wait["wait_s"] < wait["delay_s"]
    assert wait["wait_s"] > stay.median_s - 600, "who has lasted so long lasts longer than that"
    minutes = round(wait["wait_s"] / 60)
    assert wait["text"].startswith(f"wait {minutes} min for E36, there in ")
    assert wait["reasons"][0].startswith("on scene for 10:00; as a rule ")
    answer = await desk.get(f"/api/cases/{second}/advice", headers=CHINESE)
    told = engines_short(answer.json())
    assert f"等待 E36 约 {minutes} 分钟" in told["text"]
    assert told["repairs"][0]["reasons"][0].startswith("已到场 10:00")
    await send(desk, truck, second, advice=advice["id"])
    (entry,) = [
        each
        for each in await town.services.store.unit_journal(UnitId(truck))
        if isinstance(each.command, SendUnit)
    ]
    assert isinstance(entry.command, SendUnit) and entry.command.kept is not None
    assert b'"code":"wait"' in opened(entry.command.kept.table)
    assert b"busy_on_scene" in opened(entry.command.kept.table)
    report = await verify(town.services.store)  # type: ignore[arg-type]
    assert report.is_clean


async def test_a_wait_is_not_promised_where_nobody_can_say(town: Node) -> None:
    desk, taker = await people(town)
    busy = await unit(town, "E36", 1, 0, is_seen=False)
    first, second = await case(taker, 1, 1), await case(taker, 0, 0)
    await send(desk, busy, first)
    await press(desk, busy, "en_route")

    async def repairs() -> list[str]:
        short = engines_short(await asked(desk, second))
        return [each["code"] for each in short["repairs"]]

    assert await repairs() == ["none"], "on its way, and nobody knows where"
    await press(desk, busy, "on_scene")
    assert await repairs() == ["wait"]
    town.clock.move(hours=30)
    desk = await town.staff("dan", grant("dispatcher"))
    assert await repairs() == ["none"], "a crew that forgot its button"


async def test_a_fitted_stay_goes_before_the_packs_and_is_said(town: Node) -> None:
    desk, taker = await people(town)
    busy = await unit(town, "E36", 1, 0)
    first, second = await case(taker, 1, 1), await case(taker, 0, 0)
    await send(desk, busy, first)
    await press(desk, busy, "on_scene")
    advice = await asked(desk, second)
    assert advice["times"]["is_fitted"] is False and "bands_assumed" in codes(advice)
    town.services.advice.fitted = Fitted(
        "2026-11",
        "log of the fire service",
        date(2026, 11, 28),
        1754,
        (Residuals(float("inf"), 2.0, 3.0),),
        stays=(Stay("engine", "on_scene", 300, 400),),
    )
    later = await asked(desk, second)
    short = engines_short(later)
    assert short["repairs"][0]["wait_s"] == 300
    assert later["times"] == {
        "is_fitted": True,
        "edition": "2026-11",
        "source": "log of the fire service",
        "made_on": "2026-11-28",
        "runs": 1754,
    }
    assert "Times are fitted: 2026-11, 1754 runs" in str(later["notes"])


async def test_another_towns_unit_is_named_to_be_asked_and_not_sent(town: Node) -> None:
    desk, taker = await people(town)
    atlas = town.services.atlas
    burning = await case(taker, 0, 0)
    areas = (await desk.get(f"/api/cases/{burning}")).json()["areas"]
    here = areas["town"]
    other = next(each.id for each in atlas.tier("town") if each.id != here)
    near = await unit(town, "S2", 1, 0, area=other, agency=f"fire-station@{other}")
    advice = await asked(desk, burning)
    assert advice["ranked"] == [] and advice["recommended"] == []
    short = engines_short(advice)
    assert short["code"] == "other_tier_only"
    repair = short["repairs"][0]
    assert (repair["code"], repair["unit"]) == ("other_tier", near)
    assert repair["text"].startswith("ask for S2, there in ")
    name = atlas.areas[other].name_in("en")
    assert f"it is of Town fire station, {name}, which must be asked" in repair["reasons"][0]
    own = await unit(town, "S1", 5, 5, area=here, agency=f"fire-station@{here}")
    assert own in (await asked(desk, burning))["recommended"], "its own one, though farther"
    await send(desk, near, burning)  # a person who has asked may send it


async def test_zones_are_weighed_by_the_hour_of_the_week(town: Node) -> None:
    desk, _ = await people(town)
    await unit(town, "E1", 0, 0)
    found = (await desk.get("/api/coverage")).json()
    assert found["weighed"].startswith("Too few cases in the past")
    areas = [zone["id"] for zone in found["zones"]]
    now = town.clock.now().replace(minute=0, second=0, microsecond=0)

    class Counted:
        """Stories of a season: this hour's cases are all in the first area."""

        async def counts(self, since: Any, tier: Any) -> Any:
            assert since < now
            night = now - timedelta(days=7, hours=12)
            week = now - timedelta(days=7)
            return {
                (areas[1], "vehicle-fire", night): 4 * PAST_MIN,
                (areas[0], "vehicle-fire", week): 4 * PAST_MIN,
            }

    town.services.advice.stories = Counted()  # type: ignore[assignment]
    town.services.advice._past.clear()  # pyright: ignore[reportPrivateUsage]
    found = (await desk.get("/api/coverage")).json()
    share = {zone["id"]: zone["share"] for zone in found["zones"]}
    # (200 + 50 / 2) / 250 and (0 + 50 / 2) / 250
    assert (share[areas[0]], share[areas[1]]) == (0.9, 0.1)
    assert (
        f"{8 * PAST_MIN} cases" in found["weighed"]
        and f"{4 * PAST_MIN} of them" in found["weighed"]
    )
