"""Policies side by side on common random numbers: for each measure the paired difference.

Under one seed every policy meets the same calls and the same noise, so the difference of two runs
is what the policy did. Over seeds these differences are independent; their mean has a Student t
interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import stats

from tocsin.simulation.dispatch.ensemble import Job, Result, play_all
from tocsin.simulation.dispatch.world import World

CONFIDENCE: Final = 0.95
AS_IS: Final = "as is"
WHAT_IF: Final = "what if"


@dataclass(frozen=True, slots=True)
class Paired:
    """One measure of one policy beside the first policy's. `low` to `high`: 95 % interval of the
    mean difference; both are the mean itself where one seed gives no interval."""

    policy: str
    measure: str
    base: float
    value: float
    difference: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs, and every policy's paired differences from the first."""

    policies: tuple[str, ...]
    seeds: tuple[int, ...]
    results: tuple[Result, ...]
    paired: tuple[Paired, ...]


def compare(
    world: World,
    policies: Sequence[str],
    seeds: Sequence[int],
    processes: int = 1,
    ray: str | None = None,
) -> Comparison:
    """Run every policy under every seed. The first policy is the one compared with."""
    jobs = [Job(policy, seed) for policy in policies for seed in seeds]
    return _compared(policies, seeds, play_all(world, jobs, processes, ray))


def compare_worlds(
    before: World, after: World, policy: str, seeds: Sequence[int], processes: int = 1
) -> Comparison:
    """One policy in two worlds that meet the same chance: `before`, and what if. They are named
    `as is` and `what if`."""
    results: list[Result] = []
    for name, world in ((AS_IS, before), (WHAT_IF, after)):
        found = play_all(world, [Job(policy, seed) for seed in seeds], processes)
        results += [replace(each, policy=name) for each in found]
    return _compared((AS_IS, WHAT_IF), seeds, results)


def _compared(
    policies: Sequence[str], seeds: Sequence[int], results: Sequence[Result]
) -> Comparison:
    by_job = {(result.policy, result.seed): result for result in results}
    names = list(results[0].measures)
    paired = [
        _pair(
            policy,
            name,
            [by_job[policies[0], seed].measures[name] for seed in seeds],
            [by_job[policy, seed].measures[name] for seed in seeds],
        )
        for policy in policies[1:]
        for name in names
    ]
    return Comparison(tuple(policies), tuple(seeds), tuple(results), tuple(paired))


def _pair(policy: str, name: str, base: list[float], value: list[float]) -> Paired:
    over = np.asarray(value) - np.asarray(base)
    low, high = interval(over)
    return Paired(
        policy, name, float(np.mean(base)), float(np.mean(value)), float(over.mean()), low, high
    )


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the mean of independent values (Student's t)."""
    mean = float(values.mean())
    if len(values) < 2:
        return mean, mean
    error = float(values.std(ddof=1)) / len(values) ** 0.5
    wide = float(stats.t.ppf(0.5 + CONFIDENCE / 2.0, len(values) - 1)) * error  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return mean - wide, mean + wide
