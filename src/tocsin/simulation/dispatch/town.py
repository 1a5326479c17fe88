"""A town's demand and fleet, where no log gives them: rates by hour and area, units by station."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, radians
from pathlib import Path
from typing import Final

from tocsin.packs.reading import Reader
from tocsin.simulation.dispatch.form import numbers
from tocsin.simulation.dispatch.raster import Block, blocks_of
from tocsin.simulation.dispatch.sheet import SheetError, rows_of
from tocsin.simulation.dispatch.states import Position

HOURS: Final = 24
FLAT: Final = (1.0,) * HOURS
SOURCES: Final = ("log", "fitted", "rates")


@dataclass(frozen=True, slots=True)
class AreaRate:
    """An area's calls: how many a day, spread evenly over a disc, or over `spots` by weight."""

    name: str
    centre: Position
    radius_m: float
    calls_per_day: float
    spots: tuple[Block, ...] = ()


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
class Breaks:
    """Which kinds have a break of how many minutes, when it is due and when too late: hours after
    the shift began (of a unit that is always on duty: after its `start_h`, every day)."""

    kinds: tuple[str, ...]
    minutes: float = 30.0
    after_h: float = 3.0
    until_h: float = 7.0


@dataclass(frozen=True, slots=True)
class Town:
    """`source`: calls as in the log, drawn from rates fitted to it, or from `areas` here.

    `shift_kinds`: kinds of the log of which more or fewer are on duty by the hour. `carry_factor`:
    the way to the hospital takes so many times its road time, beside what the stage `transport`
    says. `lost_share`: the share of units whose position nobody knows, drawn anew each half hour.
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
    carry_factor: float = 0.0
    breaks: Breaks | None = None
    lost_share: float = 0.0


def town_of(reader: Reader, stations: Mapping[str, Position], data: Path, *, has_log: bool) -> Town:
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
    if demand.has("raster"):
        areas += _from_raster(demand.table("raster"), stations, data)
    kinds = tuple(_call_kind(each) for each in demand.tables("calls"))
    if source == "rates" and not (areas and kinds):
        demand.find("", "missing", "rates need [[demand.areas]] and [[demand.calls]]")
    days = demand.whole("days", 8, 1, 3_660)
    scale = number(demand, "scale", 1.0, 0.01, 100.0)
    demand.close()
    fleet = reader.table("fleet")
    units = tuple(_unit(each, stations) for each in fleet.tables("units"))
    if fleet.has("file"):
        units += _fleet_file(fleet, stations, data)
    breaks = _breaks(fleet.table("breaks")) if fleet.has("breaks") else None
    shift_kinds = frozenset(fleet.texts("shift_kinds"))
    fleet.close()
    if source == "rates" and not units:
        fleet.find("units", "missing", "an empty fleet answers no call")
    if len({unit.id for unit in units}) != len(units):
        fleet.find("units", "duplicate", "two units have one id")
    hospitals, carry_factor = _hospitals(reader, data)
    return Town(
        source, days, scale, areas, kinds, weights, units, hospitals, shift_kinds, carry_factor,
        breaks,
    )  # fmt: skip


def places_from(reader: Reader, data: Path) -> dict[str, Position]:
    """The places in the table of a file: `file` and `columns` (id, lon, lat)."""
    columns = reader.table("columns")
    names = [columns.text(each, each) for each in ("id", "lon", "lat")]
    columns.close()
    found: dict[str, Position] = {}
    for line, (name, lon, lat) in sheet_rows(reader, data / reader.text("file"), names):
        try:
            place = float(lon), float(lat)
        except ValueError:
            reader.find("file", "bad_value", f"line {line} is no place")
            continue
        if not (-180 <= place[0] <= 180 and -90 <= place[1] <= 90):
            reader.find("file", "bad_value", f"line {line} is no place")
            continue
        found[name] = place
    return found


def sheet_rows(reader: Reader, path: Path, columns: list[str]) -> list[tuple[int, tuple[str, ...]]]:
    """The rows of a file that a scenario names; what is wrong becomes a finding."""
    if not path.is_file():
        reader.find("file", "missing", f"there is no {path.name} in the folder of data (--files)")
        return []
    try:
        return list(rows_of(path, columns))
    except SheetError as error:
        reader.find("file", "bad_value", str(error))
        return []


def _hospitals(reader: Reader, data: Path) -> tuple[tuple[Position, ...], float]:
    """`[[hospitals]]`, or a table `[hospitals]` with a file and, for transport by the roads,
    `road_factor`."""
    if isinstance(reader.value("hospitals"), list):
        return tuple(place_of(each) for each in reader.tables("hospitals")), 0.0
    if not reader.has("hospitals"):
        return (), 0.0
    table = reader.table("hospitals")
    found = tuple(sorted(places_from(table, data).values()))
    factor = number(table, "road_factor", 0.0, 0.0, 10.0)
    table.close()
    return found, factor


def _from_raster(
    reader: Reader, stations: Mapping[str, Position], data: Path
) -> tuple[AreaRate, ...]:
    """Calls by where people live, in areas of the nearest station by straight line."""
    total = number(reader, "calls_per_day", None, 0.0, 1e6)
    path = data / reader.text("file")
    reader.close()
    if not path.is_file():
        reader.find("file", "missing", f"there is no {path.name} in the folder of data (--files)")
        return ()
    try:
        blocks = blocks_of(path)
    except SheetError as error:
        reader.find("file", "bad_value", str(error))
        return ()
    people = sum(block.weight for block in blocks)
    nearest: dict[str, list[Block]] = {}
    for block in blocks:
        name = min(sorted(stations), key=lambda each: _apart(stations[each], block.place))
        nearest.setdefault(name, []).append(block)
    return tuple(
        AreaRate(
            name, stations[name], 0.0, total * sum(each.weight for each in members) / people,
            tuple(members),
        )
        for name, members in sorted(nearest.items())
    )  # fmt: skip


def _apart(one: Position, other: Position) -> float:
    east = (one[0] - other[0]) * cos(radians((one[1] + other[1]) / 2.0))
    return east * east + (one[1] - other[1]) ** 2


def _fleet_file(
    reader: Reader, stations: Mapping[str, Position], data: Path
) -> tuple[FleetUnit, ...]:
    """One unit for each row of a file: `columns` (id, station), all of one `kind`."""
    columns = reader.table("columns")
    names = [columns.text(each, each) for each in ("id", "station")]
    columns.close()
    kind = reader.text("kind")
    found: list[FleetUnit] = []
    for line, (name, station) in sheet_rows(reader, data / reader.text("file"), names):
        if station not in stations:
            reader.find("file", "dangling", f"line {line}: there is no station {station!r}")
            continue
        found.append(FleetUnit(f"{kind}-{name.zfill(3)}", kind, stations[station]))
    return tuple(found)


def _breaks(reader: Reader) -> Breaks:
    found = Breaks(
        reader.texts("kinds"),
        number(reader, "minutes", 30.0, 1.0, 240.0),
        number(reader, "after_h", 3.0, 0.0, 24.0),
        number(reader, "until_h", 7.0, 0.0, 48.0),
    )
    if found.until_h <= found.after_h:
        reader.find("until_h", "bad_value", "must be later than after_h")
    reader.close()
    return found


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
