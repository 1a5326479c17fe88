"""A town's demand and fleet, where no log gives them: rates by hour and area, units by station."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tocsin.packs.reading import Reader
from tocsin.simulation.dispatch.form import numbers
from tocsin.simulation.dispatch.states import Position

HOURS: Final = 24
FLAT: Final = (1.0,) * HOURS
SOURCES: Final = ("log", "fitted", "rates")


@dataclass(frozen=True, slots=True)
class AreaRate:
    """An area's calls: how many a day, spread evenly over a disc."""

    name: str
    centre: Position
    radius_m: float
    calls_per_day: float


@dataclass(frozen=True, slots=True)
class CallKind:
    """What some share of calls need: kinds of unit, in the order of the run card."""

    weight: float
    is_high: bool
    needs: tuple[str, ...]
    transport_share: float


@dataclass(frozen=True, slots=True)
class FleetUnit:
    """One unit; on duty from `start_h` for `hours_h` every day (0 and 24: always)."""

    id: str
    kind: str
    home: Position
    start_h: float = 0.0
    hours_h: float = 24.0


@dataclass(frozen=True, slots=True)
class Town:
    """`source`: calls as in the log, drawn from rates fitted to it, or from `areas` here.

    `shift_kinds`: kinds of the log of which more or fewer are on duty by the hour.
    """

    source: str
    days: int
    scale: float
    areas: tuple[AreaRate, ...]
    call_kinds: tuple[CallKind, ...]
    hour_weights: tuple[float, ...]
    units: tuple[FleetUnit, ...]
    hospitals: tuple[Position, ...]
    shift_kinds: frozenset[str] = frozenset()


def town_of(reader: Reader, stations: Mapping[str, Position], *, has_log: bool) -> Town:
    """The tables `[demand]`, `[fleet]` and `[[hospitals]]`; findings go to the reader."""
    demand = reader.table("demand")
    source = demand.one_of("source", SOURCES, "log" if has_log else "rates")
    if source != "rates" and not has_log:
        demand.find("source", "dangling", f"{source!r} needs a [log] with a file")
    weights = numbers(demand.value("hour_weights")) or FLAT
    if len(weights) != HOURS or min(weights) < 0 or sum(weights) <= 0:
        demand.find("hour_weights", "bad_value", f"must be {HOURS} numbers, not all 0")
        weights = FLAT
    areas = tuple(_area(each) for each in demand.tables("areas"))
    kinds = tuple(_call_kind(each) for each in demand.tables("calls"))
    if source == "rates" and not (areas and kinds):
        demand.find("", "missing", "rates need [[demand.areas]] and [[demand.calls]]")
    days = demand.whole("days", 8, 1, 3_660)
    scale = number(demand, "scale", 1.0, 0.01, 100.0)
    demand.close()
    fleet = reader.table("fleet")
    units = tuple(_unit(each, stations) for each in fleet.tables("units"))
    shift_kinds = frozenset(fleet.texts("shift_kinds"))
    fleet.close()
    if source == "rates" and not units:
        fleet.find("units", "missing", "an empty fleet answers no call")
    if len({unit.id for unit in units}) != len(units):
        fleet.find("units", "duplicate", "two units have one id")
    hospitals = tuple(place_of(each) for each in reader.tables("hospitals"))
    return Town(source, days, scale, areas, kinds, weights, units, hospitals, shift_kinds)


def number(reader: Reader, key: str, default: float | None, low: float, high: float) -> float:
    """A finite number within bounds; a finding otherwise. No default: it is required."""
    value = reader.value(key)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        reader.find(key, "bad_value", f"must be a number from {low:g} to {high:g}")
        return low if default is None else default
    return float(value)


def place_of(row: Reader, *, closes: bool = True) -> Position:
    """`lon` and `lat` of a table, in degrees."""
    place = number(row, "lon", None, -180.0, 180.0), number(row, "lat", None, -90.0, 90.0)
    if closes:
        row.close()
    return place


def _area(row: Reader) -> AreaRate:
    area = AreaRate(
        row.text("name"),
        place_of(row, closes=False),
        number(row, "radius_m", 500.0, 0.0, 100_000.0),
        number(row, "calls_per_day", None, 0.0, 100_000.0),
    )
    row.close()
    return area


def _call_kind(row: Reader) -> CallKind:
    kind = CallKind(
        number(row, "weight", 1.0, 0.0, 1e9),
        row.flag("is_high", False),
        row.texts("needs"),
        number(row, "transport_share", 0.0, 0.0, 1.0),
    )
    if not kind.needs:
        row.find("needs", "missing", "a call needs a unit")
    row.close()
    return kind


def _unit(row: Reader, stations: Mapping[str, Position]) -> FleetUnit:
    station = row.text("station")
    home = stations.get(station)
    if home is None:
        row.find("station", "dangling", f"there is no station {station!r}")
        home = (0.0, 0.0)
    unit = FleetUnit(
        row.text("id"),
        row.text("kind"),
        home,
        number(row, "start_h", 0.0, 0.0, 24.0),
        number(row, "hours_h", 24.0, 0.0, 24.0),
    )
    row.close()
    return unit
