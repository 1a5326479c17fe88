"""Fits the stages to a log: what is measured directly. What is not, `calibrate` finds by running.

Interval by interval the winsorising rule of the form applies (`LogForm.clipped_s`). Single travel
times carry the slips of those who press the buttons, so medians by band are fitted, and the noise
from its late half.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tocsin.simulation.dispatch.calls import DAY_S, HOUR_S
from tocsin.simulation.dispatch.form import OTHER_KIND, LogForm
from tocsin.simulation.dispatch.log import Log, LogCall, LogRow
from tocsin.simulation.dispatch.stages import (
    ANY,
    NIGHT_H,
    TABLES,
    Stages,
    TravelCurve,
    quantiles_of,
)
from tocsin.simulation.dispatch.states import Fleet
from tocsin.simulation.dispatch.travel import Times, points

Floats = npt.NDArray[np.float64]

FEWEST: Final = 30
"""A kind with fewer intervals of a stage takes those of all kinds: with 30 the 90th percentile
already rests on three."""
BANDS_S: Final = (0.0, 60.0, 90.0, 120.0, 150.0, 180.0, 240.0, 300.0, 420.0, 7_200.0)
"""Bands of road time. Single trips are noise; a band's median is not."""
HOUR_PRIOR: Final = 25.0
"""An hour's factor counts as if so many trips more had been like the whole day."""
NORMAL_90: Final = 1.2816
"""The 90th percentile of the standard normal distribution."""
FASTEST_S: Final = 5.0
"""A trip that took less was a late press of the button; it counts as this long."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A unit's way from its home to a call, as it was: where it started is known."""

    kind: str
    area: str
    hour: int
    is_high: bool
    road_s: float
    took_s: float


def fit(log: Log, form: LogForm, fleet: Fleet, times: Times) -> Stages:
    """The stages of a log, with factors of kind and area still 1."""
    samples = _samples(log, form)
    quantiles = {stage: _tables(samples[stage]) for stage in TABLES}
    return Stages(quantiles, fit_travel(trips_of(log, form, fleet, times)))


def _samples(log: Log, form: LogForm) -> dict[str, dict[str, list[float]]]:
    """Stage, name, intervals after the winsorising rule."""
    found: dict[str, dict[str, list[float]]] = {stage: defaultdict(list) for stage in TABLES}
    for call in log.calls:
        rows = [row for row in call.rows if row.kind != OTHER_KIND]
        if not rows:
            continue
        name = "high" if call.is_high else "low"
        waited_s = rows[0].dispatched_s - call.received_s
        found["processing"][name].append(form.clipped_s("processing", waited_s))
        for row in rows:
            for stage, interval_s in _intervals(row, form):
                found[stage][row.kind].append(interval_s)
    return found


def _intervals(row: LogRow, form: LogForm) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []

    def add(stage: str, rule: str, start_s: float | None, end_s: float | None) -> None:
        if start_s is not None and end_s is not None:
            found.append((stage, form.clipped_s(rule, end_s - start_s)))

    hour = row.received_s % DAY_S / HOUR_S
    night = hour >= NIGHT_H[0] or hour < NIGHT_H[1]
    turnout = "turnout_night" if night else "turnout_day"
    add(turnout, "turnout", row.dispatched_s, row.en_route_s)
    if row.on_scene_s is None:
        add("cancelled", "busy", row.dispatched_s, row.available_s)
    elif row.transport_s is None:
        add("scene", "scene", row.on_scene_s, row.available_s)
    else:
        add("scene_transport", "scene", row.on_scene_s, row.transport_s)
        add("transport", "transport", row.transport_s, row.hospital_s)
        add("handover", "handover", row.hospital_s, row.available_s)
    return found


def _tables(samples: Mapping[str, list[float]]) -> dict[str, tuple[float, ...]]:
    whole = [each for values in samples.values() for each in values]
    found = {ANY: quantiles_of(np.asarray(whole or [0.0]))}
    for name, values in samples.items():
        if len(values) >= FEWEST:
            found[name] = quantiles_of(np.asarray(values))
    return found


def trips_of(log: Log, form: LogForm, fleet: Fleet, times: Times) -> list[Trip]:
    """Trips from home of units that have one, were idle there, and arrived."""
    picked: list[tuple[LogCall, LogRow]] = []
    for call in log.calls:
        for row in call.rows:
            if row.unit not in fleet.homes or row.en_route_s is None or row.on_scene_s is None:
                continue
            before_s = row.dispatched_s - 1.0
            is_home = fleet.is_idle(row.unit, before_s)
            if is_home and fleet.cleared(row.unit, row.dispatched_s) is None:
                picked.append((call, row))
    if not picked:
        return []
    units = sorted({row.unit for _, row in picked})
    places = sorted({(row.lon, row.lat) for _, row in picked})
    table = times.times_s(points([fleet.homes[unit] for unit in units]), points(places))
    at_unit = {unit: number for number, unit in enumerate(units)}
    at_place = {place: number for number, place in enumerate(places)}
    found: list[Trip] = []
    for call, row in picked:
        assert row.en_route_s is not None and row.on_scene_s is not None
        took_s = form.clipped_s("travel", row.on_scene_s - row.en_route_s)
        road_s = float(table[at_unit[row.unit], at_place[row.lon, row.lat]])
        hour = int(row.received_s % DAY_S // HOUR_S)
        found.append(Trip(row.kind, call.area, hour, call.is_high, road_s, max(FASTEST_S, took_s)))
    return found


def fit_travel(trips: list[Trip]) -> TravelCurve:
    """The curve of medians by band of road time, sigma by band, factors of hour and priority."""
    high = [trip for trip in trips if trip.is_high]
    if len(high) < FEWEST:
        return TravelCurve((1.0, 3_600.0), (1.0, 3_600.0), (0.0, 0.0), (1.0,) * 24)
    road_s = np.asarray([trip.road_s for trip in high])
    took_s = np.asarray([trip.took_s for trip in high])
    knots, medians = _medians(road_s, took_s)
    rough = TravelCurve(knots, medians, (0.0,) * len(knots), (1.0,) * 24)
    over = np.log(took_s / rough.medians_s(road_s))
    hours = np.asarray([trip.hour for trip in high])
    hour = _hours(over, hours)
    over = over - np.log(np.asarray(hour))[hours]
    band = np.digitize(road_s, _edges(road_s)[1:-1])
    sigma = tuple(_late_sigma(over[band == number]) for number in range(len(knots)))
    curve = TravelCurve(knots, medians, sigma, hour)
    return TravelCurve(knots, medians, sigma, hour, {"priority": _priorities(trips, curve)})


def _late_sigma(over: Floats) -> float:
    """Of the log-normal noise, from the late half alone: the 90th percentile over the median. The
    early half holds those who pressed the button too late."""
    late = float(np.quantile(over, 0.9) - np.quantile(over, 0.5))
    return round(late / NORMAL_90, 4)


def _edges(road_s: Floats) -> list[float]:
    """Bands with enough trips; a thin one joins the one below it."""
    edges = [BANDS_S[0]]
    for edge in BANDS_S[1:]:
        count = int(np.count_nonzero((road_s >= edges[-1]) & (road_s < edge)))
        if count >= FEWEST:
            edges.append(edge)
        elif edge == BANDS_S[-1] and len(edges) > 1:
            edges[-1] = edge
    return edges if len(edges) > 1 else [BANDS_S[0], BANDS_S[-1]]


def _medians(road_s: Floats, took_s: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    band = np.digitize(road_s, _edges(road_s)[1:-1])
    knots: list[float] = []
    medians: list[float] = []
    for number in sorted({int(each) for each in band}):
        rows = band == number
        knots.append(round(float(np.median(road_s[rows])), 1))
        # A longer way is never faster: a band's median below the one before is taken as equal.
        least = medians[-1] if medians else 0.0
        medians.append(round(max(least, float(np.median(took_s[rows]))), 1))
    return tuple(knots), tuple(medians)


def _hours(over: Floats, hours: npt.NDArray[np.int64]) -> tuple[float, ...]:
    found: list[float] = []
    for hour in range(24):
        rows = over[hours == hour]
        weight = len(rows) / (len(rows) + HOUR_PRIOR)
        middle = float(np.median(rows)) if len(rows) else 0.0
        found.append(round(float(np.exp(weight * middle)), 4))
    return tuple(found)


def _priorities(trips: list[Trip], curve: TravelCurve) -> dict[str, float]:
    low = [trip for trip in trips if not trip.is_high]
    if len(low) < FEWEST:
        return {"high": 1.0, "low": 1.0}
    road_s = np.asarray([trip.road_s for trip in low])
    hour = np.asarray(curve.hour)[[trip.hour for trip in low]]
    ratio = np.asarray([trip.took_s for trip in low]) / (curve.medians_s(road_s) * hour)
    return {"high": 1.0, "low": round(float(np.median(ratio)), 4)}
