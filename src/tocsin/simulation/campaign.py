"""`tocsin sim`: many seeds, one line each, and what to do with one that fails."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from tocsin.simulation.habits import NORMAL, WILD
from tocsin.simulation.sim import SimReport, sim
from tocsin.simulation.storms import campaign as storms

SHOWN: Final = 5
"""Findings shown of a failing seed: the first ones tell the story."""


def main(argv: Sequence[str] | None = None) -> int:
    """0 when every promise held in every seed, else 1. With `--storms` first: see there."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["--storms"]:
        return storms.main(given[1:])
    parser = argparse.ArgumentParser(prog="tocsin sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--days", type=float, default=1.0, help="days with arrivals and faults")
    parser.add_argument("--rate", type=float, default=4.0, help="reports an hour")
    parser.add_argument("--wild", action="store_true", help="people who rarely agree")
    asked = parser.parse_args(given)
    if asked.seeds < 1 or asked.days <= 0 or asked.rate <= 0:
        parser.error("--seeds, --days and --rate must be greater than nothing")
    seeds = (
        [asked.seed] if asked.seed is not None else range(asked.first, asked.first + asked.seeds)
    )
    habits = WILD if asked.wild else NORMAL
    failed: list[int] = []
    for seed in seeds:
        try:
            report = sim(seed, asked.days, per_hour=asked.rate, habits=habits)
        except Exception:  # an assertion is our bug: shown in full, and the campaign goes on
            print(f"seed {seed:>6}  BROKE", flush=True)
            traceback.print_exc()
            failed.append(seed)
            continue
        print(line_of(report), flush=True)
        for finding in report.findings[:SHOWN]:
            print(f"    {finding.checker}: {finding.where}: {finding.what}", flush=True)
        if not report.is_clean:
            failed.append(seed)
    if not failed:
        print(f"{len(seeds)} seeds, every promise held")
        return 0
    print(f"{len(failed)} of {len(seeds)} seeds failed: {', '.join(map(str, failed))}")
    print("keep them: add each to tests/simulation/seeds.toml with a word why")
    return 1


def line_of(report: SimReport) -> str:
    """One run in one line."""
    verdict = "held" if report.is_clean else f"{len(report.findings)} FINDINGS"
    return (
        f"seed {report.seed:>6}  {report.acknowledged:>5} reports  {report.cases:>5} cases"
        f"  {report.merged:>4} merged  {report.missed:>4} missed  {report.restarts:>4} crashes"
        f"  {report.digest}  {verdict}"
    )
