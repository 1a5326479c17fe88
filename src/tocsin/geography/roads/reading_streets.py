"""Reads a city's own table of street segments (the format of San Francisco's centre lines)."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Final

from tocsin.geography.roads.drafting import Draft, DraftRoad, Place, graph_of
from tocsin.geography.roads.errors import RoadsError
from tocsin.geography.roads.graph import BuildReport, RoadGraph
from tocsin.geography.roads.speeds import CLASS_INDEX, EMERGENCY_FACTOR, WALKING_KM_H

ROWS_MAX: Final = 2_000_000  # a hundred times the city it was made for


@dataclass(frozen=True, slots=True)
class StreetClass:
    """What a class code of the table means: our class of road, and ordinary driving in km/h."""

    road_class: str
    driving_km_h: float


STREET_CLASSES: Final[dict[str, StreetClass]] = {
    "1": StreetClass("motorway", 72.0),
    "2": StreetClass("primary", 40.0),
    "3": StreetClass("secondary", 36.0),
    "4": StreetClass("tertiary", 32.0),
    "5": StreetClass("residential", 25.0),
    "6": StreetClass("motorway_link", 40.0),
    "0": StreetClass("service", 15.0),
}
"""The city's class codes (1 freeway, 2 major or highway, 3 arterial, 4 collector, 5 residential,
6 freeway ramp, 0 other). The table states no limits: speeds are free flow in a dense grid, an
assumption that calibration against logs replaces."""
ON_FOOT_LAYER: Final = "Streets_Pedestri"
"""Segments that are stairs and lanes: on foot only."""


def read_streets(path: Path) -> RoadGraph:
    """The graph of a table of segments, plain or gzipped CSV.

    Every street is taken as two-way, for the table knows no one-ways. Rows that can not be read
    are counted in the report and left out. Raises `RoadsError` (missing, unreadable, no_roads).
    """
    if not path.is_file():
        raise RoadsError("missing", name=path.name)
    opened = gzip.open if path.suffix == ".gz" else open
    roads: list[DraftRoad] = []
    broken = 0
    try:
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                road = _road(row)
                if road is None:
                    broken += 1
                elif len(roads) >= ROWS_MAX:
                    raise RoadsError("too_large", name=path.name, limit=f"{ROWS_MAX} rows")
                else:
                    roads.append(road)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise RoadsError("unreadable", name=path.name) from error
    return graph_of(Draft(roads, report=BuildReport(source=path.name, rows_broken=broken)))


def _road(row: dict[str, str]) -> DraftRoad | None:
    """The road of one row; None for a row that says no road or numbers that are none."""
    try:
        kind = STREET_CLASSES[row["CLASSCODE"]]
        corners = tuple(_place(text) for text in row["geometry_lonlat"].split(";"))
        tail, head = int(row["F_NODE_CNN"]), int(row["T_NODE_CNN"])
        ref, length = int(row["CNN"]), float(row["length_m"])
        # The ends of the corners are rounded; the crossings are exact.
        ends = [(float(row[f"lon_{end}"]), float(row[f"lat_{end}"])) for end in "ft"]
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    numbers = [length, *(each for place in (*corners, *ends) for each in place)]
    if len(corners) < 2 or not all(isfinite(each) for each in numbers) or length <= 0:
        return None
    drives = 0.0 if row.get("LAYER") == ON_FOOT_LAYER else kind.driving_km_h
    walks = 0.0 if kind.road_class in ("motorway", "motorway_link") else WALKING_KM_H
    speeds = (drives * EMERGENCY_FACTOR, drives, walks)
    corners = (ends[0], *corners[1:-1], ends[1])
    code = CLASS_INDEX["footway" if not drives else kind.road_class]
    return DraftRoad(tail, head, corners, speeds, speeds, code, row["STREETNAME"], ref, length)


def _place(text: str) -> Place:
    lon, lat = text.split()
    return float(lon), float(lat)
