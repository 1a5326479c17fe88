"""The state of one alarm: whether its condition is there, who knows, and what became of it.

After ISA-18.2 and OPC UA Part 9: the condition (active or cleared), the acknowledgement and the
latch are apart from each other, and beside them stands why it is not announced, if it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from tocsin.kernel.changing import quick
from tocsin.kernel.shared import (
    ActorId,
    AlarmId,
    AreaId,
    AssetId,
    CaseId,
    Instant,
    Place,
    SealedRef,
)

Condition = Literal["absent", "pending", "active", "cleared", "closed"]
"""`pending`: signalled, and its on-delay runs. `cleared`: the condition is over and somebody still
owes something to it. `closed`: nobody does."""
Standing = Literal[
    "normal", "shelved", "suppressed", "out_of_service", "on_test", "planned_work", "drill"
]  # fmt: skip
"""Why it is not announced. `suppressed`: by design, it is a member of what its cause is."""
Outcome = Literal["unknown", "real", "false"]
Evidence = Literal[
    "signal", "second_sensor", "call_back", "key_holder", "reports_nearby", "on_site"
]  # fmt: skip

OPEN: Final[tuple[Condition, ...]] = ("pending", "active", "cleared")
RECENT_MAX: Final = 20
"""Raises that are remembered one by one, for chatter; all are counted."""
DRILL_SITE: Final = "#drill"
"""The end of the site of an alarm in an exercise: it never shares a case with what is real."""
CODES_MAX: Final = 3
"""Wrong codes after which none takes an alarm back any more: somebody guesses."""
EVIDENCE_MAX: Final = 20
"""What spoke for it last; all of it is in the journal."""


@quick
@dataclass(frozen=True, slots=True)
class Signalled:
    """What the device said, as references: `device_at` is its own clock, `text` sealed."""

    source: str
    device_at: Instant | None = None
    session: str = ""
    sequence: int | None = None
    key: str = ""
    zone: str = ""
    text: SealedRef | None = None
    is_drill: bool = False


@quick
@dataclass(frozen=True, slots=True)
class Verified:
    """One thing that speaks for (or, with level 0, against) an alarm."""

    at: Instant
    by: ActorId
    evidence: Evidence
    level: int


@quick
@dataclass(frozen=True, slots=True)
class About:
    """What an alarm is about, as it was when it came. `site` names where alarms of one matter
    meet: the case type, and the asset that this one hangs on or itself."""

    asset: AssetId
    kind: str
    pack_version: str
    priority: int
    is_life_safety: bool
    momentary: bool
    place: Place | None = None
    areas: tuple[AreaId, ...] = ()
    site: str = ""
    is_silent: bool = False

    @property
    def is_drill(self) -> bool:
        """It came while its site had an exercise: such alarms share cases among themselves."""
        return self.site.endswith(DRILL_SITE)


@dataclass(frozen=True, slots=True)
class Seen:
    """A message that was kept before: which alarm it was kept with, and when."""

    alarm: AlarmId
    at: Instant


@dataclass(frozen=True)
class Alarm:
    """One alarm. `since` is the instant of the condition, `raised_at` of its first announcement.

    `case` is the one it opened or joined, `first_case` the first of them since it had none;
    `handled` those that ended while it went on. `cause` is the asset whose failure explains it.
    Every `..._at` and `..._until` ahead is a promise that was computed once; `next_wake` is the
    first of them.
    """

    id: AlarmId
    condition: Condition = "absent"
    since: Instant | None = None
    about: About | None = None
    signal: Signalled | None = None
    opened_at: Instant | None = None
    raised_at: Instant | None = None
    last_signal_at: Instant | None = None
    occurrences: int = 0
    recent: tuple[Instant, ...] = ()
    pending_until: Instant | None = None
    clearing_until: Instant | None = None
    realarm_at: Instant | None = None
    realarms: int = 0
    is_acknowledged: bool = False
    acknowledged_at: Instant | None = None
    acknowledged_by: ActorId | None = None
    is_latched: bool = False
    is_chattering: bool = False
    is_fleeting: bool = False
    standing: Standing = "normal"
    standing_until: Instant | None = None
    standing_reason: str = ""
    cause: AssetId | None = None
    level: int = 0
    evidence: tuple[Verified, ...] = ()
    case: CaseId | None = None
    first_case: CaseId | None = None
    handled: tuple[CaseId, ...] = ()
    case_wanted_at: Instant | None = None
    case_missing: str = ""
    outcome: Outcome | None = None
    cancelled_at: Instant | None = None
    cancelled_by: ActorId | None = None
    wrong_codes: int = 0
    closed_at: Instant | None = None

    @property
    def is_open(self) -> bool:
        return self.condition in OPEN

    @property
    def is_muted(self) -> bool:
        """Kept, and announced to nobody."""
        return self.standing != "normal"

    @property
    def is_drill(self) -> bool:
        return self.standing == "drill"

    @property
    def is_announced(self) -> bool:
        """It asks for somebody now."""
        return self.condition in ("active", "cleared") and not (
            self.is_muted or self.is_acknowledged
        )

    @property
    def next_wake(self) -> datetime | None:
        """The first instant at which something follows by itself."""
        if not self.is_open:
            return None
        due = (
            self.pending_until,
            self.clearing_until,
            self.realarm_at,
            self.standing_until,
            self.case_wanted_at,
        )
        return min((each for each in due if each is not None), default=None)


__all__ = [
    "CODES_MAX",
    "DRILL_SITE",
    "EVIDENCE_MAX",
    "OPEN",
    "RECENT_MAX",
    "About",
    "Alarm",
    "Condition",
    "Evidence",
    "Outcome",
    "Seen",
    "Signalled",
    "Standing",
    "Verified",
]
