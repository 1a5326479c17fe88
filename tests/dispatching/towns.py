"""Small towns with everything that can be wrong in one: for the properties of every policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tocsin.dispatching.demand import Demand, Zone
from tocsin.dispatching.problem import (
    SENDABLE,
    STATUSES,
    CallNow,
    Engagement,
    LevelNeeds,
    Need,
    Problem,
    UnitNow,
)
from tocsin.kernel.shared import CaseId, UnitId

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure: nothing here is about time."""
AT = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
INF = float("inf")
CAPABILITIES = ("engine", "ladder", "ambulance")
TIMES_S = st.one_of(
    st.sampled_from([0.0, 60.0, 120.0, 240.0]), st.floats(1.0, 4000.0), st.just(INF)
)


def engine(name: str, **changes: object) -> UnitNow:
    """An idle engine with a fresh position, but for the changes."""
    return replace(UnitNow(UnitId(name), "engine", ("engine",)), **changes)


def fire(name: str = "c1", **changes: object) -> CallNow:
    """A case that needs one engine within four minutes, but for the changes."""
    call = CallNow(CaseId(name), "building-fire", (Need("engine"),), target_s=240.0)
    return replace(call, **changes)


def snapshot(
    units: list[UnitNow], calls: list[CallNow], times_s: list[list[float]], **more: object
) -> Problem:
    """A problem from lists; rows of times are units."""
    table = np.array(times_s, dtype=np.float64).reshape(len(units), len(calls))
    return replace(Problem(AT, tuple(units), tuple(calls), table), **more)


@st.composite
def unit(draw: st.DrawFn, name: str) -> UnitNow:
    """A unit in any status, with any knowledge of where it is."""
    status = draw(st.sampled_from(STATUSES))
    is_free = status in SENDABLE
    engagement = None
    if status in ("dispatched", "en_route", "on_scene", "transporting"):
        engagement = Engagement(
            CaseId("busy"),
            draw(st.sampled_from([1, 2, 3, 4])),
            draw(st.one_of(st.none(), st.floats(0, 600))),
            draw(st.one_of(st.none(), st.floats(0, 3600))),
            draw(st.integers(0, 1)),
        )
    return UnitNow(
        UnitId(name),
        "truck",
        tuple(draw(st.lists(st.sampled_from(CAPABILITIES), unique=True, max_size=3))),
        status,
        is_free and draw(st.booleans()),
        tier=draw(st.sampled_from(["county", "town"])),
        position_age_s=draw(st.one_of(st.none(), st.sampled_from([0.0, 299.0, 301.0, 9e4]))),
        busy_fraction=draw(st.sampled_from([0.0, 0.3, 0.9])),
        engagement=engagement,
    )


@st.composite
def needs(draw: st.DrawFn, most: int = 3) -> tuple[Need, ...]:
    names = draw(st.lists(st.sampled_from(CAPABILITIES), unique=True, min_size=1, max_size=most))
    return tuple(Need(name, draw(st.integers(1, 2))) for name in names)


@st.composite
def call(draw: st.DrawFn, name: str) -> CallNow:
    """A case with any needs; sometimes one unit may meet several of them."""
    return CallNow(
        CaseId(name),
        "building-fire",
        draw(needs()),
        draw(st.sampled_from([1, 2, 3, 4])),
        level=2,
        is_life_threat=draw(st.booleans()),
        assists=draw(st.one_of(st.just(()), needs(1))),
        lower_levels=draw(st.sampled_from([(), (LevelNeeds(1, (Need("engine"),)),)])),
        target_s=draw(st.sampled_from([None, 240.0, 600.0])),
        waited_s=draw(st.sampled_from([0.0, 200.0, 700.0])),
        tiers=draw(st.sampled_from([(), ("town",)])),
        is_counted_once=draw(st.booleans()),
        redispatches=draw(st.integers(0, 1)),
    )


@st.composite
def problems(draw: st.DrawFn, units_max: int = 6, calls_max: int = 3) -> Problem:
    """Snapshots of a small town, also without any unit or call."""
    names = draw(st.permutations([f"U{n}" for n in range(draw(st.integers(0, units_max)))]))
    units = tuple(draw(unit(name)) for name in names)
    calls = tuple(draw(call(f"c{n}")) for n in range(draw(st.integers(0, calls_max))))
    shape = (len(units), len(calls))
    return Problem(
        AT,
        units,
        calls,
        draw(table(shape)),
        fallback_times_s=draw(st.one_of(st.none(), table(shape))),
        p90_factors=draw(st.one_of(st.none(), st.just(np.full(shape, 1.6)))),
        demand=draw(st.one_of(st.none(), demand(len(units)))),
    )


@st.composite
def table(draw: st.DrawFn, shape: tuple[int, int]) -> np.ndarray[tuple[int, int]]:
    count = shape[0] * shape[1]
    cells = draw(st.lists(TIMES_S, min_size=count, max_size=count))
    return np.array(cells, dtype=np.float64).reshape(shape)


@st.composite
def demand(draw: st.DrawFn, unit_count: int) -> Demand:
    """Zones and two posts."""
    zones = tuple(
        Zone(f"z{n}", draw(st.sampled_from([0.0, 1.0, 5.0])), draw(st.sampled_from(CAPABILITIES)),
             draw(st.sampled_from([120.0, 600.0])))
        for n in range(draw(st.integers(0, 3)))
    )  # fmt: skip
    return Demand(
        zones,
        draw(table((unit_count, len(zones)))),
        ("north", "south"),
        draw(table((2, len(zones)))),
        draw(table((unit_count, 2))),
    )
