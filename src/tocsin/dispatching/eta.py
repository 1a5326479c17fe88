"""Times of arrival as bands: a median and a 90th percentile, from residuals by distance.

The residual is (seconds it took) / (seconds the road times said). Longer ways have relatively
narrower residuals (Budge, Ingolfsson, Zerom, Empirical analysis of ambulance travel times,
Management Science 56, 2010), so the bands are given by length of the way, as data.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.tables import Seconds

Z90 = 1.2815515655446004
"""The 90 % point of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Residuals:
    """What the road times of one band are multiplied by, in its middle. `below_s`: the band holds
    ways shorter than this by the road times (inf for the last)."""

    below_s: float
    median_factor: float
    p90_factor: float


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds until arrival: half of such runs are there by `median_s`, nine of ten by `p90_s`."""

    median_s: float
    p90_s: float


PLAIN = (Residuals(float("inf"), 1.0, 1.0),)
"""Nothing is known: the road times themselves, and no band around them."""


def band_defects(bands: tuple[Residuals, ...]) -> tuple[str, ...]:
    """What is wrong with a list of bands, in plain words."""
    found: list[str] = []
    if not bands or bands[-1].below_s != float("inf"):
        found.append("the last band must have no upper end")
    ends = [band.below_s for band in bands]
    if any(later <= earlier for earlier, later in zip(ends, ends[1:], strict=False)):
        found.append("the bands must be in rising order")
    for band in bands:
        if not (0 < band.median_factor <= band.p90_factor and isfinite(band.p90_factor)):
            found.append(f"the band below {band.below_s} s has a 90th percentile below its median")
    if not found:
        _, medians = _knots(bands)
        if any(later <= earlier for earlier, later in zip(medians, medians[1:], strict=False)):
            found.append("a longer way takes less by these medians")
    return tuple(found)


def eta(time_s: float, bands: tuple[Residuals, ...]) -> Eta:
    """The band around one road time. Raises ValueError for bands with defects."""
    medians_s, factors = eta_tables(np.array([[time_s]]), bands)
    return Eta(float(medians_s[0, 0]), float(medians_s[0, 0] * factors[0, 0]))


def eta_tables(
    road_times_s: Seconds, bands: tuple[Residuals, ...]
) -> tuple[Seconds, NDArray[np.float64]]:
    """Medians (s), and 90th percentiles as factors on them: `times_s` and `p90_factors` of a
    problem. inf stays inf, with factor 1. Raises ValueError for bands with defects.

    Medians run straight from one end of a band to the next, where the factors of both meet half
    way, so that a longer way never takes less: by steps a unit behind the end of a band would go
    before one in front of it. Beyond the last end the last factor is the slope."""
    defects = band_defects(bands)
    if defects:
        raise ValueError("; ".join(defects))
    road = np.asarray(road_times_s, dtype=np.float64)
    number = np.searchsorted([band.below_s for band in bands[:-1]], road, side="right")
    spread = np.array([band.p90_factor / band.median_factor for band in bands])[number]
    factors = np.where(np.isfinite(road), spread, 1.0)
    if len({band.median_factor for band in bands}) == 1:  # nothing to run between
        return road * bands[0].median_factor, factors
    ends, medians = _knots(bands)
    beyond = medians[-1] + (road - ends[-1]) * bands[-1].median_factor
    return np.where(road > ends[-1], beyond, np.interp(road, ends, medians)), factors


def _knots(bands: tuple[Residuals, ...]) -> tuple[list[float], list[float]]:
    """Road times and medians at 0 and at the ends of the bands."""
    ends, medians = [0.0], [0.0]
    for band, after in zip(bands, bands[1:], strict=False):
        ends.append(band.below_s)
        medians.append(band.below_s * (band.median_factor + after.median_factor) / 2.0)
    return ends, medians


def fit_bands(
    road_times_s: Seconds, took_s: Seconds, ends_s: tuple[float, ...], least: int = 30
) -> tuple[Residuals, ...]:
    """Bands from a log: for each end (s; the last band is open) the median and the 90th percentile
    (nearest rank) of took / said. A band with fewer than `least` runs takes those of all runs."""
    road = np.asarray(road_times_s, dtype=np.float64)
    ratio = np.asarray(took_s, dtype=np.float64) / road
    edges = (0.0, *ends_s, float("inf"))
    found: list[Residuals] = []
    for low, high in zip(edges, edges[1:], strict=False):
        inside = ratio[(road >= low) & (road < high)]
        used = inside if len(inside) >= least else ratio
        middle, ninety = (
            float(np.quantile(used, q, method="inverted_cdf")) if len(used) else 1.0
            for q in (0.5, 0.9)
        )
        found.append(Residuals(high, middle, ninety))
    return tuple(found)
