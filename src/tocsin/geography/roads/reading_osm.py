"""Reads the roads of an `.osm.pbf`: any extract, nothing about it known beforehand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import osmium as _osmium

from tocsin.geography.roads.drafting import Draft, DraftRoad, Place, graph_of
from tocsin.geography.roads.errors import RoadsError
from tocsin.geography.roads.graph import BuildReport, RoadGraph
from tocsin.geography.roads.restrictions import KEYS, TIMED, Restriction, all_bans, restriction_of
from tocsin.geography.roads.tags import Use, barrier_of, use_of

osmium = cast("Any", _osmium)

FILE_BYTES_MAX: Final = 300_000_000  # a county, not a country: as for the map
PLACE_DECIMALS: Final = 7  # what the file format holds

Corner = tuple[int, Place]


@dataclass(frozen=True, slots=True)
class _Way:
    ref: int
    use: Use
    name: str
    corners: list[Corner]


@dataclass(slots=True)
class _Found:
    """What one pass over the file collects."""

    ways: list[_Way] = field(default_factory=list[_Way])
    uses: Counter[int] = field(default_factory=Counter[int])
    signals: set[int] = field(default_factory=set[int])
    barriers: dict[int, tuple[bool, bool, bool]] = field(
        default_factory=dict[int, tuple[bool, bool, bool]]
    )
    restrictions: dict[int, Restriction] = field(default_factory=dict[int, Restriction])
    unread: int = 0
    broken: int = 0


def read_osm(path: Path, *, drives_on_left: bool = False) -> RoadGraph:
    """The graph of an extract.

    Ways are parted at crossings, lights and barriers. Time-bound restrictions and those that
    exempt cars are left out and counted, as are ways without places. Raises `RoadsError`
    (missing, too_large, unreadable, no_roads).
    """
    if not path.is_file():
        raise RoadsError("missing", name=path.name)
    if path.stat().st_size > FILE_BYTES_MAX:
        limit = f"{FILE_BYTES_MAX // 1_000_000} MB"
        raise RoadsError("too_large", name=path.name, limit=limit)
    try:
        found = _found_in(path)
    except (RuntimeError, OSError) as error:
        raise RoadsError("unreadable", name=path.name) from error
    roads = [road for way in found.ways for road in _roads_of(way, found)]
    bans, unplaced = all_bans(roads, found.restrictions)
    report = BuildReport(
        source=path.name,
        restrictions_read=len(found.restrictions),
        restrictions_ignored=found.unread + unplaced,
        rows_broken=found.broken,
    )
    signals = frozenset(found.signals)
    return graph_of(Draft(roads, signals, found.barriers, bans, drives_on_left, report))


def _found_in(path: Path) -> _Found:
    found = _Found()
    keys = ("highway", "barrier", *KEYS, *TIMED)
    things = osmium.FileProcessor(str(path)).with_locations()
    for thing in things.with_filter(osmium.filter.KeyFilter(*keys)):
        tags = {tag.k: tag.v for tag in thing.tags}
        if thing.is_node():
            if tags.get("highway") == "traffic_signals":
                found.signals.add(thing.id)
            barrier = barrier_of(tags)
            if barrier is not None:
                found.barriers[thing.id] = barrier
        elif thing.is_way():
            _take_way(found, thing, tags)
        elif tags.get("type") == "restriction":
            members = [(each.role, each.type, each.ref) for each in thing.members]
            restriction = restriction_of(tags, members)
            if restriction is None:
                found.unread += 1
            else:
                found.restrictions[thing.id] = restriction
    return found


def _take_way(found: _Found, way: Any, tags: dict[str, str]) -> None:
    use = use_of(tags) if "highway" in tags else None
    if use is None:
        return
    name = tags.get("name") or tags.get("ref", "")
    # An extract may hold a way without all of its places: nobody knows what lies in a gap.
    runs: list[list[Corner]] = [[]]
    is_broken = False
    for node in way.nodes:
        if not node.location.valid():
            is_broken = True
            runs.append([])
        elif not (runs[-1] and runs[-1][-1][0] == node.ref):
            lon, lat = node.location.lon, node.location.lat
            runs[-1].append((node.ref, (round(lon, PLACE_DECIMALS), round(lat, PLACE_DECIMALS))))
    found.broken += is_broken
    for corners in runs:
        if len(corners) > 1:
            found.ways.append(_Way(way.id, use, name, corners))
            found.uses.update(ref for ref, _ in corners)
            # The ends of a way are crossings even where nothing else meets it.
            found.uses.update((corners[0][0], corners[-1][0]))


def _roads_of(way: _Way, found: _Found) -> list[DraftRoad]:
    parted: list[DraftRoad] = []
    begun = 0
    for at in range(1, len(way.corners)):
        ref = way.corners[at][0]
        if found.uses[ref] > 1 or ref in found.signals or ref in found.barriers:
            run = way.corners[begun : at + 1]
            places = tuple(place for _, place in run)
            use = way.use
            parted.append(
                DraftRoad(
                    *(run[0][0], run[-1][0], places, use.forward, use.backward),
                    *(use.road_class, way.name, way.ref),
                )
            )
            begun = at
    return parted
