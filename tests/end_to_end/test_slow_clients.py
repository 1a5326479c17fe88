"""Three hundred connections that trickle, and honest people who get through all the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.end_to_end.campaign import Campaign
from tests.end_to_end.live_node import live_node

TRICKLERS = 300
HONEST_S = 8.0
BUDGET = 120
"""Connections the node may hold: fewer than there are tricklers."""
DRIP_S = 0.4


async def trickle(port: int, number: int, alive: set[int]) -> None:
    """One byte now and then, of a request that never ends; comes back when it is cut."""
    request = b"POST /open311/v2/requests.json HTTP/1.1\r\nhost: x\r\n"
    if number % 2:
        request += b"content-length: 400000\r\n\r\n" + b"a" * 10_000
    else:
        request += b"x-slow: " + b"a" * 10_000
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(DRIP_S)
            continue
        alive.add(number)
        try:
            sent = 60 if number % 2 else 20
            writer.write(request[:sent])
            while sent < len(request) and not reader.at_eof():
                writer.write(request[sent : sent + 1])
                await writer.drain()
                sent += 1
                await asyncio.sleep(DRIP_S)
        except OSError:
            pass
        finally:
            writer.close()


@pytest.mark.slow
async def test_tricklers_do_not_keep_honest_people_out(tmp_path: Path):
    arguments = ("--connection-budget", str(BUDGET), "--header-timeout-s", "2")
    async with live_node(tmp_path / "data", *arguments, "--body-timeout-s", "2") as node:
        alive: set[int] = set()
        slow = [
            asyncio.create_task(trickle(node.port, number, alive)) for number in range(TRICKLERS)
        ]
        try:
            while len(alive) < TRICKLERS:
                await asyncio.sleep(0.05)
            campaign = Campaign(node, seed=300, targets=())
            taken = await campaign.run_load(HONEST_S)
        finally:
            for each in slow:
                each.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
        ledger = campaign.ledger
        print(f"{taken} reports taken among {TRICKLERS} tricklers, answers {dict(ledger.answers)}")
        assert taken > 100
        # An honest connection in work is never cut for room; an idle one may be, now and then.
        assert ledger.answers[200] > 4 * (sum(ledger.answers.values()) - ledger.answers[200])
        assert await campaign.settle_and_check() == []
        lines = node.log.read_text().count("\n")
        assert lines < 300, "a flood in the log"
