"""Arrival bands come from residuals by length of the way."""

import numpy as np
import pytest

from tocsin.dispatching.eta import PLAIN, Eta, Residuals, eta, eta_tables, fit_bands

INF = float("inf")
BANDS = (Residuals(120.0, 1.2, 2.0), Residuals(float("inf"), 1.0, 1.3))


def test_a_short_way_has_a_wider_band() -> None:
    short, long = eta(60.0, BANDS), eta(1000.0, BANDS)
    assert short.p90_s / short.median_s == pytest.approx(2.0 / 1.2)
    assert long.p90_s / long.median_s == pytest.approx(1.3)
    assert long.median_s == pytest.approx(132.0 + 880.0)
    assert eta(100.0, PLAIN) == Eta(100.0, 100.0)


def test_a_longer_way_never_takes_less() -> None:
    bands = (Residuals(60.0, 2.0, 3.0), Residuals(240.0, 1.4, 2.0), Residuals(INF, 1.1, 1.4))
    medians_s, _ = eta_tables(np.linspace(0.0, 2000.0, 4001)[None, :], bands)
    assert bool((np.diff(medians_s) > 0).all())
    planted = (Residuals(60.0, 4.0, 5.0), Residuals(70.0, 1.0, 2.0), Residuals(INF, 1.0, 1.4))
    with pytest.raises(ValueError, match="a longer way takes less"):
        eta(100.0, planted)


def test_no_way_stays_no_way() -> None:
    medians_s, factors = eta_tables(np.array([[float("inf"), 0.0]]), BANDS)
    assert medians_s.tolist() == [[float("inf"), 0.0]]
    assert factors[0, 0] == 1.0


@pytest.mark.parametrize(
    ("bands", "words"),
    [
        ((), "no upper end"),
        ((Residuals(60.0, 1.0, 1.2),), "no upper end"),
        ((*reversed(BANDS), Residuals(float("inf"), 1.0, 1.0)), "rising order"),
        ((Residuals(float("inf"), 1.5, 1.2),), "below its median"),
    ],
)
def test_bands_that_contradict_themselves_are_named(
    bands: tuple[Residuals, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        eta(100.0, bands)


def test_bands_are_found_again_in_a_log_drawn_from_them() -> None:
    draw = np.random.default_rng(7)
    road_s = draw.uniform(10.0, 1000.0, 20_000)
    spread = np.where(road_s < 120.0, 0.5, 0.2)
    took_s = road_s * np.exp(draw.normal(0.0, spread))
    short, long = fit_bands(road_s, took_s, (120.0,))
    assert (short.below_s, long.below_s) == (120.0, float("inf"))
    assert short.median_factor == pytest.approx(1.0, rel=0.05)
    assert short.p90_factor == pytest.approx(np.exp(0.5 * 1.2816), rel=0.05)
    assert long.p90_factor == pytest.approx(np.exp(0.2 * 1.2816), rel=0.02)


def test_a_band_with_too_few_runs_takes_those_of_all() -> None:
    road_s = np.array([10.0] + [500.0] * 99)
    short, long = fit_bands(road_s, road_s * 2.0, (120.0,))
    assert (short.median_factor, long.median_factor) == (2.0, 2.0)
    assert fit_bands(np.array([]), np.array([]), ())[0] == PLAIN[0]
