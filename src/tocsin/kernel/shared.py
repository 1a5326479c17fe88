"""Words every context shares: identifiers, instants, places, and the envelope around a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, NamedTuple, NewType, TypeVar

from tocsin.kernel.changing import quick

CaseId = NewType("CaseId", str)
ReportId = NewType("ReportId", str)
TaskId = NewType("TaskId", str)
AreaId = NewType("AreaId", str)
AgencyId = NewType("AgencyId", str)
UnitId = NewType("UnitId", str)
AssetId = NewType("AssetId", str)
AlarmId = NewType("AlarmId", str)
ActorId = NewType("ActorId", str)
SealedRef = NewType("SealedRef", str)
"""Names one value in the vault. The value itself never leaves the vault but by a read there."""

Instant = datetime
"""Always UTC and aware. The runtime stamps it; the kernel never asks for it."""

Tier = Literal["county", "town", "village", "cell"]
"""The four levels of the place tree. `village` stands for village or community."""

TIERS: tuple[Tier, ...] = ("county", "town", "village", "cell")


class AreaPath(NamedTuple):
    """Where a place lies in the tree, from the whole county down to the grid cell."""

    county: AreaId
    town: AreaId
    village: AreaId
    cell: AreaId

    def at(self, tier: Tier) -> AreaId:
        """The area of this path on one tier."""
        return self[TIERS.index(tier)]


CancelEffect = Literal["note", "lower", "close"]
"""What taking an alarm back at the site does to its case: a note, a lower priority, or the end."""


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the ground. Degrees, WGS84; other datums are converted at the rim."""

    lon: float
    lat: float


ActorKind = Literal["staff", "reporter", "integration", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an account (never a name), in which roles, for which agency.

    `kind` is `reporter` for an answer given with a receipt, `system` for clocks and rules.
    """

    id: ActorId
    kind: ActorKind = "staff"
    roles: tuple[str, ...] = ()
    agency: AgencyId | None = None


SYSTEM = Actor(ActorId("system"), "system")
"""The clock and the rules. It decides nothing that asks for a person."""

Body = TypeVar("Body", covariant=True)
Facts = TypeVar("Facts", covariant=True)


@quick
@dataclass(frozen=True, slots=True)
class Stamped(Generic[Body, Facts]):
    """A command as the kernel receives it: who, when, fresh ids already chosen, facts looked up.

    `new_id` is unique to this command; ids of parts are made from it by suffix ("…-1").
    `facts` holds what was looked up for the decision, above all the pinned policy of the case.
    """

    body: Body
    at: Instant
    by: Actor
    new_id: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Choice:
    """How a unit that was sent stood in the recommendation `advice` (the hash of its table).

    `rank` is from 1, None for a unit that was not among the `ranked_count`; `eta_s` and
    `eta_p90_s` are the median and the 90th percentile until it is there, None where nobody knows.
    `first` is the call sign of the one that was ranked first, and `first_saved_s` the seconds by
    which it was faster than this one (negative: slower).
    """

    advice: str
    policy: str
    rank: int | None
    ranked_count: int
    is_recommended: bool
    eta_s: float | None = None
    eta_p90_s: float | None = None
    first: str = ""
    first_saved_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """An expected "no": an answer for the caller, counted and translated, never raised.

    `reason` is one of the enumerated words of the context (`REASONS`); `detail` is for staff, in
    English, and never holds personal data.
    """

    reason: str
    detail: str
