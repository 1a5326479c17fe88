"""When a busy unit is free: the stated formula, held against draws from the same distribution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.dispatching.eta import Z90
from tocsin.dispatching.staying import free_in_s, remaining_s
from tocsin.packs.stays import ANY, Stay

SCENE = Stay("engine", "on_scene", 1200, 3000)
STAYS = (
    Stay("engine", "turnout", 80, 120),
    SCENE,
    Stay("ambulance", "on_scene", 900, 1500),
    Stay("ambulance", "transporting", 2000, 3000, share=70),
    Stay(ANY, "on_scene", 600, 900),
)


@pytest.mark.parametrize("elapsed_s", [0.0, 300.0, 1200.0, 3000.0])
def test_half_of_those_that_have_lasted_so_long_are_over_by_then(elapsed_s: float) -> None:
    draw = np.random.default_rng(11)
    sigma = np.log(SCENE.p90_s / SCENE.median_s) / Z90
    lasted = SCENE.median_s * np.exp(draw.normal(0.0, sigma, 400_000))
    left = lasted[lasted > elapsed_s] - elapsed_s
    found = remaining_s(SCENE, elapsed_s)
    assert found == pytest.approx(float(np.median(left)), rel=0.03)


def test_what_has_lasted_beyond_all_measure_is_not_promised() -> None:
    assert remaining_s(SCENE, 40_000.0) is None
    steady = Stay("engine", "on_scene", 600, 600)
    assert remaining_s(steady, 200.0) == 400.0
    assert remaining_s(steady, 600.0) is None
    late = remaining_s(SCENE, 6_000.0)
    assert late is not None and late > 0, "nobody is promised for now"


@settings(deadline=None)
@given(st.integers(1, 9_000), st.integers(0, 20_000), st.floats(0.0, 20_000.0))
def test_it_is_never_below_nothing(median_s: int, more_s: int, elapsed_s: float) -> None:
    found = remaining_s(Stay("x", "on_scene", median_s, median_s + more_s), elapsed_s)
    assert found is None or found >= 0


def test_the_stages_that_follow_are_counted() -> None:
    assert free_in_s(STAYS, "engine", "on_scene", 0.0, None) == 1200
    assert free_in_s(STAYS, "engine", "en_route", 60.0, 200.0) == 1400
    assert free_in_s(STAYS, "engine", "dispatched", 0.0, 200.0) == 1480
    assert free_in_s(STAYS, "ambulance", "on_scene", 0.0, None) == 2900, "most leave with somebody"
    assert free_in_s(STAYS, "ambulance", "transporting", 0.0, None) == 2000
    assert free_in_s(STAYS, "truck", "on_scene", 0.0, None) == 600, "the stay of any kind"


def test_nobody_says_what_nobody_can() -> None:
    assert free_in_s(STAYS, "engine", "en_route", 0.0, None) is None, "nobody knows where it is"
    assert free_in_s(STAYS, "engine", "en_route", 0.0, float("inf")) is None
    assert free_in_s(STAYS, "engine", "transporting", 0.0, None) is None
    assert free_in_s(STAYS, "engine", "out_of_service", 0.0, None) is None
    assert free_in_s((), "engine", "on_scene", 0.0, None) is None
    forgotten = free_in_s(STAYS, "engine", "on_scene", 90_000.0, None)
    assert forgotten is None, "a crew that forgot its button"
