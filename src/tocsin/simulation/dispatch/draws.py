"""All chance of a run, drawn before it starts: the same for every policy that is compared.

Each slot of a call has its own turnout, noise of travel, scene and so on, whoever is sent. What a
policy changes is then the only difference between two runs (common random numbers).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.simulation.dispatch.calls import Calls
from tocsin.simulation.dispatch.stages import CURVE_END_S, Stages, is_night

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Durations in seconds. By call: `processing_s`. By slot: the rest.

    Travel of a slot over road time r is `curve_s[r] * factor * exp(sigma[r] * noise)`, r in whole
    seconds up to `CURVE_END_S`. `busy_after_s` runs from arrival to available without transport;
    with it, until leaving the scene; `rest_s` is then transport and handover. `cancelled_s` runs
    from dispatch to available of a unit that never arrives.
    """

    processing_s: Floats
    turnout_s: Floats
    factor: Floats
    noise: Floats
    scene_s: Floats
    rest_s: Floats
    cancelled_s: Floats
    curve_s: Floats
    sigma: Floats


def draw(calls: Calls, stages: Stages, seed: int) -> Draws:
    """The draws of one seed. Each stage has its own stream, so that one more draw of one leaves
    the others as they were."""
    streams = [np.random.default_rng([seed, stream]) for stream in range(8)]
    count, slots = len(calls), len(calls.kind)
    owner = np.repeat(np.arange(count), np.diff(calls.first_slot))
    night = is_night(calls.hour)[owner]
    kinds = calls.pattern.kinds

    processing_s = np.zeros(count)
    chances = streams[0].random(count)
    for name, rows in (("high", calls.is_high), ("low", ~calls.is_high)):
        processing_s[rows] = stages.draw_s("processing", name, chances[rows])

    def by_kind(stage: str, stream: int) -> Floats:
        of_slot = streams[stream].random(slots)
        found = np.zeros(slots)
        for number, name in enumerate(kinds):
            rows = calls.kind == number
            found[rows] = stages.draw_s(stage, name, of_slot[rows])
        return found

    # Day and night share their chances: a slow crew is slow at either time.
    day_s = by_kind("turnout_day", 1)
    streams[1] = np.random.default_rng([seed, 1])
    turnout_s = np.where(night, by_kind("turnout_night", 1), day_s)
    noise = streams[2].standard_normal(slots)
    scene_s = by_kind("scene", 3)
    streams[3] = np.random.default_rng([seed, 3])
    carrying_s = by_kind("scene_transport", 3)
    rest_s = by_kind("transport", 4) + by_kind("handover", 5)
    cancelled_s = by_kind("cancelled", 6)

    travel = stages.travel
    hour = np.asarray(travel.hour)[calls.hour.astype(np.int64) % 24]
    area = np.asarray([travel.factor("area", name) for name in calls.pattern.areas])
    priority = np.where(
        calls.is_high, travel.factor("priority", "high"), travel.factor("priority", "low")
    )
    by_call = hour * area[calls.area] * priority
    kind = np.asarray([travel.factor("kind", name) for name in kinds])
    factor = by_call[owner] * kind[calls.kind]

    seconds = np.arange(CURVE_END_S + 1, dtype=np.float64)
    carries = calls.is_transporting
    return Draws(
        processing_s,
        turnout_s,
        factor,
        noise,
        np.where(carries, carrying_s, scene_s),
        np.where(carries, rest_s, 0.0),
        cancelled_s,
        travel.medians_s(seconds),
        travel.sigmas(seconds),
    )


def questions(calls: Calls, asked_s: Floats) -> tuple[list[float], list[int], list[int]]:
    """Every decision that calls ask for: its instant, first slot and the slot behind its last, in
    order of time. Slots of a call that are asked for at once are one decision."""
    if not len(calls.kind):
        return [], [], []
    owner = np.repeat(np.arange(len(calls)), np.diff(calls.first_slot))
    instants = asked_s[owner] + calls.later_s
    is_first = np.ones(len(owner), dtype=np.bool_)
    is_first[1:] = (owner[1:] != owner[:-1]) | (calls.later_s[1:] != calls.later_s[:-1])
    starts = np.flatnonzero(is_first)
    stops = np.append(starts[1:], len(owner))
    order = np.lexsort((starts, instants[starts]))
    return (
        [float(each) for each in instants[starts][order]],
        [int(each) for each in starts[order]],
        [int(each) for each in stops[order]],
    )
