"""A unit is taken from a low case for a high one only within the limits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from tests.dispatching.towns import INF, engine, fire, patient, problems, snapshot
from tocsin.dispatching.policies.closest import closest
from tocsin.dispatching.problem import Engagement, Problem, UnitNow
from tocsin.dispatching.redispatch import LIMITS, Limits, Redispatch, advise_redispatch
from tocsin.dispatching.wording import reason_words
from tocsin.kernel.shared import CaseId, UnitId

LOW = CaseId("low")


def driving(name: str = "E2", **changes: object) -> UnitNow:
    """An engine on its way to a low case, ten minutes from arriving."""
    engaged = Engagement(LOW, 4, arrives_in_s=600.0)
    moving = engine(name, status="en_route", is_available=False, engagement=engaged)
    return replace(moving, **changes)


def advised(*times_s: float, turned: UnitNow | None = None) -> tuple[Redispatch, ...]:
    units = [engine("E1"), turned or driving()]
    problem = snapshot(units, [fire()], [[times_s[0]], [times_s[1]]])
    return advise_redispatch(problem, closest(problem))


def test_a_near_unit_of_a_low_case_is_advised_and_a_person_confirms() -> None:
    (advice,) = advised(500.0, 80.0)
    assert (advice.unit, advice.from_case, advice.to_case) == ("E2", LOW, "c1")
    assert (advice.time_s, advice.instead_of, advice.instead_s) == (80.0, "E1", 500.0)
    assert advice.needs_confirmation
    assert [reason_words(each, "en") for each in advice.reasons] == [
        "leaves case low for this one",
        "7:00 sooner",
    ]


def test_it_must_be_worth_it() -> None:
    assert advised(130.0, 80.0) == ()
    assert len(advised(250.0, 230.0)) == 1  # the target is 240 s: late becomes in time
    assert advised(500.0, INF) == ()


@pytest.mark.parametrize(
    "engaged",
    [
        Engagement(LOW, 4, arrives_in_s=60.0),
        Engagement(LOW, 4, arrives_in_s=None),
        Engagement(LOW, 2, arrives_in_s=600.0),
        Engagement(LOW, 4, arrives_in_s=600.0, redispatches=1),
    ],
    ids=["arriving", "arrived", "not low", "second time"],
)
def test_the_limits_hold(engaged: Engagement) -> None:
    assert advised(500.0, 80.0, turned=driving(engagement=engaged)) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "on_scene"},
        {"status": "transporting"},
        {"capabilities": ("ambulance",)},
        {"position_age_s": 900.0},
        {"position_age_s": None},
    ],
    ids=str,
)
def test_who_is_there_unfit_or_lost_is_not_turned(changes: dict[str, object]) -> None:
    assert advised(500.0, 80.0, turned=driving(**changes)) == ()


def test_a_need_that_nobody_meets_is_worth_a_turn() -> None:
    problem = snapshot([driving()], [fire()], [[900.0]])
    (advice,) = advise_redispatch(problem, closest(problem))
    assert (advice.unit, advice.instead_of, advice.instead_s) == (UnitId("E2"), None, None)


def test_one_low_case_gives_one_unit() -> None:
    units = [driving("E1"), driving("E2")]
    problem = snapshot(units, [fire("a"), fire("b")], [[90.0, 90.0], [80.0, 80.0]])
    assert [each.unit for each in advise_redispatch(problem, closest(problem))] == ["E2"]


@patient
@given(problems())
def test_limits_hold_in_any_town(problem: Problem) -> None:
    advice = advise_redispatch(problem, closest(problem))
    calls = {call.id: call for call in problem.calls}
    units = {unit.id: unit for unit in problem.units}
    assert len({each.unit for each in advice}) == len(advice)
    assert len({each.from_case for each in advice}) == len(advice)
    for each in advice:
        engaged = units[each.unit].engagement
        assert engaged is not None
        assert calls[each.to_case].priority <= LIMITS.to_max < LIMITS.from_min <= engaged.priority
        assert engaged.arrives_in_s is not None
        assert engaged.arrives_in_s > LIMITS.arrival_s
        assert engaged.redispatches == 0
        assert np.isfinite(each.time_s)


def test_limits_that_take_from_the_high_are_refused() -> None:
    with pytest.raises(ValueError, match="low case"):
        Limits(to_max=3, from_min=3)
