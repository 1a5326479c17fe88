"""A dozen units of the demo's town: on duty, sent by the node's recommendation, followed to clear.

They speak to the node as crews would: buttons over the API, positions as OwnTracks sends them.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

from tocsin.app.demo_agenda import Action
from tocsin.app.demo_client import Person, Unreachable
from tocsin.app.demo_town import DemoTown
from tocsin.geography.distance import bearing_deg, short_distance_m
from tocsin.intakes.owntracks.parse import KMH_PER_MPS
from tocsin.intakes.owntracks.serve import PATH
from tocsin.kernel.cases.machine import AT_WORK
from tocsin.kernel.cases.state import LIVE_TASKS, Case
from tocsin.kernel.shared import AgencyId, CaseId, Instant, Place

LOOK_EVERY_S: Final = 1.0
"""Real seconds between two looks for cases that need a unit: as often as the board is read."""
FLEET: Final = (
    ("fire-rescue", "engine", 3),
    ("fire-rescue", "truck", 1),
    ("ambulance", "ambulance", 4),
    ("police-command", "patrol-car", 3),
    ("command-centre", "drone", 1),
)
"""(agency, kind, how many): what a small town has on duty on a weekday."""
SHIFT, DAY = timedelta(hours=12), timedelta(days=1)
SHIFT_AGO: Final = timedelta(hours=1)
"""How long ago the shift on the roster began."""
MISSING: Final = "ambulance"
"""The kind of which the roster has one more than has signed on."""
OVERDUE: Final = ("patrol-car", 3)
"""Whose duty ends early on, while its crew stays."""
OVERDUE_AFTER: Final = timedelta(minutes=20)
STAGES: Final = (("en_route", 1.0, 2.0), ("on_scene", 3.0, 9.0), ("clear", 10.0, 30.0))
"""(status, shortest, longest town minutes since the stage before): turnout, travel, work."""
HOME_MIN: Final = 5.0
"""Town minutes on the way home."""
SHOW_EVERY: Final = timedelta(seconds=30)
"""Town time after which a crew shows again where it is: the node ranks old positions behind."""
SHOW_EVERY_S: Final = 2.0
"""And the real seconds between two such rounds, however fast the town's time runs."""
ASK_AGAIN: Final = timedelta(minutes=5)
"""Town time after which the desk asks again whom to send where somebody is missing."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A way of a unit: straight, and at one speed, for the town's roads are the node's to know."""

    start: Place
    end: Place
    begun_at: Instant
    done_at: Instant

    def at(self, now: Instant) -> tuple[Place, float]:
        """Where it is, and metres a second: 0 once it is there."""
        whole_s = (self.done_at - self.begun_at).total_seconds()
        share = 1.0 if whole_s <= 0 else (now - self.begun_at).total_seconds() / whole_s
        if share >= 1.0:
            return self.end, 0.0
        share = max(0.0, share)
        lon = self.start.lon + share * (self.end.lon - self.start.lon)
        lat = self.start.lat + share * (self.end.lat - self.start.lat)
        length_m = short_distance_m(self.start.lon, self.start.lat, self.end.lon, self.end.lat)
        return Place(lon, lat), length_m / whole_s

    @property
    def course_deg(self) -> float:
        """Degrees clockwise from north."""
        return bearing_deg(self.start.lon, self.start.lat, self.end.lon, self.end.lat)


@dataclass(slots=True)
class Crew:
    """One unit and its crew: `case` is where it is sent, None while it is free; `leg` the way it
    drives or stands at the end of."""

    id: str
    name: str
    agency: AgencyId
    post: Place
    key: str
    person: Person
    case: CaseId | None = None
    leg: Leg | None = None
    shown_at: Instant | None = None


@dataclass(slots=True)
class DemoUnits:
    """The fleet of the demo. `posts` are places of the town to wait at."""

    town: DemoTown
    posts: Sequence[Place]
    rng: Random
    crews: list[Crew] = field(default_factory=list[Crew])
    card_types: frozenset[str] = frozenset()
    """Case types with a run card: for those the node recommends."""
    _ask_at: dict[CaseId, Instant] = field(default_factory=dict[CaseId, Instant])
    _seldom: float = 0.0

    async def begin(self) -> None:
        """The administrator makes the units, and their crews sign on. Raises `Unreachable`."""
        for code, kind, count in FLEET:
            agency = AgencyId(f"{code}@{self.town.staff.county}")
            for number in range(1, count + 1):
                crew = await self._make(agency, kind, number)
                await self._sign_on(crew)
                await self._plan(crew, ends_soon=(kind, number) == OVERDUE)
                self.crews.append(crew)
            if kind == MISSING:
                await self._plan(await self._make(agency, kind, count + 1))

    async def _plan(self, crew: Crew, ends_soon: bool = False) -> None:
        """The shift that is on and the next one after the free time, as the roster has them."""
        now = self.town.clock.now()
        start = now.replace(minute=0, second=0, microsecond=0) - SHIFT_AGO
        end = now + OVERDUE_AFTER if ends_soon else start + SHIFT
        path = f"/api/units/{crew.id}/plan-duty"
        for begins, ends in ((start, end), (start + DAY, start + DAY + SHIFT)):
            body = {"starts_at": begins.isoformat(), "ends_at": ends.isoformat(), "shift": "day"}
            await self._must(crew.person, path, body)

    async def _make(self, agency: AgencyId, kind: str, number: int) -> Crew:
        staff = self.town.staff
        name, post = f"{kind[0].upper()}{number}", self.rng.choice(self.posts)
        body = {
            "name": name,
            "agency": agency,
            "area": staff.county,
            "kind": kind,
            "post": {"lon": post.lon, "lat": post.lat, "datum": "wgs84"},
        }
        made = await self._must(staff.admin, "/api/units", body)
        key = await self._must(staff.admin, f"/api/units/{made['id']}/key", None)
        person = await staff.get("agency_handler", staff.county, agency, 1)
        return Crew(made["id"], name, agency, post, key["text"], person)

    async def _sign_on(self, crew: Crew) -> None:
        await self._must(crew.person, f"/api/units/{crew.id}/start-duty", {"shift": "day"})
        await self._show(crew)

    async def _must(self, person: Person, path: str, body: Any) -> Any:
        answer = await self.town.client.ask("POST", path, headers=person.headers, json=body)
        if not answer.is_ok:
            raise Unreachable(f"{path}: {answer.status} {answer.reason}")
        return answer.json()

    async def run(self) -> None:
        """Until cancelled: a case with a run card gets whom the node recommends, every other case
        at work a free unit of each of its agencies."""
        while True:
            if self.town.is_working:
                for _, case in list(self.town.board.values()):
                    if case.case_type in self.card_types:
                        self._ask_for(case)
                        continue
                    for crew in self._wanted(case):
                        crew.case = case.id
                        self.town.agenda.at(self.town.clock.now(), self._sending(crew, case))
            self._seldom -= LOOK_EVERY_S
            if self._seldom <= 0:
                self._seldom = SHOW_EVERY_S
                self.town.agenda.at(self.town.clock.now(), self._show_all)
            await asyncio.sleep(LOOK_EVERY_S)

    def _wanted(self, case: Case) -> list[Crew]:
        """One free crew for each agency with work there that has sent nobody yet."""
        if case.status not in AT_WORK or case.place is None:
            return []
        there = {each.task for each in case.units}
        agencies = {
            task.agency
            for task in case.tasks
            if task.status in LIVE_TASKS and task.status != "claimed_done" and task.id not in there
        }
        agencies -= {crew.agency for crew in self.crews if crew.case == case.id}
        free = {crew.agency: crew for crew in reversed(self.crews) if crew.case is None}
        return [crew for agency, crew in free.items() if agency in agencies]

    # -- by recommendation -------------------------------------------------------------

    def _ask_for(self, case: Case) -> None:
        """Has the desk ask whom to send, once, and again while somebody is missing."""
        now = self.town.clock.now()
        if case.status not in AT_WORK or case.place is None:
            return
        if self._ask_at.setdefault(case.id, now) > now:
            return
        self._ask_at[case.id] = now + ASK_AGAIN
        self.town.agenda.at(now, self._asking(case))

    def _asking(self, case: Case) -> Action:
        async def ask() -> None:
            staff = self.town.staff
            desk = await staff.get("dispatcher", staff.county, None, 1)
            path = f"/api/cases/{case.id}/advice"
            answer = await self.town.client.ask("GET", path, headers=desk.headers)
            if not answer.is_ok:
                return
            advice = answer.json()
            if not advice["shortfalls"]:
                self._ask_at[case.id] = self.town.clock.now() + timedelta(days=365)
            by_id = {crew.id: crew for crew in self.crews}
            for unit in advice["recommended"]:
                crew = by_id.get(unit)
                if crew is None or crew.case is not None:
                    continue
                crew.case = case.id
                body = {"case": case.id, "reason": "recommended", "advice": advice["id"]}
                if await self._press(crew, desk, "send", body):
                    self._next(crew, case, 0)
                else:
                    crew.case = None

        return ask

    async def _show_all(self) -> None:
        """Crews show where they are, as receivers do all the time."""
        now = self.town.clock.now()
        for crew in self.crews:
            if crew.shown_at is None or now - crew.shown_at >= SHOW_EVERY:
                await self._show(crew)

    def _drive(self, crew: Crew, to: Place, done_at: Instant) -> None:
        now = self.town.clock.now()
        here = crew.post if crew.leg is None else crew.leg.at(now)[0]
        crew.leg = Leg(here, to, now, done_at)

    # -- one job -----------------------------------------------------------------------

    def _sending(self, crew: Crew, case: Case) -> Action:
        async def send() -> None:
            staff = self.town.staff
            desk = await staff.get("dispatcher", staff.county, None, 1)
            body = {"case": case.id, "reason": "nearest"}
            if await self._press(crew, desk, "send", body):
                self._next(crew, case, 0)
            else:
                crew.case = None

        return send

    def _next(self, crew: Crew, case: Case, stage: int) -> Instant:
        """Has the crew press the button of a stage; returns when it will."""
        status, shortest, longest = STAGES[stage]
        at = self.town.clock.now() + timedelta(minutes=self.rng.uniform(shortest, longest))

        async def report() -> None:
            if not await self._press(crew, crew.person, "report-status", {"status": status}):
                await self._go_home(crew)
                return
            if stage + 1 < len(STAGES):
                there_at = self._next(crew, case, stage + 1)
                if status == "en_route":
                    assert case.place is not None, "units are sent to places"
                    self._drive(crew, case.place, there_at)
                await self._show(crew)
            else:
                await self._go_home(crew)

        self.town.agenda.at(at, report)
        return at

    async def _go_home(self, crew: Crew) -> None:
        """Recalled or clear: on the way back it may be sent again, and at home it waits."""
        await self._press(crew, crew.person, "report-status", {"status": "returning"})
        crew.case = None
        at = self.town.clock.now() + timedelta(minutes=HOME_MIN)
        self._drive(crew, crew.post, at)

        async def arrive() -> None:
            if crew.case is None:
                await self._press(crew, crew.person, "report-status", {"status": "available"})
                await self._show(crew)

        self.town.agenda.at(at, arrive)

    async def _press(self, crew: Crew, person: Person, verb: str, body: dict[str, Any]) -> bool:
        """Whether the button did it: a case may have ended meanwhile, which is no fault."""
        path = f"/api/units/{crew.id}/{verb}"
        answer = await self.town.client.ask("POST", path, headers=person.headers, json=body)
        if answer.status == 401:
            await self.town.staff.sign_in_again(person)
            answer = await self.town.client.ask("POST", path, headers=person.headers, json=body)
        return answer.is_ok

    async def _show(self, crew: Crew) -> None:
        """Where the unit is, as its telephone says it."""
        now = self.town.clock.now()
        place, speed_mps = (crew.post, 0.0) if crew.leg is None else crew.leg.at(now)
        crew.shown_at = now
        basic = base64.b64encode(f"{crew.name}:{crew.key}".encode()).decode()
        message: dict[str, Any] = {
            "_type": "location",
            "lat": place.lat,
            "lon": place.lon,
            "tst": now.timestamp(),
            "acc": 8,
        }
        if crew.leg is not None and speed_mps > 0:
            message |= {"cog": crew.leg.course_deg, "vel": speed_mps * KMH_PER_MPS}
        headers = {"authorization": f"Basic {basic}"}
        await self.town.client.ask("POST", PATH, headers=headers, json=message)
