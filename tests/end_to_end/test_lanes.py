"""A flood of routine reports and one emergency behind it, over real sockets: who is seen first."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
import pytest

from tests.end_to_end.live_node import BOX, Answer, LiveNode, live_node
from tests.end_to_end.staff import administrator, staff
from tocsin.stores.postgres.writer import HOLD_WRITERS

FLOOD = 200
GROUP = 16
FORM = {"content-type": "application/x-www-form-urlencoded"}
CASE = re.compile(rb'event: case\ndata: [^\n]*?"case":"([^"]+)"')


async def _report(node: LiveNode, code: str, number: int) -> Answer:
    west, south, east, north = BOX
    body = urlencode(
        {
            "service_code": code,
            "lon": 0,
            "lat": south + (north - south) * (number % 50) / 50,
            "long": west + (east - west) * (number % 49) / 49,
            "description": f"Number {number}",
        }
    )
    return await node.ask("POST", "/open311/v2/requests.json", body.encode(), FORM)


async def _all_waiting(node: LiveNode) -> None:
    """Whatever was written to the node before has been read: it answers in one thread."""
    for _ in range(5):
        assert (await node.ask("GET", "/health/live")).status == 200


@pytest.mark.slow
async def test_an_emergency_is_seen_before_the_flood_it_came_behind(tmp_path: Path) -> None:
    more = ("--group-commit-max", str(GROUP), "--per-client-connections", "1000")
    async with live_node(tmp_path / "data", *more) as node:
        await node.until_ready()
        watcher = await staff(await administrator(node), "sam", "supervisor")
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
        writer.write(
            f"GET /api/live HTTP/1.1\r\nhost: node\r\ncookie: {watcher.cookie}\r\n\r\n".encode()
        )
        seen = await reader.readuntil(b"event: hello")
        holder: Any = await asyncpg.connect(node.dsn)
        async with holder.transaction():
            await holder.execute(HOLD_WRITERS)
            flood = [
                asyncio.create_task(_report(node, "street-light-out", n)) for n in range(FLOOD)
            ]
            await asyncio.sleep(0.5)
            await _all_waiting(node)
            life = asyncio.create_task(_report(node, "medical-emergency", FLOOD))
            await asyncio.sleep(0.2)
            await _all_waiting(node)
        await holder.close()
        told = await life
        answers = await asyncio.gather(*flood)
        assert told.status == 201, told.body
        taken = sum(answer.status == 201 for answer in answers)
        assert taken == FLOOD, {answer.status for answer in answers}
        emergency = told.json()[0]["service_request_id"].encode()
        order: list[bytes] = []
        while len(order) < FLOOD + 1:
            seen += await reader.read(65_536)
            order = list(dict.fromkeys(CASE.findall(seen)))
        writer.close()
        # The commit that was under way, and nobody of the next one.
        assert order.index(emergency) <= GROUP
        await _emergency_told_first(node, emergency.decode())


async def _emergency_told_first(node: LiveNode, emergency: str) -> None:
    """Its messages were delivered before those of most that came before it."""
    async with node.database() as database:
        cases: list[str] = []
        for _ in range(600):
            rows = await database.fetch("SELECT case_id FROM messages ORDER BY seq")
            cases = list(dict.fromkeys(row[0] for row in rows))
            if len(cases) > FLOOD:
                break
            await asyncio.sleep(0.1)
        assert cases.index(emergency) <= FLOOD // 2
