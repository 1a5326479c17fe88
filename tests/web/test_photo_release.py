"""Photos and links before the public: nobody sees one that no person has released as it is now.
With the planted bugs that the checker finds."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.reach.stage import photo
from tests.web.house import BODY, Node, grant
from tests.web.house import node as make_node
from tests.web.test_redactions import TYPE, decided, opened, waiting
from tests.web.test_sight import said
from tocsin.intakes.open311 import listing, looking
from tocsin.intakes.open311 import routes as open311
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId
from tocsin.runtime.services import Services


async def photographed(node: Node, taker: httpx.AsyncClient) -> str:
    """A published case with a photo."""
    report = {**BODY, "case_type": TYPE, "text": "The lamp is dark", "consent": True}
    parts = [
        ("report", (None, json.dumps(report), "application/json")),
        ("photos", ("a.png", base64.b64decode(photo()), "image/png")),
    ]
    case = (await said(await taker.post("/api/reports/upload", files=parts), 201))["case_id"]
    desk = await node.staff(f"desk-{case}", grant("dispatcher"))
    await said(await desk.post(f"/api/cases/{case}/publish", json={"publish": True}))
    return case


async def check_a_photo_on_its_way(node: Node) -> None:
    """From the report to the public and back; at no moment is an unreleased photo shown."""
    taker = await node.staff("taker", grant("call_taker"))
    boss = await node.staff("boss", grant("supervisor"))
    case = await photographed(node, taker)
    transport = httpx.ASGITransport(app=Starlette(routes=open311(node.services)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as public:

        async def is_shown() -> bool:
            """The same answer at every door."""
            path = f"/open311/v2/requests/{case}.json?extensions=true"
            (told,) = (await public.get(path)).json()
            file = await public.get(f"/open311/v2/media/{case}/1.jpg")
            bulk = (await public.get("/open311/v2/requests.csv")).text
            found = {
                told["media_url"] is not None,
                told["extended_attributes"]["photos"] != [],
                file.status_code == 200,
                f"/media/{case}/" in bulk,
            }
            assert len(found) == 1, (told, file.status_code)
            return found.pop()

        assert not await is_shown(), "nobody has released it"
        words = await opened(boss, case)
        (seen,) = words["photos"]
        assert base64.b64decode(seen["data"])[:2] == b"\xff\xd8" and seen["decision"] is None
        await decided(boss, case, version=words["version"], verdict="accept")
        assert not await is_shown(), "a word on words is none on the photo"
        assert await waiting(boss) == [case], "the photo waits alone"
        path = f"/api/cases/{case}/redaction/photos/1"
        wrong = {"version": "0" * 64, "verdict": "release"}
        assert (await said(await boss.post(path, json=wrong), 409))["reason"] == "words_changed"
        assert not await is_shown(), "a word on another photo"
        body = {"version": seen["version"], "verdict": "release"}
        assert (await said(await boss.post(path, json=body)))["decision"] == "accepted"
        assert await is_shown() and await waiting(boss) == []
        await said(await boss.post(path, json={**body, "verdict": "hold"}))
        assert not await is_shown(), "taken back"
        assert (await opened(boss, case))["photos"][0]["decision"] == "held"
        await said(await boss.post(path, json=body))
        desk = await node.staff("desk", grant("dispatcher"))
        await said(await desk.post(f"/api/cases/{case}/publish", json={"publish": False}))
        assert not await is_shown(), "not published any more"


async def test_a_photo_waits_for_a_person() -> None:
    async with make_node() as node:
        await check_a_photo_on_its_way(node)


async def everything(services: Services, cases: Sequence[Case]) -> Mapping[CaseId, Any]:
    """The planted bug: published is released."""
    return {each.id: (1,) for each in cases if each.published}


async def test_a_photo_that_goes_out_by_itself_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "released", everything)
    monkeypatch.setattr(looking, "released", everything)
    async with make_node() as node:
        with pytest.raises(AssertionError, match="nobody has released it"):
            await check_a_photo_on_its_way(node)


async def test_a_door_that_forgets_to_ask_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list holds the photo back, and its address does not."""
    monkeypatch.setattr(looking, "released", everything)
    async with make_node() as node:
        with pytest.raises(AssertionError):
            await check_a_photo_on_its_way(node)


async def test_only_who_speaks_for_the_case_releases(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    far = await node.staff("far", grant("supervisor", "t1"))
    boss = await node.staff("boss", grant("supervisor"))
    case = await photographed(node, taker)
    (seen,) = (await opened(boss, case))["photos"]
    body = {"version": seen["version"], "verdict": "release"}
    path = f"/api/cases/{case}/redaction/photos"
    assert (await said(await taker.post(f"{path}/1", json=body), 403))["reason"] == "role_missing"
    assert (await said(await far.post(f"{path}/1", json=body), 403))["reason"] == "outside_scope"
    assert (await said(await boss.post(f"{path}/2", json=body), 409))["reason"] == "nothing_public"
    records = [(each.field, each.role) for each in node.vault.records if each.case_id == case]
    assert ("media", "supervisor") in records, "the reporter reads that somebody looked"
