"""`python -m tests.end_to_end.kill_campaign --kills 200`: the long form of test_kills."""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

from tests.end_to_end.campaign import Campaign
from tests.end_to_end.live_node import LiveNode


async def run(kills: int, seed: int, data: Path, plant: str | None) -> int:
    node = LiveNode(data)
    if plant is not None:
        node.program = ("-m", "tests.end_to_end.planted_node")
        node.environment = {"PLANTED": plant}
    campaign = Campaign(node, seed)
    began = time.monotonic()
    try:
        findings = await campaign.run(kills)
    finally:
        node.stop()
    ledger = campaign.ledger
    print(f"seed {seed}: {dict(campaign.kills)} in {time.monotonic() - began:.0f} s")
    print(f"sent {len(ledger.sent)}, acknowledged {len(ledger.acknowledged)}")
    print(f"answers {dict(ledger.answers)}, settled reports sent again {ledger.repeats}")
    for finding in findings:
        print(f"FOUND {finding}")
    print("nothing lost, nothing twice" if not findings else f"{len(findings)} findings")
    return 1 if findings else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3)))
    parser.add_argument("--planted", help="a bug of planted_node, to see it found")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-kills-") as folder:
        return asyncio.run(run(asked.kills, asked.seed, Path(folder) / "data", asked.planted))


if __name__ == "__main__":
    raise SystemExit(main())
