"""What a town's log looks like, as data: columns, time formats, codes, kinds by prefix, limits.

A file of another town loads with another TOML table and no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from tocsin.packs.reading import Reader, Table

INSTANTS = ("received", "dispatched", "en_route", "on_scene", "transport", "hospital", "available")
"""The instants of a row, in the order in which they should happen."""
NEEDED = ("call", "unit", "received", "dispatched", "priority")
OPTIONAL = ("area", "sequence", "lon", "lat", "point", "en_route", "on_scene", "transport")
FIELDS = (*NEEDED, *OPTIONAL, "hospital", "available")
OTHER_KIND = "other"
"""The kind of a unit whose number begins with no known prefix."""

LIMITS_S: Mapping[str, tuple[float, float]] = {
    "processing": (0.0, 3_600.0),
    "turnout": (0.0, 600.0),
    "travel": (0.0, 3_600.0),
    "scene": (0.0, 14_400.0),
    "transport": (0.0, 7_200.0),
    "handover": (0.0, 14_400.0),
    "busy": (0.0, 28_800.0),
}
"""The winsorising rule: an interval outside its bounds counts as the bound. Nobody arrives before
leaving (0 s); the upper bounds are several times the 99th percentile of San Francisco's log of
2017 (286, 262, 1,608, 3,166, 2,581 and 5,270 s), so that they touch clocks, not long days. A town's
own bounds stand in its scenario, `[log.limits_s]`."""

Box = tuple[float, float, float, float]
WORLD: Box = (-180.0, -90.0, 180.0, 90.0)


@dataclass(frozen=True, slots=True)
class LogForm:
    """How to read one town's log. `columns` maps our fields to the file's column names."""

    columns: Mapping[str, str]
    time_formats: tuple[str, ...]
    high: frozenset[str]
    kinds: Mapping[str, str]
    homes_by_number: frozenset[str]
    limits_s: Mapping[str, tuple[float, float]]
    bounds: Box = WORLD
    is_complete: bool = True

    def kind_of(self, unit: str) -> str:
        """The kind by the longest prefix that fits; `other` where none does."""
        for length in range(len(unit), 0, -1):
            found = self.kinds.get(unit[:length])
            if found is not None:
                return found
        return OTHER_KIND

    def clipped_s(self, stage: str, value_s: float) -> float:
        """An interval after the winsorising rule; see `LIMITS_S`."""
        low, high = self.limits_s[stage]
        return min(max(value_s, low), high)


def form_of(reader: Reader) -> LogForm:
    """The form in a scenario's table `[log]`; what is wrong becomes findings of the reader."""
    columns = _texts(reader, "columns")
    for name in sorted(set(columns) - set(FIELDS)):
        reader.find("columns", "unknown_key", f"{name!r} is no field of a log")
    for name in NEEDED:
        if name not in columns:
            reader.find("columns", "missing", f"a log needs a column for {name!r}")
    if "point" not in columns and not {"lon", "lat"} <= set(columns):
        reader.find("columns", "missing", "a log needs `point`, or `lon` and `lat`")
    formats = reader.texts("time_formats")
    if not formats:
        reader.find("time_formats", "missing", "is required")
    return LogForm(
        columns=columns,
        time_formats=formats,
        high=frozenset(reader.texts("high")),
        kinds=_texts(reader, "kinds"),
        homes_by_number=frozenset(reader.texts("homes_by_number")),
        limits_s=_limits(reader),
        bounds=_bounds(reader),
        is_complete=reader.flag("is_complete", True),
    )


def _table(reader: Reader, key: str) -> Table:
    value = reader.value(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        reader.find(key, "bad_value", "must be a table")
        return {}
    return {str(name): each for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _texts(reader: Reader, key: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _table(reader, key).items():
        if isinstance(value, str) and value:
            found[name] = value
        else:
            reader.find(f"{key}.{name}", "bad_value", "must be a text that is not empty")
    return found


def _limits(reader: Reader) -> dict[str, tuple[float, float]]:
    limits = dict(LIMITS_S)
    for stage, value in _table(reader, "limits_s").items():
        pair = numbers(value)
        if stage not in limits or pair is None or len(pair) != 2 or not 0 <= pair[0] <= pair[1]:
            reader.find(f"limits_s.{stage}", "bad_value", "must be [low, high] of a known stage")
            continue
        limits[stage] = (pair[0], pair[1])
    return limits


def _bounds(reader: Reader) -> Box:
    value = reader.value("bounds")
    if value is None:
        return WORLD
    box = numbers(value)
    if box is None or len(box) != 4 or not (box[0] < box[2] and box[1] < box[3]):
        reader.find("bounds", "bad_value", "must be [west, south, east, north] in degrees")
        return WORLD
    return box[0], box[1], box[2], box[3]


def numbers(value: object) -> tuple[float, ...] | None:
    """The finite numbers of a TOML array; None when it is anything else."""
    if not isinstance(value, list | tuple):
        return None
    found: list[float] = []
    for each in value:  # pyright: ignore[reportUnknownVariableType]
        if isinstance(each, bool) or not isinstance(each, int | float) or not -inf < each < inf:
            return None
        found.append(float(each))
    return tuple(found)
