"""Real roads behind the simulator's plain question for times."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from tocsin.geography.roads.cch import CchTimes
from tocsin.geography.roads.reading_streets import read_streets
from tocsin.geography.roads.snapping import Snapper
from tocsin.geography.roads.times import TravelTimes
from tocsin.packs.reading import Finding, PackError
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


def times_of(kind: str, file: str | None, data: Path) -> Times:
    """The road times that a scenario names. Raises PackError, RoadsError."""
    if kind == "straight":
        return StraightLine()
    path = data / (file or "")
    if not path.is_file():
        text = f"there is no {path.name} in the folder of data (--files)"
        raise PackError([Finding("roads file", "missing", text)])
    return RoadTimes(CchTimes(read_streets(path)))
