"""What every policy promises, whatever it prefers. A new one is found by its line in POLICIES."""

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dispatching.towns import INF, engine, fire, patient, problems, snapshot
from tocsin.dispatching.policies import POLICIES, Policy
from tocsin.dispatching.problem import CallNow, Need, Problem, UnitNow
from tocsin.dispatching.recommendation import (
    REASON_CODES,
    REPAIR_CODES,
    SHORTFALL_CODES,
    STANDINGS,
    Advice,
    Recommendation,
)

every_policy = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)


def who(problem: Problem, name: str) -> UnitNow:
    return next(unit for unit in problem.units if unit.id == name)


def unsuitable(problem: Problem, answer: Recommendation) -> list[str]:
    """The checker of safety: everyone who is ranked or sent and must not be."""
    found: list[str] = []
    for call, advice in pairs(problem, answer):
        wanted = {need.capability for need in (*call.needs, *call.assists)}
        for each in (*advice.ranked, *advice.sent):
            unit = who(problem, each.unit)
            if not unit.is_available:
                found.append(f"{unit.id} is {unit.status}")
            if not wanted & set(unit.capabilities):
                found.append(f"{unit.id} has none of {sorted(wanted)}")
            if call.tiers and unit.tier not in call.tiers:
                found.append(f"{unit.id} is of the {unit.tier}")
    return found


def twice(answer: Recommendation) -> list[str]:
    """The checker of safety: units sent to two cases."""
    cases: dict[str, set[str]] = {}
    for advice in answer.advice:
        for each in advice.sent:
            cases.setdefault(each.unit, set()).add(advice.call)
    return [unit for unit, called in cases.items() if len(called) > 1]


def pairs(problem: Problem, answer: Recommendation) -> list[tuple[CallNow, Advice]]:
    assert [advice.call for advice in answer.advice] == sorted(call.id for call in problem.calls)
    calls = {call.id: call for call in problem.calls}
    return [(calls[advice.call], advice) for advice in answer.advice]


@every_policy
@patient
@given(problem=problems())
def test_nobody_busy_off_duty_or_unsuitable_is_ranked(policy: Policy, problem: Problem) -> None:
    answer = policy(problem)
    assert unsuitable(problem, answer) == []
    assert twice(answer) == []


@every_policy
@patient
@given(problem=problems(), seed=st.integers(0, 9))
def test_the_order_of_the_rows_decides_nothing(policy: Policy, problem: Problem, seed: int) -> None:
    assert policy(shuffled(problem, seed)) == policy(problem)


def shuffled(problem: Problem, seed: int) -> Problem:
    draw = random.Random(seed)
    rows, columns = list(range(len(problem.units))), list(range(len(problem.calls)))
    draw.shuffle(rows)
    draw.shuffle(columns)
    pick = np.ix_(rows, columns)
    fallback, factors = problem.fallback_times_s, problem.p90_factors
    return replace(
        problem,
        units=tuple(problem.units[row] for row in rows),
        calls=tuple(problem.calls[column] for column in columns),
        times_s=problem.times_s[pick],
        fallback_times_s=None if fallback is None else fallback[pick],
        p90_factors=None if factors is None else factors[pick],
        demand=None if problem.demand is None else problem.demand.with_units(rows),
    )


@every_policy
@patient
@given(problem=problems())
def test_every_rank_has_its_reasons(policy: Policy, problem: Problem) -> None:
    for _, advice in pairs(problem, policy(problem)):
        assert [each.rank for each in advice.ranked] == list(range(1, len(advice.ranked) + 1))
        assert advice.candidate_count == len(advice.ranked)
        for each in advice.ranked:
            assert each.reasons
            assert {reason.code for reason in each.reasons} <= set(REASON_CODES)


@every_policy
@patient
@given(problem=problems())
def test_doubtful_positions_are_behind_and_say_so(policy: Policy, problem: Problem) -> None:
    for _, advice in pairs(problem, policy(problem)):
        order = [STANDINGS.index(each.standing) for each in advice.ranked]
        assert order == sorted(order)
        for each in advice.ranked:
            codes = {reason.code for reason in each.reasons}
            age_s = who(problem, each.unit).position_age_s
            assert ("position_unknown" in codes) == (age_s is None)
            assert ("position_stale" in codes) == (age_s is not None and age_s > 300)
            assert ("no_way" in codes) == (each.standing == "cut_off")
            assert (each.time_s is None) == (each.standing == "unknown")


@every_policy
@patient
@given(problem=problems())
def test_what_is_sent_is_ranked_and_what_is_missing_is_named(
    policy: Policy, problem: Problem
) -> None:
    for call, advice in pairs(problem, policy(problem)):
        assert {each.unit for each in advice.ranked if each.is_sent} == {
            each.unit for each in advice.sent
        }
        for need in call.needs:
            met = sum(
                each.capability == need.capability and not each.is_assisting for each in advice.sent
            )
            short = sum(s.missing for s in advice.shortfalls if s.capability == need.capability)
            assert met + short == need.count
        for shortfall in advice.shortfalls:
            assert shortfall.code in SHORTFALL_CODES
            assert shortfall.repairs
            assert {repair.code for repair in shortfall.repairs} <= set(REPAIR_CODES)


@every_policy
@patient
@given(problem=problems(), cut=st.integers(1, 3))
def test_a_cut_list_is_the_beginning_of_the_whole_one(
    policy: Callable[..., Recommendation], problem: Problem, cut: int
) -> None:
    whole, short = policy(problem), policy(problem, ranked_max=cut)
    for one, other in zip(whole.advice, short.advice, strict=True):
        assert other.sent == one.sent
        kept = [each for each in one.ranked if each.rank <= cut or each.is_sent]
        assert list(other.ranked) == kept


@every_policy
def test_an_empty_fleet_is_said(policy: Policy) -> None:
    (advice,) = policy(snapshot([], [fire()], [])).advice
    assert (advice.sent, advice.ranked) == ((), ())
    (shortfall,) = advice.shortfalls
    assert (shortfall.code, shortfall.missing) == ("no_such_unit", 1)
    assert [repair.code for repair in shortfall.repairs] == ["none"]


@every_policy
def test_nothing_to_do_is_no_answer(policy: Policy) -> None:
    assert policy(snapshot([engine("E1")], [], [[]])).advice == ()


@every_policy
def test_a_place_without_a_way_is_said(policy: Policy) -> None:
    (advice,) = policy(snapshot([engine("E1")], [fire()], [[INF]])).advice
    assert (advice.sent, advice.ranked) == ((), ())
    assert advice.shortfalls[0].code == "no_way"


@every_policy
def test_closed_roads_that_cut_a_place_off_are_said_and_fallen_back_from(policy: Policy) -> None:
    table = np.array([[300.0], [200.0]])
    problem = snapshot(
        [engine("E1"), engine("E2")], [fire()], [[INF], [INF]], fallback_times_s=table
    )
    (advice,) = policy(problem).advice
    assert advice.is_cut_off
    assert [(each.unit, each.standing) for each in advice.ranked] == [
        ("E2", "cut_off"),
        ("E1", "cut_off"),
    ]
    assert [each.unit for each in advice.sent] == ["E2"]
    assert all("no_way" in [r.code for r in each.reasons] for each in advice.ranked)


@every_policy
def test_a_unit_that_nobody_can_place_is_the_last_that_is_sent(policy: Policy) -> None:
    lost = engine("E0", position_age_s=None)
    problem = snapshot([lost, engine("E1")], [fire(needs=(Need("engine", 2),))], [[INF], [900.0]])
    (advice,) = policy(problem).advice
    assert [(each.unit, each.standing) for each in advice.ranked] == [
        ("E1", "sound"),
        ("E0", "unknown"),
    ]
    assert {each.unit for each in advice.sent} == {"E0", "E1"}


def sends_anyone(problem: Problem) -> Recommendation:
    """The planted bug: looks at the clock only, not at who is free or fit."""
    units = tuple(
        replace(unit, is_available=True, status="available", engagement=None)
        for unit in problem.units
    )
    return POLICIES["closest"](replace(problem, units=units))


def test_a_policy_that_sends_a_busy_unit_is_found_out() -> None:
    busy = engine("E1", status="off_duty", is_available=False)
    problem = snapshot([busy], [fire()], [[60.0]])
    assert unsuitable(problem, POLICIES["closest"](problem)) == []
    assert unsuitable(problem, sends_anyone(problem)) == ["E1 is off_duty", "E1 is off_duty"]


def sends_each_its_best(problem: Problem) -> Recommendation:
    """The planted bug: every case for itself."""
    answers = [
        POLICIES["closest"](replace(problem, calls=(call,), times_s=problem.times_s[:, [column]]))
        for column, call in enumerate(problem.calls)
    ]
    advice = tuple(each for answer in answers for each in answer.advice)
    return replace(answers[0], advice=advice)


def test_a_policy_that_sends_one_unit_twice_is_found_out() -> None:
    problem = snapshot([engine("E1"), engine("E2")], [fire("a"), fire("b")], [[1, 1], [9, 9]])
    assert twice(POLICIES["closest"](problem)) == []
    assert twice(sends_each_its_best(problem)) == ["E1"]


@every_policy
def test_it_works_with_everything_outside_refused(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> object:
        raise AssertionError("a decision went outside")

    for what in ("socket.socket", "builtins.open", "time.time", "datetime.datetime", "os.open"):
        monkeypatch.setattr(what, refused)
    units = [engine("E1"), engine("Q1", capabilities=("engine", "ladder"))]
    calls = [
        fire("a"),
        fire("b", needs=(Need("engine"), Need("ladder")), is_counted_once=False),
    ]
    answer = policy(snapshot(units, calls, [[60.0, 90.0], [120.0, 90.0]]))
    assert answer.method == "milp"
    assert [len(advice.sent) for advice in answer.advice] == [1, 2]
