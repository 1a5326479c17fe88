"""Why a candidate stands where it stands, as data. The words for it are in `wording`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.cover import Cover
from tocsin.dispatching.ground import CUT_OFF, SOUND, Flags, Ground
from tocsin.dispatching.recommendation import Fact, Reason, ReasonCode

LOST_SHARE_MIN = 0.0005
"""A smaller share of demand is not worth a word."""
FASTER_MIN_S = 1.0
"""Nobody asks why a unit that is half a second faster was not sent."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What reasons are drawn from. `costs` (units x calls): as compared, inf for no candidate;
    `going`: the call (column) that each sent unit (row) goes to."""

    ground: Ground
    costs: NDArray[np.float64]
    cover: Cover | None
    is_over_cap: Flags | None
    going: Mapping[int, int]


def reasons_of(
    picture: Picture, row: int, column: int, *, is_assisting: bool = False
) -> tuple[Reason, ...]:
    """The reasons of one candidate, the one that decides most first; never empty."""
    found = [_arrival(picture, row, column)]
    if is_assisting:
        found.append(Reason("assists"))
    if _is_fastest(picture, row, column):
        found.append(Reason("fastest"))
    found += _price(picture, row, column)
    return (*found, *_doubts(picture, row, column))


def faster_but(picture: Picture, row: int, column: int) -> tuple[Reason, ...]:
    """Why the fastest other candidate is not before this one: it is so many seconds faster, but
    costs something. Empty where none is faster or nothing speaks against it."""
    ground = picture.ground
    times_s = np.where(np.isfinite(picture.costs[:, column]), ground.times_s[:, column], np.inf)
    meets = _needs_in_common(picture, row, column)
    times_s = np.where(meets, times_s, np.inf)
    if not times_s.size:
        return ()
    other = int(times_s.argmin())
    own_s, others_s = float(ground.times_s[row, column]), float(times_s[other])
    saved_s = own_s - others_s
    if other == row or own_s == float("inf") or saved_s < FASTER_MIN_S:
        return ()
    if picture.going.get(other) == column:
        return ()
    against = (*_price(picture, other, column), *_doubts(picture, other, column))
    if not against:
        return ()
    first = against[0]
    unit = ground.problem.units[other].id
    return (
        Reason(
            "faster_but",
            (("unit", unit), ("saved_s", saved_s), ("but", first.code), *first.facts),
        ),
    )


def _needs_in_common(picture: Picture, row: int, column: int) -> Flags:
    ground, call = picture.ground, picture.ground.problem.calls[column]
    common = np.zeros(len(ground.problem.units), dtype=np.bool_)
    for need in (*call.needs, *call.assists):
        if ground.has[need.capability][row]:
            common |= ground.has[need.capability]
    return common


def _arrival(picture: Picture, row: int, column: int) -> Reason:
    ground, call = picture.ground, picture.ground.problem.calls[column]
    time_s = float(ground.times_s[row, column])
    if time_s == float("inf"):
        return Reason("time_unknown")
    if call.target_s is None:
        return Reason("no_target", (("time_s", time_s),))
    over_s = call.waited_s + time_s - call.target_s
    if over_s <= 0:
        return Reason("in_time", (("time_s", time_s),))
    return Reason("late", (("time_s", time_s), ("over_s", over_s)))


def _is_fastest(picture: Picture, row: int, column: int) -> bool:
    ground = picture.ground
    is_sound = np.isfinite(picture.costs[:, column]) & (ground.standing[:, column] == SOUND)
    if not is_sound[row]:
        return False
    return bool(ground.times_s[row, column] <= ground.times_s[is_sound, column].min())


def _price(picture: Picture, row: int, column: int) -> tuple[Reason, ...]:
    """What speaks against sending it, beside its own time."""
    found: list[Reason] = []
    ground, going = picture.ground, picture.going.get(row, column)
    if going != column:
        found.append(Reason("sent_elsewhere", (("case", ground.problem.calls[going].id),)))
    if picture.is_over_cap is not None and picture.is_over_cap[row, column]:
        found.append(Reason("over_cap"))
    cover, demand = picture.cover, ground.problem.demand
    if cover is not None and demand is not None and cover.lost[row] >= LOST_SHARE_MIN:
        zone = int(cover.lost_by_zone[row].argmax())
        code: ReasonCode = "leaves_uncovered" if cover.is_only[row, zone] else "thins_cover"
        facts: tuple[tuple[str, Fact], ...] = (
            ("zone", demand.zones[zone].id),
            ("share", float(cover.lost[row])),
        )
        found.append(Reason(code, facts))
    return tuple(found)


def _doubts(picture: Picture, row: int, column: int) -> tuple[Reason, ...]:
    """What is not known about it."""
    ground = picture.ground
    unit = ground.problem.units[row]
    found: list[Reason] = []
    if ground.standing[row, column] == CUT_OFF:
        found.append(Reason("no_way"))
    if unit.position_age_s is None:
        found.append(Reason("position_unknown"))
    elif unit.position_age_s > ground.problem.stale_after_s:
        found.append(Reason("position_stale", (("age_s", unit.position_age_s),)))
    return tuple(found)
