"""Every checker finds the bug that was planted for it."""

from __future__ import annotations

from importlib import import_module

import pytest

from tocsin.simulation import checkers
from tocsin.simulation.faults import FaultShares
from tocsin.simulation.habits import NORMAL
from tocsin.simulation.node import Parts
from tocsin.simulation.sim import sim

SHARES = FaultShares(wake_late=0.0)
"""A runner that is never late on its own: what is late then is a bug."""
SEEDS = range(7, 13)
planted = import_module("tests.simulation.planted")


@pytest.mark.parametrize(
    ("checker", "parts"), planted.PLANTED, ids=[f"{a}-{b.__name__}" for a, b in planted.PLANTED]
)
def test_planted_bug_is_found(checker: str, parts: type[Parts]) -> None:
    found: set[str] = set()
    for seed in SEEDS:  # a crash must fall into the right moment for some of them
        report = sim(seed, 0.5, per_hour=8, parts=parts(), shares=SHARES)
        found |= {finding.checker for finding in report.findings}
        if checker in found:
            return
    assert checker in found, f"{checker} slept; others found {sorted(found)}"


def test_every_checker_has_a_planted_bug() -> None:
    names = {checker.__name__ for checker in checkers.SAFETY + checkers.LIVENESS}
    assert names == {name for name, _ in planted.PLANTED}


def test_the_same_town_without_a_bug_is_clean() -> None:
    report = sim(7, 0.5, per_hour=8, habits=NORMAL, shares=SHARES)
    assert report.findings == ()
