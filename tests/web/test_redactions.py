"""The redaction queue at the API: nothing unconfirmed goes out whole, and no word counts for
another text. Each promise with the planted bug that its checker finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.web.house import BODY, Node, grant
from tests.web.house import node as make_node
from tests.web.test_sight import said
from tocsin.intakes.open311 import listing
from tocsin.intakes.open311 import routes as open311
from tocsin.kernel.shared import CaseId, SealedRef
from tocsin.runtime.redactions import Redaction
from tocsin.stores.memory.redactions import MemoryRedactions

PHONE = "+358 40 123 4567"
TEXT = f"𠮷 The lamp is dark. Call {PHONE} or Big Eddie from number nine"
GAPPED = "𠮷 The lamp is dark. Call […] or Big Eddie from number nine"
TYPE = "street-light-out"


async def published(node: Node, taker: httpx.AsyncClient, text: str = TEXT) -> str:
    """A case whose reporter agreed and which staff published."""
    receipt = await said(
        await taker.post("/api/reports", json={**BODY, "case_type": TYPE, "text": text}), 201
    )
    path = f"/api/cases/{receipt['case_id']}"
    report = (await said(await taker.get(path)))["reports"][0]["id"]
    await said(await taker.post(f"{path}/set-consent", json={"report": report, "consent": True}))
    desk = await node.staff(f"desk-{receipt['case_id']}", grant("dispatcher"))
    await said(await desk.post(f"{path}/publish", json={"publish": True}))
    return receipt["case_id"]


async def public(node: Node, case_id: str) -> str | None:
    """What everybody reads."""
    row = await node.services.store.case(CaseId(case_id))
    assert row is not None
    return (await listing.published(node.services, [row]))[CaseId(case_id)].text


async def waiting(client: httpx.AsyncClient) -> list[str]:
    found = await said(await client.get("/api/redactions"))
    return [each["case_id"] for each in found["waiting"]]


async def opened(client: httpx.AsyncClient, case_id: str) -> dict[str, Any]:
    return await said(await client.post(f"/api/cases/{case_id}/redaction/open", json={}))


async def decided(client: httpx.AsyncClient, case_id: str, status: int = 200, **body: Any) -> Any:
    return await said(await client.post(f"/api/cases/{case_id}/redaction", json=body), status)


async def check_a_text_on_its_way(node: Node) -> None:
    """From the report to a confirmed text; never is what nobody confirmed public."""
    taker = await node.staff("taker", grant("call_taker"))
    boss = await node.staff("boss", grant("supervisor"))
    case = await published(node, taker)
    assert await public(node, case) == GAPPED, "nobody has confirmed it"
    assert await waiting(boss) == [case]
    words = await opened(boss, case)
    (mark,) = words["marks"]
    assert words["text"] == TEXT and TEXT[mark["start"] : mark["end"]] == PHONE
    assert (words["decision"], words["is_published"]) == (None, True)
    assert await public(node, case) == GAPPED, "reading is no word"

    start = TEXT.index("Big Eddie")
    gaps = [mark, {"start": start, "end": start + len("Big Eddie from number nine")}]
    made = await decided(boss, case, version=words["version"], verdict="edit", gaps=gaps)
    assert (made["decision"], made["text"]) == ("edited", "𠮷 The lamp is dark. Call […] or […]")
    assert await public(node, case) == made["text"] and await waiting(boss) == []

    await decided(boss, case, version=words["version"], verdict="hold")
    assert await public(node, case) is None
    again = await decided(boss, case, version=words["version"], verdict="accept")
    assert again["text"] == GAPPED == await public(node, case)
    assert (await opened(boss, case))["decision"] == "accepted"


async def test_a_text_on_its_way_to_the_public(node: Node) -> None:
    await check_a_text_on_its_way(node)


async def test_an_unconfirmed_text_shown_whole_is_found(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def whole(text: str, decision: str | None, decided: str | None) -> str | None:
        return decided if decision is not None else text

    monkeypatch.setattr(listing, "public_text", whole)
    with pytest.raises(AssertionError, match="nobody has confirmed it"):
        await check_a_text_on_its_way(node)


class AnyText(MemoryRedactions):
    """The planted bug: the last word on a case, whatever text it was about."""

    async def decided(self, wanted: Mapping[CaseId, SealedRef]) -> Mapping[CaseId, Redaction]:
        return {row.case_id: row for row in self.rows if row.case_id in wanted}


async def check_another_text(node: Node) -> None:
    """Whole words that a person let out, in a case whose first report then becomes another."""
    taker = await node.staff("taker", grant("call_taker"))
    boss = await node.staff("boss", grant("supervisor"))
    case = await published(node, taker, "The lamp is dark")
    words = await opened(boss, case)
    await decided(boss, case, version=words["version"], verdict="edit", gaps=[])
    assert await public(node, case) == "The lamp is dark" and await waiting(boss) == []

    row = await node.services.store.case(CaseId(case))
    assert row is not None and row.case.reports[0].description is not None
    old = row.case.reports[0].description
    told = node.vault.value(old)
    assert told is not None
    node.vault._values[old] = type(told)(
        told.ref, told.case_id, told.subject, told.kind, f"Call {PHONE}".encode(), "text/plain"
    )
    assert await public(node, case) == "Call […]", "a word for an older text"
    assert await waiting(boss) == [case], "the new text waits"
    late = await decided(boss, case, 409, version=words["version"], verdict="accept")
    assert late["reason"] == "words_changed"


async def test_a_word_for_an_older_text_is_none(node: Node) -> None:
    await check_another_text(node)


async def test_a_word_for_an_older_text_that_counts_is_found(node: Node) -> None:
    node.services.redactions = AnyText(node.vault, node.clock)
    with pytest.raises(AssertionError, match="a word for an older text"):
        await check_another_text(node)


async def test_who_may_and_what_is_refused(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    far = await node.staff("far", grant("supervisor", "t1"))
    desk = await node.staff("desk", grant("dispatcher"))
    case = await published(node, taker)
    path = f"/api/cases/{case}/redaction"
    assert (await said(await taker.get("/api/redactions"), 403))["reason"] == "role_missing"
    assert (await said(await taker.post(f"{path}/open", json={}), 403))["reason"] == "role_missing"
    assert (await said(await far.post(f"{path}/open", json={}), 403))["reason"] == "outside_scope"
    assert await waiting(far) == [] and await waiting(desk) == [case]
    version = (await opened(desk, case))["version"]
    for gap in ({"start": 4, "end": 4}, {"start": 0, "end": 900}):
        wrong = await decided(desk, case, 409, version=version, verdict="edit", gaps=[gap])
        assert wrong["reason"] == "gaps_wrong"
    assert await waiting(desk) == [case], "nothing half written"
    sealed = {**BODY, "case_type": "wage-arrears"}
    secret = (await said(await taker.post("/api/reports", json=sealed), 201))["case_id"]
    boss = await node.staff("boss", grant("supervisor"))
    answer = await boss.post(f"/api/cases/{secret}/redaction/open", json={})
    assert (await said(answer, 409))["reason"] == "nothing_public"
    assert (await said(await desk.get("/api/redactions?after=x"), 409))["reason"] == "bad_cursor"


async def test_only_the_lead_agency_speaks_for_the_case(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    case = await published(node, taker)
    over = await node.staff("over", grant("dispatcher"))
    for verb, body in (("accept", {}), ("file", {}), ("dispatch", {"reason": "routine"})):
        lead = (await said(await over.post(f"/api/cases/{case}/{verb}", json=body)))["lead"]
    task = {"agency": "water@county", "reason": "routine"}
    await said(await over.post(f"/api/cases/{case}/add-task", json=task))
    leading = await node.staff("leading", grant("dispatcher", "county", lead))
    part = await node.staff("part", grant("dispatcher", "county", task["agency"]))
    await said(await part.get(f"/api/cases/{case}"))
    assert await waiting(part) == [] and await waiting(leading) == [case]
    refused = await part.post(f"/api/cases/{case}/redaction/open", json={})
    assert (await said(refused, 403))["reason"] == "outside_scope"
    await opened(leading, case)


async def test_the_reporter_reads_who_looked(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    boss = await node.staff("boss", grant("supervisor"))
    case = await published(node, taker)
    await opened(boss, case)
    records = [each for each in node.vault.records if each.purpose == "redaction"]
    assert [(each.case_id, each.field, each.role) for each in records] == [
        (case, "description", "supervisor")
    ]


async def test_open311_publishes_the_decided_text() -> None:
    async with make_node() as node:
        taker = await node.staff("taker", grant("call_taker"))
        boss = await node.staff("boss", grant("supervisor"))
        case = await published(node, taker)
        words = await opened(boss, case)
        await decided(boss, case, version=words["version"], verdict="hold")
        transport = httpx.ASGITransport(app=Starlette(routes=open311(node.services)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            (told,) = (await client.get(f"/open311/v2/requests/{case}.json")).json()
            assert told["description"] is None
            await decided(boss, case, version=words["version"], verdict="accept")
            (told,) = (await client.get(f"/open311/v2/requests/{case}.json")).json()
            assert told["description"] == GAPPED


async def test_a_hold_is_placed_by_one_and_confirmed_by_another(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    boss = await node.staff("boss", grant("supervisor"))
    audit = await node.staff("audit", grant("audit_administrator"))
    desk = await node.staff("desk", grant("dispatcher"))
    case = (await said(await taker.post("/api/reports", json=BODY), 201))["case_id"]
    path = f"/api/cases/{case}/holds"
    body = {"reason": "court", "days": 30}
    assert (await said(await desk.post(path, json=body), 403))["reason"] == "role_missing"
    assert (await said(await audit.post(path, json=body), 403))["reason"] == "role_missing"
    await said(await boss.post(path, json={**body, "days": 1_097}), 422)
    placed = await said(await boss.post(path, json=body))
    (hold,) = placed["holds"]
    assert placed["is_held"] and placed["may_place"] and hold["is_mine"] and hold["may"] == []
    assert (await said(await boss.post(path, json=body), 409))["reason"] == "hold_waits"
    own = await boss.post(f"{path}/{hold['id']}/confirm", json={})
    assert (await said(own, 409))["reason"] == "second_is_asker"
    (seen,) = (await said(await audit.get(path)))["holds"]
    assert seen["may"] == ["confirmed", "denied"] and seen["by_name"] == "Boss"
    assert (await said(await desk.get(path)))["holds"][0]["may"] == []
    early = await audit.post(f"{path}/{hold['id']}/end", json={})
    assert (await said(early, 409))["reason"] == "hold_over"
    confirmed = await said(await audit.post(f"{path}/{hold['id']}/confirm", json={}))
    assert confirmed["holds"][0]["answer"] == "confirmed" and not confirmed["may_place"]
    node.clock.move(days=15)
    audit = await node.staff("audit-2", grant("audit_administrator"))
    assert (await said(await audit.get(path)))["is_held"], "beyond the fourteen days"
    ended = await said(await audit.post(f"{path}/{hold['id']}/end", json={}))
    assert not ended["is_held"]
    assert (await said(await audit.post(f"{path}/77/end", json={}), 404))[
        "reason"
    ] == "hold_unknown"
