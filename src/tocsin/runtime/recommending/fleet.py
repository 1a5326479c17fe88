"""Units on duty as a snapshot sees them: what they can do, how they move, where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from tocsin.dispatching.problem import UnitNow, UnitStatus
from tocsin.geography.areas import Atlas
from tocsin.kernel.shared import Place, Tier, UnitId
from tocsin.kernel.units.state import Travel as TravelKind
from tocsin.kernel.units.state import Unit
from tocsin.packs.model import Pack
from tocsin.runtime.positions import Seen
from tocsin.runtime.unit_ports import UnitRow

AGE_STEP_S: Final = 1.0
"""Ages are told in whole seconds: a table is the same for all who ask within one."""


@dataclass(frozen=True, slots=True)
class Duty:
    """One unit on duty. `place` is where it was last, else the post where it waits, else unknown;
    `age_s` is None where that is not a position. `travel` and `endurance_s` are of its kind."""

    unit: Unit
    travel: TravelKind
    endurance_s: int | None
    capabilities: tuple[str, ...]
    place: Place | None
    age_s: float | None
    tier: Tier


def on_duty(
    rows: Iterable[UnitRow], seen: Mapping[UnitId, Seen], pack: Pack, atlas: Atlas
) -> tuple[Duty, ...]:
    """The units of these rows that are on duty, by id."""
    found = [_duty(row.unit, seen.get(row.unit.id), pack, atlas) for row in rows]
    return tuple(sorted((each for each in found if each), key=lambda each: each.unit.id))


def _duty(unit: Unit, seen: Seen | None, pack: Pack, atlas: Atlas) -> Duty | None:
    if not unit.is_on_duty:
        return None
    kind = pack.unit_kinds.get(unit.kind)
    travel: TravelKind = kind.travel if kind is not None else "road"
    able = {*unit.capabilities, *(kind.capabilities if kind is not None else ())}
    area = unit.areas[0] if unit.areas else None
    home = atlas.areas.get(area) if area is not None else None
    tier: Tier = home.tier if home is not None else "county"
    waits_at = unit.move_up.place if unit.move_up is not None else unit.post
    place, age_s = waits_at, None
    if seen is not None:
        place, age_s = seen.position.place, seen.age_s // AGE_STEP_S * AGE_STEP_S
    elif travel == "straight" and unit.status == "available" and place is not None:
        age_s = 0.0  # what flies stands where it is kept, until somebody lets it fly
    endurance_s = kind.endurance_s if kind is not None else None
    return Duty(unit, travel, endurance_s, tuple(sorted(able)), place, age_s, tier)


def units_now(fleet: Sequence[Duty]) -> tuple[UnitNow, ...]:
    """The units for a problem, in the same order. The busy fraction is Laplace's rule over those
    of its kind on duty now, (busy + 1) / (all + 2): what is known without a history."""
    every = Counter(each.unit.kind for each in fleet)
    busy = Counter(each.unit.kind for each in fleet if each.unit.cases)
    return tuple(
        UnitNow(
            each.unit.id,
            each.unit.kind,
            each.capabilities,
            cast(UnitStatus, each.unit.status),
            is_available=each.unit.is_free and not _is_lost(each),
            crew_size=each.unit.crew_size,
            tier=each.tier,
            home_area=each.unit.areas[0] if each.unit.areas else None,
            position_age_s=each.age_s,
            agency=each.unit.agency or "",
            busy_fraction=round((busy[each.unit.kind] + 1) / (every[each.unit.kind] + 2), 6),
        )
        for each in fleet
    )


def _is_lost(duty: Duty) -> bool:
    """Something in the air of which nobody knows where: its endurance can not be reckoned."""
    return duty.travel == "straight" and duty.age_s is None
