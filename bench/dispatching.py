"""Recommendations: 500 units for one call, and 200 calls solved together. Road times are given."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from bench.harness import Figure, median, percentile
from tocsin.dispatching.demand import Demand, Zone
from tocsin.dispatching.ground import lay_out
from tocsin.dispatching.moving_up import MoveLimits, advise_moves
from tocsin.dispatching.policies.closest import closest, price_closest
from tocsin.dispatching.policies.coverage import coverage
from tocsin.dispatching.problem import CallNow, Need, Problem, UnitNow
from tocsin.dispatching.ranking import Price, work_out
from tocsin.dispatching.solving import solve, steps
from tocsin.dispatching.table import problem_bytes, table_bytes
from tocsin.kernel.shared import CaseId, UnitId

UNITS, CALLS, ZONES, POSTS = 500, 200, 400, 40
KINDS = ("engine", "ladder", "ambulance", "patrol")
SHOWN = 25
"""Ranks a screen shows of each call."""
RUNS, BIG_RUNS = 300, 40
MOVES = MoveLimits(gain_min=0.0, moves_max=1)
AT = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)


def town(seed: int, calls: int) -> Problem:
    """Units, calls and zones on a plane 20 km wide, driven over at 10 m/s; a fifth of the
    positions is stale; priorities and needs are mixed."""
    draw = np.random.default_rng(seed)
    at_units, at_calls, at_zones, at_posts = (
        draw.uniform(0, 20_000, (n, 2)) for n in (UNITS, calls, ZONES, POSTS)
    )

    def seconds(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.hypot(*(one[:, None] - other[None]).transpose(2, 0, 1)) / 10.0

    ages = np.where(draw.random(UNITS) < 0.2, 900.0, 5.0).tolist()
    return Problem(
        AT,
        tuple(
            UnitNow(UnitId(f"U{n:03}"), "unit", (KINDS[n % 4],), position_age_s=ages[n],
                    busy_fraction=0.2)
            for n in range(UNITS)
        ),
        tuple(
            CallNow(CaseId(f"c{n:03}"), "case", (Need(KINDS[n % 4]),),
                    int(draw.integers(1, 5)), target_s=480.0)
            for n in range(calls)
        ),
        seconds(at_units, at_calls),
        p90_factors=np.full((UNITS, calls), 1.4),
        demand=Demand(
            tuple(Zone(f"z{n:03}", 1.0, KINDS[n % 4], 480.0) for n in range(ZONES)),
            seconds(at_units, at_zones),
            tuple(f"p{n:02}" for n in range(POSTS)),
            seconds(at_posts, at_zones),
            seconds(at_units, at_posts),
        ),
    )  # fmt: skip


def taken_ms(work: Callable[[Problem], object], calls: int, runs: int) -> list[float]:
    """Milliseconds of each run, each on another town of a few."""
    towns = [town(seed, calls) for seed in range(5)]
    found: list[float] = []
    for run in range(runs):
        began = time.perf_counter()
        work(towns[run % len(towns)])
        found.append(1000 * (time.perf_counter() - began))
    return found


def assignment_ms(price: Price) -> list[float]:
    """Only the assignment, without laying out and pricing."""
    found: list[float] = []
    for seed in range(BIG_RUNS):
        ground = lay_out(town(seed, CALLS))
        costs = steps(ground, price(ground).steps)
        began = time.perf_counter()
        solve(ground, costs)
        found.append(1000 * (time.perf_counter() - began))
    return found


def bench() -> list[Figure]:
    """The figures of the room, beside the goals of the project."""
    figures: list[Figure] = []
    for name, policy in (("closest", closest), ("coverage", coverage)):
        one = taken_ms(lambda problem, ask=policy: ask(problem, ranked_max=SHOWN), 1, RUNS)
        all_ranks = taken_ms(policy, 1, RUNS)
        big = taken_ms(lambda problem, ask=policy: ask(problem, ranked_max=SHOWN), CALLS, BIG_RUNS)
        figures += [
            Figure(f"{name}, {UNITS} units x 1 call, p50", median(one), "ms"),
            Figure(f"{name}, {UNITS} units x 1 call, p99", percentile(one, 99), "ms", 20, "less"),
            Figure(f"{name}, the same, every rank, p99", percentile(all_ranks, 99), "ms"),
            Figure(f"{name}, {UNITS} x {CALLS}, p50", median(big), "ms", 200, "less"),
            Figure(f"{name}, {UNITS} x {CALLS}, p99", percentile(big, 99), "ms"),
        ]
    together = assignment_ms(price_closest)
    plans = taken_ms(lambda problem: work_out(problem, price_closest), 1, RUNS)
    moves = taken_ms(lambda problem: advise_moves(problem, MOVES), 1, 5)
    kept = taken_ms(lambda p: (problem_bytes(p), table_bytes(p, coverage(p))), 1, BIG_RUNS)
    return [
        *figures,
        Figure(f"assignment, {UNITS} x {CALLS}, p50", median(together), "ms", 5, "less"),
        Figure(f"assignment, {UNITS} x {CALLS}, p99", percentile(together, 99), "ms"),
        Figure("closest, plan without reasons, p50", median(plans), "ms"),
        Figure(f"one move-up, {UNITS} units x {POSTS} posts, p50", median(moves), "ms"),
        Figure("table and snapshot as bytes, p50", median(kept), "ms"),
    ]
