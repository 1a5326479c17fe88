"""Small towns for the simulator's tests: drawn, crowded, on straight lines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tocsin.simulation.dispatch.calls import pattern_of_town
from tocsin.simulation.dispatch.fleet import fleet_of_town
from tocsin.simulation.dispatch.ground import ground_of
from tocsin.simulation.dispatch.stages import PROBABILITIES, TABLES, Stages, TravelCurve
from tocsin.simulation.dispatch.town import FLAT, AreaRate, CallKind, FleetUnit, Town
from tocsin.simulation.dispatch.travel import StraightLine, Times
from tocsin.simulation.dispatch.world import World

USUAL_S: Mapping[str, tuple[float, float]] = {
    "processing": (20.0, 120.0),
    "turnout_day": (20.0, 90.0),
    "turnout_night": (40.0, 120.0),
    "scene": (300.0, 1_800.0),
    "scene_transport": (600.0, 1_500.0),
    "transport": (300.0, 1_200.0),
    "handover": (600.0, 1_800.0),
    "cancelled": (30.0, 300.0),
}


def stages() -> Stages:
    """Even distributions between two bounds, and travel as the road says, with noise."""
    quantiles = {
        stage: {"any": tuple(low + (high - low) * p for p in PROBABILITIES)}
        for stage, (low, high) in USUAL_S.items()
    }
    assert set(quantiles) == set(TABLES)
    curve = TravelCurve((0.0, 600.0), (10.0, 610.0), (0.2, 0.3), (1.0,) * 24)
    return Stages(quantiles, curve)


def town(
    seed: int,
    *,
    units: int = 8,
    calls_per_day: float = 200.0,
    days: int = 1,
    has_shifts: bool = False,
    times: Times | None = None,
) -> World:
    """A town of three areas and two kinds of unit, of which there are too few by choice."""
    chance = np.random.default_rng(seed)
    areas = tuple(
        AreaRate(f"area-{n}", (10.0 + 0.02 * n, 50.0), 1_500.0, calls_per_day / 3) for n in range(3)
    )
    kinds = (
        CallKind(3.0, True, ("engine", "ambulance"), 0.7),
        CallKind(1.0, True, ("engine", "engine", "engine", "ambulance"), 0.3),
        CallKind(3.0, False, ("ambulance",), 0.9),
    )
    fleet = [
        FleetUnit(
            f"{kind[0].upper()}{number:02d}",
            kind,
            (10.0 + 0.04 * float(chance.random()), 50.0 + 0.02 * float(chance.random()) - 0.01),
            float(chance.integers(24)) if has_shifts else 0.0,
            float(chance.integers(1, 24)) if has_shifts else 24.0,
        )
        for kind in ("engine", "ambulance")
        for number in range(units)
    ]
    described = Town("rates", days, 1.0, areas, kinds, FLAT, tuple(fleet), ((10.02, 50.01),))
    pattern = pattern_of_town(described)
    ready = fleet_of_town(described.units)
    ground = ground_of(pattern, ready, described, times or StraightLine())
    late_s = {"high": 480.0, "low": 1_200.0, "cover": 240.0}
    return World(pattern, described, ready, ground, stages(), late_s)
