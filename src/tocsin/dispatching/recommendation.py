"""What a policy answers: whom to send to each case, the ranked rest, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from tocsin.kernel.shared import CaseId, Instant, UnitId

ReasonCode = Literal[
    "in_time",
    "late",
    "no_target",
    "fastest",
    "faster_but",
    "leaves_uncovered",
    "thins_cover",
    "over_cap",
    "position_stale",
    "position_unknown",
    "no_way",
    "time_unknown",
    "sent_elsewhere",
    "assists",
    "redispatched",
    "sooner",
    "moved_up",
    "ask_owner",
    "busy_dispatched",
    "busy_en_route",
    "busy_on_scene",
    "busy_transporting",
]
REASON_CODES: tuple[ReasonCode, ...] = get_args(ReasonCode)

BUSY_REASONS: Final[Mapping[str, ReasonCode]] = {
    "dispatched": "busy_dispatched",
    "en_route": "busy_en_route",
    "on_scene": "busy_on_scene",
    "transporting": "busy_transporting",
}
"""Why a busy unit is free when it is said to be, by its status."""

Standing: TypeAlias = Literal["sound", "stale", "unplaced", "cut_off", "unknown"]
STANDINGS: tuple[Standing, ...] = get_args(Standing)
"""How much is known about a candidate's time, best first; a later standing is always ranked
behind: position fresh; stale; unknown (time from its post); no way by the roads of now (time
from the fallback table); neither a position nor a time."""

Fact: TypeAlias = str | int | float
RepairCode = Literal["other_tier", "lower_level", "wait", "none"]
REPAIR_CODES: tuple[RepairCode, ...] = get_args(RepairCode)
ShortfallCode = Literal["no_such_unit", "all_busy", "no_way", "other_tier_only", "too_few"]
SHORTFALL_CODES: tuple[ShortfallCode, ...] = get_args(ShortfallCode)
Method = Literal["assignment", "milp", "fallback"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason as data: a code and its numbers, in the order of the words' slots."""

    code: ReasonCode
    facts: tuple[tuple[str, Fact], ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One unit for one case. `rank` from 1. `time_s` and `p90_s` are None where nobody knows.

    `cost` is the policy's own measure (its terms are beside it, rounded alike), compared only
    within one `standing`. `meets` are the needs it has a capability for.
    """

    rank: int
    unit: UnitId
    standing: Standing
    time_s: float | None
    p90_s: float | None
    position_age_s: float | None
    cost: float
    terms: tuple[tuple[str, float], ...]
    meets: tuple[str, ...]
    is_sent: bool
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """A unit that the solution sends, and the need it is counted for."""

    unit: UnitId
    capability: str
    is_assisting: bool = False


@dataclass(frozen=True, slots=True)
class Repair:
    """What would mend a shortfall, and after how long; `unit` or `level` where it names one.
    `wait_s` of it pass until that unit is free; `reasons` say how that is known."""

    code: RepairCode
    delay_s: float | None = None
    unit: UnitId | None = None
    level: int | None = None
    wait_s: float | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Shortfall:
    """So many units are missing for a need; the first repair is the cheapest."""

    capability: str
    missing: int
    code: ShortfallCode
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """The answer for one case. `ranked` may be cut (see `ranked_max`); `sent` never is."""

    call: CaseId
    sent: tuple[Sent, ...]
    ranked: tuple[Candidate, ...]
    candidate_count: int
    shortfalls: tuple[Shortfall, ...] = ()

    @property
    def is_cut_off(self) -> bool:
        """Nobody has a way by the roads of now: what is ranked is from the fallback table."""
        return bool(self.ranked) and self.ranked[0].standing in ("cut_off", "unknown")


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The answer for all waiting cases, by id, with the policy's name and parameters."""

    at: Instant
    policy: str
    parameters: tuple[tuple[str, float], ...]
    method: Method
    advice: tuple[Advice, ...]

    def of(self, call: CaseId) -> Advice:
        """The advice for one case; KeyError for one that was not in the snapshot."""
        for each in self.advice:
            if each.call == call:
                return each
        raise KeyError(call)
