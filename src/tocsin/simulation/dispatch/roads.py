"""Real roads behind the simulator's plain question for times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tocsin.geography.roads.cch import CchTimes
from tocsin.geography.roads.graph import RoadGraph
from tocsin.geography.roads.reading_arcs import read_arcs
from tocsin.geography.roads.reading_streets import read_streets
from tocsin.geography.roads.snapping import Snapper
from tocsin.geography.roads.times import TravelTimes
from tocsin.packs.reading import Finding, PackError, Reader
from tocsin.simulation.dispatch.sheet import SheetError, rows_of
from tocsin.simulation.dispatch.travel import Points, Seconds, StraightLine, Times

SNAP_M: Final = 1_000.0
"""A log's places lie on blocks and crossings, at times in the middle of a park: farther than for a
live call, because here nobody is sent wrong."""
CUT_OFF_SPEED_MPS: Final = 5.0
"""Where roads give no way (an island whose bridge is not in the file), a straight line at half a
town's speed: those calls were served, slowly, and stay in the figures."""


class RoadTimes:
    """Road times of one metric between points; by straight line where there is no way.

    `cut_off` counts the pairs that had none, over all questions so far.
    """

    def __init__(self, times: TravelTimes) -> None:
        self._times = times
        self._snapper = Snapper(times.graph, "emergency", SNAP_M)
        self._beside = StraightLine(CUT_OFF_SPEED_MPS)
        self.cut_off = 0

    def times_s(self, sources: Points, targets: Points) -> Seconds:
        """As `Times.times_s`; never infinite."""
        starts = self._snapper.snap(sources[:, 0], sources[:, 1])
        ends = self._snapper.snap(targets[:, 0], targets[:, 1])
        table = self._times.table(starts, ends, "emergency")
        lost = ~np.isfinite(table)
        if lost.any():
            self.cut_off += int(np.count_nonzero(lost))
            table = np.where(lost, self._beside.times_s(sources, targets), table)
        return table


@dataclass(frozen=True, slots=True)
class ArcsForm:
    """Which columns of a directed graph's two tables hold what, and the seconds in one of its units
    of time. `nodes` and `arcs` are members of one zip file."""

    nodes: str
    arcs: str
    columns: tuple[str, ...]
    unit_s: float


COLUMNS: Final = ("id", "lon", "lat", "from", "to", "urgent", "usual")


def arcs_of(reader: Reader) -> ArcsForm:
    """The table `[roads.arcs]`; what is wrong becomes findings of the reader."""
    columns = reader.table("columns")
    names = tuple(columns.text(each, each) for each in COLUMNS)
    columns.close()
    unit_s = reader.value("unit_s")
    if isinstance(unit_s, bool) or not isinstance(unit_s, int | float) or not 0 < unit_s < 1e6:
        reader.find("unit_s", "bad_value", "must be the seconds in one unit of time")
        unit_s = 1.0
    form = ArcsForm(reader.text("nodes"), reader.text("arcs"), names, float(unit_s))
    reader.close()
    return form


def _arcs(path: Path, form: ArcsForm) -> RoadGraph:
    name, lon, lat, *rest = form.columns
    places = {
        _key(each): (float(x), float(y))
        for _, (each, x, y) in rows_of(path, (name, lon, lat), form.nodes)
    }
    arcs = (
        (_key(start), _key(end), float(urgent) * form.unit_s, float(usual) * form.unit_s)
        for _, (start, end, urgent, usual) in rows_of(path, rest, form.arcs)
    )
    return read_arcs(places, arcs, path.name)


def _key(text: str) -> str:
    """Whole numbers are at times written `1.0`."""
    return text.removesuffix(".0")


def times_of(kind: str, file: str | None, data: Path, arcs: ArcsForm | None = None) -> Times:
    """The road times that a scenario names. Raises PackError, RoadsError."""
    if kind == "straight":
        return StraightLine()
    path = data / (file or "")
    if not path.is_file():
        text = f"there is no {path.name} in the folder of data (--files)"
        raise PackError([Finding("roads file", "missing", text)])
    if kind == "arcs":
        assert arcs is not None, "the scenario was checked"
        try:
            return RoadTimes(CchTimes(_arcs(path, arcs)))
        except (SheetError, ValueError) as error:
            raise PackError([Finding("roads file", "bad_value", str(error))]) from error
    return RoadTimes(CchTimes(read_streets(path)))
