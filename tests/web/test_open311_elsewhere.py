"""Open311 from another town: its keys write into no request of ours, under its name nothing is
here, and what our node gave out opens nothing on its node. With the planted hole that is found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from tests.web.house import Node, grant
from tests.web.house import node as make_node
from tests.web.test_permissions import dispatched
from tests.web.test_photo_release import photographed
from tocsin.intakes.open311 import routes as open311
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, ActorId, CaseId, ReportId
from tocsin.runtime.accounts import Grant
from tocsin.runtime.reception import Reception
from tocsin.web.accounts import Accounts

UPDATES = "/open311/v2/servicerequestupdates.json"


@asynccontextmanager
async def the_public(node: Node) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=open311(node.services)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def written_with(node: Node, client: httpx.AsyncClient, case: str, *held: Grant) -> int:
    """The status of an update with a key that holds this; whatever is refused wrote nothing."""
    _, key = await node.accounts.create_key("partner", ("cases:write",), held, ActorId("test"))
    before = await node.services.store.journal(CaseId(case))
    body = {"service_request_id": case, "description": "seen", "api_key": key}
    answer = await client.post(UPDATES, data=body)
    after = await node.services.store.journal(CaseId(case))
    assert (len(after) > len(before)) == (answer.status_code == 200), answer.text
    return answer.status_code


async def check_who_writes(node: Node) -> None:
    case, lead = await dispatched(node)
    async with the_public(node) as client:
        for held in (
            (),
            (grant("supervisor", "t1"),),
            (grant("grid_worker", "t0v1"),),
            (grant("agency_handler", "county", "someone-else@county"),),
            (grant("agency_handler", "t1", lead),),
            (grant("administrator"),),
        ):
            assert await written_with(node, client, case, *held) == 403, f"{held} writes"
        for each in (grant("call_taker", "t0"), grant("agency_handler", agency=lead)):
            assert await written_with(node, client, case, each) == 200


async def shown(node: Node, case: str) -> Case:
    row = await node.services.store.case(CaseId(case))
    assert row is not None
    return row.case


async def test_a_key_of_elsewhere_writes_nothing(node: Node) -> None:
    await check_who_writes(node)


async def test_a_key_that_writes_everywhere_is_found(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: the scope of a key is enough, wherever its grants lie."""

    async def anywhere(ring: Accounts, api_key: str, scope: str, case: Case) -> Actor | None:
        return await ring.actor(api_key, scope)

    monkeypatch.setattr(Accounts, "actor_at", anywhere)
    with pytest.raises(AssertionError, match="writes"):
        await check_who_writes(node)


async def test_under_the_name_of_another_town_nothing_is_here(node: Node) -> None:
    taker = await node.staff("taker", grant("call_taker"))
    case = await photographed(node, taker)
    paths = ("requests.json", f"requests/{case}.json", "requests.csv", "services.json",
             "servicerequestupdates.json", f"requests.json?service_request_id={case}")  # fmt: skip
    async with the_public(node) as client:
        for path in paths:
            url = httpx.URL(f"/open311/v2/{path}")
            own = await client.get(url.copy_add_param("jurisdiction_id", "test"))
            other = await client.get(url.copy_add_param("jurisdiction_id", "elsewhere"))
            assert own.status_code == 200, path
            assert (case in own.text) == (path.partition(".")[0] != "services"), path
            assert other.status_code == 404 and case not in other.text, path


async def test_what_one_node_gave_out_opens_nothing_on_another(node: Node) -> None:
    """Numbers of cases, photos, tokens, tracking codes and keys of one town, asked in the next."""
    taker = await node.staff("taker", grant("call_taker"))
    case = await photographed(node, taker)
    _, key = await node.accounts.create_key(
        "partner", ("cases:write", "cases:read"), (grant("supervisor"),), ActorId("test")
    )
    report = (await shown(node, case)).reports[0].id
    code = node.services.reception.code(report)
    token = f"{report}-{node.services.reception.code(ReportId(f'open311-token:{report}'))}"
    async with make_node() as next_town, the_public(node) as ours:
        services = replace(next_town.services, reception=another(next_town.services.reception))
        transport = httpx.ASGITransport(app=Starlette(routes=open311(services)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as theirs:
            for path in (f"requests/{case}.json", f"tokens/{token}.json"):
                assert (await ours.get(f"/open311/v2/{path}")).status_code == 200, path
                assert (await theirs.get(f"/open311/v2/{path}")).status_code == 404, path
            assert (await theirs.get(f"/open311/v2/media/{case}/1.jpg")).status_code == 404
            body = {"service_request_id": case, "description": "seen", "api_key": key}
            assert (await theirs.post(UPDATES, data=body)).status_code == 403
        there = next_town.client(**{"X-API-Key": key})
        assert (await there.get(f"/api/cases/{case}")).status_code == 401
        assert (await there.get(f"/api/receipts/{code}")).status_code == 404


def another(reception: Reception) -> Reception:
    """That of a node with a secret of its own."""
    return Reception(reception.engine, reception.pack, reception.atlas, b"another" * 5)
