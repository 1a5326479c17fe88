"""What the node owes a crew because something happened to its unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tocsin.kernel.shared import CaseId, UnitId
from tocsin.kernel.units import vocabulary as words
from tocsin.kernel.units.state import Unit


@dataclass(frozen=True, slots=True)
class Alert:
    """Tell a crew about a case with the message `template` of the pack. Delivered only as long
    as the unit's alerts are not revoked."""

    unit: UnitId
    case: CaseId
    template: str


UNIT_TEMPLATES: Final = ("unit_sent", "unit_stacked", "unit_turned", "unit_recalled")
"""What crews are alerted with; every pack translates them."""

_ALERTS: Final[dict[type[words.Event], str]] = {
    words.UnitDispatched: "unit_sent",
    words.UnitStacked: "unit_stacked",
    words.UnitTurned: "unit_turned",
    words.UnitRecalled: "unit_recalled",
}


def react(before: Unit, event: words.Event, after: Unit) -> tuple[Alert, ...]:
    """The alerts of one event, given the unit before and after it."""
    template = _ALERTS.get(type(event))
    case: CaseId | None = getattr(event, "case", None)
    if template is None or case is None or after.alerts_since is None:
        return ()
    return (Alert(after.id, case, template),)


def address_of(unit: UnitId) -> str:
    """The directory address under which a unit's alerts are kept."""
    return f"unit:{unit}"
