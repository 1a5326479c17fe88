"""Several units and several cases together: the plan is the best, told by trying every other."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from tests.dispatching.towns import INF, engine, fire, patient, problems, snapshot
from tocsin.dispatching import covering
from tocsin.dispatching.covering import cover_needs
from tocsin.dispatching.ground import Ground, lay_out
from tocsin.dispatching.policies.closest import closest, price_closest
from tocsin.dispatching.problem import Engagement, LevelNeeds, Need, Problem
from tocsin.dispatching.recommendation import Reason, Repair
from tocsin.dispatching.solving import level_of, solve, steps
from tocsin.kernel.shared import CaseId, UnitId

Table = NDArray[np.float64]


def laid_out(problem: Problem) -> tuple[Ground, Table]:
    ground = lay_out(problem)
    return ground, steps(ground, price_closest(ground).steps)


Choice = tuple[tuple[int, bool] | None, ...]
"""For each unit: the call it goes to and whether only to assist, or None."""


def choices(ground: Ground, costs: Table) -> list[Choice]:
    columns = range(len(ground.problem.calls))
    each = [
        [None, *((to, a) for to in columns for a in (False, True) if costs[row, to] < INF)]
        for row in range(len(ground.problem.units))
    ]
    return list(product(*each))


def worth(ground: Ground, costs: Table, choice: Choice) -> tuple[float, ...]:
    """By level: units missing, cost. Units that meet nothing make a choice worthless."""
    result: dict[int, list[float]] = {}
    for column, call in enumerate(ground.problem.calls):
        for assisting, needs in ((False, call.needs), (True, call.assists)):
            level = call.priority + (4 if assisting else 0)
            units = [u for u, to in enumerate(choice) if to == (column, assisting)]
            counted_once = call.is_counted_once or assisting
            met = _met(ground, units, needs, counted_once)
            if met is None:
                return (INF,)
            row = result.setdefault(level, [0.0, 0.0])
            row[0] += sum(need.count for need in needs) - met
            row[1] += sum(costs[unit, column] for unit in units)
    return tuple(number for level in sorted(result) for number in result[level])


def _met(
    ground: Ground, units: list[int], needs: tuple[Need, ...], counted_once: bool
) -> int | None:
    """How many are met by exactly these units; None where one of them meets nothing."""
    has = {need.capability: ground.has[need.capability] for need in needs}
    if not counted_once:
        if any(not any(has[need.capability][unit] for need in needs) for unit in units):
            return None
        return sum(
            min(need.count, sum(bool(has[need.capability][unit]) for unit in units))
            for need in needs
        )
    for given_to in product(needs, repeat=len(units)):
        fits = all(has[need.capability][unit] for unit, need in zip(units, given_to, strict=True))
        if fits and all(given_to.count(need) <= need.count for need in needs):
            return len(units)
    return None if units else 0


def choice_of(ground: Ground, units: tuple[int, ...]) -> Choice:
    found: dict[int, tuple[int, bool]] = {}
    for unit, slot in zip(units, ground.slots, strict=True):
        if unit >= 0:
            assert found.setdefault(unit, (slot.call, slot.is_assisting))[0] == slot.call
            if not slot.is_assisting:
                found[unit] = (slot.call, False)
    return tuple(found.get(unit) for unit in range(len(ground.problem.units)))


@settings(patient, max_examples=60)
@given(problems(units_max=4, calls_max=2))
def test_no_other_plan_is_better(problem: Problem) -> None:
    ground, costs = laid_out(problem)
    plan = solve(ground, costs)
    assert plan.method in ("assignment", "milp")
    best = min((worth(ground, costs, each) for each in choices(ground, costs)), default=())
    assert worth(ground, costs, choice_of(ground, plan.units)) == best


@settings(patient, max_examples=60)
@given(problems(units_max=4, calls_max=2))
def test_the_milp_alone_finds_as_good_a_plan(problem: Problem) -> None:
    ground, costs = laid_out(problem)
    levels = np.array([level_of(ground, slot) for slot in ground.slots], dtype=np.int64)
    units = cover_needs(ground, costs, levels)
    best = min((worth(ground, costs, each) for each in choices(ground, costs)), default=())
    assert worth(ground, costs, choice_of(ground, units)) == best


@patient
@given(problems())
def test_the_fallback_is_a_plan_too(problem: Problem) -> None:
    ground, costs = laid_out(problem)
    plan = solve(ground, costs, is_exact=False)
    assert plan.method == "fallback"
    assert worth(ground, costs, choice_of(ground, plan.units)) != (INF,)
    for unit, slot in zip(plan.units, ground.slots, strict=True):
        assert unit < 0 or ground.fits(slot)[unit]
        assert level_of(ground, slot) in range(1, 9)


def test_one_unit_meets_two_needs_where_the_run_card_lets_it() -> None:
    quint = engine("Q1", capabilities=("engine", "ladder"))
    needs = (Need("engine"), Need("ladder"))
    both = fire(needs=needs, is_counted_once=False)
    units = [engine("E1"), quint, engine("L1", capabilities=("ladder",))]
    (advice,) = closest(snapshot(units, [both], [[60.0], [90.0], [120.0]])).advice
    assert [(each.unit, each.capability) for each in advice.sent] == [
        ("Q1", "engine"),
        ("Q1", "ladder"),
    ]
    (advice,) = closest(snapshot(units, [fire(needs=needs)], [[60.0], [90.0], [120.0]])).advice
    assert [(each.unit, each.capability) for each in advice.sent] == [
        ("E1", "engine"),
        ("Q1", "ladder"),
    ]


def test_beyond_its_limit_the_milp_gives_up_and_the_answer_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(covering, "VARIABLES_MAX", 1)
    quint = engine("Q1", capabilities=("engine", "ladder"))
    call = fire(needs=(Need("engine"), Need("ladder")), is_counted_once=False)
    answer = closest(snapshot([engine("E1"), quint], [call], [[60.0], [90.0]]))
    assert answer.method == "fallback"
    assert [each.unit for each in answer.advice[0].sent] == ["E1", "Q1"]


def test_more_slots_than_can_be_summed_exactly_are_solved_in_parts() -> None:
    many = [fire(f"c{n:04}", needs=(Need("engine", 3),)) for n in range(300)]
    problem = snapshot([engine("E1"), engine("E2")], many, [[9e4] * 300, [9e9] * 300])
    answer = closest(problem)
    assert answer.method == "fallback"
    assert [each.unit for each in answer.advice[0].sent] == ["E1", "E2"]


def test_the_more_urgent_case_is_served_first_even_at_a_high_price() -> None:
    units = [engine("E1"), engine("E2")]
    calls = [fire("a", priority=3), fire("b", priority=1)]
    answer = closest(snapshot(units, calls, [[10.0, 50.0], [900.0, 51.0]]))
    assert [[each.unit for each in advice.sent] for advice in answer.advice] == [["E2"], ["E1"]]


def test_what_assists_never_takes_a_unit_that_is_needed() -> None:
    units = [engine("E1")]
    calls = [
        fire("a", needs=(Need("ladder"),), assists=(Need("engine"),)),
        fire("b", priority=4),
    ]
    first, second = closest(snapshot(units, calls, [[10.0, 800.0]])).advice
    assert first.sent == ()
    assert [each.unit for each in second.sent] == ["E1"]


def test_a_shortfall_names_the_cheapest_repair() -> None:
    soon = Engagement(CaseId("x"), 4, free_in_s=120.0)
    units = [
        engine("E1", tier="town"),
        engine("E2", tier="county"),
        engine("E3", status="on_scene", is_available=False, tier="town", engagement=soon),
    ]
    call = fire(
        needs=(Need("engine", 3),),
        tiers=("town",),
        level=2,
        lower_levels=(LevelNeeds(1, (Need("engine"),)),),
    )
    (advice,) = closest(snapshot(units, [call], [[60.0], [300.0], [90.0]])).advice
    assert [each.unit for each in advice.sent] == ["E1"]
    (short,) = advice.shortfalls
    assert (short.code, short.missing) == ("too_few", 2)
    asked = (("agency", "county"), ("ask_s", 60), ("way_s", 300.0))
    assert short.repairs == (
        Repair("wait", 210.0, UnitId("E3"), wait_s=120.0),
        Repair("other_tier", 360.0, UnitId("E2"), reasons=(Reason("ask_owner", asked),)),
        Repair("lower_level", None, None, 1),
    )
