"""A small town for kernel tests: policies, people, and a way to press buttons in order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tocsin.kernel import coordination
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.evolve import fold
from tocsin.kernel.cases.policy import (
    CaseFacts,
    CasePolicy,
    ClockName,
    ClockPolicy,
    Rung,
    UrgeLevel,
    Verification,
)
from tocsin.kernel.cases.react import Errand, Send, Tell, react
from tocsin.kernel.cases.state import Case, Report
from tocsin.kernel.deadlines import Allowance, Calendar
from tocsin.kernel.shared import (
    SYSTEM,
    Actor,
    ActorId,
    AgencyId,
    AreaId,
    AreaPath,
    CaseId,
    Place,
    Refused,
    ReportId,
    SealedRef,
    Stamped,
    TaskId,
)

MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
OFFICE = Calendar("office", UTC, (((480, 1_020),),) * 5 + ((), ()))
HOUR = 3_600
PLACE = Place(24.94, 60.17)
AREAS = AreaPath(AreaId("county"), AreaId("town-1"), AreaId("village-1"), AreaId("cell-1"))
FULL_LADDER = (
    Rung(50, ("agency",)),
    Rung(75, ("agency", "agency_supervisor")),
    Rung(100, ("agency_supervisor", "owner")),
    Rung(150, ("county_supervisor",)),
)
MISS_ONLY = (Rung(100, ("dispatchers",)),)

ROADS, PARKS, FIRE, AMBULANCE = (AgencyId(x) for x in ("roads", "parks", "fire", "ambulance"))


def staff(name: str, *roles: str, agency: AgencyId | None = None) -> Actor:
    return Actor(ActorId(name), "staff", roles, agency)


CALLER = staff("cai", "call_taker")
DISPATCHER = staff("dora", "dispatcher")
HANDLER = staff("hugo", "agency_handler", agency=ROADS)
MATE = staff("mina", "agency_handler", agency=ROADS)
GARDENER = staff("gert", "agency_handler", agency=PARKS)
FIREFIGHTER = staff("fiona", "agency_handler", agency=FIRE)
PARAMEDIC = staff("paul", "agency_handler", agency=AMBULANCE)
VERIFIER = staff("vera", "verifier")
SUPERVISOR = staff("sam", "supervisor")
SECOND_SUPERVISOR = staff("suzy", "supervisor")
EVALUATOR = staff("eve", "evaluator")
REPORTER = Actor(ActorId("receipt"), "reporter")


def clock(name: ClockName, kind: str, amount: int, ladder: tuple[Rung, ...]) -> ClockPolicy:
    return ClockPolicy(name, Allowance(kind, amount), OFFICE, ladder)  # type: ignore[arg-type]


STREET_LIGHT = CasePolicy(
    case_type="street_light",
    pack_version="1",
    profile="routine",
    priority=3,
    clocks=(
        clock("accept", "work_hours", 2 * HOUR, MISS_ONLY),
        clock("file", "work_hours", 4 * HOUR, MISS_ONLY),
        clock("dispatch", "work_hours", 4 * HOUR, MISS_ONLY),
        clock("acknowledge", "work_hours", 4 * HOUR, FULL_LADDER),
        clock("handle", "work_days", 4, FULL_LADDER),
        clock("verify", "work_days", 2, (Rung(100, ("verifiers",)),)),
        clock("close", "work_days", 7, MISS_ONLY),
        clock("answer", "calendar_days", 3, (Rung(50, ("reporters",)), Rung(100, ("agency",)))),
        clock("hold_approval", "work_hours", 8 * HOUR, (Rung(100, ("owner_supervisor",)),)),
    ),
    urges=(
        UrgeLevel(1, ("supervisor", "grid_worker"), clock("urge", "work_hours", HOUR, MISS_ONLY)),
    ),
)

FIRE_ALARM = CasePolicy(
    case_type="building_fire",
    pack_version="1",
    profile="emergency",
    priority=1,
    fast_path=True,
    extension_percent=0,
    clocks=(
        clock("accept", "urgent_hours", 60, MISS_ONLY),
        clock("file", "urgent_hours", 60, MISS_ONLY),
        clock("dispatch", "urgent_hours", 60, MISS_ONLY),
        clock("acknowledge", "urgent_hours", 120, FULL_LADDER),
        clock("handle", "urgent_hours", 4 * HOUR, FULL_LADDER),
        clock("verify", "urgent_hours", 12 * HOUR, MISS_ONLY),
        clock("close", "urgent_hours", 24 * HOUR, MISS_ONLY),
    ),
)

BY_REPORTER = replace(
    STREET_LIGHT, case_type="noise", verification=Verification("reporter", True, False)
)
WITH_PHOTO = replace(
    STREET_LIGHT, case_type="dumping", verification=Verification("second_person", True, True)
)

STRICT = replace(
    STREET_LIGHT,
    case_type="wages",
    profile="mediation",
    sealed=True,
    returns_max=0,
    ask_cap_s=86_400,
    hold_cap_s=2 * 86_400,
    hold_needs_approval=False,
    extension_percent=40,
    arbiter=AgencyId("court"),
)
"""Confidential, and short of patience: games reach its caps and its arbiter quickly."""

POLICIES = {p.case_type: p for p in (STREET_LIGHT, FIRE_ALARM, BY_REPORTER, WITH_PHOTO, STRICT)}


def report(number: int = 1, at: datetime = MONDAY, case: str = "c1", **more: object) -> Report:
    ref = ReportId(f"{case}-r{number}")
    return Report(ref, at, "open311", SealedRef(f"{ref}.description"), **more)  # type: ignore[arg-type]


def ref(name: str) -> SealedRef:
    return SealedRef(name)


def stamp(
    body: words.Command, at: datetime, by: Actor, new_id: str, case: Case, policy: CasePolicy
) -> Stamped[words.Command, CaseFacts]:
    following = POLICIES.get(body.case_type) if isinstance(body, words.TriageCase) else None
    pinned = policy if case.status == "absent" else POLICIES.get(case.case_type, policy)
    return Stamped(body, at, by, new_id, CaseFacts(pinned, following))


@dataclass
class Town:
    """Cases, their journal, and what was owed. `press` is one committed command."""

    policy: CasePolicy = STREET_LIGHT
    now: datetime = MONDAY
    cases: dict[CaseId, Case] = field(default_factory=dict)
    journal: dict[CaseId, list[words.Event]] = field(default_factory=dict)
    stamped: list[tuple[CaseId, Stamped[words.Command, CaseFacts]]] = field(default_factory=list)
    errands: list[tuple[CaseId, Errand]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    presses: int = 0
    sent: int = 0

    def case(self, name: str = "c1") -> Case:
        return self.cases.get(CaseId(name), Case(CaseId(name)))

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)

    def press(self, body: words.Command, by: Actor = DISPATCHER, on: str = "c1") -> Refused | None:
        target = CaseId(on)
        if not isinstance(body, words.WakeUp):  # waking more often must not change the ids
            self.presses += 1
        new_id = target if isinstance(body, words.OpenCase) else f"n{self.presses}"
        command = stamp(body, self.now, by, new_id, self.case(on), self.policy)
        loaded = {id_: self.case(id_) for id_ in coordination.involved(target, body)}
        decision = coordination.decide(loaded, target, command)
        head = f"{self.now:%a %d %H:%M} {by.id}: {type(body).__name__}"
        if isinstance(decision, Refused):
            self.log.append(f"{head} -> refused: {decision.reason}")
            return decision
        self.stamped.append((target, command))
        self.log.append(head)
        for case_id, events in decision.items():
            for event in events:
                before = self.case(case_id)
                after = fold(before, (event,))
                self.cases[case_id] = after
                self.journal.setdefault(case_id, []).append(event)
                self.errands += [(case_id, errand) for errand in react(before, event, after)]
                mark = "" if case_id == target else f"[{case_id}] "
                self.log.append(f"    {mark}{_line(event)}")
        return None

    def open(self, by: Actor = CALLER, on: str = "c1", route: words.Route | None = None) -> None:
        first = report(1, self.now, on)
        assert self.press(words.OpenCase(first, PLACE, AREAS, "cell", route), by, on) is None

    def to_work(self, lead: AgencyId = ROADS, by: Actor = HANDLER, on: str = "c1") -> None:
        """The usual way from received to in work."""
        for body in (
            words.AcceptCase(),
            words.FileCase(words.Route("rule", lead)),
            words.DispatchCase("routine"),
        ):
            assert self.press(body, DISPATCHER, on) is None
        assert self.press(words.StartTask(self.lead(on)), by, on) is None

    def lead(self, on: str = "c1") -> TaskId:
        return [t.id for t in self.case(on).tasks if t.role == "lead"][-1]

    def wake(self, on: str = "c1") -> None:
        assert self.press(words.WakeUp(), SYSTEM, on) is None

    def deliver(self) -> None:
        """Hand over what cases owe each other."""
        while self.sent < len(self.errands):
            _, errand = self.errands[self.sent]
            self.sent += 1
            if isinstance(errand, Send):
                refused = self.press(errand.command, SYSTEM, errand.to)
                assert refused is None, "what is sent may arrive twice, but is never refused"

    def told(self) -> list[str]:
        """Who was told what, in order."""
        return [
            f"{e.report or e.agency or e.audience}: {e.template}"
            for _, e in self.errands
            if isinstance(e, Tell)
        ]

    def story(self) -> str:
        return "\n".join(self.log)


def _line(event: words.Event) -> str:
    name = type(event).__name__
    match event:
        case words.ClockStarted():
            return f"{name} {event.clock.key}, due {event.clock.due_at:%a %d %H:%M}"
        case words.ClockStopped():
            return f"{name} {event.key}, {'kept' if event.kept else 'not kept'}"
        case words.ClockPaused():
            return f"{name} {event.key} ({event.why})"
        case words.ClockMoved():
            moved = f"{event.was_due_at:%a %d %H:%M} -> {event.due_at:%a %d %H:%M}"
            return f"{name} {event.key}, {moved} ({event.why})"
        case words.ClockEscalated():
            return f"{name} {event.key} {event.percent} % -> {', '.join(event.tell) or 'nobody'}"
        case words.DeadlineMissed():
            return f"{name} {event.key}, due {event.due_at:%a %d %H:%M} -> {', '.join(event.tell)}"
        case words.CaseDispatched():
            sent = ", ".join(f"{t.agency} ({t.role})" for t in event.tasks)
            return f"{name} {sent} [{event.reason}]"
        case _:
            reason = getattr(event, "reason", "")
            return f"{name} [{reason}]" if reason else name
