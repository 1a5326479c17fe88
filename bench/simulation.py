"""Fleets on a virtual clock: calls a CPU second, a year on one core, and how near the past is.

San Francisco's log and streets where the shared data are; else the small town that comes with
Tocsin, and the figures of agreement are left out.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from time import process_time

from bench.harness import Figure
from tocsin.app.simulating import Past, past_of
from tocsin.simulation.dispatch.calibrate import calibrate
from tocsin.simulation.dispatch.compare import compare
from tocsin.simulation.dispatch.replay import replay
from tocsin.simulation.dispatch.roads import times_of
from tocsin.simulation.dispatch.scenario import find_scenario, load_scenario
from tocsin.simulation.dispatch.world import World, world_of_town

SHARED = Path(os.environ.get("TOCSIN_SHARED_DATA", Path(__file__).parents[2] / "shared/data"))
LOG = "sf_fire/calls_2016-12-31_to_2017-01-07_citywide.csv.gz"
YEAR_CALLS = 160_000
YEAR_DAYS = 365
CALLS_GOAL = 5_000
YEAR_GOAL_S = 60
UNSEEN = range(101, 105)
CONTEST_DAYS = 7
CONTESTS = (
    ("late share beside closest, redeployment", "coverage+posts+moves", 1.0, -10.0),
    (
        "late share beside closest, redispatch at 1.3 x",
        "coverage+posts+moves+redispatch",
        1.3,
        -15.0,
    ),
)


def bench() -> list[Figure]:
    if not (SHARED / LOG).exists():
        scenario = load_scenario(find_scenario("small-town"), SHARED)
        assert scenario.stages is not None
        world = world_of_town(scenario, times_of("straight", None, SHARED), scenario.stages)
        return [_rate(world, "small town, straight lines")]
    began = process_time()
    past = past_of(load_scenario(find_scenario("san-francisco"), SHARED), SHARED / LOG, SHARED)
    world = past.world(past.fitted())
    ready_s = process_time() - began
    return [
        Figure("San Francisco read, fitted and tabled", ready_s, "CPU s"),
        _rate(world, f"closest, SF network, {len(world.fleet.units)} units"),
        *_year(world),
        *_tuned(world, "San Francisco, stages as fitted"),
        *_agreement(past),
        *_calibration(world, past),
    ]


def _rate(world: World, note: str) -> Figure:
    """Best of five: the rest of the machine only ever takes away."""
    best, commands = 0.0, 0.0
    for seed in range(1, 6):
        began = process_time()
        calls, outcome = world.play("closest", seed)
        best = max(best, len(calls) / (process_time() - began))
        commands = outcome.counts.commands / max(1, len(calls))
    note = f"{note}; {commands:.1f} commands to the kernel a call"
    return Figure("calls simulated", best, "/CPU s", CALLS_GOAL, "more", note)


def _tuned(world: World, note: str) -> list[Figure]:
    """The town's own numbers beside the closest unit, on seeds that nothing was tuned on."""
    found: list[Figure] = []
    for name, policy, scale, goal in CONTESTS:
        town = replace(world.town, source="fitted", days=CONTEST_DAYS, scale=scale)
        here = replace(world, town=town)
        began = process_time()
        compared = compare(here, ["closest", policy], UNSEEN)
        spent_s = process_time() - began
        late = next(each for each in compared.paired if each.measure == "late_share")
        low, high = (100 * each / late.base for each in (late.low, late.high))
        told = f"{note}, {policy}, seeds {UNSEEN[0]} to {UNSEEN[-1]}, {spent_s:.0f} CPU s"
        change = 100 * late.difference / late.base
        told += f"; 95 % interval {low:+.1f} to {high:+.1f}"
        found.append(Figure(name, change, "%", goal, "less", told))
    return found


def _year(world: World) -> list[Figure]:
    a_day = len(world.pattern.past) / world.pattern.days
    scale = YEAR_CALLS / (YEAR_DAYS * a_day)
    town = replace(world.town, source="fitted", days=YEAR_DAYS, scale=scale)
    began = process_time()
    calls, _ = replace(world, town=town).play("closest", 1)
    spent_s = process_time() - began
    return [
        Figure("a year of calls on one core", spent_s, "CPU s", YEAR_GOAL_S, "less",
               f"{len(calls):,} calls"),
    ]  # fmt: skip


def _agreement(past: Past) -> list[Figure]:
    found = replay(past.log, past.form, past.stations, past.times)
    engines = next(each for each in found.agreements if each.kind == "engine")
    return [
        Figure("closest idle engine in the first wave", 100 * engines.closest_share, "%",
               note="known: 79.5"),
        Figure("one of the closest two in the first wave", 100 * engines.two_share, "%",
               note="known: 93.8"),
    ]  # fmt: skip


def _calibration(world: World, past: Past) -> list[Figure]:
    found = calibrate(world, past.log)
    worst = max(max(abs(each.median_error), abs(each.p90_error)) for each in found.areas)
    return [
        Figure("calibration, median error", 100 * abs(found.high.median_error), "%", 5, "less"),
        Figure("calibration, 90th percentile error", 100 * abs(found.high.p90_error), "%", 5,
               "less"),
        Figure("calibration, worst battalion", 100 * worst, "%", 10, "less"),
    ]  # fmt: skip
