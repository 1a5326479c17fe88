"""The desk that recommends: looks up what a decision needs, and has it worked out beside the node's
own work, in one thread. Nothing outside is asked: the store is the node's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, Literal, TypeVar

from tocsin.dispatching.demand import Demand
from tocsin.dispatching.policies import POLICIES
from tocsin.dispatching.problem import Problem
from tocsin.dispatching.recommendation import Advice, Recommendation
from tocsin.dispatching.run_cards import CardNeeds, card_needs
from tocsin.dispatching.table import problem_bytes, table_bytes
from tocsin.geography.areas import Atlas
from tocsin.geography.roads.speeds import Metric
from tocsin.kernel.cases.machine import AT_WORK
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import AgencyId, AreaId, CaseId, Instant, UnitId
from tocsin.packs.aid import aid_for
from tocsin.packs.model import Pack
from tocsin.packs.stays import Stay, merged
from tocsin.runtime.following import Stories
from tocsin.runtime.onlooking import as_node
from tocsin.runtime.ports import BoardRow, CaseQuery, Clock, NodeStore, Policies, UnitRow
from tocsin.runtime.positions import PositionDesk
from tocsin.runtime.recommending.bands import ASSUMED, Fitted, Note
from tocsin.runtime.recommending.calls import Wanted, agencies_at_work, ring_for, wanted_of
from tocsin.runtime.recommending.demand import (
    PAST_DAYS,
    Past,
    Weighed,
    demand_of,
    hour_of_week,
    owed_for,
    past_of,
    tier_for,
)
from tocsin.runtime.recommending.fleet import Duty, on_duty
from tocsin.runtime.recommending.keeping import Given, Shelf, squeezed
from tocsin.runtime.recommending.net import RoadNet
from tocsin.runtime.recommending.snapshot import Look, frozen, local_hour
from tocsin.runtime.recommending.travel import DETOUR, Travel
from tocsin.runtime.road_ports import RoadClosure

CALLS_MAX: Final = 100
"""Waiting cases solved together, the most urgent first: more wait in a disaster, and then a person
deals out districts before units. Said in the answer where it cuts."""
READ_MAX: Final = 1_000
"""Cases at work that are looked at for those that wait."""
WEIGHTS_EVERY_S: Final = 3_600.0
"""How often the weights of zones are counted anew."""
POLICY: Final = "closest"
"""The policy where nobody asked for another."""

Sees = Callable[[Sequence[AreaId], Sequence[AgencyId]], bool]
Found = TypeVar("Found")
RoadState = Literal["none", "loading", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Advised:
    """The answer for one case. `advice` is None where nothing is to be recommended, and `notes`
    say why; `id` is the hash of the table."""

    id: str
    case_id: CaseId
    look: Look
    wanted: Wanted | None
    recommendation: Recommendation
    advice: Advice | None
    notes: tuple[Note, ...]

    @property
    def duties(self) -> Mapping[UnitId, Duty]:
        return {each.unit.id: each for each in self.look.fleet}


@dataclass(slots=True)
class AdviceDesk:
    """Recommendations of a node. `net` is None until roads were loaded (`road_state` says why);
    `no_fly` are polygons in degrees."""

    store: NodeStore
    policies: Policies
    pack: Pack
    atlas: Atlas
    clock: Clock
    positions: PositionDesk
    stories: Stories | None = None
    net: RoadNet | None = None
    road_state: RoadState = "none"
    no_fly: tuple[Any, ...] = ()
    fitted: Fitted = ASSUMED
    shelf: Shelf = field(default_factory=Shelf)
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="advice")
    )
    _past: dict[str, tuple[Instant, Past]] = field(default_factory=dict[str, tuple[Instant, Past]])

    async def beside(self, work: Callable[[], Found]) -> Found:
        """Work on the roads, in the one thread that may touch them."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Lets go of the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    # -- looking

    async def look(self, sees: Sees, asked: Case | None = None, level: int | None = None) -> Look:
        """The duty units and the waiting cases that the asker reaches, the asked one first."""
        at = self.clock.now()
        seen = await self.positions.now()
        rows = await self._units()
        fleet = tuple(
            each
            for each in on_duty(rows, seen, self.pack, self.atlas)
            if each.unit.agency is not None and sees(each.unit.areas, (each.unit.agency,))
        )
        waiting = [row.case for row in await self._at_work()]
        able = await self._able(rows, waiting if asked is None else (*waiting, asked))
        found = [
            wanted
            for case in waiting
            if (asked is None or case.id != asked.id)
            and case.areas is not None
            and sees(case.areas, agencies_at_work(case))
            and (wanted := self.wanted(case, able, at)) is not None
            and wanted.call is not None
        ]
        found.sort(key=_urgency)
        own = self.wanted(asked, able, at, level) if asked is not None else None
        first = [own] if own is not None else []
        return Look(at, fleet, (*first, *found), able, await self._engaged(fleet))

    async def _able(
        self, rows: Sequence[UnitRow], cases: Iterable[Case]
    ) -> Mapping[UnitId, tuple[str, ...]]:
        """What the units bring that are at these cases. Only where one of them was not among those
        that the asker sees are all of them read."""
        known = {row.unit.id for row in rows}
        if any(
            each.released_at is None and each.unit not in known
            for case in cases
            for each in case.units
        ):
            with as_node():  # what they bring to a case in reach; they are not shown
                rows = await self._units()
        return {
            each.unit.id: each.capabilities for each in on_duty(rows, {}, self.pack, self.atlas)
        }

    async def _units(self) -> list[UnitRow]:
        return [row for row in await self.store.units() if row.unit.agency is not None]

    async def _engaged(self, fleet: Sequence[Duty]) -> Mapping[CaseId, Case]:
        """The cases that units of the fleet are on now."""
        ids = tuple(sorted({each.unit.case for each in fleet if each.unit.case is not None}))
        if not ids:
            return {}
        with as_node():  # when a unit in reach is free again; its case is not shown
            rows = (await self.store.cases(CaseQuery(ids=ids, limit=len(ids)))).rows
        return {row.case.id: row.case for row in rows}

    @property
    def stays(self) -> tuple[Stay, ...]:
        """How long units remain in a stage: fitted where it was, else the pack's."""
        return merged(self.pack.stays, self.fitted.stays)

    async def _at_work(self) -> Sequence[BoardRow]:
        types = tuple(each.code for each in self.pack.case_types.values() if each.run_cards)
        query = CaseQuery(statuses=AT_WORK, open_only=True, case_types=types, limit=READ_MAX)
        return (await self.store.cases(query)).rows if types else ()

    def wanted(
        self,
        case: Case,
        able: Mapping[UnitId, tuple[str, ...]],
        at: Instant,
        level: int | None = None,
    ) -> Wanted | None:
        """What the case needs by the run card of its pinned pack; None without a card."""
        pack = self.policies.pack(case.pack_version) or self.pack
        card: CardNeeds | None = card_needs(pack, case.case_type, level or 1)
        if card is None or case.place is None:
            return None
        tier = case.ownership.tier if case.ownership is not None else "county"
        lead = case.lead.partition("@")[0] if case.lead is not None else None
        aid = aid_for(pack.aid, tier, lead)
        return wanted_of(case, card, able, ring_for(card.needs, pack, tier), at, aid)

    async def closures(self, at: Instant) -> tuple[RoadClosure, ...]:
        """The changes of roads in force."""
        return tuple(each for each in await self.store.closures(at) if each.holds(at))

    def travel(self, at: Instant, closures: Sequence[RoadClosure]) -> Travel:
        """The ways of an instant; in the desk's thread only."""
        if self.net is None:
            return Travel(None, None, None, self.no_fly)
        when = self.hour(at)
        net = self.net
        stamp = net.stamp(when, closures)
        return Travel(net, net.now(when, closures), net.usual(when), self.no_fly, stamp)

    def hour(self, at: Instant) -> tuple[int, int]:
        """The hour of the week in the town."""
        zone = self.pack.calendar.zone if self.pack.calendar is not None else None
        return local_hour(at, at.astimezone(zone).utcoffset() if zone is not None else None)

    async def past(self, capabilities: int, at: Instant) -> Past:
        """Cases of the past by area, type and hour of the week, counted once an hour."""
        tier = tier_for(self.atlas, capabilities)
        known = self._past.get(tier)
        if known is not None and at - known[0] < timedelta(seconds=WEIGHTS_EVERY_S):
            return known[1]
        found = Past()
        if self.stories is not None:
            zone = self.pack.calendar.zone if self.pack.calendar is not None else None
            with as_node():  # how many there were, for everybody who asks
                counts = await self.stories.counts(at - timedelta(days=PAST_DAYS), tier)
            found = past_of(counts, zone)
        self._past[tier] = at, found
        return found

    # -- recommending

    async def advise(
        self, asked: Case, sees: Sees, policy: str = POLICY, level: int | None = None
    ) -> Advised:
        """The recommendation for a case, solved together with all that wait. KeyError for a
        policy that there is not."""
        choose = POLICIES[policy]
        look = await self.look(sees, asked, level)
        cut = look.wanted[CALLS_MAX:]
        look = replace(look, wanted=look.wanted[:CALLS_MAX])
        closures = await self.closures(look.at)
        capabilities = _asked_for(look.wanted) if policy == "coverage" else ()
        past = await self.past(len(capabilities), look.at) if capabilities else Past()

        def work() -> tuple[Advised, Given | None]:
            travel = self.travel(look.at, closures)
            notes = list(self._notes(look, closures, len(cut)))
            demand: Demand | None = None
            if capabilities:
                demand, weighed = self.demand(look, capabilities, past, travel)
                notes.append(weighed_note(weighed))
            problem, grounded = frozen(look, travel, self.fitted.bands, demand, stays=self.stays)
            notes += [each for each in grounded if dict(each.facts)["case"] == asked.id]
            answer = choose(problem)
            return self._advised(asked, look, problem, answer, tuple(notes))

        advised, given = await self.beside(work)
        if given is not None:
            self.shelf.put(given)
        return advised

    def demand(
        self, look: Look, capabilities: Sequence[str], past: Past, travel: Travel
    ) -> tuple[Demand, Weighed]:
        """What coverage is owed for these capabilities at the hour of the look; in the desk's
        thread only."""
        owed = owed_for(capabilities, self.pack)
        areas = self.atlas.tier(tier_for(self.atlas, len(owed)))
        hour = hour_of_week(*self.hour(look.at))
        return demand_of(look.fleet, areas, owed, self.pack, past, hour, travel)

    def _advised(
        self,
        asked: Case,
        look: Look,
        problem: Problem,
        answer: Recommendation,
        notes: tuple[Note, ...],
    ) -> tuple[Advised, Given | None]:
        wanted = look.wanted[0] if look.wanted and look.wanted[0].case.id == asked.id else None
        snapshot = problem_bytes(problem)
        table = table_bytes(problem, answer, snapshot)
        advice_id = sha256(table).hexdigest()
        if wanted is None or wanted.call is None:
            code = "no_run_card" if wanted is None else "needs_met"
            code = "no_place" if asked.place is None else code
            whole = (Note(code), *notes)
            return Advised(advice_id, asked.id, look, wanted, answer, None, whole), None
        advice = answer.of(asked.id)
        more = [Note("not_at_work")] if asked.status not in AT_WORK else []
        more += [Note("cut_off")] if advice.is_cut_off and self.net is not None else []
        names = {each.unit.id: each.unit.name for each in look.fleet}
        held = squeezed(table), squeezed(snapshot)
        given = Given(advice_id, look.at, asked.id, answer.policy, advice, names, *held)
        whole = (*more, *notes)
        return Advised(advice_id, asked.id, look, wanted, answer, advice, whole), given

    def _notes(self, look: Look, closures: Sequence[RoadClosure], cut: int) -> Sequence[Note]:
        found: list[Note] = []
        if self.net is None:
            code = "roads_loading" if self.road_state == "loading" else "straight_line"
            found.append(Note(code, (("detour", DETOUR),)))
        elif closures:
            found.append(Note("closures", (("count", len(closures)),)))
        if not look.fleet:
            found.append(Note("no_units"))
        own = look.wanted[0] if look.wanted else None
        if own is not None and own.ring is not None:
            facts = (("limit_s", float(own.ring.from_report_s)), ("ring", own.ring.code))
            found.append(Note("target", (*facts, ("edition", own.ring.edition))))
        if self.net is not None and own is not None and own.case.place is not None:
            metric: Metric = "emergency" if own.case.profile == "emergency" else "normal"
            if bool(self.net.snap(metric, [own.case.place]).is_off_road[0]):
                found.append(Note("off_roads"))
        found.append(self.fitted.note())
        if len(look.wanted) > 1:
            found.append(Note("solved_together", (("count", len(look.wanted)),)))
        if cut:
            found.append(Note("calls_cut", (("count", cut),)))
        return found


def weighed_note(weighed: Weighed) -> Note:
    """What the zones were weighed by."""
    if not weighed.is_from_past:
        return Note("demand_even")
    return Note("demand_past", (("count", weighed.cases), ("near", weighed.near)))


def _urgency(wanted: Wanted) -> tuple[int, str, CaseId]:
    opened = wanted.case.opened_at
    return wanted.case.priority, opened.isoformat() if opened else "", wanted.case.id


def _asked_for(wanted: Sequence[Wanted]) -> tuple[str, ...]:
    """Capabilities that are needed now: only their cover can be lost."""
    return tuple(
        sorted({need.capability for each in wanted if each.call for need in each.call.needs})
    )


__all__ = ["CALLS_MAX", "POLICY", "AdviceDesk", "Advised", "Sees", "weighed_note"]
