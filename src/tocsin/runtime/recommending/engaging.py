"""What busy units are at: how long already, when they arrive, and when they will be free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import numpy as np

from tocsin.dispatching.problem import Engagement, UnitStatus
from tocsin.dispatching.staying import free_in_s
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId, Instant, Place
from tocsin.packs.stays import Stay
from tocsin.runtime.recommending.calls import redispatches
from tocsin.runtime.recommending.fleet import Duty
from tocsin.runtime.recommending.travel import Travel, Way

MOVING = ("dispatched", "en_route")


class Looked(Protocol):
    """The part of a look that this needs."""

    @property
    def at(self) -> Instant: ...
    @property
    def fleet(self) -> tuple[Duty, ...]: ...
    @property
    def engaged(self) -> Mapping[CaseId, Case]: ...


def engagements(
    look: Looked, travel: Travel, stays: Sequence[Stay] | None
) -> dict[int, Engagement]:
    """The engagement of each unit that is on one case with a place, by its row. A unit for which
    another case waits is not told to be free, nor is what flies: it must come home first."""
    found: dict[int, Engagement] = {}
    ways = _ways(look, travel)
    for row, duty in enumerate(look.fleet):
        case = _case_of(duty, look)
        if case is None:
            continue
        way_s = ways.get(row)
        status = cast(UnitStatus, duty.unit.status)
        since = duty.unit.since or look.at
        status_s = max(0.0, (look.at - since).total_seconds() // 1.0)
        free_s: float | None = None
        if stays is not None and duty.travel != "straight":
            # From its post is a guess of where it is: nobody can say when such a one arrives.
            known_s = way_s if duty.age_s is not None else None
            free_s = free_in_s(stays, duty.unit.kind, status, status_s, known_s)
        found[row] = Engagement(case.id, case.priority, way_s, free_s, redispatches(case), status_s)
    return found


def _ways(look: Looked, travel: Travel) -> dict[int, float]:
    """Seconds of those on their way until they are where they were sent, as one question for
    each way of moving."""
    asked: dict[Way, list[tuple[int, Place, Place]]] = {}
    for row, duty in enumerate(look.fleet):
        case = _case_of(duty, look)
        if case is None or case.place is None or duty.place is None:
            continue
        if duty.unit.status in MOVING:
            by_road: Way = "emergency" if case.profile == "emergency" else "normal"
            way: Way = by_road if duty.travel == "road" else duty.travel
            asked.setdefault(way, []).append((row, duty.place, case.place))
    found: dict[int, float] = {}
    for way, rows in asked.items():
        targets = list(dict.fromkeys(there for _, _, there in rows))
        table = travel.table(way, [here for _, here, _ in rows], targets)[1]
        for number, (row, _, there) in enumerate(rows):
            time_s = float(table[number, targets.index(there)])
            if np.isfinite(time_s):
                found[row] = time_s
    return found


def _case_of(duty: Duty, look: Looked) -> Case | None:
    if len(duty.unit.cases) != 1 or duty.unit.case is None:
        return None
    case = look.engaged.get(duty.unit.case)
    return case if case is not None and case.place is not None else None
