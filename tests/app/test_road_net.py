"""A node finds its roads, or says that it has none; a bad file stops nobody."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.geography.roads.towns_with_roads import write_roads
from tocsin.app.road_net import (
    NO_FLY_FILE,
    keep_roads,
    load_net,
    no_fly_areas,
    roads_beside,
)
from tocsin.geography.geojson import GeometryError
from tocsin.geography.roads.errors import RoadsError
from tocsin.geography.roads.keeping import FOLDER, kept_roads
from tocsin.runtime.recommending.bands import ASSUMED

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


def test_roads_are_found_in_the_data_folder_or_by_the_setting(tmp_path: Path) -> None:
    road_file = write_roads(tmp_path / "town.osm.pbf", {1: ([0, 1, 2], {}), 2: ([2, 12, 0], {})})
    assert load_net(None, tmp_path) is None
    named = load_net(road_file, tmp_path)
    assert named is not None and list((tmp_path / FOLDER).glob("order-*.npy")), "orders are kept"
    found = load_net(None, tmp_path)
    assert found is not None and found.digest == named.digest
    beside = roads_beside(road_file)
    kept_roads(road_file, beside)
    other = load_net(road_file, tmp_path / "fresh")
    assert other is not None and not (tmp_path / "fresh").exists(), "what lies beside is used"
    assert load_net(beside, tmp_path) is not None
    for bad in (tmp_path / "nowhere", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(RoadsError):
            load_net(bad, tmp_path)
    for damaged in (tmp_path / FOLDER).glob("roads-*.npz"):
        damaged.write_bytes(damaged.read_bytes()[:100])
    assert load_net(None, tmp_path) is None


async def test_a_bad_road_file_stops_no_node(tmp_path: Path) -> None:
    desk = cast(Any, SimpleNamespace(fitted=ASSUMED, net=None, road_state="none"))
    bad = tmp_path / "bad.osm.pbf"
    bad.write_bytes(b"no map")
    await keep_roads(desk, bad, tmp_path)
    assert desk.net is None and desk.road_state == "failed"
    await keep_roads(desk, None, tmp_path)
    assert desk.road_state == "none"
    good = write_roads(tmp_path / "town.osm.pbf", {1: ([0, 1, 2], {}), 2: ([2, 12, 0], {})})
    await keep_roads(desk, good, tmp_path)
    assert desk.net is not None and desk.road_state == "ready"


def test_no_fly_areas_are_read_or_refused_in_words(tmp_path: Path) -> None:
    assert no_fly_areas(tmp_path) == ()
    file = tmp_path / NO_FLY_FILE
    whole: dict[str, Any] = {"type": "FeatureCollection", "features": [{"geometry": SQUARE}]}
    file.write_text(json.dumps(whole))
    assert len(no_fly_areas(tmp_path)) == 1
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    for bad in (
        "{",
        "[]",
        json.dumps({"type": "FeatureCollection", "features": [{}]}),
        json.dumps({"type": "FeatureCollection", "features": [{"geometry": {"type": "Point"}}]}),
        json.dumps({"type": "FeatureCollection", "features": [{"geometry": bow}]}),
        json.dumps({"type": "FeatureCollection", "features": [7]}),
    ):
        file.write_text(bad)
        with pytest.raises(GeometryError):
            no_fly_areas(tmp_path)
