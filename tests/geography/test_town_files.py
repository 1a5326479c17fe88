"""A town kept in a folder is the town that was built, or it is built anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.geography.maps import write_tiny_town
from tocsin.geography.areas import Atlas, names_of
from tocsin.simulation.extract import ExtractError
from tocsin.simulation.town_files import AREAS_FILE, MAP_FILE, load_town, save_town, town_of

NAME = names_of(en="Tiny", zh_CN="小县")


def test_there_and_back(tmp_path: Path) -> None:
    path = write_tiny_town(tmp_path / "tiny.osm.pbf")
    built = town_of(path, tmp_path / "town", county_name=NAME)
    loaded = load_town(tmp_path / "town")
    assert loaded == built
    points = [(a.place.lon, a.place.lat) for a in built.extract.addresses]
    there, back = Atlas(built.areas), Atlas(loaded.areas)
    assert [there.locate(*p) for p in points] == [back.locate(*p) for p in points]


def test_kept_town_is_used_and_a_changed_one_is_not(tmp_path: Path) -> None:
    path = write_tiny_town(tmp_path / "tiny.osm.pbf")
    folder = tmp_path / "town"
    town_of(path, folder, county_name=NAME)
    before = (folder / MAP_FILE).stat().st_mtime_ns
    town_of(path, folder, county_name=NAME)
    assert (folder / MAP_FILE).stat().st_mtime_ns == before
    write_tiny_town(path, suburbs=3)
    assert len(town_of(path, folder, county_name=NAME).extract.settlements) == 3
    renamed = town_of(path, folder, county_name=names_of(en="Other", zh_CN="他县"))
    assert renamed.areas[0].name_in("en") == "Other"


@pytest.mark.parametrize("name", [AREAS_FILE, MAP_FILE])
@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff\xfe", b"[1,2"])
def test_a_damaged_folder_is_refused_and_made_anew(
    tmp_path: Path, name: str, damage: bytes
) -> None:
    path = write_tiny_town(tmp_path / "tiny.osm.pbf")
    folder = tmp_path / "town"
    built = town_of(path, folder, county_name=NAME)
    (folder / name).write_bytes(damage)
    with pytest.raises(ExtractError):
        load_town(folder)
    assert town_of(path, folder, county_name=NAME) == built


def test_files_of_two_towns_do_not_mix(tmp_path: Path) -> None:
    path = write_tiny_town(tmp_path / "tiny.osm.pbf")
    one = town_of(path, tmp_path / "one", county_name=NAME)
    other = town_of(path, tmp_path / "other", county_name=NAME, county_id="other")
    save_town(tmp_path / "mixed", one)
    (tmp_path / "mixed" / AREAS_FILE).write_bytes((tmp_path / "other" / AREAS_FILE).read_bytes())
    assert one.areas != other.areas
    with pytest.raises(ExtractError, match="do not belong together"):
        load_town(tmp_path / "mixed")


def test_no_map_is_said(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="no map extract"):
        town_of(tmp_path / "none.osm.pbf", tmp_path / "town", county_name=NAME)
