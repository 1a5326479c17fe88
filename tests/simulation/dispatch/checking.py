"""What must hold in every run, whoever decides. Each check has a planted bug that it finds."""

from __future__ import annotations

import numpy as np

from tocsin.simulation.dispatch.calls import Calls
from tocsin.simulation.dispatch.engine import Outcome
from tocsin.simulation.dispatch.world import World


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
    return found


def _firsts(calls: Calls, outcome: Outcome) -> np.ndarray:
    return np.asarray(
        [
            outcome.arrived_s[start:stop].min(initial=np.inf)
            for start, stop in zip(calls.first_slot, calls.first_slot[1:], strict=False)
        ]
    )
