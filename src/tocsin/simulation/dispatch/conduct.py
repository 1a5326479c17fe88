"""How a fleet is conducted, by a name: a policy and what is done beside it.

`closest`, `coverage`, and after a plus any of `posts` (a unit that comes free goes where it adds
most coverage), `moves` (idle units move up), `redispatch` (from low to high, confirmed). `tuned` is
what the scenario's table `[tuning]` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tocsin.dispatching.policies import POLICIES
from tocsin.simulation.dispatch.deciding import ByPolicy, Closest
from tocsin.simulation.dispatch.outcome import Decider, Steering
from tocsin.simulation.dispatch.pricing import Priced, slow_coverage
from tocsin.simulation.dispatch.stages import Stages
from tocsin.simulation.dispatch.steering import Parts, Steer
from tocsin.simulation.dispatch.tuning import Tuning

PARTS: Final = ("posts", "moves", "redispatch")
TUNED: Final = "tuned"


class ConductError(ValueError):
    """No such policy or part. The text says which there are; safe to show."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """A decider, and the steering beside it if there is any."""

    decider: Decider
    steering: Steering | None


def parsed(name: str, tuned: str) -> tuple[str, Parts]:
    """The policy and the parts of a name. Raises ConductError."""
    policy, *parts = (tuned if name == TUNED else name).split("+")
    if policy not in POLICIES:
        known = ", ".join([*sorted(POLICIES), TUNED])
        raise ConductError(f"no policy {policy!r}; there are: {known}")
    for part in parts:
        if part not in PARTS:
            raise ConductError(f"no part {part!r} of a policy; there are: {', '.join(PARTS)}")
    return policy, Parts(**{part: part in parts for part in PARTS})


def conduct_of(
    name: str, tuning: Tuning, late_s: Mapping[str, float], stages: Stages, *, is_fast: bool = True
) -> Conduct:
    """The conduct of a name; the fast path where there is one. Raises ConductError."""
    policy, parts = parsed(name, tuning.policy)
    decider: Decider
    if policy == "coverage":
        decider = Priced(tuning, late_s) if is_fast else slow_coverage(tuning, late_s)
    elif policy == "closest" and is_fast:
        decider = Closest(late_s)
    else:
        decider = ByPolicy(POLICIES[policy], late_s)
    if parts == Parts():
        return Conduct(decider, None)
    return Conduct(decider, Steer(parts, tuning, dict(late_s), stages.travel))
