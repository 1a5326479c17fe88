"""What must hold in every run, whoever decides. Each check has a planted bug that it finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tocsin.simulation.dispatch.calls import Calls
from tocsin.simulation.dispatch.conduct import Conduct
from tocsin.simulation.dispatch.draws import Draws, draw
from tocsin.simulation.dispatch.engine import run
from tocsin.simulation.dispatch.outcome import Outcome
from tocsin.simulation.dispatch.world import World

GUARD_S = 60.0
"""Nobody is turned who would have been there within this: the promise, written down once more."""


def defects(world: World, calls: Calls, outcome: Outcome) -> list[str]:
    """Everything that is wrong with a run, in words."""
    found: list[str] = []
    kinds = world.pattern.kinds
    units = world.fleet.units
    work: dict[int, list[tuple[float, float]]] = {}
    for slot in range(len(calls.kind)):
        unit = int(outcome.unit[slot])
        if unit < 0:
            continue
        if units[unit].kind != kinds[int(calls.kind[slot])]:
            found.append(f"slot {slot} wants {kinds[int(calls.kind[slot])]}, got {units[unit].id}")
        end_s = float(outcome.arrived_s[slot])
        start_s = float(outcome.sent_s[slot])
        work.setdefault(unit, []).append((start_s, end_s if np.isfinite(end_s) else start_s))
    for unit, stretches in work.items():
        stretches.sort()
        for before, after in zip(stretches, stretches[1:], strict=False):
            if after[0] < before[1]:
                found.append(f"{units[unit].id} is sent at {after[0]} while on its way elsewhere")
    owner = np.repeat(np.arange(len(calls)), np.diff(calls.first_slot))
    was_sent = np.isfinite(outcome.sent_s)
    if (outcome.sent_s[was_sent] < outcome.asked_s[owner][was_sent]).any():
        found.append("somebody was sent before the call was understood")
    if (outcome.unit[~was_sent] >= 0).any():
        found.append("a unit without an instant")
    if not np.array_equal(outcome.first_s, _firsts(calls, outcome)):
        found.append("the first arrival is not the first of the arrivals")
    return found + _wrong_turns(calls, outcome, owner)


def _wrong_turns(calls: Calls, outcome: Outcome, owner: np.ndarray) -> list[str]:
    found: list[str] = []
    left: dict[int, int] = {}
    for unit, slot, at_s, due_s in outcome.counts.turned:
        call = int(owner[slot])
        left[call] = left.get(call, 0) + 1
        if due_s - at_s <= GUARD_S:
            found.append(f"unit {unit} was turned {due_s - at_s:.0f} s before its arrival")
        if calls.is_high[call]:
            found.append(f"unit {unit} was taken from a call of high priority")
    found += [f"call {call} lost {count} units" for call, count in left.items() if count > 1]
    return found


def peeks(world: World, seed: int, how: Conduct, other: Conduct) -> bool:
    """Whether a conduct knows the future: with other calls and chance from the middle of the run
    on, who was sent before that must be the same. `other` is the same conduct made anew."""
    calls = world.calls(seed)
    draws = draw(calls, world.stages, seed)
    half_s = float(calls.time_s[len(calls) // 2])
    known = int(np.searchsorted(calls.time_s, half_s))
    cut = int(calls.first_slot[known])
    changed = _other_future(calls, known, half_s)
    first = run(calls, world.fleet, world.ground, draws, how.decider, how.steering)
    second = run(
        changed, world.fleet, world.ground, _other_chance(draws, known, cut), other.decider,
        other.steering,
    )  # fmt: skip
    before = (first.sent_s < half_s)[:cut]
    if not np.array_equal(before, (second.sent_s < half_s)[:cut]):
        return True
    return not np.array_equal(first.unit[:cut][before], second.unit[:cut][before])


def _other_future(calls: Calls, known: int, half_s: float) -> Calls:
    """The calls from a number on at other places, of the other priority and later."""
    place, is_high, time_s = calls.place.copy(), calls.is_high.copy(), calls.time_s.copy()
    place[known:] = place[known:][::-1]
    is_high[known:] = ~is_high[known:]
    time_s[known:] = half_s + (time_s[known:] - half_s) * 2.0 + 1.0
    return replace(calls, place=place, is_high=is_high, time_s=time_s)


def _other_chance(draws: Draws, known: int, cut: int) -> Draws:
    scene_s = draws.scene_s.copy()
    scene_s[cut:] *= 3.0
    return replace(draws, scene_s=scene_s)


def _firsts(calls: Calls, outcome: Outcome) -> np.ndarray:
    return np.asarray(
        [
            outcome.arrived_s[start:stop].min(initial=np.inf)
            for start, stop in zip(calls.first_slot, calls.first_slot[1:], strict=False)
        ]
    )
