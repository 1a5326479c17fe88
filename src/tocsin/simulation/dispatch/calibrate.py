"""Fits what a log does not show directly, by running the log's own calls and comparing.

Where roaming units waited, how far cancelled ones came, how much of a trip's noise all units of a
call share: none is in a log. So after the direct fit (`fitting`) the factors of kind and area, of
low priority, and one scale of the noise are moved until runs on the log's own calls show its
medians and 90th percentiles. This is a fit in the sample; how well it holds on other days is
another question, and `judge` answers it for the world of any days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from tocsin.simulation.dispatch.calls import Calls
from tocsin.simulation.dispatch.form import OTHER_KIND
from tocsin.simulation.dispatch.log import Log
from tocsin.simulation.dispatch.outcome import Outcome
from tocsin.simulation.dispatch.stages import Stages
from tocsin.simulation.dispatch.world import World

Floats = npt.NDArray[np.float64]

ROUNDS: Final = 12
SEEDS: Final = range(101, 109)
"""Eight runs: the noise of a median of 1,900 calls is then under 1 %."""
FEWEST_CALLS: Final = 60
"""An area with fewer calls of high priority has no 90th percentile to speak of."""
GENTLE: Final = 0.7
"""Each round goes this share of the way, in logarithms: factors act on one another."""
Z95: Final = 1.96
FACTOR_BOUNDS: Final = (0.2, 5.0)


@dataclass(frozen=True, slots=True)
class Fit:
    """Median and 90th percentile of response, log and simulated, seconds, of `calls` calls.

    Response: from receipt to the first unit on scene. `log_p90_low_s` to `log_p90_high_s`: where
    the 90th percentile of such days lies with 95 % confidence, by the log's own calls alone; a run
    within is as near as these days can tell.
    """

    what: str
    calls: int
    log_median_s: float
    median_s: float
    log_p90_s: float
    p90_s: float
    log_p90_low_s: float
    log_p90_high_s: float

    @property
    def median_error(self) -> float:
        """Relative error of the median."""
        return self.median_s / self.log_median_s - 1.0

    @property
    def is_within(self) -> bool:
        """Whether the run's 90th percentile is one that the log's calls allow."""
        return self.log_p90_low_s <= self.p90_s <= self.log_p90_high_s

    @property
    def p90_error(self) -> float:
        """Relative error of the 90th percentile."""
        return self.p90_s / self.log_p90_s - 1.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """The stages, and how well runs with them show the log: whole, low priority, areas."""

    stages: Stages
    high: Fit
    low: Fit
    areas: tuple[Fit, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is compared: by call, receipt and first dispatch to first arrival; by kind, dispatch to
    arrival. NaN where nobody arrived."""

    is_high: npt.NDArray[np.bool_]
    area: npt.NDArray[np.int64]
    response_s: Floats
    reach_s: Floats
    by_kind: Mapping[str, Floats]


def calibrate(world: World, log: Log, *, rounds: int = ROUNDS) -> Calibration:
    """Move the factors of `world.stages` until runs look like the log. `world` plays its log."""
    wanted = seen_in_log(log, world)
    best: tuple[float, Stages] | None = None
    for _ in range(rounds):
        found = seen_in_runs(world)
        error = _error(wanted, found, world)
        if best is None or error < best[0]:
            best = (error, world.stages)
        world = world.with_stages(_moved(world, wanted, found))
    assert best is not None
    return judge(world.with_stages(best[1]), wanted)


def judge(world: World, wanted: Seen) -> Calibration:
    """How well runs of a world show what is wanted."""
    found = seen_in_runs(world)
    areas = tuple(
        _fit(name, wanted, found, high_of_area(wanted, number), high_of_area(found, number))
        for number, name in enumerate(world.pattern.areas)
        if _count(wanted.response_s[high_of_area(wanted, number)]) >= FEWEST_CALLS
    )
    high = _fit("high", wanted, found, wanted.is_high, found.is_high)
    low = _fit("low", wanted, found, ~wanted.is_high, ~found.is_high)
    return Calibration(world.stages, high, low, areas)


def high_of_area(seen: Seen, area: int) -> npt.NDArray[np.bool_]:
    """The calls of high priority of one area, a flag each."""
    return seen.is_high & (seen.area == area)


def seen_in_log(log: Log, world: World) -> Seen:
    """What the log shows of the calls that a world of it plays, in their order."""
    number = {name: at for at, name in enumerate(world.pattern.areas)}
    high: list[bool] = []
    area: list[int] = []
    response: list[float] = []
    reach: list[float] = []
    by_kind: dict[str, list[float]] = {kind: [] for kind in world.pattern.kinds}
    for call in log.calls:
        rows = [row for row in call.rows if row.kind != OTHER_KIND]
        if not rows:
            continue
        arrivals = [row.on_scene_s for row in rows if row.on_scene_s is not None]
        first_s = min(arrivals) if arrivals else float("nan")
        high.append(call.is_high)
        area.append(number[call.area])
        response.append(first_s - call.received_s)
        reach.append(first_s - rows[0].dispatched_s)
        if call.is_high:
            for row in rows:
                if row.on_scene_s is not None:
                    by_kind[row.kind].append(row.on_scene_s - row.dispatched_s)
    return Seen(
        np.asarray(high, dtype=np.bool_),
        np.asarray(area, dtype=np.int64),
        np.asarray(response),
        np.asarray(reach),
        {kind: np.asarray(values) for kind, values in by_kind.items()},
    )


def seen_in_runs(world: World) -> Seen:
    """The same of runs over `SEEDS`, one after the other in one row."""
    runs = [_seen_in_run(*world.play("closest", seed)) for seed in SEEDS]
    return Seen(
        np.concatenate([run.is_high for run in runs]),
        np.concatenate([run.area for run in runs]),
        np.concatenate([run.response_s for run in runs]),
        np.concatenate([run.reach_s for run in runs]),
        {kind: np.concatenate([run.by_kind[kind] for run in runs]) for kind in world.pattern.kinds},
    )


def _seen_in_run(calls: Calls, outcome: Outcome) -> Seen:
    first_s = np.where(np.isfinite(outcome.first_s), outcome.first_s, np.nan)
    high = np.repeat(calls.is_high, np.diff(calls.first_slot))
    arrived = np.isfinite(outcome.arrived_s) & high
    took_s = outcome.arrived_s - outcome.sent_s
    return Seen(
        calls.is_high,
        calls.area,
        first_s - calls.time_s,
        first_s - outcome.asked_s,
        {
            kind: took_s[arrived & (calls.kind == number)]
            for number, kind in enumerate(calls.pattern.kinds)
        },
    )


def _moved(world: World, wanted: Seen, found: Seen) -> Stages:
    """One round: each factor goes part of the way to where its own median would agree."""
    travel = world.stages.travel
    factors = {what: dict(travel.factors.get(what, {})) for what in ("priority", "kind", "area")}
    for kind in world.pattern.kinds:
        if _count(wanted.by_kind[kind]) >= FEWEST_CALLS:
            ratio = _median(wanted.by_kind[kind]) / _median(found.by_kind[kind])
            _move(factors["kind"], kind, ratio)
    for number, name in enumerate(world.pattern.areas):
        in_log, in_runs = high_of_area(wanted, number), high_of_area(found, number)
        if _count(wanted.response_s[in_log]) >= FEWEST_CALLS:
            _move(factors["area"], name, _blend(wanted, found, in_log, in_runs))
    low, ran_low = ~wanted.is_high, ~found.is_high
    ratio = _median(wanted.reach_s[low]) / _median(found.reach_s[ran_low])
    _move(factors["priority"], "low", ratio)
    # The spread: the 90th percentile over the median of the reach.
    spread = _spread(wanted.reach_s[wanted.is_high]) / _spread(found.reach_s[found.is_high])
    sigma = tuple(round(each * spread**GENTLE, 4) for each in travel.sigma)
    return replace(world.stages, travel=replace(travel, sigma=sigma, factors=factors))


def _blend(
    wanted: Seen, found: Seen, in_log: npt.NDArray[np.bool_], in_runs: npt.NDArray[np.bool_]
) -> float:
    """How much longer trips of an area should be, so that both its median and its 90th percentile
    of response come close: the mean of what each would ask for. Trips are about two thirds of a
    response, so what is asked of them is larger than the response's own ratio."""
    share = _median(found.reach_s[in_runs]) / _median(found.response_s[in_runs])
    ratios = [
        _quantile(wanted.response_s[in_log], q) / _quantile(found.response_s[in_runs], q)
        for q in (0.5, 0.9)
    ]
    mean = float(np.sqrt(ratios[0] * ratios[1]))
    return 1.0 + (mean - 1.0) / max(share, 0.3)


def _move(factors: dict[str, float], name: str, ratio: float) -> None:
    if not np.isfinite(ratio) or ratio <= 0:
        return
    low, high = FACTOR_BOUNDS
    factors[name] = round(min(max(factors.get(name, 1.0) * ratio**GENTLE, low), high), 4)


def _error(wanted: Seen, found: Seen, world: World) -> float:
    """What the rounds make small: the worst of all errors, each over what is allowed for it."""
    high = _fit("", wanted, found, wanted.is_high, found.is_high)
    worst = max(abs(high.median_error), abs(high.p90_error)) / 0.05
    for number in range(len(world.pattern.areas)):
        in_log, in_runs = high_of_area(wanted, number), high_of_area(found, number)
        if _count(wanted.response_s[in_log]) >= FEWEST_CALLS:
            fit = _fit("", wanted, found, in_log, in_runs)
            worst = max(worst, abs(fit.median_error) / 0.1, abs(fit.p90_error) / 0.1)
    return worst


def _fit(
    what: str,
    wanted: Seen,
    found: Seen,
    in_log: npt.NDArray[np.bool_],
    in_runs: npt.NDArray[np.bool_],
) -> Fit:
    past_s, run_s = wanted.response_s[in_log], found.response_s[in_runs]
    return Fit(
        what,
        _count(past_s),
        _median(past_s),
        _median(run_s),
        _quantile(past_s, 0.9),
        _quantile(run_s, 0.9),
        *bounds_of(past_s, 0.9),
    )


def bounds_of(values: Floats, share: float) -> tuple[float, float]:
    """The 95 % interval of a quantile of what the values are a sample of, by order statistics (the
    binomial's normal approximation; David and Nagaraja, Order Statistics, 2003, 7.1). NaN counts
    for nothing; without values both are NaN."""
    known = np.sort(values[~np.isnan(values)])
    count = len(known)
    if not count:
        return float("nan"), float("nan")
    wide = Z95 * (count * share * (1.0 - share)) ** 0.5
    low = max(0, int(np.floor(count * share - wide)) - 1)
    high = min(count - 1, int(np.ceil(count * share + wide)))
    return float(known[low]), float(known[high])


def _count(values: Floats) -> int:
    return int(np.count_nonzero(~np.isnan(values)))


def _quantile(values: Floats, share: float) -> float:
    return float(np.nanquantile(values, share)) if _count(values) else float("nan")


def _median(values: Floats) -> float:
    return _quantile(values, 0.5)


def _spread(values: Floats) -> float:
    return _quantile(values, 0.9) / _median(values)
