"""What a policy sees: units, waiting cases and tables of road times, frozen at one instant.

Nothing is looked up from here on: a recommendation is a function of this snapshot alone, so it
can be kept, recomputed and argued about.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.demand import Demand
from tocsin.dispatching.tables import Seconds, frozen_table, wrong_times
from tocsin.kernel.shared import AreaId, CaseId, Instant, Tier, UnitId
from tocsin.packs.aid import ASK_S

UnitStatus = Literal[
    "off_duty",
    "available",
    "dispatched",
    "en_route",
    "on_scene",
    "transporting",
    "clear",
    "returning",
    "out_of_service",
]
STATUSES: tuple[UnitStatus, ...] = get_args(UnitStatus)
SENDABLE: tuple[UnitStatus, ...] = ("available", "clear", "returning")
"""In these a unit may be sent without taking it from another case."""

Priority: TypeAlias = Literal[1, 2, 3, 4]
PRIORITIES: tuple[int, ...] = (1, 2, 3, 4)

STALE_AFTER_S = 300.0
"""An older position may be five kilometres off at 60 km/h: it is said, and ranked behind."""
NEED_COUNT_MAX = 100
"""More units of one kind for one case is a slip of the pen in a run card."""


class ProblemError(ValueError):
    """The snapshot contradicts itself. `defects` lists all that is wrong, in plain words."""

    def __init__(self, defects: tuple[str, ...]) -> None:
        self.defects = defects
        super().__init__("; ".join(defects))


@dataclass(frozen=True, slots=True)
class Need:
    """So many units with one capability."""

    capability: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class LevelNeeds:
    """What a lower level of the same case would be content with."""

    level: int
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Engagement:
    """The case a unit is busy with. Seconds from the snapshot's instant.

    `arrives_in_s` is None once it is there; `free_in_s` is None while nobody can say (see staying);
    `status_s` is how long it has its status, None where that is not told. `redispatches` counts
    how often that case has already lost a unit to another.
    """

    case: CaseId
    priority: Priority
    arrives_in_s: float | None = None
    free_in_s: float | None = None
    redispatches: int = 0
    status_s: float | None = None


@dataclass(frozen=True, slots=True)
class UnitNow:
    """A unit at the instant of the snapshot.

    `position_age_s` is None for an unknown position; its times are then from its post, or inf.
    A unit that stands at its post may be given age 0. `busy_fraction` is the share of its duty
    time on cases, 0 <= q < 1 (see coverage). `tier` is whose unit it is, `home_area` which area's,
    `agency` the id of its agency. The times of a unit that is engaged are from where it will be
    free.
    """

    id: UnitId
    kind: str
    capabilities: tuple[str, ...]
    status: UnitStatus = "available"
    is_available: bool = True
    crew_size: int = 1
    tier: Tier = "county"
    home_area: AreaId | None = None
    post: str | None = None
    position_age_s: float | None = 0.0
    busy_fraction: float = 0.0
    engagement: Engagement | None = None
    agency: str = ""


@dataclass(frozen=True, slots=True)
class CallNow:
    """A waiting case at the instant of the snapshot.

    `needs` must be met, `assists` are sent when nothing that is needed goes short for it.
    `target_s` counts from the report to the first unit; `waited_s` of it are gone. `tiers`: whose
    units may be sent without asking (empty: all), `on_request`: who else may be asked, which takes
    `ask_s` (None: everybody else); both hold givers and agencies by id or code (see `packs.aid`);
    `areas` are those of its place. With `is_counted_once` False one unit meets
    every need that it has the capability for. `redispatches`: how often it has lost a unit.
    """

    id: CaseId
    case_type: str
    needs: tuple[Need, ...]
    priority: Priority = 1
    level: int = 1
    is_life_threat: bool = False
    assists: tuple[Need, ...] = ()
    lower_levels: tuple[LevelNeeds, ...] = ()
    target_s: float | None = None
    waited_s: float = 0.0
    tiers: tuple[str, ...] = ()
    is_counted_once: bool = True
    redispatches: int = 0
    on_request: tuple[str, ...] | None = None
    ask_s: float = ASK_S
    areas: tuple[AreaId, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class UnitColumns:
    """What every decision asks of all units, read off them once: `is_available`, and `age_s` of
    their positions (NaN where unknown)."""

    is_available: NDArray[np.bool_]
    age_s: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """The snapshot. Raises ProblemError when it contradicts itself.

    `times_s` (units x calls): median seconds by road with the closures of now, inf for no way.
    `fallback_times_s`, same shape: what holds where that says no way (roads without closures, or
    straight-line); without it a unit that has no way is not ranked. `p90_factors`, same shape:
    90th percentile over median, >= 1 (see eta). `demand`: what coverage is owed (see demand).
    Tables are made read-only; rows and columns are in the order of `units` and `calls`.
    """

    at: Instant
    units: tuple[UnitNow, ...]
    calls: tuple[CallNow, ...]
    times_s: Seconds
    fallback_times_s: Seconds | None = None
    p90_factors: NDArray[np.float64] | None = None
    demand: Demand | None = None
    stale_after_s: float = STALE_AFTER_S
    columns: UnitColumns = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("times_s", "fallback_times_s", "p90_factors"):
            object.__setattr__(self, name, frozen_table(getattr(self, name)))
        columns = _columns(self.units)
        object.__setattr__(self, "columns", columns)
        defects = (
            *_unit_defects(self.units, columns),
            *_call_defects(self.calls),
            *_table_defects(self),
        )
        if defects:
            raise ProblemError(defects)

    def ordered(self) -> Problem:
        """The same snapshot with units and calls by id: what every policy works on, so that the
        order in which rows came out of a store decides nothing."""
        names, cases = [unit.id for unit in self.units], [call.id for call in self.calls]
        demand = None if self.demand is None else self.demand.ordered()
        if demand is self.demand and names == sorted(names) and cases == sorted(cases):
            return self
        rows = sorted(range(len(names)), key=names.__getitem__)
        columns = sorted(range(len(cases)), key=cases.__getitem__)
        return replace(
            self,
            units=tuple(self.units[row] for row in rows),
            calls=tuple(self.calls[column] for column in columns),
            times_s=self.times_s[np.ix_(rows, columns)],
            fallback_times_s=_picked(self.fallback_times_s, rows, columns),
            p90_factors=_picked(self.p90_factors, rows, columns),
            demand=None if demand is None else demand.with_units(rows),
        )


def _picked(table: Seconds | None, rows: list[int], columns: list[int]) -> Seconds | None:
    return None if table is None else table[np.ix_(rows, columns)]


def _twice(names: list[str], what: str) -> tuple[str, ...]:
    if len(set(names)) == len(names):
        return ()
    seen: set[str] = set()
    again = dict.fromkeys(name for name in names if name in seen or seen.add(name))
    return tuple(f"{what} {name} is there twice" for name in again)


def _is_span(seconds: float | None) -> bool:
    """Unknown, or a number of seconds that is not below 0 and not endless."""
    return seconds is None or 0 <= seconds < float("inf")


def _columns(units: tuple[UnitNow, ...]) -> UnitColumns:
    ages = [unit.position_age_s for unit in units]
    columns = UnitColumns(
        np.array([unit.is_available for unit in units], dtype=np.bool_),
        np.array(ages, dtype=np.float64),  # None becomes NaN
    )
    columns.is_available.flags.writeable = columns.age_s.flags.writeable = False
    return columns


def _unit_defects(units: tuple[UnitNow, ...], columns: UnitColumns) -> tuple[str, ...]:
    found = list(_twice([unit.id for unit in units], "unit"))
    if not _are_sound(units, columns):
        for unit in units:
            found += _defects_of(unit)
    return tuple(found)


def _are_sound(units: tuple[UnitNow, ...], columns: UnitColumns) -> bool:
    """All at one glance, as they nearly always are: it is taken before each decision."""
    kinds = {(unit.status, unit.is_available) for unit in units}
    ages = columns.age_s
    busy = [unit.busy_fraction for unit in units]
    is_unknown = np.isnan(ages)
    return (
        all(status in (SENDABLE if is_free else STATUSES) for status, is_free in kinds)
        and bool(((ages >= 0) & (ages < np.inf) | is_unknown).all())
        and not any(unit.position_age_s is not None for unit in _at(units, is_unknown))
        and all(0 <= each < 1 for each in busy)
        and not any(unit.engagement is not None for unit in units)
    )


def _at(units: tuple[UnitNow, ...], flags: NDArray[np.bool_]) -> list[UnitNow]:
    return [units[row] for row in np.flatnonzero(flags).tolist()]


def _defects_of(unit: UnitNow) -> tuple[str, ...]:
    found: list[str] = []
    if unit.status not in STATUSES:
        found.append(f"unit {unit.id} has the unknown status {unit.status!r}")
    if unit.is_available and (unit.status not in SENDABLE or unit.engagement is not None):
        found.append(f"unit {unit.id} cannot be available: it is {unit.status}")
    if not _is_span(unit.position_age_s):
        found.append(f"unit {unit.id} has a position of age {unit.position_age_s} s")
    busy = unit.engagement
    if busy is not None and not (_is_span(busy.arrives_in_s) and _is_span(busy.free_in_s)):
        found.append(f"unit {unit.id} arrives or is free before now, or never")
    if not 0 <= unit.busy_fraction < 1:
        found.append(f"unit {unit.id} is busy {unit.busy_fraction} of its time, not 0 to 1")
    return tuple(found)


def need_defects(needs: tuple[Need, ...], whose: str) -> tuple[str, ...]:
    """What is wrong with a list of needs, in plain words."""
    found = list(_twice([need.capability for need in needs], f"{whose}: the need"))
    for need in needs:
        if not need.capability.strip():
            found.append(f"{whose}: a need has no capability")
        if not 1 <= need.count <= NEED_COUNT_MAX:
            found.append(f"{whose}: {need.count} x {need.capability} is not 1 to {NEED_COUNT_MAX}")
    return tuple(found)


def _call_defects(calls: tuple[CallNow, ...]) -> tuple[str, ...]:
    found = list(_twice([call.id for call in calls], "case"))
    for call in calls:
        whose = f"case {call.id}"
        if not call.needs:
            found.append(f"{whose} needs nothing: its run card is empty")
        found += need_defects(call.needs, whose)
        found += need_defects(call.assists, f"{whose}, assisting")
        for lower in call.lower_levels:
            found += need_defects(lower.needs, f"{whose}, level {lower.level}")
            if not lower.needs or lower.level >= call.level:
                found.append(f"{whose}: level {lower.level} is not below level {call.level}")
        if call.priority not in PRIORITIES:
            found.append(f"{whose} has priority {call.priority}, not 1 to 4")
        if call.target_s == 0 or not _is_span(call.target_s):
            found.append(f"{whose} has a target of {call.target_s} s")
        if not _is_span(call.waited_s):
            found.append(f"{whose} has waited {call.waited_s} s")
        if not _is_span(call.ask_s):
            found.append(f"{whose}: asking takes {call.ask_s} s")
    return tuple(found)


def _table_defects(problem: Problem) -> tuple[str, ...]:
    shape = (len(problem.units), len(problem.calls))
    found: list[str] = []
    for name in ("times_s", "fallback_times_s"):
        found += wrong_times(getattr(problem, name), shape, name)
    factors = problem.p90_factors
    if factors is not None and factors.shape != shape:
        found.append(f"p90_factors is {factors.shape}, not {shape} (units x calls)")
    elif factors is not None and not bool(np.all((factors >= 1) & np.isfinite(factors))):
        found.append("p90_factors holds a factor below 1 or no number")
    if problem.stale_after_s == 0 or not _is_span(problem.stale_after_s):
        found.append(f"positions cannot be stale after {problem.stale_after_s} s")
    if problem.demand is not None:
        found += problem.demand.defects(len(problem.units))
    return tuple(found)
