"""What a live node takes from a log: bands of arrival, hours of the day, and stays of units.

Nothing is simulated for it: medians and 90th percentiles of what the log shows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np

from tocsin.dispatching.eta import Residuals, fit_bands
from tocsin.dispatching.tables import Seconds
from tocsin.geography.roads.changes import HourFactor, HourFactors
from tocsin.packs.stays import ANY, Stage, Stay
from tocsin.simulation.dispatch.fitting import FEWEST, Trip, fit_travel
from tocsin.simulation.dispatch.form import OTHER_KIND, LogForm
from tocsin.simulation.dispatch.log import Log, LogRow

ENDS_S: Final = (60.0, 120.0, 180.0, 240.0, 480.0)
"""Upper ends of the bands of road time; the last band is open."""
RUNS_MIN: Final = 100
"""Runs without which no band is fitted: the 90th percentile rests on ten of them."""
SAME: Final = 0.05
"""An hour within five percent of the day is like the day: less is the noise of a month's trips."""
ROAD_MAX_S: Final = 86_400.0
"""No trip of a unit takes a day; where there is no way the road time is endless."""


@dataclass(frozen=True, slots=True)
class Banded:
    """The fit: `runs` trips in all, `band_runs` in each band."""

    runs: int
    bands: tuple[Residuals, ...]
    band_runs: tuple[int, ...]
    hours: HourFactors
    stays: tuple[Stay, ...]


def bands_of(log: Log, form: LogForm, trips: list[Trip]) -> Banded | None:
    """Fitted to the trips of high priority (of all where those are too few), with each hour's
    factor taken out of its trips first. None where the log holds too few trips."""
    used = [trip for trip in trips if trip.is_high and 0.0 < trip.road_s < ROAD_MAX_S]
    if len(used) < RUNS_MIN:
        used = [trip for trip in trips if 0.0 < trip.road_s < ROAD_MAX_S]
    if len(used) < RUNS_MIN:
        return None
    hours = _hours(fit_travel(used).hour)
    factor = {hour: row.factor for row in hours.rows for hour in row.hours}
    # The node multiplies its roads by the hour: what is left is the band's.
    road_s = np.array([trip.road_s * factor.get(trip.hour, 1.0) for trip in used])
    took_s = np.array([trip.took_s for trip in used])
    ends_s = _filled(road_s)
    raw = fit_bands(road_s, took_s, ends_s, FEWEST)
    bands = tuple(
        Residuals(each.below_s, round(each.median_factor, 3), round(each.p90_factor, 3))
        for each in raw
    )
    edges = (0.0, *ends_s, np.inf)
    counts = tuple(
        int(np.count_nonzero((road_s >= low) & (road_s < high)))
        for low, high in zip(edges, edges[1:], strict=False)
    )
    return Banded(len(used), bands, counts, hours, stays_of(log, form))


def _filled(road_s: Seconds) -> tuple[float, ...]:
    """The ends between bands that hold enough trips each: a thin band joins the one below it, the
    first one the one above. What nobody drove is told by the longest ways that somebody did."""
    ends: list[float] = []
    for end_s in ENDS_S:
        low_s = ends[-1] if ends else 0.0
        above = int(np.count_nonzero(road_s >= end_s))
        if int(np.count_nonzero((road_s >= low_s) & (road_s < end_s))) >= FEWEST <= above:
            ends.append(end_s)
    return tuple(ends)


def _hours(factors: tuple[float, ...]) -> HourFactors:
    """Hours of like factor together, in hundredths; both driving metrics, for a log of engines
    says nothing of ordinary cars."""
    by_factor: dict[float, list[int]] = defaultdict(list)
    for hour, factor in enumerate(factors):
        if abs(factor - 1.0) > SAME:
            by_factor[round(factor, 2)].append(hour)
    rows = tuple(
        HourFactor(factor, hours=tuple(hours)) for factor, hours in sorted(by_factor.items())
    )
    return HourFactors(rows)


def stays_of(log: Log, form: LogForm) -> tuple[Stay, ...]:
    """Median and 90th percentile of each kind's stages, by the winsorising rule of the form; a
    kind with fewer than thirty takes those of all. `share` of transporting: how many of those on
    scene left with somebody."""
    samples: dict[tuple[str, Stage], list[float]] = defaultdict(list)
    arrived: dict[str, int] = defaultdict(int)
    for call in log.calls:
        for row in call.rows:
            if row.kind == OTHER_KIND:
                continue
            for name in (row.kind, ANY):
                arrived[name] += row.on_scene_s is not None
                for stage, seconds in _stages(row, form):
                    samples[name, stage].append(seconds)
    found: list[Stay] = []
    for (kind, stage), values in sorted(samples.items()):
        if len(values) < FEWEST:
            continue
        middle, ninety = (float(np.quantile(values, q, method="inverted_cdf")) for q in (0.5, 0.9))
        median_s = max(1, round(middle))
        share = 100
        if stage == "transporting":
            share = max(1, min(100, round(100 * len(values) / max(1, arrived[kind]))))
        found.append(Stay(kind, stage, median_s, max(median_s, round(ninety)), share))
    return tuple(found)


def _stages(row: LogRow, form: LogForm) -> list[tuple[Stage, float]]:
    found: list[tuple[Stage, float]] = []
    if row.en_route_s is not None:
        turnout_s = form.clipped_s("turnout", row.en_route_s - row.dispatched_s)
        found.append(("turnout", turnout_s))
    if row.on_scene_s is None:
        return found
    if row.transport_s is None:
        if row.available_s is not None:
            found.append(("on_scene", form.clipped_s("scene", row.available_s - row.on_scene_s)))
        return found
    found.append(("on_scene", form.clipped_s("scene", row.transport_s - row.on_scene_s)))
    if row.hospital_s is not None and row.available_s is not None:
        way_s = form.clipped_s("transport", row.hospital_s - row.transport_s)
        over_s = form.clipped_s("handover", row.available_s - row.hospital_s)
        found.append(("transporting", way_s + over_s))
    return found
