"""An agency's own names of its units' statuses."""

from __future__ import annotations

from typing import cast, get_args

from tocsin.kernel.units.state import UnitStatus
from tocsin.packs.reading import Reader

SAYABLE: tuple[UnitStatus, ...] = tuple(
    each for each in get_args(UnitStatus) if each not in ("absent", "off_duty", "dispatched")
)
"""Statuses that a crew reports; the others come with duty and dispatch."""


def read_statuses(agency: Reader) -> tuple[tuple[str, UnitStatus], ...]:
    """`statuses` of an agency: its own name of a status, and which one it stands for."""
    table = agency.table("statuses")
    found: list[tuple[str, UnitStatus]] = []
    for name in table.names():
        if name in get_args(UnitStatus):
            table.find(name, "bad_value", "is a status already; an own name is another word")
            continue
        found.append((name, cast(UnitStatus, table.one_of(name, SAYABLE))))
    return tuple(found)
