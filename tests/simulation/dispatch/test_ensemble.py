"""Many runs: the same whoever computes them, and compared on the same chance."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from tests.simulation.dispatch.towns import town
from tocsin.packs.words import catalogue
from tocsin.simulation.dispatch.calibrate import bounds_of
from tocsin.simulation.dispatch.cluster import LOCAL, ClusterError
from tocsin.simulation.dispatch.compare import compare, interval
from tocsin.simulation.dispatch.ensemble import Job, play_all


def test_two_processes_give_what_one_gives_in_the_same_order() -> None:
    world = town(1, calls_per_day=60.0)
    jobs = [Job("closest", seed) for seed in (5, 3, 9)]
    assert play_all(world, jobs, 2) == play_all(world, jobs, 1)


def test_a_cluster_gives_what_one_process_gives_in_the_same_order() -> None:
    pytest.importorskip("ray", reason="needs the extra `ray` (pip install tocsin[ray])")
    world = town(1, calls_per_day=60.0)
    jobs = [Job("closest", seed) for seed in (5, 3, 9)]
    assert play_all(world, jobs, 2, LOCAL) == play_all(world, jobs, 1)
    with pytest.raises(KeyError):  # what a run raises there is raised here
        play_all(world, [Job("no-such-policy", 1)], 1, LOCAL)


def test_a_cluster_that_is_not_there_is_said() -> None:
    if find_spec("ray") is None:
        with pytest.raises(ClusterError, match="needs the extra"):
            play_all(town(1, calls_per_day=20.0), [Job("closest", 1)], 1, LOCAL)
        return
    with pytest.raises(ClusterError, match="no Ray cluster answers at"):
        play_all(town(1, calls_per_day=20.0), [Job("closest", 1)], 1, "not-an-address")


def test_a_policy_beside_itself_differs_nowhere() -> None:
    world = town(1, calls_per_day=40.0, units=3)
    found = compare(world, ["closest", "coverage"], [1, 2, 3])
    same = [each for each in found.paired if each.measure == "processing_mean_s"]
    assert same and all(each.difference == 0.0 and not each.is_clear for each in same)
    assert {result.seed for result in found.results} == {1, 2, 3}


def test_every_measure_has_its_words() -> None:
    world = replace(town(1, calls_per_day=20.0), with_cases=True)
    (result,) = play_all(world, [Job("closest", 1)])
    names = {name.partition("/")[0] for name in result.measures}
    assert names == set(catalogue()["simulation_measure"])


def test_the_interval_is_that_of_the_textbook() -> None:
    # Mean 3, standard deviation 1.5811, t(4, 97.5 %) = 2.7764: 3 -+ 1.9632.
    low, high = interval(np.asarray([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert (low, high) == pytest.approx((1.0368, 4.9632), abs=1e-4)
    assert interval(np.asarray([2.0])) == (2.0, 2.0)


def test_more_units_make_nobody_later() -> None:
    few = town(1, units=2, calls_per_day=150.0)
    many = town(1, units=8, calls_per_day=150.0)
    (slow,), (fast,) = (play_all(each, [Job("closest", 1)]) for each in (few, many))
    assert fast.measures["late_share"] < slow.measures["late_share"]


def test_the_bounds_of_a_quantile_hold_it_as_often_as_they_say() -> None:
    chance = np.random.default_rng(1)
    truth = float(np.log(10.0))  # the 90th percentile of the exponential with mean 1
    held = 0
    for _ in range(400):
        low, high = bounds_of(chance.exponential(size=120), 0.9)
        held += low <= truth <= high
    assert 0.92 <= held / 400 <= 1.0
    assert bounds_of(np.asarray([np.nan, 2.0]), 0.5) == (2.0, 2.0)
    assert all(np.isnan(bounds_of(np.asarray([np.nan]), 0.5)))
