"""How a case changes with the units that are sent to it."""

from __future__ import annotations

from typing import Any

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.copying import changed
from tocsin.kernel.cases.state import Case, UnitShare
from tocsin.kernel.shared import UnitId


def _shares(case: Case, unit: UnitId, **changes: Any) -> tuple[UnitShare, ...]:
    # A list on the way: a generator would cost as much as the copy.
    return tuple(
        [
            changed(each, **changes) if each.unit == unit and each.released_at is None else each
            for each in case.units
        ]
    )


def sent(case: Case, event: words.UnitSent) -> Case:
    status = "stacked" if event.is_stacked else "dispatched"
    share = UnitShare(event.unit, event.name, event.task, status, event.at, event.by)
    return changed(case, units=(*case.units, share))


def reported(case: Case, event: words.UnitReported) -> Case:
    changes: dict[str, Any] = {"status": event.status}
    if event.status in ("en_route", "on_scene", "transporting"):
        changes[f"{event.status}_at"] = event.at
    return changed(case, units=_shares(case, event.unit, **changes))


def released(case: Case, event: words.UnitReleased) -> Case:
    units = _shares(
        case,
        event.unit,
        status="released",
        released_at=event.at,
        released_why=event.reason,
    )
    return changed(case, units=units)
