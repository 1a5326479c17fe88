"""What a run was like, as numbers: late share, mean and 90th percentile by stage and area."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from tocsin.simulation.dispatch.calls import DAY_S, Calls
from tocsin.simulation.dispatch.outcome import Outcome
from tocsin.simulation.dispatch.world import World

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

P90: Final = 0.9
UNSERVED_S: Final = 86_400.0
"""A call that nobody ever reached, though somebody was to arrive, counts as a day late: it must
make a policy look worse, and an average must stay a number."""


def measure(world: World, calls: Calls, outcome: Outcome) -> dict[str, float]:
    """Every measure of one run, by a name with its unit at the end. Seconds, shares 0 to 1.

    Only calls with a slot that arrives count for response: the rest were cancelled whoever went.
    `low_delay`: receipt to first arrival of low priority. `wait`: asked for a unit until sent.
    """
    owner = np.repeat(np.arange(len(calls)), np.diff(calls.first_slot))
    is_real = np.zeros(len(calls), dtype=np.bool_)
    is_real[owner[calls.is_arriving]] = True
    first_s = np.where(np.isfinite(outcome.first_s), outcome.first_s, calls.time_s + UNSERVED_S)
    response_s = first_s - calls.time_s
    high, low = calls.is_high & is_real, ~calls.is_high & is_real
    found: dict[str, float] = {"calls": float(len(calls))}
    _whole(found, world, response_s, high, low)
    _stages(found, calls, outcome, owner)
    for number, name in enumerate(world.pattern.areas):
        rows = high & (calls.area == number)
        found[f"high_calls/{name}"] = float(np.count_nonzero(rows))
        found[f"response_p90_s/{name}"] = _quantile(response_s[rows], P90)
    ended_s = float(outcome.sent_s[np.isfinite(outcome.sent_s)].max(initial=1.0))
    found["busy_share"] = float(outcome.busy_s.sum()) / max(1.0, ended_s * len(outcome.busy_s))
    days = max(1.0, ended_s / DAY_S)
    counts = outcome.counts
    found["moves_a_day"] = counts.moves / days
    found["other_posts_a_day"] = counts.reposted / days
    found["turns_a_day"] = len(counts.turned) / days
    found["breaks_a_day"] = counts.breaks / days
    found["breaks_interrupted_a_day"] = counts.interrupted / days
    found["breaks_missed_a_day"] = counts.missed / days
    if world.with_cases:
        calls_count = max(1, len(calls))
        found["cases_verified"] = float(counts.verified)
        found["errands_a_call"] = counts.errands / calls_count
        found["rungs_a_call"] = counts.escalated / calls_count
        found["clocks_missed_a_call"] = counts.late_clocks / calls_count
    found["unserved"] = float(np.count_nonzero(is_real & ~np.isfinite(outcome.first_s)))
    return found


def _whole(
    found: dict[str, float], world: World, response_s: Floats, high: Bools, low: Bools
) -> None:
    found["late_share"] = _mean((response_s[high] > world.late_s["high"]).astype(np.float64))
    found["response_mean_s"] = _mean(response_s[high])
    found["response_median_s"] = _quantile(response_s[high], 0.5)
    found["response_p90_s"] = _quantile(response_s[high], P90)
    found["low_late_share"] = _mean((response_s[low] > world.late_s["low"]).astype(np.float64))
    found["low_delay_mean_s"] = _mean(response_s[low])
    found["low_delay_p90_s"] = _quantile(response_s[low], P90)


def _stages(
    found: dict[str, float], calls: Calls, outcome: Outcome, owner: npt.NDArray[np.int64]
) -> None:
    """Stages of high-priority calls: processing by call; wait and reach by unit that arrived."""
    found["processing_mean_s"] = _mean((outcome.asked_s - calls.time_s)[calls.is_high])
    found["processing_p90_s"] = _quantile((outcome.asked_s - calls.time_s)[calls.is_high], P90)
    sent = np.isfinite(outcome.sent_s) & calls.is_high[owner]
    wait_s = (outcome.sent_s - outcome.asked_s[owner] - calls.later_s)[sent]
    arrived = np.isfinite(outcome.arrived_s) & calls.is_high[owner]
    reach_s = (outcome.arrived_s - outcome.sent_s)[arrived]
    for name, values in (("wait", wait_s), ("road", outcome.road_s[sent]), ("reach", reach_s)):
        found[f"{name}_mean_s"] = _mean(values)
        found[f"{name}_p90_s"] = _quantile(values, P90)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0


def _quantile(values: Floats, share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else 0.0


def rounded(measures: Mapping[str, float]) -> dict[str, float]:
    """For tables and JSON: seconds to tenths, shares to a hundredth of a percent."""
    return {name: round(value, 1 if "_s" in name else 4) for name, value in measures.items()}
