"""What a pack promises and asks for one case type, frozen: the facts a decision rests on.

Built by the packs room from TOML, pinned by `pack_version` when the case opens, and handed to the
kernel inside every stamped command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tocsin.kernel.deadlines import Allowance, Calendar
from tocsin.kernel.shared import AgencyId, CaseId

Profile = Literal["emergency", "routine", "mediation"]
Priority = Literal[1, 2, 3, 4]

ClockName = Literal[
    "accept",  # received -> accepted
    "file",  # accepted -> filed
    "dispatch",  # filed -> dispatched
    "acknowledge",  # one per task: dispatched -> acknowledged
    "handle",  # dispatched -> claimed done
    "verify",  # claimed done -> verified
    "close",  # received -> verified: the promise told to the reporter
    "answer",  # a question to the reporter waits for its answer
    "hold_approval",  # a requested hold waits for a yes or no
    "hold",  # a granted hold ends by itself
    "extension_approval",  # a requested extension waits for a yes or no
    "arbitrate",  # agencies disagree: the arbiter's clock
    "ownership",  # a case handed to another tier waits to be taken over
    "urge",  # an urging waits for its answer
    "appeal",  # an appealed evaluation waits for its decision
]

Audience = Literal[
    "call_takers",
    "dispatchers",
    "agency",  # the agency whose clock it is, else the lead agency
    "agency_supervisor",
    "owner",  # staff of the tier that owns the case
    "owner_supervisor",
    "tier_above",  # supervisors one tier above the owner
    "county_supervisor",
    "verifiers",
    "evaluators",
    "auditors",  # who look at who looked
    "reporters",
]


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of an escalation ladder: at `percent` of the clock, who is told."""

    percent: int
    tell: tuple[Audience, ...]


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """How long one stage may take, on which calendar, and what follows at 50/75/100/150 %.

    `ladder` is sorted by percent and always has a rung at 100: a miss without an escalation is
    a defect of the pack.
    """

    name: ClockName
    allowance: Allowance
    calendar: Calendar
    ladder: tuple[Rung, ...]


VerifyBy = Literal["second_person", "reporter"]


@dataclass(frozen=True, slots=True)
class Verification:
    """Who looks whether the claim is true. `four_eyes`: never who claimed it."""

    by: VerifyBy = "second_person"
    four_eyes: bool = True
    photo_required: bool = False


@dataclass(frozen=True, slots=True)
class UrgeLevel:
    """One level of supervision: who may urge, and how soon it must be answered."""

    level: int
    roles: tuple[str, ...]
    clock: ClockPolicy


@dataclass(frozen=True, slots=True)
class CasePolicy:
    """Everything the pack says about one case type, at one pack version."""

    case_type: str
    pack_version: str
    profile: Profile
    priority: Priority
    clocks: tuple[ClockPolicy, ...]
    verification: Verification = Verification()
    fast_path: bool = False
    """An emergency may pass from received to dispatched in one command."""
    sealed: bool = False
    """A confidential type: nothing of it is ever published."""
    hold_reasons: tuple[str, ...] = ("waiting_for_parts", "weather", "third_party", "court")
    hold_needs_approval: bool = True
    hold_cap_s: int = 30 * 86_400
    """All holds of one case together, seconds of elapsed time."""
    ask_cap_s: int = 15 * 86_400
    """All pauses for questions together, seconds of elapsed time."""
    extension_percent: int = 100
    """How much an approved extension may add, percent of the first allowance; 0 forbids it."""
    returns_max: int = 2
    """How often agencies may send it back before an arbiter decides (a binding decision)."""
    reworks_before_alarm: int = 2
    """Failed checks after which the owner's supervisor is told."""
    reopen_within_s: int = 15 * 86_400
    appeal_within_s: int = 5 * 86_400
    urges: tuple[UrgeLevel, ...] = ()
    arbiter: AgencyId | None = None
    retention_days: int = 365

    def clock(self, name: ClockName) -> ClockPolicy | None:
        """The clock of that name, or None where the pack promises nothing."""
        for clock in self.clocks:
            if clock.name == name:
                return clock
        return None


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What was looked up for a command on one case.

    `policy` is the pinned policy; for `TriageCase` with a new type `next` is the new one's.
    """

    policy: CasePolicy
    next: CasePolicy | None = None
    others: tuple[tuple[CaseId, CasePolicy], ...] = ()
    """The pinned policies of the other cases a command involves (the duplicate of a merge)."""
