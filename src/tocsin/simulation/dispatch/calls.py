"""The calls of a run, as plain arrays: from a log as they were, or drawn at rates fitted to it.

A call has slots: one for each unit that it takes, with the kind, how long after the first dispatch
it is asked for, whether it arrives and whether it carries somebody. Slots come whole from a call of
the past (or a kind of call of the scenario), so that what belongs together stays together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin, sqrt
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from tocsin.geography.distance import METRES_PER_DEGREE
from tocsin.simulation.dispatch.form import OTHER_KIND
from tocsin.simulation.dispatch.log import Log, LogCall
from tocsin.simulation.dispatch.raster import Block
from tocsin.simulation.dispatch.replay import WAVE_S
from tocsin.simulation.dispatch.town import AreaRate, Town
from tocsin.simulation.dispatch.travel import Points, points

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DAY_S: Final = 86_400.0
HOUR_S: Final = 3_600.0
MAX_PLACES: Final = 4_000
"""Tables are places x places of 4 bytes: 64 MB. A log with more places is put on a grid."""
GRID_DEG: Final = 0.0005
"""First step of that grid, about 50 m; doubled until the places are few enough."""
SPOTS_PER_AREA: Final = 37
"""Where an area of a scenario without a log has its calls: a sunflower of so many points."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One unit that a call takes."""

    kind: int
    later_s: float
    is_arriving: bool
    is_transporting: bool


@dataclass(frozen=True, slots=True)
class Past:
    """What a call was like: its place, area and slots. `hour` of the day, 0 to 23."""

    place: int
    area: int
    hour: int
    is_high: bool
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Everything calls are drawn from. `times_s` are those of `past` in the log, from its start."""

    kinds: tuple[str, ...]
    areas: tuple[str, ...]
    places: Points
    past: tuple[Past, ...]
    times_s: Floats
    start_s: float
    days: float


@dataclass(frozen=True, slots=True, eq=False)
class Calls:
    """Calls in order of receipt. Slots of call i are `first_slot[i]` to `first_slot[i + 1]`.

    `hour` is that of receipt, 0 to 24, of the town's clock. Slots of one call are in order of
    `later_s` and then of kind.
    """

    pattern: Pattern
    time_s: Floats
    hour: Floats
    place: Ints
    area: Ints
    is_high: Bools
    first_slot: Ints
    kind: Ints
    later_s: Floats
    is_arriving: Bools
    is_transporting: Bools

    def __len__(self) -> int:
        return len(self.time_s)


def pattern_of(log: Log) -> Pattern:
    """The pattern of a log. Units of unknown kind take no part, nor calls that had no other."""
    kinds = tuple(sorted({row.kind for row in log.rows} - {OTHER_KIND}))
    areas = tuple(sorted({call.area for call in log.calls}))
    kept = [call for call in log.calls if any(row.kind != OTHER_KIND for row in call.rows)]
    places, index = _places([(call.lon, call.lat) for call in kept])
    number = {kind: place for place, kind in enumerate(kinds)}
    area_number = {area: place for place, area in enumerate(areas)}
    past = tuple(
        Past(
            index[at],
            area_number[call.area],
            int(call.received_s % DAY_S // HOUR_S),
            call.is_high,
            _slots(call, number),
        )
        for at, call in enumerate(kept)
    )
    received = np.asarray([call.received_s for call in kept], dtype=np.float64)
    start_s = float(received[0] // DAY_S * DAY_S) if len(kept) else 0.0
    span_s = float(received[-1]) - start_s if len(kept) else DAY_S
    return Pattern(
        kinds, areas, places, past, received - start_s, start_s, max(1.0, np.ceil(span_s / DAY_S))
    )


def _slots(call: LogCall, number: Mapping[str, int]) -> tuple[Slot, ...]:
    rows = [row for row in call.rows if row.kind != OTHER_KIND]
    first_s = rows[0].dispatched_s
    found = [
        Slot(
            number[row.kind],
            # Within the first wave is one decision.
            0.0 if row.dispatched_s - first_s <= WAVE_S else row.dispatched_s - first_s,
            row.on_scene_s is not None,
            row.on_scene_s is not None and row.transport_s is not None,
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda slot: (slot.later_s, slot.kind)))


def _places(all_of: list[tuple[float, float]]) -> tuple[Points, list[int]]:
    """Different places, and for each given one its index; on a grid if there are too many."""
    step = GRID_DEG
    shown = all_of
    while len(set(shown)) > MAX_PLACES:
        shown = [(round(lon / step) * step, round(lat / step) * step) for lon, lat in all_of]
        step *= 2
    index = {place: at for at, place in enumerate(sorted(set(shown)))}
    return points(sorted(index)), [index[place] for place in shown]


def pattern_of_town(town: Town) -> Pattern:
    """The pattern of a scenario that is described by rates: each area and kind of call once."""
    kinds = tuple(sorted({need for call in town.call_kinds for need in call.needs}))
    number = {kind: place for place, kind in enumerate(kinds)}
    areas = tuple(area.name for area in town.areas)
    of_areas = [spots_of(area) for area in town.areas]
    firsts = firsts_of(town)
    spots = [block.place for area in of_areas for block in area]
    past: list[Past] = []
    for area in range(len(areas)):
        for call in town.call_kinds:
            slots = tuple(Slot(number[need], 0.0, True, False) for need in sorted(call.needs))
            past.append(Past(firsts[area], area, 0, call.is_high, slots))
    return Pattern(kinds, areas, points(spots), tuple(past), np.zeros(0), 0.0, 1.0)


def spots_of(area: AreaRate) -> tuple[Block, ...]:
    """Where an area has its calls, with weights."""
    return area.spots or tuple(Block(spot, 1.0) for spot in _sunflower(area))


def firsts_of(town: Town) -> list[int]:
    """The number of the first spot of each area among the places of the town's pattern."""
    counts = [len(spots_of(area)) for area in town.areas]
    return [sum(counts[:at]) for at in range(len(counts))]


def _sunflower(area: AreaRate) -> list[tuple[float, float]]:
    """Points spread evenly over a disc (Vogel 1979, the golden angle)."""
    golden = pi * (3.0 - sqrt(5.0))
    lon, lat = area.centre
    found: list[tuple[float, float]] = []
    for at in range(SPOTS_PER_AREA):
        out_deg = area.radius_m * sqrt((at + 0.5) / SPOTS_PER_AREA) / METRES_PER_DEGREE
        turn = at * golden
        found.append((lon + out_deg * cos(turn) / cos(radians(lat)), lat + out_deg * sin(turn)))
    return found


def as_logged(pattern: Pattern) -> Calls:
    """The calls of the log at their own instants."""
    order = list(range(len(pattern.past)))
    return _arrays(pattern, pattern.times_s, order, [each.place for each in pattern.past])


def fitted(pattern: Pattern, days: int, scale: float, chance: np.random.Generator) -> Calls:
    """Calls at the log's rate for each hour of the day and area (Poisson), times `scale`.

    Each is as some call of that area and hour was; where and what are drawn together.
    """
    cells: dict[tuple[int, int], list[int]] = {}
    for at, each in enumerate(pattern.past):
        cells.setdefault((each.hour, each.area), []).append(at)
    keys = sorted(cells)
    rates = np.asarray([len(cells[key]) for key in keys]) / pattern.days * scale
    counts = chance.poisson(rates * np.ones((days, 1)))
    times: list[float] = []
    chosen: list[int] = []
    for day in range(days):
        for key, count in zip(keys, _whole(counts[day]), strict=True):
            times += _within(day * DAY_S + key[0] * HOUR_S, count, chance)
            members = cells[key]
            chosen += [members[at] for at in _whole(chance.integers(len(members), size=count))]
    order = sorted(range(len(times)), key=lambda at: (times[at], at))
    picked = [chosen[at] for at in order]
    return _arrays(
        pattern,
        np.asarray([times[at] for at in order], dtype=np.float64),
        picked,
        [pattern.past[at].place for at in picked],
    )


def _whole(values: npt.NDArray[Any]) -> list[int]:
    return cast("list[int]", values.tolist())


def _within(start_s: float, count: int, chance: np.random.Generator) -> list[float]:
    """So many instants within the hour that begins then."""
    return cast("list[float]", (start_s + chance.random(count) * HOUR_S).tolist())


def by_rates(pattern: Pattern, town: Town, chance: np.random.Generator) -> Calls:
    """Calls at a scenario's own rates: Poisson by hour and area, kinds of call by weight."""
    shares = np.asarray(town.hour_weights) / sum(town.hour_weights)
    weights = np.asarray([call.weight for call in town.call_kinds])
    weights = weights / weights.sum()
    firsts = firsts_of(town)
    shares_of = [np.asarray([each.weight for each in area.spots]) for area in town.areas]
    shares_of = [each / each.sum() if len(each) else each for each in shares_of]
    times: list[float] = []
    chosen: list[int] = []
    places: list[int] = []
    for day in range(town.days):
        for area, rate in enumerate(town.areas):
            counts = _whole(chance.poisson(rate.calls_per_day * town.scale * shares))
            for hour, count in enumerate(counts):
                times += _within(day * DAY_S + hour * HOUR_S, count, chance)
                kinds = _whole(chance.choice(len(weights), size=count, p=weights))
                chosen += [area * len(weights) + kind for kind in kinds]
                if rate.spots:
                    spots = _whole(chance.choice(len(rate.spots), size=count, p=shares_of[area]))
                else:
                    spots = _whole(chance.integers(SPOTS_PER_AREA, size=count))
                places += [firsts[area] + spot for spot in spots]
    order = sorted(range(len(times)), key=lambda at: (times[at], at))
    calls = _arrays(
        pattern,
        np.asarray([times[at] for at in order], dtype=np.float64),
        [chosen[at] for at in order],
        [places[at] for at in order],
    )
    carried = np.asarray([call.transport_share for call in town.call_kinds])
    kind_of_call = np.asarray([chosen[at] for at in order], dtype=np.int64) % max(1, len(weights))
    of_slot = np.repeat(kind_of_call, np.diff(calls.first_slot))
    calls.is_transporting[:] = _first_ambulance(calls) & (
        chance.random(len(of_slot)) < carried[of_slot]
    )
    return calls


def _first_ambulance(calls: Calls) -> Bools:
    """Of each call, the first slot whose kind can carry somebody."""
    carrying = [at for at, kind in enumerate(calls.pattern.kinds) if "ambulance" in kind]
    found = np.isin(calls.kind, carrying)
    owner = np.repeat(np.arange(len(calls)), np.diff(calls.first_slot))
    seen: set[int] = set()
    for slot in _whole(np.flatnonzero(found)):
        if int(owner[slot]) in seen:
            found[slot] = False
        seen.add(int(owner[slot]))
    return found


def _arrays(
    pattern: Pattern, time_s: Floats, chosen: Sequence[int], places: Sequence[int]
) -> Calls:
    past = [pattern.past[at] for at in chosen]
    slots = [slot for each in past for slot in each.slots]
    counts = np.asarray([len(each.slots) for each in past], dtype=np.int64)
    return Calls(
        pattern,
        time_s,
        time_s % DAY_S / HOUR_S,
        np.asarray(places, dtype=np.int64),
        np.asarray([each.area for each in past], dtype=np.int64),
        np.asarray([each.is_high for each in past], dtype=np.bool_),
        np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)]),
        np.asarray([slot.kind for slot in slots], dtype=np.int64),
        np.asarray([slot.later_s for slot in slots], dtype=np.float64),
        np.asarray([slot.is_arriving for slot in slots], dtype=np.bool_),
        np.asarray([slot.is_transporting for slot in slots], dtype=np.bool_),
    )
