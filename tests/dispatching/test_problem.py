"""A snapshot that contradicts itself is refused in plain words, and all of them at once."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.dispatching.towns import engine, fire, snapshot
from tocsin.dispatching.demand import Demand, Zone
from tocsin.dispatching.problem import Engagement, LevelNeeds, Need, Problem, ProblemError
from tocsin.kernel.shared import CaseId

GOOD = snapshot([engine("E1")], [fire()], [[60.0]])
NAN = float("nan")
BUSY = Engagement(CaseId("x"), 1)


def with_unit(**changes: Any) -> dict[str, Any]:
    return {"units": (engine("E1", **changes),)}


def with_call(**changes: Any) -> dict[str, Any]:
    return {"calls": (fire(**changes),)}


def with_zone(zone: Zone, *more: Zone, columns: int = 1) -> dict[str, Any]:
    return {"demand": Demand((zone, *more), np.zeros((1, columns)))}


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("unit E1 is there twice", {"units": (engine("E1"),) * 2, "times_s": np.zeros((2, 1))}),
    ("case c1 is there twice", {"calls": (fire(),) * 2, "times_s": np.zeros((1, 2))}),
    ("times_s is \\(1, 2\\), not \\(1, 1\\)", {"times_s": np.zeros((1, 2))}),
    ("negative or no number", {"times_s": np.array([[-1.0]])}),
    ("negative or no number", {"times_s": np.array([[NAN]])}),
    ("fallback_times_s is", {"fallback_times_s": np.zeros((2, 1))}),
    ("p90_factors is", {"p90_factors": np.ones((1, 2))}),
    ("factor below 1", {"p90_factors": np.array([[0.9]])}),
    ("factor below 1", {"p90_factors": np.array([[NAN]])}),
    ("stale after", {"stale_after_s": 0.0}),
    ("unknown status", with_unit(status="asleep", is_available=False)),
    ("cannot be available", with_unit(status="on_scene")),
    ("cannot be available", with_unit(engagement=BUSY)),
    ("position of age", with_unit(position_age_s=-1.0)),
    ("position of age", with_unit(position_age_s=NAN)),
    ("arrives or is free", with_unit(
        status="en_route", is_available=False, engagement=Engagement(CaseId("x"), 1, -1.0))),
    ("of its time", with_unit(busy_fraction=1.0)),
    ("its run card is empty", with_call(needs=())),
    ("0 x engine", with_call(needs=(Need("engine", 0),))),
    ("101 x engine", with_call(assists=(Need("engine", 101),))),
    ("need engine is there twice", with_call(needs=(Need("engine"), Need("engine")))),
    ("has no capability", with_call(needs=(Need(" "),))),
    ("not below level 1", with_call(lower_levels=(LevelNeeds(1, (Need("engine"),)),))),
    ("priority 5", with_call(priority=5)),
    ("target of 0", with_call(target_s=0.0)),
    ("has waited -1", with_call(waited_s=-1.0)),
    ("unit_times_s is", with_zone(Zone("z", 1.0, "engine", 60.0), columns=2)),
    ("twice for one capability", with_zone(
        Zone("z", 1.0, "engine", 60.0), Zone("z", 2.0, "engine", 60.0), columns=2)),
    ("the weight -1", with_zone(Zone("z", -1.0, "engine", 60.0))),
    ("zone z has a target", with_zone(Zone("z", 1.0, "engine", 0.0))),
]  # fmt: skip


@pytest.mark.parametrize(("words", "changes"), WRONG, ids=[words for words, _ in WRONG])
def test_a_contradiction_is_named(words: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ProblemError, match=words):
        replace(GOOD, **changes)


def test_all_contradictions_are_named_at_once() -> None:
    with pytest.raises(ProblemError) as raised:
        replace(GOOD, **with_unit(busy_fraction=2.0), **with_call(priority=0))
    assert len(raised.value.defects) == 2


def test_nobody_can_write_to_a_snapshot() -> None:
    table = np.array([[60.0]])
    problem = replace(GOOD, times_s=table)
    table[0, 0] = 1.0
    assert problem.times_s[0, 0] == 60.0
    with pytest.raises(ValueError, match="read-only"):
        problem.times_s[0, 0] = 1.0


def test_a_sorted_snapshot_is_itself() -> None:
    assert GOOD.ordered() is GOOD
    other: Problem = snapshot([engine("E2"), engine("E1")], [fire()], [[2.0], [1.0]])
    assert [unit.id for unit in other.ordered().units] == ["E1", "E2"]
    assert other.ordered().times_s.tolist() == [[1.0], [2.0]]
