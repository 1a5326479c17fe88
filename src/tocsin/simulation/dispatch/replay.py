"""How often the past sent the closest idle unit, by rebuilt states and our travel times.

For each high-priority call and kind of unit: the wave is every unit of the kind that was sent in
the first moment (`WAVE_S`); the candidates are the wave and every idle unit of the kind with a
known home. The closest candidate, ties by name, is looked for in the wave; so are the closest two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from tocsin.simulation.dispatch.form import LogForm
from tocsin.simulation.dispatch.log import Log, LogCall
from tocsin.simulation.dispatch.states import Fleet, Position, fleet_of
from tocsin.simulation.dispatch.travel import Times, points

WAVE_S: Final = 30.0
"""Units sent within this of the first of their kind belong to one decision. San Francisco's share
moves by less than 0.3 of a percent point between 0 and 60 s."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What one kind's decisions were like. Shares are of `calls`, 0 to 1; 0 of none."""

    kind: str
    calls: int
    closest: int
    one_of_two: int
    candidates: int

    @property
    def closest_share(self) -> float:
        """Calls whose closest candidate was in the wave."""
        return self.closest / self.calls if self.calls else 0.0

    @property
    def two_share(self) -> float:
        """Calls with one of the two closest candidates in the wave."""
        return self.one_of_two / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Replay:
    """The agreement of every kind with homes, and the fleet it was rebuilt from."""

    agreements: tuple[Agreement, ...]
    fleet: Fleet
    high_calls: int


def replay(log: Log, form: LogForm, stations: Mapping[str, Position], times: Times) -> Replay:
    """Rebuild states and compare. Kinds without known homes (ambulances) are left out."""
    fleet = fleet_of(log, form, stations)
    high = [call for call in log.calls if call.is_high]
    places = list(dict.fromkeys((call.lon, call.lat) for call in high))
    column = {place: index for index, place in enumerate(places)}
    units = sorted(fleet.homes)
    table = times.times_s(points([fleet.homes[unit] for unit in units]), points(places))
    agreements: list[Agreement] = []
    for kind in sorted(form.homes_by_number):
        members = [index for index, unit in enumerate(units) if fleet.kinds[unit] == kind]
        counts = np.zeros(4, dtype=np.int64)
        for call in high:
            home_s = table[:, column[call.lon, call.lat]]
            counts += _judge(call, kind, members, units, home_s, fleet, times)
        agreements.append(Agreement(kind, *(int(each) for each in counts)))
    return Replay(tuple(agreements), fleet, len(high))


def _judge(
    call: LogCall,
    kind: str,
    members: list[int],
    units: list[str],
    home_s: np.ndarray,
    fleet: Fleet,
    times: Times,
) -> tuple[int, int, int, int]:
    """(calls, closest in the wave, one of two in the wave, candidates) of one call and kind."""
    sent = [row for row in call.rows if row.kind == kind]
    if not sent:
        return 0, 0, 0, 0
    first_s = sent[0].dispatched_s
    wave = {row.unit for row in sent if row.dispatched_s <= first_s + WAVE_S}
    ranked: list[tuple[float, str]] = []
    for index in members:
        unit = units[index]
        # One that was sent was free to go, whatever its earlier row says.
        if unit not in wave and not fleet.is_idle(unit, first_s):
            continue
        ranked.append((_reach_s(unit, call, first_s, float(home_s[index]), fleet, times), unit))
    ranked.sort()
    best = {unit for _, unit in ranked[:2]}
    if not ranked:
        return 0, 0, 0, 0
    return 1, int(ranked[0][1] in wave), int(bool(best & wave)), len(ranked)


def _reach_s(
    unit: str, call: LogCall, at_s: float, home_s: float, fleet: Fleet, times: Times
) -> float:
    place = fleet.cleared(unit, at_s)
    if place is None:
        return home_s
    return float(times.times_s(points([place]), points([(call.lon, call.lat)]))[0, 0])
