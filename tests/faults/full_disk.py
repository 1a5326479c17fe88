"""The disk is full, its database dies as well, and room is made."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path

from tests.end_to_end.campaign import Campaign
from tests.end_to_end.live_node import LiveNode
from tests.end_to_end.test_full_disk import DISK_MIB, FULL_PATIENCE_S, fill
from tests.faults.outcome import Outcome
from tests.faults.settled import settle


async def fill_disk(times: int, folder: Path, seed: int = 28) -> Outcome:
    """So many times full and emptied, under load. Skipped where no small disk can be mounted."""
    began = time.monotonic()
    outcome = Outcome("disk full")
    disk = folder / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tocsin-test", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
        outcome.skipped = "a small file system cannot be mounted here"
        return outcome
    node = LiveNode(disk / "data")
    campaign = Campaign(node, seed)
    try:
        await node.start()
        for _ in range(times):
            outcome.told = await _once(campaign, disk)
            if "disk_full" not in outcome.told:
                outcome.findings.append(f"of a full disk the health says {outcome.told}")
            outcome.faults += 1
        if node.starts != 1:
            outcome.findings.append("the node did not live through it")
        await settle(campaign, outcome)
    finally:
        node.stop()
        subprocess.run(["umount", "-l", str(disk)], check=False)
    outcome.seconds = time.monotonic() - began
    return outcome


async def _once(campaign: Campaign, disk: Path) -> list[str]:
    ledger, node = campaign.ledger, campaign.node
    ledger.text_chars = 8_000
    assert await campaign.run_load(0.3) > 0
    filler = fill(disk)
    refused = ledger.answers[503]
    async with campaign.load():
        until = time.monotonic() + FULL_PATIENCE_S
        while ledger.answers[503] < refused + 20:
            assert node.is_alive, node.last_words()
            assert time.monotonic() < until, f"never full: {ledger.answers}"
            await asyncio.sleep(0.05)
        for pid in node.servers():
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(2)
    answer = await node.ask("GET", "/health/ready")
    filler.unlink()
    await node.until_ready()
    ledger.text_chars = 0
    assert await campaign.run_load(0.5) > 0
    return [each["state"] for each in answer.json()["troubles"]]
