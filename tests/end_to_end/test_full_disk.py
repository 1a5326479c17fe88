"""A full disk: the node refuses, writes nothing by halves, and goes on once there is room."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.campaign import Campaign
from tests.end_to_end.live_node import LiveNode

DISK_MIB = 160
"""A cluster takes about 50 MB, its journal up to 64 more with the room left here."""
FULL_PATIENCE_S = 60
LEFT_FREE_BYTES = 400_000
"""So that the end is met in the middle of writing and not at once."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, small enough to fill."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tocsin-test", str(folder)]
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(folder: Path) -> Path:
    """Takes nearly all the room that is left."""
    free = os.statvfs(folder)
    size = free.f_bavail * free.f_frsize - LEFT_FREE_BYTES
    filler = folder / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(size, 1))
    return filler


@pytest.mark.slow  # the node's log is on the full disk, too: it must not mind
async def test_a_full_disk_refuses_and_recovers(small_disk: Path):
    node = LiveNode(small_disk / "data")
    campaign = Campaign(node, seed=28)
    ledger = campaign.ledger
    ledger.text_chars = 8_000
    try:
        await node.start()
        assert await campaign.run_load(0.3) > 0
        filler = fill(small_disk)
        async with campaign.load():
            until = time.monotonic() + FULL_PATIENCE_S
            while ledger.answers[503] < 20:
                assert node.is_alive, node.last_words()
                assert time.monotonic() < until, f"never full: {ledger.answers}"
                await asyncio.sleep(0.05)
            await asyncio.sleep(2)
            # The worst of both: its database dies as well, and may not be able to start.
            for pid in node.servers():
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(4)
        before = len(ledger.acknowledged)
        print(f"full after {before} reports, answers {dict(ledger.answers)}")
        assert node.is_alive, node.last_words()
        assert (await node.ask("GET", "/health/live")).status == 200
        assert set(ledger.answers) <= {0, 200, 503}, ledger.answers
        answer = await node.ask("GET", "/health/ready")
        assert (answer.status, answer.json()["state"]) == (503, "disk_full")
        filler.unlink()
        await node.until_ready()
        ledger.text_chars = 0
        assert await campaign.run_load(0.5) > 0
        findings = await campaign.settle_and_check()
        assert node.starts == 1
        print(f"after room was made {len(ledger.acknowledged)}, answers {dict(ledger.answers)}")
    finally:
        node.stop()
    assert findings == []
