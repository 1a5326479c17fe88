"""What is looked up for a decision about an alarm."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.kernel.alarms.policy import AlarmPolicy
from tocsin.kernel.alarms.state import Outcome, Seen, Standing
from tocsin.kernel.changing import quick
from tocsin.kernel.shared import AssetId, CaseId, Instant


@dataclass(frozen=True, slots=True)
class Mute:
    """Why the asset's alarms are not announced now, and until when."""

    standing: Standing
    until: Instant | None = None
    reason: str = ""


@quick
@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """What was looked up for a decision about an alarm.

    `earlier` is the same message as it was kept before; `site_case` the open case of another
    alarm of the site; `opening` the id of a case that can be opened now, `unplaced` why none can.
    With neither of the two nothing was looked up yet.
    """

    policy: AlarmPolicy
    mute: Mute | None = None
    cause: AssetId | None = None
    is_confirmed: bool = False
    earlier: Seen | None = None
    site_case: CaseId | None = None
    opening: CaseId | None = None
    unplaced: str = ""
    ended: Outcome | None = None
    """How its own case (or the one it is to follow) has ended; the errand that says so may not
    have come yet."""


__all__ = ["AlarmFacts", "Mute"]
