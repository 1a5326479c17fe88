"""The node's own port speaks no TLS: whoever begins a handshake there is let go of, and holds up
nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.end_to_end.live_node import live_node
from tests.intakes.test_tls import BEGINNINGS, unended


@pytest.mark.slow
async def test_a_handshake_with_the_node_is_let_go_of(tmp_path: Path) -> None:
    hurry = {"TOCSIN_HEADER_TIMEOUT_S": "1"}
    async with live_node(tmp_path / "data", environment=hurry) as node:
        slow = [asyncio.to_thread(unended, node.port, each, 60.0) for each in BEGINNINGS * 3]
        waiting = asyncio.gather(*slow)
        assert (await node.ask("GET", "/health/live")).status == 200
        assert await waiting == [True] * 9
        assert (await node.ask("GET", "/health/live")).status == 200
