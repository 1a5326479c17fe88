"""`tocsin sim --storms`: many seeds on all cores, and how to come back to one that fails."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from random import Random
from typing import Final

from tocsin.runtime.chaos import POINTS
from tocsin.simulation.storms.disk import Restless
from tocsin.simulation.storms.storm import Plan, StormReport, storm
from tocsin.simulation.storms.weather import Climate, drawn

SHOWN: Final = 5
"""Findings shown of a failing seed: the first ones tell the story."""
ALL_POINTS_FROM: Final = 300
"""With so many seeds every point must have been struck; fewer may miss a rare one by chance."""
CHUNK: Final = 5
SMALLER: Final[tuple[tuple[str, dict[str, object]], ...]] = (
    ("one process", {"processes": 1}),
    ("no units", {"units": 0}),
    ("no devices", {"devices": 0}),
    ("few reports", {"per_hour": 25.0}),
    ("two minutes", {"storm_s": 120.0}),
    ("no quiet day", {"quiet_s": 60.0}),
)


def main(argv: Sequence[str] | None = None) -> int:
    """0 when every promise held in every seed and every point was struck, else 1."""
    parser = argparse.ArgumentParser(prog="tocsin sim --storms", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many seeds")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one, and what makes it simpler")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    asked = parser.parse_args(argv)
    if asked.seeds < 1 or asked.jobs < 1:
        parser.error("--seeds and --jobs must be greater than nothing")
    if asked.seed is not None:
        return _one(asked.seed)
    struck: Counter[str] = Counter()
    failed: list[int] = []
    entries = 0
    for seed, report, trouble in _all(range(asked.first, asked.first + asked.seeds), asked.jobs):
        if report is not None:
            struck.update(dict(report.struck))
            entries += report.entries
        if report is None or not report.is_clean:
            failed.append(seed)
            _show(seed, report, trouble)
    missing = [point for point in POINTS if not struck[point]]
    print(f"{asked.seeds} storms, {entries:,} journal entries, {struck['die']:,} deaths at points")
    for point in missing:
        print(f"no seed struck the point {point}: {POINTS[point]}")
    if failed:
        print(f"{len(failed)} of {asked.seeds} seeds failed: {', '.join(map(str, failed))}")
        print("keep them: add each to tests/simulation/seeds.toml with storm = true and why")
        return 1
    if missing and asked.seeds >= ALL_POINTS_FROM:
        return 1
    print("every promise held")
    return 0


Result = tuple[int, StormReport | None, str]


def _all(seeds: range, jobs: int) -> Iterator[Result]:
    """In the order of seeds, whoever ran them."""
    if jobs == 1:
        yield from map(_run, seeds)
        return
    # Spawned, not forked: the same from a program with threads.
    with multiprocessing.get_context("spawn").Pool(min(jobs, len(seeds))) as pool:
        yield from pool.imap(_run, seeds, chunksize=CHUNK)


def _run(seed: int) -> Result:
    try:
        return seed, storm(seed), ""
    except (Exception, Restless):  # our bug: shown in full, and the campaign goes on
        return seed, None, traceback.format_exc()


def _show(seed: int, report: StormReport | None, trouble: str) -> None:
    print(f"seed {seed} failed; again: tocsin sim --storms --seed {seed}", flush=True)
    if report is None:
        print(trouble)
        return
    for finding in report.findings[:SHOWN]:
        print(f"    {finding.checker}: {finding.where}: {finding.what}", flush=True)


def _one(seed: int) -> int:
    """One seed, and where it fails, the smallest storm in which it still does."""
    _, report, trouble = _run(seed)
    if report is not None and report.is_clean:
        print(f"seed {seed}: {report.entries} entries, {report.digest}, every promise held")
        return 0
    _show(seed, report, trouble)
    if report is not None:
        names = {finding.checker for finding in report.findings}
        plan, kept = simplified(seed, names)
        print(f"still with: {', '.join(kept) or 'nothing left out'}")
        gone = _gone(plan, seed)
        print(f"and without: {', '.join(gone) or 'no kind of trouble'}")
    return 1


def simplified(seed: int, names: set[str]) -> tuple[Plan, list[str]]:
    """The plan of a seed with everything left out without which one of the checkers `names` still
    finds something; and what was left out, in words."""
    plan, kept = Plan(), list[str]()
    for words, less in SMALLER:
        smaller = replace(plan, **less)  # pyright: ignore[reportArgumentType]
        if _fails(seed, smaller, names):
            plan, kept = smaller, [*kept, words]
    climate = climate_of(seed)
    for each in fields(Climate):
        milder = replace(climate, **{each.name: 0.0})
        if _fails(seed, replace(plan, climate=milder), names):
            climate = milder
            plan = replace(plan, climate=climate)
    return plan, kept


def climate_of(seed: int) -> Climate:
    """As `storm` draws it."""
    rng = Random(seed)
    rng.choice(range(5))
    return drawn(Random(rng.getrandbits(64)))


def _gone(plan: Plan, seed: int) -> list[str]:
    climate = plan.climate or climate_of(seed)
    return [each.name for each in fields(Climate) if getattr(climate, each.name) == 0.0]


def _fails(seed: int, plan: Plan, names: set[str]) -> bool:
    try:
        report = storm(seed, plan=plan)
    except (Exception, Restless):
        return False
    return any(finding.checker in names for finding in report.findings)
