"""Why a candidate stands where it stands, as data. The words for it are in `wording`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.dispatching.cover import Cover
from tocsin.dispatching.ground import CUT_OFF, SOUND, Flags, Ground
from tocsin.dispatching.problem import CallNow, Problem
from tocsin.dispatching.recommendation import Fact, Reason, ReasonCode

LOST_SHARE_MIN = 0.0005
"""A smaller share of demand is not worth a word."""
FASTER_MIN_S = 1.0
"""Nobody asks why a unit that is half a second faster was not sent."""
SHARE_DIGITS = 6
"""Shares are told to a millionth."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What reasons are drawn from. `costs` (units x calls): as compared, inf for no candidate;
    `losses`: what the going of a unit (row) costs; `going`: the call (column) that each sent unit
    (row) goes to."""

    ground: Ground
    costs: NDArray[np.float64]
    losses: Mapping[int, Reason]
    is_over_cap: Flags | None
    going: Mapping[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One call of the picture: what all its candidates are compared with.

    `times_s` (units), inf for who is no candidate; `fastest_s`: the best of those whose position
    is fresh, inf without any."""

    picture: Picture
    number: int
    call: CallNow
    times_s: NDArray[np.float64]
    fastest_s: float


def column_of(picture: Picture, number: int) -> Column:
    """The view of one call."""
    ground = picture.ground
    is_candidate = np.isfinite(picture.costs[:, number])
    times_s = np.where(is_candidate, ground.times_s[:, number], np.inf)
    sound_s = times_s[ground.standing[:, number] == SOUND]
    fastest_s = float(sound_s.min(initial=np.inf))
    return Column(picture, number, ground.problem.calls[number], times_s, fastest_s)


def reasons_of(
    column: Column, row: int, time_s: float, standing: int, *, is_assisting: bool
) -> tuple[Reason, ...]:
    """The reasons of one candidate, the one that decides most first; never empty."""
    is_cut_off = standing == CUT_OFF
    found = [_no_way(time_s) if is_cut_off else _arrival(column.call, time_s)]
    if is_assisting:
        found.append(Reason("assists"))
    if standing == SOUND and time_s <= column.fastest_s:
        found.append(Reason("fastest"))
    found += _price(column, row)
    found += _doubts(column, row)
    return tuple(found)


def faster_but(column: Column, row: int, time_s: float) -> tuple[Reason, ...]:
    """Why the fastest other candidate is not before this one: it is so many seconds faster, but
    costs something. Empty where none is faster or nothing speaks against it."""
    picture = column.picture
    compared = _needs_in_common(column, row)
    cut_off = picture.ground.standing[:, column.number] == CUT_OFF
    if not cut_off[row]:  # who has no way is not faster, whatever the fallback says
        compared &= ~cut_off
    times_s = np.where(compared, column.times_s, np.inf)
    other = int(times_s.argmin())
    others_s = float(times_s[other])
    if other == row or time_s == float("inf") or time_s - others_s < FASTER_MIN_S:
        return ()
    if picture.going.get(other) == column.number:
        return ()
    against = (*_price(column, other), *_doubts(column, other))
    if not against:
        return ()
    first, unit = against[0], picture.ground.problem.units[other].id
    named: tuple[tuple[str, Fact], ...] = (
        ("unit", unit),
        ("saved_s", time_s - others_s),
        ("but", first.code),
    )
    return (Reason("faster_but", (*named, *first.facts)),)


def _needs_in_common(column: Column, row: int) -> Flags:
    """Who could stand in for this unit."""
    has = column.picture.ground.has
    common = np.zeros(len(column.times_s), dtype=np.bool_)
    for need in (*column.call.needs, *column.call.assists):
        if has[need.capability][row]:
            common |= has[need.capability]
    return common


def _no_way(time_s: float) -> Reason:
    """Its time is the fallback's, so nothing is said about being in time."""
    return Reason("no_way", (("time_s", time_s),))


def _arrival(call: CallNow, time_s: float) -> Reason:
    if time_s == float("inf"):
        return Reason("time_unknown")
    if call.target_s is None:
        return Reason("no_target", (("time_s", time_s),))
    over_s = call.waited_s + time_s - call.target_s
    if over_s <= 0:
        return Reason("in_time", (("time_s", time_s),))
    return Reason("late", (("time_s", time_s), ("over_s", over_s)))


def _price(column: Column, row: int) -> list[Reason]:
    """What speaks against sending it, beside its own time."""
    found: list[Reason] = []
    picture, number = column.picture, column.number
    problem, going = picture.ground.problem, picture.going.get(row, number)
    if going != number:
        found.append(Reason("sent_elsewhere", (("case", problem.calls[going].id),)))
    if picture.is_over_cap is not None and picture.is_over_cap[row, number]:
        found.append(Reason("over_cap"))
    loss = picture.losses.get(row)
    if loss is not None:
        found.append(loss)
    return found


def _doubts(column: Column, row: int) -> list[Reason]:
    """What is not known about it."""
    problem = column.picture.ground.problem
    unit = problem.units[row]
    found: list[Reason] = []
    if unit.position_age_s is None:
        found.append(Reason("position_unknown"))
    elif unit.position_age_s > problem.stale_after_s:
        found.append(Reason("position_stale", (("age_s", unit.position_age_s),)))
    return found


def losses(problem: Problem, cover: Cover | None) -> Mapping[int, Reason]:
    """For each unit (row) whose going costs coverage worth a word: which zone suffers most, and
    the share of all demand that is lost."""
    if cover is None or problem.demand is None:
        return {}
    zones, found = problem.demand.zones, dict[int, Reason]()
    for row in np.flatnonzero(cover.lost >= LOST_SHARE_MIN).tolist():
        zone = int(cover.worst_zone[row])
        code: ReasonCode = "leaves_uncovered" if cover.is_only[row] else "thins_cover"
        share = round(float(cover.lost[row]), SHARE_DIGITS)
        found[row] = Reason(code, (("zone", zones[zone].id), ("share", share)))
    return found
