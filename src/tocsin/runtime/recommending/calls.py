"""Waiting cases as a snapshot sees them: what their run cards still need, and by when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.dispatching.assignment import assign
from tocsin.dispatching.problem import CallNow, LevelNeeds, Need
from tocsin.dispatching.run_cards import CardNeeds
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import AgencyId, Instant, Tier, UnitId
from tocsin.kernel.units.decide import REDISPATCHED
from tocsin.packs.aid import Aid
from tocsin.packs.model import Pack
from tocsin.packs.rings import Ring, rings_for


@dataclass(frozen=True, slots=True)
class Wanted:
    """One case with its run card: `met` says for each need of it how many units are there or on
    their way; `call` is what is left, None where that is nothing. `ring` is where its target is
    written."""

    case: Case
    card: CardNeeds
    met: tuple[int, ...]
    call: CallNow | None
    ring: Ring | None


def wanted_of(
    case: Case,
    card: CardNeeds,
    able: Mapping[UnitId, tuple[str, ...]],
    ring: Ring | None,
    at: Instant,
    aid: Aid | None = None,
) -> Wanted:
    """What the case still needs. `able` are the capabilities of every unit by id; `aid` says whose
    units go unasked, None for all."""
    there = [
        able.get(each.unit, ())
        for each in sorted(case.units, key=lambda each: (each.sent_at, each.unit))
        if each.released_at is None
    ]
    met, spare = _met(card.needs, there, is_counted_once=card.is_counted_once)
    met_assists, _ = _met(card.assists, spare, is_counted_once=card.is_counted_once)
    needs = _left(card.needs, met)
    if not needs:
        return Wanted(case, card, met, None, ring)
    lower = tuple(
        LevelNeeds(each.level, left)
        for each in card.lower_levels
        if (left := _left(each.needs, _met(each.needs, there, is_counted_once=True)[0]))
    )
    waited_s = 0.0
    if case.opened_at is not None:
        waited_s = max(0.0, (at - case.opened_at).total_seconds() // 1.0)
    call = CallNow(
        case.id,
        case.case_type,
        needs,
        case.priority,
        card.level,
        is_life_threat=case.profile == "emergency" and case.priority == 1,
        assists=_left(card.assists, met_assists),
        lower_levels=lower,
        target_s=float(ring.from_report_s) if ring is not None else None,
        waited_s=waited_s,
        is_counted_once=card.is_counted_once,
        redispatches=redispatches(case),
        **_aided(case, aid),
    )
    return Wanted(case, card, met, call, ring)


def _aided(case: Case, aid: Aid | None) -> dict[str, Any]:
    """Agencies with a part in the case send their units whatever their tier may do."""
    if aid is None or case.areas is None:
        return {}
    return {
        "tiers": (*aid.unasked, *sorted(agencies_at_work(case))),
        "on_request": aid.on_request,
        "ask_s": float(aid.ask_s),
        "areas": tuple(case.areas),
    }


def agencies_at_work(case: Case) -> tuple[AgencyId, ...]:
    """The agencies with a live part in a case."""
    found = [task.agency for task in case.tasks if task.status not in ("returned", "cancelled")]
    return tuple(dict.fromkeys((*found, *((case.lead,) if case.lead else ()))))


def redispatches(case: Case) -> int:
    """How often the case has lost a unit to another."""
    return sum(each.released_why == REDISPATCHED for each in case.units)


def ring_for(needs: Sequence[Need], pack: Pack, tier: Tier) -> Ring | None:
    """The bound in force for the first unit to arrive, as `dispatching.targets` has it: of the
    first need that any ring is about."""
    held = rings_for(pack.rings, [need.capability for need in needs], tier)
    return next((ring for ring in held if ring.arrives == "first"), None)


def _met(
    needs: Sequence[Need], there: Sequence[tuple[str, ...]], *, is_counted_once: bool
) -> tuple[tuple[int, ...], list[tuple[str, ...]]]:
    """How many of each need the units that are there meet, and those that meet none."""
    if not is_counted_once:
        counts = [min(need.count, sum(need.capability in each for each in there)) for need in needs]
        wanted = {need.capability for need in needs}
        return tuple(counts), [each for each in there if wanted.isdisjoint(each)]
    slots = [row for row, need in enumerate(needs) for _ in range(need.count)]
    if not slots or not there:
        return (0,) * len(needs), list(there)
    costs = np.array(
        [[0.0 if needs[row].capability in each else np.inf for each in there] for row in slots]
    )
    filled = assign(costs, np.zeros(len(slots), dtype=np.int64)).tolist()
    met = [0] * len(needs)
    for row, unit in zip(slots, filled, strict=True):
        met[row] += unit >= 0
    return tuple(met), [each for number, each in enumerate(there) if number not in set(filled)]


def _left(needs: Sequence[Need], met: Sequence[int]) -> tuple[Need, ...]:
    return tuple(
        Need(need.capability, need.count - have)
        for need, have in zip(needs, met, strict=True)
        if need.count > have
    )
