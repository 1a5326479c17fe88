"""Places for siting: out of tables, GeoJSON or a grid; with weights, and pooled where asked."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar, Final, cast

from shapely.geometry import shape

from tocsin.geography.distance import Plane
from tocsin.geography.spoken import SpokenError

PLACES_MAX: Final = 2_000_000
"""Rows of a table: thirty years of a large city's calls. More is another file by mistake."""
PAIR = re.compile(r"\(?\s*(-?\d+(?:\.\d+)?)\s*[, ]\s*(-?\d+(?:\.\d+)?)\s*\)?$")
"""Latitude and longitude in one column, as open data portals write them."""


class SiteError(SpokenError, ValueError):
    """Stations can not be placed with what was given."""

    TEXTS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "missing": ("there is no file {name}", "没有文件 {name}"),
        "unreadable": (
            "{name} is no table (.csv, .csv.gz) and no GeoJSON of places",
            "{name} 不是地点表（.csv、.csv.gz）或 GeoJSON",
        ),
        "too_large": ("{name} has over {limit} places", "{name} 超过 {limit} 个地点"),
        "columns": (
            "{name} has no column {column}; it has: {known} (see --columns)",
            "{name} 中没有列 {column}；现有列：{known}（见 --columns）",
        ),
        "empty": ("{name} holds no place that can be used", "{name} 中没有可用的地点"),
        "twice": ("{name} names {id} twice", "{name} 中 {id} 重复"),
        "off_roads": (
            "no candidate of {name} lies on these roads",
            "{name} 的候选点都不在该路网上",
        ),
        "kept": (
            "there is no candidate {id} to keep; there are: {known}",
            "没有可保留的候选站 {id}；现有：{known}",
        ),
        "stations": (
            "--stations must be 1 to {most}, or a span such as 1-10",
            "--stations 须为 1 至 {most}，或如 1-10 的范围",
        ),
        "needs": ("{question} needs {option}", "{question} 需要 {option}"),
        "number": ("{option} must be a number above 0", "{option} 须为大于 0 的数"),
        "too_many_kept": (
            "more stations are kept than the {stations} allowed",
            "保留的站点多于允许的 {stations} 个",
        ),
        "too_few": (
            "{stations} stations can not reach everybody who can be reached: allow more",
            "{stations} 个站点无法到达所有可到达的地点，请增加站点数",
        ),
        "not_in_time": (
            "no answer was found within {limit} s: allow more time or ask about fewer places",
            "{limit} 秒内未找到答案，请放宽时间或减少地点",
        ),
    }


@dataclass(frozen=True, slots=True)
class Place:
    """A point with its name; degrees WGS84."""

    id: str
    lon: float
    lat: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Places:
    """What was read, and how many rows held no place."""

    places: tuple[Place, ...]
    refused: int = 0


def read_places(path: Path, columns: Mapping[str, str], *, once: bool) -> Places:
    """Points of a CSV, or of a GeoJSON, where an area counts as a point inside it.

    `columns` says which column (or property) is `id`, `lon`, `lat`, `weight`, or `place` for both
    numbers in one. With `once` rows of one id count once; without, an id there twice is an error.
    A row without numbers is counted, not taken. Raises SiteError.
    """
    if not path.is_file():
        raise SiteError("missing", name=path.name)
    try:
        is_table = path.name.endswith((".csv", ".csv.gz"))
        rows = _table(path, columns) if is_table else _features(path, columns)
        return _read(path, rows, once)
    except SiteError:
        raise
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise SiteError("unreadable", name=path.name) from error


def _read(path: Path, rows: Iterator[Place | None], once: bool) -> Places:
    found: dict[str, Place] = {}
    refused = 0
    for number, place in enumerate(rows, 1):
        if number > PLACES_MAX:
            raise SiteError("too_large", name=path.name, limit=f"{PLACES_MAX:,}")
        if place is None or not _is_sound(place):
            refused += 1
        elif place.id not in found:
            found[place.id] = place
        elif not once:
            raise SiteError("twice", name=path.name, id=place.id)
    if not found:
        raise SiteError("empty", name=path.name)
    return Places(tuple(found.values()), refused)


def _is_sound(place: Place) -> bool:
    numbers = (place.lon, place.lat, place.weight)
    is_there = abs(place.lon) <= 180 and abs(place.lat) <= 90
    return all(isfinite(each) for each in numbers) and is_there and place.weight >= 0


def _table(path: Path, columns: Mapping[str, str]) -> Iterator[Place | None]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(cast("Any", file))
        known = list(reader.fieldnames or ())
        wanted = dict(columns)
        if "place" not in wanted:
            wanted = {"lon": "lon", "lat": "lat"} | wanted
        if "id" not in wanted and "id" in known:
            wanted["id"] = "id"
        for column in wanted.values():
            if column not in known:
                told = ", ".join(known)
                raise SiteError("columns", name=path.name, column=column, known=told)
        for number, row in enumerate(reader, 1):
            yield _place(row, wanted, str(number))


def _place(row: Mapping[str, str | None], wanted: Mapping[str, str], number: str) -> Place | None:
    try:
        if "place" in wanted:
            pair = PAIR.match(str(row[wanted["place"]]).strip())
            if pair is None:
                return None
            lat, lon = float(pair[1]), float(pair[2])
        else:
            lon, lat = float(row[wanted["lon"]] or ""), float(row[wanted["lat"]] or "")
        weight = float(row[wanted["weight"]] or "") if "weight" in wanted else 1.0
    except ValueError:
        return None
    name = str(row[wanted["id"]] or "").strip() if "id" in wanted else number
    return Place(name or number, lon, lat, weight)


def _features(path: Path, columns: Mapping[str, str]) -> Iterator[Place | None]:
    document: Any = json.loads(path.read_text(encoding="utf-8"))
    for number, feature in enumerate(document["features"], 1):
        about = cast("dict[str, Any]", feature.get("properties") or {})
        name = str(about.get(columns.get("id", "id"), feature.get("id", number)))
        geometry = feature.get("geometry")
        if geometry is None:
            yield None
            continue
        point: Any = shape(geometry).representative_point()
        weight: Any = about.get(columns["weight"]) if "weight" in columns else 1.0
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        yield Place(name, float(point.x), float(point.y), float(weight)) if is_number else None


def pooled(places: Sequence[Place], cell_m: float) -> tuple[Place, ...]:
    """One place for each square of that width which holds any: the middle by weight, all weight."""
    plane = plane_of(places)
    cells: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
    for each in places:
        x, y = plane.to_plane(each.lon, each.lat)
        cells.setdefault((int(x // cell_m), int(y // cell_m)), []).append((x, y, each.weight))
    found: list[Place] = []
    for (column, row), points in sorted(cells.items()):
        weight = sum(w for _, _, w in points)
        shares = [w / weight if weight else 1 / len(points) for _, _, w in points]
        x = sum(p[0] * share for p, share in zip(points, shares, strict=True))
        y = sum(p[1] * share for p, share in zip(points, shares, strict=True))
        found.append(Place(f"{column}/{row}", *plane.to_globe(x, y), weight))
    return tuple(found)


def grid(places: Sequence[Place], step_m: float) -> tuple[Place, ...]:
    """The middles of all squares of that width over the box around some places."""
    plane = plane_of(places)
    flat = [plane.to_plane(each.lon, each.lat) for each in places]
    low = [min(point[axis] for point in flat) for axis in (0, 1)]
    count = [int((max(p[axis] for p in flat) - low[axis]) // step_m) + 1 for axis in (0, 1)]
    if count[0] * count[1] > PLACES_MAX:
        raise SiteError("too_large", name="--grid-m", limit=f"{PLACES_MAX:,}")
    return tuple(
        Place(
            f"grid-{column}-{row}",
            *plane.to_globe(low[0] + (column + 0.5) * step_m, low[1] + (row + 0.5) * step_m),
        )
        for row in range(count[1])
        for column in range(count[0])
    )


def plane_of(places: Sequence[Place]) -> Plane:
    """A flat map around the middle of the places."""
    lons, lats = [each.lon for each in places], [each.lat for each in places]
    return Plane((min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2)
