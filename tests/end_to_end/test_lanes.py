"""A flood of routine reports, and behind it an emergency and a panic button, over real sockets: who
is seen first."""

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
from tests.end_to_end.wire_node import SECRET
from tests.end_to_end.wire_senders import button
from tocsin.stores.postgres.writer import HOLD_WRITERS

FLOOD = 200
GROUP = 16
PATIENCE_S = 60
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


async def _press(node: LiveNode) -> Answer:
    """A panic button, over a program that signs what it posts."""
    made = button(1, SECRET)
    return await node.ask("POST", made.path, made.body, dict(made.headers))


async def _all_waiting(node: LiveNode) -> None:
    """Whatever was written to the node before has been read: it answers in one thread."""
    for _ in range(5):
        assert (await node.ask("GET", "/health/live")).status == 200


@pytest.mark.slow
async def test_lives_are_seen_before_the_flood_they_came_behind(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    sender = f'[[signed-json.sender]]\nname = "lifts"\nsecret = "{SECRET}"\n'
    intakes = tmp_path / "data" / "intakes.toml"
    intakes.write_text(sender)
    intakes.chmod(0o600)
    more = ("--group-commit-max", str(GROUP), "--per-client-connections", "1000")
    async with live_node(tmp_path / "data", *more) as node:
        await node.until_ready()
        watcher = await staff(await administrator(node), "sam", "supervisor")
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
        writer.write(
            f"GET /api/live HTTP/1.1\r\nhost: node\r\naccept: text/event-stream\r\n"
            f"cookie: {watcher.cookie}\r\n\r\n".encode()
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
            panic = asyncio.create_task(_press(node))
            await asyncio.sleep(0.2)
            await _all_waiting(node)
        await holder.close()
        told, pressed = await life, await panic
        answers = await asyncio.gather(*flood)
        assert told.status == 200, told.body
        assert pressed.status == 204, pressed.body
        taken = sum(answer.status == 200 for answer in answers)
        assert taken == FLOOD, {answer.status for answer in answers}
        emergency = _id(told)
        routine = {_id(answer) for answer in answers}
        order: list[bytes] = []
        while len(order) < FLOOD + 2:
            data = await asyncio.wait_for(reader.read(65_536), PATIENCE_S)
            assert data, "the stream ended"
            seen += data
            order = list(dict.fromkeys(CASE.findall(seen)))
        writer.close()
        (alarm,) = (case for case in order if case != emergency and case not in routine)
        # The commit that was under way, and nobody of the next one.
        assert order.index(emergency) <= GROUP + 1
        assert order.index(alarm) <= GROUP + 1


def _id(answer: Answer) -> bytes:
    return answer.json()[0]["service_request_id"].encode()
