"""The live stream to 1,000 listeners at 200 events a second: all delivered, and how late.

The listeners and the sender share the machine with the node, as nobody would do in earnest.
"""

from __future__ import annotations

import json
import subprocess
import sys

from bench.harness import Figure, median, percentile
from bench.intake import BOX, codes
from bench.node import node
from bench.people import supervisor_cookie

LISTENERS = 1_000
RATE = 200
SECONDS = 20


def bench() -> list[Figure]:
    with node() as running:
        plan = {
            "port": running.port,
            "listeners": LISTENERS,
            "rate": RATE,
            "seconds": SECONDS,
            "codes": codes(running),
            "box": BOX,
            "cookie": supervisor_cookie(running),
        }
        cpu = running.cpu_s()
        done = subprocess.run(
            [sys.executable, "-m", "bench.listeners", json.dumps(plan)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        cpu = running.cpu_s() - cpu
    result = json.loads(done.stdout)
    expected = LISTENERS * result["sent"]
    return [
        Figure(
            "live: delivered of 1,000 listeners x 200/s",
            result["delivered"] / expected * 100,
            "%",
            100,
            note=f"{result['delivered']:,} of {expected:,}",
        ),
        Figure("live: from sent to seen, median", median(result["waits"]) * 1e3, "ms"),
        Figure(
            "live: from sent to seen, p99", percentile(result["waits"], 99) * 1e3, "ms", 250, "less"
        ),
        Figure("live: node's CPU meanwhile", cpu / result["seconds"] * 100, "% of a core"),
    ]
