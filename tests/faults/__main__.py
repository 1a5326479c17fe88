"""`python -m tests.faults [KIND ...] [--share PERCENT]`: the whole campaign of faults, as a table.

Without a kind all of them; a share of 10 does a tenth of each. Exit 1 where anything was lost,
doubled, early, missing, or found otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.end_to_end import campaign, live_node
from tests.end_to_end.campaign import SERVER_TARGETS
from tests.faults.clocks import STEPS, step_clock
from tests.faults.database import lose_database
from tests.faults.full_disk import fill_disk
from tests.faults.kills import kill
from tests.faults.outcome import Outcome, table
from tests.faults.power import cut_power
from tests.faults.timers import restart

NODE_KILLS = 100
SERVER_KILLS = 30
POWER_CUTS = 10
DISKS_FULL = 3
TIMERS = 100_000
FINDINGS_SHOWN = 8
WATCHED = 60
Work = Callable[[Path, Callable[[int], int]], Awaitable[Outcome]]


def kinds() -> dict[str, list[Work]]:
    """Every kind of fault: work in a folder, with a function that takes the share of a number."""
    return {
        "kill": [
            lambda folder, of: kill("node", of(NODE_KILLS), folder),
            lambda folder, of: kill("everything", of(SERVER_KILLS), folder),
            *(
                lambda folder, of, target=target: kill(target, of(SERVER_KILLS), folder)
                for target in SERVER_TARGETS
            ),
        ],
        "clock": [
            lambda folder, of, step=step: step_clock(step, folder, WATCHED) for step in STEPS
        ],
        "database": [
            lambda folder, of: lose_database("cut", folder),
            lambda folder, of: lose_database("stalled", folder),
        ],
        "disk": [lambda folder, of: fill_disk(of(DISKS_FULL), folder)],
        "power": [
            lambda folder, of: cut_power(of(POWER_CUTS), folder),
            lambda folder, of: cut_power(of(POWER_CUTS), folder, is_torn=True),
        ],
        "timers": [lambda folder, of: restart(of(TIMERS), folder)],
    }


live_node.START_PATIENCE_S = campaign.ALIVE_PATIENCE_S = 600.0
"""A campaign of hours is run beside other work, and a start is no part of what it measures."""


async def run(chosen: list[str], share: float) -> list[Outcome]:
    """One after the other, each on a fresh folder; a row is printed as soon as it is known."""
    found: list[Outcome] = []

    def of(number: int) -> int:
        return max(1, round(number * share / 100))

    for kind in chosen:
        for work in kinds()[kind]:
            with tempfile.TemporaryDirectory(prefix="tocsin-faults-") as folder:
                try:
                    outcome = await work(Path(folder), of)
                except (AssertionError, OSError) as trouble:
                    outcome = Outcome(
                        kind, findings=[f"{type(trouble).__name__}: {trouble}"[:1_000]]
                    )
            outcome.judges_lateness = True
            found.append(outcome)
            print(table([outcome]).splitlines()[-1], flush=True)
            for each in outcome.findings[:FINDINGS_SHOWN]:
                print(f"  FOUND {each}", flush=True)
            if outcome.skipped:
                print(f"  SKIPPED {outcome.skipped}", flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(kinds())}")
    parser.add_argument("--share", type=float, default=100.0, help="percent of each number")
    asked = parser.parse_args()
    for kind in asked.kinds:
        if kind not in kinds():
            parser.error(f"no kind {kind}: there are {', '.join(kinds())}")
    found = asyncio.run(run(asked.kinds or list(kinds()), asked.share))
    print()
    print(table(found))
    return 0 if all(each.is_clean or each.skipped for each in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
