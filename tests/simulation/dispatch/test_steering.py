"""Posts, move-ups, redispatch, breaks and lost positions: sound, the live rules, and no peeking."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation.dispatch.checking import defects, peeks
from tests.simulation.dispatch.towns import town
from tocsin.dispatching.demand import Demand, Zone
from tocsin.dispatching.moving_up import MoveLimits, advise_moves
from tocsin.dispatching.posting import PostLimits, advise_post
from tocsin.dispatching.problem import Problem, UnitNow
from tocsin.dispatching.redispatch import Limits
from tocsin.kernel.shared import UnitId
from tocsin.simulation.dispatch.conduct import Conduct, ConductError, conduct_of, parsed
from tocsin.simulation.dispatch.covermap import map_of
from tocsin.simulation.dispatch.crews import instant
from tocsin.simulation.dispatch.deciding import Closest
from tocsin.simulation.dispatch.draws import draw
from tocsin.simulation.dispatch.engine import run
from tocsin.simulation.dispatch.fleet import SimFleet
from tocsin.simulation.dispatch.measures import measure
from tocsin.simulation.dispatch.state import State
from tocsin.simulation.dispatch.steering import Parts, Steer
from tocsin.simulation.dispatch.town import Breaks
from tocsin.simulation.dispatch.tuning import Tuning
from tocsin.simulation.dispatch.world import World

TUNING = Tuning(gain_min=0.01, saved_min_s=20.0, roaming=("ambulance",))
ALL = "coverage+posts+moves+redispatch"
POLICIES = ("closest+posts", "closest+moves", "closest+redispatch", ALL)


def crowded(seed: int, tuning: Tuning = TUNING, units: int = 6) -> World:
    return replace(town(seed, units=units, calls_per_day=170.0), tuning=tuning)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("lost", [0.0, 0.3])
def test_every_conduct_gives_sound_runs(policy: str, lost: float) -> None:
    world = crowded(3)
    world = replace(world, town=replace(world.town, lost_share=lost))
    calls, outcome = world.play(policy, 3)
    assert defects(world, calls, outcome) == []
    assert np.isfinite(outcome.first_s).mean() > 0.9
    assert outcome.to_bytes() == world.play(policy, 3)[1].to_bytes()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10**6),
    units=st.integers(2, 7),
    lost=st.sampled_from((0.0, 0.3)),
    policy=st.sampled_from(("closest", "coverage")),
)
def test_the_fast_paths_send_whom_the_policies_send(
    seed: int, units: int, lost: float, policy: str
) -> None:
    world = crowded(seed, units=units)
    world = replace(world, town=replace(world.town, lost_share=lost))
    _, fast = world.play(policy, seed)
    _, slow = world.play(policy, seed, is_fast=False)
    assert fast.unit.tolist() == slow.unit.tolist()
    assert fast.to_bytes() == slow.to_bytes()


# -- the live rules --------------------------------------------------------------------


def snapshot(steer: Steer, state: State, now_s: float, kind: int, units: list[int]) -> Problem:
    """What the live node would be asked: each unit counts at its post."""
    cover = map_of({}, state, kind, steer.tuning.cover_s)
    name = state.calls.pattern.kinds[kind]
    q = state.busy_share(kind, now_s, steer.tuning.busy)
    posts = [f"{post:06d}" for post in cover.posts]
    zones = tuple(
        Zone(f"z{place:06d}", share, name, cover.cover_s)
        for place, share in zip(cover.places.tolist(), cover.share_now(now_s).tolist(), strict=True)
    )
    rows = tuple(
        UnitNow(
            UnitId(state.fleet.units[unit].id), name, (name,), post=f"{state.home[unit]:06d}",
            busy_fraction=q,
        )
        for unit in units
    )  # fmt: skip
    table = cover.table
    to_posts = [
        [state.from_s(state.where(unit, now_s), post) for post in cover.posts] for unit in units
    ]
    demand = Demand(
        zones,
        np.asarray([table[state.home[unit], cover.places] for unit in units]),
        tuple(posts),
        table[list(cover.posts)][:, cover.places],
        np.asarray(to_posts).reshape(len(units), len(posts)),
    )
    return Problem(instant(now_s), rows, (), np.zeros((len(units), 0)), demand=demand)


class Watched(Steer):
    """Beside each answer the live node's on the same snapshot."""

    asked = 0

    def post_for(self, state: State, now_s: float, unit: int) -> int:
        found = super().post_for(state, now_s, unit)
        kind = state.kind_of_unit[unit]
        if self._roams(state, kind):
            units = sorted({*self._idle(state, kind), unit})
            problem = snapshot(self, state, now_s, kind, units)
            limits = PostLimits(drive_s=self.tuning.drive_s)
            best = advise_post(problem, UnitId(state.fleet.units[unit].id), limits)[0]
            assert best.post == f"{found:06d}"
            self.asked += 1
        return found

    def moves(self, state: State, now_s: float, kind: int) -> list[tuple[int, int]]:
        found = super().moves(state, now_s, kind)
        units = self._idle(state, kind)
        if units and self._roams(state, kind):
            tuning = self.tuning
            limits = MoveLimits(tuning.gain_min, tuning.move_max_s, tuning.moves_max)
            live = advise_moves(snapshot(self, state, now_s, kind, units), limits)
            told = [(state.fleet.units[unit].id, f"{post:06d}") for unit, post in found]
            assert told == [(move.unit, move.post) for move in live]
            self.asked += 1
        return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_posts_and_moves_are_what_the_live_node_would_advise(seed: int) -> None:
    tuning = replace(TUNING, gain_min=0.004, moves_max=2)
    world = crowded(seed, tuning)
    calls = world.calls(seed)
    steer = Watched(Parts(posts=True, moves=True), tuning, world.late_s, world.stages.travel)
    draws = draw(calls, world.stages, seed)
    outcome = run(calls, world.fleet, world.ground, draws, Closest(world.late_s), steer)
    assert defects(world, calls, outcome) == []
    assert steer.asked > 100 and outcome.counts.moves > 0 and outcome.counts.reposted > 0


# -- redispatch ------------------------------------------------------------------------


def test_redispatch_turns_units_and_helps_the_urgent() -> None:
    turned, better = 0, 0.0
    for seed in range(5):
        world = crowded(seed, units=5)
        calls, plain = world.play("closest", seed)
        _, outcome = world.play("closest+redispatch", seed)
        assert defects(world, calls, outcome) == []
        turned += len(outcome.counts.turned)
        before, after = (measure(world, calls, each) for each in (plain, outcome))
        better += before["response_mean_s"] - after["response_mean_s"]
    assert turned > 5 and better > 0.0


def test_the_checks_find_a_turn_within_sixty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.simulation.dispatch.engine.ARRIVAL_GUARD_S", 0.0)
    found: list[str] = []
    for seed in range(8):
        world = crowded(seed, units=5)
        calls = world.calls(seed)
        tuning = replace(TUNING, confirm_s=0.0)
        steer = Steer(Parts(redispatch=True), tuning, world.late_s, world.stages.travel)
        steer.limits = Limits(arrival_s=0.0, saved_min_s=1.0)  # the planted bug
        draws = draw(calls, world.stages, seed)
        outcome = run(calls, world.fleet, world.ground, draws, Closest(world.late_s), steer)
        found += defects(world, calls, outcome)
    assert any("before its arrival" in each for each in found)


# -- the future ------------------------------------------------------------------------


class Peeker(Closest):
    """A planted bug: keeps units from where a call will be."""

    def choose(self, state: State, now_s: float, slots: list[int]) -> list[tuple[int, int]]:
        coming = min(state.call_of_slot[slots[0]] + 25, len(state.calls) - 1)
        place = state.place_of_call[coming]
        found: list[tuple[int, int]] = []
        for slot in slots:
            free = [
                (-state.reach_s(unit, place, now_s), unit)
                for unit, kind in enumerate(state.kind_of_unit)
                if kind == state.kind_of_slot[slot] and state.is_free[unit]
                if unit not in [each for _, each in found]
            ]
            if free:
                found.append((slot, min(free)[1]))
        return found


@pytest.mark.parametrize("policy", ["closest", "coverage", ALL])
def test_no_conduct_knows_the_future(policy: str) -> None:
    for seed in (1, 2):
        world = crowded(seed)
        one, other = (
            conduct_of(policy, world.tuning, world.late_s, world.stages) for _ in range(2)
        )
        assert not peeks(world, seed, one, other)


def test_the_checks_find_a_policy_that_peeks() -> None:
    world = crowded(1)
    one, other = (Conduct(Peeker(world.late_s), None) for _ in range(2))
    assert peeks(world, 1, one, other)


# -- breaks ----------------------------------------------------------------------------


def resting(calls_per_day: float, units: int) -> World:
    world = town(4, units=units, calls_per_day=calls_per_day, days=2)
    breaks = Breaks(("engine", "ambulance"), minutes=45.0, after_h=2.0, until_h=6.0)
    return replace(world, fleet=SimFleet(world.fleet.units, breaks))


def test_a_quiet_town_gives_everyone_a_break() -> None:
    world = resting(10.0, 4)
    counts = world.play("closest", 4)[1].counts
    assert counts.breaks - counts.interrupted >= 2 * len(world.fleet.units)
    assert counts.missed == 0


def test_a_busy_town_interrupts_and_misses_breaks_but_leaves_no_urgent_call() -> None:
    world = resting(220.0, 5)
    calls, outcome = world.play("closest", 4)
    assert defects(world, calls, outcome) == []
    assert outcome.counts.interrupted > 0 and outcome.counts.missed > 0
    assert np.isfinite(outcome.first_s[calls.is_high]).all()


# -- names -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fastest", "closest+teleport", "posts", "tuned+posts", ""])
def test_an_unknown_policy_is_said(name: str) -> None:
    with pytest.raises(ConductError, match="there are"):
        parsed(name, "coverage+posts")


def test_tuned_is_what_the_scenario_says() -> None:
    assert parsed("tuned", "coverage+posts") == ("coverage", Parts(posts=True))
