"""A very small town: makes orders as the engine would, with events written out by hand."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any

from msgspec.structs import replace

from tocsin.kernel.cases.state import Case, Clock, Report, Task
from tocsin.kernel.cases.vocabulary import (
    AcceptCase,
    AddNote,
    CancelTask,
    CaseAccepted,
    CaseDispatched,
    CaseMerged,
    CaseOpened,
    CaseRefused,
    ClockStarted,
    DuplicateAbsorbed,
    Event,
    MergeCase,
    NoteAdded,
    OpenCase,
    PublicationSet,
    PublishCase,
    RefuseCase,
    TaskCancelled,
)
from tocsin.kernel.deadlines import Allowance
from tocsin.kernel.shared import (
    Actor,
    ActorId,
    AgencyId,
    AreaId,
    AreaPath,
    CaseId,
    Instant,
    Place,
    Refused,
    ReportId,
    SealedRef,
    TaskId,
)
from tocsin.runtime.ports import Decision, Order, SealedValue

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
REPORTER = Actor(ActorId("reporter"), "reporter")
DISPATCHER = Actor(ActorId("staff-1"), "staff", ("dispatcher",))
AREAS = AreaPath(AreaId("county"), AreaId("town-1"), AreaId("village-1"), AreaId("cell-1"))
PLACE = Place(24.94, 60.17)
Plan = Callable[[Mapping[CaseId, Case]], Decision]


class Town:
    """Also a clock: time stands still until `wait`."""

    def __init__(self) -> None:
        self.at = START
        self._numbers = count(1)

    def now(self) -> Instant:
        return self.at

    def wait(self, seconds: float) -> Instant:
        self.at += timedelta(seconds=seconds)
        return self.at

    def new_id(self) -> CaseId:
        return CaseId(f"0196f3a0-c0de-7000-8000-{next(self._numbers):012d}")

    def opening(
        self,
        case_id: CaseId | None = None,
        *,
        words: str = "A lamp is out",
        contact: str = "+358 40 1234567",
        place: Place = PLACE,
        areas: AreaPath = AREAS,
        case_type: str = "lighting",
        profile: str = "routine",
        due_s: float | None = 86_400.0,
        agencies: Sequence[str] = (),
        **order: Any,
    ) -> Order:
        """An order that opens a case from one report with a description and a contact."""
        case_id = case_id or self.new_id()
        report_id = ReportId(f"r-{case_id}")
        at = self.at
        description, phone = SealedRef(f"d-{case_id}"), SealedRef(f"c-{case_id}")
        report = Report(
            report_id,
            at,
            "open311",
            description=description,
            contact=phone,
            answers=(("HOWMANY", ("3",)), ("COLOUR", ("red", "blue"))),
        )
        events: list[Event] = [
            CaseOpened(
                at,
                case_type,
                "county@1",
                profile,
                3,
                place,
                areas,
                "village",
                report,
                REPORTER.id,
            )
        ]
        if due_s is not None:
            events += [
                ClockStarted(at, clock(at, "accept", due_s / 10)),
                ClockStarted(at, clock(at, "close", due_s)),
            ]
        if agencies:
            tasks = tuple(
                Task(
                    TaskId(f"{case_id}-{n}"),
                    AgencyId(agency),
                    "assisting" if n else "lead",
                    "dispatched",
                    at,
                )
                for n, agency in enumerate(agencies)
            )
            events.append(CaseDispatched(at, ActorId("system"), "fast path", tasks))

        def plan(cases: Mapping[CaseId, Case]) -> Decision:
            if cases[case_id].status != "absent":
                return Refused("already_exists", "this id is taken")
            return {case_id: tuple(events)}

        made = Order(
            cases=(case_id,),
            target=case_id,
            command=OpenCase(report, place, areas, "village"),
            at=at,
            by=REPORTER,
            plan=plan,
            opens=True,
            sealed=(
                SealedValue(description, case_id, report_id, "description", words.encode()),
                SealedValue(phone, case_id, report_id, "contact", contact.encode()),
            ),
            receipts=((sha256(case_id.encode()).digest(), report_id),),
            answer={"case": case_id},
        )
        return replace(made, **order)

    def accepting(self, case_id: CaseId, **order: Any) -> Order:
        at = self.at
        event = CaseAccepted(at, DISPATCHER.id, "ours")

        def plan(cases: Mapping[CaseId, Case]) -> Decision:
            if cases[case_id].status == "accepted":
                return {case_id: ()}
            if cases[case_id].status != "received":
                return Refused("not_from_here", "from received only")
            return {case_id: (event,)}

        return self._order(case_id, AcceptCase(), plan, order)

    def refusing(self, case_id: CaseId, **order: Any) -> Order:
        event = CaseRefused(self.at, DISPATCHER.id, "abuse")
        return self._order(case_id, RefuseCase("abuse"), lambda _: {case_id: (event,)}, order)

    def cancelling(self, case_id: CaseId, agency: str, **order: Any) -> Order:
        at, by = self.at, DISPATCHER.id

        def plan(cases: Mapping[CaseId, Case]) -> Decision:
            (task,) = (task for task in cases[case_id].tasks if task.agency == agency)
            return {case_id: (TaskCancelled(at, by, task.id, "not needed"),)}

        return self._order(case_id, CancelTask(TaskId(agency), "not needed"), plan, order)

    def publishing(self, case_id: CaseId, **order: Any) -> Order:
        event = PublicationSet(self.at, DISPATCHER.id, True)
        return self._order(case_id, PublishCase(True), lambda _: {case_id: (event,)}, order)

    def noting(self, case_id: CaseId, words: str = "Seen", **order: Any) -> Order:
        ref = SealedRef(f"n-{next(self._numbers)}")
        event = NoteAdded(self.at, DISPATCHER.id, ref)
        value = SealedValue(ref, case_id, DISPATCHER.id, "note", words.encode())
        return self._order(
            case_id, AddNote(ref), lambda _: {case_id: (event,)}, {"sealed": (value,), **order}
        )

    def merging(self, into: CaseId, duplicate: CaseId, **order: Any) -> Order:
        at, by = self.at, DISPATCHER.id

        def plan(cases: Mapping[CaseId, Case]) -> Decision:
            if not (cases[into].is_open and cases[duplicate].is_open):
                return Refused("already_merged", "one of them is not open")
            return {
                into: (DuplicateAbsorbed(at, by, duplicate),),
                duplicate: (CaseMerged(at, by, into, 0.9, ("near",)),),
            }

        made = self._order(into, MergeCase(duplicate, 0.9, ("near",)), plan, order)
        return replace(made, cases=(into, duplicate))

    def _order(self, case_id: CaseId, command: Any, plan: Plan, more: Mapping[str, Any]) -> Order:
        made = Order((case_id,), case_id, command, self.at, DISPATCHER, plan)
        return replace(made, **more)


def clock(at: Instant, name: Any, due_s: float) -> Clock:
    due = at + timedelta(seconds=due_s)
    half = at + timedelta(seconds=due_s / 2)
    return Clock(name, name, at, due, Allowance("urgent_hours", 24), (50, 100), half)
