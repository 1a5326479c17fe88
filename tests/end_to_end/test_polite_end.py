"""Told to stop: what is on its way is answered, nothing is left lying about."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.end_to_end.campaign import Campaign
from tests.end_to_end.live_node import LiveNode


@pytest.mark.slow
@pytest.mark.parametrize("word", [signal.SIGTERM, signal.SIGINT])
async def test_a_polite_end_under_load(tmp_path: Path, word: signal.Signals):
    node = LiveNode(tmp_path / "data")
    campaign = Campaign(node, seed=15, targets=())
    try:
        await node.start()
        assert await campaign.run_load(0.3) > 0
        socket = (node.data / "postgres" / "socket").readlink()
        assert socket.exists()
        process = node.process
        assert process is not None
        async with campaign.load():
            await asyncio.sleep(0.3)
            os.kill(process.pid, word)
            code = await asyncio.to_thread(process.wait, 60)
        assert code == 0, node.last_words()
        assert node.servers() == [], "its database is still there"
        assert not socket.exists(), "the folder of its socket is still there"
        assert "Traceback" not in node.log.read_text()
        await node.start()
        assert await campaign.settle_and_check() == []
    finally:
        node.stop()
