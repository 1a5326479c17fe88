"""How long each stage of a call takes, as numbers in TOML: fitted to a log, or written by hand.

Stages of a unit: processing (receipt to dispatch), turnout (to wheels rolling), travel, scene, and
for those that carry somebody transport and handover. Travel is the road time put through a curve of
medians by distance band, times factors of hour, priority, kind and area, times log-normal noise;
the others are drawn from their own quantiles, so that no shape is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from tocsin.packs.reading import Reader
from tocsin.simulation.dispatch.form import numbers

Floats = npt.NDArray[np.float64]

PROBABILITIES: Final = (0.0, 0.02, 0.05, *(step / 10 for step in range(1, 10)), 0.95, 0.98, 1.0)
"""Where quantiles are kept: tenths, and more at the ends, where late calls are made."""
ANY: Final = "any"
"""The entry for what has no entry of its own."""
NIGHT_H: Final = (22, 7)
"""Crews sleep from ten to seven: their turnout is fitted apart."""
CURVE_END_S: Final = 7_200
"""Road times beyond two hours take the curve's last value."""
TABLES: Final = ("processing", "turnout_day", "turnout_night", "scene", "scene_transport",
                 "transport", "handover", "cancelled")  # fmt: skip
"""Stages kept as quantiles. `scene`: arrival to available; `scene_transport`: arrival to leaving
with somebody; `cancelled`: dispatch to available of those that never arrived."""
FACTORS: Final = ("priority", "kind", "area")


@dataclass(frozen=True, slots=True)
class TravelCurve:
    """Median seconds for a road time: straight between the knots, in proportion beyond the last.

    `sigma`: standard deviation of the log of the noise, at the knots. `hour`: 24 factors.
    `factors`: of priority (high, low), kind and area, by name; 1 where there is none.
    """

    road_s: tuple[float, ...]
    median_s: tuple[float, ...]
    sigma: tuple[float, ...]
    hour: tuple[float, ...]
    factors: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, dict[str, float]])

    def factor(self, what: str, name: str) -> float:
        """The factor of one priority, kind or area."""
        return self.factors.get(what, {}).get(name, 1.0)

    def medians_s(self, road_s: Floats) -> Floats:
        """Median seconds before any factor; same shape."""
        last_s, end_s = self.road_s[-1], self.median_s[-1]
        inside = np.interp(road_s, self.road_s, self.median_s)
        return np.where(road_s > last_s, end_s * road_s / max(last_s, 1.0), inside)

    def sigmas(self, road_s: Floats) -> Floats:
        """Standard deviation of the log of the noise; same shape."""
        return np.interp(road_s, self.road_s, self.sigma)


@dataclass(frozen=True, slots=True)
class Stages:
    """Quantiles by stage and name (a kind; for processing a priority), and the curve of travel."""

    quantiles: Mapping[str, Mapping[str, tuple[float, ...]]]
    travel: TravelCurve

    def draw_s(self, stage: str, name: str, chances: Floats) -> Floats:
        """Seconds for chances from 0 to 1: the stage's quantiles, straight between them.

        A name without an entry takes that of `any`.
        """
        table = self.quantiles[stage]
        return np.interp(chances, PROBABILITIES, table.get(name) or table[ANY])


def is_night(hours: Floats) -> npt.NDArray[np.bool_]:
    """Whether hours of the day (0 to 24) are night."""
    return (hours >= NIGHT_H[0]) | (hours < NIGHT_H[1])


def quantiles_of(values: Floats) -> tuple[float, ...]:
    """The quantiles of a sample, in tenths of a second."""
    found = np.quantile(values, PROBABILITIES)
    return tuple(round(float(each), 1) for each in found)


def to_toml(stages: Stages, comment: str) -> str:
    """The stages as a TOML file; `stages_of` reads it back the same."""
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    travel = stages.travel
    lines += ["", "[travel]"]
    for name in ("road_s", "median_s", "sigma", "hour"):
        lines.append(f"{name} = {list(getattr(travel, name))}")
    for what in FACTORS:
        lines += ["", f"[travel.{what}]"]
        lines += [f'"{k}" = {v}' for k, v in sorted(travel.factors.get(what, {}).items())]
    for stage in TABLES:
        lines += ["", f"[{stage}]"]
        lines += [f'"{k}" = {list(v)}' for k, v in sorted(stages.quantiles[stage].items())]
    return "\n".join(lines) + "\n"


def stages_of(reader: Reader) -> Stages:
    """Stages from a TOML table; what is wrong becomes findings of the reader."""
    inner = reader.table("travel")
    lists = {
        name: numbers(inner.value(name)) or () for name in ("road_s", "median_s", "sigma", "hour")
    }
    count = len(lists["road_s"])
    if count < 1 or len(lists["median_s"]) != count or len(lists["sigma"]) != count:
        inner.find("road_s", "bad_value", "road_s, median_s and sigma must be of one length")
        lists |= {"road_s": (1.0,), "median_s": (1.0,), "sigma": (0.0,)}
    if any(b <= a for a, b in zip(lists["road_s"], lists["road_s"][1:], strict=False)):
        inner.find("road_s", "bad_value", "must rise")
    if min((*lists["road_s"], *lists["median_s"], *lists["sigma"])) < 0:
        inner.find("road_s", "bad_value", "no time and no sigma is below 0")
    if len(lists["hour"]) != 24 or min(lists["hour"], default=0.0) <= 0:
        inner.find("hour", "bad_value", "must be 24 factors above 0")
        lists["hour"] = (1.0,) * 24
    factors = {what: _factors(inner.table(what)) for what in FACTORS}
    inner.close()
    quantiles = {stage: _quantiles(reader.table(stage)) for stage in TABLES}
    curve = TravelCurve(lists["road_s"], lists["median_s"], lists["sigma"], lists["hour"], factors)
    return Stages(quantiles, curve)


def _factors(reader: Reader) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in reader.names():
        value = reader.value(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 100:
            reader.find(name, "bad_value", "must be a factor above 0")
            continue
        found[name] = float(value)
    return found


def _quantiles(reader: Reader) -> dict[str, tuple[float, ...]]:
    """One row for each name: a list at PROBABILITIES, or one number that is always taken."""
    found: dict[str, tuple[float, ...]] = {}
    for name in reader.names():
        value = reader.value(name)
        is_one = isinstance(value, int | float) and not isinstance(value, bool)
        values = numbers([value] if is_one else value) or ()
        if len(values) not in (1, len(PROBABILITIES)) or min(values, default=-1.0) < 0:
            text = f"must be one number or {len(PROBABILITIES)}, none below 0"
            reader.find(name, "bad_value", text)
            continue
        whole = values * len(PROBABILITIES) if len(values) == 1 else values
        if any(later < earlier for earlier, later in zip(whole, whole[1:], strict=False)):
            reader.find(name, "bad_value", "must not fall")
        found[name] = whole
    if ANY not in found:
        reader.find(ANY, "missing", "is what the rest takes")
        found[ANY] = (0.0,) * len(PROBABILITIES)
    return found
