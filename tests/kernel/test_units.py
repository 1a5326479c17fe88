"""One unit with its cases: whatever is pressed, three roads lead to one state."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from tests.kernel.towns import AMBULANCE, FIRE, FIRE_ALARM, MONDAY, PLACE, REPORTER, staff
from tocsin.kernel import coordination
from tocsin.kernel.cases import evolve as case_evolve
from tocsin.kernel.cases.state import Case, Task
from tocsin.kernel.coordination import JointDecision, JointFacts
from tocsin.kernel.shared import SYSTEM, Actor, AreaId, CaseId, Refused, Stamped, TaskId, UnitId
from tocsin.kernel.units import machine
from tocsin.kernel.units import vocabulary as words
from tocsin.kernel.units.evolve import EVOLVERS, evolve, fold
from tocsin.kernel.units.react import UNIT_TEMPLATES, react
from tocsin.kernel.units.state import ON_CASE, Unit, UnitFacts, UnitKind, UnitStatus

E36 = UnitId("e36")
KINDS = (UnitKind("engine", "road", ("fire",)), UnitKind("drone", "straight", (), 1_800))
FACTS = UnitFacts(KINDS, (("rolling", "en_route"), ("hospital", "transporting")))
CREW = staff("fiona", "agency_handler", agency=FIRE)
MEDIC = staff("paul", "agency_handler", agency=AMBULANCE)
DISPATCHER = staff("dora", "dispatcher")
ADD = words.AddUnit(
    "E36", FIRE, (AreaId("town-1"), AreaId("county")), "engine", PLACE, (), 4, "day"
)
CASES = tuple(CaseId(name) for name in ("c1", "c2", "c3", "c4"))


def case_at_work(case_id: CaseId) -> Case:
    task = Task(TaskId(f"{case_id}-0"), FIRE, "lead", "dispatched", MONDAY)
    return Case(
        case_id,
        "dispatched",
        FIRE_ALARM.case_type,
        "1",
        "emergency",
        1,
        place=PLACE,
        opened_at=MONDAY,
        tasks=(task,),
        lead=FIRE,
    )


class Station:
    """One unit and four cases at work; keeps what happened, as the store would."""

    def __init__(self) -> None:
        self.at = MONDAY
        self.unit = Unit(E36)
        self.cases = {each: case_at_work(each) for each in CASES}
        self.journal: list[words.Event] = []
        self.case_journal: dict[CaseId, list[Any]] = {each: [] for each in CASES}
        self.stamped: list[Stamped[words.Command, JointFacts]] = []

    def press(self, body: words.Command, by: Actor = DISPATCHER) -> Refused | None:
        self.at += timedelta(seconds=30)
        facts = JointFacts(FACTS, tuple((each, FIRE_ALARM) for each in self.cases))
        return self.again(Stamped(body, self.at, by, f"n{len(self.stamped)}", facts))

    def again(self, stamped: Stamped[words.Command, JointFacts]) -> Refused | None:
        self.stamped.append(stamped)
        wanted = coordination.cases_of(self.unit, stamped.body)
        cases = {each: self.cases.get(each) or Case(each) for each in wanted}
        decision = coordination.decide_unit(self.unit, cases, stamped)
        if isinstance(decision, Refused):
            return decision
        self.take(decision)
        return None

    def take(self, decision: JointDecision) -> None:
        for event in decision.unit:
            self.unit = evolve(self.unit, event)
            self.journal.append(event)
        for case_id, events in decision.cases.items():
            for event in events:
                self.cases[case_id] = case_evolve.evolve(self.cases[case_id], event)
                self.case_journal[case_id].append(event)

    def ready(self) -> Station:
        assert self.press(ADD) is None
        assert self.press(words.StartDuty(), CREW) is None
        return self


Game = list[tuple[words.Command, Actor]]
COMMANDS: st.SearchStrategy[words.Command] = st.one_of(
    st.just(ADD),
    st.builds(words.ChangeUnit, st.just("E7"), st.just((AreaId("county"),)), st.just("drone")),
    st.builds(words.StartDuty, st.none() | st.integers(-1, 70), st.none() | st.just("night")),
    st.builds(words.EndDuty, st.just("shift_over")),
    st.builds(words.RevokeAlerts, st.just("signed_out")),
    st.builds(
        words.ReportStatus,
        st.sampled_from((*get_args(UnitStatus), "rolling", "hospital", "asleep")),
        st.none() | st.sampled_from(CASES),
    ),
    st.builds(words.SendUnit, st.sampled_from(CASES), st.just("nearest")),
    st.builds(words.StackUnit, st.sampled_from(CASES), st.just("on_its_way")),
    st.builds(words.RecallUnit, st.sampled_from((*CASES, CaseId("ghost"))), st.just("not_needed")),
    st.builds(
        words.RedispatchUnit,
        st.sampled_from(CASES),
        st.sampled_from((*CASES, CaseId("ghost"))),
        st.just("more_urgent"),
        st.none() | st.sampled_from((10.0, 60.0, 61.0)),
    ),
    st.builds(
        words.MoveUnit,
        st.sampled_from((PLACE, replace(PLACE, lat=60.2))),
        st.sampled_from(("E7", " ")),
        st.just("cover"),
    ),
)
GAMES = st.lists(
    st.tuples(COMMANDS, st.sampled_from((DISPATCHER, CREW, MEDIC, SYSTEM, REPORTER))),
    max_size=25,
)
PLENTY = settings(deadline=None, max_examples=300, derandomize=True)


def test_the_tables_are_sound() -> None:
    assert machine.lint() == []


def test_the_lint_finds_planted_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(machine.MOVES, "on_scene", ("clear",))
    assert machine.lint() == ["unreachable: nothing leads to transporting"]
    monkeypatch.setitem(
        machine.RULES, words.EndDuty, replace(machine.RULES[words.EndDuty], sources=())
    )
    assert any("dead end" in each for each in machine.lint())


def test_every_event_has_its_step_and_evolver() -> None:
    events = set(get_args(words.Event))
    assert set(EVOLVERS) == set(machine.STEPS) == events
    assert set(machine.RULES) == set(get_args(words.Command))


@PLENTY
@given(GAMES)
def test_run_fold_and_replay_agree(game: Game) -> None:
    station = Station()
    for body, by in game:
        before, cases = station.unit, dict(station.cases)
        refused = station.press(body, by)
        if refused is not None:
            assert refused.reason in (*words.REASONS, "case_unknown", "not_from_here")
            assert (station.unit, station.cases) == (before, cases)
    assert fold(Unit(E36), station.journal) == station.unit
    for case_id, events in station.case_journal.items():
        assert case_evolve.fold(case_at_work(case_id), events) == station.cases[case_id]
    replayed = Station()
    for stamped in tuple(station.stamped):
        replayed.again(stamped)
    assert (replayed.unit, replayed.cases) == (station.unit, station.cases)


def contradictions(unit: Unit, cases: dict[CaseId, Case]) -> list[str]:
    """What a unit and its cases say differently about it, or must never be."""
    found: list[str] = []
    if (unit.status in ON_CASE) != bool(unit.cases):
        found.append("status and cases")
    if [each.is_stacked for each in unit.cases] != [False, *[True] * 3][: len(unit.cases)]:
        found.append("on two cases without a stacking")
    if len({each.case for each in unit.cases}) != len(unit.cases):
        found.append("twice on a case")
    if not unit.is_on_duty and (unit.alerts_since or unit.cases or unit.duty_started_at):
        found.append("off duty with alerts or cases")
    if unit.move_up is not None and unit.status not in ("returning", "available"):
        found.append("moved up and not free")
    for case_id, case in cases.items():
        live = [each for each in case.units if each.released_at is None]
        here = [each for each in unit.cases if each.case == case_id]
        if len(live) != len(here):
            found.append(f"{case_id} does not know its units")
        for share, on in zip(live, here, strict=False):
            if share.status != ("stacked" if on.is_stacked else unit.status):
                found.append(f"{case_id} shows {share.status}")
    return found


@PLENTY
@given(GAMES)
def test_a_unit_and_its_cases_never_disagree(game: Game) -> None:
    station = Station().ready()
    for body, by in game:
        station.press(body, by)
        assert contradictions(station.unit, station.cases) == []


def test_planted_contradictions_are_found() -> None:
    station = Station().ready()
    assert station.press(words.SendUnit(CASES[0], "nearest")) is None
    sent = words.UnitDispatched(station.at, DISPATCHER.id, CASES[1], "by_mistake")
    assert contradictions(evolve(station.unit, sent), station.cases)
    assert contradictions(replace(station.unit, cases=()), station.cases)


@PLENTY
@given(GAMES)
def test_off_duty_is_always_in_reach_without_a_case(
    game: Game,
) -> None:
    station = Station().ready()
    for body, by in game:
        station.press(body, by)
    for on in station.unit.cases:
        assert station.press(words.RecallUnit(on.case, "shift_over")) is None
    assert station.press(words.EndDuty("shift_over")) is None
    assert station.unit.status == "off_duty"
    assert station.unit.alerts_since is None


@PLENTY
@given(GAMES)
def test_the_same_press_again_changes_nothing(game: Game) -> None:
    station = Station().ready()
    for body, by in game:
        if station.press(body, by) is None and not isinstance(
            body, words.AddUnit | words.StackUnit
        ):
            now = station.unit
            station.press(body, by)
            assert replace(station.unit, alerts_since=None) == replace(now, alerts_since=None)


# -- a day's log


def told(station: Station) -> list[str]:
    """The journal of the unit as a duty officer would read it."""
    start = MONDAY
    return [
        f"{(event.at - start).seconds:4d} s {type(event).__name__} "
        + " ".join(
            str(getattr(event, name))
            for name in ("status", "called", "case", "reason")
            if getattr(event, name, None)
        )
        for event in station.journal
    ]


def test_a_unit_is_turned_once_in_one_step_and_not_at_the_door() -> None:
    station = Station().ready()
    turn = words.RedispatchUnit(CASES[0], CASES[1], "more_urgent", 61.0)

    def why(body: words.Command) -> str | None:
        refused = station.press(body)
        return refused.reason if refused is not None else None

    assert why(turn) == "unit_not_ready", "nobody is on the way"
    station.press(words.SendUnit(CASES[0], "nearest"))
    assert why(replace(turn, arrives_in_s=60.0)) == "almost_there"
    assert why(replace(turn, from_case=CASES[1], to_case=CASES[0])) is None, "it is there already"
    assert why(replace(turn, to_case=CaseId("ghost"))) == "case_unknown"
    assert why(replace(turn, to_case=CASES[0])) == "bad_value"
    before = len(station.journal)
    assert why(turn) is None and station.unit.case == CASES[1]
    assert [type(each) for each in station.journal[before:]] == [
        words.UnitRecalled,
        words.UnitDispatched,
    ]
    assert why(turn) is None and len(station.journal) == before + 2, "a repeat is harmless"
    shares = [(each.status, each.released_why) for each in station.cases[CASES[0]].units]
    assert shares == [("released", "redispatched")]
    station.press(words.RecallUnit(CASES[1], "not_needed"))
    station.press(words.SendUnit(CASES[0], "nearest"))
    assert why(replace(turn, arrives_in_s=None)) == "lost_a_unit_already"
    station.press(words.ReportStatus("on_scene"))
    assert why(turn) == "unit_on_case", "on scene nobody is turned"


def test_a_unit_that_moves_up_waits_there_until_it_is_sent() -> None:
    station = Station().ready()
    there = words.MoveUnit(replace(PLACE, lat=60.2), "E7", "cover")
    assert station.press(there) is None
    assert (station.unit.status, station.unit.is_free) == ("returning", True)
    before = len(station.journal)
    assert station.press(there) is None and len(station.journal) == before, "a repeat is harmless"
    assert station.press(words.ReportStatus("available"), CREW) is None
    assert station.unit.move_up is not None and station.unit.move_up.name == "E7"
    assert station.unit.post == PLACE, "its own post stays"
    assert station.press(words.SendUnit(CASES[0], "nearest")) is None
    assert station.unit.move_up is None
    refused = station.press(there)
    assert refused is not None and refused.reason == "unit_on_case", "it was sent meanwhile"
    station.press(words.ReportStatus("clear"), CREW)
    assert station.press(there) is None
    station.press(words.ReportStatus("available"), CREW)
    station.press(words.ReportStatus("returning"), CREW)
    assert station.unit.move_up is None, "it goes home"
    assert station.press(there) is None
    station.press(words.EndDuty("shift_over"), CREW)
    refused = station.press(there)
    assert refused is not None and refused.reason == "unit_not_ready"
    assert station.unit.move_up is None


def test_a_call_from_sent_to_clear_and_the_next_one() -> None:
    station = Station().ready()
    station.press(words.SendUnit(CASES[0], "nearest"))
    assert station.press(words.SendUnit(CASES[1], "nearest")) == Refused(
        "unit_on_case", "it is on c1: clear or recall it first"
    )
    station.press(words.ReportStatus("rolling"), CREW)
    station.press(words.StackUnit(CASES[1], "same_street"))
    station.press(words.ReportStatus("on_scene", CASES[0]), CREW)
    refused = station.press(words.EndDuty("shift_over"), CREW)
    assert refused is not None and refused.reason == "unit_on_case"
    station.press(words.ReportStatus("clear"), CREW)
    station.press(words.RecallUnit(CASES[1], "cancelled_by_caller"))
    station.press(words.ReportStatus("returning"), CREW)
    station.press(words.EndDuty("shift_over"), CREW)
    assert told(station) == snapshot(
        [
            "  30 s UnitAdded ",
            "  60 s DutyStarted ",
            "  90 s UnitDispatched c1 nearest",
            " 150 s StatusReported en_route rolling c1",
            " 180 s UnitStacked c2 same_street",
            " 210 s StatusReported on_scene c1",
            " 270 s UnitCleared c1",
            " 270 s UnitTurned c2",
            " 300 s UnitRecalled c2 cancelled_by_caller",
            " 330 s StatusReported returning",
            " 360 s AlertsRevoked shift_over",
            " 360 s DutyEnded shift_over",
        ]
    )
    first = station.cases[CASES[0]]
    assert (first.status, first.tasks[0].status) == ("in_work", "in_work")
    assert [
        (each.name, each.status, (each.on_scene_at or MONDAY) - MONDAY, each.released_why)
        for case in (first, station.cases[CASES[1]])
        for each in case.units
    ] == snapshot(
        [
            ("E36", "released", timedelta(seconds=210), "clear"),
            ("E36", "released", timedelta(), "cancelled_by_caller"),
        ]
    )


def test_a_unit_brings_its_agency_a_task() -> None:
    station = Station().ready()
    station.cases[CASES[0]] = replace(
        station.cases[CASES[0]], tasks=(replace(case_at_work(CASES[0]).tasks[0], agency=AMBULANCE),)
    )
    assert station.press(words.SendUnit(CASES[0], "nearest")) is None
    assert [task.agency for task in station.cases[CASES[0]].tasks] == [AMBULANCE, FIRE]
    assert station.cases[CASES[0]].units[0].task == station.cases[CASES[0]].tasks[1].id


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (None, "case_unknown"),
        (replace(case_at_work(CASES[0]), status="verified"), "not_from_here"),
        (replace(case_at_work(CASES[0]), status="filed"), "not_from_here"),
    ],
)
def test_a_case_that_is_not_at_work_gets_no_unit(case: Case | None, reason: str) -> None:
    station = Station().ready()
    if case is None:
        del station.cases[CASES[0]]
    else:
        station.cases[CASES[0]] = case
    refused = station.press(words.SendUnit(CASES[0], "nearest"))
    assert refused is not None and refused.reason == reason
    assert station.unit.status == "available"


def test_a_crew_of_another_agency_presses_no_button() -> None:
    station = Station().ready()
    refused = station.press(words.ReportStatus("out_of_service"), MEDIC)
    assert refused == Refused("not_your_unit", "this is for fire")


def test_a_case_that_ends_early_keeps_what_its_unit_still_says() -> None:
    station = Station().ready()
    station.press(words.SendUnit(CASES[0], "nearest"))
    station.cases[CASES[0]] = replace(station.cases[CASES[0]], status="void")
    assert station.press(words.ReportStatus("en_route"), CREW) is None
    assert station.press(words.ReportStatus("clear"), CREW) is None
    assert station.cases[CASES[0]].units[0].status == "released"
    assert station.cases[CASES[0]].tasks[0].status == "dispatched"


# -- alerts


def test_alerts_are_owed_only_to_a_crew_that_reads_them() -> None:
    station = Station().ready()
    sent = words.UnitDispatched(station.at, DISPATCHER.id, CASES[0], "nearest")
    after = evolve(station.unit, sent)
    assert [each.template for each in react(station.unit, sent, after)] == ["unit_sent"]
    assert react(station.unit, sent, replace(after, alerts_since=None)) == ()
    assert {"unit_sent", "unit_stacked", "unit_turned", "unit_recalled"} == set(UNIT_TEMPLATES)


def test_signing_out_on_a_running_case_revokes_alerts_until_someone_signs_on() -> None:
    station = Station().ready()
    station.press(words.SendUnit(CASES[0], "nearest"))
    station.press(words.RevokeAlerts("signed_out"), CREW)
    assert (station.unit.status, station.unit.alerts_since) == ("dispatched", None)
    station.press(words.StartDuty(crew_size=2), staff("finn", "agency_handler", agency=FIRE))
    assert (station.unit.status, station.unit.alerts_since) == ("dispatched", station.at)
    assert station.unit.crew_size == 2
