"""What holds in every game: three roads to one state, silent refusals, honest clocks, four eyes."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kernel import towns
from tests.kernel.checkers import check_clocks, check_four_eyes
from tests.kernel.players import GAMES, POLICIES, WAITS, Move, bring_to_close, opened, play
from tests.kernel.towns import Town
from tocsin.kernel import coordination
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.draft import Draft
from tocsin.kernel.cases.evolve import fold
from tocsin.kernel.cases.lint import COMMON_REASONS
from tocsin.kernel.cases.machine import MACHINE
from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import SYSTEM, CaseId, Refused, ReportId, TaskId

SLOW = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def _play_all(policy: CasePolicy, game: list[Move]) -> Town:
    town = opened(policy)
    for number, move in enumerate(game):
        play(town, move, ("c1", "c1", "c1", "c2", "c3")[number % 5])
        town.deliver()
    return town


def _check(town: Town, name: str) -> None:
    case = town.case(name)
    check_clocks(town.journal[case.id], town.now, case.clocks)


@SLOW
@given(POLICIES, GAMES)
def test_three_roads_lead_to_one_state(policy: CasePolicy, game: list[Move]) -> None:
    town = _play_all(policy, game)
    replayed: dict[CaseId, Case] = {}
    for target, command in town.stamped:
        ids = coordination.involved(target, command.body)
        decision = coordination.decide(
            {id_: replayed.get(id_, Case(id_)) for id_ in ids}, target, command
        )
        assert not isinstance(decision, Refused)
        for case_id, events in decision.items():
            replayed[case_id] = fold(replayed.get(case_id, Case(case_id)), events)
    for case_id, case in town.cases.items():
        assert fold(Case(case_id), town.journal[case_id]) == case
        assert replayed[case_id] == case
        assert set(vars(case)) == {field.name for field in fields(Case)}


@SLOW
@given(POLICIES, GAMES)
def test_refusals_change_nothing_and_are_enumerated(policy: CasePolicy, game: list[Move]) -> None:
    town = opened(policy)
    for move in game:
        before, journal = dict(town.cases), {k: len(v) for k, v in town.journal.items()}
        body, refused = play(town, move)
        if refused is not None:
            assert town.cases == before
            assert {k: len(v) for k, v in town.journal.items()} == journal
            allowed = (*MACHINE.rules[type(body)].reasons, *COMMON_REASONS)
            assert refused.reason in allowed, f"{type(body).__name__}: {refused.reason}"


@SLOW
@given(POLICIES, GAMES)
def test_a_repeated_press_is_harmless(policy: CasePolicy, game: list[Move]) -> None:
    """The same button at the same instant by the same person changes nothing more; only notes
    add up."""
    town = opened(policy)
    for move in game:
        before = town.case()
        body, refused = play(town, move)
        if refused is None and not isinstance(body, words.AddNote):
            once = dict(town.cases)
            again, presses = town.stamped[-1], town.presses
            town.press(body, again[1].by)
            town.presses = presses
            assert town.cases == once, f"{type(body).__name__} from {before.status}"


@SLOW
@given(POLICIES, GAMES)
def test_every_open_case_can_still_be_closed(policy: CasePolicy, game: list[Move]) -> None:
    town = _play_all(policy, game)
    for name in ("c1", "c2", "c3"):
        if town.case(name).status not in ("refused", "void"):
            assert bring_to_close(town, name), town.story()


@SLOW
@given(POLICIES, GAMES)
def test_clocks_are_honest_after_every_command(policy: CasePolicy, game: list[Move]) -> None:
    town = opened(policy)
    for move in game:
        _, refused = play(town, move)
        if refused is None:
            _check(town, "c1")


@SLOW
@given(POLICIES, GAMES, st.lists(st.integers(0, 5), max_size=40))
def test_waking_more_often_changes_nothing(
    policy: CasePolicy, game: list[Move], wakes: list[int]
) -> None:
    """However late or often the timer comes, the same things happen at the same instants."""
    seldom, often = opened(policy), opened(policy)
    for number, move in enumerate(game):
        _wake_before(often, move, wakes[number] if number < len(wakes) else 0)
        assert play(seldom, move)[1] == play(often, move)[1]
    for town in (seldom, often):
        town.wait(days=30)
        town.wake()
        _check(town, "c1")
    assert seldom.case() == often.case()
    for kind in (words.DeadlineMissed, words.ClockEscalated, words.ClockStopped):
        told = [e for e in seldom.journal[CaseId("c1")] if isinstance(e, kind)]
        assert told == [e for e in often.journal[CaseId("c1")] if isinstance(e, kind)]


def _wake_before(town: Town, move: Move, times: int) -> None:
    """Wake at the very instants the board names, as a punctual timer does."""
    until = town.now + WAITS[move[3]]
    start = town.now
    for _ in range(times):
        wake_at = min((c.next_at for c in town.case().clocks if c.next_at), default=None)
        if wake_at is None or wake_at > until:
            break
        town.now = max(town.now, wake_at)
        town.wake()
    town.now = start


@SLOW
@given(POLICIES, GAMES)
def test_four_eyes_are_never_bypassed(policy: CasePolicy, game: list[Move]) -> None:
    town = _play_all(policy, game)
    for journal in town.journal.values():
        check_four_eyes(journal)


def test_a_triage_does_not_repeat_a_rung() -> None:
    """From one ladder to a second to a third: what has spoken stays silent."""
    town = Town()
    town.open()
    town.to_work()
    town.wait(days=2, hours=10)
    town.wake()  # 50 % of the handling clock
    ladders = {"sparse": (75, 100), "dense": (50, 75, 100)}
    for name, percents in ladders.items():
        rungs = tuple(towns.Rung(percent, ("agency",)) for percent in percents)
        clocks = tuple(replace(c, ladder=rungs) for c in towns.STREET_LIGHT.clocks)
        towns.POLICIES[name] = replace(towns.STREET_LIGHT, case_type=name, clocks=clocks)
    try:
        for name in ladders:
            assert town.press(words.TriageCase(name, "routine", 3, "looked")) is None
        town.wait(days=1)
        town.wake()
    finally:
        for name in ladders:
            del towns.POLICIES[name]
    told = [
        event.percent
        for event in town.journal[CaseId("c1")]
        if isinstance(event, words.ClockEscalated) and event.key == "handle"
    ]
    assert told == [50, 75]


# -- planted bugs: the same checkers find them -----------------------------------------


def _one_person_game() -> Town:
    town = Town()
    town.open()
    town.to_work()
    town.press(words.ClaimTaskDone(town.lead()), towns.HANDLER)
    town.press(words.VerifyCase("done"), towns.HANDLER)
    return town


def test_a_machine_without_four_eyes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    check_four_eyes(_one_person_game().journal[CaseId("c1")])
    blind = replace(MACHINE.rules[words.VerifyCase], unlike=())
    monkeypatch.setitem(MACHINE.rules, words.VerifyCase, blind)
    with pytest.raises(AssertionError, match="claimed and verified"):
        check_four_eyes(_one_person_game().journal[CaseId("c1")])


def _late_journal() -> tuple[Town, list[words.Event]]:
    town = Town()
    town.open()
    town.wait(hours=30)
    town.wake()
    town.press(words.AcceptCase())
    return town, town.journal[CaseId("c1")]


def test_a_miss_that_is_told_twice_or_never_is_found() -> None:
    town, journal = _late_journal()
    check_clocks(journal, town.now, town.case().clocks)
    miss = next(e for e in journal if isinstance(e, words.DeadlineMissed))
    twice = [e for event in journal for e in ([event, event] if event is miss else [event])]
    never = [event for event in journal if event is not miss]
    for wrong, found in ((twice, "escalated twice"), (never, "kept and missed")):
        with pytest.raises(AssertionError, match=found):
            check_clocks(wrong, town.now, town.case().clocks)


def test_a_decision_that_does_not_catch_up_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def late() -> Town:
        town = Town()
        town.open()
        town.wait(hours=30)
        town.press(words.AcceptCase())
        return town

    town = late()
    check_clocks(town.journal[CaseId("c1")], town.now, town.case().clocks)
    monkeypatch.setattr(Draft, "catch_up", lambda *_, **__: None)
    town = late()
    with pytest.raises(AssertionError, match="late but kept"):
        check_clocks(town.journal[CaseId("c1")], town.now, town.case().clocks)


def test_a_pause_that_forgets_another_pause_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold and a question at once: the end of one must not start the clocks."""

    def paused_twice() -> tuple[Town, bool]:
        town = Town()
        town.open()
        town.to_work()
        town.press(words.AskReporter(ReportId("c1-r1"), towns.ref("q")), towns.HANDLER)
        until = town.now + towns.timedelta(days=2)
        town.press(words.RequestHold("weather", until), towns.HANDLER)
        town.press(words.DecideHold(True, "seen"), towns.SUPERVISOR)
        town.press(words.AnswerQuestion(towns.ref("a")), towns.REPORTER)
        handle = next(clock for clock in town.case().clocks if clock.name == "handle")
        return town, handle.paused_at is not None

    assert paused_twice()[1]
    monkeypatch.setattr(Draft, "is_paused", False)
    assert not paused_twice()[1]


def test_a_case_that_cannot_be_closed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    town = opened(towns.STREET_LIGHT)
    assert bring_to_close(town, "c1")
    shut = replace(MACHINE.rules[words.VerifyCase], sources=())
    monkeypatch.setitem(MACHINE.rules, words.VerifyCase, shut)
    assert not bring_to_close(town, "c2")


def test_waking_at_the_command_instead_of_the_milestone_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If a hold ended when the timer happens to come, a late timer would move the promise."""

    def promise(wakes: int) -> object:
        town = Town()
        town.open()
        town.to_work()
        until = town.now + towns.timedelta(days=1)
        town.press(words.RequestHold("weather", until), towns.HANDLER)
        town.press(words.DecideHold(True, "seen"), towns.SUPERVISOR)
        for _ in range(wakes):
            town.wait(days=4 / wakes)
            town.wake()
        return town.case().promised_at

    assert promise(1) == promise(4)
    honest = Draft.catch_up
    monkeypatch.setattr(
        Draft, "catch_up", lambda self, until, late=False: honest(self, until, late=True)
    )
    assert promise(1) != promise(4)


def test_a_deadline_that_moves_silently_is_found() -> None:
    town = Town()
    town.open()
    town.press(words.AcceptCase())
    (close, file) = town.case().clocks
    later = replace(close, due_at=close.due_at + towns.timedelta(days=1))
    with pytest.raises(AssertionError, match="another promise"):
        check_clocks(town.journal[CaseId("c1")], town.now, (later, file))


def test_ids_of_strangers_are_refused() -> None:
    town = Town()
    town.open()
    town.to_work()
    for body, reason in (
        (words.StartTask(TaskId("x")), "unknown_task"),
        (words.AskReporter(ReportId("x"), towns.ref("q")), "unknown_report"),
        (words.AnswerUrge("x", towns.ref("a")), "not_found"),
        (words.MergeCase(CaseId("x"), 1.0, ()), "not_found"),
        (words.RecordChild(CaseId("x"), False), "not_found"),
    ):
        refused = town.press(body)
        assert refused is not None and refused.reason == reason
    nobody = town.press(words.WakeUp(), SYSTEM, "nobody")
    assert nobody is not None and nobody.reason == "not_found"
