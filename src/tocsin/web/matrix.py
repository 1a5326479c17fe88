"""Every operation, for every role, wherever its rights lie: the policy table, spelled out.

Pure, and made of `admit` and `reach` alone: the reference page is written from it, and the tests
call the real application for the same cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tocsin.kernel.shared import ActorId, AgencyId, AreaId, Refused
from tocsin.runtime.accounts import ROLES, Grant, Role
from tocsin.web.permissions import RULES, Principal, Rule, admit, reach


@dataclass(frozen=True, slots=True)
class Position:
    """Where a right lies, seen from the matter in question: over an area, perhaps of an agency."""

    letter: str
    name: str
    words: str
    area: str
    agency: str | None = None


OWN: Final = "own"
OTHER: Final = "other"
AREAS: Final[tuple[AreaId, ...]] = (
    AreaId("county"),
    AreaId("town"),
    AreaId("village"),
    AreaId("cell"),
)
"""Where the matter lies, down from the county."""
POSITIONS: Final = (
    Position("P", "parent", "over the whole county", "county"),
    Position("I", "inside", "over the town it lies in", "town"),
    Position("C", "cell", "over its own cell only", "cell"),
    Position("S", "sibling", "over another town", "sibling"),
    Position("V", "other village", "over another village of its town", "other-village"),
    Position("A", "own agency", "over the county, of an agency at work there", "county", OWN),
    Position("B", "other agency", "over the county, of another agency", "county", OTHER),
    Position("X", "own agency elsewhere", "over another town, of that agency", "sibling", OWN),
)


def above(area: AreaId) -> tuple[AreaId, ...]:
    """As `Atlas.parents`, in the matrix's own county."""
    return () if area == "county" else (AreaId("county"),)


def lets_in(rule: Rule, role: Role, position: Position) -> bool:
    """Whether somebody with this one right gets to the matter in question."""
    agency = AgencyId(position.agency) if position.agency is not None else None
    who = Principal(ActorId("somebody"), "staff", (Grant(role, AreaId(position.area), agency),))
    if admit(rule, who, above) is not None:
        return False
    if rule.scope not in ("case", "unit", "device", "place"):
        return True
    return not isinstance(reach(rule, who, AREAS, (AgencyId(OWN),)), Refused)


def rows() -> Sequence[tuple[str, ...]]:
    """One row an operation that is not for everybody: its name, and the letters of each role."""
    return [
        (f"`{rule.operation}`", *(_letters(rule, role) for role in ROLES))
        for rule in RULES.values()
        if rule.scope not in ("open", "account")
    ]


def _letters(rule: Rule, role: Role) -> str:
    found = "".join(each.letter for each in POSITIONS if lets_in(rule, role, each))
    return "all" if len(found) == len(POSITIONS) else found


__all__ = ["POSITIONS", "Position", "above", "lets_in", "rows"]
