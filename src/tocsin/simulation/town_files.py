"""A town kept in a folder, so that a node starts without reading the map again.

`areas.geojson` can be opened in any map program; `map.json` holds the streets, addresses and
places of interest, and says from which extract both were made.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from tocsin.geography.areas import Area, Atlas, AtlasError, Names
from tocsin.geography.geojson import from_geojson, to_geojson
from tocsin.simulation.areas import build_areas, inside_only
from tocsin.simulation.extract import (
    Address,
    Extract,
    ExtractError,
    Interest,
    Settlement,
    Street,
    read_extract,
)

FORMAT = 1  # raise it when the files or the way areas are cut change: old folders are made anew
MAX_FILE_BYTES = 500_000_000
AREAS_FILE, MAP_FILE = "areas.geojson", "map.json"


@dataclass(frozen=True, slots=True)
class Town:
    """Areas of four tiers, and what the map says lies in them.

    The extract's borders are empty: they have become areas.
    """

    areas: tuple[Area, ...]
    extract: Extract


@dataclass(frozen=True, slots=True)
class _MapFile:
    format: int
    source: str
    areas_sha256: str
    bounds: tuple[float, float, float, float]
    streets: tuple[Street, ...]
    addresses: tuple[Address, ...]
    interests: tuple[Interest, ...]
    settlements: tuple[Settlement, ...]


def town_of(
    path: Path,
    folder: Path,
    *,
    county_name: Names,
    county_id: str | None = None,
    cell_side_m: float | None = None,
) -> Town:
    """The town in a map extract: from `folder` where it was kept, else read, cut and kept there.

    A folder made from another extract, other options or an older format, or a damaged one, is
    made anew. Raises `ExtractError` for an unusable extract, `OSError` for an unusable folder.
    """
    options = repr((FORMAT, county_name, county_id, cell_side_m))
    source = f"{_sha256(path)} {hashlib.sha256(options.encode()).hexdigest()}"
    try:
        return load_town(folder, source)
    except ExtractError:
        pass  # nothing kept, or not this town
    extract = read_extract(path)
    areas = tuple(
        build_areas(extract, county_name=county_name, county_id=county_id, cell_side_m=cell_side_m)
    )
    town = Town(areas, replace(inside_only(extract, Atlas(areas)), borders=()))
    save_town(folder, town, source)
    return town


def save_town(folder: Path, town: Town, source: str = "") -> None:
    """Keep a town in a folder, which is made if needed. `source` says what it was made from.

    Each file is replaced as a whole, the one that vouches for the other last: a crash leaves the
    old town or one that `load_town` refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    areas = json.dumps(to_geojson(town.areas), ensure_ascii=False).encode()
    extract = town.extract
    kept = _MapFile(
        FORMAT,
        source,
        hashlib.sha256(areas).hexdigest(),
        (extract.west, extract.south, extract.east, extract.north),
        extract.streets,
        extract.addresses,
        extract.interests,
        extract.settlements,
    )
    _replace(folder / AREAS_FILE, areas)
    _replace(folder / MAP_FILE, msgspec.json.encode(kept))


def load_town(folder: Path, source: str | None = None) -> Town:
    """The town kept in a folder, equal to the one that was saved (but for borders).

    Raises `ExtractError` where there is none, where it is damaged or of another format, or where
    `source` is given and it was made from another.
    """
    try:
        kept = msgspec.json.decode(_bytes_of(folder / MAP_FILE), type=_MapFile)
        areas = _bytes_of(folder / AREAS_FILE)
        if kept.format != FORMAT or (source is not None and kept.source != source):
            raise ExtractError("the folder keeps another town")
        if hashlib.sha256(areas).hexdigest() != kept.areas_sha256:
            raise ExtractError("the two files of the town do not belong together")
        lists = kept.streets, kept.addresses, kept.interests, kept.settlements
        return Town(from_geojson(json.loads(areas)), Extract(*kept.bounds, *lists, borders=()))
    except (msgspec.MsgspecError, AtlasError, UnicodeDecodeError) as error:
        raise ExtractError("the kept town is damaged") from error


def _bytes_of(path: Path) -> bytes:
    if not path.is_file():
        raise ExtractError(f"no {path.name} in the folder")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ExtractError(f"{path.name} is over {MAX_FILE_BYTES // 1_000_000} MB")
    return path.read_bytes()


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".draft")
    draft.write_bytes(content)
    os.replace(draft, path)


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise ExtractError(f"no map extract at {path.name}")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
