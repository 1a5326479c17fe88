"""`tocsin site` from files to table, JSON and GeoJSON; on written streets and on a real city."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.geography.roads.towns_with_roads import SOUTH, STEP, STREETS, WEST, shared, write_roads
from tocsin.app.cli import main
from tocsin.app.places import Place, grid, pooled


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "C.UTF-8")


def at(node: int) -> tuple[float, float]:
    """Where node 10 * y + x of a written town lies."""
    return WEST + STEP * (node % 10), SOUTH + STEP * (node // 10)


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """One long street of nine crossings, two stations at its ends, a house at each crossing and
    one in the fields."""
    write_roads(tmp_path / "street.osm.pbf", {1: (list(range(9)), {"name": "Long"})})
    stations = "".join(f"{name},{at(n)[0]},{at(n)[1]}\n" for name, n in (("west", 0), ("east", 8)))
    (tmp_path / "stations.csv").write_text("id,lon,lat\n" + stations, encoding="utf-8")
    rows = [f'{n},"({at(n)[1]}, {at(n)[0]})",{n + 1}\n' for n in range(9)]
    rows += [f'4,"({at(4)[1]}, {at(4)[0]})",99\n', 'field,"(60.2, 24.5)",2\n', "nowhere,,1\n"]
    log = "call,where,weight\n" + "".join(rows)
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(log.encode()))
    return tmp_path


def asked(town: Path, *more: str) -> int:
    columns = "id=call,place=where,weight=weight"
    demand = ["--demand", str(town / "log.csv.gz"), "--columns", columns]
    stations = ["--candidates", str(town / "stations.csv")]
    return main(["site", str(town / "street.osm.pbf"), *demand, *stations, *more])


def test_the_answer_is_printed_and_kept(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--json", str(town / "a.json"), "--geojson", str(town / "a.geojson")]
    assert asked(town, "--problem", "p-median", "--stations", "1-2", *files) == 0
    said = capsys.readouterr().out
    assert "10 places of demand (1 rows refused), 2 candidates on the roads" in said
    assert "best possible" in said
    assert "field (2): no road within 250 m" in said
    one, two = json.loads((town / "a.json").read_text(encoding="utf-8"))
    assert one["stations"] == ["east"]
    assert two["stations"] == ["west", "east"]
    assert one["is_optimal"]
    assert one["mean_s"] > two["mean_s"]
    points = json.loads((town / "a.geojson").read_text(encoding="utf-8"))["features"]
    kinds = [each["properties"]["kind"] for each in points]
    assert (kinds.count("station"), kinds.count("demand")) == (2, 10)
    lost = [each["properties"] for each in points if "unserved" in each["properties"]]
    assert [each["id"] for each in lost] == ["field"]


def test_kept_stations_stay_and_a_grid_adds_places(
    town: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--target-s", "30", "--grid-m", "120", "--json", str(town / "a.json")]
    assert asked(town, "--keep", "all", *more) == 0
    assert "2 of them kept" in capsys.readouterr().out
    (answer,) = json.loads((town / "a.json").read_text(encoding="utf-8"))
    assert {"west", "east"} <= set(answer["stations"])
    assert answer["covered"] == pytest.approx(45 / 47)  # all but the field
    assert asked(town, *more) == 0
    (free,) = json.loads((town / "a.json").read_text(encoding="utf-8"))
    assert len(free["stations"]) <= len(answer["stations"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "lscp needs --target-s"),
        (("--problem", "p-median"), "p-median needs --stations"),
        (("--problem", "p-median", "--stations", "3"), "--stations must be 1 to 2"),
        (("--problem", "p-median", "--stations", "two"), "--stations must be 1 to 2"),
        (("--target-s", "-5"), "--target-s must be a number above 0"),
        (("--target-s", "60", "--keep", "north"), "no candidate north to keep"),
        (("--target-s", "60", "--columns", "lat=y"), "has no column lon"),
        (("--problem", "p-centre", "--stations", "1", "--keep", "all"), "more stations are kept"),
        (("--target-s", "60", "--candidates", "none.csv"), "there is no file none.csv"),
    ],
)
def test_what_can_not_be_asked_is_said(
    town: Path, more: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(town, *more) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_no_table_is_said_in_chinese_too(
    town: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    for name, content in (("x.geojson", b'{"features": [3]}'), ("x.csv.gz", b"\x1f\x8b\x08broken")):
        (town / name).write_bytes(content)
        assert asked(town, "--target-s", "60", "--candidates", str(town / name)) == 2
        assert "不是地点表" in capsys.readouterr().err


def test_areas_count_as_a_point_inside_them(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lon, lat = at(2)
    ring = [
        [lon - 1e-4, lat - 1e-4],
        [lon + 1e-4, lat - 1e-4],
        [lon, lat + 1e-4],
        [lon - 1e-4, lat - 1e-4],
    ]
    area = {
        "type": "Feature",
        "properties": {"id": "here", "people": 7},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    demand = town / "areas.geojson"
    demand.write_text(json.dumps({"type": "FeatureCollection", "features": [area]}))
    more = ["--demand", str(demand), "--columns", "weight=people", "--stations", "1"]
    assert asked(town, *more, "--problem", "p-centre") == 0
    assert "Stations: west" in capsys.readouterr().out


def test_pooling_keeps_all_weight_and_a_grid_covers_the_box() -> None:
    places = [Place(str(n), 24.9 + n * 1e-4, 60.1 + n * 5e-5, n + 1.0) for n in range(40)]
    for cell_m in (10.0, 100.0, 5_000.0):
        found = pooled(places, cell_m)
        assert sum(each.weight for each in found) == sum(each.weight for each in places)
        assert len({each.id for each in found}) == len(found)
    assert len(pooled(places, 50_000.0)) <= 4
    assert len(grid(places, 50.0)) > len(grid(places, 500.0)) >= 1


def test_san_francisco_needs_half_of_its_stations_for_four_minutes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Eight days of calls in squares of 300 m; assumed speeds, so a figure of the roads and not
    of the department."""
    log = shared("sf_fire/calls_2016-12-31_to_2017-01-07_citywide.csv.gz")
    base = ["site", str(shared(STREETS)), "--folder", str(tmp_path / "roads")]
    base += ["--candidates", str(shared("sf_fire/stations.csv"))]
    base += ["--candidate-columns", "id=station", "--demand", str(log), "--cell-m", "300"]
    base += ["--columns", "id=Call Number,place=Location", "--target-s", "240"]
    base += ["--json", str(tmp_path / "a.json")]
    assert main(base) == 0
    (fewest,) = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert fewest["is_optimal"]
    assert len(fewest["stations"]) == 22
    assert len(fewest["unserved"]) == 10
    assert main([*base, "--problem", "mclp", "--stations", "20-22"]) == 0
    curve = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    covered = [each["covered"] for each in curve]
    assert covered == sorted(covered)
    assert all(each["is_optimal"] for each in curve)
    # With as many stations as everybody in time needs, as much is covered as can be.
    assert covered[-1] == pytest.approx(fewest["covered"])
    assert "no road within 250 m" in capsys.readouterr().out
