"""A small share of the campaign: every promise holds, everything is met, a seed repeats itself."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tocsin.simulation.campaign import main
from tocsin.simulation.commanding import COMMANDS
from tocsin.simulation.faults import NO_FAULTS, FaultShares
from tocsin.simulation.habits import NORMAL, WILD
from tocsin.simulation.sim import SimReport, sim

SEEDS = tomllib.loads((Path(__file__).parent / "seeds.toml").read_text())["seed"]
SHARE = range(100, 106)


@pytest.fixture(scope="module")
def reports() -> list[SimReport]:
    return [sim(seed, 1.0, per_hour=6) for seed in SHARE]


def test_every_promise_holds(reports: list[SimReport]) -> None:
    assert {report.seed: report.findings for report in reports if not report.is_clean} == {}


@pytest.mark.parametrize("seed", [2, 3])
def test_every_promise_holds_where_nobody_agrees(seed: int) -> None:
    report = sim(seed, 0.75, per_hour=6, habits=WILD)
    assert report.findings == ()
    verbs = dict(report.verbs)
    assert verbs["return_task"] > 2 and verbs["unmerge"] > 2 and verbs["triage"] > 2


def _kept(kept: dict[str, Any]) -> Any:
    """A seed that is still open may fail: who mends it takes the mark away."""
    marks = [pytest.mark.xfail(reason=kept["why"])] if kept.get("open") else []
    return pytest.param(kept, id=str(kept["seed"]), marks=marks)


@pytest.mark.parametrize("kept", [_kept(kept) for kept in SEEDS if not kept.get("storm")])
def test_seeds_that_failed_once(kept: dict[str, Any]) -> None:
    rate = kept.get("rate", 4.0)
    habits = WILD if kept.get("wild") else NORMAL
    report = sim(int(kept["seed"]), kept.get("days", 1.0), per_hour=rate, habits=habits)
    assert report.findings == ()


def test_every_report_was_answered_in_spite_of_the_faults(reports: list[SimReport]) -> None:
    """Acknowledged, or refused with a reason: a call about a case that is already void."""
    for report in reports:
        refused = sum(n for why, n in report.refused if why.startswith(("report:", "attach:")))
        assert report.acknowledged + refused == report.reports > 0


def test_the_runs_meet_the_whole_machine(reports: list[SimReport]) -> None:
    """A checker that never saw a thing happen has checked nothing."""
    verbs: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for report in reports:
        verbs.update(dict(report.verbs))
        faults.update(dict(report.faults))
        refused.update(dict(report.refused))
    assert set(COMMANDS) - set(verbs) == set()
    assert set(faults) == set(FaultShares.__dataclass_fields__) - {"wake_late_max_s"}
    assert refused["verify:same_person"] > 0
    assert all(report.missed and report.merged and report.restarts for report in reports)


def test_a_seed_repeats_itself() -> None:
    assert sim(42, 0.5, per_hour=6) == sim(42, 0.5, per_hour=6)
    assert sim(42, 0.5, per_hour=6).digest != sim(43, 0.5, per_hour=6).digest


def test_without_faults_nothing_is_repeated() -> None:
    report = sim(5, 0.5, per_hour=6, shares=NO_FAULTS)
    assert (report.faults, report.restarts, report.findings) == ((), 0, ())


def test_the_campaign_says_what_it_saw(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "2", "--days", "0.25"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 seeds, every promise held"
