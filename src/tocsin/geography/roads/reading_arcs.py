"""Roads as a plain directed graph: crossings with a place, arcs with the time each takes.

What planning tools and simulators exchange. An arc is one way; its length is the straight line
between its crossings, and its speed what makes its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import cos, hypot, isfinite, radians

from tocsin.geography.distance import METRES_PER_DEGREE
from tocsin.geography.roads.drafting import LENGTH_MIN_M, Draft, DraftRoad, Place, graph_of
from tocsin.geography.roads.graph import BuildReport, RoadGraph
from tocsin.geography.roads.speeds import CLASS_INDEX, WALKING_KM_H

MPS_TO_KM_H = 3.6
SPEED_MAX_KM_H = 200.0
"""Rounded places make short arcs look faster than anything drives."""


def read_arcs(
    places: Mapping[str, Place], arcs: Iterable[tuple[str, str, float, float]], source: str
) -> RoadGraph:
    """The graph of arcs (from, to, seconds with sirens, seconds without); places by crossing.

    Arcs without two known crossings or a time above 0 are counted in the report and left out.
    Raises `RoadsError` (no_roads).
    """
    number = {name: at for at, name in enumerate(places)}
    roads: list[DraftRoad] = []
    broken = 0
    for at, (tail, head, urgent_s, usual_s) in enumerate(arcs):
        is_known = tail in number and head in number and tail != head
        is_timed = isfinite(urgent_s) and isfinite(usual_s) and urgent_s > 0 and usual_s > 0
        if not (is_known and is_timed):
            broken += 1
            continue
        start, end = places[tail], places[head]
        # The time is what counts: where the speed is capped, the length follows.
        length_m = max(LENGTH_MIN_M, _length_m(start, end))
        length_m = min(length_m, SPEED_MAX_KM_H / MPS_TO_KM_H * urgent_s)
        speeds = (
            length_m / urgent_s * MPS_TO_KM_H, length_m / usual_s * MPS_TO_KM_H, WALKING_KM_H,
        )  # fmt: skip
        roads.append(
            DraftRoad(
                number[tail], number[head], (start, end), speeds, (0.0, 0.0, WALKING_KM_H),
                CLASS_INDEX["residential"], "", at, length_m,
            )
        )  # fmt: skip
    return graph_of(Draft(roads, report=BuildReport(source=source, rows_broken=broken)))


def _length_m(start: Place, end: Place) -> float:
    x = (end[0] - start[0]) * cos(radians((start[1] + end[1]) / 2.0))
    return METRES_PER_DEGREE * hypot(x, end[1] - start[1])
