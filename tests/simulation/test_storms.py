"""Storms: 500 seeds in which every promise holds, and bugs that are planted and found."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from tocsin.runtime.chaos import POINTS
from tocsin.simulation.storms import campaign, checks
from tocsin.simulation.storms.loop import Stuck, run
from tocsin.simulation.storms.process import StormParts
from tocsin.simulation.storms.storm import storm
from tocsin.simulation.storms.weather import Weather, drawn

SOURCES = Path(__file__).parents[2] / "src" / "tocsin" / "runtime"
SEEDS = tomllib.loads((Path(__file__).parent / "seeds.toml").read_text())["seed"]
bugs = import_module("tests.simulation.storm_bugs")
WITHIN = 40
"""Seeds within which each planted bug is found; most are found by the first."""


@pytest.mark.slow
def test_five_hundred_storms(capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing false ever, everything owed within the span, and every point struck."""
    assert campaign.main(["--seeds", "500", "--jobs", "2"]) == 0, capfd.readouterr().out


def test_a_few_storms() -> None:
    found = {seed: storm(seed).findings for seed in range(1_001, 1_006)}
    assert {seed: each for seed, each in found.items() if each} == {}


@pytest.mark.parametrize("seed", [each["seed"] for each in SEEDS if each.get("storm")])
def test_storms_that_failed_once(seed: int) -> None:
    assert storm(seed).findings == ()


@pytest.mark.parametrize(
    ("checker", "parts"), bugs.PLANTED, ids=[bug.__name__ for _, bug in bugs.PLANTED]
)
def test_planted_bug_is_found(checker: str, parts: type[StormParts]) -> None:
    others: set[str] = set()
    for seed in range(1, WITHIN + 1):
        names = {finding.checker for finding in storm(seed, parts()).findings}
        if checker in names:
            return
        others |= names
    pytest.fail(f"{checker} slept; others found {sorted(others)}")


def test_a_storm_repeats_itself_on_any_machine() -> None:
    """Sets of words have another order in every process: none of them may decide anything."""
    code = "from tocsin.simulation.storms.storm import storm; print(storm(7).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert digests == {f"{storm(7).digest}\n"}


def test_every_point_is_in_the_sources_once() -> None:
    text = "".join(path.read_text() for path in sorted(SOURCES.glob("*.py")))
    used = re.findall(r"\.(?:pause|fewer|strikes)\(\s*\"([a-z_]+\.[a-z_]+)\"", text)
    assert sorted(used) == sorted(POINTS)


def test_a_failing_seed_is_made_simple(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not needed for the finding is left out, one after the other."""
    needed: list[object] = []

    def fails(seed: int, plan: object, names: set[str]) -> bool:
        needed.append(plan)
        return getattr(plan, "processes", 2) == 1

    monkeypatch.setattr(campaign, "_fails", fails)
    plan, kept = campaign.simplified(3, {"any"})
    assert (plan.processes, plan.units, plan.devices) == (1, 0, 0)
    assert kept[0] == "one process" and len(needed) > len(kept)


def test_standing_still_is_no_lateness() -> None:
    from random import Random

    weather = Weather(Random(1), drawn(Random(1)), lambda: 0.0)
    weather.troubles = [(10.0, 12.0), (11.0, 13.0), (20.0, 21.0)]
    assert weather.late_s(9.0, 14.0) == pytest.approx(2.0)
    assert weather.late_s(10.5, 12.5) == 0.0
    assert weather.late_s(30.0, 33.0) == 3.0


def test_a_deadlock_is_said() -> None:
    import asyncio

    with pytest.raises(Stuck):
        run(asyncio.Event().wait())


def test_every_checker_of_storms_has_a_name() -> None:
    names = [check.__name__ for check in checks.SAFETY + checks.LIVENESS]
    assert len(names) == len(set(names))
