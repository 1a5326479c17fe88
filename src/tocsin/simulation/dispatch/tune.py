"""Finds a town's numbers (`Tuning`) on training seeds: a random search, the best tried again.

A third of the trials is drawn at random, the others change the best so far in a few numbers. As in
successive halving (Jamieson and Talwalkar 2016) every trial plays the first half of the seeds, and
the best quarter all of them. The seeds are written down with the result: judge it on others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tocsin.simulation.dispatch.ensemble import Job, Result, play_all
from tocsin.simulation.dispatch.tuning import Tuning
from tocsin.simulation.dispatch.world import World

GRID: Final[dict[str, tuple[float, ...]]] = {
    "gamma": (0.0, 0.5, 1.0, 2.0, 4.0, 8.0),
    "tau_s": (150.0, 300.0, 600.0, 1_200.0),
    "cap_s": (0.0, 10.0, 20.0, 30.0, 60.0),
    "busy": (0.0, 0.2, 0.35, 0.5, 0.65),
    "drive_s": (2_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0, 1e9),
    "gain_min": (0.01, 0.02, 0.03, 0.05, 0.08),
    "move_max_s": (300.0, 600.0, 900.0, 1_500.0),
    "moves_max": (1, 2),
    "saved_min_s": (20.0, 30.0, 60.0, 120.0),
}
"""What is drawn from; `cover_s` as well, by COVERS."""
CHANGES: Final = 2
"""Numbers that a trial changes of the best so far."""
COVERS: Final = (0.6, 0.8, 1.0, 1.25, 1.5, 2.0)
"""Shares of the scenario's `cover`: the best radius for waiting is not always the promise."""
AREA_WORSE: Final = 0.04
"""No area's 90th percentile should be worse by more, short of the 5 % that are promised."""
FEWEST_CALLS: Final = 60
"""An area with fewer calls of high priority in a run has no 90th percentile to hold to."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of numbers: late share and mean response beside the base's (ratios less 1), the
    worst area's 90th percentile (likewise), and the score: the lower the better."""

    tuning: Tuning
    late: float
    mean: float
    worst_area: float
    score: float


def tune(
    world: World,
    base: str,
    policy: str,
    seeds: Sequence[int],
    trials: int,
    search_seed: int,
    processes: int = 1,
    told: Callable[[Trial], None] = lambda trial: None,
) -> list[Trial]:
    """The best quarter of the trials on all seeds, best first. The world's own numbers take part.
    The same arguments give the same answer."""
    chance = np.random.default_rng(search_seed)
    half = seeds[: max(1, len(seeds) // 2)]
    bases = play_all(world, [Job(base, seed) for seed in seeds], processes)
    first = [_try(world, replace(world.tuning, policy=policy), half, bases[: len(half)], processes)]
    for number in range(1, trials):
        is_random = number % 3 == 0
        start = min(first, key=lambda trial: trial.score).tuning
        drawn = _draw(world, start, len(GRID) if is_random else CHANGES, chance)
        first.append(_try(world, drawn, half, bases[: len(half)], processes))
    first.sort(key=lambda trial: trial.score)
    best: list[Trial] = []
    for each in first[: max(1, len(first) // 4)]:
        best.append(_try(world, each.tuning, seeds, bases, processes))
        told(best[-1])
    return sorted(best, key=lambda trial: trial.score)


def _draw(world: World, start: Tuning, changes: int, chance: np.random.Generator) -> Tuning:
    """`start` with so many of its numbers drawn anew."""
    names = [*GRID, "cover_s"]
    picked = chance.permutation(len(names))[:changes]
    found = start
    for at in sorted(int(each) for each in picked):
        name = names[at]
        if name == "cover_s":
            cover_s = world.late_s["cover"] * COVERS[int(chance.integers(len(COVERS)))]
            found = replace(found, cover_s=cover_s)
            continue
        value = GRID[name][int(chance.integers(len(GRID[name])))]
        found = replace(found, **{name: int(value) if name == "moves_max" else value})
    return found


def _try(
    world: World, tuning: Tuning, seeds: Sequence[int], bases: Sequence[Result], processes: int
) -> Trial:
    jobs = [Job(tuning.policy, seed, tuning) for seed in seeds]
    results = play_all(world, jobs, processes)
    late = _ratio("late_share", bases, results)
    mean = _ratio("response_mean_s", bases, results)
    areas = areas_of(bases)
    worst = max((_ratio(name, bases, results) for name in areas), default=0.0)
    score = late + 5.0 * max(0.0, mean) + 2.0 * max(0.0, worst - AREA_WORSE)
    return Trial(tuning, late, mean, worst, score)


def areas_of(bases: Sequence[Result]) -> list[str]:
    """The measures of areas that have enough calls to be judged."""
    prefix = "response_p90_s/"
    return [
        name
        for name in bases[0].measures
        if name.startswith(prefix)
        and min(each.measures["high_calls/" + name.removeprefix(prefix)] for each in bases)
        >= FEWEST_CALLS
    ]


def _ratio(name: str, bases: Sequence[Result], results: Sequence[Result]) -> float:
    before = sum(each.measures[name] for each in bases)
    return sum(each.measures[name] for each in results) / before - 1.0 if before > 0 else 0.0
