"""A short share of the campaign (`make faults`), and the bugs that it must find."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.clocks import STEPS, Step, step_clock
from tests.faults.kills import kill
from tests.faults.outcome import Outcome, table


def clean(outcome: Outcome) -> None:
    print(table([outcome]))
    assert outcome.is_clean, outcome.findings
    assert outcome.acknowledged > 0


@pytest.mark.slow
async def test_a_recovery_that_is_killed_under_load(tmp_path: Path):
    clean(await kill("startup", 1, tmp_path))


@pytest.mark.slow
async def test_a_wall_clock_that_is_set_forward(tmp_path: Path):
    outcome = await step_clock(STEPS[0], tmp_path, watched=20, percent=10)
    clean(outcome)
    assert outcome.spoken == 20


@pytest.mark.slow
@pytest.mark.parametrize(("step", "found"), [(STEPS[0], "came early"), (STEPS[1], "missing")])
async def test_a_node_that_believes_its_wall_clock_is_found(tmp_path: Path, step: Step, found: str):
    outcome = await step_clock(step, tmp_path, watched=5, percent=10, plant="wall_clock")
    assert any(found in each for each in outcome.findings), outcome.findings
