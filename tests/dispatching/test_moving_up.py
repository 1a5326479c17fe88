"""Move-ups: each with its gain, each the best there is, none that gains too little."""

import numpy as np
import pytest
from hypothesis import given

from tests.dispatching.towns import engine, patient, problems, snapshot
from tocsin.dispatching.cover import cover_of, reaches
from tocsin.dispatching.demand import Demand, Zone
from tocsin.dispatching.moving_up import MoveLimits, advise_moves
from tocsin.dispatching.problem import Problem, UnitNow
from tocsin.dispatching.wording import reason_words


def emptied(units: list[UnitNow], to_posts: list[list[float]]) -> Problem:
    """All engines stand in the north; the south, where most calls are, is empty."""
    zones = (Zone("north", 1.0, "engine", 300.0), Zone("south", 3.0, "engine", 300.0))
    demand = Demand(
        zones,
        np.array([[60.0, 900.0]] * len(units)),
        ("N", "S"),
        np.array([[60.0, 900.0], [900.0, 60.0]]),
        np.array(to_posts),
    )
    return snapshot(units, [], [[]] * len(units), demand=demand)


def test_the_nearest_of_two_is_moved_and_the_other_stays() -> None:
    problem = emptied([engine("E1"), engine("E2")], [[10.0, 700.0], [10.0, 600.0]])
    (move,) = advise_moves(problem)
    assert (move.unit, move.post, move.time_s) == ("E2", "S", 600.0)
    assert (move.gain, move.covered) == (0.75, 1.0)
    assert [reason_words(each, "en") for each in move.reasons] == [
        "moved to S, 75.0 % more of the demand is covered"
    ]


def test_a_single_unit_moves_only_where_it_gains() -> None:
    (move,) = advise_moves(emptied([engine("E1")], [[10.0, 600.0]]))
    assert (move.post, move.gain) == ("S", 0.5)
    assert advise_moves(emptied([engine("E1")], [[10.0, 600.0]]), MoveLimits(gain_min=0.6)) == ()
    assert advise_moves(emptied([engine("E1")], [[10.0, 901.0]])) == ()


def test_who_is_busy_or_lost_stays() -> None:
    busy = engine("E1", status="on_scene", is_available=False)
    assert advise_moves(emptied([busy], [[10.0, 600.0]])) == ()
    assert advise_moves(emptied([engine("E1", position_age_s=None)], [[10.0, 600.0]])) == ()


def test_without_posts_there_is_no_advice() -> None:
    assert advise_moves(snapshot([engine("E1")], [], [[]])) == ()


@patient
@given(problems())
def test_every_move_gains_what_it_says(problem: Problem) -> None:
    limits = MoveLimits()
    moves = advise_moves(problem, limits)
    assert len({each.unit for each in moves}) == len(moves) <= limits.moves_max
    if not moves or problem.demand is None:
        return
    before = cover_of(problem.units, problem.demand).expected
    for each in moves:
        assert each.gain >= limits.gain_min
        assert each.time_s <= limits.time_max_s
        assert each.covered == pytest.approx(before + each.gain, abs=3e-6)
        before = each.covered
    assert before == pytest.approx(
        _after(problem, {each.unit: each.post for each in moves}), abs=3e-6
    )


def _after(problem: Problem, moved: dict[str, str]) -> float:
    """The coverage with every moved unit at its post, counted anew."""
    demand = problem.demand
    assert demand is not None
    assert demand.post_times_s is not None
    times_s = demand.unit_times_s.copy()
    for row, unit in enumerate(problem.units):
        if unit.id in moved:
            times_s[row] = demand.post_times_s[demand.posts.index(moved[unit.id])]
    covers = reaches(problem.units, demand, times_s)
    total = sum(zone.weight for zone in demand.zones)
    share = 0.0
    for column, zone in enumerate(demand.zones):
        fails = 1.0
        for row, unit in enumerate(problem.units):
            if covers[row, column] and unit.is_available:
                fails *= unit.busy_fraction
        share += zone.weight / total * (1.0 - fails)
    return share
