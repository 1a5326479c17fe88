"""kill -9 in mid-load: nothing acknowledged is lost, nothing repeated is there twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.campaign import Campaign, Target
from tests.end_to_end.live_node import LiveNode

PLANTED = ("-m", "tests.end_to_end.planted_node")


@pytest.mark.slow
async def test_twenty_kills_lose_nothing(tmp_path: Path):
    node = LiveNode(tmp_path / "data")
    campaign = Campaign(node, seed=911)
    try:
        findings = await campaign.run(20)
    finally:
        node.stop()
    ledger = campaign.ledger
    print(f"{sum(campaign.kills.values())} kills {dict(campaign.kills)}")
    print(f"{len(ledger.acknowledged)} acknowledged, answers {dict(ledger.answers)}")
    assert findings == []
    assert sum(campaign.kills.values()) == 20
    assert ledger.answers[0] + ledger.answers[503] > 0, "no kill hit anybody: no load"
    assert ledger.repeats > 0, "nobody sent a settled report again"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plant", "targets", "found"),
    [
        ("early_answer", ("node",), "lost"),
        ("lazy_disk", ("everything", "backend"), "lost"),
        ("forgotten_key", ("node",), "first answered"),
    ],
)
async def test_the_checker_finds_what_is_planted(
    tmp_path: Path, plant: str, targets: tuple[Target, ...], found: str
):
    node = LiveNode(tmp_path / "data", program=PLANTED, environment={"PLANTED": plant})
    campaign = Campaign(node, seed=912, targets=targets, settle_patience_s=5)
    try:
        findings = await campaign.run(3)
    finally:
        node.stop()
    assert any(found in each for each in findings), findings
