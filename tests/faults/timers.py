"""A node is killed and started again with a hundred thousand clocks that run."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from tests.end_to_end.campaign import Campaign
from tests.end_to_end.live_node import LiveNode
from tests.faults.escalations import SETTLED_S, Watch
from tests.faults.fast_pack import PROMISE_S, RUNGS, fast_pack
from tests.faults.outcome import Outcome
from tests.faults.settled import settle

PATIENCE_S = 1_800


async def restart(
    timers: int, folder: Path, watched: int = 300, percent: int = RUNGS[-1], seed: int = 101
) -> Outcome:
    """So many open cases, each with its clocks; a part of them is watched, and falls due before,
    during and after the restart. Filled through the public API, as everything is."""
    began = time.monotonic()
    node = LiveNode(folder / "data", ("--pack", str(fast_pack(folder / "packs"))))
    campaign, watch = Campaign(node, seed, targets=()), Watch(node)
    campaign.ledger.codes = ("street-light-out", "pothole")
    outcome = Outcome(f"restart, {timers} timers", faults=1)
    looking: asyncio.Task[None] | None = None
    try:
        await node.start()
        await fill(campaign, timers)
        async with node.database() as database:
            running = await database.fetchval(
                "SELECT count(*) FROM cases WHERE next_wake IS NOT NULL"
            )
        if running < timers:
            outcome.findings.append(f"only {running} clocks run")
        looking = asyncio.create_task(watch.look())
        await watch.send_all(watched, 10)
        down = time.monotonic()
        node.kill()
        await node.start()
        await node.until_ready()
        watch.down.append((down, time.monotonic()))
        print(f"  {running} clocks run; up again after {time.monotonic() - down:.1f} s", flush=True)
        await asyncio.sleep(PROMISE_S * percent / 100 + SETTLED_S + 1)
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await watch.last_look()
        watch.judge(outcome)
        await settle(campaign, outcome, watch)
    finally:
        if looking is not None:
            looking.cancel()
        node.stop()
    outcome.seconds = time.monotonic() - began
    return outcome


async def fill(campaign: Campaign, timers: int) -> None:
    until = time.monotonic() + PATIENCE_S
    async with campaign.load():
        while len(campaign.ledger.acknowledged) < timers:
            assert time.monotonic() < until, "the board is not filled in time"
            await asyncio.sleep(0.1)
