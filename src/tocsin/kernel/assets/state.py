"""The state of one asset: what it is, where, who looks after it, and whether it may speak.

When it was last heard is not here: signs of life are telemetry and never enter the journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, get_args

from tocsin.kernel.shared import ActorId, AreaId, AssetId, Instant, Place

AssetStatus = Literal["absent", "found", "in_service", "on_test", "out_of_service", "retired"]
"""`found`: it spoke before anybody registered it; its alarms are kept, and a person looks."""

Supervision = Literal[
    "none", "SP1", "SP2", "SP3", "SP4", "SP5", "SP6", "DP1", "DP2", "DP3", "DP4"
]  # fmt: skip
SUPERVISIONS: Final[tuple[Supervision, ...]] = get_args(Supervision)
INTERVAL_S: Final[dict[Supervision, int]] = {
    "SP1": 32 * 86_400,
    "SP2": 25 * 3_600,
    "SP3": 1_800,
    "SP4": 180,
    "SP5": 90,
    "SP6": 20,
    "DP1": 25 * 3_600,
    "DP2": 1_800,
    "DP3": 180,
    "DP4": 90,
}
"""Seconds within which a broken path must be known, by the ten categories of EN 50136-1:2012: SP
for one path, DP for the first of two. That there are these ten, SP1 to SP6 with one path and DP1 to
DP4 with two, stands in the text of the standard (its table 1). The times are not confirmed by two
sources of one's own: 20 s for SP6 and 90 s for DP4 were found once more, in the load test of an
alarm receiver that names the standard; the other eight are as commonly quoted, and the table of
reporting times could not be read. What a contract promises is checked against its own document."""

Reach = Literal["unknown", "online", "offline"]
"""Whether an asset is heard. `unknown` is not `offline`: it was never heard, is not supervised, or
we were away ourselves and its time has not run since."""

GRACE_S: Final = 900
"""After planned work: whatever comes back takes its time, and its recovery is no news either."""


@dataclass(frozen=True, slots=True)
class Window:
    """Planned work, from and until. Alarms meanwhile, and while things recover, are muted."""

    starts_at: Instant
    ends_at: Instant
    reason: str
    by: ActorId

    def covers(self, at: Instant) -> bool:
        """Whether it mutes at that instant, its recovery included."""
        return self.starts_at <= at < self.ends_at + timedelta(seconds=GRACE_S)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Alarms of one kind of the asset that are shelved, why, and until when at the latest."""

    kind: str
    until: Instant
    reason: str
    by: ActorId


@dataclass(frozen=True, slots=True)
class About:
    """What an asset is. Its kind and its models are words of the pack or of its maker; `power` and
    `gateway` are the assets it hangs on; `wires` are (intake, address) under which it speaks.
    `is_silent`: whatever it raises is not told where it stands."""

    name: str
    kind: str
    areas: tuple[AreaId, ...] = ()
    place: Place | None = None
    owner: str = ""
    keeper: str = ""
    model: str = ""
    power: AssetId | None = None
    gateway: AssetId | None = None
    wires: tuple[tuple[str, str], ...] = ()
    supervision: Supervision = "none"
    inspection_at: Instant | None = None
    certificate_until: Instant | None = None
    documents: tuple[str, ...] = ()
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class Drill:
    """An exercise of a site or a town that covers this asset, until then at the latest. `scope`
    is the asset or the area for which it was announced, `id` is the same for all it covers."""

    id: str
    scope: str
    until: Instant
    reason: str
    by: ActorId


NOTHING: Final = About("", "")


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """What was looked up: the kinds of assets that the pack knows."""

    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset. `since` is the instant of the status; `work_order` names what repairs it while
    it is out of service; `test_until` ends a test by itself."""

    id: AssetId
    status: AssetStatus = "absent"
    since: Instant | None = None
    about: About = NOTHING
    work_order: str = ""
    test_until: Instant | None = None
    tested_by: ActorId | None = None
    last_tested_at: Instant | None = None
    test_asked_at: Instant | None = None
    drill: Drill | None = None
    windows: tuple[Window, ...] = ()
    shelves: tuple[Shelf, ...] = ()

    @property
    def interval_s(self) -> int | None:
        """How long it may be silent; None where nobody waits for it."""
        if self.status in ("absent", "found", "retired"):
            return None
        return INTERVAL_S.get(self.about.supervision)

    def is_on_test(self, at: Instant) -> bool:
        """On test now; past its end it is not, whether or not the clock has spoken yet."""
        return self.status == "on_test" and self.test_until is not None and at < self.test_until

    def drill_at(self, at: Instant) -> Drill | None:
        """The exercise that covers it now; past its end there is none, whether or not the clock
        has spoken yet."""
        return self.drill if self.drill is not None and at < self.drill.until else None

    def window_at(self, at: Instant) -> Window | None:
        """The planned work that mutes it now."""
        return next((each for each in self.windows if each.covers(at)), None)

    def shelf_of(self, kind: str, at: Instant) -> Shelf | None:
        """The shelf on which alarms of that kind lie now."""
        return next((each for each in self.shelves if each.kind == kind and at < each.until), None)

    @property
    def next_wake(self) -> Instant | None:
        """The first instant at which something ends by itself."""
        due = [each.until for each in self.shelves]
        if self.status == "on_test" and self.test_until is not None:
            due.append(self.test_until)
        if self.drill is not None:
            due.append(self.drill.until)
        return min(due, default=None)


__all__ = [
    "GRACE_S",
    "INTERVAL_S",
    "NOTHING",
    "SUPERVISIONS",
    "About",
    "Asset",
    "AssetFacts",
    "AssetStatus",
    "Drill",
    "Reach",
    "Shelf",
    "Supervision",
    "Window",
]
