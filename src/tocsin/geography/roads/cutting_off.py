"""Which places nobody can reach, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tocsin.geography.roads.graph import Flags
from tocsin.geography.roads.snapping import Snaps
from tocsin.geography.roads.speeds import Metric
from tocsin.geography.roads.times import TravelTimes

Cause = Literal["off_roads", "not_open", "no_way", "changes"]
"""off_roads: too far from any road. not_open: on a road that this metric may never use.
no_way: the roads do not lead there from any source. changes: they would, without the changes in
force."""


@dataclass(frozen=True, slots=True)
class CutOff:
    """A target that none of the sources can reach: its row, and why."""

    target: int
    cause: Cause


def cut_off(
    now: TravelTimes, usual: TravelTimes, sources: Snaps, targets: Snaps, metric: Metric
) -> tuple[CutOff, ...]:
    """The targets without a way from any source `now`, in order of their rows.

    `usual` is the same network without changes: it tells what a closure did from what was always
    so. Without sources every target is listed.
    """
    lost = np.flatnonzero(~_reached(now, sources, targets, metric)).tolist()
    if not lost:
        return ()
    there = targets.take(lost)
    before = _reached(usual, sources, there, metric)
    is_open = now.graph.is_open(metric)
    found: list[CutOff] = []
    for place, row in enumerate(lost):
        ends = (int(there.forward[place]), int(there.backward[place]))
        cause: Cause = "no_way"
        if there.is_off_road[place]:
            cause = "off_roads"
        elif before[place]:
            cause = "changes"
        elif not any(edge >= 0 and is_open[edge] for edge in ends):
            cause = "not_open"
        found.append(CutOff(row, cause))
    return tuple(found)


def _reached(times: TravelTimes, sources: Snaps, targets: Snaps, metric: Metric) -> Flags:
    table = times.table(sources, targets, metric)
    return np.asarray(np.any(np.isfinite(table), axis=0), dtype=np.bool_)
