"""What is asked and what is answered when stations are placed."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.tables import Seconds, frozen_table, wrong_times

Question = Literal["lscp", "mclp", "p-median", "p-centre"]
QUESTIONS: tuple[Question, ...] = get_args(Question)
"""lscp: the fewest stations so that everybody is reached in time (Toregas, Swain, ReVelle, Bergman
1971). mclp: with p stations as much demand as possible in time (Church, ReVelle 1974). p-median:
with p the least mean time (Hakimi 1964; ReVelle, Swain 1970). p-centre: with p the least greatest
time (Hakimi 1964)."""

Cause = Literal["no_way", "too_far"]
"""no_way: no candidate has a road to it. too_far: none is within the target (lscp only)."""


@dataclass(frozen=True, slots=True, eq=False)
class Siting:
    """Candidates, demands and the road seconds between them. Raises ValueError if they do not fit.

    `times_s` (candidates x demands), inf for no way. `weights` are any rates >= 0. `keep` are rows
    of candidates that stay open whatever is answered. Names are used once each.
    """

    candidates: tuple[str, ...]
    demands: tuple[str, ...]
    weights: tuple[float, ...]
    times_s: Seconds
    keep: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "times_s", frozen_table(self.times_s))
        shape = (len(self.candidates), len(self.demands))
        wrong = wrong_times(self.times_s, shape, "times_s")
        if wrong:
            raise ValueError(wrong[0])
        if not self.candidates or not self.demands:
            raise ValueError("nowhere to stand, or nobody to reach")
        for names in (self.candidates, self.demands):
            if len(set(names)) != len(names):
                raise ValueError("a name is there twice")
        if len(self.weights) != len(self.demands) or not all(
            each >= 0 and isfinite(each) for each in self.weights
        ):
            raise ValueError("each demand has one weight, a number that is not negative")
        if any(not 0 <= row < len(self.candidates) for row in self.keep):
            raise ValueError("a kept station is no candidate")


@dataclass(frozen=True, slots=True)
class Unserved:
    """A demand that no candidate can serve, and why; it takes no part in the answer's value."""

    demand: str
    weight: float
    cause: Cause


@dataclass(frozen=True, slots=True)
class Served:
    """A demand with the station nearest to it among the open ones."""

    demand: str
    station: str
    time_s: float


@dataclass(frozen=True, slots=True)
class Sited:
    """An answer. `stations` are open, kept ones among them, in the order of the candidates.

    `value` is recomputed from the stations: their number (lscp), covered weight (mclp), mean s
    by weight (p-median), greatest seconds (p-centre). `bound`: no answer is better than that.
    `is_optimal`: value and bound are the same; otherwise `gap` is their distance as a share of the
    value. `covered`: share of all weight, unserved demands included, within the target.
    """

    question: Question
    stations: tuple[str, ...]
    value: float
    bound: float
    is_optimal: bool
    gap: float
    covered: float | None
    mean_s: float
    greatest_s: float
    served: tuple[Served, ...]
    unserved: tuple[Unserved, ...]


class NoAnswer(Exception):
    """Nothing meets what was asked: `reason` is stable."""

    def __init__(self, reason: Literal["too_few", "too_many_kept", "not_in_time"]) -> None:
        self.reason = reason
        super().__init__(reason)


def unserved_of(
    siting: Siting, target_s: float | None
) -> tuple[NDArray[np.bool_], tuple[Unserved, ...]]:
    """Which demands can be served at all (a flag each), and the others by name. With a target only
    those in time count."""
    reached: NDArray[np.bool_] = np.isfinite(siting.times_s.min(axis=0))
    in_time = reached if target_s is None else siting.times_s.min(axis=0) <= target_s
    lost = tuple(
        Unserved(siting.demands[row], siting.weights[row], "too_far" if reached[row] else "no_way")
        for row in np.flatnonzero(~in_time).tolist()
    )
    return in_time, lost
