"""The ground a node stands on: its areas, from the data folder, a map extract, or nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import shapely

from tocsin.geography.areas import Atlas
from tocsin.geography.geojson import from_geojson
from tocsin.geography.tiers import Area, names_of
from tocsin.kernel.shared import TIERS, AreaId
from tocsin.simulation.town_files import Town, town_of

AREAS_FILE: Final = "areas.geojson"


def everywhere() -> list[Area]:
    """One county, town, community and cell that hold the whole globe: a node that was given no
    areas yet still takes every report, and leaves the routing to the county's desk."""
    name = names_of(en="Everywhere", **{"zh-CN": "全域"})
    ids = [AreaId("everywhere" + "-1" * depth) for depth in range(len(TIERS))]
    globe = shapely.box(-180, -90, 180, 90)
    return [
        Area(area_id, tier, name, ids[depth - 1] if depth else None, globe)
        for depth, (area_id, tier) in enumerate(zip(ids, TIERS, strict=True))
    ]


def town_from_map(map_file: Path, data: Path) -> Town:
    """The town of a map extract, cut into four tiers once and kept in the data folder."""
    name = map_file.name.split(".")[0].replace("_", " ").title()
    return town_of(map_file, data / "town", county_name=names_of(en=name, **{"zh-CN": name}))


def atlas_of(data: Path, map_file: Path | None) -> tuple[Atlas, bool]:
    """The areas of a node, and whether any were given: `areas.geojson` in the data folder (as
    `tocsin areas` writes it, or any editor), else those of the map, else everywhere.

    Raises `AtlasError` for areas that do not fit together, `ExtractError` for an unusable map.
    """
    file = data / AREAS_FILE
    if file.exists():
        return Atlas(from_geojson(json.loads(file.read_text(encoding="utf-8")))), True
    if map_file is not None:
        return Atlas(town_from_map(map_file, data).areas), True
    return Atlas(everywhere()), False
