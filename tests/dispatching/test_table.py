"""What is kept in the journal recomputes byte for byte from the kept snapshot."""

import json
from dataclasses import replace

import pytest
from hypothesis import given

from tests.dispatching.test_policies import every_policy, shuffled
from tests.dispatching.towns import engine, fire, patient, problems, snapshot
from tocsin.dispatching.policies import POLICIES, Policy
from tocsin.dispatching.policies.closest import closest
from tocsin.dispatching.policies.coverage import Weights, coverage
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.table import problem_bytes, problem_of, recomputed, table_bytes


@every_policy
@patient
@given(problem=problems())
def test_the_table_recomputes_byte_for_byte(policy: Policy, problem: Problem) -> None:
    kept, table = problem_bytes(problem), table_bytes(problem, policy(problem))
    assert recomputed(kept, table) == table


@patient
@given(problem=problems())
def test_equal_snapshots_are_equal_bytes(problem: Problem) -> None:
    kept = problem_bytes(problem)
    assert problem_bytes(problem_of(kept)) == kept
    assert problem_bytes(shuffled(problem, 5)) == kept


SMALL = snapshot([engine("E1"), engine("E2")], [fire()], [[60.0], [90.0]])


def test_parameters_and_the_fallback_are_repeated_too() -> None:
    kept = problem_bytes(SMALL)
    tuned = table_bytes(SMALL, coverage(SMALL, Weights(gamma=3.0, tau_s=120.0)))
    assert recomputed(kept, tuned) == tuned
    assert json.loads(tuned)["parameters"] == {"cap_s": 30.0, "gamma": 3.0, "tau_s": 120.0}
    fallen = table_bytes(SMALL, closest(SMALL, is_exact=False))
    assert recomputed(kept, fallen) == fallen
    assert json.loads(fallen)["method"] == "fallback"


def test_a_changed_number_is_found() -> None:
    kept, table = problem_bytes(SMALL), table_bytes(SMALL, POLICIES["closest"](SMALL))
    assert recomputed(kept, table.replace(b"90.0", b"89.0")) != table.replace(b"90.0", b"89.0")
    other = problem_bytes(replace(SMALL, times_s=SMALL.times_s + 1.0))
    assert recomputed(other, table) != table


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 2"):
        recomputed(problem_bytes(SMALL), b'{"format":2}')
    with pytest.raises(ValueError, match="format None"):
        problem_of(b"{}")
