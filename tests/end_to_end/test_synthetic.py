"""A report of nobody travels the whole path, counts nowhere, and is missed when it does not."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from tests.end_to_end.live_node import LiveNode, NodeError, live_node
from tests.end_to_end.staff import administrator, staff

OFTEN = {"TOCSIN_SYNTHETIC_EVERY_S": "1"}
STALLED = ("-m", "tests.end_to_end.planted_node")
FORM = {"content-type": "application/x-www-form-urlencoded"}
PATIENCE_S = 60


async def figure(node: LiveNode, name: str) -> float:
    lines = (await node.ask("GET", "/metrics")).body.decode().splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), -1.0)


async def until_arrived(node: LiveNode, count: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while await figure(node, "tocsin_synthetic_arrived") < count:
        if time.monotonic() > until:
            raise NodeError(f"no synthetic report arrives: {node.last_words()}")
        await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_it_arrives_and_counts_nowhere(tmp_path: Path):
    async with live_node(tmp_path / "data", environment=OFTEN) as node:
        boss = await administrator(node)
        everybody = await staff(boss, "all", "call_taker", "dispatcher", "supervisor", "evaluator")
        crew = await staff(boss, "crew", "agency_handler", agency="fire-rescue@county")
        await until_arrived(node, 3)
        async with node.database() as database:
            rows = await database.fetch("SELECT id, status, county FROM cases")
            assert len(rows) >= 3 and {row["county"] for row in rows} == {"~"}
            assert [row["status"] for row in rows].count("void") >= 2, "they are cleaned up"
            assert await database.fetchval("SELECT count(*) FROM stories") == 0
        assert (await node.ask("GET", "/open311/v2/requests.json")).json() == []
        case = rows[0]["id"]
        for person in (everybody, crew):
            for path in ("/api/cases", "/api/cases?state=all", "/api/messages", "/api/board"):
                answer = await person.ask("GET", path)
                assert b"synthetic-" not in answer.body, path
            assert (await person.ask("GET", f"/api/cases/{case}")).status in (403, 404)
        assert (await node.verify()).is_clean
        # The mark is the node's own: whoever guesses it sends a plain report, if at all.
        body = b"service_code=pothole&lat=60.105&long=24.905&description=A+hole"
        guess = {**FORM, "x-tocsin-synthetic": "guess"}
        answer = await node.ask("POST", "/open311/v2/requests.json", body, guess)
        assert not answer.json()[0]["service_request_id"].startswith("synthetic-")
        assert b"A hole" not in answer.body and answer.status == 200
        answer = await everybody.ask("GET", "/api/cases")
        assert len(answer.json()["cases"]) == 1


@pytest.mark.slow
async def test_a_path_that_is_stalled_pages(tmp_path: Path):
    """Planted: errands are taken and never done, so nobody is told of anything."""
    pages: list[bytes] = []
    paged = asyncio.Event()

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        told = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if line)
        size = int(told[b"content-length"])
        pages.append(await reader.readexactly(size))
        writer.write(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()
        paged.set()

    server = await asyncio.start_server(page, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    environment = {
        **OFTEN,
        "PLANTED": "stalled_errands",
        "TOCSIN_SYNTHETIC_PAGE_URL": f"http://127.0.0.1:{port}/page",
        "TOCSIN_OUTGOING_NETWORKS": "127.0.0.0/8",
    }
    node = LiveNode(tmp_path / "data", program=STALLED, environment=environment)
    try:
        await node.start()
        await asyncio.wait_for(paged.wait(), PATIENCE_S)
        assert json.loads(pages[0])["state"] == "synthetic_missing"
        answer = await node.ask("GET", "/health/ready", headers={"accept-language": "zh-CN"})
        told = {each["state"]: each["text"] for each in answer.json()["troubles"]}
        assert told["synthetic_missing"].startswith("节点的自检上报未送达")
        assert await figure(node, "tocsin_synthetic_arrived") == 0
    finally:
        node.stop()
        server.close()
