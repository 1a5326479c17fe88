"""Coverage has the value of the formula, and the policy weighs it against lateness and time."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given

from tests.dispatching.towns import INF, engine, fire, patient, problems, snapshot
from tocsin.dispatching.cover import cover_of, reaches
from tocsin.dispatching.demand import Demand, Zone
from tocsin.dispatching.policies.coverage import Weights, coverage
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.recommendation import Reason
from tocsin.dispatching.wording import candidate_words


def expected_by_cases(problem: Problem, gone: int | None = None) -> float:
    """The share by summing over who of the idle units happens to be busy."""
    assert problem.demand is not None
    zones, total = problem.demand.zones, sum(zone.weight for zone in problem.demand.zones)
    covers = reaches(problem.units, problem.demand, problem.demand.unit_times_s)
    idle = [n for n, unit in enumerate(problem.units) if unit.is_available and n != gone]
    share = 0.0
    for busy in product([False, True], repeat=len(idle)):
        chance = 1.0
        for number, is_busy in zip(idle, busy, strict=True):
            q = problem.units[number].busy_fraction
            chance *= q if is_busy else 1.0 - q
        there = [number for number, is_busy in zip(idle, busy, strict=True) if not is_busy]
        for column, zone in enumerate(zones):
            if any(covers[number, column] for number in there):
                share += chance * zone.weight / total
    return share


@patient
@given(problems(units_max=4, calls_max=0))
def test_coverage_is_the_sum_over_all_cases(problem: Problem) -> None:
    demand = problem.demand
    if demand is None or not sum(zone.weight for zone in demand.zones):
        return
    cover = cover_of(problem.units, demand)
    assert cover.expected == pytest.approx(expected_by_cases(problem), abs=1e-8)
    for row, unit in enumerate(problem.units):
        left = expected_by_cases(problem, gone=row)
        lost = cover.expected - left if unit.is_available else 0.0
        assert cover.lost[row] == pytest.approx(lost, abs=1e-7)


def two_stations(**more: object) -> Problem:
    """E36 alone in the west covers zone 6; T13 is the only one near zone 7 and 14 s faster."""
    zones = (Zone("6", 1.0, "engine", 300.0), Zone("7", 9.0, "engine", 300.0))
    demand = Demand(zones, np.array([[100.0, 900.0], [100.0, 100.0]]))
    problem = snapshot([engine("E36"), engine("T13")], [fire()], [[190.0], [176.0]], demand=demand)
    return replace(problem, **more)


def test_the_best_unit_says_why_a_faster_one_stays() -> None:
    (advice,) = coverage(two_stations()).advice
    first, second = advice.ranked
    assert [each.unit for each in advice.sent] == ["E36"]
    assert candidate_words(first, "en") == (
        "E36 3:10, in time; T13 is 14 s faster but leaves zone 7 uncovered"
    )
    assert candidate_words(first, "zh-CN") == (
        "E36 3:10，可按时到达；T13 快 14 秒，但会使 7 区无力量覆盖"
    )
    assert candidate_words(second, "en") == (
        "T13 2:56, in time; the fastest; leaves zone 7 uncovered"
    )
    assert second.terms == (("late", 0.0), ("lost", 0.9), ("time_s", 176.0))


def test_a_life_threat_does_not_wait_for_coverage() -> None:
    threat = (replace(two_stations().calls[0], is_life_threat=True),)
    (advice,) = coverage(two_stations(calls=threat), Weights(cap_s=30.0)).advice
    assert [each.unit for each in advice.sent] == ["E36"]
    (advice,) = coverage(two_stations(calls=threat), Weights(cap_s=10.0)).advice
    assert [each.unit for each in advice.sent] == ["T13"]
    assert Reason("over_cap") in advice.ranked[1].reasons


def test_without_a_demand_only_lateness_and_time_count() -> None:
    (advice,) = coverage(two_stations(demand=None)).advice
    assert [each.unit for each in advice.sent] == ["T13"]


def test_being_late_costs_more_than_coverage_where_gamma_is_small() -> None:
    hurried = (replace(two_stations().calls[0], target_s=180.0),)
    (advice,) = coverage(two_stations(calls=hurried), Weights(gamma=0.5)).advice
    assert [each.unit for each in advice.sent] == ["T13"]


def test_a_band_gives_a_chance_of_being_late() -> None:
    """Median on the target: late half of the time; 90th percentile on it: one time in ten."""
    problem = snapshot([engine("E1"), engine("E2"), engine("E3")], [fire()],
                       [[240.0], [160.0], [INF]])  # fmt: skip
    factors = np.array([[1.5], [1.5], [1.0]])
    (advice,) = coverage(replace(problem, p90_factors=factors)).advice
    assert [(each.unit, dict(each.terms)["late"]) for each in advice.ranked] == [
        ("E2", 0.1),
        ("E1", 0.5),
    ]
    assert [each.p90_s for each in advice.ranked] == [240.0, 360.0]


def test_weights_that_make_no_sense_are_refused() -> None:
    for wrong in ({"gamma": -1.0}, {"tau_s": 0.0}, {"cap_s": float("nan")}):
        with pytest.raises(ValueError, match="weights"):
            Weights(**wrong)
