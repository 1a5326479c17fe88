"""What can be asked of a unit (commands) and what can have happened to it (events)."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.kernel.shared import ActorId, AgencyId, AreaId, CaseId, Choice, Instant, Place
from tocsin.kernel.units.state import UnitStatus

# -- commands: imperative --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AddUnit:
    """Make a unit. It begins off duty."""

    name: str
    agency: AgencyId
    areas: tuple[AreaId, ...]
    kind: str
    post: Place | None = None
    capabilities: tuple[str, ...] = ()
    crew_size: int = 0
    shift: str = ""


@dataclass(frozen=True, slots=True)
class ChangeUnit:
    """Describe a unit anew; never while it is on a case. Its agency stays."""

    name: str
    areas: tuple[AreaId, ...]
    kind: str
    post: Place | None = None
    capabilities: tuple[str, ...] = ()
    crew_size: int = 0
    shift: str = ""


@dataclass(frozen=True, slots=True)
class StartDuty:
    """A crew signs on. On a unit that is on duty already another crew takes over, or the same
    one gets its alerts again; the status stays then."""

    crew_size: int | None = None
    shift: str | None = None


@dataclass(frozen=True, slots=True)
class EndDuty:
    """Sign off. Its alerts are revoked and its position is forgotten."""

    reason: str


@dataclass(frozen=True, slots=True)
class RevokeAlerts:
    """Nobody of the crew reads its alerts any more, as after a log-out on a running case."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReportStatus:
    """A crew presses a button: a status, or its agency's own name of one. With `case` it is
    refused unless the unit is on that case, so that a late press never counts for another.

    `stated_at` is when it was pressed, as the crew's own clock has it: a press that waited for
    the line arrives later. It is kept beside the stamped instant, which everything counts by."""

    status: str
    case: CaseId | None = None
    stated_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class KeptAdvice:
    """A recommendation as it was shown: its full table, and the snapshot from which it can be
    computed again to the last byte. Packed by the runtime; both hold times and ages, no places."""

    table: bytes
    problem: bytes


@dataclass(frozen=True, slots=True)
class SendUnit:
    """Send a free unit to a case at work; its agency gets a task there where it has none. With a
    recommendation, `choice` says how the unit stood in it and `kept` is the whole of it."""

    case: CaseId
    reason: str
    choice: Choice | None = None
    kept: KeptAdvice | None = None
    is_drill_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class StackUnit:
    """Give a unit that is on a case one more, which waits until the one before is cleared."""

    case: CaseId
    reason: str
    is_drill_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class RecallUnit:
    """Take a unit off a case. Harmless when it is not on it."""

    case: CaseId
    reason: str


@dataclass(frozen=True, slots=True)
class RedispatchUnit:
    """Turn a unit on its way to one case to another, in one step. `arrives_in_s` is looked up:
    seconds until it is where it was sent first, None where nobody knows."""

    from_case: CaseId
    to_case: CaseId
    reason: str
    arrives_in_s: float | None = None
    is_drill_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class MoveUnit:
    """Have a free unit wait at another post. A person says so; the desk looks up whether it is a
    post and what it is called."""

    post: Place
    name: str
    reason: str


Command = (
    AddUnit
    | ChangeUnit
    | StartDuty
    | EndDuty
    | RevokeAlerts
    | ReportStatus
    | SendUnit
    | StackUnit
    | RecallUnit
    | RedispatchUnit
    | MoveUnit
)

# -- events: past participle -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnitAdded:
    """There is a new unit, off duty."""

    at: Instant
    by: ActorId
    name: str
    agency: AgencyId
    areas: tuple[AreaId, ...]
    kind: str
    post: Place | None = None
    capabilities: tuple[str, ...] = ()
    crew_size: int = 0
    shift: str = ""


@dataclass(frozen=True, slots=True)
class UnitChanged:
    """It is described anew."""

    at: Instant
    by: ActorId
    name: str
    areas: tuple[AreaId, ...]
    kind: str
    post: Place | None = None
    capabilities: tuple[str, ...] = ()
    crew_size: int = 0
    shift: str = ""


@dataclass(frozen=True, slots=True)
class DutyStarted:
    """A crew signed on: it may be alerted and its position known from here on."""

    at: Instant
    by: ActorId
    crew_size: int
    shift: str


@dataclass(frozen=True, slots=True)
class DutyEnded:
    """The crew signed off."""

    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class AlertsRevoked:
    """Every alert of the unit until here is void at once."""

    at: Instant
    by: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class StatusReported:
    """The status that the crew gave, `called` as its agency says; `case` where it is on one.
    `stated_at`: when it was pressed, where that was said and was earlier."""

    at: Instant
    by: ActorId
    status: UnitStatus
    called: str = ""
    case: CaseId | None = None
    stated_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class UnitDispatched:
    """It was sent to a case; `choice` says how it stood in the recommendation it was sent by."""

    at: Instant
    by: ActorId
    case: CaseId
    reason: str
    choice: Choice | None = None


@dataclass(frozen=True, slots=True)
class UnitStacked:
    """One more case waits for it: the recorded exception from one unit on one case."""

    at: Instant
    by: ActorId
    case: CaseId
    reason: str


@dataclass(frozen=True, slots=True)
class UnitTurned:
    """The case before is over for it: the stacked one is its case now."""

    at: Instant
    by: ActorId
    case: CaseId


@dataclass(frozen=True, slots=True)
class UnitCleared:
    """Its part in the case is done, says the crew; `stated_at` as in `StatusReported`."""

    at: Instant
    by: ActorId
    case: CaseId
    called: str = ""
    stated_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class UnitRecalled:
    """It was taken off the case."""

    at: Instant
    by: ActorId
    case: CaseId
    reason: str


@dataclass(frozen=True, slots=True)
class UnitMoved:
    """It was told to wait at another post, and is on its way there."""

    at: Instant
    by: ActorId
    post: Place
    name: str
    reason: str


Event = (
    UnitAdded
    | UnitChanged
    | DutyStarted
    | DutyEnded
    | AlertsRevoked
    | StatusReported
    | UnitDispatched
    | UnitStacked
    | UnitTurned
    | UnitCleared
    | UnitRecalled
    | UnitMoved
)

REASONS: tuple[str, ...] = (
    "unit_unknown",
    "unit_exists",
    "unit_not_ready",  # its status does not allow it; detail names the ones that do
    "unit_on_case",  # it cannot go off duty, nor be sent elsewhere without a stacking
    "unit_not_on_case",
    "case_stacked_already",
    "stack_full",
    "almost_there",  # it arrives where it was sent first before it could be turned
    "drill_unconfirmed",  # a real unit goes to an exercise only when that is said twice
    "lost_a_unit_already",  # a case is taken a unit from once, not twice
    "unit_kind_unknown",
    "unit_status_unknown",
    "not_your_unit",
    "bad_value",
)
"""Every reason the unit context refuses with. Translated in the packs and the API."""
