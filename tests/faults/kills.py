"""kill -9 of the node, and of every process that its server has."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from tests.end_to_end.campaign import Campaign, Target
from tests.end_to_end.live_node import LiveNode
from tests.faults.escalations import Watch
from tests.faults.fast_pack import fast_pack
from tests.faults.outcome import Outcome
from tests.faults.settled import settle

PLANTED = ("-m", "tests.end_to_end.planted_node")
WATCHED = 40


async def kill(
    target: Target, times: int, folder: Path, seed: int = 61, plant: str = ""
) -> Outcome:
    """So many kills of one kind of process under load. Escalations that fall due meanwhile are
    watched, too: what is due while nothing runs is said afterwards, and once."""
    began = time.monotonic()
    node = LiveNode(folder / "data", ("--pack", str(fast_pack(folder / "packs"))))
    if plant:
        node.program, node.environment = PLANTED, {"PLANTED": plant}
    campaign = Campaign(node, seed, targets=(target,))
    outcome = Outcome(f"kill -9 {target}" + (f", planted {plant}" if plant else ""), faults=times)
    watch = Watch(node)
    looking: asyncio.Task[None] | None = None
    try:
        await node.start()
        looking = asyncio.create_task(watch.look())
        await watch.send_all(WATCHED, 2)
        await campaign.kill_under_load(times)
        await node.until_ready()
        await asyncio.sleep(1)
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await watch.last_look()
        watch.judge(outcome)
        # How late they were is no figure here: the node was down, again and again.
        outcome.farthest_s = None
        await settle(campaign, outcome, watch)
    finally:
        if looking is not None:
            looking.cancel()
        node.stop()
    outcome.seconds = time.monotonic() - began
    return outcome
