"""Scenarios: what is wrong is said, all at once, and what comes with Tocsin runs without files."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.simulation.dispatch.towns import stages
from tocsin.app.cli import main
from tocsin.packs.reading import Finding, PackError, Reader
from tocsin.simulation.dispatch.scenario import builtin_names, find_scenario, load_scenario
from tocsin.simulation.dispatch.stages import stages_of, to_toml

SMALL = find_scenario("small-town")


def load(tmp_path: Path, text: str) -> tuple[Finding, ...]:
    path = tmp_path / "town.toml"
    path.write_text(text, encoding="utf-8")
    try:
        load_scenario(path, tmp_path)
    except PackError as error:
        return error.findings
    return ()


def test_stages_come_back_from_their_file_the_same() -> None:
    bad: list[Finding] = []
    first = to_toml(stages(), "about")
    read = stages_of(Reader(tomllib.loads(first), "", bad))
    assert bad == [] and to_toml(read, "about") == first


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('station = "1"', 'station = "9"', "dangling"),
        ('id = "A2"', 'id = "A1"', "duplicate"),
        ("calls_per_day = 14", "calls_per_day = -1", "bad_value"),
        ("calls_per_day = 14", "calls_per_day = nan", "bad_value"),
        ('needs = ["ambulance"]', "needs = []", "missing"),
        ("low = 1.3", "low = 0", "bad_value"),
        ("road_s = [0, 120, 600]", "road_s = [0, 600, 120]", "bad_value"),
        ("days = 28", "days = 0", "bad_value"),
        ("high = 480", "hihg = 480", "unknown_key"),
        ("[stages.scene]\nany", "[stages.scene]\nengine", "missing"),
        ("hour_weights = [2, 2,", "hour_weights = [2,", "bad_value"),
    ],
)
def test_what_is_wrong_is_found(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = SMALL.read_text(encoding="utf-8")
    assert load(tmp_path, text) == () and old in text
    assert problem in [finding.problem for finding in load(tmp_path, text.replace(old, new, 1))]


def test_an_empty_fleet_is_said(tmp_path: Path) -> None:
    text = SMALL.read_text(encoding="utf-8")
    start, end = text.index("[[fleet.units]]"), text.index("[[hospitals]]")
    findings = load(tmp_path, text[:start] + text[end:])
    assert [finding.text for finding in findings] == ["an empty fleet answers no call"]


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="stations.csv"):
        load_scenario(find_scenario("san-francisco"), tmp_path)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(PackError, match="small-town"):
        find_scenario("atlantis")
    assert {"san-francisco", "san-francisco-2018", "small-town"} <= set(builtin_names())


def test_simulate_writes_the_same_bytes_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "first.json", tmp_path / "second.json"]
    for path in files:
        asked = ["simulate", "small-town", "--days", "3", "--seeds", "2", "--processes", "1"]
        assert main([*asked, "--json", str(path)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(json.loads(files[0].read_text())["runs"]) == 2
    assert "late share" in capsys.readouterr().out


def test_compare_prints_a_table_in_the_operators_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    path = tmp_path / "compared.json"
    asked = ["compare", "small-town", "--days", "2", "--seeds", "2", "--processes", "1"]
    assert main([*asked, "--json", str(path)]) == 0
    assert "迟到比例" in capsys.readouterr().out
    assert {pair["policy"] for pair in json.loads(path.read_text())["paired"]} == {"coverage"}


@pytest.mark.parametrize(
    "asked",
    [
        ["simulate", "atlantis"],
        ["simulate", "small-town", "--policy", "fastest"],
        ["simulate", "small-town", "--seeds", "0"],
        ["compare", "small-town", "--policies", "closest"],
        ["simulate", "small-town", "--stages", "none.toml"],
        ["replay", "none.csv", "--scenario", "small-town"],
    ],
)
def test_a_wrong_call_is_one_line_and_no_traceback(
    asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(asked) == 2
    assert capsys.readouterr().err.startswith("tocsin: ")
