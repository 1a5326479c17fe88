"""What an idle node holds in memory, the database aside."""

from __future__ import annotations

import time

from bench.harness import Figure
from bench.node import node


def bench() -> list[Figure]:
    with node() as running:
        time.sleep(5)  # everything that starts late has started
        return [Figure("memory of an idle node", running.memory_mib(), "MiB", 250, "less")]
