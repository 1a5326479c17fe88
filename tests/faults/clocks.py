"""The wall clock jumps under a running node: +1 h, -1 h, a change to summer time, a leap day."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.end_to_end.campaign import Campaign
from tests.end_to_end.live_node import LiveNode
from tests.faults.escalations import SETTLED_S, Watch
from tests.faults.fast_pack import PROMISE_S, RUNGS, fast_pack
from tests.faults.outcome import Outcome
from tests.faults.settled import settle

STEPPED = ("-m", "tests.faults.stepped_node")
SENDING_S = 5.0


@dataclass(frozen=True)
class Step:
    """What the wall does: where it starts, and how far it is moved while clocks run."""

    kind: str
    start: datetime | None = None
    by_s: float = 0.0


STEPS = (
    Step("clock +1 h", by_s=3_600),
    Step("clock -1 h", by_s=-3_600),
    # A wall clock of UTC does not move then; every deadline of the town's calendar lies across it.
    Step("clock to summer time", datetime(2026, 3, 29, 0, 59, 50, tzinfo=UTC)),
    Step("clock to winter time", datetime(2026, 10, 25, 0, 59, 50, tzinfo=UTC)),
    Step("leap day begins", datetime(2028, 2, 28, 23, 59, 50, tzinfo=UTC)),
    Step("leap day ends", datetime(2028, 2, 29, 23, 59, 50, tzinfo=UTC)),
)


async def step_clock(
    step: Step, folder: Path, watched: int, percent: int = RUNGS[-1], plant: str = ""
) -> Outcome:
    """A node under load while its wall clock is moved, until every rung up to `percent` is due."""
    began = time.monotonic()
    file = folder / "step"
    offset_s = (step.start - datetime.now(UTC)).total_seconds() if step.start else 0.0
    file.write_text(str(offset_s))
    pack = fast_pack(folder / "packs")
    node = LiveNode(
        folder / "data",
        ("--pack", str(pack), "--calendar", "finland-2026"),
        program=STEPPED,
        environment={"STEP_FILE": str(file), "PLANTED": plant},
    )
    campaign, watch = Campaign(node, seed=71, targets=()), Watch(node)
    outcome = Outcome(step.kind + (f", planted {plant}" if plant else ""), faults=1)
    campaign.pause_s = 0.05
    try:
        await node.start()
        looking = asyncio.create_task(watch.look())
        async with campaign.load():
            await watch.send_all(watched, SENDING_S)
            # In one piece: a file that is half written would be a step of its own.
            moved = file.with_suffix(".new")
            moved.write_text(str(offset_s + step.by_s))
            moved.replace(file)
            await asyncio.sleep(PROMISE_S * percent / 100 + SETTLED_S + 1)
        answer = await node.ask("GET", "/health/ready")
        outcome.told = [each["state"] for each in answer.json()["troubles"]]
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await watch.last_look()
        watch.judge(outcome)
        await settle(campaign, outcome, watch)
    finally:
        node.stop()
    outcome.seconds = time.monotonic() - began
    return outcome
