"""The state of one case: what is on the board now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tocsin.kernel.cases.policy import ClockName, Priority, Profile
from tocsin.kernel.deadlines import Allowance, Left
from tocsin.kernel.shared import (
    ActorId,
    AgencyId,
    AreaId,
    AreaPath,
    CaseId,
    Instant,
    Place,
    ReportId,
    SealedRef,
    TaskId,
    Tier,
    UnitId,
)

Status = Literal[
    "absent",
    "received",
    "accepted",
    "filed",
    "dispatched",
    "in_work",
    "claimed_done",
    "verified",
    "refused",
    "void",
    "merged",
]
TaskStatus = Literal[
    "dispatched", "acknowledged", "in_work", "claimed_done", "returned", "cancelled"
]
TaskRole = Literal["lead", "assisting"]


@dataclass(frozen=True, slots=True)
class Report:
    """One message from one source, as received. Its words live in the vault.

    `consent` says the reporter agrees to publication; `answers` holds form answers that are not
    free text; free text answers are inside the sealed description. `solved` and `treated_well`
    are this reporter's own vote.
    """

    id: ReportId
    at: Instant
    source: str
    description: SealedRef | None = None
    contact: SealedRef | None = None
    address: SealedRef | None = None
    media: tuple[SealedRef, ...] = ()
    answers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    language: str = "en"
    consent: bool = False
    solved: bool | None = None
    treated_well: bool | None = None
    voted_at: Instant | None = None


@dataclass(frozen=True)  # no slots: see `changed`
class Task:
    """One agency's share of a case."""

    id: TaskId
    agency: AgencyId
    role: TaskRole
    status: TaskStatus
    dispatched_at: Instant
    acknowledged_at: Instant | None = None
    started_at: Instant | None = None
    claimed_at: Instant | None = None
    claimed_by: ActorId | None = None
    assigned_to: ActorId | None = None
    evidence: tuple[SealedRef, ...] = ()


UnitShareStatus = Literal[
    "stacked", "dispatched", "en_route", "on_scene", "transporting", "released"
]
"""How far a unit is with a case: what the case needs to know of the unit's own status."""


@dataclass(frozen=True)  # no slots: see `changed`
class UnitShare:
    """One unit's part in a case and its agency's task there. `name` is its call sign at the time.
    A unit that is sent again has one more share; `released_at` is None while it is on the case."""

    unit: UnitId
    name: str
    task: TaskId
    status: UnitShareStatus
    sent_at: Instant
    sent_by: ActorId
    en_route_at: Instant | None = None
    on_scene_at: Instant | None = None
    transporting_at: Instant | None = None
    released_at: Instant | None = None
    released_why: str = ""


@dataclass(frozen=True)  # no slots: see `changed`
class Clock:
    """A running promise. Ended clocks leave the state and stay in the journal.

    `key` is the clock's name, or name/part where there are several ("acknowledge/<task>").
    `rungs` are the percents still to come, ascending; `next_at` is the instant of the first of
    them, None while paused or when all have passed. `paused_left` is what was left at the pause.
    `moved` says that `due_at` is no longer simply `allowance` after `started_at`.
    """

    key: str
    name: ClockName
    started_at: Instant
    due_at: Instant
    allowance: Allowance
    rungs: tuple[int, ...]
    next_at: Instant | None
    agency: AgencyId | None = None
    missed: bool = False
    paused_at: Instant | None = None
    paused_left: Left | None = None
    moved: bool = False
    fired: int = 0
    """The highest percent that has spoken: a triage to another ladder does not repeat it."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question to one reporter; while it is open the handling clocks stand still."""

    report: ReportId
    text: SealedRef
    asked_at: Instant
    asked_by: ActorId


@dataclass(frozen=True, slots=True)
class Hold:
    """A pause with a reason. `granted_at` is None while it waits for approval."""

    reason: str
    until: Instant
    requested_at: Instant
    requested_by: ActorId
    granted_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """More time, asked once."""

    percent: int
    requested_at: Instant
    requested_by: ActorId
    decided: Literal["open", "approved", "refused"] = "open"


@dataclass(frozen=True, slots=True)
class Claim:
    """The handler says it is done. `by` holds everyone who claimed a task of it."""

    at: Instant
    by: tuple[ActorId, ...]
    evidence: tuple[SealedRef, ...]


@dataclass(frozen=True, slots=True)
class Urge:
    """A supervisor asks why it is not done; answered or escalated."""

    id: str
    level: int
    at: Instant
    by: ActorId
    answered_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the evaluator found, and whether the agency appealed."""

    score: int
    at: Instant
    by: ActorId
    appeal: Literal["none", "open", "upheld", "rejected"] = "none"


@dataclass(frozen=True, slots=True)
class Move:
    """The promise moved: from when to when, and why. Kept as evidence and told to the reporter."""

    at: Instant
    was: Instant
    now: Instant
    why: str


@dataclass(frozen=True, slots=True)
class Ownership:
    """Which tier owns the case; `offered` is set while another tier has yet to take it over."""

    tier: Tier
    area: AreaId
    offered_tier: Tier | None = None
    offered_area: AreaId | None = None


@dataclass(frozen=True, slots=True)
class Links:
    """Kinship with other cases."""

    parent: CaseId | None = None
    children: tuple[CaseId, ...] = ()
    open_children: tuple[CaseId, ...] = ()
    merged_into: CaseId | None = None
    absorbed: tuple[CaseId, ...] = ()
    absorbed_reports: tuple[tuple[CaseId, ReportId], ...] = ()
    """Whom else to tell: the reports of the absorbed cases, which stay with them."""


@dataclass(frozen=True, slots=True)
class Stash:
    """What a merged case was before: put back unchanged by un-merge."""

    status: Status
    clocks: tuple[Clock, ...]


@dataclass(frozen=True)  # no slots: see `changed`
class Counts:
    """How often the small machines ran; each has its cap or its measure."""

    returns: int = 0
    reworks: int = 0
    reopens: int = 0
    notes: int = 0
    missed: int = 0
    hold_s: int = 0
    ask_s: int = 0


@dataclass(frozen=True)  # no slots: see `changed`
class Case:
    """One case on the board. While it is merged, `stash` holds what un-merge puts back."""

    id: CaseId
    status: Status = "absent"
    case_type: str = ""
    pack_version: str = ""
    profile: Profile = "routine"
    priority: Priority = 4
    place: Place | None = None
    areas: AreaPath | None = None
    opened_at: Instant | None = None
    closed_at: Instant | None = None
    reports: tuple[Report, ...] = ()
    tasks: tuple[Task, ...] = ()
    clocks: tuple[Clock, ...] = ()
    ownership: Ownership | None = None
    lead: AgencyId | None = None
    assisting: tuple[AgencyId, ...] = ()
    route_rule: str = ""
    promised_at: Instant | None = None
    moves: tuple[Move, ...] = ()
    question: Question | None = None
    hold: Hold | None = None
    extension: Extension | None = None
    arbitration_since: Instant | None = None
    bound: AgencyId | None = None
    """The lead an arbiter named: it may not return the case, nor may another be sent."""
    claim: Claim | None = None
    urges: tuple[Urge, ...] = ()
    evaluation: Evaluation | None = None
    links: Links = Links()
    counts: Counts = Counts()
    stash: Stash | None = None
    disposition: str = ""
    published: bool = False
    is_silent: bool = False
    is_drill: bool = False
    cancels: int = 0
    """How often an alarm of it was taken back at the site."""
    units: tuple[UnitShare, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether anyone still owes anything on it."""
        return self.status not in ENDS and self.status != "absent"


ENDS: tuple[Status, ...] = ("verified", "refused", "void", "merged")
"""The four ends. `verified` can be reopened, `merged` un-merged; the others are final."""

LIVE_TASKS: tuple[TaskStatus, ...] = ("dispatched", "acknowledged", "in_work", "claimed_done")
"""A task of these statuses still counts: the case is claimed done when all of them are."""


def next_wake(case: Case) -> Instant | None:
    """The earliest instant at which a clock of this case has something to say, or None.

    Stored beside the row, so that a timer can be neither lost nor stale: it is a part of the
    state, not a message that was sent once.
    """
    instants = [clock.next_at for clock in case.clocks if clock.next_at is not None]
    return min(instants, default=None)


__all__ = [
    "ENDS",
    "LIVE_TASKS",
    "Case",
    "Claim",
    "Clock",
    "Counts",
    "Evaluation",
    "Extension",
    "Hold",
    "Links",
    "Move",
    "Ownership",
    "Question",
    "Report",
    "Stash",
    "Status",
    "Task",
    "TaskRole",
    "TaskStatus",
    "UnitShare",
    "UnitShareStatus",
    "Urge",
    "next_wake",
]
