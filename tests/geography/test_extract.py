"""Reading map extracts: a tiny one written here, and real ones where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.geography.maps import SOUTH, STEP, WEST, shared_map, write_tiny_town
from tocsin.kernel.shared import Place
from tocsin.simulation import extract as reading
from tocsin.simulation.extract import Extract, ExtractError, read_extract


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Extract:
    folder = tmp_path_factory.mktemp("map")
    return read_extract(write_tiny_town(folder / "tiny.osm.pbf", borders=True))


def test_bounds_are_the_headers(tiny: Extract) -> None:
    bounds = (tiny.west, tiny.south, tiny.east, tiny.north)
    assert bounds == pytest.approx((WEST, SOUTH, WEST + 8 * STEP, SOUTH + 8 * STEP), abs=1e-7)


def test_streets_have_names_and_lines(tiny: Extract) -> None:
    assert len(tiny.streets) == 18  # the way of a single point is left out
    first = tiny.streets[0]
    assert (first.id, first.kind, dict(first.name)) == (
        1000,
        "residential",
        {"local": "0nd Street"},
    )
    assert len(first.line) == 9
    assert first.line[1] == Place(24.902, 60.1)


def test_addresses_of_doors_and_buildings(tiny: Extract) -> None:
    found = {(address.street, address.number): address.place for address in tiny.addresses}
    assert len(found) == 9
    assert found["2nd Street", "1"].lat == pytest.approx(SOUTH + 2.05 * STEP)
    middle = found["6nd Street", "61"]
    assert (middle.lon, middle.lat) == pytest.approx((WEST + 6.5 * STEP, SOUTH + 6.5 * STEP))


def test_places_of_interest_by_kind(tiny: Extract) -> None:
    kinds = sorted(interest.kind for interest in tiny.interests)
    assert kinds == ["elevator", "park", "school", "shop:bakery", "street_lamp"]
    (school,) = tiny.of_kind("school")
    assert dict(school.name) == {"local": "North School", "zh-CN": "北校"}
    assert tiny.of_kind("shop") == tiny.of_kind("shop:bakery") != ()
    assert tiny.of_kind("sho") == ()


def test_settlements_and_borders(tiny: Extract) -> None:
    assert [dict(s.name)["sv"] for s in tiny.settlements] == [f"Ort {i}" for i in range(4)]
    assert [dict(border.name)["zh-CN"] for border in tiny.borders] == ["0区", "1区", "2区", "3区"]
    assert {border.level for border in tiny.borders} == {8}
    assert sum(border.polygon.area for border in tiny.borders) == pytest.approx((8 * STEP) ** 2)


def test_without_bounds_in_the_header_the_records_say(tmp_path: Path) -> None:
    read = read_extract(write_tiny_town(tmp_path / "open.osm.pbf", bounds=False))
    assert read.west == pytest.approx(WEST - 0.001)
    assert read.north == pytest.approx(SOUTH + 8 * STEP + 0.001)


def test_same_file_same_extract(tmp_path: Path, tiny: Extract) -> None:
    assert read_extract(write_tiny_town(tmp_path / "again.osm.pbf", borders=True)) == tiny


def test_no_file_or_no_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="no map extract"):
        read_extract(tmp_path / "none.osm.pbf")
    for content in (b"", b"not a map", bytes(range(256)) * 40):
        broken = tmp_path / "broken.osm.pbf"
        broken.write_bytes(content)
        with pytest.raises(ExtractError, match="broken"):
            read_extract(broken)


def test_a_truncated_map_is_refused(tmp_path: Path) -> None:
    whole = write_tiny_town(tmp_path / "whole.osm.pbf").read_bytes()
    cut = tmp_path / "cut.osm.pbf"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ExtractError, match="cut"):
        read_extract(cut)


def test_limits_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tiny_town(tmp_path / "tiny.osm.pbf")
    monkeypatch.setattr(reading, "MAX_RECORDS", 5)
    with pytest.raises(ExtractError, match="over 5 records"):
        read_extract(path)
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 100)
    with pytest.raises(ExtractError, match="cut it smaller"):
        read_extract(path)


def test_helsinki() -> None:
    read = read_extract(shared_map("helsinki_centre"))
    assert len(read.streets) > 700
    assert len(read.addresses) > 1_300
    assert len(read.of_kind("street_lamp")) > 500
    assert {"Kluuvi", "Hakaniemi"} <= {dict(s.name)["local"] for s in read.settlements}
    assert read.of_kind("waste_basket") and read.of_kind("elevator") and read.of_kind("pharmacy")
