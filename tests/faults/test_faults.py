"""A short share of the campaign (`make faults`), and bugs that it must find.

Kills, a lost database and a full disk have tests of their own in `tests/end_to_end`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.clocks import STEPS, step_clock
from tests.faults.outcome import Outcome, table
from tests.faults.power import cut_power


def clean(outcome: Outcome) -> None:
    print(table([outcome]))
    if outcome.skipped:
        pytest.skip(outcome.skipped)
    assert outcome.is_clean, outcome.findings
    assert outcome.acknowledged > 0


@pytest.mark.slow
async def test_a_wall_clock_that_is_set_forward(tmp_path: Path):
    outcome = await step_clock(STEPS[0], tmp_path, watched=20, percent=10)
    clean(outcome)
    assert (outcome.spoken or 0) >= 20
    assert outcome.told == ["clock_stepped"]


@pytest.mark.slow
async def test_a_node_that_believes_its_wall_clock_is_found(tmp_path: Path):
    outcome = await step_clock(STEPS[0], tmp_path, watched=5, percent=10, plant="wall_clock")
    assert any("came early" in each for each in outcome.findings), outcome.findings


@pytest.mark.slow
async def test_a_power_cut_with_torn_pages(tmp_path: Path):
    clean(await cut_power(1, tmp_path, is_torn=True))


@pytest.mark.slow
async def test_a_commit_that_does_not_wait_for_the_disk_is_found(tmp_path: Path):
    outcome = await cut_power(2, tmp_path, plant="lazy_disk")
    if outcome.skipped:
        pytest.skip(outcome.skipped)
    assert outcome.lost > 0, outcome.findings


def test_what_is_wrong_makes_a_row_unclean():
    assert Outcome("x").is_clean
    for wrong in ({"lost": 1}, {"doubled": 1}, {"early": 1}, {"missing": 1}, {"twice": 1}):
        assert not Outcome("x", **wrong).is_clean
    assert not Outcome("x", findings=["something"]).is_clean
