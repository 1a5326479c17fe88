"""The same door over PostgreSQL: lists as brute force says, words from the real vault."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tocsin.intakes.open311 import routes
from tocsin.intakes.open311.filters import read_filters
from tocsin.intakes.open311.listing import every_page, find
from tocsin.kernel.cases.vocabulary import PublishCase, SetConsent
from tocsin.kernel.shared import CaseId, Refused
from tocsin.runtime.ports import CaseQuery
from tocsin.runtime.services import Services
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.stores.vault import load_master_keys

from .node import DISPATCHER, NAMES, REPORT, STREET, WORDS, HandClock, make_services
from .test_open311_lists import HOURS, SERVICES, as_query, brute, fill


@pytest.fixture
async def services(fresh_database: str, tmp_path: Path) -> AsyncIterator[Services]:
    keys = load_master_keys(tmp_path / "vault.key")
    store = PostgresStore(fresh_database, keys)
    await store.open()
    clock = HandClock()
    made = make_services(store=store, vault=PostgresVault(store.readers, keys, clock))
    yield made
    await store.close()


def drawn_query(dice: random.Random) -> dict[str, Any]:
    """Some conditions, each there or not."""
    hour = dice.randrange(HOURS)
    around = (dice.uniform(0, 0.08), dice.uniform(0, 0.08), dice.uniform(500, 9_000))
    possible: dict[str, Any] = {
        "service_code": dice.sample([*SERVICES, "nothing"], 2),
        "status": dice.choice(["open", "closed", "open,closed"]),
        "start_date": hour,
        "end_date": hour + dice.randrange(90 * 24),
        "updated_after": dice.randrange(HOURS),
        "updated_before": dice.randrange(HOURS),
        "around": around,
        "page": dice.randrange(1, 4),
        "page_size": dice.randrange(1, 20),
    }
    return {name: value for name, value in possible.items() if dice.random() < 0.35}


async def test_filters_agree_with_the_brute_force_filter(services: Services):
    dice = random.Random(311)
    cases = [
        (
            dice.choice(SERVICES),
            dice.randrange(HOURS),
            dice.uniform(0, 0.08),
            dice.uniform(0, 0.08),
            dice.choice([None, 5, 400]),
        )
        for _ in range(80)
    ]
    now = await fill(services, cases)
    rows = (await services.store.cases(CaseQuery(limit=1000))).rows
    assert len(rows) == 80
    seen = 0
    for _ in range(150):
        drawn = drawn_query(dice)
        filters = read_filters(as_query(drawn), now)
        assert not isinstance(filters, Refused)
        found, more = await find(services, filters)
        expected, expected_more = brute(rows, services, drawn, now)
        assert ([row.case.id for row in found], more) == (expected, expected_more), drawn
        seen += len(found)
    assert seen > 500, "the queries found something to compare"
    query = read_filters({}, now, bulk=True)
    assert not isinstance(query, Refused)
    assert len([row async for page in every_page(services, query) for row in page]) == 80


async def test_from_report_to_publication(services: Services):
    app = httpx.ASGITransport(app=Starlette(routes=routes(services)))
    async with httpx.AsyncClient(transport=app, base_url="http://localhost/open311") as client:
        answer = await client.post("/v2/requests.json", data=REPORT)
        case_id = answer.json()[0]["service_request_id"]
        again = await client.post("/v2/requests.json", data=REPORT)
        assert again.json() == answer.json()
        row = await services.store.case(CaseId(case_id))
        assert row is not None
        paths = ("requests.json", f"requests/{case_id}.xml", "requests.csv")
        for path in (*paths, "servicerequestupdates.json"):
            shown = (await client.get(f"/v2/{path}")).text
            assert case_id in shown
            assert [word for word in (*NAMES, WORDS, STREET) if word in shown] == []
        for command in (SetConsent(row.case.reports[0].id, True), PublishCase(True)):
            outcome = await services.engine.handle(row.case.id, command, by=DISPATCHER)
            assert not isinstance(outcome, Refused)
        for path in paths:
            shown = (await client.get(f"/v2/{path}")).text
            assert WORDS in shown
            assert [word for word in (*NAMES, STREET) if word in shown] == []
        note = {"service_request_id": case_id, "description": "seen", "api_key": "partner"}
        taken = await client.post("/v2/servicerequestupdates.json", data={**note, "update_id": "1"})
        assert taken.status_code == 200
        for wrong in ("%00", "%ff", "x" * 5_000, "é"):
            assert (await client.get(f"/v2/requests/{wrong}.json")).status_code == 404
            assert (await client.get(f"/v2/tokens/{wrong}.json")).status_code == 404
        query = {"service_request_id": "a\x00b"}
        assert (await client.get("/v2/requests.json", params=query)).status_code == 400
        query = {"service_code": "a\x00b"}
        assert (await client.get("/v2/requests.json", params=query)).json() == []


async def test_a_full_page_of_published_words(services: Services):
    """More sealed values than the vault opens at once."""
    cases = [(SERVICES[1], 0, 0.01, 0.01, None)] * 600
    await fill(services, cases)
    rows = (await services.store.cases(CaseQuery(limit=1000))).rows
    for row in rows:
        report = row.case.reports[0].id
        for command in (SetConsent(report, True), PublishCase(True)):
            await services.engine.handle(row.case.id, command, by=DISPATCHER)
    app = httpx.ASGITransport(app=Starlette(routes=routes(services)))
    async with httpx.AsyncClient(transport=app, base_url="http://localhost/open311") as client:
        query = {"start_date": "2026-03-01T00:00:00Z"}
        listed = (await client.get("/v2/requests.json", params=query)).json()
    assert {each["description"] for each in listed} == {f"case {number}" for number in range(600)}
    assert {each["address"] for each in listed} == {None}
