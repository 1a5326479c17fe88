"""Runs: the same from the same seed, sound whoever decides, and the fast path is the policy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation.dispatch.checking import defects
from tests.simulation.dispatch.towns import town
from tocsin.dispatching.policies import POLICIES
from tocsin.kernel.units import vocabulary as words
from tocsin.simulation.dispatch.crews import Crews, RefusedByKernel
from tocsin.simulation.dispatch.deciding import Closest
from tocsin.simulation.dispatch.draws import draw
from tocsin.simulation.dispatch.engine import run
from tocsin.simulation.dispatch.state import State
from tocsin.simulation.dispatch.travel import Points, Seconds, StraightLine


class Rounded:
    """Straight lines in whole minutes: ties everywhere. Beyond eight minutes there is no way."""

    def times_s(self, sources: Points, targets: Points) -> Seconds:
        minutes = np.ceil(StraightLine().times_s(sources, targets) / 60.0)
        return np.where(minutes > 8, np.inf, minutes * 60.0).astype(np.float32)


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others() -> None:
    first, second = (town(1).play("closest", 7)[1].to_bytes() for _ in range(2))
    assert first == second
    assert first != town(1).play("closest", 8)[1].to_bytes()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10**6),
    units=st.integers(1, 8),
    calls_per_day=st.sampled_from((20.0, 60.0, 120.0)),
    has_shifts=st.booleans(),
    is_rounded=st.booleans(),
)
def test_the_fast_path_sends_whom_the_policy_sends(
    seed: int, units: int, calls_per_day: float, has_shifts: bool, is_rounded: bool
) -> None:
    world = town(
        seed,
        units=units,
        calls_per_day=calls_per_day,
        has_shifts=has_shifts,
        times=Rounded() if is_rounded else None,
    )
    calls, fast = world.play("closest", seed)
    _, slow = world.play("closest", seed, is_fast=False)
    assert defects(world, calls, fast) == []
    assert fast.unit.tolist() == slow.unit.tolist()
    assert fast.to_bytes() == slow.to_bytes()


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_every_policy_gives_sound_runs(policy: str) -> None:
    world = town(3, units=4)
    calls, outcome = world.play(policy, 3, is_fast=False)
    assert defects(world, calls, outcome) == []
    assert len(calls) > 100 and np.isfinite(outcome.first_s).mean() > 0.9


def test_everyone_who_can_be_served_is_served_in_the_end() -> None:
    calls, outcome = town(5, units=2).play("closest", 5)
    assert np.isfinite(outcome.sent_s).all()


def test_an_empty_fleet_answers_no_call_and_the_run_ends() -> None:
    calls, outcome = town(5, units=0).play("closest", 5)
    assert len(calls) > 0 and not np.isfinite(outcome.first_s).any()


class Twice:
    """A planted bug: sends the same unit to two slots, whatever it is doing."""

    def choose(self, state: State, now_s: float, slots: list[int]) -> list[tuple[int, int]]:
        state.home_s[0] = -1.0
        # Only one by one: the second goes while the first is on its way.
        return [(slots[0], 0)]


class Busy(Closest):
    """A planted bug: forgets that units are busy."""

    def choose(self, state: State, now_s: float, slots: list[int]) -> list[tuple[int, int]]:
        state.is_free = [True] * len(state.is_free)
        state.home_s = [-1.0] * len(state.is_free)
        return super().choose(state, now_s, slots)


class Lawless(Crews):
    """A planted bug: nobody asks the kernel, and everybody is free."""

    def give(self, number: int, body: words.Command, now_s: float) -> None:
        pass

    def is_free(self, number: int) -> bool:
        return True


BUGS = [Twice(), Busy({"high": 1.0, "low": 1.0, "cover": 1.0})]


@pytest.mark.parametrize("decider", BUGS)
def test_the_kernel_refuses_a_unit_on_two_cases(decider: Twice | Busy) -> None:
    world = town(1, units=2)
    calls = world.calls(1)
    with pytest.raises(RefusedByKernel, match="unit_on_case"):
        run(calls, world.fleet, world.ground, draw(calls, world.stages, 1), decider)


@pytest.mark.parametrize("decider", BUGS)
def test_the_checks_find_planted_bugs(
    decider: Twice | Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.simulation.dispatch.state.Crews", Lawless)
    world = town(1, units=2)
    calls = world.calls(1)
    outcome = run(calls, world.fleet, world.ground, draw(calls, world.stages, 1), decider)
    assert defects(world, calls, outcome)


def test_every_status_of_a_unit_is_the_kernels() -> None:
    world = town(3, units=2, has_shifts=True)
    calls, outcome = world.play("closest", 3)
    sent = int(np.count_nonzero(np.isfinite(outcome.sent_s)))
    # Two to sign on each unit; then at least sent, rolling or recalled, clear for each slot.
    assert outcome.counts.commands > 2 * len(world.fleet.units) + 3 * sent
    assert outcome.counts.alerts == sent


def test_a_unit_on_its_way_home_is_between() -> None:
    world = town(2, units=1)
    state = State(world.calls(1), world.fleet, world.ground)
    home, place = state.home[0], 5
    state.left_place[0], state.left_s[0], state.home_s[0] = 0, 100.0, 200.0
    table = world.ground.times_s
    assert state.reach_s(0, place, 100.0) == pytest.approx(float(table[0, place]))
    assert state.reach_s(0, place, 200.0) == pytest.approx(float(table[home, place]))
    between = 0.5 * float(table[0, place]) + 0.5 * float(table[home, place])
    assert state.reach_s(0, place, 150.0) == pytest.approx(between)


def test_chance_is_the_same_for_every_policy() -> None:
    world = town(4)
    first, second = world.calls(9), world.calls(9)
    assert first.time_s.tobytes() == second.time_s.tobytes()
    draws = [draw(each, world.stages, 9) for each in (first, second)]
    assert draws[0].noise.tobytes() == draws[1].noise.tobytes()
