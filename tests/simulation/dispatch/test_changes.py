"""What if, tuning and pictures: what is asked for happens, and what cannot be done is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.simulation.dispatch.towns import town
from tocsin.app.cli import main
from tocsin.simulation.dispatch.change import Change, ChangeError, changed_fleet, changed_posts
from tocsin.simulation.dispatch.compare import compare, compare_worlds
from tocsin.simulation.dispatch.fleet import fleet_of_town
from tocsin.simulation.dispatch.picture import picture_of
from tocsin.simulation.dispatch.town import FleetUnit
from tocsin.simulation.dispatch.tune import tune
from tocsin.simulation.dispatch.tuning import Tuning

STATIONS = {"1": (10.0, 50.0), "2": (10.03, 50.0), "3": (10.06, 50.0)}
FLEET = fleet_of_town(
    [FleetUnit(f"A{n}", "ambulance", STATIONS["1"]) for n in range(5)]
    + [FleetUnit("E1", "engine", STATIONS["3"])]
)


def names(change: Change) -> list[str]:
    return [unit.id for unit in changed_fleet(FLEET, changed_posts(STATIONS, change), change).units]


def test_units_come_go_and_change_their_shift() -> None:
    change = Change(
        remove=("A0", "ambulance:1"), add=("ambulance@2:8-20", "engine@1"), shifts=("E1=20-6",)
    )
    fleet = changed_fleet(FLEET, STATIONS, change)
    assert [unit.id for unit in fleet.units] == [
        "A1", "A2", "A3", "E1", "ambulance-new-1", "engine-new-1",
    ]  # fmt: skip
    hours = {unit.id: (unit.start_h, unit.hours_h) for unit in fleet.units}
    assert hours["ambulance-new-1"] == (8.0, 12.0) and hours["E1"] == (20.0, 10.0)
    assert hours["engine-new-1"] == (0.0, 24.0)


def test_a_closed_post_sends_its_units_to_the_nearest() -> None:
    change = Change(no_posts=("1",), posts=("4@10.04,50.0",))
    posts = changed_posts(STATIONS, change)
    assert sorted(posts) == ["2", "3", "4"]
    homes = {unit.home for unit in changed_fleet(FLEET, posts, change).units}
    assert homes == {STATIONS["2"], STATIONS["3"]}


def test_a_share_of_each_kind_stays() -> None:
    assert names(Change(fleet=0.8)) == ["A0", "A1", "A3", "A4", "E1"]


@pytest.mark.parametrize(
    "change",
    [
        Change(remove=("A9",)),
        Change(remove=("ambulance:6",)),
        Change(remove=("ambulance:-1",)),
        Change(add=("ambulance@9",)),
        Change(add=("ambulance@1:8",)),
        Change(add=("ambulance@1:8-30",)),
        Change(shifts=("A9=8-20",)),
        Change(shifts=("A1=morning",)),
        Change(posts=("5",)),
        Change(posts=("1@10,50",)),
        Change(posts=("5@999,50",)),
        Change(no_posts=("9",)),
        Change(no_posts=("1", "2", "3")),
        Change(remove=("ambulance:5", "E1")),
    ],
)
def test_what_cannot_be_changed_is_said(change: Change) -> None:
    with pytest.raises(ChangeError):
        names(change)


def test_what_if_nothing_changes_nothing_differs() -> None:
    world = town(1, calls_per_day=60.0)
    found = compare_worlds(world, world, "closest", [1, 2])
    assert all(each.difference == 0.0 for each in found.paired)


def test_the_picture_is_sound_xml_with_every_shown_measure() -> None:
    found = compare(town(1, units=2, calls_per_day=150.0), ["closest", "coverage"], [1, 2])
    drawn = picture_of(found.paired, "a <town> & more", lambda name: name, lambda pair: pair.policy)
    texts = [each.text for each in ElementTree.fromstring(drawn).iter() if each.text]
    assert "late_share" in texts and "response_p90_s/area-0" in texts
    assert "calls" not in texts and "a <town> & more" in texts


def test_tuning_finds_the_planted_better_numbers_and_repeats_itself() -> None:
    # A town whose own numbers send the coverage policy far afield: any other draw is better.
    bad = Tuning(gamma=200.0, tau_s=1e6, cap_s=3_000.0, roaming=("ambulance",))
    world = replace(town(2, units=4, calls_per_day=120.0), tuning=bad)
    found = [tune(world, "closest", "coverage", [1, 2], 6, 5) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0][0].tuning != replace(bad, policy="coverage")


# -- the commands ----------------------------------------------------------------------

SHORT = ["--days", "2", "--seeds", "2", "--processes", "1"]


def test_whatif_writes_table_picture_and_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, kept = tmp_path / "p.svg", tmp_path / "w.json"
    asked = ["whatif", "small-town", "--add", "ambulance@3", "--demand", "1.5", *SHORT]
    assert main([*asked, "--picture", str(picture), "--json", str(kept)]) == 0
    assert "what if beside as is" in capsys.readouterr().out
    assert json.loads(kept.read_text())["policies"] == ["as is", "what if"]
    assert picture.read_text(encoding="utf-8").startswith("<svg")


def test_tune_writes_numbers_that_compare_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tuning.toml"
    asked = ["tune", "small-town", "--policy", "coverage+posts", "--trials", "2", *SHORT]
    assert main([*asked, "--out", str(out)]) == 0
    assert "training seeds 1 to 2" in out.read_text(encoding="utf-8")
    asked = ["compare", "small-town", "--policies", "closest,tuned", *SHORT]
    assert main([*asked, "--tuning", str(out)]) == 0
    assert "late share" in capsys.readouterr().out


@pytest.mark.parametrize(
    "asked",
    [
        ["whatif", "small-town"],
        ["whatif", "small-town", "--add", "ambulance@9"],
        ["whatif", "small-town", "--demand", "0"],
        ["whatif", "small-town", "--lost", "1"],
        ["tune", "small-town", "--trials", "0"],
        ["compare", "small-town", "--policies", "closest,closest+teleport"],
        ["simulate", "small-town", "--tuning", "none.toml"],
    ],
)
def test_a_wrong_call_is_one_line(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(asked) == 2
    assert capsys.readouterr().err.startswith("tocsin: ")
