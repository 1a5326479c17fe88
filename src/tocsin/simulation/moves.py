"""A move, and how one is drawn: by whom, when, and whether people feel like it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.cases.state import Case
from tocsin.kernel.deadlines import Allowance, due
from tocsin.kernel.shared import AgencyId, CaseId, Instant
from tocsin.packs.model import Pack
from tocsin.runtime.accounts import Role
from tocsin.simulation.habits import Habits

MEDIANS_S: Final[Mapping[str, tuple[float, float, float]]] = {
    "desk": (30, 240, 420),
    "acknowledge": (40, 240, 600),
    "start": (240, 600, 900),
    "claim": (1_500, 2_400, 2_700),
    "check": (1_800, 1_800, 2_400),
    "small": (240, 600, 900),
    "reporter": (300, 900, 1_500),
}
"""Emergency, priority 2, everything else; ours, plausible for a town that copes."""
SIGMA: Final = 0.6
"""Spread of the log-normal delays: one in twenty takes 2.7 times as long as the median."""
LATER_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Move:
    """Something a person will do at `at`. `case_id` is whose slot it is, `target` the case the
    command is sent to. `role` None means the reporter whom the fields name."""

    case_id: CaseId
    slot: str
    token: str
    at: Instant
    verb: str
    role: Role | None
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    agency: AgencyId | None = None
    target: CaseId | None = None
    by_claimant: bool = False

    @property
    def to(self) -> CaseId:
        return self.target or self.case_id


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a move goes beside its fields. `clock` is what it would keep, `at` fixes the instant,
    `agency` is for whom its actor works."""

    clock: str = ""
    at: Instant | None = None
    agency: AgencyId | None = None
    target: CaseId | None = None
    by_claimant: bool = False


@dataclass(slots=True)
class Look:
    """One slot being looked at."""

    case: Case
    policy: CasePolicy
    slot: str
    token: str
    now: Instant

    @property
    def part(self) -> str:
        return self.slot.partition(":")[2]


@dataclass(slots=True)
class Mind:
    """What the people of one town share: the pack, their habits, chance, and what they know."""

    pack: Pack
    habits: Habits
    rng: Random
    matters: dict[CaseId, int] = field(default_factory=dict[CaseId, int])
    """What really happened, by case."""
    firsts: dict[int, CaseId] = field(default_factory=dict[int, CaseId])
    """The case that was opened first about a matter."""
    tries: dict[tuple[CaseId, str, str], int] = field(
        default_factory=dict[tuple[CaseId, str, str], int]
    )
    """How often a move in this situation came to nothing."""


class Drawing:
    """Draws moves out of a mind. Each subclass knows one kind of people."""

    def __init__(self, mind: Mind) -> None:
        self.mind = mind

    @property
    def habits(self) -> Habits:
        return self.mind.habits

    @property
    def pack(self) -> Pack:
        return self.mind.pack

    @property
    def _rng(self) -> Random:
        return self.mind.rng

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _tried(self, look: Look) -> int:
        """How often people tried in vain in this situation."""
        return self.mind.tries.get((look.case.id, look.slot, look.token), 0)

    def _when(self, look: Look, stage: str, clock: str = "") -> Instant:
        """Now and a human delay; perhaps after the clock has run out. Everyday matters are done
        in office hours."""
        rng, case = self._rng, look.case
        rank = 0 if case.profile == "emergency" else 1 if case.priority <= 2 else 2
        delay_s = MEDIANS_S[stage][rank] * rng.lognormvariate(0, SIGMA) * self.habits.pace
        delay_s *= 1 + self._tried(look)
        found = next((each for each in case.clocks if each.key == clock), None)
        if found is not None and found.paused_at is None and not found.missed:
            left_s = (found.due_at - look.now).total_seconds()
            if left_s < self.habits.late_within_s and self._chance(self.habits.late):
                return found.due_at + timedelta(seconds=rng.expovariate(1 / LATER_S))
        calendar = self.pack.calendar
        if rank == 2 and stage != "reporter" and calendar is not None:
            allowance = Allowance("work_hours", max(1, int(delay_s)))
            return due(calendar, look.now, allowance)
        return look.now + timedelta(seconds=delay_s)

    def _move(
        self,
        look: Look,
        verb: str,
        role: Role | None,
        stage: str,
        aim: Aim | None = None,
        **fields: Any,
    ) -> Move:
        aim = aim or Aim()
        return Move(
            look.case.id,
            look.slot,
            look.token,
            aim.at or self._when(look, stage, aim.clock),
            verb,
            role,
            fields,
            aim.agency,
            aim.target,
            aim.by_claimant,
        )
