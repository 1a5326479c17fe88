"""The roads of a node: found or made at its start, beside its other work, and loaded once."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import shapely as _untyped
import structlog

from tocsin.app.mapping import MAP_FILE
from tocsin.geography.geojson import GeometryError, geometries_of
from tocsin.geography.roads.cch import CchTimes
from tocsin.geography.roads.changes import HourFactors
from tocsin.geography.roads.errors import RoadsError
from tocsin.geography.roads.keeping import FOLDER, kept_roads, read_graph
from tocsin.geography.roads.speeds import METRICS
from tocsin.runtime.recommending.bands import ASSUMED, BANDS_FILE, Fitted, read_fitted
from tocsin.runtime.recommending.desk import AdviceDesk
from tocsin.runtime.recommending.net import RoadNet

shapely = cast("Any", _untyped)
log = structlog.get_logger("tocsin.roads")

NO_FLY_FILE: Final = "no-fly.geojson"
"""In the data folder: polygons that no drone is sent across."""


Part = TypeVar("Part")
Done = TypeVar("Done")


class OnThreads:
    """A thread for each core (see `cch.Spread`): the library lets go of the interpreter's lock.
    Started for each large table and gone with it, so that nothing is left to be stopped."""

    parts: int = len(os.sched_getaffinity(0))

    def map(self, work: Callable[[Part], Done], parts: Sequence[Part], /) -> list[Done]:
        """See `Spread.map`."""
        with ThreadPoolExecutor(self.parts, thread_name_prefix="roads") as pool:
            return list(pool.map(work, parts))


def roads_beside(map_file: Path) -> Path:
    """Where `make` keeps the roads of a map file, so that no fresh node has to make them again."""
    return map_file.with_name(map_file.name.removesuffix(MAP_FILE) + ".roads")


def load_net(source: Path | None, data: Path, hours: HourFactors = ASSUMED.hours) -> RoadNet | None:
    """The road network of a node, ready for its first question; None where it has no roads.

    `source` is a folder that `tocsin roads build` filled, or a road file, whose graph is kept in
    the data folder; without one that folder itself is looked into. `hours` is the time of day.
    Raises RoadsError.
    """
    folder = data / FOLDER
    if source is not None and source.is_file():
        beside = roads_beside(source)
        kept_in = beside if beside.is_dir() else folder
        graph = kept_roads(source, kept_in)
        return _net(CchTimes(graph, hours=hours, folder=kept_in, spread=OnThreads()))
    if source is not None:
        folder = source
        if not folder.is_dir():
            raise RoadsError("missing", name=source.name)
    # The newest, if several were built there; whoever wants another names its file.
    kept = sorted(folder.glob("roads-*.npz"), key=lambda each: (-each.stat().st_mtime, each.name))
    for path in kept:
        found = read_graph(path)
        if found is not None:
            return _net(CchTimes(found, hours=hours, folder=folder, spread=OnThreads()))
    if source is not None:
        raise RoadsError("no_roads", name=source.name)
    return None


def _net(times: CchTimes) -> RoadNet:
    for metric in METRICS:
        times.prepare(metric)
    return RoadNet(times)


async def keep_roads(desk: AdviceDesk, source: Path | None, data: Path) -> None:
    """Loads the roads of a node into its desk; meanwhile it answers by straight line. Never raises
    for a bad file: the log and every answer say so."""
    desk.road_state = "loading"
    try:
        # Not in the desk's own thread: who asks meanwhile is answered.
        desk.net = await asyncio.to_thread(load_net, source, data, desk.fitted.hours)
        desk.road_state = "ready" if desk.net is not None else "none"
        if desk.net is None:
            log.warning("no_roads", hint="tocsin roads build FILE.osm.pbf, or --roads FILE.osm.pbf")
    except (RoadsError, OSError) as trouble:
        desk.road_state = "failed"
        log.warning("roads_not_loaded", detail=str(trouble))


def fitted_times(source: Path | None, data: Path) -> Fitted:
    """The times that the town has fitted: the file of the settings, else the one in the data
    folder, else our assumptions. Raises PackError with all that is wrong with the file."""
    path = source if source is not None else data / BANDS_FILE
    if source is None and not path.exists():
        return ASSUMED
    return read_fitted(path)


def no_fly_areas(data: Path) -> tuple[Any, ...]:
    """The polygons of the no-fly file; none where there is no file. Raises GeometryError."""
    file = data / NO_FLY_FILE
    if not file.exists():
        return ()
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as trouble:
        raise GeometryError(f"{NO_FLY_FILE} cannot be read: {trouble}") from trouble
    return geometries_of(document)


__all__ = [
    "NO_FLY_FILE",
    "keep_roads",
    "load_net",
    "fitted_times",
    "no_fly_areas",
    "roads_beside",
]
