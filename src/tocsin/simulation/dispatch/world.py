"""A scenario made ready to run: pattern, fleet, ground and stages, computed once for many runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tocsin.simulation.dispatch.calls import (
    Calls,
    Pattern,
    as_logged,
    by_rates,
    fitted,
    pattern_of,
    pattern_of_town,
)
from tocsin.simulation.dispatch.change import NOTHING, Change, changed_fleet, changed_posts
from tocsin.simulation.dispatch.conduct import conduct_of
from tocsin.simulation.dispatch.draws import draw
from tocsin.simulation.dispatch.engine import run
from tocsin.simulation.dispatch.fleet import SimFleet, fleet_from_log, fleet_of_town
from tocsin.simulation.dispatch.ground import SimGround, ground_of
from tocsin.simulation.dispatch.log import Log
from tocsin.simulation.dispatch.outcome import Outcome
from tocsin.simulation.dispatch.scenario import Scenario
from tocsin.simulation.dispatch.stages import Stages
from tocsin.simulation.dispatch.state import Lost
from tocsin.simulation.dispatch.states import Fleet, Position
from tocsin.simulation.dispatch.town import Town
from tocsin.simulation.dispatch.travel import Times
from tocsin.simulation.dispatch.tuning import USUAL, Tuning

CALLS_STREAM = 1_000
"""The chance of arrivals is another stream than that of the stages (see `draws`)."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Everything a run needs but its seed and its policy."""

    pattern: Pattern
    town: Town
    fleet: SimFleet
    ground: SimGround
    stages: Stages
    late_s: dict[str, float]
    tuning: Tuning = USUAL
    with_cases: bool = False
    """Each call's case is played too (`casebook`): the same runs, slower."""

    def calls(self, seed: int) -> Calls:
        """The calls of one seed: the same for every policy."""
        chance = np.random.default_rng([seed, CALLS_STREAM])
        if self.town.source == "log":
            return as_logged(self.pattern)
        if self.town.source == "fitted":
            return fitted(self.pattern, self.town.days, self.town.scale, chance)
        return by_rates(self.pattern, self.town, chance)

    def play(self, policy: str, seed: int, *, is_fast: bool = True) -> tuple[Calls, Outcome]:
        """One run. The same arguments give the same outcome to the last bit."""
        calls = self.calls(seed)
        draws = draw(calls, self.stages, seed)
        how = conduct_of(policy, self.tuning, self.late_s, self.stages, is_fast=is_fast)
        share = self.town.lost_share
        lost = Lost(share, seed, len(self.fleet.units)) if share > 0 else None
        decider, steering = how.decider, how.steering
        return calls, run(
            calls, self.fleet, self.ground, draws, decider, steering, lost,
            with_cases=self.with_cases,
        )  # fmt: skip

    def with_stages(self, stages: Stages) -> World:
        """The same town with other stages."""
        return replace(self, stages=stages)


def world_of_log(
    scenario: Scenario,
    log: Log,
    past: Fleet,
    stations: dict[str, Position],
    times: Times,
    stages: Stages,
    change: Change = NOTHING,
) -> World:
    """The world of a scenario with a log. Raises ChangeError."""
    pattern, town = pattern_of(log), scenario.town
    fleet = fleet_from_log(log, past, pattern, stations, times, town.shift_kinds, town.breaks)
    return _made(scenario, pattern, fleet, stations, times, stages, change)


def world_of_town(
    scenario: Scenario, times: Times, stages: Stages, change: Change = NOTHING
) -> World:
    """The world of a scenario that is described by rates. Raises ChangeError."""
    pattern = pattern_of_town(scenario.town)
    fleet = fleet_of_town(scenario.town.units, scenario.town.breaks)
    return _made(scenario, pattern, fleet, scenario.posts(), times, stages, change)


def _made(
    scenario: Scenario,
    pattern: Pattern,
    fleet: SimFleet,
    stations: Mapping[str, Position],
    times: Times,
    stages: Stages,
    change: Change,
) -> World:
    town = scenario.town
    town = replace(
        town, scale=town.scale * change.demand, lost_share=max(town.lost_share, change.lost)
    )
    posts = changed_posts(stations, change)
    fleet = changed_fleet(fleet, posts, change)
    ground = ground_of(pattern, fleet, town, times, posts.values())
    return World(pattern, town, fleet, ground, stages, dict(scenario.late_s), scenario.tuning)
